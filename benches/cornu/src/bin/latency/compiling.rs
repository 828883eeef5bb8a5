//! The making of a program: from the call of `fit` to the first step.

use super::{Row, numbers};
use cornu::prelude::*;
use std::time::Instant;

/// The units of a layer, and the samples of a batch.
const UNITS: usize = 128;
const BATCH: usize = 32;

/// What adds a layer to a network.
type Add = fn(Sequential) -> Sequential;

pub fn measure(threads: usize, report: &mut dyn FnMut(Row)) -> Result<()> {
    let kinds: [(&str, Add); 2] = [
        ("Dense", |model| model.add(Dense::new(UNITS).activation("relu"))),
        ("Dense, BatchNormalization, Dropout", |model| {
            let model = model.add(Dense::new(UNITS).activation("relu"));
            model.add(BatchNormalization::new()).add(Dropout::new(0.1))
        }),
    ];
    for (name, add) in kinds {
        for layers in [5, 50, 200, 1000] {
            let repeats = if layers > 200 { 1 } else { 5 };
            let times = (0..repeats).map(|_| until_the_first_step(layers, add));
            let mut times = times.collect::<Result<Vec<f64>>>()?;
            times.sort_by(f64::total_cmp);
            let what = format!("{layers} times {name}");
            report(Row::new("compiling", threads, what, times[times.len() / 2]));
        }
    }
    Ok(())
}

/// Seconds from the call of `fit` to the beginning of the first step.
fn until_the_first_step(layers: usize, add: Add) -> Result<f64> {
    let model = Sequential::new().add(Input::new([UNITS]));
    let mut model = (0..layers).fold(model, |model, _| add(model)).add(Dense::new(1));
    model.compile("adam", "mse").build()?;
    let (x, y) = (numbers(BATCH * UNITS), numbers(BATCH));
    let (x, y) = (Array::new([BATCH, UNITS], x)?, Array::new([BATCH, 1], y)?);
    let mut watch = Watch { start: Instant::now(), seconds: 0.0 };
    model.fit(&x, &y).verbose(0).allow_nan(true).callback(&mut watch).run()?;
    Ok(watch.seconds)
}

/// Stops the time when the first step begins.
struct Watch {
    start: Instant,
    seconds: f64,
}

impl Callback for Watch {
    fn on_train_batch_begin(&mut self, _: &mut Training<'_>, _: usize) -> Result<()> {
        self.seconds = self.start.elapsed().as_secs_f64();
        Ok(())
    }
}
