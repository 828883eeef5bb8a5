//! Models of many shapes, to be written for other programs.

use crate::layers;
use crate::support::{Outcome, Settings, array, arrays, cases, text};
use cornu::layers::*;
use cornu::prelude::*;
use serde_json::Value;

/// A model with data for it, under a name that says what it is about.
pub type Named = (String, Outcome<(Model, Vec<Array>)>);

/// All of them.
pub fn everything() -> Vec<Named> {
    let mut all = layer_models();
    all.extend(activations());
    all.extend(functions());
    all.extend(images());
    all.extend(networks());
    all
}

/// Numbers of both signs, some of them whole, from -2.5 to 2.5.
pub fn numbers_like(shape: &[usize]) -> Array {
    let count = shape.iter().product();
    let number = |i: usize| ((i * 37 + 11) % 41) as f32 / 8.0 - 2.5;
    Array::new(shape, (0..count).map(number).collect()).expect("as many as fill the shape")
}

/// Other numbers of this kind, for a second input.
fn others_like(shape: &[usize]) -> Array {
    let count = shape.iter().product();
    let number = |i: usize| ((i * 29 + 7) % 37) as f32 / 7.0 - 2.6;
    Array::new(shape, (0..count).map(number).collect()).expect("as many as fill the shape")
}

/// Gives all weights numbers that are not what they start with; variances are positive.
fn stirred(model: Model) -> Result<Model> {
    for weight in model.weights()? {
        let scale = 1.0 / (weight.len() as f32).sqrt().max(2.0);
        let value = Tensor::from(numbers_like(&weight.shape())) * scale;
        let positive = weight.name().contains("variance");
        let value = if positive { ops::abs(value) + 0.5 } else { value };
        weight.assign(value.eval()?)?;
    }
    Ok(model)
}

fn model(name: &str, data: Vec<Array>, make: impl FnOnce(&[Tensor]) -> Vec<Tensor>) -> Named {
    utils::clear_session();
    let inputs: Vec<Tensor> = data
        .iter()
        .map(|x| Input::new(Shape::from(&x.shape()[1..])).dtype(x.dtype()).into())
        .collect();
    let model = Model::new(&inputs, make(&inputs)).and_then(stirred);
    (name.to_owned(), model.map(|model| (model, data)).map_err(Into::into))
}

fn sequential(name: &str, data: Array, make: impl FnOnce(Sequential) -> Sequential) -> Named {
    utils::clear_session();
    let input = Input::new(Shape::from(&data.shape()[1..])).dtype(data.dtype());
    let model = stirred(make(Sequential::new().add(input)).into());
    (name.to_owned(), model.map(|model| (model, vec![data])).map_err(Into::into))
}

/// A model of each layer of Keras's cases, with its weights and inputs.
fn layer_models() -> Vec<Named> {
    let cases = cases("layers");
    let ours = cases.iter().filter(|case| case["training"] != Value::Bool(true)).filter(|case| {
        // Cornu has channels last only.
        case["arguments"]["data_format"] != "channels_first"
    });
    ours.map(|case| (text(&case["name"]).to_owned(), layer_model(case))).collect()
}

fn layer_model(case: &Value) -> Outcome<(Model, Vec<Array>)> {
    utils::clear_session();
    let layer = layers::build(text(&case["layer"]), Settings::of(case, "arguments"))?;
    let data = arrays(&case["inputs"]);
    let inputs: Vec<Tensor> = data
        .iter()
        .map(|x| Input::new(Shape::from(&x.shape()[1..])).dtype(x.dtype()).into())
        .collect();
    let model = Model::new(&inputs, layer.call(&inputs))?;
    let given = case["weights"].as_array().into_iter().flatten();
    for (weight, given) in layer.weights().iter().zip(given) {
        weight.assign(array(&given["value"]))?;
    }
    Ok((model, data))
}

fn activations() -> Vec<Named> {
    const NAMES: [&str; 27] = [
        "celu",
        "elu",
        "exponential",
        "gelu",
        "glu",
        "hard_shrink",
        "hard_sigmoid",
        "hard_silu",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "log_sigmoid",
        "log_softmax",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "soft_shrink",
        "softmax",
        "softplus",
        "softsign",
        "sparse_plus",
        "squareplus",
        "tanh",
        "tanh_shrink",
    ];
    let of = |name: &&str| {
        let add = |model: Sequential| model.add(Dense::new(6).activation(*name));
        sequential(&format!("activation {name}"), numbers_like(&[5, 4]), add)
    };
    let layer = |name: &str, layer: LayerRef| {
        sequential(name, numbers_like(&[3, 4, 2]), |model| model.add(layer))
    };
    let mut all: Vec<Named> = NAMES.iter().map(of).collect();
    all.push(layer("Softmax over the axis 1", Softmax::new().axis(1).shared()));
    all.push(layer("LeakyReLU of 0", LeakyReLU::new().negative_slope(0.0).shared()));
    all.push(layer("gelu by tanh", Lambda::new(|x| ops::gelu(&x[0], true)).shared()));
    all.push(layer("elu with alpha 0.3", Lambda::new(|x| ops::elu(&x[0], 0.3)).shared()));
    all.push(layer(
        "softmax of one number",
        Lambda::new(|x| {
            ops::softmax(ops::slice(&x[0], [(0, None, 1), (0, None, 1), (0, Some(1), 1)]), -1)
        })
        .shared(),
    ));
    all
}

type OfOne = fn(&Tensor) -> Tensor;
type OfTwo = fn(&Tensor, &Tensor) -> Tensor;

/// The functions of tensors: each primitive op on each dtype it takes.
fn functions() -> Vec<Named> {
    let floats = || numbers_like(&[3, 4, 5]);
    let whole = || floats().cast(DType::I32);
    let bytes = || Array::new([3, 4, 5], (0..60u8).map(|i| i * 4).collect()).expect("60 numbers");
    let bools = || whole().cast(DType::Bool);
    let of_floats: [(&str, OfOne); 32] = [
        ("neg", |x| -x),
        ("abs", |x| ops::abs(x)),
        ("sign", |x| ops::sign(x)),
        ("exp", |x| ops::exp(x)),
        ("expm1", |x| ops::expm1(x * 1e-3)),
        ("expm1 of large", |x| ops::expm1(x * 10.0)),
        ("log", |x| ops::log(ops::abs(x) + 0.01)),
        ("log1p", |x| ops::log1p(ops::abs(x) * 1e-3)),
        ("log1p of large", |x| ops::log1p(ops::exp(x * 20.0) - 0.5)),
        ("sqrt", |x| ops::sqrt(ops::abs(x))),
        ("square", |x| ops::square(x)),
        ("reciprocal", |x| ops::reciprocal(x + 0.01)),
        ("sin", |x| ops::sin(x)),
        ("cos", |x| ops::cos(x)),
        ("erf", |x| ops::erf(x)),
        ("floor", |x| ops::floor(x)),
        ("ceil", |x| ops::ceil(x)),
        ("round", |x| ops::round(x)),
        ("logsumexp", |x| ops::logsumexp(x, -1)),
        ("argmax", |x| ops::argmax(x, 1)),
        ("argmin", |x| ops::argmin(x, -1)),
        ("sum over the batch", |x| x - ops::sum(x, Axis::new(0).keepdims())),
        ("mean over the batch", |x| x - ops::mean(x, 0)),
        ("std over all", |x| x / ops::std(x, Axis::ALL)),
        ("ravel and back", |x| ops::reshape(ops::ravel(x), [-1, 4, 5]) + 1.0),
        ("flip", |x| ops::flip(x, 1)),
        ("slice by steps", |x| ops::slice(x, [(0, None, 1), (1, None, 2), (0, Some(4), 3)])),
        ("slice of nothing", |x| {
            ops::concatenate(
                [ops::slice(x, [(0, None, 1), (2, Some(2), 1), (0, None, 1)]), x.clone()],
                1,
            )
        }),
        ("pad", |x| ops::pad(x, [(0, 0), (1, 2), (0, 3)])),
        ("repeat and tile", |x| ops::tile(ops::repeat(x, 2, 1), [1, 2, 1])),
        ("normalize", |x| ops::normalize(x, -1, 1e-7)),
        ("cast to uint8", |x| ops::cast(ops::abs(x) * 40.0, DType::U8)),
    ];
    let of_whole: [(&str, OfOne); 12] = [
        ("neg", |x| -x),
        ("abs and sign", |x| ops::abs(x) + ops::sign(x)),
        ("square", |x| ops::square(x)),
        ("one_hot", |x| ops::one_hot(x, 3)),
        ("sum", |x| ops::sum(x, 1)),
        ("prod", |x| ops::prod(x, -1)),
        ("max and min", |x| ops::max(x, 1) - ops::min(x, 1)),
        ("argmax", |x| ops::argmax(x, -1)),
        ("to bool and back", |x| ops::cast(ops::cast(x, DType::Bool), DType::F32)),
        ("to uint8", |x| ops::cast(x, DType::U8)),
        ("to float", |x| x * 0.5),
        ("rows of a table", |x| ops::take(Tensor::from(numbers_like(&[4, 3])), x, 0)),
    ];
    let of_bytes: [(&str, OfOne); 6] = [
        ("max", |x| ops::max(x, 1)),
        ("sum", |x| ops::sum(x, -1)),
        ("scaled", |x| x / 255.0),
        ("compared", |x| ops::greater(x, 100)),
        ("argmax", |x| ops::argmax(x, -1)),
        ("padded", |x| ops::pad(x, [(0, 0), (1, 0), (0, 1)])),
    ];
    let of_bools: [(&str, OfOne); 5] = [
        ("not", |x| ops::logical_not(x)),
        ("any and all", |x| ops::logical_or(ops::any(x, 1), ops::all(x, 1))),
        ("where", |x| ops::where_(x, ops::logical_not(x), x)),
        ("max", |x| ops::max(x, 1)),
        ("transposed", |x| ops::transpose(x, Some(&[0, 2, 1]))),
    ];
    let of_two: [(&str, OfTwo); 14] = [
        ("add", |a, b| a + b),
        ("subtract", |a, b| a - b),
        ("multiply", |a, b| a * b),
        ("maximum", |a, b| ops::maximum(a, b)),
        ("minimum", |a, b| ops::minimum(a, b)),
        ("mod", |a, b| ops::mod_(a, b + ops::cast(ops::equal(b, 0), b.dtype()))),
        ("equal", |a, b| ops::equal(a, b)),
        ("not_equal", |a, b| ops::not_equal(a, b)),
        ("less", |a, b| ops::less(a, b)),
        ("less_equal", |a, b| ops::less_equal(a, b)),
        ("greater", |a, b| ops::greater(a, b)),
        ("greater_equal", |a, b| ops::greater_equal(a, b)),
        ("where", |a, b| ops::where_(ops::less(a, b), a, b)),
        ("divide", |a, b| a / (b + 3.0)),
    ];
    let one = |of: &str, (name, f): (&str, OfOne), x: Array| {
        model(&format!("{name} of {of}"), vec![x], |x| vec![f(&x[0])])
    };
    let mut all: Vec<Named> = vec![];
    all.extend(of_floats.map(|case| one("float32", case, floats())));
    all.extend(of_whole.map(|case| one("int32", case, whole())));
    all.extend(of_bytes.map(|case| one("uint8", case, bytes())));
    all.extend(of_bools.map(|case| one("bool", case, bools())));
    for (name, f) in of_two {
        let second = numbers_like(&[3, 5]).cast(DType::I32).reshape([3, 1, 5]);
        let second = second.expect("as many numbers");
        let whole = vec![whole(), second.clone()];
        let floats = vec![floats(), second.cast(DType::F32)];
        let apply = |x: &[Tensor]| vec![f(&x[0], &x[1])];
        all.push(model(&format!("{name} of two float32"), floats, apply));
        all.push(model(&format!("{name} of two int32"), whole, apply));
    }
    let power = |x: &[Tensor]| vec![ops::power(ops::abs(&x[0]) + 0.1, &x[0])];
    all.push(model("power", vec![floats()], power));
    let matrices = vec![numbers_like(&[3, 4, 5]), others_like(&[3, 5, 2])];
    all.push(model("matmul", matrices, |x| vec![ops::matmul(&x[0], &x[1])]));
    all.push(model("matmul of a repeated matrix", vec![floats()], |x| {
        vec![ops::matmul(Tensor::from(numbers_like(&[1, 2, 4])), &x[0])]
    }));
    all.push(model("outer sum", vec![numbers_like(&[3, 4])], |x| {
        vec![ops::expand_dims(&x[0], 1) + ops::expand_dims(&x[0], 2)]
    }));
    all
}

/// Chains of layers on images, which stay channels first in between.
fn images() -> Vec<Named> {
    let images = || numbers_like(&[2, 8, 9, 3]);
    let block = |model: Sequential| {
        model
            .add(Conv2D::new(4, 3).padding("same").use_bias(false))
            .add(BatchNormalization::new())
            .add(LeakyReLU::new())
            .add(MaxPooling2D::new(2))
    };
    vec![
        sequential("convolution, normalization, pooling", images(), |model| {
            block(block(model)).add(GlobalAveragePooling2D::new()).add(Dense::new(3))
        }),
        sequential("convolutions end as images", images(), |model| {
            model.add(Conv2D::new(4, 3).activation("relu")).add(Conv2D::new(2, 3).strides(2))
        }),
        sequential("convolution with softmax", images(), |model| {
            model.add(Conv2D::new(4, 3).activation("softmax"))
        }),
        sequential("bytes become numbers", bytes(&[2, 6, 6, 1]), |model| {
            model.add(Rescaling::new(1.0 / 255.0)).add(Conv2D::new(4, 3)).add(Flatten::new())
        }),
        sequential("up again", images(), |model| {
            model
                .add(Conv2D::new(4, 2).strides(2).activation("elu"))
                .add(Conv2DTranspose::new(3, 3).strides(2).activation("relu"))
                .add(PReLU::new().shared_axes([1, 2]))
        }),
        model("a way around", vec![images()], |x| {
            let y = Conv2D::new(4, 3).padding("same").activation("relu").call(&x[0]);
            let z = Conv2D::new(4, 3).padding("same").call(&y);
            let sum = ops::relu(Add::new().call([&y, &z]));
            let joined = Concatenate::new().call([sum.clone(), y * 2.0]);
            vec![MaxPooling2D::new(2).call(joined), sum]
        }),
    ]
}

fn bytes(shape: &[usize]) -> Array {
    let count: usize = shape.iter().product();
    Array::new(shape, (0..count).map(|i| (i * 37 % 256) as u8).collect()).expect("a full array")
}

/// Models with shared layers, models inside, several inputs and outputs.
fn networks() -> Vec<Named> {
    let x = |features: usize| numbers_like(&[4, features]);
    let y = |features: usize| others_like(&[4, features]);
    let tower = |features: usize| {
        Sequential::new()
            .add(Input::new([features]))
            .add(Dense::new(8).activation("relu"))
            .add(Dropout::new(0.2))
            .add(Dense::new(4))
    };
    let distance = |x: &[Tensor]| ops::norm(&x[0] - &x[1], Axis::new(1).keepdims());
    vec![
        sequential("mlp", x(784), |model| {
            let hidden = |model: Sequential| {
                model.add(Dense::new(64)).add(Activation::new("relu")).add(Dropout::new(0.2))
            };
            hidden(hidden(model)).add(Dense::new(10)).add(Activation::new("softmax"))
        }),
        sequential("cnn", numbers_like(&[2, 28, 28, 1]), |model| {
            model
                .add(Conv2D::new(8, 3).activation("relu"))
                .add(Conv2D::new(16, 3).activation("relu"))
                .add(MaxPooling2D::new(2))
                .add(Dropout::new(0.25))
                .add(Flatten::new())
                .add(Dense::new(32).activation("relu"))
                .add(Dense::new(10).activation("softmax"))
        }),
        model("siamese", vec![x(16), y(16)], |x| {
            let tower = tower(16);
            vec![Lambda::new(distance).call([tower.call(&x[0]), tower.call(&x[1])])]
        }),
        model(
            "siamese with a shared convolution",
            vec![numbers_like(&[2, 6, 6, 1]), others_like(&[2, 6, 6, 1])],
            |x| {
                let tower = Sequential::new()
                    .add(Input::new([6, 6, 1]))
                    .add(Conv2D::new(3, 3).activation("relu"))
                    .add(Flatten::new());
                let similarity = ops::abs(tower.call(&x[0]) - tower.call(&x[1])) * 0.1;
                vec![Dense::new(1).activation("sigmoid").call(&similarity)]
            },
        ),
        model("two branches", vec![x(6), y(5)], |x| {
            let merged = Concatenate::new().call([tower(6).call(&x[0]), tower(5).call(&x[1])]);
            vec![Dense::new(3).activation("softmax").call(&merged)]
        }),
        model("models in a model in a model", vec![x(6)], |x| {
            let inner = tower(6);
            let input = Input::tensor([6]);
            let (a, b) = (inner.call(&input), Dense::new(4).call(&input));
            let outer = Model::new(&input, [&(&a + &b), &a]).expect("a model of two outputs");
            let results = outer.call_all(&x[0]);
            vec![results[0].clone(), Dense::new(2).call(&results[1]), inner.call(&x[0])]
        }),
        model("an output is an input", vec![x(3)], |x| vec![x[0].clone(), &x[0] + 1.0]),
        model("an output twice", vec![x(3)], |x| {
            let y = Dense::new(2).call(&x[0]);
            vec![y.clone(), y]
        }),
        model("an input that nothing needs", vec![x(3), y(2)], |x| vec![&x[1] * 2.0]),
        model("sequences of words", vec![bytes(&[3, 5]).cast(DType::I32)], |x| {
            let words = Embedding::new(200, 6).call(&x[0]);
            let y = Conv1D::new(4, 3).padding("causal").activation("tanh").call(&words);
            let weights = ops::softmax(ops::matmul(&y, ops::transpose(&y, Some(&[0, 2, 1]))), -1);
            vec![GlobalMaxPooling1D::new().call(ops::matmul(weights, y))]
        }),
        model("a cosine", vec![x(6)], |x| vec![CosineDense::new(3).call(&x[0])]),
    ]
}
