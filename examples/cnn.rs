//! MNIST digits recognition with a convolutional network: the program of the document cnn-R.
//!
//! ```sh
//! cargo run --release -p cornu --example cnn          # all images: some minutes
//! cargo run --release -p cornu --example cnn 2000 1   # 2000 images, one epoch: a quick look
//! ```

use cornu::optimizers::Adadelta;
use cornu::prelude::*;

fn main() -> Result<()> {
    // Training parameters.
    let batch_size = 128;
    let num_classes = 10;
    let samples = argument(1, 60_000).min(60_000);
    let epochs = argument(2, 12);

    // The images, 28x28 with one channel, as numbers in 0..1: scaled as they are used.
    let mnist = datasets::mnist()?;
    let x_train = mnist.train.scaled().select(0..samples)?;
    let x_test = mnist.test.scaled();

    // Class vectors become binary class matrices.
    let y_train = ops::one_hot(&mnist.train.labels.slice_rows(0, samples)?, num_classes).eval()?;
    let y_test = ops::one_hot(&mnist.test.labels, num_classes).eval()?;

    // The network's architecture.
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Conv2D::new(64, (3, 3)).activation("relu"))
        .add(Conv2D::new(128, (3, 3)).activation("relu"))
        .add(MaxPooling2D::new((2, 2)))
        .add(Dropout::new(0.25))
        .add(Flatten::new())
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.25))
        .add(Dense::new(num_classes).activation("softmax"));

    // In the document's Keras, Adadelta's default learning rate was 1. Today's is 0.001.
    model.compile(Adadelta::new(1.0), "categorical_crossentropy").metrics(["accuracy"]).build()?;
    model.summary().print();

    let history = model
        .fit(&x_train, &y_train)
        .batch_size(batch_size)
        .epochs(epochs)
        .validation_split(0.2)
        .run()?;
    history.plot("target/cnn-history.svg")?;

    let scores = model.evaluate(&x_test, &y_test).verbose(1).run()?;
    println!("Loss: {:.6}", scores["loss"]);
    println!("Accuracy: {:.6}", scores["accuracy"]);
    Ok(())
}

/// A number from the command line.
fn argument(place: usize, otherwise: usize) -> usize {
    std::env::args().nth(place).and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}
