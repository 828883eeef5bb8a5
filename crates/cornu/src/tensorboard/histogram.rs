//! Histograms: how many numbers lie in each of 30 intervals of equal width.

/// Intervals, as in `tf.summary.histogram`.
const BUCKETS: usize = 30;

/// The rows `[left, right, count]` of the intervals between the least and the largest value. The last
/// interval has its right end in it. If all values are equal, the last one has them all; without
/// values, all rows are zeros. Values that are not finite are left out: no interval has them.
pub(super) fn buckets(values: &[f64]) -> Vec<f64> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) =
        finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return vec![0.0; BUCKETS * 3];
    }
    let width = (high - low) / BUCKETS as f64;
    let mut counts = [0u64; BUCKETS];
    for value in finite() {
        let bucket = if width > 0.0 { (value - low) / width } else { f64::INFINITY };
        counts[(bucket as usize).min(BUCKETS - 1)] += 1;
    }
    let edge = |i: usize| if i == BUCKETS { high } else { low + width * i as f64 };
    (0..BUCKETS).flat_map(|i| [edge(i), edge(i + 1), counts[i] as f64]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[f64]) -> Vec<[f64; 3]> {
        buckets(values).chunks(3).map(|row| [row[0], row[1], row[2]]).collect()
    }

    #[test]
    fn every_value_is_counted_once() {
        let values: Vec<f64> = (0..=300).map(|i| f64::from(i) / 10.0).collect();
        let rows = rows(&values);
        assert_eq!(rows.len(), 30);
        assert_eq!((rows[0][0], rows[29][1]), (0.0, 30.0));
        assert_eq!(rows.iter().map(|row| row[2]).sum::<f64>(), 301.0);
        // The largest value is in the last interval, beside its ten others.
        assert_eq!(rows[29][2], 11.0);
        assert!(rows.windows(2).all(|pair| pair[0][1] == pair[1][0]));
    }

    #[test]
    fn equal_values_are_in_the_last_interval() {
        let rows = rows(&[0.5; 4]);
        assert!(rows.iter().all(|row| row[0] == 0.5 && row[1] == 0.5));
        assert_eq!(rows[29][2], 4.0);
        assert!(rows[..29].iter().all(|row| row[2] == 0.0));
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let rows = rows(&[1.0, f64::NAN, 2.0, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!((rows[0][0], rows[29][1]), (1.0, 2.0));
        assert_eq!((rows[0][2], rows[29][2]), (1.0, 1.0));
        assert_eq!(buckets(&[]), vec![0.0; 90]);
        assert_eq!(buckets(&[f64::NAN]), vec![0.0; 90]);
    }
}
