//! Models for other programs: ONNX (<https://onnx.ai>), which runs in servers, browsers and phones.
//!
//! Not layers are exported but what they compute: the model's graph for prediction, of primitive ops,
//! with the batch still open. There are few of these ops and the compiler knows them all, so a new
//! layer needs nothing here.
//!
//! | step | file |
//! |---|---|
//! | which nodes of the graph are exported, as which of ONNX's operators | `plan`, `known` |
//! | one primitive op after another in ONNX's words | `emit`, `elementwise`, `layout`, `reduce`, `images` |
//! | values, names, equal nodes only once, known arrays computed now | `builder` |
//! | the file | `proto` |

mod builder;
mod elementwise;
mod emit;
mod images;
mod known;
mod layout;
mod plan;
mod proto;
mod reduce;

use super::{Notes, write_values, write_with};
use crate::model::Built;
use crate::tensor::Kind;
use crate::tensor::lower::{Lowerer, Mode};
use builder::Builder;
use cornu_graph::{Dim, Result};
use emit::Emitter;
use std::path::Path;

/// What is exported: a built network, its name, the names of its outputs, what was said about it.
pub(crate) struct Export<'a> {
    pub built: &'a Built,
    pub name: &'a str,
    pub output_names: &'a [String],
    pub notes: &'a Notes,
}

/// Writes a model to an ONNX file.
///
/// # Errors
/// If something in it cannot be said in ONNX, it is too large, or the file cannot be written.
pub(crate) fn export_onnx(path: &Path, export: &Export) -> Result<()> {
    let graph = graph(export)?;
    let encoded = proto::Encoded::new(&graph, export.name, export.notes)?;
    write_with(path, |file| encoded.write(file))
}

fn graph(export: &Export) -> Result<Builder> {
    let lowerer = lower(export.built)?;
    let graph = &lowerer.graph;
    let mut out = Builder::default();
    for input in &export.built.inputs {
        let Kind::Input { name } = input.kind() else {
            unreachable!("a model's inputs are inputs")
        };
        out.input(name.as_deref().unwrap_or("input_layer"), input.ty());
    }
    let names = out.reserve(export.output_names);
    let mut emitter = Emitter::new(&lowerer, out);
    for (id, step) in graph.ids().zip(plan::plan(&lowerer)) {
        if let Some(step) = step {
            emitter.step(id, &step)?;
        }
    }
    for (id, name) in graph.outputs.iter().zip(&names) {
        let value = emitter.value(*id);
        emitter.out.output(value, name, graph.ty(*id));
    }
    Ok(emitter.out)
}

/// The network for prediction, with a batch of any size.
fn lower(built: &Built) -> Result<Lowerer> {
    let mut lowerer = Lowerer::new(Mode::Predict, Dim::BATCH);
    for input in &built.inputs {
        let node = lowerer.input(input.ty().clone());
        lowerer.bind(input, node);
    }
    for output in &built.outputs {
        let node = lowerer.lower(output)?;
        lowerer.graph.outputs.push(node);
    }
    Ok(lowerer)
}

#[cfg(test)]
mod tests {
    use crate::layers::Input;
    use crate::model::Model;
    use crate::tensor::Tensor;
    use cornu_graph::{ErrorKind, Op};

    #[test]
    fn a_gradient_inside_a_model_is_an_error() {
        let x = Input::tensor([2]);
        let (numbers, rows) = (Tensor::from([0, 1]), Tensor::from([1.0f32, 2.0]));
        let table = Tensor::op(Op::ScatterAdd { rows: 2 }, &[&numbers, &rows]);
        let model = Model::new(&x, &x + &table).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = model.export(folder.path().join("model.onnx")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("gradient of a table's rows"), "{error}");
    }
}
