//! The two directions in which points differ most: principal component analysis (Pearson, 1901), by
//! power iteration.

/// Points in two dimensions, and how much of their variance each has, 0 to 1.
pub struct Plane {
    pub points: Vec<(f64, f64)>,
    pub shares: [f64; 2],
}

/// The most steps of the iteration; it ends before when nothing changes any more.
const STEPS: usize = 500;

/// Projects points, rows of `dims` values, on the plane in which they differ most.
pub fn project(mut rows: Vec<f64>, dims: usize) -> Plane {
    center(&mut rows, dims);
    let total: f64 = rows.iter().map(|v| v * v).sum();
    let first = direction(&rows, dims, &[]);
    let second = direction(&rows, dims, std::slice::from_ref(&first));
    let along = |axis: &[f64]| rows.chunks(dims).map(|row| dot(row, axis)).collect::<Vec<f64>>();
    let (x, y) = (along(&first), along(&second));
    let share = |values: &[f64]| if total > 0.0 { dot(values, values) / total } else { 0.0 };
    let shares = [share(&x), share(&y)];
    Plane { points: x.into_iter().zip(y).collect(), shares }
}

fn center(rows: &mut [f64], dims: usize) {
    let mut mean = vec![0.0; dims];
    let count = (rows.len() / dims) as f64;
    rows.chunks(dims).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count));
    rows.chunks_mut(dims).for_each(|row| row.iter_mut().zip(&mean).for_each(|(v, m)| *v -= m));
}

/// The direction of the largest variance, orthogonal to others.
fn direction(rows: &[f64], dims: usize, others: &[Vec<f64>]) -> Vec<f64> {
    // Any start will do that is not orthogonal to the direction; this one is not by design of no
    // data set.
    let mut axis: Vec<f64> = (0..dims).map(|i| 1.0 + (i as f64 * 0.754_877_666).fract()).collect();
    normalize(&mut axis, others);
    for _ in 0..STEPS {
        // The covariance times the axis, without the covariance, which may be large.
        let mut next = vec![0.0; dims];
        for row in rows.chunks(dims) {
            let along = dot(row, &axis);
            next.iter_mut().zip(row).for_each(|(n, v)| *n += along * v);
        }
        normalize(&mut next, others);
        let change = 1.0 - dot(&axis, &next);
        axis = next;
        if change < 1e-12 || dot(&axis, &axis) == 0.0 {
            break;
        }
    }
    // Of the two directions along a line that one in which the largest part is positive.
    let largest = axis.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
    if largest.is_some_and(|v| v < 0.0) {
        axis.iter_mut().for_each(|v| *v = -*v);
    }
    axis
}

/// Makes a vector orthogonal to others, and as long as 1. If nothing is left, it is 0.
fn normalize(axis: &mut [f64], others: &[Vec<f64>]) {
    let before = dot(axis, axis).sqrt();
    for other in others {
        let along = dot(axis, other);
        axis.iter_mut().zip(other).for_each(|(a, o)| *a -= along * o);
    }
    let length = dot(axis, axis).sqrt();
    // What rounding leaves is nothing.
    let factor = if length > 1e-12 * before { 1.0 / length } else { 0.0 };
    axis.iter_mut().for_each(|v| *v *= factor);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plane_is_found_in_more_dimensions() {
        // Points (3a, b, 0) turned into five dimensions by two orthonormal vectors.
        let (u, v) = ([0.5, 0.5, 0.5, 0.5, 0.0], [0.5, -0.5, 0.5, -0.5, 0.0]);
        let plane = |i: i32| (3.0 * (f64::from(i) * 0.7).sin(), (f64::from(i) * 1.3).cos());
        let rows = (0..200).map(plane).flat_map(|(a, b)| {
            (0..5).map(move |d| 7.0 + a * u[d] + b * v[d]).collect::<Vec<f64>>()
        });
        let found = project(rows.collect(), 5);
        assert!((found.shares[0] + found.shares[1] - 1.0).abs() < 1e-9, "{:?}", found.shares);
        assert!(found.shares[0] > 0.85);
        // Distances stay as they are.
        for (i, j) in [(0, 1), (5, 90), (17, 160)] {
            let (a, b) = (plane(i), plane(j));
            let (c, d) = (found.points[i as usize], found.points[j as usize]);
            let (true_one, drawn) = ((a.0 - b.0).hypot(a.1 - b.1), (c.0 - d.0).hypot(c.1 - d.1));
            assert!((true_one - drawn).abs() < 1e-6, "{true_one} {drawn}");
        }
    }

    #[test]
    fn points_that_do_not_differ_stand_in_one_place() {
        let found = project(vec![2.0; 12], 3);
        assert_eq!(found.points, vec![(0.0, 0.0); 4]);
        assert_eq!(found.shares, [0.0, 0.0]);
        let line = project(vec![0.0, 0.0, 1.0, 1.0, 2.0, 2.0], 2);
        assert!((line.shares[0] - 1.0).abs() < 1e-9 && line.shares[1] < 1e-9, "{:?}", line.shares);
    }
}
