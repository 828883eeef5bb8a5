//! Reading the golden files that `xtask/fixtures` made with Keras, and holding results against them.
#![allow(dead_code)] // Each test file uses its part.

use cornu::{Array, DType, Tensor, ops};
use serde_json::Value;
use std::error::Error;
use std::path::Path;

/// A result of anything that can go wrong with a case.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a check of one case gives.
pub type Check = Outcome<()>;

/// How far a number may be from Keras's, relative to `max(1, |number|)`. Both compute in `float32`,
/// where the last digit is worth 1.2e-7; the sums and the functions of a case cost some of them.
pub const TOLERANCE: f64 = 1e-5;

/// Cases that are not checked, and why. An entry is the kind of a case (an op, a layer, …) or the
/// whole name of one.
pub type Skipped<'a> = &'a [(&'a str, &'a str)];

/// Checks every case of a file but those that are listed. An entry of the list that stands for no
/// case is a failure too, so that the list cannot outlive its reasons.
///
/// # Panics
/// If a check fails, with all failures.
pub fn check_all(
    file: &str,
    skipped: Skipped<'_>,
    describe: impl Fn(&Value) -> (String, String),
    check: impl Fn(&Value) -> Check,
) {
    check_cases(&format!("{file}.json"), &cases(file), skipped, describe, check);
}

/// Checks every case of a list but those that are skipped: see [`check_all`].
///
/// # Panics
/// If a check fails, with all failures.
pub fn check_cases(
    file: &str,
    cases: &[Value],
    skipped: Skipped<'_>,
    describe: impl Fn(&Value) -> (String, String),
    check: impl Fn(&Value) -> Check,
) {
    let mut failures = vec![];
    let mut checked = 0;
    for case in cases {
        let (kind, name) = describe(case);
        if skipped.iter().any(|(entry, _)| *entry == kind || *entry == name) {
            continue;
        }
        checked += 1;
        if let Err(error) = check(case) {
            failures.push(format!("{name}\n    {}", error.to_string().replace('\n', "\n    ")));
        }
    }
    let described: Vec<(String, String)> = cases.iter().map(describe).collect();
    for (entry, _) in skipped {
        if !described.iter().any(|(kind, name)| entry == kind || entry == name) {
            failures.push(format!("'{entry}' is listed as skipped, but there is no such case"));
        }
    }
    assert!(checked > 0, "{file}: nothing was checked");
    assert!(
        failures.is_empty(),
        "{} of {checked} cases of {file} differ from Keras:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The cases of a file.
pub fn cases(file: &str) -> Vec<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/keras/{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut all: Value = serde_json::from_str(&text).expect("the file is JSON");
    match all["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("{file}.json has no cases"),
    }
}

/// An array of a case.
pub fn array(value: &Value) -> Array {
    let shape: Vec<usize> = numbers(&value["shape"]).iter().map(|&n| n as usize).collect();
    let data = value["data"].as_array().expect("an array has data");
    let array = match value["dtype"].as_str().expect("an array has a dtype") {
        "float32" => Array::new(shape, data.iter().map(|v| number(v) as f32).collect::<Vec<f32>>()),
        "int32" => Array::new(shape, data.iter().map(|v| number(v) as i32).collect::<Vec<i32>>()),
        "uint8" => Array::new(shape, data.iter().map(|v| number(v) as u8).collect::<Vec<u8>>()),
        "bool" => {
            let bools = data.iter().map(|v| v.as_bool().unwrap_or_else(|| number(v) == 1.0));
            Array::new(shape, bools.collect::<Vec<bool>>())
        }
        other => panic!("dtype {other}"),
    };
    array.expect("the data fills the shape")
}

/// The arrays of a list.
pub fn arrays(value: &Value) -> Vec<Array> {
    value.as_array().expect("a list").iter().map(array).collect()
}

/// An array as the cases have it.
pub fn as_json(array: &Array) -> Value {
    let dtype = array.dtype();
    let data = array.values().to_f64();
    serde_json::json!({ "shape": array.shape(), "dtype": dtype.name(), "data": data })
}

/// A tensor made of an array of a case.
pub fn tensor(value: &Value) -> Tensor {
    Tensor::from(array(value))
}

/// A number of a case.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The numbers of a list.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter().map(number).collect()
}

/// Whether an array has the shape and dtype of another and nearly its numbers.
pub fn expect_close(what: &str, actual: &Array, expected: &Array, tolerance: f64) -> Check {
    if actual.ty() != expected.ty() {
        return Err(format!("{what} is {}, not {}", actual.ty(), expected.ty()).into());
    }
    let (ours, keras) = (actual.values().to_f64(), expected.values().to_f64());
    let far = ours.iter().zip(&keras).enumerate().find(|(_, (a, b))| !near(**a, **b, tolerance));
    match far {
        None => Ok(()),
        Some((i, (a, b))) => {
            let all = format!("\nours  {ours:?}\nKeras {keras:?}");
            Err(format!("{what}: element {i} is {a}, not {b}{all}").into())
        }
    }
}

/// Whether a number is nearly another.
pub fn expect_number(what: &str, actual: f64, expected: f64, tolerance: f64) -> Check {
    if near(actual, expected, tolerance) {
        return Ok(());
    }
    Err(format!("{what} is {actual}, not {expected}").into())
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * b.abs().max(1.0)
}

/// The gradients of a scalar.
pub fn gradients(of: &Tensor, wrt: &[&Tensor]) -> cornu::Result<Vec<Array>> {
    cornu::gradients(of, wrt)
}

/// A text of a case.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The settings of a case. Each is taken out when it is used, so that none is forgotten.
pub struct Settings(pub serde_json::Map<String, Value>);

impl Settings {
    /// The settings under a key of a case; none if there are none.
    pub fn of(case: &Value, key: &str) -> Settings {
        Settings(case[key].as_object().cloned().unwrap_or_default())
    }

    /// Takes a setting out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Gives a number to a builder, if there is that setting.
    pub fn set<T>(&mut self, it: T, name: &str, builder: impl Fn(T, f32) -> T) -> T {
        match self.take(name) {
            Some(value) => builder(it, number(&value) as f32),
            None => it,
        }
    }

    /// Gives a whole number to a builder, if there is that setting.
    pub fn set_int<T>(&mut self, it: T, name: &str, builder: impl Fn(T, i32) -> T) -> T {
        self.set(it, name, |it, value| builder(it, value as i32))
    }

    /// Gives a count to a builder, if there is that setting.
    pub fn set_count<T>(&mut self, it: T, name: &str, builder: impl Fn(T, usize) -> T) -> T {
        self.set(it, name, |it, value| builder(it, value as usize))
    }

    /// Gives a yes or no to a builder, if there is that setting.
    pub fn set_bool<T>(&mut self, it: T, name: &str, builder: impl Fn(T, bool) -> T) -> T {
        match self.take(name) {
            Some(value) => builder(it, value.as_bool().expect("a bool")),
            None => it,
        }
    }

    /// Says so if a setting was not taken.
    pub fn all_used(&self) -> Check {
        match self.0.keys().next() {
            None => Ok(()),
            Some(left) => Err(format!("the setting {left} was not used").into()),
        }
    }
}

/// The sizes of a list.
pub fn sizes(value: &Value) -> Vec<usize> {
    numbers(value).iter().map(|&n| n as usize).collect()
}

/// A dtype by its name.
pub fn dtype(name: &str) -> DType {
    let all = [DType::Bool, DType::U8, DType::I32, DType::F32];
    all.into_iter().find(|dtype| dtype.name() == name).unwrap_or_else(|| panic!("dtype {name}"))
}

/// Whether the gradients of a result, weighed with the case's cotangent, are Keras's.
pub fn expect_gradients(case: &Value, output: &Tensor, inputs: &[Tensor], tolerance: f64) -> Check {
    if case["cotangent"].is_null() {
        return Ok(());
    }
    let weighed = ops::sum(output * tensor(&case["cotangent"]), ops::Axis::ALL);
    let expected = case["gradients"].as_array().ok_or("no gradients")?;
    for (i, (input, expected)) in inputs.iter().zip(expected).enumerate() {
        if !expected.is_null() {
            let gradient = gradients(&weighed, &[input])?.remove(0);
            let what = format!("the gradient of input {i}");
            expect_close(&what, &gradient, &array(expected), tolerance)?;
        }
    }
    Ok(())
}

/// Whether every field of a configuration is one of Keras's with the same value. What Keras has
/// beyond that are settings that Cornu lacks.
pub fn expect_fields(ours: &Value, keras: &Value) -> Check {
    match (ours, keras) {
        (Value::Object(ours), Value::Object(keras)) => {
            for (name, value) in ours {
                let expected = keras.get(name).ok_or(format!("Keras has no field {name}"))?;
                expect_fields(value, expected).map_err(|error| format!("{name}: {error}"))?;
            }
            Ok(())
        }
        // The file has the shortest decimals of `float32` numbers.
        (Value::Number(a), Value::Number(b)) if same_f32(a.as_f64(), b.as_f64()) => Ok(()),
        _ if ours == keras => Ok(()),
        _ => Err(format!("{ours}, not {keras}").into()),
    }
}

/// Whether two numbers are decimals of the same `float32`.
pub fn same_f32(a: Option<f64>, b: Option<f64>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a as f32 == b as f32)
}
