//! Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to three diagonals,
//! then QL with implicit shifts (Golub and Van Loan, "Matrix Computations", 8.3).

use cornu_graph::{Error, Result};

/// An eigenvalue and its vector, of length 1.
pub(super) struct Pair {
    pub value: f64,
    pub vector: Vec<f64>,
}

/// All of them, in no order. `matrix` is square, row by row.
pub(super) fn symmetric(mut matrix: Vec<f64>, size: usize) -> Result<Vec<Pair>> {
    if matrix.iter().any(|x| !x.is_finite()) {
        return Err(Error::data("the images hold values that are not finite"));
    }
    let reflections = reduce(&mut matrix, size);
    let mut diagonal: Vec<f64> = (0..size).map(|i| matrix[i * size + i]).collect();
    // The last entry is there for the QL steps, which write one behind.
    let mut beside: Vec<f64> =
        (0..size).map(|i| if i + 1 < size { matrix[(i + 1) * size + i] } else { 0.0 }).collect();
    let mut vectors = transform(&reflections, size);
    iterate(&mut diagonal, &mut beside, &mut vectors)?;
    let pairs = diagonal.into_iter().zip(vectors);
    Ok(pairs.map(|(value, vector)| Pair { value, vector }).collect())
}

/// I − factor · v vᵀ, on the rows from `start`.
struct Reflection {
    start: usize,
    vector: Vec<f64>,
    factor: f64,
}

/// Makes a matrix zero but for its diagonal and the diagonals beside it.
fn reduce(matrix: &mut [f64], size: usize) -> Vec<Reflection> {
    let mut reflections = vec![];
    for column in 0..size.saturating_sub(2) {
        let start = column + 1;
        let mut vector: Vec<f64> = (start..size).map(|i| matrix[i * size + column]).collect();
        let norm = dot(&vector, &vector).sqrt();
        // Squares of images in `float32` are far above this.
        if dot(&vector[1..], &vector[1..]) < 1e-280 {
            continue;
        }
        let first = -norm.copysign(vector[0]);
        vector[0] -= first;
        let factor = 2.0 / dot(&vector, &vector);
        matrix[start * size + column] = first;
        // A − v wᵀ − w vᵀ with p = factor · A v and w = p − (factor/2 · p·v) v.
        let part = |row: usize| row * size + start..(row + 1) * size;
        let mut w: Vec<f64> =
            (start..size).map(|row| factor * dot(&matrix[part(row)], &vector)).collect();
        let along = factor / 2.0 * dot(&w, &vector);
        add(&mut w, -along, &vector);
        for row in start..size {
            let (v_row, w_row) = (vector[row - start], w[row - start]);
            let entries = matrix[part(row)].iter_mut().zip(vector.iter().zip(&w));
            entries.for_each(|(a, (v, w))| *a -= v_row * w + w_row * v);
        }
        reflections.push(Reflection { start, vector, factor });
    }
    reflections
}

/// The product of the reflections: its columns, one vector each.
fn transform(reflections: &[Reflection], size: usize) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = (0..size).map(|i| unit(i, size)).collect();
    // From the last on, what a reflection changes are columns from its start only.
    for Reflection { start, vector, factor } in reflections.iter().rev() {
        for column in &mut columns[*start..] {
            let along = factor * dot(&column[*start..], vector);
            add(&mut column[*start..], -along, vector);
        }
    }
    columns
}

/// Makes the diagonals beside the first one zero. `vectors` take part in the rotations.
fn iterate(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut [Vec<f64>]) -> Result<()> {
    let size = diagonal.len();
    let norm = diagonal.iter().chain(beside.iter()).fold(0.0, |norm, x| f64::max(norm, x.abs()));
    for l in 0..size {
        // Two or three steps for each value are usual.
        for step in 0.. {
            let small = |m: usize| {
                let near = diagonal[m].abs() + diagonal[m + 1].abs();
                beside[m].abs() <= f64::EPSILON * near.max(norm * 1e-3)
            };
            let m = (l..size - 1).find(|&m| small(m)).unwrap_or(size - 1);
            if m == l {
                break;
            }
            if step == 100 {
                return Err(Error::data("the whitening matrix could not be computed"));
            }
            ql_step(diagonal, beside, vectors, l, m);
        }
    }
    Ok(())
}

/// One QL step of the block `l..=m`.
fn ql_step(d: &mut [f64], e: &mut [f64], vectors: &mut [Vec<f64>], l: usize, m: usize) {
    let slope = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let mut g = d[m] - d[l] + e[l] / (slope + slope.hypot(1.0).copysign(slope));
    let (mut sin, mut cos, mut shift) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (sin * e[i], cos * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            // The block falls apart here.
            d[i + 1] -= shift;
            e[m] = 0.0;
            return;
        }
        (sin, cos) = (f / r, g / r);
        g = d[i + 1] - shift;
        let r = (d[i] - g) * sin + 2.0 * cos * b;
        shift = sin * r;
        d[i + 1] = g + shift;
        g = cos * r - b;
        let (low, high) = vectors.split_at_mut(i + 1);
        for (x, y) in low[i].iter_mut().zip(high[0].iter_mut()) {
            (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
        }
    }
    d[l] -= shift;
    e[l] = g;
    e[m] = 0.0;
}

fn unit(at: usize, size: usize) -> Vec<f64> {
    let mut vector = vec![0.0; size];
    vector[at] = 1.0;
    vector
}

/// With four sums, which vector instructions can take at once.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    for (a, b) in a.iter().zip(b) {
        (0..4).for_each(|i| sums[i] += a[i] * b[i]);
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu_graph::philox::Philox;

    /// A·v = λ·v for each pair, and the vectors are orthogonal.
    fn check(matrix: Vec<f64>, size: usize) -> Vec<f64> {
        let norm = matrix.iter().fold(1.0, |norm, x| f64::max(norm, x.abs()));
        let pairs = symmetric(matrix.clone(), size).unwrap();
        for (i, pair) in pairs.iter().enumerate() {
            for (row, x) in matrix.chunks(size).zip(&pair.vector) {
                let far = (dot(row, &pair.vector) - pair.value * x).abs();
                assert!(far < 1e-12 * norm * size as f64, "{far} of {norm}");
            }
            for (j, other) in pairs.iter().enumerate() {
                let product = dot(&pair.vector, &other.vector);
                assert!((product - f64::from(i == j)).abs() < 1e-12 * size as f64, "{product}");
            }
        }
        pairs.into_iter().map(|pair| pair.value).collect()
    }

    #[test]
    fn known_values() {
        let mut values = check(vec![2.0, 1.0, 1.0, 2.0], 2);
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-14 && (values[1] - 3.0).abs() < 1e-14);
        assert_eq!(check(vec![5.0], 1), [5.0]);
        check(vec![0.0; 16], 4);
        let diagonal: Vec<f64> = (0..25).map(|i| if i % 6 == 0 { i as f64 } else { 0.0 }).collect();
        check(diagonal, 5);
    }

    #[test]
    fn random_matrices_of_any_rank() {
        let mut random = Philox::new(3);
        for (size, rank) in [(3, 3), (30, 30), (41, 7), (60, 1)] {
            let mut matrix = vec![0.0; size * size];
            for _ in 0..rank {
                let x: Vec<f64> = (0..size).map(|_| random.normal()).collect();
                for i in 0..size {
                    add(&mut matrix[i * size..(i + 1) * size], x[i], &x);
                }
            }
            let values = check(matrix, size);
            assert_eq!(values.iter().filter(|value| value.abs() > 1e-9).count(), rank);
        }
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert!(symmetric(vec![f64::NAN], 1).is_err());
    }
}
