//! A siamese network under the eyes of TensorBoard: figures, graph, histograms, images, texts,
//! hyperparameters, and its embeddings in the Projector.
//!
//! ```sh
//! cargo run --release -p cornu --example tensorboard          # writes to target/logs
//! tensorboard --logdir target/logs                            # shows http://localhost:6006
//! ```

use cornu::callbacks::TensorBoard;
use cornu::prelude::*;
use cornu::tensorboard::{Embeddings, Projector, Writer};
use std::path::PathBuf;

fn main() -> Result<()> {
    let logs = PathBuf::from(std::env::args().nth(1).unwrap_or("target/logs".to_owned()));
    utils::set_random_seed(1);
    let mnist = datasets::mnist()?;
    let (x_train, x_test) =
        (mnist.train.flat().select(0..4000)?, mnist.test.flat().select(0..1000)?);
    let (y_train, y_test) = (&mnist.train.classes()[..4000], &mnist.test.classes()[..1000]);
    let train = Pairs::per_image(&x_train, y_train, PairLabel::OneIsDifferent, 1)?;
    let test = Pairs::per_image(&x_test, y_test, PairLabel::OneIsDifferent, 2)?;

    for units in [64, 16] {
        let run = logs.join(format!("units_{units}"));
        let mut model = siamese(units)?;
        let mut writer = Writer::new(&run)?;
        writer.hparams([("units", units.into()), ("optimizer", "adam".into())])?;
        writer.text("about", "A **siamese** network on pairs of digits.", 0)?;
        writer.image("digits", x_test.select(0..3)?, 0)?;
        writer.flush()?;

        let board = TensorBoard::new(&run)
            .histogram_freq(1)
            .write_images(true)
            .write_steps_per_second(true)
            .update_freq(50);
        model
            .fit(train.inputs(), train.labels())
            .validation_data(test.inputs(), test.labels())
            .epochs(4)
            .callback(board)
            .run()?;

        // The space that the network made of the digits.
        let embeddings = model.get_model("tower")?.predict(&x_test).run()?;
        Projector::new(&run)
            .add(Embeddings::new("digits", &embeddings).labels(y_test).images(x_test.clone()))
            .write()?;
    }
    println!("tensorboard --logdir {}", logs.display());
    Ok(())
}

fn siamese(units: usize) -> Result<Model> {
    let tower = Sequential::with_name("tower")
        .add(Input::new([784]))
        .add(Dense::new(128).activation("relu").name("hidden"))
        .add(Dense::new(units).name("embedding"));
    let input = |name| Tensor::from(Input::new([784]).name(name));
    let (left, right) = (input("left"), input("right"));
    let difference = tower.call(&left) - tower.call(&right);
    let distance = ops::norm(difference, Axis::new(1).keepdims());
    let mut model = Model::new([&left, &right], &distance)?;
    model.compile("adam", contrastive_loss).metrics(["binary_accuracy"]).build()?;
    Ok(model)
}

/// Draws pairs of one digit together, and others apart up to a distance of 1.
fn contrastive_loss(y: &Tensor, distance: &Tensor) -> Tensor {
    let same = (1.0 - y) * distance.square();
    let different = y * ops::relu(1.0 - distance).square();
    ops::mean(same + different, Axis::ALL)
}
