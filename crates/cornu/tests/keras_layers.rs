//! The layers against Keras: outputs, gradients of inputs and weights, configurations.

#[path = "support/layers.rs"]
mod layers;
mod support;

use cornu::prelude::*;
use cornu::saving::FromConfig;
use serde_json::{Value, json};
use support::*;

const SKIPPED: Skipped<'_> =
    &[("Flatten [2,3,2,2] data_format=channels_first", "Cornu has channels last only")];

#[test]
fn layers_are_those_of_keras() {
    let describe = |case: &Value| (text(&case["layer"]).to_owned(), text(&case["name"]).to_owned());
    check_all("layers", SKIPPED, describe, check);
}

/// The layer of a case, made in code and of its configuration in a file.
fn check(case: &Value) -> Check {
    utils::clear_session();
    let layer = layers::build(text(&case["layer"]), Settings::of(case, "arguments"))?;
    expect_config(&layer.config(), &case["config"])?;
    check_computation(case, &layer)?;
    let files = [
        ("as Cornu writes it", layer.serialized()),
        ("as Keras writes it", json!({"class_name": case["layer"], "config": case["config"]})),
    ];
    files.iter().try_for_each(|(what, file)| {
        let copy = LayerRef::from_config(file)?;
        match copy.config() == layer.config() {
            true => check_computation(case, &copy),
            false => Err(format!("{}, not {}", copy.config(), layer.config()).into()),
        }
        .map_err(|error| format!("{what}: {error}").into())
    })
}

fn check_computation(case: &Value, layer: &LayerRef) -> Check {
    let xs: Vec<Tensor> = arrays(&case["inputs"]).into_iter().map(Tensor::from).collect();
    let y = layer.call(&xs);
    y.check()?;
    set_weights(layer, case)?;
    if case["training"] == Value::Bool(true) {
        return check_training(case, layer);
    }
    expect_close("the output", &y.eval()?, &array(&case["output"]), TOLERANCE)?;
    let weighed = ops::sum(&y * tensor(&case["cotangent"]), Axis::ALL);
    let gradient_of = |what: &str, of: &Tensor, expected: &Value| -> Check {
        if expected.is_null() {
            return Ok(());
        }
        let gradient = gradients(&weighed, &[of])?.remove(0);
        expect_close(&format!("the gradient of {what}"), &gradient, &array(expected), TOLERANCE)
    };
    for (i, (x, expected)) in xs.iter().zip(list(&case["input_gradients"])).enumerate() {
        gradient_of(&format!("input {i}"), x, expected)?;
    }
    for (weight, expected) in layer.weights().iter().zip(list(&case["weight_gradients"])) {
        gradient_of(weight.name(), &weight.tensor(), expected)?;
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether the configuration has all fields of Keras's, and no others.
fn expect_config(ours: &Value, keras: &Value) -> Check {
    let keras = without_newer(keras);
    expect_fields(ours, &keras)?;
    expect_fields(&keras, ours).map_err(|error| format!("the other way: {error}").into())
}

/// A configuration without the fields that older Keras refuses, as long as they say what Cornu does.
/// Cornu leaves them out, so that its files can be read by all.
fn without_newer(config: &Value) -> Value {
    let newer = |name: &str, value: &Value| match name {
        "quantization_config" | "renorm_clipping" | "input_axes" | "output_axes" => value.is_null(),
        "renorm" => *value == json!(false),
        "renorm_momentum" => *value == json!(0.99),
        _ => false,
    };
    let Some(fields) = config.as_object() else { return config.clone() };
    let kept = fields.iter().filter(|(name, value)| !newer(name, value));
    kept.map(|(name, value)| (name.clone(), without_newer(value))).collect()
}

/// Gives the layer the weights of the case, which must be the ones it has.
fn set_weights(layer: &LayerRef, case: &Value) -> Check {
    let weights = layer.weights();
    let ours: Vec<(&str, bool)> = weights.iter().map(|w| (w.name(), w.trainable())).collect();
    let keras = list(&case["weights"]);
    let described = |w: &Value| (text(&w["name"]).to_owned(), w["trainable"] == Value::Bool(true));
    let expected: Vec<(String, bool)> = keras.iter().map(described).collect();
    if !ours.iter().copied().eq(expected.iter().map(|(name, t)| (name.as_str(), *t))) {
        return Err(format!("the weights are {ours:?}, not {expected:?}").into());
    }
    for (weight, expected) in weights.iter().zip(keras) {
        weight.assign(array(&expected["value"]))?;
    }
    Ok(())
}

/// Gives out rows of a weight, by their numbers: the gradient of the weight is that of what comes
/// after it for its input.
#[derive(Debug)]
struct Probe(Vec<usize>);

impl Layer for Probe {
    fn kind(&self) -> &str {
        "Probe"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(ops::take(scope.weight("rows", &self.0[..], "zeros")?, one_input(inputs)?, 0))
    }
}

/// Keeps what it is given in the step of training.
#[derive(Debug)]
struct Record(Vec<usize>);

impl Layer for Record {
    fn kind(&self) -> &str {
        "Record"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let record = scope.state("record", &self.0[..], &Initializer::zeros())?;
        scope.update(&record, x.clone());
        Ok(x.clone())
    }
}

/// A step of training: gradient descent with the learning rate 1 takes exactly the gradient from
/// each weight, here of the sum of outputs times cotangent.
fn check_training(case: &Value, layer: &LayerRef) -> Check {
    let (x, cotangent) = (array(&case["inputs"][0]), array(&case["cotangent"]));
    let probe = Probe(x.shape().to_vec()).shared();
    let record = Record(cotangent.shape().to_vec()).shared();
    let numbers: Vec<i32> = (0..x.shape()[0] as i32).collect();
    let rows = Tensor::from(Input::new(Shape::scalar()).dtype(DType::I32));
    let mut model = Model::new(&rows, record.call(layer.call(probe.call(&rows))))?;
    probe.weights()[0].assign(x.clone())?;
    let weighed = |cotangent: &Tensor, y: &Tensor| ops::sum(y * cotangent, Axis::ALL);
    model.compile(SGD::new(1.0), weighed).build()?;
    model.train_on_batch(&Array::new([numbers.len()], numbers)?, &cotangent)?;
    expect_close("the output", &record.weights()[0].value(), &array(&case["output"]), TOLERANCE)?;
    let taken = (Tensor::from(x) - Tensor::from(probe.weights()[0].value())).eval()?;
    let expected = array(&case["input_gradients"][0]);
    expect_close("the input's gradient", &taken, &expected, TOLERANCE)?;
    let weights = layer.weights();
    for (i, (weight, before)) in weights.iter().zip(list(&case["weights"])).enumerate() {
        let gradient = &case["weight_gradients"][i];
        if gradient.is_null() {
            let after = array(&case["weights_after"][i]);
            let what = format!("the {} after the step", weight.name());
            expect_close(&what, &weight.value(), &after, TOLERANCE)?;
        } else {
            let taken = (tensor(&before["value"]) - Tensor::from(weight.value())).eval()?;
            let what = format!("the gradient of the {}", weight.name());
            expect_close(&what, &taken, &array(gradient), TOLERANCE)?;
        }
    }
    Ok(())
}
