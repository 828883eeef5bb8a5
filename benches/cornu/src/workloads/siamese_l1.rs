//! A siamese network on pairs of augmented digits, which generators make on the way.

use super::pairs::{Part, need_pairs};
use super::{Outcome, Run, figure, pair_accuracy};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::preprocessing::image::Flow;
use cornu::random::Philox;
use cornu::similarity::Score;

const CLASSES: usize = 10;
const BATCH: usize = 20;
const STEPS: usize = 100;
const VALIDATION_STEPS: usize = 50;
const PIXELS: usize = 28 * 28;

/// The network of the R document, with its generators. A fifth of the images is for validation,
/// augmented too; it is tested on pairs of test images as they are.
pub fn siamese_l1(run: &Run) -> Result<Outcome> {
    let mnist = datasets::mnist()?;
    let images = Column::from(&mnist.train.images);
    let mut order: Vec<usize> = (0..images.len()).collect();
    Philox::new(9478).shuffle(&mut order);
    let (validation, train) = order.split_at(images.len().div_ceil(5));
    let batches = |rows: &[usize], seed| -> Result<_> {
        Ok(join(flows(&images, mnist.train.classes(), rows)?, seed))
    };

    let mut model = network()?;
    let steps = run.steps.map_or(STEPS, |steps| steps.min(STEPS));
    let fit = model.fit_generator(batches(train, run.seed + 1)?).steps_per_epoch(steps);
    let fit = fit
        .validation_generator(batches(validation, run.seed + 2)?)
        .validation_steps(VALIDATION_STEPS);
    let seconds = fit.epochs(run.epochs).verbose(0).run()?.epoch_seconds;
    let whole = STEPS as f64 / steps as f64;
    let epoch_s = seconds.into_iter().map(|s| s * whole).collect();
    if steps < STEPS {
        return Ok(Outcome { epoch_s, steps: Some([steps, STEPS]), test: Default::default() });
    }

    let pairs = need_pairs("siamese_l1", Part::Test, LabelledImages::scaled)?;
    let outputs = model.predict(pairs.inputs()).batch_size(256).run()?;
    let accuracy = figure("accuracy", pair_accuracy(&pairs, &outputs, Score::Similarity));
    Ok(Outcome { epoch_s, steps: None, test: [accuracy].into() })
}

fn network() -> Result<Model> {
    let base = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Flatten::new())
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.1))
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.1))
        .add(Dense::new(128).activation("relu"));
    let (left, right) = (Input::tensor([28, 28, 1]), Input::tensor([28, 28, 1]));
    let distance = ops::abs(base.call(&left) - base.call(&right));
    let similarity = Dense::new(1).activation("sigmoid").call(&distance);
    let mut model = Model::new([&left, &right], &similarity)?;
    model.compile(RMSprop::new(1e-3), "binary_crossentropy").metric("accuracy").build()?;
    Ok(model)
}

/// For each digit augmented images of it, without end.
fn flows(images: &Column, digits: &[u8], rows: &[usize]) -> Result<Vec<Flow>> {
    let datagen = ImageDataGenerator::new()
        .rescale(1.0 / 255.0)
        .rotation_range(5.0)
        .width_shift_range(0.1)
        .height_shift_range(0.05)
        .zoom_range(0.1)
        .fill_mode("constant");
    let flow_of = |digit: usize| {
        let of_digit = rows.iter().copied().filter(|&row| usize::from(digits[row]) == digit);
        datagen.flow_images(images.select(of_digit)?).seed(9487).batch_size(1).build()
    };
    (0..CLASSES).map(flow_of).collect()
}

/// Batches of pairs: the first half of one digit each (1), the rest of two digits (0).
fn join(mut flows: Vec<Flow>, seed: u64) -> impl FnMut() -> Result<Batch> + Send {
    let mut random = Philox::new(seed);
    move || {
        let mut sides = [vec![0.0; BATCH * PIXELS], vec![0.0; BATCH * PIXELS]];
        let mut similarity = vec![0.0f32; BATCH];
        for pair in 0..BATCH {
            let same = pair < BATCH.div_ceil(2);
            let left = random.below(CLASSES);
            let other = (left + 1 + random.below(CLASSES - 1)) % CLASSES;
            let right = if same { left } else { other };
            for (side, digit) in sides.iter_mut().zip([left, right]) {
                flows[digit].next_into(&mut side[pair * PIXELS..][..PIXELS])?;
            }
            similarity[pair] = f32::from(same);
        }
        let [left, right] = sides.map(|side| Array::new([BATCH, 28, 28, 1], side));
        Ok(Batch::new([left?, right?], Array::new([BATCH, 1], similarity)?))
    }
}
