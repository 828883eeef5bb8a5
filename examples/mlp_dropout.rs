//! Generators, callbacks and TensorBoard: the program of the document
//! generators-callbacks-tensorboard-R.
//!
//! ```sh
//! cargo run --release -p cornu --example mlp_dropout        # 500 steps an epoch
//! cargo run --release -p cornu --example mlp_dropout 10 2   # 10 steps, 2 epochs: a quick look
//! tensorboard --logdir target/tensorboard
//! ```

use cornu::callbacks::{CSVLogger, EarlyStopping, TensorBoard};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::random::Philox;

fn main() -> Result<()> {
    let mnist = datasets::mnist()?;

    // Define the computational graph.
    let mut model = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(256).activation("relu"))
        .add(Dropout::new(0.4))
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation("softmax"));

    model.compile(RMSprop::default(), "categorical_crossentropy").metrics(["accuracy"]).build()?;

    // The whole test set is one validation batch.
    let valid_set = sampling_generator(&mnist.test, mnist.test.len(), 2)()?;

    let history = model
        .fit_generator(sampling_generator(&mnist.train, 128, 1))
        .steps_per_epoch(argument(1, 500))
        .epochs(argument(2, 50))
        .validation_data(valid_set.x, valid_set.y)
        // Record the training history in a CSV file.
        .callback(CSVLogger::new("target/mnist.csv"))
        // Stop early if the validation loss has not improved for 5 epochs.
        .callback(EarlyStopping::default().patience(5))
        // The log folder for TensorBoard.
        .callback(TensorBoard::new("target/tensorboard/mnist"))
        .run()?;

    println!("stopped after epoch {}", history.epochs.len());
    Ok(())
}

/// Samples batches: images as rows of numbers in 0..1, labels one-hot encoded.
fn sampling_generator(
    set: &LabelledImages,
    batch_size: usize,
    seed: u64,
) -> impl FnMut() -> Result<Batch> + use<> {
    let (x, y) = (set.flat(), set.labels.clone());
    let mut random = Philox::new(seed);
    move || {
        // Sample a batch; it is rescaled and copied when the training needs it.
        let sample: Vec<usize> = (0..batch_size).map(|_| random.below(x.len())).collect();
        let y = utils::to_categorical(&y.take(&sample)?, 10)?;
        Ok(Batch::new(x.select(sample)?, y))
    }
}

/// A number from the command line.
fn argument(place: usize, otherwise: usize) -> usize {
    std::env::args().nth(place).and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}
