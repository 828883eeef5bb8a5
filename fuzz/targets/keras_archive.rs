//! The bytes of a `.keras` archive.
#![no_main]

use cornu::model::Model;
use cornu_fuzz::{allow_caught_panics, file, use_model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: allow_caught_panics(), |data: &[u8]| {
    let path = file("model.keras", data);
    let _ = Model::read_metadata(&path);
    if let Ok(model) = cornu::load_model(&path) {
        use_model(&model);
    }
});
