//! The configuration of a model, as JSON that stays JSON.
#![no_main]

use cornu::model::Model;
use cornu_fuzz::{json, use_model};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    json::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(model) = Model::from_json(text) {
        use_model(&model);
    }
});
