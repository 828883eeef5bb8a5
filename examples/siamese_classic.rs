//! A siamese MLP on pairs of digits: the last program of the document
//! keras-sequential-merge-functional-siamese-python, after Hadsell et al. (2006).
//!
//! ```sh
//! cargo run --release -p cornu --example siamese_classic           # all images, 20 epochs
//! cargo run --release -p cornu --example siamese_classic 2000 1    # a quick look
//! ```

use cornu::prelude::*;

fn main() -> Result<()> {
    let mnist = datasets::mnist()?;
    let samples = argument(1, 60_000).min(60_000);
    let epochs = argument(2, 20);

    // Positive and negative pairs, alternately: indexes into the images.
    let x_train = mnist.train.flat().select(0..samples)?;
    let y_train = &mnist.train.classes()[..samples];
    let train = Pairs::alternating(&x_train, y_train, PairLabel::OneIsSame, 1)?;
    let test =
        Pairs::alternating(mnist.test.flat(), mnist.test.classes(), PairLabel::OneIsSame, 2)?;

    // The network definition: the same base network for both images, so with the same weights.
    let base_network = create_base_network();
    let (input_a, input_b) = (Input::tensor([784]), Input::tensor([784]));
    let processed = [base_network.call(&input_a), base_network.call(&input_b)];
    let distance = Lambda::new(euclidean_distance).call(processed);
    let mut model = Model::new([&input_a, &input_b], &distance)?;

    model.compile(RMSprop::default(), contrastive_loss).build()?;
    model
        .fit(train.inputs(), train.labels())
        .validation_data(test.inputs(), test.labels())
        .batch_size(128)
        .epochs(epochs)
        .run()?;

    for (name, pairs) in [("training", &train), ("test", &test)] {
        let distances = model.predict(pairs.inputs()).batch_size(128).run()?;
        let (precision, accuracy) = compute_accuracy(&distances, pairs);
        println!("* Accuracy on {name} set: {:.2}%", 100.0 * accuracy);
        println!("  (the document's measure, which is a precision: {:.2}%)", 100.0 * precision);
    }
    Ok(())
}

/// The base network to be shared (equivalent to feature extraction).
fn create_base_network() -> Sequential {
    Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(128).activation("relu"))
        .add(Dense::new(128).activation("relu"))
        .add(Dense::new(128).activation("relu"))
}

fn euclidean_distance(vectors: &[Tensor]) -> Tensor {
    ops::norm(&vectors[0] - &vectors[1], Axis::new(1).keepdims())
}

/// The contrastive loss from Hadsell et al. (2006): 1 is "same".
fn contrastive_loss(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    let margin = 1.0;
    y_true * y_pred.square() + (1.0 - y_true) * (margin - y_pred).maximum(0.0).square()
}

/// With a threshold of 0.5 on the distances: which part of the pairs that are judged the same is the
/// same (the document calls that accuracy), and which part of all pairs is judged rightly.
fn compute_accuracy(distances: &Array, pairs: &Pairs) -> (f64, f64) {
    let (mut accepted, mut same, mut right) = (0.0, 0.0, 0.0);
    for (pair, distance) in distances.values().to_f64().into_iter().enumerate() {
        let judged_same = distance < 0.5;
        accepted += f64::from(judged_same);
        same += f64::from(judged_same && pairs.is_same(pair));
        right += f64::from(judged_same == pairs.is_same(pair));
    }
    (same / accepted, right / pairs.len() as f64)
}

/// A number from the command line.
fn argument(place: usize, otherwise: usize) -> usize {
    std::env::args().nth(place).and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}
