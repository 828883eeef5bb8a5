//! Events and the values in them. The numbers are those of the fields in TensorFlow's `event.proto`,
//! `summary.proto`, `tensor.proto` and `tensor_shape.proto`.

use crate::protobuf::Message;

/// `DataType` of `types.proto`.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;
const STRING: u64 = 7;

/// An event of a time, in seconds since 1970, without anything in it.
fn event(seconds: f64) -> Message {
    Message::new().double(1, seconds)
}

/// The first event of a file.
pub(super) fn file_version(seconds: f64) -> Message {
    let source = Message::new().bytes(1, concat!("cornu ", env!("CARGO_PKG_VERSION")));
    event(seconds).bytes(3, "brain.Event:2").message(10, &source)
}

/// An event with a graph: the bytes of a `GraphDef`.
pub(super) fn graph(seconds: f64, graph: &Message) -> Message {
    event(seconds).bytes(4, graph.as_bytes())
}

/// An event with one value of a tag.
pub(super) fn summary(
    seconds: f64,
    step: u64,
    tag: &str,
    tensor: &Message,
    plugin: Plugin,
) -> Message {
    let mut data = Message::new().bytes(1, plugin.name);
    if !plugin.content.is_empty() {
        data = data.bytes(2, plugin.content);
    }
    let metadata = Message::new().message(1, &data);
    let value = Message::new().bytes(1, tag).message(8, tensor).message(9, &metadata);
    event(seconds).number(2, step).message(5, &Message::new().message(1, &value))
}

/// Which part of TensorBoard shows a value, and what it has to know of it.
#[derive(Clone, Copy)]
pub(super) struct Plugin<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
}

impl<'a> Plugin<'a> {
    /// A plugin that has to know nothing: its message is empty, which says version 0.
    pub const fn new(name: &'a str) -> Plugin<'a> {
        Plugin { name, content: &[] }
    }
}

/// A number as a `TensorProto`.
pub(super) fn number(value: f32) -> Message {
    Message::new().number(1, FLOAT).message(2, &shape(&[])).bytes(4, value.to_le_bytes())
}

/// No numbers at all, for values that consist of their metadata.
pub(super) fn nothing() -> Message {
    Message::new().number(1, FLOAT).message(2, &shape(&[0]))
}

/// A matrix of doubles with so many columns.
pub(super) fn doubles(values: &[f64], columns: usize) -> Message {
    let rows = values.len() / columns;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Message::new().number(1, DOUBLE).message(2, &shape(&[rows, columns])).bytes(4, bytes)
}

/// One string.
pub(super) fn string(value: &str) -> Message {
    Message::new().number(1, STRING).message(2, &shape(&[])).bytes(8, value)
}

/// A row of strings of bytes.
pub(super) fn strings(values: &[Vec<u8>]) -> Message {
    let tensor = Message::new().number(1, STRING).message(2, &shape(&[values.len()]));
    values.iter().fold(tensor, |tensor, value| tensor.bytes(8, value))
}

/// A `TensorShapeProto`.
pub(super) fn shape(sizes: &[usize]) -> Message {
    Message::new().messages(2, sizes.iter().map(|&size| Message::new().number(1, size as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_event_is_encoded_as_tensorflow_encodes_it() {
        let event = summary(1.5, 7, "loss", &number(0.25), Plugin::new("scalars"));
        // `Event.SerializeToString` of TensorBoard 2.21.
        let expected = b"\x09\0\0\0\0\0\0\xf8\x3f\x10\x07\x2a\x21\x0a\x1f\x0a\x04loss\
            \x42\x0a\x08\x01\x12\x00\x22\x04\0\0\x80\x3e\
            \x4a\x0b\x0a\x09\x0a\x07scalars";
        assert_eq!(event.as_bytes(), expected);
    }
}
