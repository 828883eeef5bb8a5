//! The layers against Keras: outputs, gradients of inputs and weights, configurations.

mod support;

use cornu::prelude::*;
use serde_json::Value;
use support::*;

const SKIPPED: Skipped<'_> = &[
    ("Flatten [2,3,2,2] data_format=channels_first", "Cornu has channels last only"),
    ("Add", ABSENT),
    ("Average", ABSENT),
    ("AveragePooling1D", ABSENT),
    ("AveragePooling2D", ABSENT),
    ("BatchNormalization", ABSENT),
    ("Concatenate", ABSENT),
    ("Conv1D", ABSENT),
    ("Conv2D", ABSENT),
    ("Conv2DTranspose", ABSENT),
    ("Cropping2D", ABSENT),
    ("DepthwiseConv2D", ABSENT),
    ("Dot", ABSENT),
    ("ELU", ABSENT),
    ("EinsumDense", ABSENT),
    ("Embedding", ABSENT),
    ("GaussianNoise", ABSENT),
    ("GlobalAveragePooling1D", ABSENT),
    ("GlobalAveragePooling2D", ABSENT),
    ("GlobalMaxPooling1D", ABSENT),
    ("GlobalMaxPooling2D", ABSENT),
    ("GroupNormalization", ABSENT),
    ("LayerNormalization", ABSENT),
    ("LeakyReLU", ABSENT),
    ("MaxPooling1D", ABSENT),
    ("MaxPooling2D", ABSENT),
    ("Maximum", ABSENT),
    ("Minimum", ABSENT),
    ("Multiply", ABSENT),
    ("PReLU", ABSENT),
    ("Permute", ABSENT),
    ("RMSNormalization", ABSENT),
    ("ReLU", ABSENT),
    ("RepeatVector", ABSENT),
    ("Rescaling", ABSENT),
    ("Reshape", ABSENT),
    ("SeparableConv2D", ABSENT),
    ("Softmax", ABSENT),
    ("Subtract", ABSENT),
    ("UnitNormalization", ABSENT),
    ("UpSampling2D", ABSENT),
    ("ZeroPadding2D", ABSENT),
];
const ABSENT: &str = "Cornu has no such layer yet";

#[test]
fn layers_are_those_of_keras() {
    let describe = |case: &Value| (text(&case["layer"]).to_owned(), text(&case["name"]).to_owned());
    check_all("layers", SKIPPED, describe, check);
}

fn check(case: &Value) -> Check {
    utils::clear_session();
    let layer = build(case)?;
    expect_fields(&layer.config(), &case["config"])?;
    let x = tensor(&case["inputs"][0]);
    let y = layer.call(&x);
    set_weights(&layer, case)?;
    expect_close("the output", &y.eval()?, &array(&case["output"]), TOLERANCE)?;
    let weighed = ops::sum(&y * tensor(&case["cotangent"]), Axis::ALL);
    let expected = &case["input_gradients"][0];
    if !expected.is_null() {
        let gradient = gradients(&weighed, &[&x])?.remove(0);
        expect_close("the input's gradient", &gradient, &array(expected), TOLERANCE)?;
    }
    expect_weight_gradients(&layer, case)
}

fn build(case: &Value) -> Outcome<LayerRef> {
    let s = &mut Settings::of(case, "arguments");
    let activation = s.take("activation");
    let layer = match text(&case["layer"]) {
        "Activation" => Activation::new(activation.as_ref().map_or("", text)).shared(),
        "Dense" => {
            let units = s.take("units").map_or(0, |units| number(&units) as usize);
            let dense = s.set_bool(Dense::new(units), "use_bias", Dense::use_bias);
            match activation.as_ref().map(text) {
                Some(name) => dense.activation(name).shared(),
                None => dense.shared(),
            }
        }
        "Dropout" => Dropout::new(s.set(0.0, "rate", |_, rate| rate)).shared(),
        "Flatten" => Flatten::new().shared(),
        other => return Err(format!("there is no layer {other} here").into()),
    };
    s.all_used()?;
    Ok(layer)
}

/// Gives the layer the weights of the case, which must be the ones it has.
fn set_weights(layer: &LayerRef, case: &Value) -> Check {
    let expected = case["weights"].as_array().ok_or("no weights")?;
    let weights = layer.weights();
    let names = weights.iter().map(|weight| weight.name().to_owned()).collect::<Vec<String>>();
    if names != expected.iter().map(|weight| text(&weight["name"])).collect::<Vec<&str>>() {
        return Err(format!("the weights are {names:?}").into());
    }
    for (weight, expected) in weights.iter().zip(expected) {
        weight.assign(array(&expected["value"]))?;
    }
    Ok(())
}

/// The gradients as a step of training sees them: gradient descent with the learning rate 1 takes
/// exactly the gradient from each weight, here of the sum of outputs times cotangent.
fn expect_weight_gradients(layer: &LayerRef, case: &Value) -> Check {
    let weights = layer.weights();
    if weights.is_empty() {
        return Ok(());
    }
    let (x, cotangent) = (array(&case["inputs"][0]), array(&case["cotangent"]));
    let input = Input::tensor(&x.shape()[1..]);
    let mut model = Model::new(&input, layer.call(&input))?;
    let weighed = |cotangent: &Tensor, y: &Tensor| ops::sum(y * cotangent, Axis::ALL);
    model.compile(SGD::new(1.0), weighed).build()?;
    let before: Vec<Tensor> = weights.iter().map(|weight| weight.value().into()).collect();
    model.train_on_batch(&x, &cotangent)?;
    let expected = case["weight_gradients"].as_array().ok_or("no gradients")?;
    for ((weight, before), expected) in weights.iter().zip(&before).zip(expected) {
        let gradient = (before - Tensor::from(weight.value())).eval()?;
        let what = format!("the gradient of the {}", weight.name());
        expect_close(&what, &gradient, &array(expected), TOLERANCE)?;
    }
    Ok(())
}
