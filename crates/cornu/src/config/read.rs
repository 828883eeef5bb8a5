//! Reading fields of a configuration.

use super::object::excerpt;
use cornu_graph::{Error, Result};
use serde_json::{Map, Value};

/// The configuration of one object, to read its fields from. Fields that nobody asks for are ignored.
///
/// ```
/// use cornu::saving::Config;
/// use serde_json::json;
///
/// let fields = json!({ "units": 4, "use_bias": false });
/// let config = Config::new("Dense", &fields)?;
/// assert_eq!(config.get::<usize>("units")?, 4);
/// assert_eq!(config.get_or("activation", String::from("linear"))?, "linear");
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    class: &'a str,
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Config<'a> {
    /// The fields of an object of a class; null has none.
    ///
    /// # Errors
    /// If it is something else than an object.
    pub fn new(class: &'a str, config: &'a Value) -> Result<Config<'a>> {
        match config {
            Value::Null => Ok(Config { class, fields: None }),
            Value::Object(fields) => Ok(Config { class, fields: Some(fields) }),
            other => Err(Error::file(format!(
                "the configuration of {class} must be an object, not {}",
                excerpt(other)
            ))),
        }
    }

    /// The class it is of.
    pub fn class(&self) -> &'a str {
        self.class
    }

    /// A field as it stands there.
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.fields?.get(key)
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// If it is missing or of another type.
    pub fn get<T: FromConfig>(&self, key: &str) -> Result<T> {
        let missing = || Error::file(format!("{}: '{key}' is missing", self.class));
        self.read(key, self.value(key).ok_or_else(missing)?)
    }

    /// A field, or what it is where the file does not say it.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn get_or<T: FromConfig>(&self, key: &str, default: T) -> Result<T> {
        let mut value = default;
        self.set(key, &mut value)?;
        Ok(value)
    }

    /// Sets what the file says of a field; without a word it stays as it is.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn set<T: FromConfig>(&self, key: &str, field: &mut T) -> Result<()> {
        match self.value(key) {
            None => {}
            // Null is a value of what is optional, and no word of anything else.
            Some(Value::Null) => {
                if let Ok(none) = T::from_config(&Value::Null) {
                    *field = none;
                }
            }
            Some(value) => *field = self.read(key, value)?,
        }
        Ok(())
    }

    fn read<T: FromConfig>(&self, key: &str, value: &Value) -> Result<T> {
        T::from_config(value).map_err(|e| e.within(format!("{}: '{key}'", self.class)))
    }
}

/// What can stand in a configuration.
pub trait FromConfig: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// If it is of another type, or nothing that is known.
    fn from_config(value: &Value) -> Result<Self>;
}

/// An error that says what was expected.
pub(crate) fn expected(what: &str, value: &Value) -> Error {
    Error::file(format!("expected {what}, found {}", excerpt(value)))
}

impl FromConfig for Value {
    fn from_config(value: &Value) -> Result<Value> {
        Ok(value.clone())
    }
}

impl FromConfig for bool {
    fn from_config(value: &Value) -> Result<bool> {
        value.as_bool().ok_or_else(|| expected("true or false", value))
    }
}

impl FromConfig for String {
    fn from_config(value: &Value) -> Result<String> {
        value.as_str().map(str::to_owned).ok_or_else(|| expected("a text", value))
    }
}

impl FromConfig for i64 {
    fn from_config(value: &Value) -> Result<i64> {
        // R writes its whole numbers as 3.0.
        let whole = |x: &f64| x.fract() == 0.0 && x.abs() < 9e15;
        let number = value.as_i64().or_else(|| value.as_f64().filter(whole).map(|x| x as i64));
        number.ok_or_else(|| expected("a whole number", value))
    }
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl FromConfig for $type {
            fn from_config(value: &Value) -> Result<$type> {
                let number = i64::from_config(value)?;
                <$type>::try_from(number).map_err(|_| {
                    let (least, most) = (<$type>::MIN, <$type>::MAX);
                    expected(&format!("a whole number from {least} to {most}"), value)
                })
            }
        }
    )*};
}
whole_numbers!(usize, isize, i32, u32, u64, u8);

impl FromConfig for f64 {
    fn from_config(value: &Value) -> Result<f64> {
        // What JSON has no number for stands there as a word.
        let number = match value.as_str() {
            Some(word @ ("Infinity" | "-Infinity" | "NaN")) => word.parse().ok(),
            _ => value.as_f64(),
        };
        number.ok_or_else(|| expected("a number", value))
    }
}

impl FromConfig for f32 {
    fn from_config(value: &Value) -> Result<f32> {
        f64::from_config(value).map(|x| x as f32)
    }
}

impl<T: FromConfig> FromConfig for Option<T> {
    fn from_config(value: &Value) -> Result<Option<T>> {
        if value.is_null() { Ok(None) } else { T::from_config(value).map(Some) }
    }
}

impl<T: FromConfig> FromConfig for Vec<T> {
    fn from_config(value: &Value) -> Result<Vec<T>> {
        // Keras 2 writes tuples and shapes as {"class_name": "__tuple__", "items": […]}.
        let list = value.get("items").unwrap_or(value).as_array();
        list.ok_or_else(|| expected("a list", value))?.iter().map(T::from_config).collect()
    }
}

impl<T: FromConfig, const N: usize> FromConfig for [T; N] {
    fn from_config(value: &Value) -> Result<[T; N]> {
        let list = Vec::<T>::from_config(value)?;
        list.try_into().map_err(|_| expected(&format!("a list of {N}"), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_have_types_and_defaults() {
        let fields = json!({
            "units": 3.0, "rate": 0.5, "seed": null, "sizes": [2, 3], "use_bias": null, "name": "a",
            "tuple": {"class_name": "__tuple__", "items": [null, 4]}
        });
        let config = Config::new("Layer", &fields).unwrap();
        assert_eq!(config.get::<usize>("units").unwrap(), 3);
        assert_eq!(config.get::<f32>("rate").unwrap(), 0.5);
        assert_eq!(config.get_or("seed", Some(7u64)).unwrap(), None);
        assert!(config.get_or("use_bias", true).unwrap());
        assert_eq!(config.get::<[usize; 2]>("sizes").unwrap(), [2, 3]);
        assert_eq!(config.get::<Vec<Option<usize>>>("tuple").unwrap(), [None, Some(4)]);
        assert_eq!(config.get_or("missing", 9i32).unwrap(), 9);
    }

    #[test]
    fn a_wrong_field_is_named() {
        let fields = json!({ "units": "many", "sizes": [1, 2, 3], "negative": -1 });
        let config = Config::new("Dense", &fields).unwrap();
        let message = config.get::<usize>("units").unwrap_err().to_string();
        assert_eq!(message, "Dense: 'units': expected a whole number, found \"many\"");
        let message = config.get::<[u8; 2]>("sizes").unwrap_err().to_string();
        assert!(message.contains("a list of 2, found [1,2,3]"), "{message}");
        assert!(config.get::<usize>("negative").is_err());
        let message = config.get::<bool>("absent").unwrap_err().to_string();
        assert_eq!(message, "Dense: 'absent' is missing");
        assert!(Config::new("Dense", &json!([1])).is_err());
    }
}
