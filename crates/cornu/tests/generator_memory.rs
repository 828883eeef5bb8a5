//! A generator of far more data than there is memory. Alone in its file: the limit is the whole
//! program's.

use cap::Cap;
use cornu::data::IntoGenerator;
use cornu::prelude::*;
use std::alloc::System;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes of the inputs of a batch.
const BATCH: usize = 4 << 20;
/// Trains on so many batches and checks that memory holds a few of them at most.
fn train(steps: usize) {
    let (rows, width) = (BATCH / 4 / 1024, 1024);
    let mut model: Model = Sequential::new().add(Input::new([width])).add(Dense::new(1)).into();
    model.compile(SGD::new(0.0), "mse").build().unwrap();
    let mut number = 0;
    let next = || -> Result<_> {
        number += 1;
        let x = Array::new([rows, width], vec![number as f32 / 1e3; rows * width])?;
        Ok((x, Array::zeros([rows, 1], DType::F32)))
    };
    let before = MEMORY.allocated();
    // Those that wait, one that is made, one that is used, and the program.
    MEMORY.set_limit(before + 9 * BATCH).unwrap();
    let generator = next.into_generator().max_queue_size(4);
    let fit = model.fit_generator(generator).steps_per_epoch(steps / 2).epochs(2).verbose(0);
    let history = fit.run().unwrap();
    MEMORY.set_limit(usize::MAX).unwrap();
    assert_eq!((number, history.epochs.len()), (steps, 2));
    let left = MEMORY.allocated().saturating_sub(before);
    assert!(left < 2 * BATCH, "{left} bytes are left behind");
}

#[test]
fn two_gigabytes_of_batches_are_trained_on_in_the_memory_of_a_few() {
    train((2 << 30) / BATCH);
}

#[test]
#[ignore = "takes a minute, and changes the limit of the test beside it"]
fn a_hundred_gigabytes() {
    train((100 << 30) / BATCH);
}
