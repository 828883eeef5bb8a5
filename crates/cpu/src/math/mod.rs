//! Elementary functions: [`vector`] in `f32` vectors, [`double`] in `f64` for those that need its
//! digits.
//!
//! The polynomials are minimax fits (Remez's algorithm, in 40 digits) rounded to `f32`. All
//! functions are within about 2 units in the last place where the result is a normal number;
//! smaller results may be flushed to zero. Infinite and NaN arguments give what the standard
//! library gives.

pub(crate) mod double;
pub(crate) mod vector;

#[cfg(test)]
mod tests;
