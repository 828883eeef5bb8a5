//! A siamese network on augmented digits, with generators of its own: the program of the document
//! siamese-l1-generators-R.
//!
//! ```sh
//! cargo run --release -p cornu --example siamese_l1        # 400 epochs of 100 steps
//! cargo run --release -p cornu --example siamese_l1 3      # 3 epochs: a quick look
//! ```

use cornu::prelude::*;
use cornu::preprocessing::image::Flow;
use cornu::random::Philox;
use cornu::viz;

const NUM_CLASSES: usize = 10;

fn main() -> Result<()> {
    let epochs = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(400);

    // Step 1: load the data; a fifth of the training images is for validation.
    let mnist = datasets::mnist()?;
    let images = Column::from(&mnist.train.images);
    let mut order: Vec<usize> = (0..images.len()).collect();
    Philox::new(9478).shuffle(&mut order);
    let (val_idx, train_idx) = order.split_at(images.len().div_ceil(5));

    // Steps 2 to 4: for each digit a generator of augmented images; of these generators, one of
    // balanced batches of 20 pairs.
    let datagen = ImageDataGenerator::new()
        .rescale(1.0 / 255.0)
        .rotation_range(5.0)
        .width_shift_range(0.1)
        .height_shift_range(0.05)
        .zoom_range(0.1)
        .fill_mode("constant");
    let flows = |indexes: &[usize]| -> Result<Vec<Flow>> {
        let digits = mnist.train.classes();
        let flow_of = |digit: u8| {
            let of_digit = indexes.iter().copied().filter(|&i| digits[i] == digit);
            datagen.flow_images(images.select(of_digit)?).seed(9487).batch_size(1).build()
        };
        (0..NUM_CLASSES as u8).map(flow_of).collect()
    };
    let train_join_generator = join_generator(flows(train_idx)?, 20, 1);
    let val_join_generator = join_generator(flows(val_idx)?, 20, 2);

    // Step 5: the siamese model. Both towers are one network, so they share its weights.
    let left: Tensor = Input::new([28, 28, 1]).name("left_input_tensor").into();
    let right: Tensor = Input::new([28, 28, 1]).name("right_input_tensor").into();
    let conv_base = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Flatten::new())
        .add(Dense::new(128).activation("relu").name("fc1"))
        .add(Dropout::new(0.1).name("dropout1"))
        .add(Dense::new(128).activation("relu").name("fc2"))
        .add(Dropout::new(0.1).name("dropout2"))
        .add(Dense::new(128).activation("relu").name("fc3"));
    let l1_distance = Lambda::new(|towers| ops::abs(&towers[0] - &towers[1]));
    let distance = l1_distance.call([conv_base.call(&left), conv_base.call(&right)]);
    let prediction = Dense::new(1).activation("sigmoid").call(&distance);
    let mut model = Model::new([&left, &right], &prediction)?;

    // Step 6: fit.
    model.compile(RMSprop::new(1e-3), "binary_crossentropy").metrics(["accuracy"]).build()?;
    let history = model
        .fit_generator(train_join_generator)
        .steps_per_epoch(100)
        .epochs(epochs)
        .validation_generator(val_join_generator)
        .validation_steps(50)
        .run()?;
    history.plot("target/siamese-l1-history.svg")?;

    // Step 7: verify on test data: the same digit, and two digits.
    let test = mnist.test.scaled();
    let mut random = Philox::new(3);
    let mut any = |digit: u8| loop {
        let image = random.below(test.len());
        if mnist.test.classes()[image] == digit {
            return image;
        }
    };
    let pairs = [[any(8), any(8)], [any(8), any(7)]];
    let left = test.select(pairs.map(|pair| pair[0]))?;
    let right = test.select(pairs.map(|pair| pair[1]))?;
    let similarity = model.predict([&left, &right]).run()?.values().to_f64();
    let title = |(&[a, b], similarity): (&[usize; 2], f64)| {
        let digits = mnist.test.classes();
        format!("{} v.s {}, similarity: {similarity:.3}", digits[a], digits[b])
    };
    let titles: Vec<String> = pairs.iter().zip(similarity).map(title).collect();
    titles.iter().for_each(|title| println!("{title}"));
    viz::pair_grid(left, right, &titles)?.save("target/siamese-l1-pairs.png")
}

/// Yields batches of pairs: the first half of the same digit (1), the rest of two digits (0).
fn join_generator(
    mut generators: Vec<Flow>,
    batch: usize,
    seed: u64,
) -> impl FnMut() -> Result<Batch> {
    let mut random = Philox::new(seed);
    move || {
        let (mut left, mut right, mut similarity) = (vec![], vec![], vec![]);
        for i in 0..batch {
            let same = i < batch.div_ceil(2);
            let a = random.below(NUM_CLASSES);
            let b = if same { a } else { (a + 1 + random.below(NUM_CLASSES - 1)) % NUM_CLASSES };
            left.extend(generators[a].next_batch()?.x.into_vec::<f32>()?);
            right.extend(generators[b].next_batch()?.x.into_vec::<f32>()?);
            similarity.push(f32::from(same));
        }
        let images = |pixels| Array::new([batch, 28, 28, 1], pixels);
        Ok(Batch::new([images(left)?, images(right)?], Array::new([batch, 1], similarity)?))
    }
}
