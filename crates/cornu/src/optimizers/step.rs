//! One step of all weights, in Keras's order: unscaling and accumulation of gradients, clipping,
//! weight decay, update, moving averages.
//!
//! All of it is expressions, so that a step is one program whether it updates or only accumulates:
//! what a step leaves as it was is chosen by the number of the step.

use super::slot::Memory;
use super::{Common, Optimizer, WeightSpec, WeightStep};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::scalar::BinaryOp;
use cornu_graph::{DType, Error, Op, Result};

/// A weight before a step.
pub(crate) struct Before<'a> {
    /// Where it belongs: `"dense/kernel"`.
    pub path: &'a str,
    /// Its value.
    pub weight: Tensor,
    /// The gradient of the loss times `loss_scale_factor`.
    pub gradient: Tensor,
    /// What is remembered of it.
    pub memory: Memory<Tensor>,
}

/// A weight after a step.
pub(crate) struct After {
    pub weight: Tensor,
    pub memory: Memory<Tensor>,
}

/// The weights after a step, and what is remembered of each. `iterations` is how many steps were
/// done, an `int32` scalar; `learning_rate` a `float32` scalar.
///
/// # Errors
/// If the optimizer's settings make no sense, or gradients or slots are not those of the weights.
pub(crate) fn step(
    optimizer: &dyn Optimizer,
    weights: &[Before<'_>],
    iterations: &Tensor,
    learning_rate: &Tensor,
) -> Result<Vec<After>> {
    let common = optimizer.common();
    common.check()?;
    optimizer.check()?;
    let clock = Clock::new(common, iterations);
    let (mut gradients, mut accumulators) = (vec![], vec![]);
    for before in weights {
        check_fit(optimizer, before)?;
        let (gradient, accumulator) = accumulate(common, &clock, before);
        gradients.push(gradient);
        accumulators.push(accumulator);
    }
    let gradients = clip(common, &gradients);
    let mut all = Vec::with_capacity(weights.len());
    for ((before, gradient), accumulator) in weights.iter().zip(&gradients).zip(accumulators) {
        let (weight, slots) = update(optimizer, &clock, before, gradient, learning_rate);
        let average = before.memory.average.as_ref();
        let (weight, average) = follow(common, &clock, weight, average);
        let memory = Memory { slots, average, accumulator };
        weight.check()?;
        memory.iter().try_for_each(|kept| kept.check().map(drop))?;
        all.push(After { weight, memory });
    }
    Ok(all)
}

/// What a step is due to do.
struct Clock {
    /// How many updates were done, an `int32` scalar.
    updates: Tensor,
    /// Whether this step updates the weights, if not all do.
    due: Option<Tensor>,
}

impl Clock {
    fn new(common: &Common, iterations: &Tensor) -> Clock {
        let Some(steps) = common.gradient_accumulation_steps else {
            return Clock { updates: iterations.clone(), due: None };
        };
        let steps = Tensor::from(whole(steps));
        // `ops::divide` is that of floats, which are not exact beyond 16 million.
        let updates = Tensor::op(Op::Binary(BinaryOp::Div), &[iterations, &steps]);
        Clock { updates, due: Some(is_multiple(&(iterations + 1), &steps)) }
    }

    /// `new` on a step that updates, else `old`.
    fn choose(&self, new: Tensor, old: &Tensor) -> Tensor {
        match &self.due {
            Some(due) => ops::where_(due, new, old),
            None => new,
        }
    }
}

fn is_multiple(number: &Tensor, of: &Tensor) -> Tensor {
    ops::equal(ops::mod_(number, of), 0)
}

/// A number of steps as the counter counts; more than it counts to never comes.
fn whole(steps: usize) -> i32 {
    i32::try_from(steps).unwrap_or(i32::MAX)
}

fn check_fit(optimizer: &dyn Optimizer, before: &Before<'_>) -> Result<()> {
    let Before { weight, gradient, memory, .. } = before;
    if weight.shape() != gradient.shape() {
        return Err(Error::shape(format!(
            "a weight of shape {} has a gradient of shape {}",
            weight.shape(),
            gradient.shape()
        )));
    }
    let wanted = optimizer.slots(&spec(before, &weight.shape().sizes())).len();
    if memory.slots.len() != wanted {
        return Err(Error::value(format!(
            "{} remembers {wanted} things of this weight, not {}",
            optimizer.kind(),
            memory.slots.len()
        )));
    }
    Ok(())
}

fn spec<'a>(before: &Before<'a>, shape: &'a [usize]) -> WeightSpec<'a> {
    WeightSpec { path: before.path, shape }
}

/// The gradient to update with, and the new sum of gradients: on a step that updates their mean and
/// zeros.
fn accumulate(common: &Common, clock: &Clock, before: &Before<'_>) -> (Tensor, Option<Tensor>) {
    let gradient = match common.loss_scale_factor {
        Some(factor) => &before.gradient / factor,
        None => before.gradient.clone(),
    };
    match (&before.memory.accumulator, common.gradient_accumulation_steps) {
        (Some(accumulator), Some(steps)) => {
            let sum = gradient + accumulator;
            let left = clock.choose(Tensor::from(0.0), &sum);
            (sum / steps as f32, Some(left))
        }
        _ => (gradient, None),
    }
}

fn clip(common: &Common, gradients: &[Tensor]) -> Vec<Tensor> {
    // As in Keras, a bound of 0 or less is none.
    let positive = |bound: Option<f32>| bound.filter(|&bound| bound > 0.0);
    if let Some(bound) = positive(common.clipnorm) {
        gradients.iter().map(|g| g * scale(ops::sum(g.square(), Axis::ALL), bound)).collect()
    } else if let Some(bound) = positive(common.global_clipnorm) {
        let squares = gradients.iter().map(|g| ops::sum(g.square(), Axis::ALL));
        let Some(total) = squares.reduce(|a, b| a + b) else { return vec![] };
        let scale = scale(total, bound);
        gradients.iter().map(|g| g * &scale).collect()
    } else if let Some(bound) = positive(common.clipvalue) {
        gradients.iter().map(|g| g.clip(-bound, bound)).collect()
    } else {
        gradients.to_vec()
    }
}

/// What brings a gradient down to a norm, if its own is larger.
fn scale(squares: Tensor, bound: f32) -> Tensor {
    bound / squares.sqrt().maximum(bound)
}

/// Weight decay and the optimizer's own rule, on a step that updates.
fn update(
    optimizer: &dyn Optimizer,
    clock: &Clock,
    before: &Before<'_>,
    gradient: &Tensor,
    learning_rate: &Tensor,
) -> (Tensor, Vec<Tensor>) {
    let shape = before.weight.shape().sizes();
    let spec = spec(before, &shape);
    let decay = optimizer.weight_decay(&spec).filter(|_| optimizer.common().decays(&spec));
    let step = WeightStep {
        spec,
        weight: &decayed(&before.weight, decay, learning_rate),
        gradient,
        slots: &before.memory.slots,
        learning_rate,
        iteration: &ops::cast(&clock.updates + 1, DType::F32),
    };
    let (weight, slots) = optimizer.update(&step);
    let slots = slots.into_iter().zip(&before.memory.slots);
    let slots = slots.map(|(new, old)| clock.choose(new, old)).collect();
    (clock.choose(weight, &before.weight), slots)
}

fn decayed(weight: &Tensor, decay: Option<f32>, learning_rate: &Tensor) -> Tensor {
    match decay {
        Some(decay) => weight - weight * (learning_rate * decay),
        None => weight.clone(),
    }
}

/// The new moving average of a weight, which takes the weight's place when that is due.
fn follow(
    common: &Common,
    clock: &Clock,
    weight: Tensor,
    average: Option<&Tensor>,
) -> (Tensor, Option<Tensor>) {
    let Some(average) = average else { return (weight, None) };
    // Before the first update there is nothing to keep.
    let begun = ops::cast(ops::greater(&clock.updates, 0), DType::F32);
    let momentum = begun * common.ema_momentum;
    let average = &momentum * average + (1.0 - &momentum) * &weight;
    let weight = match common.ema_overwrite_frequency {
        Some(every) => {
            let due = is_multiple(&(&clock.updates + 1), &Tensor::from(whole(every)));
            ops::where_(due, &average, weight)
        }
        None => weight,
    };
    (weight, Some(average))
}
