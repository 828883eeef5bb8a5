//! The bytes of Keras's older format of whole models.
#![no_main]

use cornu_fuzz::{allow_caught_panics, file, use_model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: allow_caught_panics(), |data: &[u8]| {
    if let Ok(model) = cornu::load_model(file("model.h5", data)) {
        use_model(&model);
    }
});
