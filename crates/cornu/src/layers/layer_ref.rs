//! An instance of a layer: a name, its weights, and the calls made to it.

use super::options::policy_of;
use super::registry::{keras_module, layer_from};
use super::{IntoTensors, Layer, Scope, WeightSpec};
use crate::config::{self, FromConfig, Object};
use crate::mixed_precision::{DTypePolicy, global_policy};
use crate::model::Network;
use crate::names::short;
use crate::tensor::lower::Mode;
use crate::tensor::{Kind, Tensor};
use crate::variable::Variable;
use crate::{lines, session};
use cornu_graph::op::Precision;
use cornu_graph::{Array, DType, Error, Result, Shape};
use serde_json::{Value, json};
use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A layer that can be called many times, each time with the same weights. Cloning copies a
/// pointer: all clones are the same layer.
#[derive(Clone)]
pub struct LayerRef(Arc<Instance>);

struct Instance {
    definition: Box<dyn Layer>,
    name: String,
    trainable: AtomicBool,
    policy: Mutex<DTypePolicy>,
    variables: Mutex<Vec<Variable>>,
}

/// One use of a layer.
pub(crate) struct Call {
    pub layer: LayerRef,
    pub inputs: Vec<Tensor>,
}

/// So few numbers are not worth leaving out when they will come from a file.
const FEW: usize = 1024;

impl LayerRef {
    /// An instance with a name of its own: `dense`, `dense_1`, …
    pub fn new(layer: impl Layer) -> LayerRef {
        let name = unique_name(&layer);
        LayerRef::with_name(layer, name)
    }

    pub(crate) fn with_name(layer: impl Layer, name: impl Into<String>) -> LayerRef {
        LayerRef::of(Box::new(layer), name.into())
    }

    fn of(definition: Box<dyn Layer>, name: String) -> LayerRef {
        LayerRef(Arc::new(Instance {
            definition,
            name,
            trainable: AtomicBool::new(true),
            policy: Mutex::new(global_policy()),
            variables: Mutex::default(),
        }))
    }

    /// The name of this instance.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Keras's class name: `"Dense"`.
    pub fn kind(&self) -> &str {
        self.0.definition.kind()
    }

    /// The configuration with Keras's field names, the instance's name among them.
    pub fn config(&self) -> Value {
        let policy = json!({ "name": self.dtype_policy().name() });
        let dtype = config::object("keras", "DTypePolicy", policy);
        // What Keras's classes of these names take less than all others.
        let mut config = match self.kind() {
            "InputLayer" => json!({ "name": self.name() }),
            "SpatialDropout1D" | "SpatialDropout2D" => {
                json!({ "name": self.name(), "dtype": "float32" })
            }
            _ => json!({ "name": self.name(), "trainable": self.trainable(), "dtype": dtype }),
        };
        if let (Some(all), Value::Object(own)) =
            (config.as_object_mut(), self.definition().config())
        {
            all.extend(own);
        }
        config
    }

    /// The layer as Keras's `keras.layers.serialize` writes it: its class and configuration.
    /// Classes that are not Keras's stand there by their package, so that a reader can say which is
    /// missing.
    pub fn serialized(&self) -> Value {
        let class = self.kind();
        match keras_module(self.definition()) {
            Some(module) => config::object(module, class, self.config()),
            None => {
                let name = format!("{}>{class}", self.definition().package());
                config::custom_object(&name, &self.config())
            }
        }
    }

    /// Whether the layer's weights are trained.
    pub fn trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Says whether the weights of this layer and the layers inside it are trained, from the next
    /// `compile` on. Variables that never are, such as moving averages, stay so.
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Relaxed);
        let weights = self.own_variables();
        weights.iter().filter(|w| w.is_weight()).for_each(|w| w.set_trainable(trainable));
        drop(weights);
        self.definition().layers().iter().for_each(|layer| layer.set_trainable(trainable));
    }

    /// In which precision the layer computes: the global policy when it was made, or its own.
    pub fn dtype_policy(&self) -> DTypePolicy {
        self.0.policy.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the layer a dtype policy of its own, from the next `compile` on. Layers inside it keep
    /// theirs.
    pub fn dtype(self, policy: impl Into<DTypePolicy>) -> LayerRef {
        *self.0.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy.into();
        self
    }

    /// What the operands of the products in its forward are rounded to. What a model does between
    /// its layers is no product of a layer.
    pub(crate) fn precision(&self) -> Precision {
        match self.downcast::<Network>() {
            Some(_) => Precision::Float32,
            None => self.dtype_policy().precision(),
        }
    }

    /// The layer's own type, to read its configuration: `layer.downcast::<Dense>()`.
    pub fn downcast<L: Layer>(&self) -> Option<&L> {
        (self.definition() as &dyn Any).downcast_ref()
    }

    pub(crate) fn definition(&self) -> &dyn Layer {
        &*self.0.definition
    }

    /// Whether two handles are the same layer.
    pub(crate) fn is(&self, other: &LayerRef) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What tells this layer from all others.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The variables of this layer without those of the layers inside it.
    pub(crate) fn own_weights(&self) -> Vec<Variable> {
        self.own_variables().clone()
    }

    /// The variables of this layer and the layers inside it, in the order they were made. Empty
    /// until the layer was called for the first time.
    pub fn weights(&self) -> Vec<Variable> {
        let mut weights = self.own_variables().clone();
        weights.extend(self.definition().layers().iter().flat_map(LayerRef::weights));
        let mut known = HashSet::new();
        weights.retain(|weight| known.insert(weight.id()));
        weights
    }

    /// Calls the layer. A mistake travels with the result.
    #[track_caller]
    pub fn call(&self, inputs: impl IntoTensors) -> Tensor {
        self.call_all(&inputs.into_tensors()).swap_remove(0)
    }

    /// Calls the layer and gives all its results, for a model with several outputs.
    #[track_caller]
    pub fn call_all(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        self.call_at(inputs, Location::caller())
    }

    /// Calls the layer for a line of the user's code.
    pub(crate) fn call_at(
        &self,
        inputs: &[Tensor],
        line: &'static Location<'static>,
    ) -> Vec<Tensor> {
        self.try_call(inputs, line).unwrap_or_else(|error| vec![Tensor::error(error)])
    }

    fn try_call(&self, inputs: &[Tensor], line: &'static Location<'static>) -> Result<Vec<Tensor>> {
        for input in inputs {
            input.check()?;
        }
        let place = |error: Error| {
            let error = error.within(format!("{} ({})", self.name(), self.kind()));
            lines::locate(error, line)
        };
        self.dtype_policy().check().map_err(place)?;
        let results = Scope::new(self, Mode::Predict).run(inputs).map_err(place)?;
        if results.is_empty() {
            return Err(place(Error::value("its forward gave no result")));
        }
        for result in &results {
            result.check().map_err(place)?;
        }
        let call = Arc::new(Call { layer: self.clone(), inputs: inputs.to_vec() });
        let tensor = |(i, result): (usize, &Tensor)| {
            Tensor::at(Kind::Call(Arc::clone(&call), i), result.ty().clone(), line)
        };
        Ok(results.iter().enumerate().map(tensor).collect())
    }

    /// The variable of a name, made at the first use.
    pub(crate) fn variable(
        &self,
        name: &str,
        shape: Vec<usize>,
        spec: &WeightSpec,
        trainable: bool,
    ) -> Result<Variable> {
        // Held until the variable is there: two threads must not make it twice.
        let mut variables = self.own_variables();
        if let Some(known) = variables.iter().find(|v| v.name() == name) {
            if known.shape() == shape {
                return Ok(known.clone());
            }
            let (made, wanted) = (Shape::from(known.shape()), Shape::from(shape));
            return Err(Error::shape(format!(
                "its {name} has shape {made} since its first use, but this input needs {wanted}"
            ))
            .help("a layer can be shared between inputs of one shape; make a second layer"));
        }
        let numbers = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let value = match session::comes_from_file(numbers.unwrap_or(usize::MAX))? {
            true if numbers > Some(FEW) => Array::zeros(shape.clone(), DType::F32),
            _ => spec.initializer.array(&shape)?,
        };
        let path = format!("{}/{name}", self.name());
        let variable = match trainable {
            true => Variable::weight(path, value, spec)?,
            false => Variable::new(path, value, false),
        };
        if !self.trainable() {
            variable.set_trainable(false);
        }
        variables.push(variable.clone());
        Ok(variable)
    }

    fn own_variables(&self) -> std::sync::MutexGuard<'_, Vec<Variable>> {
        self.0.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From what [`LayerRef::serialized`] or Keras wrote: the same layer with new weights. Keras's
/// `keras.layers.deserialize`.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::saving::FromConfig;
///
/// let layer = Dense::new(4).activation("relu").name("hidden");
/// let copy = LayerRef::from_config(&layer.serialized())?;
/// assert_eq!(copy.config(), layer.config());
/// # Ok::<(), cornu::Error>(())
/// ```
impl FromConfig for LayerRef {
    fn from_config(value: &Value) -> Result<LayerRef> {
        let object = Object::read(value)?;
        let config = object.config()?;
        let name: Option<String> = config.get_or("name", None)?;
        let place = |error: Error| match &name {
            Some(name) => error.within(format!("layer '{}'", short(name))),
            None => error,
        };
        let definition = layer_from(&object).map_err(place)?;
        let name = name.unwrap_or_else(|| unique_name(&*definition));
        let layer = LayerRef::of(definition, name);
        layer.set_trainable(config.get_or("trainable", true)?);
        Ok(match policy_of(&config) {
            Some(policy) => layer.dtype(policy),
            None => layer,
        })
    }
}

/// `dense`, `dense_1`, …
fn unique_name(layer: &dyn Layer) -> String {
    session::unique_name(&session::snake_case(layer.kind()))
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} name={}>", self.kind(), self.name())
    }
}

impl<L: Layer> From<L> for LayerRef {
    fn from(layer: L) -> LayerRef {
        LayerRef::new(layer)
    }
}

impl From<&LayerRef> for LayerRef {
    fn from(layer: &LayerRef) -> LayerRef {
        layer.clone()
    }
}

/// What every layer's configuration can do.
pub trait LayerExt: Layer + Sized {
    /// Makes an instance with a name: `Dense::new(10).name("logits")`.
    fn name(self, name: impl Into<String>) -> LayerRef {
        LayerRef::with_name(self, name)
    }

    /// Makes an instance with a dtype policy: `Dense::new(10).dtype("mixed_bfloat16")`. See
    /// [`mixed_precision`](crate::mixed_precision). A name comes before:
    /// `Dense::new(10).name("logits").dtype("float32")`.
    fn dtype(self, policy: impl Into<DTypePolicy>) -> LayerRef {
        LayerRef::new(self).dtype(policy)
    }

    /// Makes an instance that can be called many times, each time with the same weights.
    fn shared(self) -> LayerRef {
        LayerRef::new(self)
    }

    /// Makes an instance and calls it once: `Dense::new(10).call(&x)`. To use the same weights
    /// again, make the layer [`shared`](LayerExt::shared) first.
    #[track_caller]
    fn call(self, inputs: impl IntoTensors) -> Tensor {
        LayerRef::new(self).call(inputs)
    }
}

impl<L: Layer> LayerExt for L {}
