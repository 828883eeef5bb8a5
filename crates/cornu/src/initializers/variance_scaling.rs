//! Initial weights whose variance depends on the number of connections.

use super::{truncated_normal, uniform};
use crate::config::decimal;
use cornu_graph::philox::Philox;
use serde_json::{Value, json};

/// Random values of the variance `scale / n`, where `n` is a number of connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceScaling {
    /// The variance times the number of connections.
    pub scale: f32,
    /// Which connections count.
    pub fan: Fan,
    /// The distribution.
    pub spread: Spread,
}

/// Which connections of a weight count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Its inputs.
    In,
    /// Its outputs.
    Out,
    /// The mean of both.
    Average,
}

/// The distribution of [`VarianceScaling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Normal, cut off at two standard deviations and widened to make up for it.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Even between two limits.
    Uniform,
}

impl Default for VarianceScaling {
    fn default() -> VarianceScaling {
        VarianceScaling { scale: 1.0, fan: Fan::In, spread: Spread::TruncatedNormal }
    }
}

impl VarianceScaling {
    pub(super) fn values(&self, random: &mut Philox, shape: &[usize]) -> Vec<f32> {
        /// The standard deviation of a standard normal distribution cut off at ±2.
        const TRUNCATED: f32 = 0.879_625_7;
        let (inputs, outputs) = fans(shape);
        let connections = match self.fan {
            Fan::In => inputs,
            Fan::Out => outputs,
            Fan::Average => (inputs + outputs) / 2.0,
        };
        let variance = self.scale / connections.max(1.0);
        let count = shape.iter().product();
        match self.spread {
            Spread::TruncatedNormal => {
                truncated_normal(random, count, 0.0, variance.sqrt() / TRUNCATED)
            }
            Spread::UntruncatedNormal => {
                (0..count).map(|_| variance.sqrt() * random.normal() as f32).collect()
            }
            Spread::Uniform => {
                let limit = (3.0 * variance).sqrt();
                uniform(random, count, -limit, limit)
            }
        }
    }

    pub(super) fn config(&self, seed: Option<u64>) -> Value {
        let mode = match self.fan {
            Fan::In => "fan_in",
            Fan::Out => "fan_out",
            Fan::Average => "fan_avg",
        };
        let distribution = match self.spread {
            Spread::TruncatedNormal => "truncated_normal",
            Spread::UntruncatedNormal => "untruncated_normal",
            Spread::Uniform => "uniform",
        };
        json!({
            "scale": decimal(self.scale),
            "mode": mode,
            "distribution": distribution,
            "seed": seed,
        })
    }
}

/// The inputs and outputs a weight connects. The last two dimensions are the channels in and out,
/// those before them a convolution's window.
fn fans(shape: &[usize]) -> (f32, f32) {
    match shape {
        [] => (1.0, 1.0),
        [n] => (*n as f32, *n as f32),
        [window @ .., inputs, outputs] => {
            let window: usize = window.iter().product();
            ((inputs * window) as f32, (outputs * window) as f32)
        }
    }
}
