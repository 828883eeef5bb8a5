//! A reader of event files that shares nothing with the writer: records, checksums, messages.

#[path = "messages.rs"]
mod messages;

use messages::fields;
use std::fs;
use std::path::{Path, PathBuf};

/// An event with one value, or with none: the version of the file, or a graph.
#[derive(Clone, Debug, Default)]
pub struct Event {
    pub seconds: f64,
    pub step: u64,
    pub version: String,
    pub tag: String,
    pub plugin: String,
    pub content: Vec<u8>,
    pub tensor: Tensor,
    pub graph: Vec<Node>,
}

/// A `TensorProto`: its numbers as bytes, or its strings.
#[derive(Clone, Debug, Default)]
pub struct Tensor {
    pub dtype: u64,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
    pub strings: Vec<Vec<u8>>,
}

/// A node of a graph.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    pub op: String,
    pub inputs: Vec<String>,
    pub attributes: Vec<String>,
}

impl Event {
    /// The number of a scalar.
    pub fn number(&self) -> f32 {
        assert_eq!((self.tensor.dtype, self.tensor.shape.len()), (1, 0), "{self:?}");
        f32::from_le_bytes(self.tensor.bytes.as_slice().try_into().unwrap())
    }

    /// The rows of a histogram.
    pub fn rows(&self) -> Vec<[f64; 3]> {
        assert_eq!((self.tensor.dtype, self.tensor.shape.as_slice()), (2, &[30, 3][..]));
        let double = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
        let rows = self.tensor.bytes.chunks_exact(24);
        rows.map(|row| [double(&row[..8]), double(&row[8..16]), double(&row[16..])]).collect()
    }

    /// Width and height that an image event names, and its PNG files.
    pub fn images(&self) -> ([u64; 2], &[Vec<u8>]) {
        assert_eq!(self.tensor.dtype, 7);
        assert_eq!(self.tensor.shape, [self.tensor.strings.len() as u64]);
        let side = |i: usize| std::str::from_utf8(&self.tensor.strings[i]).unwrap().parse();
        ([side(0).unwrap(), side(1).unwrap()], &self.tensor.strings[2..])
    }

    /// The only string of an event.
    pub fn text(&self) -> &str {
        assert_eq!((self.tensor.dtype, self.tensor.shape.len()), (7, 0), "{self:?}");
        assert_eq!(self.tensor.strings.len(), 1);
        std::str::from_utf8(&self.tensor.strings[0]).unwrap()
    }
}

/// The event files of a folder.
pub fn event_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().contains("events.out.tfevents.")).collect();
    files.sort();
    files
}

/// The events of the only event file of a folder, without the first, which is the version.
pub fn read_run(folder: &Path) -> Vec<Event> {
    let files = event_files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    let mut events = read(&files[0]);
    assert_eq!(events.remove(0).version, "brain.Event:2");
    events
}

/// All events of a file.
pub fn read(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut events) = (bytes.as_slice(), vec![]);
    while !rest.is_empty() {
        let (header, after) = rest.split_at(12);
        let length = u64::from_le_bytes(header[..8].try_into().unwrap()) as usize;
        assert_eq!(masked(&header[..8]).to_le_bytes(), header[8..], "checksum of a length");
        let (body, after) = after.split_at(length);
        assert_eq!(masked(body).to_le_bytes(), after[..4], "checksum of a record");
        events.push(event(body));
        rest = &after[4..];
    }
    events
}

/// CRC-32C bit by bit, masked as TensorFlow masks it.
fn masked(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn event(bytes: &[u8]) -> Event {
    let mut event = Event::default();
    for (field, value) in fields(bytes) {
        match field {
            1 => event.seconds = f64::from_bits(value.number()),
            2 => event.step = value.number(),
            3 => event.version = value.text(),
            4 => event.graph = graph(value.bytes()),
            5 => summary(value.bytes(), &mut event),
            10 => {}
            other => panic!("event with field {other}"),
        }
    }
    event
}

fn summary(bytes: &[u8], event: &mut Event) {
    let values = fields(bytes);
    assert_eq!(values.len(), 1, "a summary with one value");
    for (field, value) in fields(values[0].1.bytes()) {
        match field {
            1 => event.tag = value.text(),
            8 => event.tensor = tensor(value.bytes()),
            9 => {
                let metadata = fields(value.bytes());
                for (field, value) in fields(metadata[0].1.bytes()) {
                    match field {
                        1 => event.plugin = value.text(),
                        _ => event.content = value.bytes().to_vec(),
                    }
                }
            }
            other => panic!("value with field {other}"),
        }
    }
}

fn tensor(bytes: &[u8]) -> Tensor {
    let mut tensor = Tensor::default();
    for (field, value) in fields(bytes) {
        match field {
            1 => tensor.dtype = value.number(),
            2 => {
                let sizes = fields(value.bytes()).into_iter();
                tensor.shape = sizes.map(|(_, dim)| fields(dim.bytes())[0].1.number()).collect();
            }
            4 => tensor.bytes = value.bytes().to_vec(),
            8 => tensor.strings.push(value.bytes().to_vec()),
            other => panic!("tensor with field {other}"),
        }
    }
    tensor
}

fn graph(bytes: &[u8]) -> Vec<Node> {
    let nodes = fields(bytes).into_iter().filter(|(field, _)| *field == 1);
    let node = |bytes: &[u8]| {
        let mut node = Node::default();
        for (field, value) in fields(bytes) {
            match field {
                1 => node.name = value.text(),
                2 => node.op = value.text(),
                3 => node.inputs.push(value.text()),
                5 => node.attributes.push(fields(value.bytes())[0].1.text()),
                other => panic!("node with field {other}"),
            }
        }
        node
    };
    nodes.map(|(_, value)| node(value.bytes())).collect()
}
