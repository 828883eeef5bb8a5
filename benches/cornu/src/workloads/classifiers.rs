//! Networks that read digits.

use super::{Data, Outcome, Run, figure};
use cornu::datasets::LabelledImages;
use cornu::losses::SparseCategoricalCrossentropy;
use cornu::optimizers::Adadelta;
use cornu::prelude::*;

const CLASSES: usize = 10;

/// The multi-layer perceptron of Keras 1.
pub fn mlp_py(run: &Run) -> Result<Outcome> {
    let mut model = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(512))
        .add(Activation::new("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(512))
        .add(Activation::new("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(CLASSES))
        .add(Activation::new("softmax"));
    model.compile(RMSprop::default(), "categorical_crossentropy").metric("accuracy").build()?;
    train(run, model.into(), &Digits { validation_split: None, batch_size: 128, ..Digits::flat()? })
}

/// The multi-layer perceptron of Keras for R.
pub fn mlp_r(run: &Run) -> Result<Outcome> {
    let mut model = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(256).activation("relu"))
        .add(Dropout::new(0.4))
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.3))
        .add(Dense::new(CLASSES).activation("softmax"));
    model.compile(RMSprop::default(), "categorical_crossentropy").metric("accuracy").build()?;
    train(run, model.into(), &Digits::flat()?)
}

/// The convolutional network of Keras for R. Its Adadelta had the learning rate 1.
pub fn cnn_r(run: &Run) -> Result<Outcome> {
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Conv2D::new(64, 3).activation("relu"))
        .add(Conv2D::new(128, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Dropout::new(0.25))
        .add(Flatten::new())
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.25))
        .add(Dense::new(CLASSES).activation("softmax"));
    model.compile(Adadelta::new(1.0), "categorical_crossentropy").metric("accuracy").build()?;
    train(run, model.into(), &Digits { images: LabelledImages::scaled, ..Digits::flat()? })
}

/// A network that nobody tuned anything for: other widths, activations, loss, optimizer and batch.
pub fn other(run: &Run) -> Result<Outcome> {
    let mut model = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(300).activation("tanh"))
        .add(Dense::new(200).activation("gelu"))
        .add(BatchNormalization::new())
        .add(Dense::new(100).activation("elu"))
        .add(Dense::new(CLASSES));
    let loss = SparseCategoricalCrossentropy::new().from_logits(true);
    let optimizer = SGD::new(0.05).momentum(0.9);
    model.compile(optimizer, loss).metric("accuracy").build()?;
    let digits = Digits { batch_size: 100, one_hot: false, ..Digits::flat()? };
    train(run, model.into(), &Digits { validation_split: None, ..digits })
}

/// MNIST as a network takes it.
struct Digits {
    mnist: datasets::Mnist,
    images: fn(&LabelledImages) -> Column,
    one_hot: bool,
    /// Which part of the training images is validated on; without, it is the test images.
    validation_split: Option<f64>,
    batch_size: usize,
}

impl Digits {
    fn flat() -> Result<Digits> {
        Ok(Digits {
            mnist: datasets::mnist()?,
            images: LabelledImages::flat,
            one_hot: true,
            validation_split: Some(0.2),
            batch_size: 128,
        })
    }

    /// Images and classes of a set.
    fn set(&self, images: &LabelledImages) -> Result<(Column, Column)> {
        let y = match self.one_hot {
            true => ops::one_hot(&images.labels, CLASSES).eval()?,
            false => images.labels.clone(),
        };
        Ok(((self.images)(images), y.into()))
    }

    fn data(&self) -> Result<Data> {
        let (x, y) = self.set(&self.mnist.train)?;
        let (x, y, x_val, y_val) = match self.validation_split {
            None => {
                let (x_val, y_val) = self.set(&self.mnist.test)?;
                (x, y, x_val, y_val)
            }
            Some(part) => {
                let first = (x.len() as f64 * (1.0 - part)).round() as usize;
                let (train, rest) = (0..first, first..x.len());
                let (x_val, y_val) = (x.select(rest.clone())?, y.select(rest)?);
                (x.select(train.clone())?, y.select(train)?, x_val, y_val)
            }
        };
        Ok(Data { x: vec![x], y, x_val: vec![x_val], y_val, batch_size: self.batch_size })
    }
}

fn train(run: &Run, mut model: Model, digits: &Digits) -> Result<Outcome> {
    let (epoch_s, steps) = run.fit(&mut model, &digits.data()?)?;
    let mut outcome = Outcome { epoch_s, steps, test: Default::default() };
    if steps.is_none() {
        let (x, y) = digits.set(&digits.mnist.test)?;
        let score = model.evaluate(x, y).verbose(0).run()?;
        let figures = ["loss", "accuracy"].map(|name| figure(name, score[name]));
        outcome.test = figures.into_iter().collect();
    }
    Ok(outcome)
}
