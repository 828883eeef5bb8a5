//! Variables: values that last from one run of a program to the next.

use crate::constraints::Constraint;
use crate::layers::WeightSpec;
use crate::regularizers::Regularizer;
use crate::tensor::{Kind, Tensor};
use cornu_graph::{Array, Error, Result, TensorType, Values};
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A weight, an optimizer's slot, a metric's total or a random state. Cloning copies a pointer: all
/// clones are the same variable.
#[derive(Clone)]
pub struct Variable(Arc<Inner>);

struct Inner {
    id: u64,
    path: String,
    ty: TensorType,
    /// Whether it was made to be trained.
    weight: bool,
    regularizer: Option<Regularizer>,
    constraint: Option<Constraint>,
    trainable: AtomicBool,
    value: Mutex<Array>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Variable {
    /// A variable with its first value. `path` is where it belongs: `"dense_1/kernel"`.
    pub fn new(path: impl Into<String>, value: Array, trainable: bool) -> Variable {
        Variable::build(path.into(), value, trainable, (None, None))
    }

    /// A weight with what is asked of it, which must fit its shape.
    pub(crate) fn weight(path: String, value: Array, spec: &WeightSpec) -> Result<Variable> {
        let wishes = (spec.regularizer.clone(), spec.constraint.clone());
        let weight = Variable::build(path, value, true, wishes);
        weight.penalty().transpose()?;
        weight.constrained(&weight.tensor())?;
        Ok(weight)
    }

    fn build(
        path: String,
        value: Array,
        trainable: bool,
        (regularizer, constraint): (Option<Regularizer>, Option<Constraint>),
    ) -> Variable {
        Variable(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            path,
            ty: value.ty(),
            weight: trainable,
            regularizer,
            constraint,
            trainable: AtomicBool::new(trainable),
            value: Mutex::new(value),
        }))
    }

    /// The penalty that it adds to the loss, if it is trained and has one.
    pub(crate) fn penalty(&self) -> Option<Result<Tensor>> {
        let regularizer = self.0.regularizer.as_ref().filter(|_| self.trainable())?;
        let penalty = regularizer.penalty(&self.tensor());
        Some(penalty.map_err(|e| e.within(format!("regularizer of '{}'", self.path()))))
    }

    /// What a new value becomes by the weight's constraint.
    pub(crate) fn constrained(&self, value: &Tensor) -> Result<Tensor> {
        match &self.0.constraint {
            None => Ok(value.clone()),
            Some(constraint) => constraint
                .apply(value)
                .map_err(|e| e.within(format!("constraint of '{}'", self.path()))),
        }
    }

    /// Where the variable belongs: the layer and the name, as in `"dense_1/kernel"`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The name without the layer: `"kernel"`.
    pub fn name(&self) -> &str {
        self.0.path.rsplit('/').next().unwrap_or_default()
    }

    /// Dtype and shape.
    pub fn ty(&self) -> &TensorType {
        &self.0.ty
    }

    /// The sizes of the dimensions.
    pub fn shape(&self) -> Vec<usize> {
        self.0.ty.shape.sizes()
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.0.ty.len()
    }

    /// Whether it holds no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an optimizer changes it.
    pub fn trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Whether it was made to be trained, frozen or not.
    pub(crate) fn is_weight(&self) -> bool {
        self.0.weight
    }

    /// Says whether an optimizer changes it, from the next `compile` on (or the first `fit` after).
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Relaxed);
    }

    /// The value now. Shares the elements until one side is written to.
    pub fn value(&self) -> Array {
        self.lock().clone()
    }

    /// Gives it another value of the same type.
    ///
    /// # Errors
    /// If shape or dtype differ.
    pub fn assign(&self, value: Array) -> Result<()> {
        if value.ty() != self.0.ty {
            return Err(Error::shape(format!(
                "cannot assign a {} to '{}', which is a {}",
                value.ty(),
                self.path(),
                self.0.ty
            )));
        }
        *self.lock() = value;
        Ok(())
    }

    /// The tensor that has this variable's value wherever it is computed.
    #[track_caller]
    pub fn tensor(&self) -> Tensor {
        Tensor::from_kind(Kind::Variable(self.clone()), self.0.ty.clone())
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    fn lock(&self) -> MutexGuard<'_, Array> {
        // A panic while the lock was held cannot leave an array half assigned.
        self.0.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number in a scalar variable.
    pub(crate) fn number(&self) -> f64 {
        match self.lock().values() {
            Values::F32(values) => values.first().copied().map(f64::from),
            values => values.to_f64().first().copied(),
        }
        .unwrap_or_default()
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable {} {}", self.0.path, self.0.ty)
    }
}

type Guards<'a> = Vec<Option<MutexGuard<'a, Array>>>;

/// The memory of the vectors that [`Variables::lend`] needs, while they are empty.
#[derive(Default)]
struct Room {
    guards: Guards<'static>,
    arrays: Vec<&'static mut Array>,
}

thread_local! {
    static ROOM: Cell<Room> = Cell::default();
}

/// A vector without its elements, for those of another lifetime: collecting what a vector yields
/// into one of the same layout keeps its memory.
fn emptied<A, B>(mut vec: Vec<A>) -> Vec<B> {
    vec.clear();
    vec.into_iter().map(|_| unreachable!("it is empty")).collect()
}

/// The variables of a program.
pub(crate) struct Variables {
    variables: Vec<Variable>,
    /// In which order to lock them: by id, so that two programs can never wait for each other.
    order: Vec<usize>,
}

impl Variables {
    /// Variables in the order of their index in the program.
    pub fn new(variables: Vec<Variable>) -> Variables {
        let mut order: Vec<usize> = (0..variables.len()).collect();
        order.sort_unstable_by_key(|&i| variables[i].id());
        Variables { variables, order }
    }

    /// Locks them all and hands them over. Allocates nothing once the thread did it before.
    pub fn lend<T>(&self, body: impl FnOnce(&mut [&mut Array]) -> T) -> T {
        let room = ROOM.take();
        let mut guards: Guards<'_> = emptied(room.guards);
        guards.resize_with(self.variables.len(), || None);
        for &i in &self.order {
            guards[i] = Some(self.variables[i].lock());
        }
        let mut arrays: Vec<&mut Array> = emptied(room.arrays);
        arrays.extend(guards.iter_mut().flatten().map(|guard| &mut **guard));
        let result = body(&mut arrays);
        let arrays = emptied(arrays);
        ROOM.set(Room { guards: emptied(guards), arrays });
        result
    }

    /// Their values now.
    pub fn values(&self) -> Vec<Array> {
        self.variables.iter().map(Variable::value).collect()
    }

    /// Gives them the values that they had.
    pub fn set_values(&self, values: Vec<Array>) {
        for (variable, value) in self.variables.iter().zip(values) {
            variable.assign(value).expect("a variable keeps its type");
        }
    }
}
