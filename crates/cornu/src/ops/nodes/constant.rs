//! Arrays in a configuration.

use crate::config::{decimal, expected};
use cornu_graph::{Array, DType, Error, ErrorKind, Result, Values};
use serde_json::{Value, json};

/// A single number stands for itself; an array is written as Keras writes one of NumPy.
pub(super) fn write(array: &Array) -> Value {
    let values = array.values();
    if let (true, Values::F32(_) | Values::I32(_) | Values::Bool(_)) =
        (array.shape().is_empty(), values)
        && let element = element(values, 0)
        && !element.is_string()
    {
        return element;
    }
    let value = nested(array.shape(), &mut (0..array.len()).map(|i| element(values, i)));
    let dtype = array.dtype().name();
    json!({ "class_name": "__numpy__", "config": { "value": value, "dtype": dtype } })
}

fn nested(shape: &[usize], elements: &mut impl Iterator<Item = Value>) -> Value {
    match shape.split_first() {
        None => elements.next().unwrap_or_default(),
        Some((&n, rest)) => (0..n).map(|_| nested(rest, elements)).collect(),
    }
}

fn element(values: &Values, i: usize) -> Value {
    match values {
        // NumPy understands "inf" and "nan"; JSON has no such numbers.
        Values::F32(v) if !v[i].is_finite() => v[i].to_string().to_lowercase().into(),
        Values::F32(v) => decimal(v[i]).into(),
        Values::I32(v) => v[i].into(),
        Values::U8(v) => v[i].into(),
        Values::Bool(v) => v[i].into(),
    }
}

/// Reads a number, an array of Keras (`__numpy__`, `__tensor__`) or a list of lists of numbers.
pub(super) fn read(value: &Value) -> Result<Array> {
    if let Some("__numpy__" | "__tensor__") = value.get("class_name").and_then(Value::as_str) {
        let config = &value["config"];
        let dtype = config["dtype"].as_str().map(dtype).transpose()?;
        return array(&config["value"], dtype);
    }
    array(value, None)
}

fn array(value: &Value, dtype: Option<DType>) -> Result<Array> {
    let mut shape = vec![];
    let mut inner = value;
    while let Some(items) = inner.as_array() {
        shape.push(items.len());
        let Some(first) = items.first() else { break };
        inner = first;
    }
    let mut elements = vec![];
    flatten(value, &shape, &mut elements)?;
    let dtype = dtype.unwrap_or_else(|| common(&elements));
    let numbers = elements.into_iter().map(|e| number(e, dtype)).collect::<Result<Vec<f64>>>()?;
    Array::from_values(shape, Values::from_f64(dtype, &numbers))
}

fn flatten<'a>(value: &'a Value, shape: &[usize], elements: &mut Vec<&'a Value>) -> Result<()> {
    match (value.as_array(), shape.split_first()) {
        (None, None) => elements.push(value),
        (Some(items), Some((&n, rest))) if items.len() == n => {
            for item in items {
                flatten(item, rest, elements)?;
            }
        }
        _ => return Err(expected("rows of one length", value)),
    }
    Ok(())
}

/// The dtype in which numbers without one meet.
fn common(elements: &[&Value]) -> DType {
    if !elements.is_empty() && elements.iter().all(|e| e.is_boolean()) {
        DType::Bool
    } else if !elements.is_empty() && elements.iter().all(|e| e.is_i64() || e.is_boolean()) {
        DType::I32
    } else {
        DType::F32
    }
}

fn number(element: &Value, dtype: DType) -> Result<f64> {
    let x = match element {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        // Rust reads "inf", "-inf", "nan" and "Infinity".
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    let x = x.ok_or_else(|| expected("a number", element))?;
    let fits = match dtype {
        DType::F32 | DType::Bool => true,
        DType::I32 => x >= f64::from(i32::MIN) && x <= f64::from(i32::MAX),
        DType::U8 => (0.0..=255.0).contains(&x),
    };
    if fits { Ok(x) } else { Err(expected(&format!("a number of {dtype}"), element)) }
}

/// The element type of a name. What Cornu does not have becomes the nearest it has.
pub(super) fn dtype(name: &str) -> Result<DType> {
    match name {
        "bool" => Ok(DType::Bool),
        "uint8" => Ok(DType::U8),
        "int8" | "int16" | "int32" | "int64" | "uint16" | "uint32" => Ok(DType::I32),
        "float16" | "bfloat16" | "float32" | "float64" => Ok(DType::F32),
        other => {
            let message = format!("there are no tensors of dtype '{other}'");
            Err(Error::new(ErrorKind::Unsupported, message)
                .help("there are float32, int32, uint8 and bool"))
        }
    }
}
