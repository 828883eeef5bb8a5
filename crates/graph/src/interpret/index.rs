//! Index arithmetic on row-major tensors.

/// The distance between neighbours along each axis.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// Strides that read a tensor of shape `from` as if it were repeated to the shape `to`, by NumPy's
/// rule: aligned at the right, and 0 where a single element is repeated.
pub(super) fn broadcast_strides(from: &[usize], to: &[usize]) -> Vec<usize> {
    let repeated = from.iter().zip(strides(from)).map(|(&n, s)| if n == 1 { 0 } else { s });
    std::iter::repeat_n(0, to.len() - from.len()).chain(repeated).collect()
}

/// The place of an element.
pub(super) fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}

/// Calls `visit` with the index of every element, in row-major order.
pub(super) fn each_index(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product() {
        visit(&index);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// The elements of a strided view: the element at `index` is `data[start + offset(index)]`.
pub(super) fn view(data: &[f64], shape: &[usize], start: usize, strides: &[usize]) -> Vec<f64> {
    let mut result = Vec::with_capacity(shape.iter().product());
    each_index(shape, |index| result.push(data[start + offset(index, strides)]));
    result
}

/// How windows lie along one axis of an image.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub size: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
}

impl Windows {
    /// The pixel under element `tap` of window `window`; `None` in the padding.
    pub fn pixel(self, window: usize, tap: usize) -> Option<usize> {
        let padded = window * self.stride + tap * self.dilation;
        padded.checked_sub(self.before).filter(|&pixel| pixel < self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_outermost() {
        assert_eq!(strides(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(broadcast_strides(&[3, 1], &[2, 3, 4]), [0, 1, 0]);
        let mut seen = vec![];
        each_index(&[2, 2], |index| seen.push(index.to_vec()));
        assert_eq!(seen, [[0, 0], [0, 1], [1, 0], [1, 1]]);
    }

    #[test]
    fn a_scalar_has_one_index_and_an_empty_tensor_none() {
        let count = |shape: &[usize]| {
            let mut count = 0;
            each_index(shape, |_| count += 1);
            count
        };
        assert_eq!((count(&[]), count(&[2, 0])), (1, 0));
    }

    #[test]
    fn windows_skip_the_padding() {
        let windows = Windows { size: 3, stride: 2, dilation: 1, before: 1 };
        assert_eq!(windows.pixel(0, 0), None);
        assert_eq!(windows.pixel(0, 1), Some(0));
        assert_eq!(windows.pixel(1, 1), Some(2));
        assert_eq!(windows.pixel(1, 2), None);
    }
}
