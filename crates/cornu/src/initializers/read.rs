//! Initializers from their configuration, as Keras 3 and Keras 2 write them.

use super::{Fan, Initializer, Kind, Spread, VarianceScaling};
use crate::config::{Config, FromConfig, Object, expected, registered};
use cornu_graph::{Array, DType, Result};
use serde_json::Value;

/// As Keras writes it, or its name.
impl FromConfig for Initializer {
    fn from_config(value: &Value) -> Result<Initializer> {
        let object = Object::read(value)?;
        if let Some(make) = registered::<Initializer>(&object) {
            return make(&object.config()?);
        }
        match object.built_in().map(Initializer::from) {
            None | Some(Initializer { kind: Kind::Unknown(_), .. }) => {
                Err(object.unknown("initializer", "register_initializer"))
            }
            Some(named) => named.configured(&object.config()?),
        }
    }
}

impl Initializer {
    /// With the settings of a configuration. The `input_axes` and `output_axes` of newer Keras are
    /// not read: they only bear on first values that the file's take the place of.
    fn configured(mut self, config: &Config<'_>) -> Result<Initializer> {
        match &mut self.kind {
            Kind::Constant { class: "Constant", value } => match config.value("value") {
                Some(array) if array.is_array() || array.is_object() => {
                    self.kind = Kind::Values(read_array(array)?);
                }
                _ => config.set("value", value)?,
            },
            Kind::Identity { gain } | Kind::Orthogonal { gain } => config.set("gain", gain)?,
            Kind::Normal { mean, stddev } | Kind::TruncatedNormal { mean, stddev } => {
                config.set("mean", mean)?;
                config.set("stddev", stddev)?;
            }
            Kind::Uniform { minval, maxval } => {
                config.set("minval", minval)?;
                config.set("maxval", maxval)?;
            }
            Kind::Scaling { class: "VarianceScaling", scaling } => {
                *scaling = scaling.read(config)?
            }
            Kind::Constant { .. } | Kind::Scaling { .. } | Kind::Values(_) | Kind::Unknown(_) => {}
        }
        // Keras may have a generator of seeds here, which goes on from a state that is in no file.
        let number = |seed: &Value| seed.as_u64().or_else(|| u64::from_config(seed).ok());
        self.seed = config.value("seed").and_then(number);
        Ok(self)
    }
}

impl VarianceScaling {
    fn read(mut self, config: &Config<'_>) -> Result<VarianceScaling> {
        config.set("scale", &mut self.scale)?;
        config.set("mode", &mut self.fan)?;
        config.set("distribution", &mut self.spread)?;
        Ok(self)
    }
}

impl FromConfig for Fan {
    fn from_config(value: &Value) -> Result<Fan> {
        match value.as_str() {
            Some("fan_in") => Ok(Fan::In),
            Some("fan_out") => Ok(Fan::Out),
            Some("fan_avg") => Ok(Fan::Average),
            _ => Err(expected("\"fan_in\", \"fan_out\" or \"fan_avg\"", value)),
        }
    }
}

impl FromConfig for Spread {
    fn from_config(value: &Value) -> Result<Spread> {
        match value.as_str() {
            // Keras 2 called it normal, and cut it off all the same.
            Some("truncated_normal" | "normal") => Ok(Spread::TruncatedNormal),
            Some("untruncated_normal") => Ok(Spread::UntruncatedNormal),
            Some("uniform") => Ok(Spread::Uniform),
            _ => {
                Err(expected("\"truncated_normal\", \"untruncated_normal\" or \"uniform\"", value))
            }
        }
    }
}

/// Numbers as a list of lists, alone or as `{"class_name": "__numpy__", "config": {"value": …}}`.
fn read_array(value: &Value) -> Result<Array> {
    let config = value.get("config").unwrap_or(&Value::Null);
    let nested = config.get("value").unwrap_or(value);
    let mut shape = vec![];
    let mut inner = nested;
    while let Value::Array(list) = inner {
        shape.push(list.len());
        inner = list.first().unwrap_or(&Value::Null);
    }
    let mut numbers = vec![];
    flatten(nested, &shape, &mut numbers)?;
    match config.get("dtype").and_then(Value::as_str) == Some(DType::I32.name()) {
        true => Array::new(shape, numbers.into_iter().map(|x| x as i32).collect::<Vec<i32>>()),
        false => Array::new(shape, numbers.into_iter().map(|x| x as f32).collect::<Vec<f32>>()),
    }
}

fn flatten(value: &Value, shape: &[usize], numbers: &mut Vec<f64>) -> Result<()> {
    match (value, shape) {
        (Value::Number(_), []) => {
            numbers.push(f64::from_config(value)?);
            Ok(())
        }
        (Value::Array(list), [size, inner @ ..]) if list.len() == *size => {
            list.iter().try_for_each(|part| flatten(part, inner, numbers))
        }
        _ => Err(expected("numbers in lists of equal lengths", value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Initializer {
        Initializer::from_config(&value).unwrap_or_else(|error| panic!("{value}: {error}"))
    }

    #[test]
    fn every_initializer_comes_back() {
        for initializer in [
            Initializer::zeros(),
            Initializer::ones(),
            Initializer::constant(0.5),
            Initializer::identity(2.0),
            Initializer::random_normal(0.5, 0.1).seed(3),
            Initializer::truncated_normal(0.5, 0.1),
            Initializer::random_uniform(-0.5, 0.1).seed(u64::MAX),
            Initializer::orthogonal(2.0).seed(4),
            Initializer::from("he_normal").seed(5),
            Initializer::from("lecun_uniform"),
            VarianceScaling { scale: 2.0, fan: Fan::Out, spread: Spread::Uniform }.into(),
            VarianceScaling { scale: 0.1, fan: Fan::Average, spread: Spread::UntruncatedNormal }
                .into(),
            Initializer::values(Array::new([2, 1], vec![0.1f32, -3.0]).unwrap()),
            Initializer::values(Array::new([2], vec![7i32, 8]).unwrap()),
            Initializer::values(Array::scalar(7i32)),
        ] {
            assert_eq!(read(json!(initializer)), initializer);
        }
    }

    #[test]
    fn other_forms_of_keras_are_understood() {
        let glorot = Initializer::from("glorot_uniform");
        assert_eq!(read(json!("glorot_uniform")), glorot);
        assert_eq!(read(json!("GlorotUniform")), glorot);
        let keras_2 =
            json!({"class_name": "GlorotUniform", "config": {"seed": 1, "dtype": "float32"}});
        assert_eq!(read(keras_2), glorot.seed(1));
        let scaling = json!({"class_name": "VarianceScaling", "config":
            {"scale": 2.0, "mode": "fan_avg", "distribution": "normal", "seed": null}});
        let expected =
            VarianceScaling { scale: 2.0, fan: Fan::Average, spread: Spread::TruncatedNormal };
        assert_eq!(read(scaling), expected.into());
        let generator = json!({"class_name": "RandomNormal", "config": {"stddev": 0.1, "seed":
            {"class_name": "SeedGenerator", "config": {"seed": 3, "name": "seed_generator"}}}});
        assert_eq!(read(generator), Initializer::random_normal(0.0, 0.1));
        let list = json!({"class_name": "Constant", "config": {"value": [[1.0, 2.0]]}});
        let values = Array::new([1, 2], vec![1.0f32, 2.0]).unwrap();
        assert_eq!(read(list), Initializer::values(values));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |value: Value| Initializer::from_config(&value).unwrap_err().to_string();
        let unknown = message(json!({"class_name": "STFTInitializer", "config": {}}));
        assert!(unknown.contains("no initializer 'STFTInitializer'"), "{unknown}");
        assert!(unknown.contains("register_initializer"), "{unknown}");
        let ragged = json!({"class_name": "Constant", "config": {"value": [[1.0], [2.0, 3.0]]}});
        assert!(message(ragged).contains("[2.0,3.0]"));
        let mode = json!({"class_name": "VarianceScaling", "config": {"mode": "fan_all"}});
        assert!(message(mode).contains("'mode': expected \"fan_in\""));
    }
}
