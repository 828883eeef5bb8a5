//! Random numbers: a function of the state, the stream and the element's place.

use super::value::Value;
use crate::op::Distribution;
use crate::philox;
use std::f64::consts::TAU;

/// The first `count` numbers of a stream. Four elements come from each block of four words.
pub(super) fn random(
    distribution: Distribution,
    state: &Value,
    stream: u32,
    count: usize,
) -> Vec<f64> {
    let state = [0, 1, 2].map(|i| state.data()[i] as i32);
    let block = |b: usize| {
        let words = philox::words(state, stream, b as u64).map(|w| f64::from(philox::unit(w)));
        match distribution {
            Distribution::Uniform => words,
            Distribution::Normal => normal(words),
        }
    };
    (0..count.div_ceil(4)).flat_map(block).take(count).collect()
}

/// Box and Muller's method: each pair of even numbers gives a pair of normal ones.
fn normal([u0, u1, u2, u3]: [f64; 4]) -> [f64; 4] {
    let radius = |u: f64| (-2.0 * (1.0 - u).ln()).sqrt();
    [
        radius(u0) * (TAU * u1).cos(),
        radius(u0) * (TAU * u1).sin(),
        radius(u2) * (TAU * u3).cos(),
        radius(u2) * (TAU * u3).sin(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::super::tests::whole;
    use super::*;
    use crate::Op;

    fn draw(distribution: Distribution, stream: u32, count: usize) -> Vec<f64> {
        let op = Op::Random { distribution, shape: [count].into(), stream };
        constant(&op, &[&whole([3], &[1, 2, 3])]).unwrap().values().to_f64()
    }

    #[test]
    fn elements_come_from_their_block() {
        let x = draw(Distribution::Uniform, 7, 9);
        for (i, word) in philox::words([1, 2, 3], 7, 1).into_iter().enumerate() {
            assert_eq!(x[4 + i], f64::from(philox::unit(word)));
        }
        assert_eq!(x[..3], draw(Distribution::Uniform, 7, 3));
        assert_ne!(x[..3], draw(Distribution::Uniform, 8, 3));
    }

    #[test]
    fn normal_numbers_by_hand() {
        let x = normal([0.0, 0.3, 0.75, 0.25]);
        assert_eq!(x[..2], [0.0, 0.0]);
        assert!(x[2].abs() < 1e-15);
        assert!((x[3] - (2.0 * 4f64.ln()).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn the_moments_are_right() {
        let count = 40_000;
        let moments = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / count as f64;
            (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64)
        };
        let (mean, variance) = moments(&draw(Distribution::Uniform, 0, count));
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.005);
        let (mean, variance) = moments(&draw(Distribution::Normal, 0, count));
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03);
    }
}
