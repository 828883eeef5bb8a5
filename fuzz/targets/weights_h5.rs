//! The bytes of `.weights.h5`, in either layout, for a model that is there.
#![no_main]

use cornu::model::Model;
use cornu_fuzz::{allow_caught_panics, file};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local!(static MODEL: RefCell<Model> = RefCell::new(cornu_fuzz::model()));

fuzz_target!(init: allow_caught_panics(), |data: &[u8]| {
    let path = file("w.weights.h5", data);
    let _ = Model::read_metadata(&path);
    MODEL.with_borrow_mut(|model| {
        let _ = model.load_weights(&path);
        let _ = model.load_weights_from(&path).by_name(true).skip_mismatch(true).run();
    });
});
