//! What a callback counted so far, as a backup keeps it.

use cornu_graph::{Array, Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// What a training that is taken up again needs of a callback.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallbackState {
    /// What it counted, as JSON; null if nothing.
    pub counts: Value,
    /// Arrays that it keeps, such as the best weights so far.
    pub arrays: Vec<Array>,
}

impl CallbackState {
    /// A state of these counts. What cannot be written as JSON becomes null.
    pub fn new(counts: impl Serialize) -> CallbackState {
        CallbackState { counts: serde_json::to_value(counts).unwrap_or_default(), arrays: vec![] }
    }

    /// With these arrays.
    pub fn arrays(mut self, arrays: Vec<Array>) -> CallbackState {
        self.arrays = arrays;
        self
    }

    /// Reads the counts.
    ///
    /// # Errors
    /// If they are those of another kind of callback.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.counts).map_err(|e| {
            Error::file(format!("the state of a callback in the backup does not fit: {e}"))
                .help("go on with the same callbacks in the same order")
        })
    }
}

/// A number that JSON keeps to the bit: as text, because JSON knows neither NaN nor infinity, and
/// not all its readers round as they should.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exact(pub f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Exact, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.parse();
        number.map(Exact).map_err(|_| serde::de::Error::custom(format!("'{text}' is no number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_to_the_bit() {
        let numbers = [0.1 + 0.2, f64::MIN_POSITIVE / 3.0, -0.0, f64::INFINITY, 1e300, 1.0 / 3.0];
        let state = CallbackState::new(numbers.map(Exact).to_vec());
        let text = state.counts.to_string();
        let state = CallbackState { counts: serde_json::from_str(&text).unwrap(), arrays: vec![] };
        let back: Vec<Exact> = state.read().unwrap();
        let bits = |numbers: &[f64]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back.iter().map(|n| n.0).collect::<Vec<_>>()), bits(&numbers));
        let nan: Vec<Exact> = CallbackState::new([Exact(f64::NAN)]).read().unwrap();
        assert!(nan[0].0.is_nan());
    }

    #[test]
    fn a_state_of_another_callback_is_refused() {
        let error = CallbackState::new(["a"]).read::<Vec<Exact>>().unwrap_err().to_string();
        assert!(error.contains("does not fit") && error.contains("'a' is no number"), "{error}");
    }
}
