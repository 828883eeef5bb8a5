//! A reader of ONNX files that shares nothing with the writer.
#![allow(dead_code)] // Each test file uses its part.

#[path = "messages.rs"]
mod messages;

use messages::fields;
use std::collections::BTreeSet;
use std::path::Path;

/// What a file says.
#[derive(Debug, Default)]
pub struct File {
    pub ir_version: u64,
    pub opset: u64,
    pub producer: String,
    pub notes: Vec<(String, String)>,
    pub name: String,
    pub nodes: Vec<Node>,
    pub tensors: Vec<Tensor>,
    pub inputs: Vec<Info>,
    pub outputs: Vec<Info>,
}

#[derive(Debug, Default)]
pub struct Node {
    pub name: String,
    pub op: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Tensor {
    pub name: String,
    pub dtype: u64,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
}

/// The name and the type of an input or output: `"x: 1 batch,784"`.
#[derive(Debug, Default)]
pub struct Info {
    pub name: String,
    pub ty: String,
}

impl File {
    /// Fails if a value is used before it is there, or two have one name.
    pub fn check(&self, model: &str) {
        let known = self.inputs.iter().map(|i| &i.name).chain(self.tensors.iter().map(|t| &t.name));
        let mut values: BTreeSet<&str> = BTreeSet::new();
        known.for_each(|name| assert!(values.insert(name), "{model}: two values are named {name}"));
        let mut names = BTreeSet::new();
        for node in &self.nodes {
            let missing = node.inputs.iter().find(|input| !values.contains(input.as_str()));
            assert_eq!(missing, None, "{model}: what {} is computed from", node.name);
            assert!(names.insert(&node.name), "{model}: two nodes are named {}", node.name);
            for output in &node.outputs {
                assert!(values.insert(output), "{model}: two values are named {output}");
            }
        }
        for output in &self.outputs {
            assert!(values.contains(output.name.as_str()), "{model}: nothing gives {output:?}");
        }
    }

    /// The operators with the names of their nodes: `"dense/MatMul"`.
    pub fn node_names(&self) -> Vec<&str> {
        self.nodes.iter().map(|node| node.name.as_str()).collect()
    }

    pub fn tensor_names(&self) -> Vec<&str> {
        self.tensors.iter().map(|tensor| tensor.name.as_str()).collect()
    }
}

/// Reads a file.
pub fn read(path: &Path) -> File {
    let mut file = File::default();
    for (field, value) in fields(&std::fs::read(path).unwrap()) {
        match field {
            1 => file.ir_version = value.number(),
            2 => file.producer = value.text(),
            7 => graph(value.bytes(), &mut file),
            8 => {
                let opset = fields(value.bytes());
                file.opset = opset.iter().find(|(field, _)| *field == 2).unwrap().1.number();
            }
            14 => {
                let texts: Vec<String> =
                    fields(value.bytes()).iter().map(|(_, value)| value.text()).collect();
                file.notes.push((texts[0].clone(), texts[1].clone()));
            }
            _ => {}
        }
    }
    file
}

fn graph(bytes: &[u8], file: &mut File) {
    for (field, value) in fields(bytes) {
        match field {
            1 => file.nodes.push(node(value.bytes())),
            2 => file.name = value.text(),
            5 => file.tensors.push(tensor(value.bytes())),
            11 => file.inputs.push(info(value.bytes())),
            12 => file.outputs.push(info(value.bytes())),
            _ => {}
        }
    }
}

fn node(bytes: &[u8]) -> Node {
    let mut node = Node::default();
    for (field, value) in fields(bytes) {
        match field {
            1 => node.inputs.push(value.text()),
            2 => node.outputs.push(value.text()),
            3 => node.name = value.text(),
            4 => node.op = value.text(),
            _ => {}
        }
    }
    node
}

fn tensor(bytes: &[u8]) -> Tensor {
    let mut tensor = Tensor::default();
    for (field, value) in fields(bytes) {
        match field {
            1 => tensor.shape.push(value.number()),
            2 => tensor.dtype = value.number(),
            8 => tensor.name = value.text(),
            9 => tensor.bytes = value.bytes().to_vec(),
            _ => {}
        }
    }
    tensor
}

fn info(bytes: &[u8]) -> Info {
    let mut info = Info::default();
    for (field, value) in fields(bytes) {
        match field {
            1 => info.name = value.text(),
            _ => {
                let inside = fields(value.bytes())[0].1.bytes();
                info.ty = fields(inside)
                    .iter()
                    .map(|(field, value)| match field {
                        1 => value.number().to_string() + " ",
                        _ => dims(value.bytes()),
                    })
                    .collect();
            }
        }
    }
    info
}

fn dims(bytes: &[u8]) -> String {
    let dim = |(_, value): &(u64, messages::Value<'_>)| match fields(value.bytes())[..] {
        [(1, ref number)] => number.number().to_string(),
        [(_, ref name)] => name.text(),
        _ => panic!("a dimension is one thing"),
    };
    fields(bytes).iter().map(dim).collect::<Vec<String>>().join(",")
}
