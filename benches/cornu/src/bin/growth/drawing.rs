//! The picture: time, rate and memory, over each thing that grows.

use crate::network::Measured;
use cornu::prelude::*;
use cornu::viz::{LineChart, Picture, line_charts};

/// Bytes a second that one thread moves past the caches, for the floor of networks whose weights are
/// many and whose batch is small: a round number, of servers of these years.
const BYTES_A_SECOND: f64 = 12e9;

/// The parts and what they let grow.
const PARTS: [(&str, &str); 3] = [
    ("widths", "width (3 layers, batch 128)"),
    ("batches", "batch (3 layers of 512)"),
    ("depths", "layers of 256 (batch 128)"),
];

/// A row of charts for each part that was measured.
pub fn picture(all: &[Measured]) -> Result<Picture> {
    let charts = PARTS.iter().flat_map(|(part, axis)| {
        let of_part: Vec<&Measured> = all.iter().filter(|m| m.setting.part == *part).collect();
        if of_part.is_empty() { vec![] } else { charts(&of_part, axis, all) }
    });
    line_charts("How a training step of Cornu grows", &charts.collect::<Vec<_>>())
}

fn charts(part: &[&Measured], axis: &str, all: &[Measured]) -> Vec<LineChart> {
    let line = |threads: usize, value: &dyn Fn(&Measured) -> f64| -> Vec<(f64, f64)> {
        let with = part.iter().filter(|m| m.setting.threads == threads);
        with.map(|m| (m.setting.value() as f64, value(m))).collect()
    };
    let chart = |title: &str, unit: &str, value: &dyn Fn(&Measured) -> f64| {
        LineChart::new(title)
            .x(axis)
            .y(unit)
            .logarithmic()
            .line("1 thread", line(1, value))
            .line("2 threads", line(2, value))
    };
    let floor = |m: &Measured| 1e3 * floor(m, all);
    let needed = |m: &Measured| m.needed_bytes as f64 / 1e6;
    vec![
        chart("Time of a step", "ms", &|m| m.step_seconds * 1e3)
            .reference("floor, 1 thread", line(1, &floor))
            .reference("floor, 2 threads", line(2, &floor)),
        chart("Rate", "GFLOP/s", &Measured::gflops)
            .reference("the best, 1 thread", line(1, &|_| best(all, 1)))
            .reference("the best, 2 threads", line(2, &|_| best(all, 2))),
        chart("Peak memory", "MB", &|m| m.peak_bytes as f64 / 1e6)
            .reference("weights, slots, data", line(1, &needed)),
    ]
}

/// The highest rate of all networks, in GFLOP/s.
fn best(all: &[Measured], threads: usize) -> f64 {
    let with = all.iter().filter(|m| m.setting.threads == threads);
    with.map(Measured::gflops).fold(0.0, f64::max)
}

/// Seconds of the arithmetic at the best rate that was seen, or of moving the weights past the caches
/// where they do not fit there, whichever is more.
fn floor(m: &Measured, all: &[Measured]) -> f64 {
    const CACHES: f64 = 32e6;
    let threads = m.setting.threads as f64;
    let moved = if m.update_bytes / 3.0 > CACHES { m.update_bytes } else { 0.0 };
    (m.flops / best(all, m.setting.threads) / 1e9).max(moved / threads / BYTES_A_SECOND)
}
