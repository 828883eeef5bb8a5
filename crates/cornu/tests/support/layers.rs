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
            with_text!(s, dense, activation).shared()
        }
        "Dropout" => Dropout::new(s.set(0.0, "rate", |_, rate| rate)).shared(),
        "Flatten" => Flatten::new().shared(),
        "Conv2D" => conv2d(s).shared(),
        "MaxPooling2D" | "AveragePooling2D" | "MaxPooling1D" | "AveragePooling1D" => {
            pooling(class, s)
        }
        "GlobalAveragePooling1D" => GlobalAveragePooling1D::new().shared(),
        "GlobalMaxPooling1D" => GlobalMaxPooling1D::new().shared(),
        "GlobalAveragePooling2D" => {
            let layer = GlobalAveragePooling2D::new();
            s.set_bool(layer, "keepdims", GlobalAveragePooling2D::keepdims).shared()
        }
        "GlobalMaxPooling2D" => {
            let layer = GlobalMaxPooling2D::new();
            s.set_bool(layer, "keepdims", GlobalMaxPooling2D::keepdims).shared()
        }
        other => return Err(format!("there is no layer {other} here").into()),
    };
    settings.all_used()?;
    Ok(layer)
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
