//! Models from their configurations.

use super::branch::{Branch, is_functional};
use super::budget::Left;
use super::calls::{Reference, Written, WrittenCall, is_keras2, read_calls, read_ends};
use crate::config::{FromConfig, Object};
use crate::layers::{Input, InputLayer, LayerRef};
use crate::lines;
use crate::model::{Link, Model, Network, Sequential};
use crate::names::short;
use crate::ops::nodes::{self, Argument};
use crate::tensor::Tensor;
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::Location;

/// The model of a configuration, with first values for weights; and what would be wrong if it were
/// trained, though it predicts as it should.
///
/// `line` is the line of the user's code that wants it.
///
/// # Errors
/// If something in it is not known, or makes no sense.
pub(crate) fn read_model(
    value: &Value,
    line: &'static Location<'static>,
) -> Result<(Branch, Option<Error>)> {
    let left = Left::default();
    let mut reader = Reader { shared: HashMap::new(), left, untrainable: None, line };
    let branch = reader.layer(value)?;
    match branch.layer.downcast::<Network>() {
        Some(_) => Ok((branch, reader.untrainable)),
        None => Err(Error::file(format!("it holds a {}, not a model", branch.layer.kind()))),
    }
}

struct Reader {
    /// Layers that occur more than once, by the number that the file gives them. Keras's numbers are
    /// addresses, which different things may have had: only the same name and class is the same.
    shared: HashMap<(u64, String, String), Branch>,
    left: Left,
    untrainable: Option<Error>,
    line: &'static Location<'static>,
}

impl Reader {
    fn layer(&mut self, value: &Value) -> Result<Branch> {
        let object = Object::read(value)?;
        let key = shared_key(value, &object);
        if let Some(known) = key.as_ref().and_then(|key| self.shared.get(key)) {
            self.left.take_shared(known)?;
            return Ok(known.clone());
        }
        self.left.take_layer()?;
        let branch = match object.class {
            "Sequential" => self.sequential(&object),
            "Functional" | "Model" if object.config.get("layers").is_some() => {
                self.functional(&object)
            }
            _ => LayerRef::from_config(value).map(|layer| Branch::of(&layer)),
        };
        let branch = branch.map_err(|e| match name_of(value) {
            Some(name) => e.within(format!("{} ({})", short(name), short(object.class))),
            None => e.within(short(object.class)),
        })?;
        if let Some(key) = key {
            self.shared.insert(key, branch.clone());
        }
        Ok(branch)
    }

    fn sequential(&mut self, object: &Object<'_>) -> Result<Branch> {
        // The first Keras wrote the bare list.
        let layers = object.config.get("layers").unwrap_or(object.config);
        let layers = layers.as_array().ok_or_else(|| Error::file("it has no list of layers"))?;
        let mut model = match object.config.get("name").and_then(Value::as_str) {
            Some(name) => Sequential::with_name(name),
            None => Sequential::new(),
        };
        let mut children = vec![];
        for (i, value) in layers.iter().enumerate() {
            if i == 0
                && let Some(input) = input_of(value)?
            {
                model.append(Link::Input(input), self.line);
            }
            if Object::read(value)?.class == "InputLayer" {
                continue;
            }
            let branch = self.layer(value)?;
            self.left.take_call(&branch.layer)?;
            model.append(Link::Layer(branch.layer.clone()), self.line);
            children.push(branch);
        }
        let model = Model::from(model);
        if let Some(shape) = object.config.get("build_input_shape").filter(|shape| !shape.is_null())
            && !children.is_empty()
        {
            // Without an Input the model was built for the data that it was fitted on.
            model.network().build_for(sample_shape(shape)?)?;
        } else if model.network().chain().is_some_and(|chain| chain.has_input()) {
            model.network().built()?;
        }
        finish(model.as_layer(), children, object)
    }

    fn functional(&mut self, object: &Object<'_>) -> Result<Branch> {
        let layers = object.config.get("layers").and_then(Value::as_array);
        let layers = layers.ok_or_else(|| Error::file("it has no list of layers"))?;
        let entries: Vec<Entry<'_>> =
            layers.iter().map(|value| self.entry(value)).collect::<Result<_>>()?;
        let mut graph = Graph::new(entries, &mut self.left, self.line)?;
        let ends = |key: &str| {
            let value = object.config.get(key).unwrap_or(&Value::Null);
            read_ends(value).map_err(|e| e.within(key.to_owned()))
        };
        let (inputs, outputs) = (ends("input_layers")?, ends("output_layers")?);
        inputs.iter().chain(&outputs).try_for_each(|_| graph.left.take_layer())?;
        graph.settle_first_calls(&outputs);
        graph.check_all_used(&outputs)?;
        let inputs = graph.tensors(&inputs)?;
        graph.call_all()?;
        self.untrainable = self.untrainable.take().or(graph.untrainable.take());
        let outputs = graph.tensors(&outputs)?;
        let name = object.config.get("name").and_then(Value::as_str).unwrap_or("functional");
        let model = Model::with_name(name, inputs, outputs)?;
        let children = graph.entries.into_iter().filter_map(|entry| match entry.what {
            What::Layer(branch) => Some(branch),
            _ => None,
        });
        finish(model.as_layer(), children.collect(), object)
    }

    fn entry<'v>(&mut self, value: &'v Value) -> Result<Entry<'v>> {
        let object = Object::read(value)?;
        let name = name_of(value).ok_or_else(|| Error::file("a layer of the model has no name"))?;
        let nodes = value.get("inbound_nodes").unwrap_or(&Value::Null);
        let calls = read_calls(nodes).map_err(|e| e.within(short(name)))?;
        let what = if object.class == "InputLayer" {
            What::Input(self.layer(value)?)
        } else if is_operation(&object) {
            self.left.take_layer()?;
            What::Operation(object)
        } else {
            What::Layer(self.layer(value)?)
        };
        Ok(Entry { name, what, calls, keras2: is_keras2(nodes) })
    }
}

/// Whether it is an operation on tensors, not a layer.
fn is_operation(object: &Object<'_>) -> bool {
    let of_keras = |module: &str| module.starts_with("keras.src.ops") || module == "keras.ops";
    matches!(object.class, "TFOpLambda" | "SlicingOpLambda") || object.module.is_some_and(of_keras)
}

/// A model or layer with what is inside, and whether it is trained.
fn finish(layer: LayerRef, children: Vec<Branch>, object: &Object<'_>) -> Result<Branch> {
    if object.config.get("trainable").and_then(Value::as_bool) == Some(false) {
        layer.set_trainable(false);
    }
    Ok(Branch { layer, children })
}

fn shared_key(value: &Value, object: &Object<'_>) -> Option<(u64, String, String)> {
    let id = value.get("shared_object_id")?.as_u64()?;
    Some((id, object.class.to_owned(), name_of(value)?.to_owned()))
}

fn name_of(value: &Value) -> Option<&str> {
    let name = value.get("name").or_else(|| value.pointer("/config/name"));
    name.and_then(Value::as_str)
}

/// The input that a chain's first layer says: an InputLayer, or the shape that Keras 2 wrote into
/// the first layer.
fn input_of(value: &Value) -> Result<Option<Input>> {
    let object = Object::read(value)?;
    if object.class == "InputLayer" {
        let layer = LayerRef::from_config(value)?;
        return input_layer(&layer).map(Some);
    }
    let shape = object.config.get("batch_input_shape").filter(|shape| !shape.is_null());
    Ok(match shape {
        Some(shape) => Some(Input::new(sample_shape(shape)?)),
        None => None,
    })
}

fn input_layer(layer: &LayerRef) -> Result<Input> {
    let input: &InputLayer = layer.downcast().ok_or_else(|| Error::file("it is no InputLayer"))?;
    let sample = input.ty().shape.dims().get(1..).unwrap_or_default().to_vec();
    Ok(Input::new(sample).dtype(input.ty().dtype).name(layer.name()))
}

/// The shape of a sample from one with the batch: `[null, 28, 28]`.
fn sample_shape(value: &Value) -> Result<Vec<usize>> {
    let wrong = || {
        let text: String = value.to_string().chars().take(60).collect();
        Error::new(
            ErrorKind::Unsupported,
            format!("the input shape {text} must have known sizes after the batch"),
        )
    };
    let dims = value.as_array().filter(|dims| !dims.is_empty()).ok_or_else(wrong)?;
    let size = |dim: &Value| usize::try_from(dim.as_u64()?).ok();
    dims[1..].iter().map(|dim| size(dim).ok_or_else(wrong)).collect()
}

/// What stands in a functional model's list.
struct Entry<'v> {
    name: &'v str,
    what: What<'v>,
    calls: Vec<WrittenCall>,
    keras2: bool,
}

enum What<'v> {
    Input(Branch),
    Layer(Branch),
    Operation(Object<'v>),
}

/// Which call of which entry.
type CallId = (usize, usize);

/// A functional model whose calls are made in the order in which they need each other. Layers may be
/// listed before those that feed them, and a layer may be fed by itself.
struct Graph<'v> {
    entries: Vec<Entry<'v>>,
    index: HashMap<&'v str, usize>,
    /// What the first call of a layer is counted as: in the model's outputs, and in calls.
    first_call: Vec<(usize, usize)>,
    /// The results of each call that was made.
    results: HashMap<CallId, Vec<Tensor>>,
    untrainable: Option<Error>,
    left: &'v mut Left,
    line: &'static Location<'static>,
}

impl<'v> Graph<'v> {
    fn new(
        entries: Vec<Entry<'v>>,
        left: &'v mut Left,
        line: &'static Location<'static>,
    ) -> Result<Graph<'v>> {
        let mut index = HashMap::new();
        let mut results = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            if index.insert(entry.name, i).is_some() {
                let name = short(entry.name);
                return Err(Error::file(format!("two of its layers are named '{name}'")));
            }
            if let What::Input(branch) = &entry.what {
                results.insert((i, 0), vec![Tensor::from(input_layer(&branch.layer)?)]);
            }
        }
        let first_call = vec![(0, 0); entries.len()];
        Ok(Graph { entries, index, first_call, results, untrainable: None, left, line })
    }

    /// Finds from what number the calls of models inside are counted. Their own making is a call to
    /// Keras: Keras 3 counts it in the outputs of a functional model, Keras 2 everywhere.
    fn settle_first_calls(&mut self, outputs: &[Reference]) {
        let keras2 = self.entries.iter().any(|entry| entry.keras2);
        let calls = self.entries.iter().flat_map(|entry| &entry.calls);
        let references = calls.flat_map(WrittenCall::references).chain(outputs);
        let from_zero: HashSet<String> =
            references.filter(|r| r.call == 0).map(|r| r.layer.clone()).collect();
        for (entry, first) in self.entries.iter().zip(&mut self.first_call) {
            let What::Layer(branch) = &entry.what else { continue };
            let is_model = branch.layer.downcast::<Network>().is_some();
            *first = match keras2 {
                true if is_model && !from_zero.contains(entry.name) => (1, 1),
                false if is_functional(&branch.layer) => (1, 0),
                _ => (0, 0),
            };
        }
    }

    /// A call that nothing refers to is not in a model that was written rightly: Keras before 3.6 names
    /// the wrong call of a layer that is shared, and reads another model than it wrote.
    fn check_all_used(&self, outputs: &[Reference]) -> Result<()> {
        let inside = self.entries.iter().flat_map(|entry| &entry.calls);
        let inside = inside.flat_map(WrittenCall::references).map(|r| self.find(r, |f| f.1));
        let ends = outputs.iter().map(|end| self.find(end, |first| first.0));
        let used: HashSet<CallId> = inside.chain(ends).collect::<Result<_>>()?;
        for (i, entry) in self.entries.iter().enumerate() {
            let unused = (1..entry.calls.len()).find(|call| !used.contains(&(i, *call)));
            if let Some(call) = unused {
                let name = entry.name;
                let message = format!("call {call} of the shared layer '{name}' goes nowhere");
                return Err(Error::file(message).help(
                    "some versions of Keras before 3.6 write shared layers wrongly: save the model \
                     again with a newer Keras, or build it in code and load its weights",
                ));
            }
        }
        Ok(())
    }

    /// Makes all calls that are listed, and those that they need before.
    fn call_all(&mut self) -> Result<()> {
        for entry in 0..self.entries.len() {
            for call in 0..self.entries[entry].calls.len() {
                self.call_with_needs((entry, call))?;
            }
        }
        Ok(())
    }

    /// With a stack of its own: a chain in a file may be longer than the thread's.
    fn call_with_needs(&mut self, wanted: CallId) -> Result<()> {
        let mut open = vec![wanted];
        let mut begun = HashSet::new();
        while let Some(&next) = open.last() {
            if self.results.contains_key(&next) {
                open.pop();
                continue;
            }
            let missing = self.missing(next)?;
            if missing.is_empty() {
                let results = self.call(next)?;
                self.results.insert(next, results);
                open.pop();
            } else if begun.insert(next) {
                if missing.iter().any(|need| begun.contains(need)) {
                    return Err(self.cycle(next));
                }
                open.extend(missing);
            } else {
                return Err(self.cycle(next));
            }
        }
        Ok(())
    }

    fn cycle(&self, (entry, _): CallId) -> Error {
        let name = short(self.entries[entry].name);
        Error::file(format!(
            "layer '{name}' is called on a result of its own: the graph is a circle"
        ))
    }

    /// The calls that must be made before one: those it refers to, and the layer's earlier ones.
    fn missing(&self, (entry, call): CallId) -> Result<Vec<CallId>> {
        let mut needs = vec![];
        if call > 0 {
            needs.push((entry, call - 1));
        }
        for reference in self.entries[entry].calls[call].references() {
            needs.push(self.find(reference, |first| first.1)?);
        }
        needs.retain(|need| !self.results.contains_key(need));
        Ok(needs)
    }

    fn find(
        &self,
        reference: &Reference,
        first: impl Fn(&(usize, usize)) -> usize,
    ) -> Result<CallId> {
        let Reference { layer, call, .. } = reference;
        let entry = self.index.get(layer.as_str());
        let unknown = || Error::file(format!("there is no layer '{}' in it", short(layer)));
        let entry = *entry.ok_or_else(unknown)?;
        let made = match &self.entries[entry].what {
            What::Input(_) => 1,
            _ => self.entries[entry].calls.len(),
        };
        match call.checked_sub(first(&self.first_call[entry])).filter(|call| *call < made) {
            Some(call) => Ok((entry, call)),
            None => {
                let layer = short(layer);
                Err(Error::file(format!("call {call} of layer '{layer}' is not in it")))
            }
        }
    }

    /// The tensors of inputs or outputs.
    fn tensors(&self, ends: &[Reference]) -> Result<Vec<Tensor>> {
        ends.iter().map(|end| self.result(end, |first| first.0)).collect()
    }

    fn result(
        &self,
        reference: &Reference,
        first: impl Fn(&(usize, usize)) -> usize,
    ) -> Result<Tensor> {
        let id = self.find(reference, first)?;
        let result = self.results.get(&id).and_then(|results| results.get(reference.result));
        result.cloned().ok_or_else(|| {
            let Reference { layer, result, .. } = reference;
            Error::file(format!("layer '{}' has no result {result}", short(layer)))
        })
    }

    fn call(&mut self, (entry, call): CallId) -> Result<Vec<Tensor>> {
        let Entry { name, what, calls, .. } = &self.entries[entry];
        let call = &calls[call];
        let args: Vec<Argument> =
            call.args.iter().map(|a| self.argument(a)).collect::<Result<_>>()?;
        let mut untrainable = None;
        let results = match what {
            What::Layer(branch) => {
                self.left.take_call(&branch.layer)?;
                let mut inputs = vec![];
                args.iter().for_each(|argument| collect_tensors(argument, &mut inputs));
                untrainable = check_kwargs(&branch.layer, call)?;
                branch.layer.call_at(&inputs, self.line)
            }
            What::Operation(object) => {
                let kwargs = call.kwargs.iter();
                let kwargs: BTreeMap<String, Argument> = kwargs
                    .map(|(key, written)| Ok((key.clone(), self.argument(written)?)))
                    .collect::<Result<_>>()?;
                let results = nodes::apply(object, &args, &kwargs);
                self.left.take_calls(results.as_ref().map_or(1, Vec::len))?;
                let place = |e: Error| {
                    let name = short(name);
                    lines::locate(e.within(format!("{name} ({})", object.class)), self.line)
                };
                results.map_err(place)?
            }
            What::Input(_) => return Err(Error::file(format!("the input '{name}' is called"))),
        };
        results.iter().try_for_each(|result| result.check().map(|_| ()))?;
        self.untrainable = self.untrainable.take().or(untrainable);
        Ok(results)
    }

    fn argument(&self, written: &Written) -> Result<Argument> {
        Ok(match written {
            Written::Reference(reference) => {
                Argument::Tensor(self.result(reference, |first| first.1)?)
            }
            Written::List(list) => {
                Argument::List(list.iter().map(|w| self.argument(w)).collect::<Result<_>>()?)
            }
            Written::Value(value) => Argument::Value(value.clone()),
        })
    }
}

/// Checks what a layer is called with beside tensors: it cannot be told anything. That it is called as
/// in prediction makes no difference there; in training it would.
fn check_kwargs(layer: &LayerRef, call: &WrittenCall) -> Result<Option<Error>> {
    let mut untrainable = None;
    for (key, written) in &call.kwargs {
        let called_with = |what: &str| {
            let message =
                format!("layer '{}' is called with {what}, which Cornu has not", layer.name());
            Error::new(ErrorKind::Unsupported, message)
        };
        match (key.as_str(), written) {
            (_, written) if says_nothing(written) => {}
            // A frozen layer computes in training what it does in prediction.
            ("training", Written::Value(Value::Bool(false))) if !layer.trainable() => {}
            ("training", Written::Value(Value::Bool(false))) => {
                untrainable = Some(called_with("training=False"));
            }
            _ => return Err(called_with(&format!("'{key}'"))),
        }
    }
    Ok(untrainable)
}

fn says_nothing(written: &Written) -> bool {
    match written {
        Written::Value(Value::Null) => true,
        Written::Value(Value::Array(list)) => list.iter().all(Value::is_null),
        Written::List(list) => list.iter().all(says_nothing),
        _ => false,
    }
}

fn collect_tensors(argument: &Argument, tensors: &mut Vec<Tensor>) {
    match argument {
        Argument::Tensor(tensor) => tensors.push(tensor.clone()),
        Argument::List(list) => list.iter().for_each(|inner| collect_tensors(inner, tensors)),
        Argument::Value(_) => {}
    }
}
