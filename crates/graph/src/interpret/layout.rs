//! Ops that move elements about without calculating.

use super::index::{broadcast_strides, each_index, offset, strides, view};
use super::value::Value;
use crate::op::SliceRange;

/// Each element is its index along `axis`.
pub(super) fn iota(shape: &[usize], axis: usize) -> Vec<f64> {
    let mut result = vec![];
    each_index(shape, |index| result.push(index[axis] as f64));
    result
}

/// Axis `i` of the result is axis `permutation[i]` of the input.
pub(super) fn transpose(x: &Value, shape: &[usize], permutation: &[usize]) -> Vec<f64> {
    let along = strides(x.shape());
    let moved: Vec<usize> = permutation.iter().map(|&axis| along[axis]).collect();
    view(x.data(), shape, 0, &moved)
}

/// The input repeated to `shape`.
pub(super) fn broadcast(x: &Value, shape: &[usize]) -> Vec<f64> {
    view(x.data(), shape, 0, &broadcast_strides(x.shape(), shape))
}

/// Every `step`-th element from `start`; `shape` tells how many.
pub(super) fn slice(x: &Value, shape: &[usize], ranges: &[SliceRange]) -> Vec<f64> {
    let along = strides(x.shape());
    let first: Vec<usize> = ranges.iter().map(|range| range.start).collect();
    let stepped: Vec<usize> = along.iter().zip(ranges).map(|(s, range)| s * range.step).collect();
    view(x.data(), shape, offset(&first, &along), &stepped)
}

/// Zeros around the input.
pub(super) fn pad(x: &Value, shape: &[usize], widths: &[(usize, usize)]) -> Vec<f64> {
    let along = strides(shape);
    let first: Vec<usize> = widths.iter().map(|width| width.0).collect();
    let start = offset(&first, &along);
    let mut result = vec![0.0; shape.iter().product()];
    let mut elements = x.data().iter();
    each_index(x.shape(), |index| {
        result[start + offset(index, &along)] = *elements.next().expect("one for each index");
    });
    result
}

/// The inputs one after another along `axis`.
pub(super) fn concat(inputs: &[&Value], axis: usize) -> Vec<f64> {
    let mut result = vec![];
    let outer: usize = inputs[0].shape()[..axis].iter().product();
    for i in 0..outer {
        for x in inputs {
            let block: usize = x.shape()[axis..].iter().product();
            result.extend_from_slice(&x.data()[i * block..(i + 1) * block]);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::super::tests::{bools, whole};
    use super::*;
    use crate::Op;

    #[test]
    fn iota_counts_along_one_axis() {
        let op = |axis| Op::Iota { shape: [2, 3].into(), axis };
        assert_eq!(constant(&op(0), &[]).unwrap(), whole([2, 3], &[0, 0, 0, 1, 1, 1]));
        assert_eq!(constant(&op(1), &[]).unwrap(), whole([2, 3], &[0, 1, 2, 0, 1, 2]));
    }

    #[test]
    fn reshape_keeps_the_order() {
        let x = whole([2, 3], &[1, 2, 3, 4, 5, 6]);
        let result = constant(&Op::Reshape([3, 2].into()), &[&x]).unwrap();
        assert_eq!(result, whole([3, 2], &[1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn transpose_moves_axes() {
        let x = whole([2, 3], &[1, 2, 3, 4, 5, 6]);
        let result = constant(&Op::Transpose(vec![1, 0]), &[&x]).unwrap();
        assert_eq!(result, whole([3, 2], &[1, 4, 2, 5, 3, 6]));
        let x = whole([1, 2, 3], &[1, 2, 3, 4, 5, 6]);
        let result = constant(&Op::Transpose(vec![2, 0, 1]), &[&x]).unwrap();
        assert_eq!(result, whole([3, 1, 2], &[1, 4, 2, 5, 3, 6]));
    }

    #[test]
    fn broadcast_repeats() {
        let x = whole([2, 1], &[1, 2]);
        let result = constant(&Op::Broadcast([2, 2, 2].into()), &[&x]).unwrap();
        assert_eq!(result, whole([2, 2, 2], &[1, 1, 2, 2, 1, 1, 2, 2]));
        let empty = constant(&Op::Broadcast([0, 1].into()), &[&whole([], &[1])]).unwrap();
        assert!(empty.is_empty());
    }

    #[test]
    fn slice_steps() {
        let x = whole([2, 5], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let range = SliceRange { start: 1, end: None, step: 2 };
        let result = constant(&Op::Slice(vec![SliceRange::ALL, range]), &[&x]).unwrap();
        assert_eq!(result, whole([2, 2], &[1, 3, 6, 8]));
        let none = SliceRange { start: 2, end: Some(2), step: 1 };
        let result = constant(&Op::Slice(vec![none, range]), &[&x]).unwrap();
        assert_eq!(result, whole([0, 2], &[]));
    }

    #[test]
    fn pad_adds_zeros() {
        let x = bools([1, 2], &[true, true]);
        let result = constant(&Op::Pad(vec![(0, 1), (1, 0)]), &[&x]).unwrap();
        assert_eq!(result, bools([2, 3], &[false, true, true, false, false, false]));
    }

    #[test]
    fn concat_joins_along_an_axis() {
        let (a, b) = (whole([2, 1], &[1, 2]), whole([2, 2], &[3, 4, 5, 6]));
        let result = constant(&Op::Concat { axis: 1 }, &[&a, &b]).unwrap();
        assert_eq!(result, whole([2, 3], &[1, 3, 4, 2, 5, 6]));
        let result = constant(&Op::Concat { axis: 0 }, &[&a, &a]).unwrap();
        assert_eq!(result, whole([4, 1], &[1, 2, 1, 2]));
    }
}
