//! Exported models: what stands in the file, and what cannot be exported. `onnx_models` has models of
//! every kind.

#[path = "support/onnx.rs"]
mod onnx;

use cornu::prelude::*;
use onnx::{File, read};
use std::fs;

fn exported(model: &Model) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/model.onnx");
    model.export(&path).unwrap();
    let file = read(&path);
    file.check("the model");
    file
}

fn classifier() -> Sequential {
    utils::clear_session();
    utils::set_random_seed(1);
    Sequential::new()
        .add(Input::new([4]).name("pixels"))
        .add(Dense::new(3).activation("relu"))
        .add(Dropout::new(0.5))
        .add(Dense::new(2).activation("softmax").name("digit"))
}

#[test]
fn a_file_names_what_the_model_names() {
    let mut model = Model::from(classifier());
    model.set_metadata("classes", "cat, dog").unwrap();
    let file = exported(&model);
    assert_eq!((file.ir_version, file.opset, file.producer.as_str()), (8, 18, "cornu"));
    assert_eq!((file.name.as_str(), file.notes.len()), ("sequential", 1));
    assert_eq!(file.notes[0], ("classes".to_owned(), "cat, dog".to_owned()));
    let [input, output] = [&file.inputs[0], &file.outputs[0]];
    assert_eq!((input.name.as_str(), input.ty.as_str()), ("pixels", "1 batch,4"));
    assert_eq!((output.name.as_str(), output.ty.as_str()), ("digit", "1 batch,2"));
    let nodes =
        ["dense/MatMul", "dense/Add", "dense/Relu", "digit/MatMul", "digit/Add", "digit/Softmax"];
    assert_eq!(file.node_names(), nodes);
    assert_eq!(file.tensor_names(), ["dense/kernel", "dense/bias", "digit/kernel", "digit/bias"]);
    let kernel = model.weights().unwrap()[0].value();
    let bytes: Vec<u8> =
        kernel.as_slice::<f32>().unwrap().iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!((&file.tensors[0].shape[..], &file.tensors[0].bytes), (&[4, 3][..], &bytes));
}

#[test]
fn equal_models_are_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = ["a.onnx", "b.ONNX"].map(|name| {
        let path = folder.path().join(name);
        classifier().export(&path).unwrap();
        fs::read(path).unwrap()
    });
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn shared_weights_are_in_the_file_once() {
    utils::clear_session();
    let (left, right) = (Input::tensor([6, 6, 1]), Input::tensor([6, 6, 1]));
    let tower = Sequential::new()
        .add(Conv2D::new(2, 3))
        .add(BatchNormalization::new())
        .add(Flatten::new())
        .add(Dense::new(3));
    let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    let file = exported(&Model::new([&left, &right], &distance).unwrap());
    let count = |op: &str| file.nodes.iter().filter(|node| node.op == op).count();
    // Images become channels first before the convolution and last after the normalization.
    assert_eq!((count("Conv"), count("MatMul"), count("Transpose")), (2, 2, 4));
    let floats: Vec<&[u64]> = file
        .tensors
        .iter()
        .filter(|tensor| tensor.dtype == 1 && tensor.bytes.len() > 4)
        .map(|tensor| &tensor.shape[..])
        .collect();
    // The filters as ONNX wants them; what the normalization subtracts, multiplies by, and adds.
    let column: &[u64] = &[1, 2, 1, 1];
    assert_eq!(floats, [&[2, 1, 3, 3], &[2][..], column, column, column, &[32, 3], &[3]]);
}

#[test]
fn other_types_stay_what_they_are() {
    utils::clear_session();
    let words: Tensor = Input::new([3]).dtype(DType::I32).name("words").into();
    let image: Tensor = Input::new([2, 2]).dtype(DType::U8).name("image").into();
    let mask: Tensor = Input::new([5]).dtype(DType::Bool).name("mask").into();
    let outputs = [ops::max(&words, -1), ops::max(&image, -1), ops::logical_not(&mask)];
    let file = exported(&Model::new([&words, &image, &mask], outputs).unwrap());
    let types = |infos: &[onnx::Info]| infos.iter().map(|i| i.ty.clone()).collect::<Vec<String>>();
    assert_eq!(types(&file.inputs), ["6 batch,3", "2 batch,2,2", "9 batch,5"]);
    assert_eq!(types(&file.outputs), ["6 batch", "2 batch,2", "9 batch,5"]);
    let names: Vec<&str> = file.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["max", "max_1", "logical_not"]);
}

#[test]
fn what_cannot_be_exported_is_an_error_and_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::write(&path, "old").unwrap();

    let error = Model::from(Sequential::new().add(Dense::new(2))).export(&path).unwrap_err();
    assert!(error.to_string().contains("not built"), "{error}");

    let error = classifier().export(folder.path().join("model.tflite")).unwrap_err().to_string();
    assert!(error.contains(".onnx, not as '.tflite'"), "{error}");

    /// Noise that does not end with the training.
    #[derive(Debug)]
    struct Noise;

    impl Layer for Noise {
        fn kind(&self) -> &str {
            "Noise"
        }

        fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
            let x = one_input(inputs)?;
            Ok(x + scope.random_normal(x.shape()))
        }
    }

    let noisy = Sequential::new().add(Input::new([2])).add(Noise);
    let error = noisy.export(&path).unwrap_err().to_string();
    assert!(error.contains("random numbers"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
}
