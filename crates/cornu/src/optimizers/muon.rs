//! Muon.

use super::{Adam, Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use serde_json::Value;

/// For matrices `w - rate · rms_rate · √max(rows, columns) · O`, where `O` is nearly the orthogonal
/// matrix next to the momentum `m = momentum · m + g` (with Nesterov's, next to
/// `g + momentum · m`), found by `ns_steps` of a Newton-Schulz iteration. All other weights,
/// embeddings and the layers in `exclude_layers` are changed by [`AdamW`](super::AdamW)'s rule.
///
/// The dense layer that gives the output should be excluded: `exclude_layers(["output"])`.
///
/// Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; the scaling:
/// Liu et al., "Muon is scalable for LLM training", 2025. Keras's defaults: learning rate 0.001,
/// weight decay 0.004 for both rules, momentum 0.95 with Nesterov's, 5 steps.
#[derive(Clone, Debug)]
pub struct Muon {
    common: Common,
    adam_beta_1: f32,
    adam_beta_2: f32,
    adam_weight_decay: Option<f32>,
    epsilon: f32,
    exclude_layers: Vec<String>,
    exclude_embeddings: bool,
    muon_a: f32,
    muon_b: f32,
    muon_c: f32,
    adam_lr_ratio: f32,
    momentum: f32,
    ns_steps: usize,
    nesterov: bool,
    rms_rate: Option<f32>,
}

settings! {
    Muon {
        /// How much of the average gradient is kept, by AdamW's rule.
        adam_beta_1: f32,
        /// How much of the average of squared gradients is kept, by AdamW's rule.
        adam_beta_2: f32,
        /// The weight decay of the weights that AdamW's rule changes.
        adam_weight_decay: Option<f32>,
        /// What keeps the divisor of AdamW's rule from 0.
        epsilon: f32,
        /// Whether embeddings are changed by AdamW's rule.
        exclude_embeddings: bool,
        /// The factor of the matrix in the Newton-Schulz iteration.
        muon_a: f32,
        /// The factor of its third power.
        muon_b: f32,
        /// The factor of its fifth power.
        muon_c: f32,
        /// The learning rate of AdamW's rule, as a part of the learning rate.
        adam_lr_ratio: f32,
        /// How much of the last momentum is kept.
        momentum: f32,
        /// How many steps of the Newton-Schulz iteration are made.
        ns_steps: usize,
        /// Whether the gradient counts as if it were taken after the momentum's part of the step.
        nesterov: bool,
        /// The size of a change beside AdamW's; none leaves out the factor of the matrix's size.
        rms_rate: Option<f32>,
    }
    and exclude_layers
}

impl Default for Muon {
    fn default() -> Muon {
        Muon {
            common: Common { weight_decay: Some(0.004), ..Common::new(0.001) },
            adam_beta_1: 0.9,
            adam_beta_2: 0.999,
            adam_weight_decay: Some(0.004),
            epsilon: 1e-7,
            exclude_layers: vec![],
            exclude_embeddings: true,
            muon_a: 3.4445,
            muon_b: -4.775,
            muon_c: 2.0315,
            adam_lr_ratio: 1.0,
            momentum: 0.95,
            ns_steps: 5,
            nesterov: true,
            rms_rate: Some(0.2),
        }
    }
}

impl Muon {
    /// Layers whose weights AdamW's rule changes: parts of their paths. (In Keras regular
    /// expressions.)
    pub fn exclude_layers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Muon {
        self.exclude_layers = names.into_iter().map(Into::into).collect();
        self
    }

    fn uses_adam(&self, weight: &WeightSpec<'_>) -> bool {
        weight.shape.len() != 2
            || (self.exclude_embeddings && weight.path.to_lowercase().contains("embedding"))
            || self.exclude_layers.iter().any(|part| weight.path.contains(part))
    }

    fn adam(&self) -> Adam {
        Adam::default().beta_1(self.adam_beta_1).beta_2(self.adam_beta_2).epsilon(self.epsilon)
    }

    /// Nearly the orthogonal matrix `U · Vᵀ` of the singular value decomposition `U · S · Vᵀ`.
    fn orthogonal(&self, matrix: &Tensor) -> Tensor {
        let sizes = matrix.shape().sizes();
        let tall = sizes[0] > sizes[1];
        let turned = |x: &Tensor| ops::transpose(x, None);
        // The smaller square is quicker.
        let wide = if tall { turned(matrix) } else { matrix.clone() };
        let mut x = &wide / (ops::norm(&wide, Axis::ALL) + 1e-7);
        for _ in 0..self.ns_steps {
            let square = ops::matmul(&x, turned(&x));
            let powers = &square * self.muon_b + ops::matmul(&square * self.muon_c, &square);
            x = &x * self.muon_a + ops::matmul(powers, &x);
        }
        if tall { turned(&x) } else { x }
    }
}

impl Optimizer for Muon {
    fn kind(&self) -> &str {
        "Muon"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, weight: &WeightSpec<'_>) -> Vec<Slot> {
        let mut slots = vec![Slot::zeros("momentum")];
        if self.uses_adam(weight) {
            slots.push(Slot::zeros("velocity"));
        }
        slots
    }

    fn weight_decay(&self, weight: &WeightSpec<'_>) -> Option<f32> {
        if self.uses_adam(weight) { self.adam_weight_decay } else { self.common.weight_decay }
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let [momentum] = step.slots else {
            let learning_rate = &(step.learning_rate * self.adam_lr_ratio);
            return self.adam().update(&WeightStep { learning_rate, ..*step });
        };
        let momentum = momentum + (step.gradient + momentum * (self.momentum - 1.0));
        let direction = match self.nesterov {
            true => step.gradient + &momentum * self.momentum,
            false => momentum.clone(),
        };
        let largest = step.spec.shape.iter().copied().max().unwrap_or(1) as f32;
        let scale = self.rms_rate.map_or(1.0, |rate| largest.sqrt() * rate);
        let change = self.orthogonal(&direction) * (step.learning_rate * scale);
        (step.weight - change, vec![momentum])
    }

    fn config(&self) -> Value {
        self.fields()
    }
}
