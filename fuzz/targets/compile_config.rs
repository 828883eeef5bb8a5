//! What a model was compiled with and what its training counted, in a `.keras` folder whose model and
//! weights are whole: `{"compile_config": …, "state": …}`.
#![no_main]

use cornu_fuzz::{file, folder, json};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;
use std::fs;
use std::sync::LazyLock;

static CONFIG: LazyLock<Value> = LazyLock::new(|| {
    fs::create_dir_all(folder().join("assets/cornu")).expect("a folder can be made");
    let mut model = cornu_fuzz::model();
    model.compile("adam", "mse").build().expect("it compiles");
    let path = folder().join("whole.keras");
    model.save(&path).expect("it can be saved");
    let weights = folder().join("model.weights.h5");
    model.save_weights(&weights).expect("they can be saved");
    fs::remove_file(path).expect("it is there");
    serde_json::from_str(&model.to_json().expect("it has one")).expect("it is JSON")
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    json::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Ok(given) = serde_json::from_slice::<Value>(data) else { return };
    let mut config = CONFIG.clone();
    config["compile_config"] = given["compile_config"].clone();
    file("config.json", config.to_string().as_bytes());
    file("assets/cornu/state.json", given["state"].to_string().as_bytes());
    if let Ok(model) = cornu::load_model(folder()) {
        let _ = model.summary();
        let _ = model.learning_rate();
    }
});
