//! An axis: its range, and where its ticks stand.

/// A range of values with ticks at round numbers.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    step: f64,
    /// Whether equal distances are equal factors.
    logarithmic: bool,
}

impl Axis {
    /// An axis for values, from tick to tick. Values that are not finite count for nothing.
    pub fn of_values(values: impl Iterator<Item = f64>, ticks: usize) -> Axis {
        let finite = values.filter(|v| v.is_finite());
        let (mut low, mut high) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // All values alike, but for the last digits: room on both sides.
        if high - low <= 1e-9 * low.abs().max(high.abs()) {
            let room = if low == 0.0 { 0.5 } else { low.abs() * 0.05 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / ticks as f64);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Axis { low, high, step, logarithmic: false }
    }

    /// An axis that reaches equally far to both sides of a value.
    pub fn around(middle: f64, half: f64, ticks: usize) -> Axis {
        let enough = 1e-9 * middle.abs();
        let half = if half > enough { half } else { enough.max(0.5) };
        Axis {
            low: middle - half,
            high: middle + half,
            step: round_step(2.0 * half / ticks as f64),
            logarithmic: false,
        }
    }

    /// An axis for shares, from 0 to 1.
    pub fn of_shares() -> Axis {
        Axis { low: 0.0, high: 1.0, step: 0.2, logarithmic: false }
    }

    /// An axis for the numbers of epochs, from the first to the last.
    pub fn of_epochs(first: usize, last: usize, ticks: usize) -> Axis {
        let (low, high) = (first as f64, last as f64);
        let step = round_step((high - low) / ticks as f64).max(1.0);
        // A single epoch stands in the middle.
        let room = if first == last { 0.5 } else { 0.0 };
        Axis { low: low - room, high: high + room, step, logarithmic: false }
    }

    /// A logarithmic axis for values, with a little room at both ends. Values that are not positive
    /// and finite count for nothing.
    pub fn of_factors(values: impl Iterator<Item = f64>) -> Axis {
        let positive = values.filter(|v| v.is_finite() && *v > 0.0);
        let (mut low, mut high) = positive
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        let room = (high / low).powf(0.04).max(1.1);
        Axis { low: low / room, high: high * room, step: 0.0, logarithmic: true }
    }

    /// Where a value stands between the ends, 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            return (value / self.low).ln() / (self.high / self.low).ln();
        }
        (value - self.low) / (self.high - self.low)
    }

    /// The ticks with their labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        if self.logarithmic {
            return self.factor_ticks();
        }
        let (first, last) = (self.low / self.step, self.high / self.step);
        // A tick may miss the end of the range by a rounding error.
        let (first, last) = ((first - 1e-6).ceil() as i64, (last + 1e-6).floor() as i64);
        (first..=last).map(|i| i as f64 * self.step).map(|v| (v, self.label(v))).collect()
    }

    /// The powers of ten, at most six of them; with round numbers between them if they are few.
    fn factor_ticks(&self) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let decades = (self.high / self.low).log10();
        let factors: &[f64] = match decades {
            ..0.8 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            ..2.2 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let every = ((decades / 6.0).ceil() as usize).max(1);
        let powers = (first..=last).step_by(every).map(|power| 10f64.powi(power));
        powers
            .flat_map(|power| factors.iter().map(move |factor| power * factor))
            .filter(|value| (self.low..=self.high).contains(value))
            .map(|value| (value, factor_label(value)))
            .collect()
    }

    /// A value with as many digits as the step needs.
    fn label(&self, value: f64) -> String {
        let power = |v: f64| (v.abs().log10() + 1e-9).floor() as i32;
        let (step, largest) = (power(self.step), power(self.low.abs().max(self.high.abs())));
        if value == 0.0 {
            return "0".into();
        }
        if step < -5 || largest > 5 {
            let digits = (power(value) - step).max(0) as usize;
            return format!("{value:.digits$e}");
        }
        let digits = (-step).max(0) as usize;
        format!("{value:.digits$}")
    }
}

/// A round number, short: `0.02`, `500`, `20k`, `1M`.
fn factor_label(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let unit = units.into_iter().find(|(size, _)| (*size..1e12).contains(&value));
    match unit {
        Some((size, name)) => format!("{}{name}", (value / size * 10.0).round() / 10.0),
        None if (1e-4..1e12).contains(&value) => {
            // As short as says it: the tick itself is off by a rounding error.
            let text = format!("{value:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        None => format!("{value:.0e}"),
    }
}

/// The next larger of 1, 2, 5, 10, 20, … or a fraction alike.
fn round_step(step: f64) -> f64 {
    if step <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round() {
        let axis = |values: &[f64]| labels(&Axis::of_values(values.iter().copied(), 5));
        assert_eq!(axis(&[0.0488, 0.0069]), "0 0.01 0.02 0.03 0.04 0.05");
        assert_eq!(axis(&[0.8954, 0.9924]), "0.88 0.90 0.92 0.94 0.96 0.98 1.00");
        assert_eq!(axis(&[-3.0, 12.0]), "-5 0 5 10 15");
        assert_eq!(axis(&[2e-7, 9e-7]), "2e-7 4e-7 6e-7 8e-7 1.0e-6");
        assert_eq!(axis(&[1e6, 4e6]), "1e6 2e6 3e6 4e6");
    }

    #[test]
    fn factors_have_equal_distances_and_round_ticks() {
        let axis = |values: &[f64]| Axis::of_factors(values.iter().copied());
        assert_eq!(labels(&axis(&[128.0, 4096.0])), "200 500 1k 2k");
        assert_eq!(labels(&axis(&[0.002, 300.0])), "0.01 0.1 1 10 100");
        assert_eq!(labels(&axis(&[0.14, 0.4])), "0.15 0.2 0.3 0.4");
        assert_eq!(labels(&axis(&[900.0, 3e3])), "1k 1.5k 2k 3k");
        let (low, high) = (axis(&[1.0, 100.0]).place(1.0), axis(&[1.0, 100.0]).place(100.0));
        let middle = axis(&[1.0, 100.0]).place(10.0);
        assert!((middle - 0.5).abs() < 1e-9 && (low + high - 1.0).abs() < 1e-9);
        for values in [&[][..], &[0.0, -1.0, f64::NAN], &[7.0], &[1e-300, 1e300]] {
            let axis = axis(values);
            assert!(axis.high > axis.low && axis.ticks().len() <= 12, "{values:?}");
        }
    }

    #[test]
    fn odd_values_have_an_axis_too() {
        let axis = |values: &[f64]| Axis::of_values(values.iter().copied(), 5);
        for values in [&[][..], &[f64::NAN], &[0.0], &[3.0, 3.0], &[-1e-30], &[1e30], &[0.1, 0.1]] {
            let axis = axis(values);
            assert!(axis.high > axis.low, "{values:?}");
            assert!((2..=12).contains(&axis.ticks().len()), "{values:?}: {:?}", axis.ticks());
        }
        assert!(axis(&[f64::INFINITY, 1.0, 2.0]).high <= 2.0);
    }

    #[test]
    fn epochs_are_whole() {
        assert_eq!(labels(&Axis::of_epochs(1, 5, 10)), "1 2 3 4 5");
        assert_eq!(labels(&Axis::of_epochs(1, 1, 10)), "1");
        assert_eq!(labels(&Axis::of_epochs(1, 20, 10)), "2 4 6 8 10 12 14 16 18 20");
        assert_eq!(Axis::of_epochs(1, 1, 10).place(1.0), 0.5);
    }
}
