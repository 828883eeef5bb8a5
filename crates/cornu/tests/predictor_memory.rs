//! A prediction of a predictor allocates nothing: counted by the allocator itself.
//!
//! This is a program of its own (`harness = false`): the threads of the test harness allocate.

use cap::Cap;
use cornu::prelude::*;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> Result<()> {
    for threads in [1, 2] {
        utils::set_threads(threads)?;
        let model = Sequential::new()
            .add(Input::new([784]))
            .add(Dense::new(256).activation("relu"))
            .add(Dropout::new(0.2))
            .add(Dense::new(10).activation("softmax"));
        // The last is done in strips.
        for batch_size in [1, 64, 2000] {
            let mut predictor = model.predictor(batch_size)?;
            let samples = vec![0.5f32; batch_size * 784];
            predictor.run(&samples)?;
            // The model's weights may be shared: whoever predicts only reads them.
            let _weights = model.get_weights();
            let before = ALLOCATOR.total_allocated();
            for _ in 0..5 {
                let sum: f32 = predictor.run(&samples)?.iter().sum();
                assert!((sum - batch_size as f32).abs() < 1e-3 * batch_size as f32);
            }
            let bytes = ALLOCATOR.total_allocated() - before;
            assert_eq!(bytes, 0, "{threads} threads, batches of {batch_size}");
        }
    }
    println!("a prediction allocates nothing");
    Ok(())
}
