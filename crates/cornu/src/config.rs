//! What configurations written as JSON share.

/// The decimal number that was written for a `float32`: 0.1, not 0.10000000149011612.
pub(crate) fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}
