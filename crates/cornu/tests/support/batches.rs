//! What the tests of generators share: data, a model, and generators of the data.
#![allow(dead_code)] // Each test file uses its part.

use cornu::data::{Batch, Sequence};
use cornu::prelude::*;
use std::time::Duration;

/// How many samples there are.
pub const SAMPLES: usize = 24;
/// How many classes.
pub const CLASSES: usize = 3;

/// Inputs and labels.
pub fn data() -> (Array, Array) {
    let x: Vec<f32> = (0..SAMPLES * 4).map(|i| ((i * 29) % 97) as f32 / 48.0 - 1.0).collect();
    let y: Vec<i32> = (0..SAMPLES).map(|i| ((i * 5) % CLASSES) as i32).collect();
    (Array::new([SAMPLES, 4], x).unwrap(), Array::new([SAMPLES], y).unwrap())
}

/// A compiled model, always with the same weights.
pub fn model() -> Model {
    utils::set_random_seed(9);
    let mut model: Model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(8).activation("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(CLASSES).activation("softmax"))
        .into();
    let compile = model.compile("adam", "sparse_categorical_crossentropy");
    compile.metric("accuracy").build().unwrap();
    model
}

/// Some rows of the data.
pub fn rows(first: usize, count: usize) -> Batch {
    let (x, y) = data();
    let rows: Vec<usize> = (first..first + count).map(|row| row % SAMPLES).collect();
    Batch::new(x.take(&rows).unwrap(), y.take(&rows).unwrap())
}

/// The data in batches of a size, in order; the last may be smaller.
pub fn batches(size: usize) -> impl Iterator<Item = Batch> + Clone + Send {
    (0..SAMPLES).step_by(size).map(move |first| rows(first, size.min(SAMPLES - first)))
}

/// A closure that gives the batches again and again.
pub fn endless(size: usize) -> impl FnMut() -> Batch + Send {
    let mut all = batches(size).cycle();
    move || all.next().expect("it does not end")
}

/// The same as numbers.
pub struct Numbered(pub usize);

impl Sequence for Numbered {
    fn len(&self) -> usize {
        SAMPLES.div_ceil(self.0)
    }

    fn get(&self, _: usize, index: usize) -> Result<Batch> {
        // Later batches are ready sooner, to try out the order.
        std::thread::sleep(Duration::from_micros(300 * (7 - index.min(7)) as u64));
        Ok(rows(index * self.0, self.0.min(SAMPLES - index * self.0)))
    }
}

/// Checks that an error has all of these parts.
#[track_caller]
pub fn expect(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
}
