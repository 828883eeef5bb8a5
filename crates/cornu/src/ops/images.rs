//! Convolution and pooling of images `(batch, height, width, channels)`.

use super::float;
use super::layout::{known_size, or_error};
use crate::tensor::Tensor;
use cornu_graph::op::{Conv2d, Pool2d, PoolKind};
use cornu_graph::{Error, Op, Result};

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
    /// How much to add before and after an axis.
    fn widths(self, size: usize, window: usize, stride: usize, dilation: usize) -> (usize, usize) {
        match self {
            Padding::Valid => (0, 0),
            Padding::Same => {
                let reach = window.saturating_sub(1) * dilation + 1;
                let covered = (size.div_ceil(stride).max(1) - 1) * stride + reach;
                let total = covered.saturating_sub(size);
                (total / 2, total - total / 2)
            }
        }
    }
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
    Ok([known_size(x, 1)?, known_size(x, 2)?])
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
    Tensor::named("Conv", &[&x, &kernel], or_error(y))
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
    Tensor::named(name, &[&x], or_error(y))
}
