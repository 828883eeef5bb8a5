//! The configuration of a model, as JSON that stays JSON: in a `.keras` folder whose weights are of
//! another model, and, if no number in it is large, on its own.
#![no_main]

use cornu::model::Model;
use cornu_fuzz::{file, folder, json, use_model};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use std::sync::LazyLock;

/// With new weights a model takes the memory that its configuration asks for, as it should.
const SMALL: f64 = 32.0;

/// The weights of the folder.
static WEIGHTS: LazyLock<()> = LazyLock::new(|| {
    let weights = folder().join("model.weights.h5");
    cornu_fuzz::model().save_weights(weights).expect("they can be saved");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    json::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    LazyLock::force(&WEIGHTS);
    file("config.json", data);
    let _ = cornu::load_model(folder());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if json::largest(text) <= SMALL
        && let Ok(model) = Model::from_json(text)
    {
        use_model(&model);
    }
});
