//! Pooling of images and its gradient. Padding never counts.

use super::index::{Windows, each_index, offset, strides};
use super::reduce::first_extreme;
use super::value::Value;
use crate::op::{Pool2d, PoolKind};

/// Calls `visit` with the pixels of every window, row by row, in the order of the outputs.
fn each_window(pool: &Pool2d, image: &[usize], output: &[usize], mut visit: impl FnMut(&[usize])) {
    let along = strides(image);
    let [rows, columns] = [0, 1].map(|axis| Windows {
        size: image[axis + 1],
        stride: pool.strides[axis],
        dilation: 1,
        before: pool.padding[axis].0,
    });
    let mut pixels = vec![];
    each_index(output, |at| {
        pixels.clear();
        each_index(&pool.window, |tap| {
            let (row, column) = (rows.pixel(at[1], tap[0]), columns.pixel(at[2], tap[1]));
            if let (Some(row), Some(column)) = (row, column) {
                pixels.push(offset(&[at[0], row, column, at[3]], &along));
            }
        });
        visit(&pixels);
    });
}

/// The largest element or the mean of each window; of a window without pixels, `-inf` or 0.
pub(super) fn pool2d(pool: &Pool2d, x: &Value, output: &[usize]) -> Vec<f64> {
    let mut result = Vec::with_capacity(output.iter().product());
    each_window(pool, x.shape(), output, |pixels| {
        let numbers = pixels.iter().map(|&p| x.data()[p]);
        result.push(match pool.kind {
            PoolKind::Max if pixels.is_empty() => f64::NEG_INFINITY,
            PoolKind::Max => x.data()[pixels[first_extreme(numbers, true)]],
            PoolKind::Average => numbers.sum::<f64>() / pixels.len().max(1) as f64,
        });
    });
    result
}

/// Each window's gradient goes to its first largest pixel.
pub(super) fn max_grad(pool: &Pool2d, x: &Value, gradient: &Value) -> Vec<f64> {
    let mut result = vec![0.0; x.data().len()];
    let mut gradients = gradient.data().iter();
    each_window(pool, x.shape(), gradient.shape(), |pixels| {
        let g = gradients.next().expect("one for each window");
        let largest = first_extreme(pixels.iter().map(|&p| x.data()[p]), true);
        if let Some(&pixel) = pixels.get(largest) {
            result[pixel] += g;
        }
    });
    result
}

/// Each window's gradient is shared out evenly among its pixels.
pub(super) fn average_grad(pool: &Pool2d, image: &[usize], gradient: &Value) -> Vec<f64> {
    let mut result = vec![0.0; image.iter().product()];
    let mut gradients = gradient.data().iter();
    each_window(pool, image, gradient.shape(), |pixels| {
        let g = gradients.next().expect("one for each window");
        pixels.iter().for_each(|&p| result[p] += g / pixels.len() as f64);
    });
    result
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::super::tests::floats;
    use super::*;
    use crate::Op;

    fn pool(kind: PoolKind) -> Pool2d {
        Pool2d { kind, window: [2, 2], strides: [1, 2], padding: [(0, 0), (1, 0)] }
    }

    /// Padded at the left: the windows hold columns 0 and 1-2.
    fn image() -> crate::Array {
        floats([1, 2, 3, 1], &[-1., -2., -3., -4., -1., -1.])
    }

    #[test]
    fn padding_never_counts() {
        let largest = constant(&Op::Pool2d(pool(PoolKind::Max)), &[&image()]).unwrap();
        assert_eq!(largest, floats([1, 1, 2, 1], &[-1., -1.]));
        let mean = constant(&Op::Pool2d(pool(PoolKind::Average)), &[&image()]).unwrap();
        assert_eq!(mean, floats([1, 1, 2, 1], &[-2.5, -1.75]));
    }

    #[test]
    fn the_first_largest_receives_the_gradient() {
        let gradient = floats([1, 1, 2, 1], &[2., 4.]);
        let op = |kind| Op::Pool2dGrad { pool: pool(kind), input: [1, 2, 3, 1].into() };
        let result = constant(&op(PoolKind::Max), &[&image(), &gradient]).unwrap();
        assert_eq!(result, floats([1, 2, 3, 1], &[2., 0., 0., 0., 4., 0.]));
        let result = constant(&op(PoolKind::Average), &[&gradient]).unwrap();
        assert_eq!(result, floats([1, 2, 3, 1], &[1., 1., 1., 1., 1., 1.]));
    }

    #[test]
    fn overlapping_windows_add_up() {
        let pool =
            Pool2d { kind: PoolKind::Max, window: [1, 2], strides: [1, 1], padding: [(0, 0); 2] };
        let image = floats([1, 1, 3, 1], &[1., 5., 2.]);
        let op = Op::Pool2dGrad { pool, input: [1, 1, 3, 1].into() };
        let result = constant(&op, &[&image, &floats([1, 1, 2, 1], &[1., 10.])]).unwrap();
        assert_eq!(result, floats([1, 1, 3, 1], &[0., 11., 0.]));
    }

    #[test]
    fn images_of_another_shape_are_an_error() {
        let op = Op::Pool2dGrad { pool: pool(PoolKind::Max), input: [1, 2, 3, 1].into() };
        let gradient = floats([1, 1, 2, 1], &[2., 4.]);
        assert!(constant(&op, &[&floats([1, 1, 1, 1], &[0.]), &gradient]).is_err());
    }
}
