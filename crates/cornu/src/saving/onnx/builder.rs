//! An ONNX graph that is being put together: values with names, and nodes between them.

use cornu_graph::{Array, Error, ErrorKind, Op, Result, Shape, TensorType, interpret};
use std::collections::{HashMap, HashSet};

/// A value of the graph: an input, a known array, or what a node computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Value(usize);

/// What is known about a value.
#[derive(Default)]
pub(super) struct Facts {
    pub name: String,
    /// The array, if it is known.
    pub content: Option<Content>,
    /// The type as Cornu infers it, where the value is one of Cornu's.
    pub ty: Option<TensorType>,
    /// The node that computes it.
    node: Option<usize>,
}

/// A known array.
pub(super) enum Content {
    /// One of Cornu's.
    Array(Array),
    /// A list of `int64`, in which ONNX says shapes and axes.
    Sizes(Vec<i64>),
    /// A single `int64`.
    Size(i64),
}

/// The setting of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
}

/// An attribute of a node: its name and its setting.
pub(super) type Attribute = (&'static str, Setting);

/// An operator of ONNX applied to values.
pub(super) struct Node {
    pub op: &'static str,
    pub name: String,
    pub inputs: Vec<Value>,
    pub output: Value,
    pub attributes: Vec<Attribute>,
}

/// A graph. Equal nodes on equal values are one node.
#[derive(Default)]
pub(super) struct Builder {
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
    nodes: Vec<Node>,
    facts: Vec<Facts>,
    names: HashSet<String>,
    /// The results of nodes, and the known arrays, by what they are.
    made: HashMap<String, Value>,
    /// The layer whose nodes are being added.
    scope: String,
}

impl Builder {
    /// Keeps names for the outputs, which nothing else gets.
    pub fn reserve(&mut self, names: &[String]) -> Vec<String> {
        names.iter().map(|name| self.unused_name(name)).collect()
    }

    /// Says to which layer the nodes belong that are added from now on: `"dense_1"`.
    pub fn set_scope(&mut self, layer: &str) {
        layer.clone_into(&mut self.scope);
    }

    pub fn facts(&self, value: Value) -> &Facts {
        &self.facts[value.0]
    }

    /// Says which type Cornu infers for a value.
    pub fn set_type(&mut self, value: Value, ty: &TensorType) {
        self.facts[value.0].ty.get_or_insert_with(|| ty.clone());
    }

    /// An input of the graph.
    pub fn input(&mut self, name: &str, ty: &TensorType) -> Value {
        let name = self.unused_name(name);
        let value = self.value(Facts { name, ty: Some(ty.clone()), ..Facts::default() });
        self.inputs.push(value);
        value
    }

    /// A known array with a name.
    pub fn array(&mut self, name: &str, array: Array) -> Value {
        let (name, ty) = (self.unused_name(name), Some(array.ty()));
        self.value(Facts { name, ty, content: Some(Content::Array(array)), node: None })
    }

    /// A known array without a name of its own.
    pub fn constant(&mut self, array: Array) -> Value {
        const MOST_COMPARED: usize = 64;
        if array.len() > MOST_COMPARED {
            return self.array("constant", array);
        }
        let key = format!("{:?} {:?}", array.shape(), array.values());
        self.once(key, |builder| builder.array("constant", array))
    }

    /// A list of `int64`.
    pub fn sizes(&mut self, sizes: Vec<i64>) -> Value {
        self.once(format!("{sizes:?}"), |builder| {
            let (name, content) = (builder.unused_name("constant"), Some(Content::Sizes(sizes)));
            builder.value(Facts { name, content, ..Facts::default() })
        })
    }

    /// A single `int64`.
    pub fn size(&mut self, size: i64) -> Value {
        self.once(format!("{size}"), |builder| {
            let (name, content) = (builder.unused_name("constant"), Some(Content::Size(size)));
            builder.value(Facts { name, content, ..Facts::default() })
        })
    }

    /// The result of an operator without attributes.
    pub fn node(&mut self, op: &'static str, inputs: &[Value]) -> Value {
        self.node_with(op, inputs, vec![])
    }

    /// The result of an operator.
    pub fn node_with(
        &mut self,
        op: &'static str,
        inputs: &[Value],
        attributes: Vec<Attribute>,
    ) -> Value {
        let key = format!("{op} {inputs:?} {attributes:?}");
        self.once(key, |builder| builder.new_node(op, inputs, attributes))
    }

    /// The axes in another order. One exchange after another is a single one, or none.
    pub fn transpose(&mut self, x: Value, permutation: &[usize]) -> Value {
        if let Some(folded) = self.folded(&Op::Transpose(permutation.to_vec()), &[x]) {
            return folded;
        }
        let (mut from, mut order) = (x, permutation.to_vec());
        if let Some(node) = self.facts(x).node.map(|node| &self.nodes[node])
            && let ("Transpose", [(_, Setting::Ints(before))]) = (node.op, &node.attributes[..])
        {
            order.iter_mut().for_each(|axis| *axis = before[*axis] as usize);
            from = node.inputs[0];
        }
        if order.iter().copied().eq(0..order.len()) {
            return from;
        }
        let perm = Setting::Ints(order.iter().map(|&axis| axis as i64).collect());
        self.node_with("Transpose", &[from], vec![("perm", perm)])
    }

    /// The result of an op of Cornu's on known arrays, if it is cheap to compute now: a kernel with
    /// its axes as ONNX wants them, the scale that a normalization makes of its variance.
    pub fn folded(&mut self, op: &Op, inputs: &[Value]) -> Option<Value> {
        let cheap = matches!(
            op,
            Op::Unary(_)
                | Op::Binary(_)
                | Op::Compare(_)
                | Op::Select
                | Op::Cast(_)
                | Op::Reshape(_)
                | Op::Transpose(_)
                | Op::Slice(_)
                | Op::Pad(_)
                | Op::Concat { .. }
                | Op::Reduce { .. }
        );
        let array = |value: &Value| match &self.facts(*value).content {
            Some(Content::Array(array)) => Some(array.clone()),
            _ => None,
        };
        let arrays: Vec<Array> =
            inputs.iter().map(array).collect::<Option<_>>().filter(|_| cheap)?;
        let key = format!("{op:?} {inputs:?}");
        if let Some(&known) = self.made.get(&key) {
            return Some(known);
        }
        let arrays = if op.is_elementwise() { met(&arrays)? } else { arrays };
        let result = interpret::constant(op, &arrays.iter().collect::<Vec<_>>()).ok()?;
        let name = self.scoped("constant");
        let value = self.array(&name, result);
        self.made.insert(key, value);
        Some(value)
    }

    /// Makes a value an output of the graph, under a name that was kept for it.
    pub fn output(&mut self, value: Value, name: &str, ty: &TensorType) {
        let computed = self.facts(value).node.is_some() && !self.outputs.contains(&value);
        let output = if computed { value } else { self.new_node("Identity", &[value], vec![]) };
        self.facts[output.0].name = name.to_owned();
        self.facts[output.0].ty = Some(ty.clone());
        self.outputs.push(output);
    }

    /// The nodes that the outputs need, each after what it is computed from.
    pub fn used_nodes(&self) -> Vec<&Node> {
        let mut needed: HashSet<Value> = self.outputs.iter().copied().collect();
        let mut nodes: Vec<&Node> = vec![];
        for node in self.nodes.iter().rev() {
            if needed.contains(&node.output) {
                needed.extend(&node.inputs);
                nodes.push(node);
            }
        }
        nodes.reverse();
        nodes
    }

    fn once(&mut self, key: String, make: impl FnOnce(&mut Builder) -> Value) -> Value {
        if let Some(&value) = self.made.get(&key) {
            return value;
        }
        let value = make(self);
        self.made.insert(key, value);
        value
    }

    fn new_node(
        &mut self,
        op: &'static str,
        inputs: &[Value],
        attributes: Vec<Attribute>,
    ) -> Value {
        let name = self.scoped(op);
        let name = self.unused_name(&name);
        let node = Some(self.nodes.len());
        let output = self.value(Facts { name: name.clone(), node, ..Facts::default() });
        self.nodes.push(Node { op, name, inputs: inputs.to_vec(), output, attributes });
        output
    }

    fn value(&mut self, facts: Facts) -> Value {
        self.facts.push(facts);
        Value(self.facts.len() - 1)
    }

    fn scoped(&self, name: &str) -> String {
        if self.scope.is_empty() { name.to_owned() } else { format!("{}/{name}", self.scope) }
    }

    fn unused_name(&mut self, stem: &str) -> String {
        let numbered = (1..).map(|i| format!("{stem}_{i}"));
        let mut names = std::iter::once(stem.to_owned()).chain(numbered);
        names.find(|name| self.names.insert(name.clone())).expect("numbers do not end")
    }
}

/// Arrays repeated to the shape they meet in, as operands of a function of elements.
fn met(arrays: &[Array]) -> Option<Vec<Array>> {
    let shape = arrays
        .iter()
        .try_fold(Shape::scalar(), |all, array| all.broadcast(&Shape::from(array.shape())))?;
    let repeat = Op::Broadcast(shape);
    arrays.iter().map(|array| interpret::constant(&repeat, &[array]).ok()).collect()
}

/// Something that the format has no operator for.
pub(super) fn unsupported(what: &str) -> Result<Value> {
    Err(Error::new(ErrorKind::Unsupported, format!("{what} cannot be said in ONNX")))
}
