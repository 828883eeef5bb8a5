//! A siamese network on pairs of digits: the program of the document siamese-contrastive-python.
//!
//! ```sh
//! cargo run --release -p cornu --example siamese         # all images
//! cargo run --release -p cornu --example siamese 2000    # the first 2000: a quick look
//! ```

use cornu::prelude::*;
use cornu::similarity::Score;
use cornu::viz;

fn main() -> Result<()> {
    // 60,000 images of 28x28, as rows of 784 numbers between 0 and 1.
    let mnist = datasets::mnist()?;
    let samples = samples(mnist.train.len());
    let x_train = mnist.train.flat().select(0..samples)?;
    let x_test = mnist.test.flat();

    // For each image one of the same digit (label 0) and one of another (label 1). The pairs are
    // indexes into the images: nothing is copied.
    let label = PairLabel::OneIsDifferent;
    let train = Pairs::per_image(&x_train, &mnist.train.classes()[..samples], label, 1)?;
    let test = Pairs::per_image(&x_test, mnist.test.classes(), label, 2)?;
    println!("train pairs: {}, test pairs: {}", train.len(), test.len());

    // The inputs, for a pair of images.
    let (input1, input2) = (Input::tensor([784]), Input::tensor([784]));

    // The body of the siamese network.
    let network = Sequential::from_layers(layers![
        Input::new([784]),
        Dense::new(512).activation("relu"),
        Dense::new(256).activation("relu"),
        // The raw embeddings, no activation.
        Dense::new(128),
    ]);

    // The same network twice shares its weights.
    let (twin1, twin2) = (network.call(&input1), network.call(&input2));
    let distance = Lambda::new(euclidean_distance).call([&twin1, &twin2]);
    let mut model = Model::new([&input1, &input2], &distance)?;
    model.compile("adam", contrastive_loss).metrics(["binary_accuracy"]).build()?;
    model.summary().print();

    let history = model
        .fit(train.inputs(), train.labels())
        .validation_data(test.inputs(), test.labels())
        .batch_size(32)
        .epochs(5)
        .run()?;
    history.plot("target/siamese-history.svg")?;

    // Evaluation: pairs at a distance of at least 0.5 are judged different.
    let distances = model.predict(test.inputs()).run()?;
    viz::pair_gallery("target/siamese-pairs.svg", &test, &distances, Score::Distance, 0.5, 10)?;
    let right = distances.values().to_f64().into_iter().enumerate();
    let right = right.filter(|&(pair, d)| (d >= 0.5) != test.is_same(pair)).count();
    println!("Accuracy: {:.2}", right as f64 / test.len() as f64);

    // The part that makes the embeddings is the third layer. Alone, on two images of a 2 and one of
    // a 5:
    println!("{:?}", model.layers());
    let embedding_model = model.get_model_at(2)?; // or get_model(network.name())
    let digits = mnist.test.classes();
    let images_of = |digit| (0..digits.len()).filter(move |&i| digits[i] == digit);
    let twos: Vec<usize> = images_of(2).take(2).collect();
    let fives: Vec<usize> = images_of(5).take(1).collect();
    let embed = |image| embedding_model.predict(&x_test.select([image])?).run();
    let (a, b, c) = (embed(twos[0])?, embed(twos[1])?, embed(fives[0])?);
    println!("Distance of 2 and 2: {:.3}", distance_between(&a, &b)?);
    println!(
        "Distances of 2 and 5: {:.3}, {:.3}",
        distance_between(&a, &c)?,
        distance_between(&b, &c)?
    );
    Ok(())
}

fn euclidean_distance(twins: &[Tensor]) -> Tensor {
    ops::norm(&twins[0] - &twins[1], Axis::new(1).keepdims())
}

fn contrastive_loss(y: &Tensor, d: &Tensor) -> Tensor {
    let margin = 1.0;
    (1.0 - y) / 2.0 * d.square() + y / 2.0 * (margin - d).maximum(0.0).square()
}

/// The distance between two embeddings, computed at once.
fn distance_between(a: &Array, b: &Array) -> Result<f64> {
    ops::norm(Tensor::from(a) - Tensor::from(b), Axis::ALL).item()
}

/// How many images to train on: the first argument, or all.
fn samples(all: usize) -> usize {
    let asked = std::env::args().nth(1).and_then(|n| n.parse().ok());
    asked.map_or(all, |n: usize| n.min(all))
}
