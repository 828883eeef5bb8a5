//! Random orthogonal matrices.

use cornu_graph::philox::Philox;
use cornu_graph::{Error, Result, Shape};

/// Values of a shape whose last dimension is the columns, orthonormal (rows or columns, whichever
/// are fewer) times `gain`.
pub(super) fn values(random: &mut Philox, shape: &[usize], gain: f32) -> Result<Vec<f32>> {
    let Some((&columns, rows)) = shape.split_last().filter(|(_, rows)| !rows.is_empty()) else {
        let shape = Shape::from(shape);
        return Err(Error::shape(format!("orthogonal needs two dimensions or more, not {shape}")));
    };
    let rows: usize = rows.iter().product();
    let (long, short) = (rows.max(columns), rows.min(columns));
    let vectors = orthonormal(random, long, short);
    let at = |row: usize, column: usize| {
        if rows < columns { vectors[row][column] } else { vectors[column][row] }
    };
    let elements = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
    Ok(elements.map(|(r, c)| gain * at(r, c) as f32).collect())
}

/// `count` orthonormal vectors, uniformly distributed: normal vectors made orthogonal by Gram and
/// Schmidt's method. Projecting twice keeps it exact (Kahan and Parlett's "twice is enough").
fn orthonormal(random: &mut Philox, length: usize, count: usize) -> Vec<Vec<f64>> {
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut v: Vec<f64> = (0..length).map(|_| random.normal()).collect();
        for _ in 0..2 {
            for u in &vectors {
                let overlap: f64 = u.iter().zip(&v).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(u).for_each(|(x, a)| *x -= overlap * a);
            }
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= norm);
        vectors.push(v);
    }
    vectors
}
