//! Predictions: one sample, and ten thousand at once.

use super::{Row, classifier, median, numbers, weight_count};
use cornu::prelude::*;

/// The networks of the issue, and one that nothing was tuned for.
const NETWORKS: [(&str, &[usize]); 3] = [
    ("784-256-128-10", &[784, 256, 128, 10]),
    ("784-512-512-10", &[784, 512, 512, 10]),
    ("300-700-90-700-33", &[300, 700, 90, 700, 33]),
];

const MANY: usize = 10_000;

pub fn measure(threads: usize, report: &mut dyn FnMut(Row)) -> Result<()> {
    for (name, widths) in NETWORKS {
        let model = classifier(widths);
        let (count, flops) = (weight_count(widths), 2.0 * weight_count(widths) as f64);
        let row = |what: String, time: f64| Row::new("predictions", threads, what, time);

        let mut one = model.predictor(1)?;
        let sample = numbers(widths[0]);
        let time = median(1.0, || one.run(&sample).map(drop))?;
        report(row(format!("{name}, one sample"), time).with_bytes(4.0 * count as f64));

        let samples = numbers(MANY * widths[0]);
        let mut many = model.predictor(MANY)?;
        let time = median(1.0, || many.run(&samples).map(drop))?;
        let of_many = |what: &str, time| {
            row(format!("{name}, {MANY} samples, {what}"), time).with_flops(MANY as f64 * flops)
        };
        report(of_many("predictor", time));

        let samples = Array::new([MANY, widths[0]], samples)?;
        for batch_size in [32, 256, MANY] {
            let predict = || model.predict(&samples).batch_size(batch_size).run().map(drop);
            report(of_many(&format!("predict by {batch_size}"), median(1.0, predict)?));
        }
    }
    Ok(())
}
