//! What a layer asks for while it says what it computes.

use super::{LayerRef, WeightSpec};
use crate::initializers::Initializer;
use crate::ops;
use crate::regularizers::Regularizer;
use crate::tensor::lower::{Mode, random_state_type};
use crate::tensor::{Kind, Tensor};
use crate::variable::Variable;
use cornu_graph::op::Distribution;
use cornu_graph::{DType, Op, Result, Shape};

/// Hands a layer its weights and random numbers, and collects what it wants changed.
pub struct Scope {
    layer: LayerRef,
    mode: Mode,
    pub(crate) updates: Vec<(Variable, Tensor)>,
    pub(crate) losses: Vec<Tensor>,
}

impl Scope {
    pub(crate) fn new(layer: &LayerRef, mode: Mode) -> Scope {
        Scope { layer: layer.clone(), mode, updates: vec![], losses: vec![] }
    }

    /// Runs the layer's own definition.
    pub(crate) fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let layer = self.layer.clone();
        let results = layer.definition().forward_all(self, inputs)?;
        if let Some(regularizer) = layer.definition().activity_regularizer() {
            for result in &results {
                self.add_loss(mean_penalty(regularizer, result)?);
            }
        }
        Ok(results)
    }

    /// Whether the program trains. Dropout only drops then.
    pub fn training(&self) -> bool {
        self.mode == Mode::Train
    }

    /// The name of this instance of the layer: `"dense_1"`.
    pub fn name(&self) -> &str {
        self.layer.name()
    }

    /// Whether the layer is trained, or frozen: see [`LayerRef::set_trainable`].
    pub fn trainable(&self) -> bool {
        self.layer.trainable()
    }

    /// A trainable weight. It is made at the layer's first use and the same at every other. How it
    /// starts is said by an initializer (or its name), or with more wishes by a [`WeightSpec`].
    ///
    /// # Errors
    /// If an earlier use of the layer made it with another shape.
    pub fn weight(
        &mut self,
        name: &str,
        shape: impl Into<Vec<usize>>,
        spec: impl Into<WeightSpec>,
    ) -> Result<Tensor> {
        Ok(self.layer.variable(name, shape.into(), &spec.into(), true)?.tensor())
    }

    /// A variable that no optimizer changes, such as a moving average.
    ///
    /// # Errors
    /// If an earlier use of the layer made it with another shape.
    pub fn state(
        &mut self,
        name: &str,
        shape: impl Into<Vec<usize>>,
        initializer: &Initializer,
    ) -> Result<Variable> {
        self.layer.variable(name, shape.into(), &initializer.into(), false)
    }

    /// Gives a state variable a new value at the end of each training step. If the layer is called
    /// several times in a step, each call finds the value that the one before it gave.
    pub fn update(&mut self, state: &Variable, value: Tensor) {
        self.updates.push((state.clone(), value));
    }

    /// Adds a term to the loss of every model that uses this layer.
    pub fn add_loss(&mut self, loss: Tensor) {
        self.losses.push(loss);
    }

    /// Random numbers in [0, 1), new at every step.
    #[track_caller]
    pub fn random_uniform(&self, shape: &Shape) -> Tensor {
        random(Distribution::Uniform, shape)
    }

    /// Random numbers of mean 0 and standard deviation 1, new at every step.
    #[track_caller]
    pub fn random_normal(&self, shape: &Shape) -> Tensor {
        random(Distribution::Normal, shape)
    }
}

/// The penalty on outputs, divided by the number of samples, as Keras divides it: so its weight
/// beside those of the weights does not depend on the batch size.
fn mean_penalty(regularizer: &Regularizer, y: &Tensor) -> Result<Tensor> {
    let penalty = regularizer.penalty(y.check()?)?;
    Ok(match y.shape().dims().first() {
        Some(&batch) => penalty / ops::sum(Tensor::fill(DType::F32, &vec![batch].into(), 1.0), 0),
        None => penalty,
    })
}

#[track_caller]
fn random(distribution: Distribution, shape: &Shape) -> Tensor {
    let state = Tensor::from_kind(Kind::RandomState, random_state_type());
    Tensor::op(Op::Random { distribution, shape: shape.clone(), stream: 0 }, &[&state])
}
