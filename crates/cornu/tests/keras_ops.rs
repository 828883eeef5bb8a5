//! The functions of tensors against `keras.ops`: results, dtypes and gradients.

mod support;

use cornu::ops::Padding;
use cornu::prelude::*;
use serde_json::Value;
use support::*;

const SKIPPED: Skipped<'_> = &[
    ("arccos", ABSENT),
    ("arcsin", ABSENT),
    ("arctan", ABSENT),
    ("arctan2", ABSENT),
    ("arctanh", ABSENT),
    ("argsort", ABSENT),
    ("conv_transpose", ABSENT),
    ("cosh", ABSENT),
    ("cumsum", ABSENT),
    ("depthwise_conv", ABSENT),
    ("divide_no_nan", ABSENT),
    ("floor_divide", ABSENT),
    ("full_like", ABSENT),
    ("log10", ABSENT),
    ("log2", ABSENT),
    ("logical_xor", ABSENT),
    ("moveaxis", ABSENT),
    ("normalize", ABSENT),
    ("outer", ABSENT),
    ("roll", ABSENT),
    ("sinh", ABSENT),
    ("sort", ABSENT),
    ("split", ABSENT),
    ("swapaxes", ABSENT),
    ("take_along_axis", ABSENT),
    ("tan", ABSENT),
    ("tensordot", ABSENT),
    ("top_k", ABSENT),
    ("trunc", ABSENT),
    ("unstack", ABSENT),
    ("dot([2,3,4], [5,4,2])", "the second factor of a dot has at most two dimensions"),
];
const ABSENT: &str = "Cornu has no such function yet";

#[test]
fn functions_are_those_of_keras() {
    let describe = |case: &Value| (text(&case["op"]).to_owned(), text(&case["name"]).to_owned());
    check_all("ops", SKIPPED, describe, check);
}

fn check(case: &Value) -> Check {
    let inputs: Vec<Tensor> = arrays(&case["inputs"]).iter().map(Tensor::from).collect();
    let attrs = &mut Settings::of(case, "attrs");
    let output = call(text(&case["op"]), &inputs, attrs)?;
    attrs.all_used()?;
    expect_close("the result", &output.eval()?, &array(&case["output"]), TOLERANCE)?;
    expect_gradients(case, &output, &inputs, TOLERANCE)
}

fn call(op: &str, inputs: &[Tensor], attrs: &mut Settings) -> Outcome<Tensor> {
    if let Some(y) = of_one(op, &inputs[0]) {
        return Ok(y);
    }
    let second = inputs.get(1).cloned().or_else(|| scalar(&attrs.take("x2")?));
    if let Some(y) = second.and_then(|b| of_two(op, &inputs[0], &b)) {
        return Ok(y);
    }
    let groups = [reducing, shaping, joining, choosing, network];
    let found = groups.into_iter().find_map(|group| group(op, inputs, attrs));
    found.ok_or(format!("there is no function {op} here").into())
}

/// A number beside a tensor: whole or not.
fn scalar(value: &Value) -> Option<Tensor> {
    let whole = value.as_i64().map(|n| Tensor::from(n as i32));
    whole.or_else(|| value.as_f64().map(|x| Tensor::from(x as f32)))
}

fn of_one(op: &str, x: &Tensor) -> Option<Tensor> {
    Some(match op {
        "abs" => ops::abs(x),
        "ceil" => ops::ceil(x),
        "cos" => ops::cos(x),
        "erf" => ops::erf(x),
        "exp" => ops::exp(x),
        "expm1" => ops::expm1(x),
        "floor" => ops::floor(x),
        "hard_sigmoid" => ops::hard_sigmoid(x),
        "hard_silu" => ops::hard_silu(x),
        "hard_tanh" => ops::hard_tanh(x),
        "log" => ops::log(x),
        "log1p" => ops::log1p(x),
        "log_sigmoid" => ops::log_sigmoid(x),
        "logical_not" => ops::logical_not(x),
        "negative" => ops::negative(x),
        "ones_like" => ops::ones_like(x),
        "ravel" => ops::ravel(x),
        "reciprocal" => ops::reciprocal(x),
        "relu" => ops::relu(x),
        "relu6" => ops::relu6(x),
        "round" => ops::round(x),
        "rsqrt" => ops::rsqrt(x),
        "selu" => ops::selu(x),
        "sigmoid" => ops::sigmoid(x),
        "sign" => ops::sign(x),
        "silu" => ops::silu(x),
        "sin" => ops::sin(x),
        "softplus" => ops::softplus(x),
        "softsign" => ops::softsign(x),
        "sqrt" => ops::sqrt(x),
        "square" => ops::square(x),
        "squareplus" => ops::squareplus(x, 4.0),
        "tanh" => ops::tanh(x),
        "zeros_like" => ops::zeros_like(x),
        _ => return None,
    })
}

fn of_two(op: &str, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    Some(match op {
        "add" => ops::add(a, b),
        "divide" => ops::divide(a, b),
        "dot" => ops::dot(a, b),
        "equal" => ops::equal(a, b),
        "greater" => ops::greater(a, b),
        "greater_equal" => ops::greater_equal(a, b),
        "less" => ops::less(a, b),
        "less_equal" => ops::less_equal(a, b),
        "logical_and" => ops::logical_and(a, b),
        "logical_or" => ops::logical_or(a, b),
        "matmul" => ops::matmul(a, b),
        "maximum" => ops::maximum(a, b),
        "minimum" => ops::minimum(a, b),
        "mod" => ops::mod_(a, b),
        "multiply" => ops::multiply(a, b),
        "not_equal" => ops::not_equal(a, b),
        "power" => ops::power(a, b),
        "subtract" => ops::subtract(a, b),
        _ => return None,
    })
}

fn reducing(op: &str, inputs: &[Tensor], attrs: &mut Settings) -> Option<Tensor> {
    let x = &inputs[0];
    if op == "argmax" || op == "argmin" {
        return Some(index_of(op, x, attrs));
    }
    let reduce: fn(&Tensor, Axis) -> Tensor = match op {
        "all" => |x, axis| ops::all(x, axis),
        "any" => |x, axis| ops::any(x, axis),
        "count_nonzero" => |x, axis| ops::count_nonzero(x, axis),
        "logsumexp" => |x, axis| ops::logsumexp(x, axis),
        "max" => |x, axis| ops::max(x, axis),
        "mean" => |x, axis| ops::mean(x, axis),
        "min" => |x, axis| ops::min(x, axis),
        "norm" => |x, axis| ops::norm(x, axis),
        "prod" => |x, axis| ops::prod(x, axis),
        "std" => |x, axis| ops::std(x, axis),
        "sum" => |x, axis| ops::sum(x, axis),
        "var" => |x, axis| ops::var(x, axis),
        _ => return None,
    };
    let axis = axis(attrs);
    Some(match attrs.take("ord") {
        None => reduce(x, axis),
        Some(order) => {
            ops::vector_norm(x, order.as_f64().map_or(f32::INFINITY, |n| n as f32), axis)
        }
    })
}

/// The axes of a reduction and whether they stay.
fn axis(attrs: &mut Settings) -> Axis {
    let axis = match attrs.take("axis") {
        None => Axis::ALL,
        Some(Value::Array(axes)) => {
            let axes: Vec<i32> = axes.iter().map(|a| number(a) as i32).collect();
            Axis::from(axes.as_slice())
        }
        Some(axis) => Axis::new(number(&axis) as i32),
    };
    attrs.set_bool(axis, "keepdims", |axis, keep| if keep { axis.keepdims() } else { axis })
}

/// `argmax` and `argmin`, which in Cornu take one axis and drop it.
fn index_of(op: &str, x: &Tensor, attrs: &mut Settings) -> Tensor {
    let find = |x: &Tensor, axis| match op {
        "argmax" => ops::argmax(x, axis),
        _ => ops::argmin(x, axis),
    };
    let keep = attrs.set_bool(false, "keepdims", |_, keep| keep);
    match attrs.take("axis").map(|axis| number(&axis) as i32) {
        Some(axis) if keep => ops::expand_dims(find(x, axis), axis),
        Some(axis) => find(x, axis),
        None if keep => ops::reshape(find(&ops::ravel(x), 0), vec![1i64; x.rank()]),
        None => find(&ops::ravel(x), 0),
    }
}

fn shaping(op: &str, inputs: &[Tensor], attrs: &mut Settings) -> Option<Tensor> {
    let x = &inputs[0];
    let whole = |value: Value| numbers(&value).iter().map(|&n| n as i64).collect::<Vec<i64>>();
    let axis = |attrs: &mut Settings| attrs.take("axis").map(|axis| number(&axis) as i32);
    Some(match op {
        "broadcast_to" => ops::broadcast_to(x, sizes(&attrs.take("shape")?)),
        "cast" => ops::cast(x, dtype(text(&attrs.take("dtype")?))),
        "expand_dims" => ops::expand_dims(x, axis(attrs)?),
        "flip" => match axis(attrs) {
            Some(axis) => ops::flip(x, axis),
            None => (0..x.rank()).fold(x.clone(), |y, axis| ops::flip(y, axis as i32)),
        },
        "pad" => pad(x, attrs)?,
        "repeat" => {
            let count = number(&attrs.take("repeats")?) as usize;
            match axis(attrs) {
                Some(axis) => ops::repeat(x, count, axis),
                None => ops::repeat(ops::ravel(x), count, 0),
            }
        }
        "reshape" => ops::reshape(x, whole(attrs.take("newshape")?)),
        "squeeze" => match axis(attrs) {
            Some(axis) => ops::squeeze(x, axis),
            None => {
                let sizes = x.eval().ok()?.shape().to_vec();
                let ones = (0..sizes.len()).rev().filter(|&axis| sizes[axis] == 1);
                ones.fold(x.clone(), |y, axis| ops::squeeze(y, axis as i32))
            }
        },
        "tile" => {
            let mut counts = sizes(&attrs.take("repeats")?);
            while counts.len() < x.rank() {
                counts.insert(0, 1);
            }
            ops::tile(x, counts)
        }
        "transpose" => {
            let axes = attrs.take("axes").map(whole);
            let axes: Option<Vec<i32>> = axes.map(|a| a.iter().map(|&n| n as i32).collect());
            ops::transpose(x, axes.as_deref())
        }
        _ => return None,
    })
}

fn pad(x: &Tensor, attrs: &mut Settings) -> Option<Tensor> {
    let widths = attrs.take("pad_width")?;
    let widths: Vec<(usize, usize)> =
        widths.as_array()?.iter().map(|w| (sizes(w)[0], sizes(w)[1])).collect();
    attrs.take("mode");
    Some(match attrs.take("constant_values") {
        None => ops::pad(x, widths),
        // Cornu pads with zeros.
        Some(value) => {
            let value = number(&value) as f32;
            ops::pad(x - value, widths) + value
        }
    })
}

fn joining(op: &str, inputs: &[Tensor], attrs: &mut Settings) -> Option<Tensor> {
    let join = match op {
        "concatenate" => ops::concatenate::<&Tensor>,
        "stack" => ops::stack::<&Tensor>,
        _ => return None,
    };
    Some(join(inputs, number(&attrs.take("axis")?) as i32))
}

fn choosing(op: &str, inputs: &[Tensor], attrs: &mut Settings) -> Option<Tensor> {
    let x = &inputs[0];
    Some(match op {
        "clip" => {
            let bound = |attrs: &mut Settings, name| attrs.take(name).map(|v| number(&v) as f32);
            ops::clip(x, bound(attrs, "x_min")?, bound(attrs, "x_max")?)
        }
        "getitem" => get_item(x, attrs.take("index")?.as_array()?),
        "one_hot" => {
            let hot = ops::one_hot(x, number(&attrs.take("num_classes")?) as usize);
            match attrs.take("axis") {
                None => hot,
                // Cornu puts the classes last.
                Some(_) => ops::transpose(hot, None),
            }
        }
        "take" => match attrs.take("axis") {
            Some(axis) => ops::take(x, &inputs[1], number(&axis) as i32),
            None => ops::take(ops::ravel(x), &inputs[1], 0),
        },
        "where" => ops::where_(x, &inputs[1], &inputs[2]),
        _ => return None,
    })
}

/// `x[…]` as slices, with axes dropped and added afterwards.
fn get_item(x: &Tensor, index: &[Value]) -> Tensor {
    let shape = x.eval().expect("the input is an array").shape().to_vec();
    let named = index.iter().filter(|i| !i.is_null() && i.as_str() != Some("...")).count();
    let (mut ranges, mut reversed, mut axis) = (vec![], vec![], 0);
    // What becomes of each axis: dropped, kept, or new.
    let mut fate = vec![];
    for item in index {
        match item {
            Value::Null => fate.push(None),
            Value::String(_) => {
                for _ in 0..shape.len() - named {
                    ranges.push((0, None, 1));
                    fate.push(Some(true));
                    axis += 1;
                }
            }
            Value::Number(at) => {
                let at = at.as_i64().expect("a whole number");
                let at = if at < 0 { at + shape[axis] as i64 } else { at } as usize;
                ranges.push((at, Some(at + 1), 1));
                fate.push(Some(false));
                axis += 1;
            }
            cut => {
                let (range, backwards) = cut_range(cut, shape[axis]);
                ranges.push(range);
                reversed.extend(backwards.then_some(axis as i32));
                fate.push(Some(true));
                axis += 1;
            }
        }
    }
    ranges.resize(shape.len(), (0, None, 1));
    let flipped = reversed.into_iter().fold(x.clone(), ops::flip);
    let mut y = ops::slice(flipped, ranges);
    let mut at = 0;
    for fate in fate {
        match fate {
            None => y = ops::expand_dims(y, at),
            Some(false) => {
                y = ops::squeeze(y, at);
                continue;
            }
            Some(true) => {}
        }
        at += 1;
    }
    y
}

/// The range of a slice, and whether it is of the axis reversed: Cornu only steps forwards.
fn cut_range(cut: &Value, size: usize) -> ((usize, Option<usize>, usize), bool) {
    let size = size as i64;
    let at = |name: &str| cut[name].as_i64().map(|n| if n < 0 { n + size } else { n });
    match cut["step"].as_i64().unwrap_or(1) {
        step if step > 0 => {
            let start = at("start").unwrap_or(0) as usize;
            ((start, at("stop").map(|n| n as usize), step as usize), false)
        }
        step => {
            let start = at("start").map_or(0, |n| size - 1 - n) as usize;
            ((start, at("stop").map(|n| (size - 1 - n) as usize), -step as usize), true)
        }
    }
}

fn network(op: &str, inputs: &[Tensor], attrs: &mut Settings) -> Option<Tensor> {
    let x = &inputs[0];
    let axis = |attrs: &mut Settings| attrs.take("axis").map(|axis| number(&axis) as i32);
    Some(match op {
        "average_pool" | "max_pool" => {
            let window = pair(&attrs.take("pool_size")?);
            let (strides, padding) = (pair(&attrs.take("strides")?), padding(attrs));
            match op {
                "max_pool" => ops::max_pool(x, window, strides, padding),
                _ => ops::average_pool(x, window, strides, padding),
            }
        }
        "celu" => ops::celu(x, attrs.set(1.0, "alpha", |_, alpha| alpha)),
        "conv" => {
            let (strides, padding) = (pair(&attrs.take("strides")?), padding(attrs));
            let dilation = attrs.take("dilation_rate").map_or([1, 1], |rate| pair(&rate));
            if x.rank() == 3 {
                // One dimension is two of which one is 1.
                let (x, kernel) = (ops::expand_dims(x, 1), ops::expand_dims(&inputs[1], 0));
                let y = ops::conv(x, kernel, [1, strides[1]], padding, dilation);
                ops::squeeze(y, 1)
            } else {
                ops::conv(x, &inputs[1], strides, padding, dilation)
            }
        }
        "elu" => ops::elu(x, attrs.set(1.0, "alpha", |_, alpha| alpha)),
        "gelu" => ops::gelu(x, attrs.set_bool(true, "approximate", |_, yes| yes)),
        "leaky_relu" => ops::leaky_relu(x, attrs.set(0.2, "negative_slope", |_, slope| slope)),
        "log_softmax" => ops::log_softmax(x, axis(attrs)?),
        "softmax" => ops::softmax(x, axis(attrs)?),
        _ => return None,
    })
}

fn padding(attrs: &mut Settings) -> Padding {
    attrs.take("data_format");
    match attrs.take("padding").as_ref().map(text) {
        Some("same") => Padding::Same,
        _ => Padding::Valid,
    }
}

/// A number for both axes, or one for each.
fn pair(value: &Value) -> [usize; 2] {
    match value.as_array() {
        Some(_) => [sizes(value)[0], sizes(value)[1]],
        None => [number(value) as usize; 2],
    }
}
