//! Convolution and pooling of images `(batch, height, width, channels)`.

use super::float;
use super::layout::{known_size, or_error};
use crate::tensor::{Operation, Tensor};
use cornu_graph::op::{Conv2d, Pool2d, PoolKind};
use cornu_graph::{Error, Op, Result, Shape};
use serde_json::Value;

/// What happens at the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Only windows that lie inside.
    Valid,
    /// Padding such that the size is the input's divided by the stride, rounded up; an odd rest
    /// goes after.
    Same,
}

impl Padding {
    /// Keras's name.
    fn name(self) -> &'static str {
        match self {
            Padding::Valid => "valid",
            Padding::Same => "same",
        }
    }

    /// How much to add before and after an axis.
    fn widths(self, size: usize, window: usize, stride: usize, dilation: usize) -> (usize, usize) {
        match self {
            Padding::Valid => (0, 0),
            Padding::Same => {
                // Sizes that no memory holds are refused by the shape rule; here they must not wrap.
                let reach = window.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
                let covered = (size.div_ceil(stride).max(1) - 1) * stride;
                let total = covered.saturating_add(reach).saturating_sub(size);
                (total / 2, total - total / 2)
            }
        }
    }
}

/// What the operations on windows have in common.
fn windowed(name: &'static str, strides: [usize; 2], padding: Padding) -> Operation {
    Operation::new(name).with("strides", sizes(strides)).with("padding", padding.name())
}

/// One number for both axes where it will do: on JAX, Keras's pooling cannot be called with a list
/// that comes from a file.
fn sizes([height, width]: [usize; 2]) -> Value {
    if height == width { height.into() } else { [height, width].into() }
}

fn check_image(x: &Tensor, strides: [usize; 2]) -> Result<[usize; 2]> {
    x.check()?;
    if x.rank() != 4 {
        return Err(Error::shape(format!(
            "images are (batch, height, width, channels), not {}",
            x.shape()
        )));
    }
    if strides.contains(&0) {
        return Err(Error::value("strides must be at least 1"));
    }
    let size = [known_size(x, 1)?, known_size(x, 2)?];
    if size.contains(&0) {
        return Err(Error::shape(format!("there are no pixels in images of shape {}", x.shape())));
    }
    Ok(size)
}

/// Convolution with filters `(height, width, channels / groups, filters)`.
#[track_caller]
pub fn conv(
    x: impl Into<Tensor>,
    kernel: impl Into<Tensor>,
    strides: [usize; 2],
    padding: Padding,
    dilation: [usize; 2],
) -> Tensor {
    let (x, kernel) = (float(x), float(kernel));
    let y = check_image(&x, strides).and_then(|size| {
        kernel.check()?;
        if kernel.rank() != 4 {
            return Err(Error::shape(format!(
                "filters are (height, width, channels, filters), not {}",
                kernel.shape()
            )));
        }
        let (channels, depth) = (known_size(&x, 3)?, known_size(&kernel, 2)?);
        let window = [known_size(&kernel, 0)?, known_size(&kernel, 1)?];
        let widths = |i| padding.widths(size[i], window[i], strides[i], dilation[i]);
        let groups = channels.checked_div(depth).unwrap_or(0);
        let padding = [widths(0), widths(1)];
        Ok(Tensor::op(Op::Conv2d(Conv2d { strides, padding, dilation, groups }), &[&x, &kernel]))
    });
    let operation = windowed("Conv", strides, padding).with("dilation_rate", sizes(dilation));
    Tensor::named(operation, &[&x, &kernel], or_error(y))
}

/// Convolution of each channel by itself, with filters `(height, width, channels, multiplier)`. The
/// results of a channel stand side by side.
#[track_caller]
pub fn depthwise_conv(
    x: impl Into<Tensor>,
    kernel: impl Into<Tensor>,
    strides: [usize; 2],
    padding: Padding,
    dilation: [usize; 2],
) -> Tensor {
    let (x, kernel) = (float(x), float(kernel));
    let flat = kernel.check().and_then(|kernel| match kernel.shape().known().as_deref() {
        Some(&[height, width, channels, multiplier]) => {
            Ok(kernel.reshape_to(&[height, width, 1, channels * multiplier].into()))
        }
        _ => Err(Error::shape(format!(
            "filters are (height, width, channels, multiplier), not {}",
            kernel.shape()
        ))),
    });
    let y = flat.map(|flat| conv(&x, flat, strides, padding, dilation));
    let operation =
        windowed("DepthwiseConv", strides, padding).with("dilation_rate", sizes(dilation));
    Tensor::named(operation, &[&x, &kernel], or_error(y))
}

/// The transpose of [`conv`]: its gradient for the images, with filters `(height, width, filters,
/// channels)`. The size is the input's times the stride, with [`Padding::Valid`] and what the
/// last window reaches beyond.
#[track_caller]
pub fn conv_transpose(
    x: impl Into<Tensor>,
    kernel: impl Into<Tensor>,
    strides: [usize; 2],
    padding: Padding,
    dilation: [usize; 2],
) -> Tensor {
    let (x, kernel) = (float(x), float(kernel));
    let y = check_image(&x, strides).and_then(|size| {
        let Some(&[height, width, filters, _]) = kernel.check()?.shape().known().as_deref() else {
            return Err(Error::shape(format!(
                "filters are (height, width, filters, channels), not {}",
                kernel.shape()
            )));
        };
        let window = [height, width];
        let larger = |i: usize| {
            let reach = window[i].saturating_sub(1).saturating_mul(dilation[i]).saturating_add(1);
            let beyond = match padding {
                Padding::Valid => reach.saturating_sub(strides[i]),
                Padding::Same => 0,
            };
            size[i].saturating_mul(strides[i]).saturating_add(beyond)
        };
        let to = [larger(0), larger(1)];
        let widths = |i: usize| padding.widths(to[i], window[i], strides[i], dilation[i]);
        let conv = Conv2d { strides, padding: [widths(0), widths(1)], dilation, groups: 1 };
        let input = [x.shape().dims()[0], to[0].into(), to[1].into(), filters.into()];
        let input = Shape::from(input.to_vec());
        Ok(Tensor::op(Op::Conv2dInputGrad { conv, input }, &[&x, &kernel]))
    });
    let operation =
        windowed("ConvTranspose", strides, padding).with("dilation_rate", sizes(dilation));
    Tensor::named(operation, &[&x, &kernel], or_error(y))
}

/// The largest element of each window.
#[track_caller]
pub fn max_pool(
    x: impl Into<Tensor>,
    window: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Tensor {
    pool("MaxPool", PoolKind::Max, float(x), window, strides, padding)
}

/// The mean of the elements of each window; padding does not count.
#[track_caller]
pub fn average_pool(
    x: impl Into<Tensor>,
    window: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Tensor {
    pool("AveragePool", PoolKind::Average, float(x), window, strides, padding)
}

#[track_caller]
fn pool(
    name: &'static str,
    kind: PoolKind,
    x: Tensor,
    window: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Tensor {
    let y = check_image(&x, strides).map(|size| {
        let widths = |i| padding.widths(size[i], window[i], strides[i], 1);
        let padding = [widths(0), widths(1)];
        Tensor::op(Op::Pool2d(Pool2d { kind, window, strides, padding }), &[&x])
    });
    let operation = windowed(name, strides, padding).with("pool_size", sizes(window));
    Tensor::named(operation, &[&x], or_error(y))
}
