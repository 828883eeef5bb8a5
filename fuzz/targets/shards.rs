//! The list of the files that weights are split over.
#![no_main]

use cornu::model::Model;
use cornu_fuzz::{file, folder, json};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use std::cell::RefCell;

thread_local!(static MODEL: RefCell<Model> = RefCell::new({
    let model = cornu_fuzz::model();
    for part in 0..3 {
        let part = folder().join(format!("file_conv_sharded_{part:05}.weights.h5"));
        model.save_weights(part).expect("they can be saved");
    }
    model
}));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    json::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    MODEL.with_borrow_mut(|model| {
        let _ = model.load_weights(file("w.weights.json", data));
    });
});
