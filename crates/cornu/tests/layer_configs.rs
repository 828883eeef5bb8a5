//! Configurations of layers: what is set survives a file, older files are understood, and what
//! cannot be read is named.

use cornu::initializers::{Fan, Spread, VarianceScaling};
use cornu::layers::*;
use cornu::prelude::*;
use cornu::regularizers::OrthogonalMode;
use cornu::saving::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every wish there is for a weight.
macro_rules! wishes {
    ($layer:expr, $initializer:ident, $regularizer:ident, $constraint:ident) => {
        $layer
            .$initializer(Initializer::random_normal(0.1, 0.2).seed(9))
            .$regularizer(Regularizer::l1_l2(0.1, 0.2))
            .$constraint(Constraint::min_max_norm(0.1, 0.9, 0.5, [0, 1]))
    };
}

macro_rules! kernel_and_bias {
    ($layer:expr) => {{
        let layer = wishes!($layer, kernel_initializer, kernel_regularizer, kernel_constraint);
        wishes!(layer, bias_initializer, bias_regularizer, bias_constraint)
    }};
}

macro_rules! convolution {
    ($layer:expr) => {{
        let layer = wishes!($layer, bias_initializer, bias_regularizer, bias_constraint);
        let layer = layer.activation("gelu").activity_regularizer("l1").use_bias(false);
        layer.strides(2).padding("same")
    }};
}

macro_rules! affine {
    ($layer:expr) => {{
        let layer = wishes!($layer, gamma_initializer, gamma_regularizer, gamma_constraint);
        let layer = wishes!(layer, beta_initializer, beta_regularizer, beta_constraint);
        layer.epsilon(0.02).center(false).scale(false)
    }};
}

/// Layers with every setting away from its default.
fn unusual() -> Vec<LayerRef> {
    [convolutions(), dilated(), pooling(), normalizations(), weighted(), others()].concat()
}

fn convolutions() -> Vec<LayerRef> {
    vec![
        kernel_and_bias!(convolution!(Conv1D::new(6, 4)).groups(2)).padding("causal").shared(),
        kernel_and_bias!(convolution!(Conv2D::new(6, [4, 2])).groups(2)).shared(),
        kernel_and_bias!(convolution!(Conv2DTranspose::new(6, [4, 2])))
            .output_padding([1, 0])
            .shared(),
        wishes!(
            convolution!(DepthwiseConv2D::new([4, 2])).depth_multiplier(2),
            depthwise_initializer,
            depthwise_regularizer,
            depthwise_constraint
        )
        .shared(),
        wishes!(
            wishes!(
                convolution!(SeparableConv2D::new(6, [4, 2])).depth_multiplier(2),
                depthwise_initializer,
                depthwise_regularizer,
                depthwise_constraint
            ),
            pointwise_initializer,
            pointwise_regularizer,
            pointwise_constraint
        )
        .shared(),
    ]
}

/// Keras does not let them have strides too.
fn dilated() -> Vec<LayerRef> {
    vec![
        Conv1D::new(2, 3).dilation_rate(3).shared(),
        Conv2D::new(2, 3).dilation_rate([2, 3]).shared(),
        Conv2DTranspose::new(2, 3).dilation_rate([2, 3]).shared(),
        DepthwiseConv2D::new(3).dilation_rate([2, 3]).shared(),
        SeparableConv2D::new(2, 3).dilation_rate([2, 3]).shared(),
    ]
}

fn pooling() -> Vec<LayerRef> {
    vec![
        MaxPooling1D::new(3).strides(1).padding("same").shared(),
        AveragePooling1D::new(3).strides(1).padding("same").shared(),
        MaxPooling2D::new([3, 4]).strides([2, 1]).padding("same").shared(),
        AveragePooling2D::new([3, 4]).strides([2, 1]).padding("same").shared(),
        GlobalAveragePooling1D::new().keepdims(true).shared(),
        GlobalMaxPooling1D::new().keepdims(true).shared(),
        GlobalAveragePooling2D::new().keepdims(true).shared(),
        GlobalMaxPooling2D::new().keepdims(true).shared(),
    ]
}

fn normalizations() -> Vec<LayerRef> {
    vec![
        affine!(BatchNormalization::new())
            .axis(1)
            .momentum(0.5)
            .moving_mean_initializer("ones")
            .moving_variance_initializer(Initializer::constant(2.5))
            .shared(),
        affine!(LayerNormalization::new()).axis([1, 2]).shared(),
        affine!(GroupNormalization::new(-1)).axis(1).shared(),
        RMSNormalization::new().axis([1, 2]).epsilon(0.1).shared(),
        UnitNormalization::new().axis([1, 2]).shared(),
        Normalization::new().axis([1, 2]).invert(true).shared(),
        Normalization::new().of_all().moments([0.1], [2.5]).shared(),
        Normalization::new().moments([0.1, 1.0], [2.5, 3.0]).shared(),
    ]
}

fn weighted() -> Vec<LayerRef> {
    let scaling = VarianceScaling { scale: 0.3, fan: Fan::Out, spread: Spread::UntruncatedNormal };
    vec![
        kernel_and_bias!(Dense::new(7).activation("relu").use_bias(false))
            .kernel_initializer(scaling)
            .kernel_regularizer(Regularizer::orthogonal(0.3, OrthogonalMode::Columns))
            .activity_regularizer(Regularizer::l1(0.3))
            .shared(),
        kernel_and_bias!(EinsumDense::new("abc,cd->abd", [None, Some(5)]).bias_axes("d"))
            .activation("tanh")
            .activity_regularizer(Regularizer::l2(0.3))
            .shared(),
        wishes!(
            Embedding::new(5, 3).activity_regularizer("l2"),
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint
        )
        .shared(),
        wishes!(PReLU::new(), alpha_initializer, alpha_regularizer, alpha_constraint)
            .shared_axes([1, 2])
            .shared(),
        CosineDense::new(7).kernel_initializer("he_normal").shared(),
    ]
}

fn others() -> Vec<LayerRef> {
    vec![
        ReLU::new().max_value(6.0).negative_slope(0.1).threshold(0.2).shared(),
        LeakyReLU::new().negative_slope(0.1).shared(),
        ELU::new().alpha(0.1).shared(),
        Softmax::new().axis(1).shared(),
        Activation::new("hard_silu").shared(),
        Rescaling::new(0.1).offset(-0.7).shared(),
        ActivityRegularization::new(0.1, 0.2).shared(),
        Dropout::new(0.3).noise_shape([None, Some(1), Some(4)]).shared(),
        AlphaDropout::new(0.3).noise_shape([None, Some(1)]).shared(),
        GaussianDropout::new(0.3).shared(),
        GaussianNoise::new(0.3).shared(),
        SpatialDropout1D::new(0.3).shared(),
        SpatialDropout2D::new(0.3).shared(),
        Concatenate::new().axis(1).shared(),
        Dot::new(2).normalize(true).shared(),
        Dot::new([1, -1]).shared(),
        Cropping2D::new([[1, 2], [3, 4]]).shared(),
        ZeroPadding2D::new([[1, 2], [3, 4]]).shared(),
        UpSampling2D::new([3, 4]).interpolation("bilinear").shared(),
        Permute::new([2, 1]).shared(),
        RepeatVector::new(3).shared(),
        Reshape::new([-1, 3]).shared(),
        Add::new().shared(),
        Average::new().shared(),
        Maximum::new().shared(),
        Minimum::new().shared(),
        Multiply::new().shared(),
        Subtract::new().shared(),
        Identity::new().shared(),
        Flatten::new().shared(),
    ]
}

#[test]
fn every_setting_of_every_layer_survives_a_file() {
    const REQUIRED: &[&str] = &[
        "activation",
        "axes",
        "dims",
        "equation",
        "filters",
        "input_dim",
        "kernel_size",
        "n",
        "output_dim",
        "output_shape",
        "rate",
        "scale",
        "stddev",
        "target_shape",
        "units",
    ];
    // Cornu has them with one value only, or takes none of Keras's.
    const FIXED: &[&str] =
        &["data_format", "dtype", "mask_zero", "name", "rms_scaling", "seed", "synchronized"];
    let (mut fields, mut unusual_fields) = (BTreeSet::new(), BTreeSet::new());
    for layer in unusual() {
        layer.set_trainable(false);
        let text = layer.serialized().to_string();
        let copy = LayerRef::from_config(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(copy.serialized(), layer.serialized());
        assert_eq!(copy.trainable(), layer.config()["trainable"].is_null());
        let mut bare = layer.serialized();
        let config = bare["config"].as_object_mut().unwrap();
        config.retain(|field, _| REQUIRED.contains(&&**field));
        let bare = LayerRef::from_config(&bare).unwrap().config();
        for (field, value) in layer.config().as_object().unwrap() {
            fields.insert((layer.kind().to_owned(), field.clone()));
            let known = REQUIRED.contains(&&**field) || FIXED.contains(&&**field);
            if known || bare[field] != *value {
                unusual_fields.insert((layer.kind().to_owned(), field.clone()));
            }
        }
    }
    let left: Vec<_> = fields.difference(&unusual_fields).collect();
    assert!(left.is_empty(), "always at their default: {left:?}");
}

fn read(value: Value) -> LayerRef {
    LayerRef::from_config(&value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn message(value: Value) -> String {
    LayerRef::from_config(&value).unwrap_err().to_string()
}

#[test]
fn files_of_keras_2_are_understood() {
    let layer = read(json!({"class_name": "LeakyReLU", "config": {"alpha": 0.5}}));
    assert_eq!(layer.config()["negative_slope"], 0.5);
    let layer = read(json!({"class_name": "BatchNormalization", "config": {
        "name": "bn", "axis": {"class_name": "ListWrapper", "items": [3]}, "dtype": "float32",
        "fused": true}}));
    assert_eq!((layer.config()["axis"].clone(), layer.name()), (json!(3), "bn"));
    let layer = read(json!({"class_name": "Dense", "config": {
        "units": 2, "batch_input_shape": [null, 4], "activation": "linear",
        "dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}},
        "kernel_initializer": {"class_name": "glorot_uniform", "config": {"seed": 3}},
        "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}}}}));
    assert_eq!(layer.config()["kernel_initializer"]["config"]["seed"], 3);
    let l2 = json!({"l1": 0.0, "l2": 0.5});
    assert_eq!(layer.config()["kernel_regularizer"]["config"], l2);
    let layer = read(json!({"class_name": "Convolution2D", "config": {
        "filters": 2, "kernel_size": 3, "strides": {"class_name": "__tuple__", "items": [2, 1]}}}));
    assert_eq!(layer.kind(), "Conv2D");
    assert_eq!(
        (&layer.config()["kernel_size"], &layer.config()["strides"]),
        (&json!([3, 3]), &json!([2, 1]))
    );
    for key in ["batch_shape", "batch_input_shape"] {
        let input = |dtype: &str| {
            let config = json!({key: [32, 28, 28], "dtype": dtype, "sparse": false, "name": "x"});
            read(json!({"class_name": "InputLayer", "config": config}))
        };
        for (dtype, expected) in [("float16", "float32"), ("int64", "int32"), ("uint8", "uint8")] {
            let layer = input(dtype);
            let ty = layer.downcast::<InputLayer>().unwrap().ty();
            assert_eq!(ty.to_string(), format!("{expected}(None, 28, 28)"));
            assert_eq!(read(layer.serialized()).serialized(), layer.serialized());
            assert!(layer.config()["trainable"].is_null(), "Keras's InputLayer takes none");
        }
    }
}

#[test]
fn what_cornu_does_not_have_is_named() {
    let dense = |key: &str, value: Value| {
        message(json!({"class_name": "Dense", "config": {"name": "head", "units": 2, key: value}}))
    };
    for (message, parts) in [
        (
            message(json!({"class_name": "LSTM", "config": {"name": "l", "units": 2}})),
            ["layer 'l': there is no layer class 'LSTM'", "register_layer(\"LSTM\", …)"],
        ),
        (
            message(json!({"class_name": "my>Dense", "config": {"units": 2}})),
            ["there is no layer class 'my>Dense'", "register_layer(\"my>Dense\""],
        ),
        (
            message(json!({"class_name": "Dense", "module": "own.layers", "config": {"units": 2}})),
            ["there is no layer class 'Dense'", ""],
        ),
        (
            message(json!({"class_name": "Lambda", "config": {"name": "distance", "function":
            {"class_name": "__lambda__", "config": {"code": "4wEA"}}}})),
            [
                "layer 'distance': a Lambda holds Python bytecode, which is never run",
                "load_weights",
            ],
        ),
        (
            message(json!({"class_name": "Conv2D", "config": {"filters": 2, "kernel_size": 3,
            "data_format": "channels_first"}})),
            ["Conv2D: 'data_format'", "'channels_first'"],
        ),
        (
            message(json!({"class_name": "Embedding", "config": {"input_dim": 2, "output_dim": 2,
            "mask_zero": true}})),
            ["mask_zero = true is not supported", "false only"],
        ),
        (
            message(json!({"class_name": "BatchNormalization", "config": {"renorm": true}})),
            ["renorm = true is not supported", ""],
        ),
        (
            message(
                json!({"class_name": "InputLayer", "config": {"batch_shape": [null, null, 3]}}),
            ),
            ["samples of unknown size [null,3]", "fixed size"],
        ),
        (
            message(
                json!({"class_name": "InputLayer", "config": {"shape": [3], "dtype": "string"}}),
            ),
            ["the dtype of an input", "\"string\""],
        ),
        (
            dense(
                "dtype",
                json!({"class_name": "QuantizedDTypePolicy", "config":
            {"mode": "int8", "source_name": "float32"}}),
            ),
            ["layer 'head': Dense: dtype = ", "is not supported"],
        ),
        (dense("lora_rank", json!(4)), ["lora_rank = 4 is not supported", "without it"]),
        (
            dense("activation", json!({"class_name": "function", "config": "my>wave"})),
            ["'activation': there is no activation 'my>wave'", "register_activation(\"my>wave\""],
        ),
        (
            dense("kernel_initializer", json!("glorot")),
            ["'kernel_initializer': there is no initializer 'glorot'", "register_initializer"],
        ),
        (
            dense("kernel_regularizer", json!({"class_name": "Own", "config": {}})),
            ["there is no regularizer 'Own'", "register_regularizer"],
        ),
        (
            dense("kernel_constraint", json!({"class_name": "Own", "config": {}})),
            ["there is no constraint 'Own'", "register_constraint"],
        ),
        (dense("units", json!(null)), ["'units'", "expected a whole number, found null"]),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}\nlacks {parts:?}");
    }
}

/// A layer of one's own, with a package.
#[derive(Debug)]
struct Shift {
    by: f32,
    then: Activation,
}

impl Layer for Shift {
    fn kind(&self) -> &str {
        "Shift"
    }

    fn package(&self) -> &str {
        "config-test"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        self.then.apply(&(one_input(inputs)? + self.by))
    }

    fn config(&self) -> Value {
        json!({ "by": self.by, "then": self.then })
    }
}

#[test]
fn what_is_registered_comes_back() {
    fn twice() -> Activation {
        Activation::custom("config_test_twice", |x| x * 2.0)
    }
    let quartic = |factor: f32| {
        let penalty = move |w: &Tensor| ops::sum(w.square().square(), Axis::ALL) * factor;
        Regularizer::custom("config-test>Quartic", penalty).with_config(json!({"factor": factor}))
    };
    let halve = || Constraint::custom("config_test_halve", |w| w * 0.5);
    let dense = || {
        Dense::new(1)
            .activation(twice())
            .kernel_regularizer(quartic(0.5))
            .kernel_constraint(halve())
    };
    let layers = [dense().name("d"), Shift { by: 0.5, then: twice() }.name("s")];
    let unknown = message(layers[1].serialized());
    assert!(unknown.contains("no layer class 'config-test>Shift'"), "{unknown}");
    let unknown = message(layers[0].serialized());
    assert!(unknown.contains("there is no activation 'Custom>config_test_twice'"), "{unknown}");

    register_layer("Shift", |c| Ok(Shift { by: c.get("by")?, then: c.get("then")? }));
    register_activation("config_test_twice", |_| Ok(twice()));
    register_regularizer("config-test>Quartic", move |c| Ok(quartic(c.get("factor")?)));
    register_constraint("Custom>config_test_halve", move |_| Ok(halve()));
    for layer in layers {
        let copy = LayerRef::from_config(&layer.serialized()).unwrap();
        assert_eq!(copy.serialized(), layer.serialized());
        let x = Tensor::from([[1.0f32, -3.0]]);
        copy.call(&x).check().unwrap();
        for (weight, of) in
            copy.weights().iter().zip(layer.call(&x).check().map(|_| layer.weights()).unwrap())
        {
            weight.assign(of.value()).unwrap();
        }
        assert_eq!(copy.call(&x).eval().unwrap(), layer.call(&x).eval().unwrap());
    }
    let read = Regularizer::from_config(&json!(quartic(0.5))).unwrap();
    assert_eq!(read.penalty(&[2.0f32, 1.0].into()).unwrap().item().unwrap(), 8.5);
    let read = Constraint::from_config(&json!(halve())).unwrap();
    assert_eq!(read.apply(&[2.0f32].into()).unwrap().item().unwrap_or(1.0), 1.0);
    let object = json!(twice());
    assert_eq!(
        (&object["class_name"], &object["config"]),
        (&json!("function"), &json!("Custom>config_test_twice"))
    );
}

#[test]
fn classes_that_are_not_keras_s_are_told_from_them() {
    let names = |layer: LayerRef| {
        let file = layer.serialized();
        (file["module"].clone(), file["registered_name"].clone())
    };
    assert_eq!(names(Dense::new(3).shared()), (json!("keras.layers"), json!(null)));
    let missing_in_keras = (json!(null), json!("Cornu>CosineDense"));
    assert_eq!(names(CosineDense::new(3).shared()), missing_in_keras);
    let own = Shift { by: 0.5, then: "relu".into() };
    assert_eq!(names(own.shared()), (json!(null), json!("config-test>Shift")));
}

/// Against Keras 3.15.1 on JAX: filters of ones without bias on an image of ones, strides 2 and 3.
#[test]
fn an_output_padding_makes_transposed_convolutions_larger() {
    let check =
        |[height, width]: [usize; 2], layer: Conv2DTranspose, size: &[usize], expected: &[u8]| {
            let layer = layer.strides([2, 3]).use_bias(false).kernel_initializer("ones");
            let x = Array::new([1, height, width, 1], vec![1.0f32; height * width]).unwrap();
            let y = layer.call(Tensor::from(x)).eval().unwrap();
            let expected: Vec<f32> = expected.iter().map(|&x| f32::from(x)).collect();
            assert_eq!((&y.shape()[1..3], y.as_slice::<f32>().unwrap()), (size, &expected[..]));
        };
    let same = |kernel: [usize; 2]| Conv2DTranspose::new(1, kernel).padding("same");
    let expected = [1, 0, 1, 1, 0, 1, 2, 0, 2, 1, 0, 1];
    check([2, 2], same([3, 2]).output_padding([1, 0]), &[4, 3], &expected);
    let expected = [1, 1, 2, 1, 1, 2, 2, 4, 2, 2, 1, 1, 2, 1, 1];
    check([2, 2], same([3, 4]).output_padding([0, 2]), &[3, 5], &expected);
    let expected = [1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0];
    let valid = Conv2DTranspose::new(1, [2, 2]).output_padding([1, 2]);
    check([2, 1], valid, &[5, 4], &expected);
}

#[test]
fn a_noise_shape_must_fit() {
    let x = Input::tensor([3, 4]);
    let y = Dropout::new(0.5).noise_shape([None, Some(1), Some(4)]).call(&x);
    assert_eq!(y.shape().to_string(), "(None, 3, 4)");
    for wrong in [vec![None, None], vec![None, Some(2), None], vec![Some(8), None, None]] {
        let error = Dropout::new(0.5).noise_shape(wrong).call(&x).check().unwrap_err().to_string();
        assert!(error.contains("does not fit an input of shape (None, 3, 4)"), "{error}");
    }
}
