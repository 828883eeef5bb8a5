//! A multi-layer perceptron on MNIST: the program of the document
//! keras-sequential-merge-functional-siamese-python.
//!
//! ```sh
//! cargo run --release -p cornu --example mlp          # all images
//! cargo run --release -p cornu --example mlp 2000     # the first 2000: a quick look
//! ```

use cornu::prelude::*;

const BATCH_SIZE: usize = 128;
const CLASSES: usize = 10;
const EPOCHS: usize = 10;

fn main() -> Result<()> {
    utils::set_random_seed(1337); // for reproducibility

    // The data, split between training and test sets. They stay bytes; each step scales its batch.
    let mnist = datasets::mnist()?;
    let samples = samples(mnist.train.len());
    let x_train = mnist.train.flat().select(0..samples)?;
    let x_test = mnist.test.flat();
    println!("{} train samples", x_train.len());
    println!("{} test samples", x_test.len());

    // Class numbers to one-hot rows (np_utils.to_categorical).
    let y_train = ops::one_hot(&mnist.train.labels.slice_rows(0, samples)?, CLASSES).eval()?;
    let y_test = ops::one_hot(&mnist.test.labels, CLASSES).eval()?;

    let mut model = Sequential::new();
    model.push(Input::new([784]));
    model.push(Dense::new(512));
    model.push(Activation::new("relu"));
    model.push(Dropout::new(0.2));
    model.push(Dense::new(512));
    model.push(Activation::new("relu"));
    model.push(Dropout::new(0.2));
    model.push(Dense::new(CLASSES));
    model.push(Activation::new("softmax"));

    model.summary().print();

    model.compile(RMSprop::default(), "categorical_crossentropy").metrics(["accuracy"]).build()?;

    model
        .fit(&x_train, &y_train)
        .batch_size(BATCH_SIZE)
        .epochs(EPOCHS) // nb_epoch
        .validation_data(&x_test, &y_test)
        .run()?;

    let score = model.evaluate(&x_test, &y_test).verbose(0).run()?;
    println!("\nTest score: {}", score["loss"]);
    println!("Test accuracy: {}", score["accuracy"]);
    Ok(())
}

/// How many images to train on: the first argument, or all.
fn samples(all: usize) -> usize {
    let asked = std::env::args().nth(1).and_then(|n| n.parse().ok());
    asked.map_or(all, |n: usize| n.min(all))
}
