//! The ways of building a model that the document keras-sequential-merge-functional-siamese-python
//! shows: a chain, two branches that are merged, and the functional API. Trained on random numbers, as
//! there.
//!
//! ```sh
//! cargo run --release -p cornu --example two_branch
//! ```

use cornu::layers::{Add, Average, Multiply};
use cornu::prelude::*;
use cornu::random::Philox;

fn main() -> Result<()> {
    let epochs = 10;

    // A single-input model with 2 classes (binary).
    let mut model = Sequential::new();
    model.push(Input::new([784]));
    model.push(Dense::new(1).activation("sigmoid"));
    model.compile("rmsprop", "binary_crossentropy").metrics(["accuracy"]).build()?;

    let mut random = Philox::new(1);
    let data = uniform(&mut random, 1000)?;
    let labels = Array::new([1000, 1], classes(&mut random, 2))?;
    model.fit(&data, &labels).epochs(epochs).batch_size(32).run()?;
    model.summary().print();

    // A multi-input model with 10 classes: two branches, merged.
    let left_branch = Sequential::new().add(Input::new([784])).add(Dense::new(32));
    let right_branch = Sequential::new().add(Input::new([784])).add(Dense::new(32));
    let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    let merged = Concatenate::new().call([left_branch.call(&left), right_branch.call(&right)]);
    let output = Dense::new(10).activation("softmax").call(&merged);
    let mut model = Model::new([&left, &right], &output)?;
    model.compile("rmsprop", "categorical_crossentropy").metrics(["accuracy"]).build()?;

    let (data_1, data_2) = (uniform(&mut random, 1000)?, uniform(&mut random, 1000)?);
    // Integers between 0 and 9 become a binary matrix of shape (1000, 10).
    let labels = utils::to_categorical(&Array::new([1000], classes(&mut random, 10))?, 10)?;
    model.fit([&data_1, &data_2], &labels).epochs(epochs).batch_size(32).run()?;
    model.summary().print();

    // The other modes of the document's `Merge`: sum, mul, ave, dot, cos, and a function.
    let (a, b) = (left_branch.call(&left), right_branch.call(&right));
    let modes = [
        ("sum", Add::new().call([&a, &b])),
        ("mul", Multiply::new().call([&a, &b])),
        ("ave", Average::new().call([&a, &b])),
        ("dot", Dot::new(1).call([&a, &b])),
        ("cos", Dot::new(1).normalize(true).call([&a, &b])),
        ("function", Lambda::new(|x| &x[0] - &x[1]).call([&a, &b])),
    ];
    for (mode, merged) in &modes {
        println!("{mode:>8}: {}", merged.shape());
    }

    // The functional API: a layer is called on a tensor, and returns a tensor.
    let inputs = Input::tensor([784]);
    let x = Dense::new(64).activation("relu").call(&inputs);
    let x = Dense::new(64).activation("relu").call(&x);
    let predictions = Dense::new(10).activation("softmax").call(&x);
    let mut model = Model::new(&inputs, &predictions)?;
    model.compile("rmsprop", "categorical_crossentropy").metrics(["accuracy"]).build()?;
    model.fit(&data_1, &labels).run()?;

    // All models are callable, just like layers: with their weights.
    let x = Input::tensor([784]);
    let y = model.call(&x);
    println!("called again: {}", y.shape());

    // Several outputs, each with a loss, a weight and figures of its own.
    let shared = Dense::new(32).activation("relu").call(&x);
    let digit = Dense::new(10).activation("softmax").name("digit").call(&shared);
    let even = Dense::new(1).activation("sigmoid").name("even").call(&shared);
    let mut model = Model::new(&x, [&digit, &even])?;
    model
        .compile("adam", "categorical_crossentropy")
        .loss("binary_crossentropy")
        .loss_weights([1.0, 0.2])
        .metric_of(0, "accuracy")
        .metric_of(1, "accuracy")
        .build()?;
    let coins = Array::new([1000, 1], classes(&mut random, 2))?;
    let history = model.fit(&data_1, [&labels, &coins]).run()?;
    println!("{}", history.to_csv());
    Ok(())
}

/// Dummy data: as many rows of 784 numbers in 0..1.
fn uniform(random: &mut Philox, rows: usize) -> Result<Array> {
    Array::new([rows, 784], (0..rows * 784).map(|_| random.uniform() as f32).collect())
}

/// Dummy labels: 1000 numbers from 0 to below `n`.
fn classes(random: &mut Philox, n: usize) -> Vec<i32> {
    (0..1000).map(|_| random.below(n) as i32).collect()
}
