//! Steps of training where there is nearly nothing to compute.

use super::{Row, median, numbers};
use cornu::prelude::*;

/// Steps of an epoch.
const STEPS: usize = 1000;

pub fn measure(threads: usize, report: &mut dyn FnMut(Row)) -> Result<()> {
    for optimizer in ["sgd", "adam"] {
        // The first is the model of the issue; what the second takes is overhead alone.
        for (inputs, batch) in [(784, 32), (1, 1)] {
            let what = format!("Dense(1) on {inputs}, batch {batch}, {optimizer}");
            let mut model = tiny(inputs, optimizer)?;
            let rows_of_data = STEPS * batch;
            let x = Array::new([rows_of_data, inputs], numbers(rows_of_data * inputs))?;
            let y = Array::new([rows_of_data, 1], halves(rows_of_data))?;
            let epoch = || model.fit(&x, &y).batch_size(batch).verbose(0).run().map(drop);
            let time = median(1.0, epoch)? / STEPS as f64;
            report(Row::new("steps", threads, format!("{what}, fit"), time));

            let (x, y) = (x.slice_rows(0, batch)?, y.slice_rows(0, batch)?);
            let time = median(0.5, || model.train_on_batch(&x, &y).map(drop))?;
            report(Row::new("steps", threads, format!("{what}, train_on_batch"), time));
        }
    }
    Ok(())
}

fn tiny(inputs: usize, optimizer: &str) -> Result<Sequential> {
    let mut model =
        Sequential::new().add(Input::new([inputs])).add(Dense::new(1).activation("sigmoid"));
    model.compile(optimizer, "binary_crossentropy").build()?;
    Ok(model)
}

/// Every second is 1.
fn halves(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i % 2) as f32).collect()
}
