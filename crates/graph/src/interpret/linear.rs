//! Matrix products and convolutions: sums of products, taken in `f64`.

use super::index::{Windows, each_index, offset, strides};
use super::value::Value;
use crate::op::{Conv2d, Precision};

/// `shape` is that of the result, `(…, m, n)`.
pub(super) fn matmul(
    a: &Value,
    b: &Value,
    shape: &[usize],
    transpose_a: bool,
    transpose_b: bool,
) -> Vec<f64> {
    let rank = shape.len();
    let (m, n) = (shape[rank - 2], shape[rank - 1]);
    let k = a.shape()[if transpose_a { rank - 2 } else { rank - 1 }];
    let left = |i: usize, p: usize| if transpose_a { p * m + i } else { i * k + p };
    let right = |p: usize, j: usize| if transpose_b { j * k + p } else { p * n + j };
    let batches: usize = shape[..rank - 2].iter().product();
    let mut result = Vec::with_capacity(batches * m * n);
    for batch in 0..batches {
        let (a, b) = (&a.data()[batch * m * k..], &b.data()[batch * k * n..]);
        for i in 0..m {
            for j in 0..n {
                result.push((0..k).map(|p| a[left(i, p)] * b[right(p, j)]).sum());
            }
        }
    }
    result
}

/// The operand of a product in bfloat16.
pub(super) fn to_bfloat16(operand: &Value) -> Value {
    let mut rounded = operand.clone();
    let round = |x: &mut f64| *x = f64::from(Precision::BFloat16.round(*x as f32));
    rounded.data_mut().iter_mut().for_each(round);
    rounded
}

/// The three tensors of a convolution: images `(n, h, w, c)`, filters `(kh, kw, c / groups, f)`
/// and output `(n, oh, ow, f)`.
pub(super) struct Shapes<'a> {
    pub image: &'a [usize],
    pub filter: &'a [usize],
    pub output: &'a [usize],
}

/// Calls `visit` with the places in images, filters and output of every product that the
/// convolution sums up.
fn each_product(conv: &Conv2d, shapes: &Shapes, mut visit: impl FnMut(usize, usize, usize)) {
    let (image, filter, output) =
        (strides(shapes.image), strides(shapes.filter), strides(shapes.output));
    let [rows, columns] = [0, 1].map(|axis| Windows {
        size: shapes.image[axis + 1],
        stride: conv.strides[axis],
        dilation: conv.dilation[axis],
        before: conv.padding[axis].0,
    });
    let (depth, filters_per_group) = (shapes.filter[2], shapes.filter[3] / conv.groups);
    each_index(shapes.output, |at| {
        let (sample, f) = (at[0], at[3]);
        each_index(&shapes.filter[..3], |tap| {
            let (row, column) = (rows.pixel(at[1], tap[0]), columns.pixel(at[2], tap[1]));
            if let (Some(row), Some(column)) = (row, column) {
                let channel = f / filters_per_group * depth + tap[2];
                visit(
                    offset(&[sample, row, column, channel], &image),
                    offset(tap, &filter) + f,
                    offset(at, &output),
                );
            }
        });
    });
}

/// The convolution: each output is the sum of image times filter.
pub(super) fn conv2d(conv: &Conv2d, shapes: &Shapes, image: &Value, filter: &Value) -> Vec<f64> {
    let mut result = vec![0.0; shapes.output.iter().product()];
    each_product(conv, shapes, |x, w, y| result[y] += image.data()[x] * filter.data()[w]);
    result
}

/// The images' gradient: each pixel is the sum of output gradient times filter.
pub(super) fn conv2d_input_grad(
    conv: &Conv2d,
    shapes: &Shapes,
    gradient: &Value,
    filter: &Value,
) -> Vec<f64> {
    let mut result = vec![0.0; shapes.image.iter().product()];
    each_product(conv, shapes, |x, w, y| result[x] += gradient.data()[y] * filter.data()[w]);
    result
}

/// The filters' gradient: each weight is the sum of image times output gradient.
pub(super) fn conv2d_filter_grad(
    conv: &Conv2d,
    shapes: &Shapes,
    image: &Value,
    gradient: &Value,
) -> Vec<f64> {
    let mut result = vec![0.0; shapes.filter.iter().product()];
    each_product(conv, shapes, |x, w, y| result[w] += image.data()[x] * gradient.data()[y]);
    result
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::super::tests::floats;
    use super::*;
    use crate::Op;

    const PLAIN: Conv2d =
        Conv2d { strides: [1, 1], padding: [(0, 0); 2], dilation: [1, 1], groups: 1 };

    #[test]
    fn matmul_with_every_transpose() {
        let a =
            [floats([2, 3], &[1., 2., 3., 4., 5., 6.]), floats([3, 2], &[1., 4., 2., 5., 3., 6.])];
        let b =
            [floats([3, 2], &[1., 0., 2., 1., 0., 1.]), floats([2, 3], &[1., 2., 0., 0., 1., 1.])];
        for (transpose_a, transpose_b) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let op = Op::matmul(transpose_a, transpose_b);
            let operands = [&a[usize::from(transpose_a)], &b[usize::from(transpose_b)]];
            let result = constant(&op, &operands).unwrap();
            assert_eq!(result, floats([2, 2], &[5., 5., 14., 11.]));
        }
    }

    #[test]
    fn matmul_goes_through_the_batch_and_sums_nothing_to_zero() {
        let op = Op::matmul(false, false);
        let (a, b) = (floats([2, 1, 2], &[1., 2., 3., 4.]), floats([2, 2, 1], &[1., 1., 10., 1.]));
        assert_eq!(constant(&op, &[&a, &b]).unwrap(), floats([2, 1, 1], &[3., 34.]));
        let (a, b) = (floats([1, 0], &[]), floats([0, 2], &[]));
        assert_eq!(constant(&op, &[&a, &b]).unwrap(), floats([1, 2], &[0., 0.]));
    }

    #[test]
    fn matmul_in_bfloat16_rounds_the_operands_and_not_the_sums() {
        let tie = 1.0 / 256.0;
        let (transpose_a, transpose_b, precision) = (false, false, Precision::BFloat16);
        let op = Op::MatMul { transpose_a, transpose_b, precision };
        let a = floats([1, 4], &[1.0 + tie, 1.0 + 3.0 * tie, 1.0 + 1.5 * tie, -1.0 - tie]);
        let b = floats([4, 1], &[1.0, 1.0, tie / 1024.0, 1.0]);
        let expected = 1.0 + 4.0 * tie + (1.0 + 2.0 * tie) * (tie / 1024.0);
        assert_eq!(constant(&op, &[&a, &b]).unwrap(), floats([1, 1], &[expected]));
        let (a, b) = (floats([1, 2], &[f32::MAX, f32::NAN]), floats([2, 1], &[1.0, 0.0]));
        assert!(constant(&op, &[&a, &b]).unwrap().values().to_f64()[0].is_nan());
    }

    #[test]
    fn a_convolution_slides_a_window() {
        let image = floats([1, 2, 3, 1], &[1., 2., 3., 4., 5., 6.]);
        let filter = floats([2, 2, 1, 1], &[1., 10., 100., 1000.]);
        let result = constant(&Op::Conv2d(PLAIN), &[&image, &filter]).unwrap();
        assert_eq!(result, floats([1, 1, 2, 1], &[5421., 6532.]));
    }

    #[test]
    fn padding_strides_and_dilation() {
        let image = floats([1, 1, 4, 1], &[1., 2., 3., 4.]);
        let filter = floats([1, 2, 1, 1], &[1., 10.]);
        let conv = |f: fn(&mut Conv2d)| {
            let mut conv = PLAIN;
            f(&mut conv);
            constant(&Op::Conv2d(conv), &[&image, &filter]).unwrap()
        };
        let padded = conv(|c| c.padding[1] = (1, 0));
        assert_eq!(padded, floats([1, 1, 4, 1], &[10., 21., 32., 43.]));
        assert_eq!(conv(|c| c.strides[1] = 2), floats([1, 1, 2, 1], &[21., 43.]));
        assert_eq!(conv(|c| c.dilation[1] = 3), floats([1, 1, 1, 1], &[41.]));
    }

    #[test]
    fn groups_keep_channels_apart() {
        let image = floats([1, 1, 1, 4], &[1., 2., 3., 4.]);
        let filter = floats([1, 1, 2, 2], &[1., 10., 100., 1000.]);
        let conv = Conv2d { groups: 2, ..PLAIN };
        let result = constant(&Op::Conv2d(conv), &[&image, &filter]).unwrap();
        assert_eq!(result, floats([1, 1, 1, 2], &[201., 4030.]));
    }

    #[test]
    fn gradients_of_a_convolution() {
        let image = floats([1, 1, 3, 1], &[1., 2., 3.]);
        let filter = floats([1, 2, 1, 1], &[1., 10.]);
        let gradient = floats([1, 1, 2, 1], &[1., 100.]);
        let op = Op::Conv2dInputGrad { conv: PLAIN, input: [1, 1, 3, 1].into() };
        let result = constant(&op, &[&gradient, &filter]).unwrap();
        assert_eq!(result, floats([1, 1, 3, 1], &[1., 110., 1000.]));
        let op = Op::Conv2dFilterGrad { conv: PLAIN, filter: [1, 2, 1, 1].into() };
        let result = constant(&op, &[&image, &gradient]).unwrap();
        assert_eq!(result, floats([1, 2, 1, 1], &[201., 302.]));
    }
}
