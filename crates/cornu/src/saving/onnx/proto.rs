//! The graph as a file: a `ModelProto` of `onnx.proto`. The numbers are those of its fields.

use super::builder::{Builder, Content, Node, Setting, Value};
use super::write_values;
use crate::protobuf::Message;
use crate::saving::Notes;
use cornu_graph::{DType, Dim, Error, ErrorKind, Result, Shape, TensorType};
use std::collections::HashSet;
use std::io::{self, Write};

/// The version of ONNX's operators, of 2022: the first whose reductions all take their axes alike.
const OPSET: u64 = 18;
/// The version of the file format that came with it.
const IR_VERSION: u64 = 8;
/// What a message of Protocol Buffers can hold.
const MOST_BYTES: u64 = i32::MAX as u64;

/// ONNX's numbers of types of elements.
pub(super) const INT64: i64 = 7;
pub(super) const DOUBLE: i64 = 11;

/// ONNX's number of a type of elements.
pub(super) fn type_number(dtype: DType) -> i64 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I32 => 6,
        DType::Bool => 9,
    }
}

/// A model that is ready to be written. The arrays stay where they are until then.
pub(super) struct Encoded<'a> {
    /// The model up to its graph, and the graph up to its arrays.
    head: Message,
    tensors: Vec<(Message, &'a Content)>,
}

impl<'a> Encoded<'a> {
    /// Encodes a graph, under the model's name and with what was said about it.
    ///
    /// # Errors
    /// If it takes more than a file of the format can hold.
    pub fn new(builder: &'a Builder, name: &str, notes: &Notes) -> Result<Encoded<'a>> {
        let nodes = builder.used_nodes();
        let tensors = tensors(builder, &nodes);
        let graph = graph(builder, &nodes, name);
        let values: u64 = tensors.iter().map(|(head, content)| tensor_field(head, content).1).sum();
        let length = graph.as_bytes().len() as u64 + values;
        let opset = Message::new().number(2, OPSET);
        let mut head = Message::new()
            .number(1, IR_VERSION)
            .bytes(2, "cornu")
            .bytes(3, env!("CARGO_PKG_VERSION"))
            .bytes(6, format!("The model '{name}' of Cornu, for prediction."))
            .message(8, &opset);
        for (key, text) in notes {
            head = head.message(14, &Message::new().bytes(1, key).bytes(2, text));
        }
        check_size(head.as_bytes().len() as u64 + length)?;
        let head = head.opening(7, length).followed_by(&graph);
        Ok(Encoded { head, tensors })
    }

    /// Writes the file.
    pub fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        file.write_all(self.head.as_bytes())?;
        for (head, content) in &self.tensors {
            file.write_all(tensor_field(head, content).0.as_bytes())?;
            match content {
                Content::Array(array) => write_values(array.values(), file)?,
                Content::Sizes(sizes) => {
                    sizes.iter().try_for_each(|size| file.write_all(&size.to_le_bytes()))?;
                }
                Content::Size(size) => file.write_all(&size.to_le_bytes())?,
            }
        }
        Ok(())
    }
}

fn check_size(bytes: u64) -> Result<()> {
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let message =
        format!("the model takes {bytes} bytes, and an ONNX file holds at most {MOST_BYTES}");
    Err(Error::new(ErrorKind::Unsupported, message)
        .help("export its parts as models of their own, or save the weights with save_weights"))
}

/// The graph without its arrays.
fn graph(builder: &Builder, nodes: &[&Node], name: &str) -> Message {
    let typed = |values: &[Value]| values.iter().map(|v| value_info(builder, *v)).collect();
    let (inputs, outputs): (Vec<Message>, Vec<Message>) =
        (typed(&builder.inputs), typed(&builder.outputs));
    let inner: Vec<Value> = nodes
        .iter()
        .map(|node| node.output)
        .filter(|v| builder.facts(*v).ty.is_some() && !builder.outputs.contains(v))
        .collect();
    Message::new()
        .messages(1, nodes.iter().map(|node| node_proto(builder, node)))
        .bytes(2, name)
        .messages(11, inputs)
        .messages(12, outputs)
        .messages(13, typed(&inner) as Vec<Message>)
}

fn node_proto(builder: &Builder, node: &Node) -> Message {
    let name = |value: &Value| builder.facts(*value).name.as_str();
    let message = node.inputs.iter().fold(Message::new(), |m, input| m.bytes(1, name(input)));
    let message = message.bytes(2, name(&node.output)).bytes(3, &node.name).bytes(4, node.op);
    message.messages(5, node.attributes.iter().map(|(name, setting)| attribute(name, setting)))
}

fn attribute(name: &str, setting: &Setting) -> Message {
    const FLOAT: u64 = 1;
    const INT: u64 = 2;
    const INTS: u64 = 7;
    let message = Message::new().bytes(1, name);
    match setting {
        Setting::Float(value) => message.float(2, *value).number(20, FLOAT),
        Setting::Int(value) => message.signed(3, *value).number(20, INT),
        Setting::Ints(values) => {
            values.iter().fold(message, |m, value| m.signed(8, *value)).number(20, INTS)
        }
    }
}

/// The name and the type of a value.
fn value_info(builder: &Builder, value: Value) -> Message {
    let facts = builder.facts(value);
    let ty = facts.ty.as_ref().map(tensor_type).unwrap_or_default();
    Message::new().bytes(1, &facts.name).message(2, &Message::new().message(1, &ty))
}

fn tensor_type(ty: &TensorType) -> Message {
    let dims = ty.shape.dims().iter().map(|dim| match dim {
        Dim::Known(n) => Message::new().number(1, *n as u64),
        Dim::Batch(1) => Message::new().bytes(2, "batch"),
        Dim::Batch(k) => Message::new().bytes(2, format!("{k}*batch")),
    });
    let shape = Message::new().messages(1, dims);
    Message::new().signed(1, type_number(ty.dtype)).message(2, &shape)
}

/// The known arrays that the nodes use: what stands before their values.
fn tensors<'a>(builder: &'a Builder, nodes: &[&Node]) -> Vec<(Message, &'a Content)> {
    let mut seen = HashSet::new();
    let mut tensors = vec![];
    for &value in nodes.iter().flat_map(|node| &node.inputs) {
        let facts = builder.facts(value);
        if let Some(content) = &facts.content
            && seen.insert(value)
        {
            let (sizes, number) = match content {
                Content::Array(array) => (array.shape().to_vec(), type_number(array.dtype())),
                Content::Sizes(sizes) => (vec![sizes.len()], INT64),
                Content::Size(_) => (vec![], INT64),
            };
            let head = sizes.iter().fold(Message::new(), |m, &size| m.number(1, size as u64));
            tensors.push((head.signed(2, number).bytes(8, &facts.name), content));
        }
    }
    tensors
}

/// The field of an array up to its values, and the length of the field with them.
fn tensor_field(head: &Message, content: &Content) -> (Message, u64) {
    let bytes = match content {
        Content::Array(array) => array.len() * array.dtype().size(),
        Content::Sizes(sizes) => sizes.len() * size_of::<i64>(),
        Content::Size(_) => size_of::<i64>(),
    } as u64;
    let inner = head.clone().opening(9, bytes);
    let field =
        Message::new().opening(5, inner.as_bytes().len() as u64 + bytes).followed_by(&inner);
    let length = field.as_bytes().len() as u64 + bytes;
    (field, length)
}

/// A shape as ONNX says it: `int64`, with what stands for the batch if there is one.
pub(super) fn known_sizes(shape: &Shape, batch: i64) -> Vec<i64> {
    shape.dims().iter().map(|dim| dim.known().map_or(batch, |n| n as i64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_holds_is_an_error() {
        check_size(MOST_BYTES).unwrap();
        let error = check_size(3_000_000_000).unwrap_err().to_string();
        assert!(error.contains("3000000000 bytes") && error.contains("2147483647"), "{error}");
    }
}
