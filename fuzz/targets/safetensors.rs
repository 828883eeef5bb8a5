//! The bytes of `.safetensors`.
#![no_main]

use cornu::model::Model;
use cornu_fuzz::file;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local!(static MODEL: RefCell<Model> = RefCell::new(cornu_fuzz::model()));

fuzz_target!(|data: &[u8]| {
    let path = file("w.safetensors", data);
    let _ = Model::read_metadata(&path);
    MODEL.with_borrow_mut(|model| {
        let _ = model.load_weights(&path);
        let _ = model.load_weights_from(&path).skip_mismatch(true).run();
    });
});
