//! The layers of Keras's cases, made from their arguments.

use crate::support::*;
use cornu::layers::*;
use cornu::prelude::*;
use serde_json::Value;

/// Gives a text to a method of a layer, if there is that setting.
macro_rules! with_text {
    ($s:expr, $layer:expr, $name:ident) => {
        match $s.take(stringify!($name)) {
            Some(value) => $layer.$name(text(&value)),
            None => $layer,
        }
    };
}

/// What is asked of a kernel, a bias and the outputs.
macro_rules! asked {
    ($s:expr, $layer:expr) => {{
        let layer = with_text!($s, $layer, kernel_regularizer);
        let layer = with_text!($s, layer, bias_regularizer);
        let layer = with_text!($s, layer, activity_regularizer);
        let layer = with_text!($s, layer, kernel_constraint);
        with_text!($s, layer, bias_constraint)
    }};
}

/// Gives one axis or several to a method of a layer, if there is that setting.
macro_rules! with_axes {
    ($s:expr, $layer:expr) => {
        match $s.take("axis") {
            Some(Value::Array(axes)) => {
                let axes: Vec<i32> = axes.iter().map(|axis| number(axis) as i32).collect();
                $layer.axis(&axes[..])
            }
            Some(axis) => $layer.axis(number(&axis) as i32),
            None => $layer,
        }
    };
}

/// What the convolutions share.
macro_rules! convolution {
    ($s:expr, $type:ident, $layer:expr) => {{
        let layer = with_sizes($s, $layer, "strides", $type::strides);
        let layer = with_sizes($s, layer, "dilation_rate", $type::dilation_rate);
        let layer = with_text!($s, layer, padding);
        let layer = with_text!($s, layer, activation);
        $s.set_bool(layer, "use_bias", $type::use_bias)
    }};
}

/// The layer of a class with these arguments; all must be used.
pub fn build(class: &str, mut settings: Settings) -> Outcome<LayerRef> {
    let s = &mut settings;
    let layer = match class {
        "Add" => Add::new().shared(),
        "Average" => Average::new().shared(),
        "Concatenate" => s.set_int(Concatenate::new(), "axis", Concatenate::axis).shared(),
        "Dot" => {
            let axes = s.take("axes").ok_or("no axes")?;
            let dot = Dot::new(match axes.as_i64() {
                Some(axis) => DotAxes::Both(axis as i32),
                None => DotAxes::Each(pair(&axes).map(|axis| axis as i32)),
            });
            s.set_bool(dot, "normalize", Dot::normalize).shared()
        }
        "Maximum" => Maximum::new().shared(),
        "Minimum" => Minimum::new().shared(),
        "Multiply" => Multiply::new().shared(),
        "Subtract" => Subtract::new().shared(),
        "Activation" => Activation::new(&words(s, "activation")).shared(),
        "Dense" => {
            let dense = Dense::new(count(s, "units"));
            let dense = s.set_bool(dense, "use_bias", Dense::use_bias);
            let dense = with_text!(s, dense, activation);
            asked!(s, dense).shared()
        }
        "Dropout" => Dropout::new(s.set(0.0, "rate", |_, rate| rate)).shared(),
        "Flatten" => Flatten::new().shared(),
        "Conv2D" => {
            let layer = conv2d(s);
            asked!(s, layer).shared()
        }
        "MaxPooling2D" | "AveragePooling2D" | "MaxPooling1D" | "AveragePooling1D" => {
            pooling(class, s)
        }
        "GlobalAveragePooling1D" => GlobalAveragePooling1D::new().shared(),
        "GlobalMaxPooling1D" => {
            let layer = GlobalMaxPooling1D::new();
            s.set_bool(layer, "keepdims", GlobalMaxPooling1D::keepdims).shared()
        }
        "GlobalAveragePooling2D" => {
            let layer = GlobalAveragePooling2D::new();
            s.set_bool(layer, "keepdims", GlobalAveragePooling2D::keepdims).shared()
        }
        "GlobalMaxPooling2D" => {
            let layer = GlobalMaxPooling2D::new();
            s.set_bool(layer, "keepdims", GlobalMaxPooling2D::keepdims).shared()
        }
        other => return build_other(other, settings),
    };
    settings.all_used()?;
    Ok(layer)
}

fn build_other(class: &str, mut settings: Settings) -> Outcome<LayerRef> {
    let s = &mut settings;
    let layer = match class {
        "ReLU" => {
            let relu = s.set(ReLU::new(), "max_value", ReLU::max_value);
            let relu = s.set(relu, "negative_slope", ReLU::negative_slope);
            s.set(relu, "threshold", ReLU::threshold).shared()
        }
        "LeakyReLU" => {
            s.set(LeakyReLU::new(), "negative_slope", LeakyReLU::negative_slope).shared()
        }
        "ELU" => s.set(ELU::new(), "alpha", ELU::alpha).shared(),
        "PReLU" => {
            let layer = with_text!(s, PReLU::new(), alpha_constraint);
            match s.take("shared_axes") {
                Some(axes) => layer.shared_axes(sizes(&axes)).shared(),
                None => layer.shared(),
            }
        }
        "Softmax" => s.set_int(Softmax::new(), "axis", Softmax::axis).shared(),
        "ActivityRegularization" => {
            let mut factor = |name| s.set(0.0, name, |_, factor| factor);
            ActivityRegularization::new(factor("l1"), factor("l2")).shared()
        }
        "AlphaDropout" => AlphaDropout::new(fraction(s, "rate")).shared(),
        "GaussianDropout" => GaussianDropout::new(fraction(s, "rate")).shared(),
        "GaussianNoise" => GaussianNoise::new(fraction(s, "stddev")).shared(),
        "SpatialDropout1D" => SpatialDropout1D::new(fraction(s, "rate")).shared(),
        "SpatialDropout2D" => SpatialDropout2D::new(fraction(s, "rate")).shared(),
        "Identity" => Identity::new().shared(),
        "Reshape" => {
            let shape = s.take("target_shape").ok_or("no shape")?;
            let shape: Vec<i64> = numbers(&shape).iter().map(|&n| n as i64).collect();
            Reshape::new(shape).shared()
        }
        "Permute" => Permute::new(sizes(&s.take("dims").ok_or("no dims")?)).shared(),
        "RepeatVector" => RepeatVector::new(count(s, "n")).shared(),
        "Rescaling" => {
            let layer = Rescaling::new(fraction(s, "scale"));
            s.set(layer, "offset", Rescaling::offset).shared()
        }
        "Embedding" => {
            let layer = Embedding::new(count(s, "input_dim"), count(s, "output_dim"));
            with_text!(s, layer, embeddings_regularizer).shared()
        }
        "ZeroPadding2D" => match s.take("padding") {
            Some(padding) => ZeroPadding2D::new(sides(&padding)).shared(),
            None => ZeroPadding2D::default().shared(),
        },
        "Cropping2D" => Cropping2D::new(sides(&s.take("cropping").ok_or("no sides")?)).shared(),
        "UpSampling2D" => {
            let size = with_sizes(s, 2.into(), "size", |_, size| size);
            with_text!(s, UpSampling2D::new(size), interpolation).shared()
        }
        "EinsumDense" => {
            let shape = match s.take("output_shape").ok_or("no shape")? {
                Value::Array(sizes) => {
                    sizes.iter().map(|n| n.as_u64().map(|n| n as usize)).collect()
                }
                size => vec![Some(number(&size) as usize)],
            };
            let layer = EinsumDense::new(words(s, "equation"), shape);
            let layer = with_text!(s, layer, activation);
            let layer = with_text!(s, layer, kernel_regularizer);
            with_text!(s, layer, bias_axes).shared()
        }
        "Conv1D" => {
            let layer = Conv1D::new(count(s, "filters"), kernel_size(s));
            let layer = convolution!(s, Conv1D, layer);
            s.set(layer, "groups", |layer, groups| layer.groups(groups as usize)).shared()
        }
        "DepthwiseConv2D" => {
            let layer = DepthwiseConv2D::new(kernel_size(s));
            let layer = convolution!(s, DepthwiseConv2D, layer);
            let layer = with_text!(s, layer, depthwise_regularizer);
            s.set(layer, "depth_multiplier", |layer, n| layer.depth_multiplier(n as usize)).shared()
        }
        "SeparableConv2D" => {
            let layer = SeparableConv2D::new(count(s, "filters"), kernel_size(s));
            let layer = convolution!(s, SeparableConv2D, layer);
            let layer = with_text!(s, layer, pointwise_constraint);
            s.set(layer, "depth_multiplier", |layer, n| layer.depth_multiplier(n as usize)).shared()
        }
        "Conv2DTranspose" => {
            let layer = Conv2DTranspose::new(count(s, "filters"), kernel_size(s));
            convolution!(s, Conv2DTranspose, layer).shared()
        }
        other => return build_normalization(other, settings),
    };
    settings.all_used()?;
    Ok(layer)
}

fn build_normalization(class: &str, mut settings: Settings) -> Outcome<LayerRef> {
    let s = &mut settings;
    /// What the normalizations with a scale and an offset share.
    macro_rules! affine {
        ($type:ident, $layer:expr) => {{
            let layer = s.set($layer, "epsilon", $type::epsilon);
            let layer = s.set_bool(layer, "center", $type::center);
            let layer = s.set_bool(layer, "scale", $type::scale);
            let layer = with_text!(s, layer, gamma_regularizer);
            let layer = with_text!(s, layer, gamma_constraint);
            with_text!(s, layer, beta_constraint)
        }};
    }
    let layer = match class {
        "BatchNormalization" => {
            let layer = affine!(BatchNormalization, BatchNormalization::new());
            let layer = s.set_int(layer, "axis", BatchNormalization::axis);
            s.set(layer, "momentum", BatchNormalization::momentum).shared()
        }
        "LayerNormalization" => {
            let layer = affine!(LayerNormalization, LayerNormalization::new());
            with_axes!(s, layer).shared()
        }
        "GroupNormalization" => {
            let groups = s.take("groups").map_or(32, |groups| number(&groups) as i32);
            let layer = affine!(GroupNormalization, GroupNormalization::new(groups));
            s.set_int(layer, "axis", GroupNormalization::axis).shared()
        }
        "RMSNormalization" => {
            let layer = s.set(RMSNormalization::new(), "epsilon", RMSNormalization::epsilon);
            with_axes!(s, layer).shared()
        }
        "Normalization" => {
            let layer = s.set_bool(Normalization::new(), "invert", Normalization::invert);
            let layer = if s.0.contains_key("axis") { layer.of_all() } else { layer };
            s.take("axis");
            let mut numbers = |name| match s.take(name) {
                Some(Value::Array(numbers)) => numbers.iter().map(|n| number(n) as f32).collect(),
                one => vec![number(&one.expect("a moment")) as f32],
            };
            layer.moments(numbers("mean"), numbers("variance")).shared()
        }
        "UnitNormalization" => with_axes!(s, UnitNormalization::new()).shared(),
        other => return Err(format!("there is no layer {other} here").into()),
    };
    settings.all_used()?;
    Ok(layer)
}

/// A number; 0 if there is none.
fn fraction(s: &mut Settings, name: &str) -> f32 {
    s.set(0.0, name, |_, value| value)
}

/// The sides of an image.
fn sides(value: &Value) -> Sides {
    match value {
        Value::Number(_) => Sides::from(number(value) as usize),
        Value::Array(both) if both.iter().all(Value::is_number) => sizes_of::<2>(value).0.into(),
        _ => Sides([sizes_of(&value[0]).0, sizes_of(&value[1]).0]),
    }
}

/// A whole number; 0 if there is none.
fn count(s: &mut Settings, name: &str) -> usize {
    s.take(name).map_or(0, |value| number(&value) as usize)
}

/// A text; empty if there is none.
fn words(s: &mut Settings, name: &str) -> String {
    s.take(name).map_or(String::new(), |value| text(&value).to_owned())
}

fn pair(value: &Value) -> [i64; 2] {
    match numbers(value).as_slice() {
        &[a, b] => [a as i64, b as i64],
        _ => panic!("{value} is no pair"),
    }
}

/// One number for all axes, or a list.
fn sizes_of<const N: usize>(value: &Value) -> Sizes<N> {
    match value.as_u64() {
        Some(size) => (size as usize).into(),
        None => Sizes(sizes(value).try_into().expect("a number for each axis")),
    }
}

/// Gives sizes to a builder, if there is that setting.
fn with_sizes<T, const N: usize>(
    s: &mut Settings,
    it: T,
    name: &str,
    builder: impl Fn(T, Sizes<N>) -> T,
) -> T {
    match s.take(name) {
        Some(value) => builder(it, sizes_of(&value)),
        None => it,
    }
}

fn kernel_size<const N: usize>(s: &mut Settings) -> Sizes<N> {
    with_sizes(s, 0.into(), "kernel_size", |_, size| size)
}

fn conv2d(s: &mut Settings) -> Conv2D {
    let layer = Conv2D::new(count(s, "filters"), kernel_size(s));
    let layer = convolution!(s, Conv2D, layer);
    s.set(layer, "groups", |layer, groups| layer.groups(groups as usize))
}

fn pooling(class: &str, s: &mut Settings) -> LayerRef {
    macro_rules! pooling {
        ($type:ident) => {{
            let size = s.take("pool_size").map_or(2.into(), |size| sizes_of(&size));
            let layer = with_sizes(s, $type::new(size), "strides", $type::strides);
            with_text!(s, layer, padding).shared()
        }};
    }
    match class {
        "MaxPooling1D" => pooling!(MaxPooling1D),
        "AveragePooling1D" => pooling!(AveragePooling1D),
        "MaxPooling2D" => pooling!(MaxPooling2D),
        _ => pooling!(AveragePooling2D),
    }
}
