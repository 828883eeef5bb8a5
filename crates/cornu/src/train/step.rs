//! Building the program of a step: forward, losses, metrics, gradients and update in one graph.

use super::feeds::{FeedSpec, StepData};
use super::trainer::{Figure, Trainer};
use crate::backend;
use crate::model::Built;
use crate::optimizers::{self, Before, Memory};
use crate::tensor::lower::{Lowerer, Mode};
use crate::tensor::{Kind, Tensor};
use crate::variable::{Variable, Variables};
use cornu_graph::op::Op;
use cornu_graph::scalar::BinaryOp;
use cornu_graph::{
    Array, DType, Dim, Elements, Error, ErrorKind, Graph, NodeId, Observer, Phase, Plan, Program,
    Result, Shape, TensorType,
};

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Forward, losses, metrics, gradients, update.
    Train,
    /// Forward, losses, metrics.
    Evaluate,
    /// Forward.
    Predict,
}

impl Purpose {
    fn mode(self) -> Mode {
        if self == Purpose::Train { Mode::Train } else { Mode::Predict }
    }
}

/// A loaded program with its variables.
pub struct StepProgram {
    program: Box<dyn Program>,
    variables: Variables,
    indexes: Vec<Array>,
    /// Before the passes: what [`super::nan`] interprets to find where a NaN began.
    pub graph: Graph,
}

impl StepProgram {
    /// Runs one batch of samples.
    pub fn run(&mut self, data: StepData<'_>) -> Result<()> {
        let arrays = data.arrays(&mut self.indexes);
        self.variables.lend(|variables| self.program.run(&arrays, variables))
    }

    /// Runs on the elements of a batch, which is fed as it is.
    pub fn run_on(&mut self, inputs: &[Elements<'_>]) -> Result<()> {
        self.variables.lend(|variables| self.program.run_on(inputs, variables))
    }

    /// The elements of an output of the last run, where they are.
    pub fn elements(&self, index: usize) -> Result<Elements<'_>> {
        self.program.elements(index)
    }

    /// Runs one batch of samples, followed by an observer.
    pub fn run_observed(&mut self, data: StepData<'_>, observer: &mut dyn Observer) -> Result<()> {
        let arrays = data.arrays(&mut self.indexes);
        let elements: Vec<Elements<'_>> = arrays.into_iter().map(Elements::from).collect();
        self.variables.lend(|variables| self.program.run_observed(&elements, variables, observer))
    }

    /// The program that takes all samples through one layer after the other, also where they are
    /// too many for the cache: its instructions are those of the whole batch.
    pub fn in_one(self) -> Result<StepProgram> {
        Ok(StepProgram { program: backend::compile(self.graph.clone())?, ..self })
    }

    /// The instructions, in the order in which they run.
    pub fn plan(&self) -> &Plan {
        self.program.plan()
    }

    /// A copy of an output of the last run.
    pub fn output(&self, index: usize) -> Array {
        self.program.output(index)
    }

    /// The values of the variables now, in the order of the graph.
    pub fn snapshot(&self) -> Vec<Array> {
        self.variables.values()
    }

    /// Gives the variables the values of an earlier snapshot.
    pub fn restore(&self, values: Vec<Array>) {
        self.variables.set_values(values);
    }

    /// What a run on these data is fed.
    pub fn fed(&mut self, data: StepData<'_>) -> Vec<Array> {
        data.arrays(&mut self.indexes).into_iter().cloned().collect()
    }
}

/// Builds the program for batches of a size. The columns are inputs, targets, and the sample
/// weights if there are any.
pub fn build(
    model: &Built,
    trainer: Option<&mut Trainer>,
    purpose: Purpose,
    batch: usize,
    feeds: &FeedSpec,
    random: &Variable,
) -> Result<StepProgram> {
    let lowerer = Lowerer::new(purpose.mode(), batch).with_random(random.clone());
    let mut builder = Builder { lowerer, batch, model };
    let columns = builder.named("data", |builder| feeds.lower(&mut builder.lowerer));
    let outputs = builder.forward(&columns)?;
    builder.check_all_known()?;
    match trainer {
        None => builder.lowerer.graph.outputs = outputs,
        Some(trainer) => builder.judge(trainer, purpose, &columns, &outputs)?,
    }
    builder.named("random", |builder| builder.advance_random(random));
    builder.load(purpose, feeds)
}

struct Builder<'a> {
    lowerer: Lowerer,
    batch: usize,
    model: &'a Built,
}

impl Builder<'_> {
    /// Marks the nodes that are added as belonging to a part of the step that is no layer.
    fn named<T>(&mut self, part: &str, body: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.lowerer.graph.set_origin(Some(part.into()));
        let result = body(self);
        self.lowerer.graph.set_origin(before);
        result
    }

    /// Binds the model's inputs to the columns and lowers its outputs.
    fn forward(&mut self, columns: &[NodeId]) -> Result<Vec<NodeId>> {
        for (index, input) in self.model.inputs.iter().enumerate() {
            let column = columns[index];
            let node = self.named("data", |builder| builder.fit_input(index, input, column))?;
            self.lowerer.bind(input, node);
        }
        self.model.outputs.iter().map(|output| self.lowerer.lower(output)).collect()
    }

    /// A column as the model's input wants it: its dtype, and a last dimension of 1 if it is
    /// missing.
    fn fit_input(&mut self, index: usize, input: &Tensor, column: NodeId) -> Result<NodeId> {
        let wanted = input.shape().with_batch(Dim::Known(self.batch));
        let graph = &mut self.lowerer.graph;
        let given = graph.ty(column).shape.clone();
        let mut with_channel = given.dims().to_vec();
        with_channel.push(Dim::Known(1));
        if given != wanted && Shape::from(with_channel) != wanted {
            let name = input_name(input, index);
            return Err(Error::shape(format!(
                "input '{name}' has samples of shape {}, but the data has samples of shape {}",
                sample_shape(&wanted),
                sample_shape(&given)
            ))
            .help(reshape_help(&given, &wanted)));
        }
        let shaped = graph.reshape(column, &wanted);
        Ok(graph.cast(shaped, input.dtype()))
    }

    /// Adds losses and metrics, and for training gradients and the update.
    fn judge(
        &mut self,
        trainer: &mut Trainer,
        purpose: Purpose,
        columns: &[NodeId],
        outputs: &[NodeId],
    ) -> Result<()> {
        let targets = &columns[self.model.inputs.len()..][..outputs.len()];
        let weight = columns.get(self.model.inputs.len() + outputs.len()).copied();
        let weight = weight.map(|node| {
            let float = self.lowerer.graph.cast(node, DType::F32);
            self.lowerer.placeholder(float)
        });
        let pairs: Vec<(Tensor, Tensor)> = targets
            .iter()
            .zip(outputs)
            .map(|(&t, &o)| (self.lowerer.placeholder(t), self.lowerer.placeholder(o)))
            .collect();
        let (losses, loss) = self.named("loss", |builder| -> Result<_> {
            let losses = builder.losses(trainer, &pairs, weight.as_ref())?;
            let loss = builder.total(trainer, &losses)?;
            Ok((losses, loss))
        })?;
        self.named("metrics", |builder| {
            builder.track(trainer, &pairs, weight.as_ref(), &losses, loss)
        })?;
        self.lowerer.graph.outputs = vec![loss];
        if purpose == Purpose::Train {
            self.named("optimizer", |builder| builder.update_weights(trainer, loss))?;
            for (variable, value) in std::mem::take(&mut self.lowerer.updates) {
                self.lowerer.update(&variable, value);
            }
        }
        Ok(())
    }

    fn losses(
        &mut self,
        trainer: &Trainer,
        pairs: &[(Tensor, Tensor)],
        weight: Option<&Tensor>,
    ) -> Result<Vec<NodeId>> {
        let mut losses = Vec::new();
        for (output, (y_true, y_pred)) in trainer.outputs.iter().zip(pairs) {
            let loss = output.loss.call(y_true, y_pred, weight).and_then(|loss| {
                let node = self.lowerer.lower(&loss)?;
                let ty = self.lowerer.graph.ty(node);
                if ty.shape.rank() == 0 && ty.dtype.is_float() {
                    return Ok(node);
                }
                Err(Error::shape(format!("a loss must come down to one number, not to {ty}")))
            });
            losses.push(loss.map_err(|e| e.within(format!("loss of output '{}'", output.name)))?);
        }
        Ok(losses)
    }

    /// The weighted sum of the losses, with what layers add and the penalties on trained weights.
    fn total(&mut self, trainer: &Trainer, losses: &[NodeId]) -> Result<NodeId> {
        let mut terms = Vec::new();
        for (output, &loss) in trainer.outputs.iter().zip(losses) {
            let factor = f64::from(output.loss_weight);
            terms.push(self.lowerer.graph.binary_scalar(BinaryOp::Mul, loss, factor));
        }
        for loss in self.lowerer.losses.clone() {
            let ty = self.lowerer.graph.ty(loss);
            if ty.shape.rank() != 0 {
                return Err(Error::shape(format!("a layer added a loss of shape {}", ty.shape)));
            }
            terms.push(loss);
        }
        for penalty in self.model.weights().iter().filter_map(Variable::penalty) {
            terms.push(self.lowerer.lower(&penalty?)?);
        }
        let graph = &mut self.lowerer.graph;
        let sum = terms.into_iter().reduce(|a, b| graph.binary(BinaryOp::Add, a, b));
        sum.ok_or_else(|| Error::state("the model has no outputs to take a loss of"))
    }

    /// Adds this batch to the totals of all figures.
    fn track(
        &mut self,
        trainer: &mut Trainer,
        pairs: &[(Tensor, Tensor)],
        weight: Option<&Tensor>,
        losses: &[NodeId],
        loss: NodeId,
    ) -> Result<()> {
        let types: Vec<(TensorType, TensorType)> =
            pairs.iter().map(|(t, p)| (t.ty().clone(), p.ty().clone())).collect();
        for tracker in trainer.trackers(&types)? {
            let totals: Vec<Tensor> = tracker.totals.iter().map(Variable::tensor).collect();
            let new = match &tracker.figure {
                Figure::Loss => self.mean_of_loss(&totals, loss),
                Figure::OutputLoss(output) => self.mean_of_loss(&totals, losses[*output]),
                Figure::Metric { output, metric, weighted } => {
                    let (y_true, y_pred) = &pairs[*output];
                    metric
                        .update(&totals, y_true, y_pred, weight.filter(|_| *weighted))
                        .map_err(|e| e.within(format!("metric '{}'", tracker.name)))?
                }
            };
            for (total, value) in tracker.totals.iter().zip(&new) {
                let node = self.lowerer.lower(value)?;
                self.lowerer.update(total, node);
            }
        }
        Ok(())
    }

    /// The loss of a batch counts as often as the batch has samples.
    fn mean_of_loss(&mut self, totals: &[Tensor], loss: NodeId) -> Vec<Tensor> {
        let loss = self.lowerer.placeholder(loss);
        let samples = self.batch as f32;
        vec![&totals[0] + loss * samples, &totals[1] + samples]
    }

    /// Appends the gradients and the optimizer's update.
    fn update_weights(&mut self, trainer: &mut Trainer, loss: NodeId) -> Result<()> {
        trainer.decide_trained(&self.model.weights());
        let weights: Vec<(Variable, NodeId)> = self
            .lowerer
            .variables
            .clone()
            .into_iter()
            .filter(|v| trainer.is_trained(v))
            .filter_map(|v| self.lowerer.variable_node(&v).map(|node| (v, node)))
            .collect();
        self.check_all_reached(trainer, &weights)?;
        if weights.is_empty() {
            return Ok(());
        }
        // The gradients are divided by it again, before anything else is done with them.
        let loss = match trainer.optimizer.common().loss_scale_factor {
            Some(f) => self.lowerer.graph.binary_scalar(BinaryOp::Mul, loss, f64::from(f)),
            None => loss,
        };
        let nodes: Vec<NodeId> = weights.iter().map(|(_, node)| *node).collect();
        let gradients = cornu_graph::grad::gradients(&mut self.lowerer.graph, loss, &nodes)?;
        let gradients = gradients
            .into_iter()
            .zip(&weights)
            .map(|(gradient, (weight, _))| gradient.ok_or_else(|| no_gradient(weight)))
            .collect::<Result<Vec<NodeId>>>()?;
        let phase = self.lowerer.graph.set_phase(Phase::Update);
        self.apply(trainer, &weights, &gradients)?;
        self.lowerer.graph.set_phase(phase);
        Ok(())
    }

    fn apply(
        &mut self,
        trainer: &mut Trainer,
        weights: &[(Variable, NodeId)],
        gradients: &[NodeId],
    ) -> Result<()> {
        let memories: Vec<Memory<Variable>> =
            weights.iter().map(|(weight, _)| trainer.state.memory_of(weight)).collect();
        let before: Vec<Before<'_>> = weights
            .iter()
            .zip(gradients)
            .zip(&memories)
            .map(|(((weight, _), &gradient), memory)| Before {
                path: weight.path(),
                weight: weight.tensor(),
                gradient: self.lowerer.placeholder(gradient),
                memory: memory.map(Variable::tensor),
            })
            .collect();
        let (iterations, rate) = trainer.state.clock()?;
        let after = optimizers::step(trainer.optimizer.as_ref(), &before, &iterations, &rate)?;
        self.store(&trainer.state.iterations, &(iterations + 1))?;
        for (((weight, node), memory), after) in weights.iter().zip(&memories).zip(&after) {
            // The layer that used it first.
            let layer = self.lowerer.graph.node(*node).origin.clone();
            self.named(layer.as_deref().unwrap_or("optimizer"), |builder| -> Result<()> {
                builder.store(weight, &weight.constrained(&after.weight)?)?;
                for (variable, value) in memory.iter().zip(after.memory.iter()) {
                    builder.store(variable, value)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn store(&mut self, variable: &Variable, value: &Tensor) -> Result<()> {
        let node = self.lowerer.lower(value)?;
        self.lowerer.update(variable, node);
        Ok(())
    }

    /// A weight that the model does not know would be trained, or made anew for every program, and
    /// never be saved.
    fn check_all_known(&self) -> Result<()> {
        let known = self.model.weights();
        let stray = self
            .lowerer
            .variables
            .iter()
            .find(|v| v.trainable() && !known.iter().any(|k| k.id() == v.id()));
        stray.map_or(Ok(()), |stray| {
            Err(Error::state(format!(
                "the weight '{}' belongs to no layer of the model: it was made or captured inside \
                 a Lambda or another layer's forward",
                stray.path()
            ))
            .help(
                "call the layer on the model's own tensors; a layer of your own that has layers \
                 inside returns them from Layer::layers",
            ))
        })
    }

    /// A trainable weight that the outputs do not depend on would never learn.
    fn check_all_reached(&self, trainer: &Trainer, reached: &[(Variable, NodeId)]) -> Result<()> {
        let missing = self
            .model
            .weights()
            .into_iter()
            .find(|w| trainer.is_trained(w) && !reached.iter().any(|(r, _)| r.id() == w.id()));
        missing.map_or(Ok(()), |weight| Err(no_gradient(&weight)))
    }

    /// The next run draws other numbers.
    fn advance_random(&mut self, random: &Variable) {
        if !self.lowerer.uses_randomness() {
            return;
        }
        let state = self.lowerer.variable(random);
        let graph = &mut self.lowerer.graph;
        let one = Array::new([3], vec![0, 0, 1]).expect("three numbers");
        let one = graph.add(Op::Constant(one), &[]);
        let next = graph.binary(BinaryOp::Add, state, one);
        self.lowerer.update(random, next);
    }

    fn load(self, purpose: Purpose, feeds: &FeedSpec) -> Result<StepProgram> {
        let Lowerer { graph, variables, .. } = self.lowerer;
        debug_assert!(cornu_graph::verify::verify(&graph).is_ok(), "{graph}");
        let program = match purpose {
            Purpose::Predict => backend::compile_in_strips(&graph, self.batch)?,
            Purpose::Train | Purpose::Evaluate => backend::compile(graph.clone())?,
        };
        let indexes = feeds.indexes(self.batch);
        Ok(StepProgram { program, variables: Variables::new(variables), indexes, graph })
    }
}

/// What an input is called in messages.
pub(super) fn input_name(input: &Tensor, index: usize) -> String {
    match input.kind() {
        Kind::Input { name: Some(name) } => name.clone(),
        _ => index.to_string(),
    }
}

fn no_gradient(weight: &Variable) -> Error {
    Error::new(
        ErrorKind::State,
        format!("the loss does not depend on the trainable weight '{}'", weight.path()),
    )
    .help("connect its layer to an output that has a loss, or call set_trainable(false) on it")
}

fn sample_shape(batch: &Shape) -> Shape {
    Shape::from(batch.dims().get(1..).unwrap_or_default().to_vec())
}

fn reshape_help(given: &Shape, wanted: &Shape) -> String {
    if given.count() == wanted.count() {
        let sizes = sample_shape(wanted).sizes();
        format!("reshape the data: array.reshape(…) to samples of {sizes:?}")
    } else {
        format!("the model was built for Input::new({:?})", sample_shape(wanted).sizes())
    }
}
