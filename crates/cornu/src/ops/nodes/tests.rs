//! Operations there and back, and as Keras writes them.

use super::*;
use crate::ops::{self, Axis, Padding};
use crate::tensor::Kind;
use cornu_graph::{Array, DType, Values};
use serde_json::json;

/// What an operation does to two tensors `(2, 4, 6)` of positive numbers below 2.
type Case = fn(&Tensor, &Tensor) -> Tensor;

/// Every function of `cornu::ops` and every operator.
const CASES: &[Case] = &[
    |x, y| x + y,
    |x, _| x * 2.5,
    |x, _| 1.0 - x,
    |x, _| x + 2,
    |x, y| x / y,
    |x, _| -x,
    |x, _| x * &Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.5]),
    |x, y| ops::mod_(x, y),
    |x, y| ops::power(x, y),
    |x, _| x.maximum(0.5),
    |x, y| ops::minimum(x, y),
    |x, _| x.abs(),
    |x, _| ops::sign(x - 1.0),
    |x, _| x.square(),
    |x, _| x.sqrt(),
    |x, _| x.exp(),
    |x, _| x.log(),
    |x, _| ops::expm1(x),
    |x, _| ops::log1p(x),
    |x, _| ops::sin(x),
    |x, _| ops::cos(x),
    |x, _| ops::tanh(x),
    |x, _| ops::erf(x),
    |x, _| ops::floor(x),
    |x, _| ops::ceil(x),
    |x, _| ops::round(x),
    |x, _| ops::reciprocal(x),
    |x, _| ops::rsqrt(x),
    |x, _| x.clip(0.5, 1.5),
    |x, y| ops::equal(x, y),
    |x, y| ops::not_equal(x, y),
    |x, y| ops::less(x, y),
    |x, y| ops::less_equal(x, y),
    |x, y| ops::greater(x, y),
    |x, _| ops::greater_equal(x, 0.7),
    |x, y| ops::logical_and(ops::greater(x, 1.0), ops::less(y, 1.0)),
    |x, y| ops::logical_or(ops::greater(x, 1.0), ops::less(y, 1.0)),
    |x, _| ops::logical_not(ops::greater(x, 1.0)),
    |x, y| ops::where_(ops::greater(x, 1.0), y, 0.0),
    |x, y| ops::where_(ops::greater(x, 1.0), y, f32::NEG_INFINITY),
    |x, _| ops::sum(x, Axis::ALL),
    |x, _| ops::sum(x, [1, 2]),
    |x, _| ops::sum(ops::greater(x, 1.0), 1),
    |x, _| ops::prod(x, 1),
    |x, _| ops::max(x, Axis::new(-1).keepdims()),
    |x, _| ops::min(x, 1),
    |x, _| ops::mean(x, Axis::new(1).keepdims()),
    |x, _| ops::var(x, 1),
    |x, _| ops::std(x, -1),
    |x, _| ops::logsumexp(x, [1, 2]),
    |x, _| ops::stop_gradient(x),
    |x, _| ops::argmax(x, -1),
    |x, _| ops::argmin(x, 1),
    |x, _| ops::count_nonzero(ops::floor(x), 1),
    |x, _| ops::count_nonzero(ops::floor(x), Axis::new(1).keepdims()),
    |x, _| ops::any(ops::floor(x), 1),
    |x, _| ops::all(ops::floor(x), Axis::new(1).keepdims()),
    |x, _| ops::cast(x, DType::I32),
    |x, _| ops::reshape(x, [-1, 3, 8]),
    |x, _| ops::ravel(x),
    |x, _| ops::transpose(x, Some(&[0, 2, 1])),
    |x, _| ops::transpose(x, None),
    |x, _| ops::broadcast_to(x, [3, 2, 4, 6]),
    |x, _| ops::expand_dims(x, -1),
    |x, _| ops::squeeze(ops::slice(x, [(0, None, 1), (1, Some(2), 1), (0, None, 2)]), 1),
    |x, _| ops::zeros_like(x),
    |x, _| ops::ones_like(x),
    |x, y| ops::concatenate([x, y], 1),
    |x, y| ops::stack([x, y], -1),
    |x, _| ops::pad(x, [(0, 0), (1, 2), (0, 1)]),
    |x, _| ops::flip(x, 1),
    |x, _| ops::repeat(x, 2, 1),
    |x, _| ops::tile(x, [1, 2, 3]),
    |x, y| ops::matmul(x, ops::transpose(y, Some(&[0, 2, 1]))),
    |x, _| ops::dot(x, Tensor::from([[1.0f32, 2.0, 0.5]; 6])),
    |x, y| ops::einsum("bij,bkj->bik", x, y),
    |x, _| ops::norm(x, Axis::new(-1).keepdims()),
    |x, _| ops::norm(x, Axis::ALL),
    |x, _| ops::norm(x, [0, 1, 2]),
    |x, _| ops::vector_norm(x, 1.0, 1),
    |x, _| ops::vector_norm(x, 3.0, 1),
    |x, _| ops::vector_norm(x, f32::INFINITY, 1),
    |x, _| ops::vector_norm(x, 1.0, [1, 2]),
    |x, _| ops::normalize(x, -1, 1e-7),
    |x, _| ops::normalize(x, 1, 0.5),
    |x, _| ops::take(x, [0, 2, -1], 1),
    |x, _| ops::one_hot(ops::floor(x), 3),
    |x, _| ops::relu(x - 1.0),
    |x, _| ops::relu6(x),
    |x, _| ops::leaky_relu(x - 1.0, 0.3),
    |x, _| ops::sigmoid(x),
    |x, _| ops::log_sigmoid(x),
    |x, _| ops::softplus(x),
    |x, _| ops::softsign(x),
    |x, _| ops::softmax(x, 1),
    |x, _| ops::log_softmax(x, -1),
    |x, _| ops::elu(x - 1.0, 0.5),
    |x, _| ops::celu(x - 1.0, 0.5),
    |x, _| ops::selu(x - 1.0),
    |x, _| ops::gelu(x - 1.0, true),
    |x, _| ops::gelu(x - 1.0, false),
    |x, _| ops::glu(x, 1),
    |x, _| ops::silu(x),
    |x, _| ops::mish(x),
    |x, _| ops::exponential(x),
    |x, _| ops::hard_sigmoid(x - 1.0),
    |x, _| ops::hard_silu(x - 1.0),
    |x, _| ops::hard_tanh(x),
    |x, _| ops::hard_shrink(x, 0.4),
    |x, _| ops::soft_shrink(x, 0.4),
    |x, _| ops::tanh_shrink(x),
    |x, _| ops::threshold(x, 0.4, 0.1),
    |x, _| ops::squareplus(x, 3.0),
    |x, _| ops::sparse_plus(x),
    |x, _| ops::conv(image(x), kernel([3, 2, 2, 3]), [2, 1], Padding::Same, [1, 1]),
    |x, _| ops::conv(image(x), kernel([2, 1, 2, 3]), [1, 1], Padding::Valid, [2, 1]),
    |x, _| ops::depthwise_conv(image(x), kernel([2, 2, 2, 2]), [1, 1], Padding::Same, [1, 1]),
    |x, _| ops::conv_transpose(image(x), kernel([2, 2, 3, 2]), [2, 2], Padding::Same, [1, 1]),
    |x, _| ops::max_pool(image(x), [2, 2], [1, 1], Padding::Same),
    |x, _| ops::average_pool(image(x), [2, 2], [2, 2], Padding::Valid),
];

fn image(x: &Tensor) -> Tensor {
    ops::reshape(x, [2, 4, 3, 2])
}

fn kernel(shape: [usize; 4]) -> Tensor {
    let count: usize = shape.iter().product();
    let values = (0..count).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect();
    Array::new(shape, values).unwrap().into()
}

/// Rebuilds a tensor from what the file would say of it and of all that it comes from.
fn rebuilt(tensor: &Tensor, known: &[&Tensor]) -> Tensor {
    if known.iter().any(|known| known.id() == tensor.id()) {
        return tensor.clone();
    }
    let Kind::Composite(composite) = tensor.kind() else {
        panic!("there is something without a name: {tensor:?}")
    };
    let node = describe(composite).unwrap();
    let place =
        |tensor: &Tensor| Some(json!({ "class_name": "__keras_tensor__", "config": tensor.id() }));
    let inputs: Vec<Tensor> = composite.inputs.iter().map(|t| t.unconverted().clone()).collect();
    let read = |argument: &Argument| {
        let text = argument.write(&place).unwrap().to_string();
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut find = |value: &Value| {
            let found = inputs.iter().find(|t| Some(t.id()) == value["config"].as_u64());
            Ok(rebuilt(found.unwrap(), known))
        };
        Argument::read(&value, &mut find).unwrap()
    };
    let args: Vec<Argument> = node.args.iter().map(read).collect();
    let config = Value::Object(node.config);
    let module = Some(node.module);
    let object = Object { class: node.class_name, registered: None, module, config: &config };
    let [again] = &apply(&object, &args, &BTreeMap::new()).unwrap()[..] else { panic!() };
    let Kind::Composite(second) = again.kind() else { panic!("{} has no name", node.class_name) };
    assert_eq!(second.operation.name, composite.operation.name);
    again.clone()
}

#[test]
fn every_op_comes_back_from_what_is_written() {
    let numbers = |factor: usize| {
        let values = (0..48).map(|i| (i * factor % 97) as f32 / 50.0 + 0.02).collect();
        Tensor::from(Array::new([2, 4, 6], values).unwrap())
    };
    // Not constants: these would be written into the arguments.
    let (x, y) = (numbers(31) + 0.0, numbers(43) + 0.0);
    for (i, case) in CASES.iter().enumerate() {
        let expected = case(&x, &y);
        let again = rebuilt(&expected, &[&x, &y]);
        assert_eq!(again.eval().unwrap(), expected.eval().unwrap(), "case {i}: {expected:?}");
    }
}

/// The array of a fixture.
fn array(value: &Value) -> Array {
    let shape: Vec<usize> = serde_json::from_value(value["shape"].clone()).unwrap();
    let dtype = constant::dtype(value["dtype"].as_str().unwrap()).unwrap();
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| f64::from(u8::from(v == &json!(true))));
    let numbers: Vec<f64> = value["data"].as_array().unwrap().iter().map(number).collect();
    Array::from_values(shape, Values::from_f64(dtype, &numbers)).unwrap()
}

/// What an entry of Keras computes here.
fn applied(case: &Value) -> Result<Vec<Tensor>> {
    let inputs: Vec<Tensor> =
        case["inputs"].as_array().unwrap().iter().map(|input| array(input).into()).collect();
    let mut tensor = |value: &Value| {
        let name = value["config"]["keras_history"][0].as_str().unwrap();
        Ok(inputs[name.parse::<usize>().unwrap()].clone())
    };
    let args: Vec<Argument> = case["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| Argument::read(arg, &mut tensor))
        .collect::<Result<_>>()?;
    let mut kwargs = BTreeMap::new();
    for (key, value) in case["kwargs"].as_object().unwrap() {
        kwargs.insert(key.clone(), Argument::read(value, &mut tensor)?);
    }
    apply(&Object::read(&case["entry"])?, &args, &kwargs)
}

fn differs(got: &Array, expected: &Array) -> Option<String> {
    if got.shape() != expected.shape() {
        return Some(format!("{:?} instead of {:?}", got.shape(), expected.shape()));
    }
    let (got, expected) = (got.values().to_f64(), expected.values().to_f64());
    let far = |(a, b): &(&f64, &f64)| (**a - **b).abs() > 1e-5 * b.abs().max(1.0);
    let (a, b) = got.iter().zip(&expected).find(far)?;
    Some(format!("{a} instead of {b}"))
}

fn check(case: &Value) -> std::result::Result<(), String> {
    let tensors = applied(case).map_err(|e| e.to_string())?;
    let outputs = case["outputs"].as_array().unwrap();
    if tensors.len() != outputs.len() {
        return Err(format!("{} results instead of {}", tensors.len(), outputs.len()));
    }
    for (tensor, output) in tensors.iter().zip(outputs) {
        let got = tensor.eval().map_err(|e| e.to_string())?;
        if let Some(difference) = differs(&got, &array(output)) {
            return Err(difference);
        }
    }
    Ok(())
}

fn check_file(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let mut classes: Vec<String> = vec![];
    let mut wrong = vec![];
    for case in file["cases"].as_array().unwrap() {
        classes.push(case["entry"]["class_name"].as_str().unwrap().to_owned());
        if let Err(why) = check(case) {
            wrong.push(format!("{}: {why}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    classes
}

#[test]
fn what_keras_writes_computes_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keras/op_nodes.json");
    let seen = check_file(path);
    // Names that Keras 3.15 does not write, for what it writes under another.
    let other_names = ["Abs", "Positive"];
    let names = MODULES.iter().flat_map(|(_, table)| table.iter().map(|row| row.0));
    let unseen: Vec<&str> = names
        .filter(|name| !other_names.contains(name) && !seen.iter().any(|seen| seen == name))
        .collect();
    assert!(unseen.is_empty(), "not held to Keras: {unseen:?}");
}

/// Applies an operation to a tensor `(2, 3)` and values.
fn on_numbers(entry: &Value, values: &[Value], kwargs: &Value) -> Result<Array> {
    let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let values = values.iter().cloned().map(Argument::Value);
    let args: Vec<Argument> = [Argument::Tensor(x)].into_iter().chain(values).collect();
    let kwargs = kwargs.as_object().unwrap().iter();
    let kwargs = kwargs.map(|(key, value)| (key.clone(), Argument::Value(value.clone()))).collect();
    apply(&Object::read(entry)?, &args, &kwargs)?[0].eval()
}

fn on_object(class: &str, config: Value, values: &[Value]) -> Result<Array> {
    on_numbers(&json!({ "class_name": class, "config": config }), values, &json!({}))
}

#[test]
fn older_names_and_places_of_arguments_are_understood() {
    let y = on_object("Threshold", json!({ "threshold_value": 2, "value": 9 }), &[]).unwrap();
    assert_eq!(y.as_slice::<f32>().unwrap(), [9.0, 9.0, 3.0, 4.0, 5.0, 6.0]);
    let y = on_object("Slice", json!({}), &[json!([0, 1]), json!([2, 1])]).unwrap();
    assert_eq!(y.as_slice::<f32>().unwrap(), [2.0, 5.0]);
    let y = on_object("OneHot", json!({ "num_classes": 2, "dtype": null }), &[]).unwrap();
    assert_eq!(y.shape(), [2, 3, 2]);
    let entry = json!({ "class_name": "ZerosLike", "config": { "name": "zeros_like" } });
    let y = on_numbers(&entry, &[], &json!({ "dtype": "int32" })).unwrap();
    assert_eq!(y.dtype(), DType::I32);
}

#[test]
fn functions_of_keras_2_are_understood() {
    let on = |class: &str, function: &str, kwargs: Value| {
        let config = json!({ "name": "tf", "function": function });
        let entry = json!({ "class_name": class, "config": config });
        on_numbers(&entry, &[], &kwargs).map(|y| y.values().to_f64())
    };
    assert_eq!(
        on("TFOpLambda", "math.subtract", json!({ "y": 1.0, "name": null })).unwrap()[5],
        5.0
    );
    let kwargs = json!({ "axis": 1, "keepdims": true, "name": null });
    assert_eq!(on("TFOpLambda", "math.reduce_sum", kwargs).unwrap(), [6.0, 15.0]);
    let all = json!({ "start": null, "stop": null, "step": null });
    let kwargs = json!({ "slice_spec": [all, 1] });
    assert_eq!(on("SlicingOpLambda", "__operators__.getitem", kwargs).unwrap(), [2.0, 5.0]);
    let message = on("TFOpLambda", "signal.fft", json!({})).unwrap_err().to_string();
    assert!(message.contains("'tf.signal.fft'"), "{message}");
}

#[test]
fn what_makes_no_sense_is_an_error() {
    const HUGE: i64 = 1_000_000_000_000_000_000;
    let slice = |start: i64, step: i64| json!({ "class_name": "__slice__", "config": { "start": start, "stop": null, "step": step } });
    let array = json!({ "class_name": "__numpy__", "config": { "value": [[1], []] } });
    let cases = [
        ("Fft2", json!({}), vec![], "there is no operation 'Fft2'"),
        ("Reshape", json!({}), vec![], "Reshape: the argument 'shape' is missing"),
        ("Reshape", json!({ "newshape": [HUGE, HUGE] }), vec![], "Reshape: cannot reshape"),
        ("Mean", json!({ "axis": "last" }), vec![], "Mean: 'axis': expected"),
        ("Mean", json!({ "axis": 7 }), vec![], "Mean: axis 7"),
        ("Mean", json!([1]), vec![], "Mean must be an object"),
        ("Add", json!({}), vec![], "Add: the argument 'x2' is missing"),
        ("Add", json!({}), vec![array], "rows of one length"),
        ("Add", json!({}), vec![json!("one")], "Add: expected a number"),
        ("Tile", json!({ "repeats": [HUGE, HUGE] }), vec![], "Tile: "),
        ("Repeat", json!({ "repeats": HUGE, "axis": 1 }), vec![], "Repeat: "),
        ("Repeat", json!({ "repeats": -1, "axis": 1 }), vec![], "Repeat: 'repeats': expected"),
        ("OneHot", json!({ "num_classes": HUGE }), vec![], "OneHot: "),
        ("Pad", json!({ "pad_width": HUGE }), vec![], "Pad: "),
        ("BroadcastTo", json!({ "shape": [HUGE, 2, 3] }), vec![], "BroadcastTo: "),
        ("Unstack", json!({ "axis": i32::MIN }), vec![], "axis -2147483648"),
        ("Split", json!({ "indices_or_sections": HUGE }), vec![], "Split: an axis of 2"),
        ("GetItem", json!({}), vec![json!([0, 3])], "index 3 of axis 1"),
        ("GetItem", json!({}), vec![json!([0, 0, 0])], "too many parts"),
        ("GetItem", json!({}), vec![slice(0, 0)], "a step of 0"),
        ("MaxPool", json!({ "pool_size": HUGE }), vec![], "windows of sequences and images"),
        ("Cast", json!({ "dtype": "complex64" }), vec![], "no tensors of dtype 'complex64'"),
    ];
    for (class, config, values, expected) in cases {
        let message = on_object(class, config, &values).unwrap_err().to_string();
        assert!(message.contains(expected), "{message} should say: {expected}");
    }
    let smallest = on_object("GetItem", json!({}), &[slice(i64::MAX, i64::MIN)]).unwrap();
    assert_eq!(smallest.as_slice::<f32>().unwrap(), [4.0, 5.0, 6.0]);
}
