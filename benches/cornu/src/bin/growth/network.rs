//! The network that grows, and the measuring of its step.

use cornu::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// How long a network is trained to measure it, in seconds.
const ENOUGH: f64 = 0.6;

/// A network and how it is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What grows.
    pub part: String,
    pub width: usize,
    pub batch: usize,
    /// Dense layers, each as wide as the input.
    pub depth: usize,
    pub threads: usize,
}

/// What a step takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub setting: Setting,
    /// The median.
    pub step_seconds: f64,
    pub flops: f64,
    /// Bytes of weights and slots that a step has to read and write.
    pub update_bytes: f64,
    /// Of everything that was allocated at once, the data included.
    pub peak_bytes: usize,
    /// Bytes of the weights, the optimizer's slots and the data alone.
    pub needed_bytes: usize,
}

impl Setting {
    /// The setting of a part for one of its values.
    pub fn new(part: &str, value: usize, threads: usize) -> Setting {
        let middle = Setting { part: part.into(), width: 512, batch: 128, depth: 3, threads };
        match part {
            "widths" => Setting { width: value, ..middle },
            "batches" => Setting { batch: value, ..middle },
            _ => Setting { depth: value, width: 256, ..middle },
        }
    }

    /// What grows.
    pub fn value(&self) -> usize {
        match self.part.as_str() {
            "widths" => self.width,
            "batches" => self.batch,
            _ => self.depth,
        }
    }

    fn weights(&self) -> usize {
        self.depth * self.width * (self.width + 1)
    }

    /// Forward, and back twice; but nobody asks for the gradient of the data.
    fn flops(&self) -> f64 {
        let products = (3 * self.depth - 1) * self.width * self.width;
        2.0 * self.batch as f64 * products as f64
    }
}

impl Measured {
    /// Billions of operations a second.
    pub fn gflops(&self) -> f64 {
        self.flops / self.step_seconds / 1e9
    }

    pub fn line(&self) -> String {
        let Setting { part, threads, .. } = &self.setting;
        let (value, peak) = (self.setting.value(), self.peak_bytes as f64 / 1e6);
        let (time, rate) = (self.step_seconds * 1e3, self.gflops());
        format!("{part:8} {value:5} {threads} {time:10.4} ms {rate:7.1} GFLOP/s {peak:8.1} MB")
    }
}

/// Trains the network and takes the median of its epochs of a few steps.
pub fn measure(setting: &Setting) -> Result<Measured> {
    let Setting { width, batch, depth, threads, .. } = *setting;
    utils::set_threads(threads)?;
    let mut model = Sequential::new().add(Input::new([width]));
    for _ in 0..depth {
        model = model.add(Dense::new(width).activation("relu"));
    }
    model.compile(RMSprop::default().learning_rate(1e-6), "mse").build()?;
    let numbers = |seed: usize| (0..batch * width).map(move |i| (i * seed % 101) as f32 / 101.0);
    let x = Array::new([batch, width], numbers(7).collect())?;
    let y = Array::new([batch, width], numbers(13).collect())?;
    // So many that the beginning of an epoch counts for nothing.
    let steps = (5e9 / setting.flops()).clamp(1.0, 500.0) as usize;
    let mut times = vec![];
    let begin = Instant::now();
    // The first epochs compile, and bring everything into the caches.
    while times.len() < 4 || begin.elapsed().as_secs_f64() < ENOUGH {
        let start = Instant::now();
        model.fit(&x, &y).batch_size(batch).steps_per_epoch(steps).verbose(0).run()?;
        times.push(start.elapsed().as_secs_f64() / steps as f64);
    }
    times.remove(0);
    times.sort_by(f64::total_cmp);
    let weights = setting.weights() * size_of::<f32>();
    Ok(Measured {
        setting: setting.clone(),
        step_seconds: times[times.len() / 2],
        flops: setting.flops(),
        // Forward and backward read the weights, the update reads and writes them and a slot.
        update_bytes: 6.0 * weights as f64,
        peak_bytes: 0,
        needed_bytes: 2 * weights + 2 * batch * width * size_of::<f32>(),
    })
}
