//! Rows read from a table, and rows added into one.

use super::value::Value;

/// The row that an index means, if the table has it.
fn row(index: f64, rows: usize) -> Option<usize> {
    (index >= 0.0 && index < rows as f64).then_some(index as usize)
}

/// Rows of a table; zeros for an index outside it.
pub(super) fn gather(table: &Value, indexes: &Value) -> Vec<f64> {
    let (rows, width) = (table.shape()[0], table.shape()[1..].iter().product());
    let mut result = Vec::with_capacity(indexes.data().len() * width);
    for &index in indexes.data() {
        match row(index, rows) {
            Some(r) => result.extend_from_slice(&table.data()[r * width..(r + 1) * width]),
            None => result.extend(std::iter::repeat_n(0.0, width)),
        }
    }
    result
}

/// Rows added into a table of zeros of `shape`; those with an index outside it are dropped.
pub(super) fn scatter_add(indexes: &Value, values: &Value, shape: &[usize]) -> Vec<f64> {
    let (rows, width) = (shape[0], shape[1..].iter().product::<usize>());
    let mut result = vec![0.0; rows * width];
    for (i, &index) in indexes.data().iter().enumerate() {
        if let Some(r) = row(index, rows) {
            for j in 0..width {
                result[r * width + j] += values.data()[i * width + j];
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::super::tests::{floats, whole};
    use crate::Op;

    #[test]
    fn gather_takes_rows() {
        let table = floats([3, 2], &[1., 2., 3., 4., 5., 6.]);
        let result = constant(&Op::Gather, &[&table, &whole([2, 2], &[2, 0, -1, 3])]).unwrap();
        assert_eq!(result, floats([2, 2, 2], &[5., 6., 1., 2., 0., 0., 0., 0.]));
        let scalar = constant(&Op::Gather, &[&table, &whole([], &[1])]).unwrap();
        assert_eq!(scalar, floats([2], &[3., 4.]));
    }

    #[test]
    fn scatter_add_puts_rows_back() {
        let values = floats([4, 2], &[1., 2., 10., 20., 100., 200., 7., 7.]);
        let op = Op::ScatterAdd { rows: 3 };
        let result = constant(&op, &[&whole([4], &[2, 0, 2, 3]), &values]).unwrap();
        assert_eq!(result, floats([3, 2], &[10., 20., 0., 0., 101., 202.]));
        let single = constant(&Op::ScatterAdd { rows: 2 }, &[&whole([], &[1]), &floats([], &[3.])]);
        assert_eq!(single.unwrap(), floats([2], &[0., 3.]));
    }
}
