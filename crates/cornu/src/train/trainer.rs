//! What `compile` leaves behind: optimizer, losses, metrics, their variables, and the programs.

use super::Logs;
use super::feeds::FeedSpec;
use super::state::State;
use super::step::{self, Purpose, StepProgram};
use crate::losses::Loss;
use crate::metrics::{Direction, Metric, MetricSpec};
use crate::model::Built;
use crate::optimizers::Optimizer;
use crate::tensor::lower::random_state_type;
use crate::variable::Variable;
use cornu_graph::{Array, Result, TensorType};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many programs a trainer keeps: data of ever new sizes must not keep one for each.
const MOST_PROGRAMS: usize = 32;

/// A compiled model's training state.
pub(crate) struct Trainer {
    pub optimizer: Arc<dyn Optimizer>,
    /// One for each output of the model.
    pub outputs: Vec<OutputSpec>,
    /// The state that training changes.
    pub state: State,
    /// How many epochs were trained: what comes next would be `initial_epoch`.
    pub epochs: u64,
    /// The weights to train, decided at the first step: changing a flag later takes a new compile.
    trained: Option<HashSet<u64>>,
    trackers: Option<Vec<Tracker>>,
    programs: Vec<StepProgram>,
    /// Which program was built first, once there are as many as are kept.
    oldest: usize,
    /// Which program is for which data.
    keys: HashMap<ProgramKey, ProgramId>,
    /// The program that was asked for last: nearly always it is wanted again.
    last: Option<(ProgramKey, ProgramId)>,
}

/// A program of a trainer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProgramId(usize);

/// How one output of the model is judged.
#[derive(Clone)]
pub(crate) struct OutputSpec {
    /// The name before its figures, if the model has several outputs.
    pub name: String,
    pub loss: Loss,
    pub loss_weight: f32,
    pub metrics: Vec<MetricSpec>,
    pub weighted_metrics: Vec<MetricSpec>,
}

/// A figure and its totals.
pub(crate) struct Tracker {
    /// Under which name it is shown.
    pub name: String,
    pub figure: Figure,
    pub totals: Vec<Variable>,
    /// The totals before the first batch.
    first: Vec<Array>,
}

/// What a tracker adds up.
pub(crate) enum Figure {
    /// The whole loss.
    Loss,
    /// The loss of one output.
    OutputLoss(usize),
    /// A metric of one output.
    Metric { output: usize, metric: Arc<dyn Metric>, weighted: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ProgramKey {
    purpose: Purpose,
    batch: usize,
    feeds: FeedSpec,
    weighted: bool,
}

impl Trainer {
    pub fn new(optimizer: Arc<dyn Optimizer>, outputs: Vec<OutputSpec>) -> Trainer {
        let state = State::new(optimizer.clone());
        Trainer::with_state(optimizer, outputs, state)
    }

    /// A trainer of the same model that begins anew, and whose steps change nothing here. It trains
    /// what this one trains, if that is decided, and draws the random numbers that come next here.
    pub fn anew(&self) -> Trainer {
        let random = self.state.random.value();
        let random = Variable::new(self.state.random.path(), random, false);
        let state = State::with_random(self.optimizer.clone(), random);
        let trained = self.trained.clone();
        let new = Trainer::with_state(self.optimizer.clone(), self.outputs.clone(), state);
        Trainer { trained, ..new }
    }

    fn with_state(
        optimizer: Arc<dyn Optimizer>,
        outputs: Vec<OutputSpec>,
        state: State,
    ) -> Trainer {
        Trainer {
            optimizer,
            outputs,
            state,
            epochs: 0,
            trained: None,
            trackers: None,
            programs: vec![],
            oldest: 0,
            keys: HashMap::new(),
            last: None,
        }
    }

    /// Decides which weights are trained, once, and makes what the optimizer remembers of them.
    pub fn decide_trained(&mut self, weights: &[Variable]) {
        if self.trained.is_some() {
            return;
        }
        let trained: Vec<&Variable> = weights.iter().filter(|w| w.trainable()).collect();
        self.trained = Some(trained.iter().map(|w| w.id()).collect());
        for weight in trained {
            self.state.memory_of(weight);
        }
    }

    /// Whether a weight is trained.
    pub fn is_trained(&self, weight: &Variable) -> bool {
        self.trained.as_ref().is_some_and(|trained| trained.contains(&weight.id()))
    }

    /// The trackers, made once the types of targets and outputs are known.
    pub fn trackers(&mut self, types: &[(TensorType, TensorType)]) -> Result<&[Tracker]> {
        if self.trackers.is_none() {
            self.trackers = Some(self.make_trackers(types)?);
        }
        Ok(self.trackers.as_deref().unwrap_or_default())
    }

    fn make_trackers(&self, types: &[(TensorType, TensorType)]) -> Result<Vec<Tracker>> {
        let mut trackers = vec![Tracker::mean("loss".into(), Figure::Loss)];
        let several = self.outputs.len() > 1;
        for (index, (output, (y_true, y_pred))) in self.outputs.iter().zip(types).enumerate() {
            let named = |name: &str| {
                if several { format!("{}_{name}", output.name) } else { name.to_owned() }
            };
            if several {
                let name = named("loss");
                let name = unused_name(&trackers, name.clone(), || name);
                trackers.push(Tracker::mean(name, Figure::OutputLoss(index)));
            }
            let plain = output.metrics.iter().map(|m| (m, false));
            let weighted = output.weighted_metrics.iter().map(|m| (m, true));
            for (spec, weighted) in plain.chain(weighted) {
                let metric = spec.resolve(y_true, y_pred)?;
                let name = unused_name(&trackers, named(&metric.name()), || {
                    named(&format!("weighted_{}", metric.name()))
                });
                let first = metric.state(y_true, y_pred)?;
                let figure = Figure::Metric { output: index, metric, weighted };
                trackers.push(Tracker::new(name, figure, first));
            }
        }
        Ok(trackers)
    }

    /// The program for batches of a size of these data, built at its first use.
    pub fn program(
        &mut self,
        built: &Built,
        purpose: Purpose,
        batch: usize,
        feeds: &FeedSpec,
        weighted: bool,
    ) -> Result<ProgramId> {
        if let Some((last, id)) = &self.last
            && (last.purpose, last.batch, last.weighted) == (purpose, batch, weighted)
            && last.feeds == *feeds
        {
            return Ok(*id);
        }
        let key = ProgramKey { purpose, batch, feeds: feeds.clone(), weighted };
        let id = match self.keys.get(&key) {
            Some(&id) => id,
            None => {
                let random = self.state.random.clone();
                let program = step::build(built, Some(self), purpose, batch, feeds, &random)?;
                let id = self.keep(program);
                self.keys.insert(key.clone(), id);
                id
            }
        };
        self.last = Some((key, id));
        Ok(id)
    }

    /// Keeps a program, in the place of the oldest if there are many.
    fn keep(&mut self, program: StepProgram) -> ProgramId {
        if self.programs.len() < MOST_PROGRAMS {
            self.programs.push(program);
            return ProgramId(self.programs.len() - 1);
        }
        let id = ProgramId(self.oldest);
        self.oldest = (self.oldest + 1) % MOST_PROGRAMS;
        self.keys.retain(|_, known| *known != id);
        self.programs[id.0] = program;
        id
    }

    /// The program itself.
    pub fn get(&mut self, id: ProgramId) -> &mut StepProgram {
        &mut self.programs[id.0]
    }

    /// What lasts from step to step beside the weights, to save it and to go on with it: the number
    /// of steps, the learning rate (if it is no schedule), the random state, the slots of each
    /// weight, the moving averages, the sums of gradients. The last three are in the order of the
    /// model's weights, and there only after [`Trainer::decide_trained`].
    pub fn variables(&self) -> Vec<Variable> {
        let mut all = self.state.optimizer_variables();
        let numbers = 1 + usize::from(self.state.learning_rate.is_some());
        all.insert(numbers, self.state.random.clone());
        all
    }

    /// Which way a figure becomes better, if it is a loss or its metric says so.
    pub fn direction_of(&self, figure: &str) -> Option<Direction> {
        let tracker = self.trackers.iter().flatten().find(|tracker| tracker.name == figure)?;
        match &tracker.figure {
            Figure::Loss | Figure::OutputLoss(_) => Some(Direction::Down),
            Figure::Metric { metric, .. } => metric.direction(),
        }
    }

    /// Begins to add up anew.
    pub fn reset(&mut self) {
        for tracker in self.trackers.iter().flatten() {
            for (total, first) in tracker.totals.iter().zip(&tracker.first) {
                total.assign(first.clone()).expect("a total keeps its type");
            }
        }
    }

    /// The figures so far.
    pub fn logs(&self) -> Logs {
        let mut logs = Logs::default();
        for tracker in self.trackers.iter().flatten() {
            logs.set(tracker.name.as_str(), tracker.result());
        }
        logs
    }

    /// How many steps the optimizer made since `compile`.
    pub fn iterations(&self) -> u64 {
        self.state.iterations.number() as u64
    }

    /// The seed that everything random in this training comes from.
    pub fn seed(&self) -> u64 {
        let state = self.state.random.value().values().to_f64();
        let half = |i: usize| u64::from(state.get(i).copied().unwrap_or_default() as i32 as u32);
        half(0) | half(1) << 32
    }

    /// The variables that the figures are added up in.
    pub fn total_variables(&self) -> Vec<Variable> {
        self.trackers.iter().flatten().flat_map(|t| &t.totals).cloned().collect()
    }

    /// The totals now, to go on adding after another evaluation.
    pub fn totals(&self) -> Vec<Array> {
        self.trackers.iter().flatten().flat_map(|t| &t.totals).map(Variable::value).collect()
    }

    /// Goes on with earlier totals.
    pub fn set_totals(&mut self, totals: Vec<Array>) {
        let trackers = self.trackers.iter().flatten().flat_map(|t| &t.totals);
        for (total, value) in trackers.zip(totals) {
            total.assign(value).expect("a total keeps its type");
        }
    }

    /// Whether the loss so far is a number. Cheap enough to ask after every step.
    pub fn loss_is_finite(&self) -> bool {
        let loss = self.trackers.iter().flatten().next();
        loss.is_none_or(|tracker| tracker.totals[0].number().is_finite())
    }
}

impl Tracker {
    fn new(name: String, figure: Figure, first: Vec<Array>) -> Tracker {
        let total = |(i, value): (usize, &Array)| {
            Variable::new(format!("metrics/{name}/{i}"), value.clone(), false)
        };
        let totals = first.iter().enumerate().map(total).collect();
        Tracker { name, figure, totals, first }
    }

    /// A mean: the totals are the sum and the weight.
    fn mean(name: String, figure: Figure) -> Tracker {
        Tracker::new(name, figure, vec![Array::scalar(0.0f32); 2])
    }

    fn result(&self) -> f64 {
        match &self.figure {
            Figure::Loss | Figure::OutputLoss(_) => {
                let (total, count) = (self.totals[0].number(), self.totals[1].number());
                if count == 0.0 { 0.0 } else { total / count }
            }
            Figure::Metric { metric, .. } => {
                let totals: Vec<Array> = self.totals.iter().map(Variable::value).collect();
                metric.result(&totals)
            }
        }
    }
}

/// The name of a figure that no other has: a weighted twin is called so, further ones are numbered.
fn unused_name(trackers: &[Tracker], name: String, twin: impl FnOnce() -> String) -> String {
    let taken = |name: &str| trackers.iter().any(|t| t.name == name);
    if !taken(&name) {
        return name;
    }
    let twin = twin();
    let numbered = (1..).map(|i| format!("{name}_{i}"));
    std::iter::once(twin).chain(numbered).find(|name| !taken(name)).unwrap_or(name.clone())
}

/// The random state of a program: the seed's halves and the step.
pub(crate) fn random_state(seed: u64) -> Variable {
    let state = vec![seed as u32 as i32, (seed >> 32) as u32 as i32, 0];
    let array = Array::new([3], state).expect("three numbers");
    debug_assert_eq!(array.ty(), random_state_type());
    Variable::new("random/state", array, false)
}
