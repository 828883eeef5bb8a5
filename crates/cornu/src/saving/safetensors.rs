//! Weights in the safetensors format: names, shapes and values, and nothing that is executed.
//!
//! The header is written here, not by the crate, so that the same weights are the same bytes (the
//! crate's metadata is a hash map). The crate reads and checks it.

use super::{write_values, write_with};
use crate::data::raw::{self, Number, Room};
use crate::names::short;
use crate::variable::Variable;
use cornu_graph::{Array, DType, Error, ErrorKind, Result, Shape, TensorType};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The longest header that is written or read. One weight takes about a hundred bytes of it; what is
/// said about the weights is in it too.
const MAX_HEADER: u64 = 4 << 20;

/// The key that the format keeps for itself.
const METADATA: &str = "__metadata__";

/// What the metadata says of a file that Cornu wrote, and in which version.
const FORMAT: &str = "cornu";
const VERSION: &str = "1";

/// The keys of the metadata that say how to read the file: they are no one else's.
const OWN: [&str; 3] = ["format", "version", "order"];

/// What is said about the weights of a file: texts with names.
pub(crate) type Notes = BTreeMap<String, String>;

/// Checks that something can be said about weights under this name.
pub(crate) fn check_note(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::value("metadata needs a name, not an empty text"));
    }
    match OWN.contains(&key) {
        true => Err(Error::value(format!("the file format keeps the name '{key}' for itself"))),
        false => Ok(()),
    }
}

/// Writes the values of variables to a file, under their paths: `dense/kernel`. A second variable
/// of the same path is `dense/kernel#2`. The notes stand in the file's metadata.
///
/// # Errors
/// If the file cannot be written. A file that was there is as it was then.
pub(crate) fn save_safetensors(path: &Path, variables: &[Variable], notes: &Notes) -> Result<()> {
    let values: Vec<Array> = variables.iter().map(Variable::value).collect();
    save_arrays(path, &keys(variables), &values, notes)
}

/// Writes arrays to a file, each under its key. No two keys are the same.
///
/// # Errors
/// As [`save_safetensors`].
pub(crate) fn save_arrays(
    path: &Path,
    keys: &[String],
    values: &[Array],
    notes: &Notes,
) -> Result<()> {
    let pieces = Pieces::new(keys, values, notes);
    let pieces = pieces.map_err(|e| e.within(path.display().to_string()))?;
    write_with(path, |file| pieces.write(file))
}

/// The bytes of a file with the values of variables, without notes.
///
/// # Errors
/// If their names are too long for a header.
pub(crate) fn safetensors_bytes(variables: &[Variable]) -> Result<Vec<u8>> {
    let values: Vec<Array> = variables.iter().map(Variable::value).collect();
    let mut bytes = vec![];
    let written = Pieces::new(&keys(variables), &values, &Notes::new())?.write(&mut bytes);
    written.map_err(|e| Error::state(format!("the values cannot be written: {e}")))?;
    Ok(bytes)
}

/// A file that is about to be written.
struct Pieces<'a> {
    header: String,
    values: &'a [Array],
    /// The order of the values in the file.
    places: Vec<usize>,
}

impl<'a> Pieces<'a> {
    fn new(keys: &[String], values: &'a [Array], notes: &Notes) -> Result<Pieces<'a>> {
        // The widest elements first, so that all lie at multiples of their size.
        let mut places: Vec<usize> = (0..values.len()).collect();
        places.sort_by_key(|&i| std::cmp::Reverse(values[i].dtype().size()));
        let header = header(keys, values, &places, notes);
        if header.len() as u64 > MAX_HEADER {
            let (weights, length) = (keys.len(), header.len());
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the names of {weights} weights and the metadata take {length} bytes, over \
                 {MAX_HEADER}"
                ),
            ));
        }
        Ok(Pieces { header, values, places })
    }

    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        file.write_all(&(self.header.len() as u64).to_le_bytes())?;
        file.write_all(self.header.as_bytes())?;
        self.places.iter().try_for_each(|&i| write_values(self.values[i].values(), file))
    }
}

/// The names of the variables in a file: their paths, and a number where several have the same.
fn keys(variables: &[Variable]) -> Vec<String> {
    let mut taken = HashSet::from([METADATA.to_string()]);
    let key = |variable: &Variable| {
        let path = variable.path();
        let numbered = (2..).map(|n| format!("{path}#{n}"));
        let mut candidates = std::iter::once(path.to_string()).chain(numbered);
        candidates.find(|key| taken.insert(key.clone())).expect("numbers do not end")
    };
    variables.iter().map(key).collect()
}

fn header(keys: &[String], values: &[Array], places: &[usize], notes: &Notes) -> String {
    let mut header = Map::new();
    let order = json!(keys).to_string();
    let mut metadata = Map::new();
    metadata.insert("format".into(), json!(FORMAT));
    metadata.insert("version".into(), json!(VERSION));
    metadata.insert("order".into(), json!(order));
    let notes = notes.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
    metadata.extend(notes.map(|(key, text)| (key.clone(), json!(text))));
    header.insert(METADATA.into(), Value::Object(metadata));
    let mut start = 0;
    for &i in places {
        let end = start + values[i].len() * values[i].dtype().size();
        let dtype = match values[i].dtype() {
            DType::F32 => "F32",
            DType::I32 => "I32",
            DType::U8 => "U8",
            DType::Bool => "BOOL",
        };
        let shape = values[i].shape();
        let info = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        header.insert(keys[i].clone(), info);
        start = end;
    }
    let mut text = Value::Object(header).to_string();
    // The values begin at a multiple of 8.
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    text
}

/// Reads values for variables from a file, in the order of the variables, and what the file says
/// about them.
///
/// They are found by their names. Where these differ because the layers were numbered differently
/// (`dense_3` for `dense`), but the weights are as many and have, in order, the same names within
/// their layers, shapes and types, they are found by their order.
///
/// # Errors
/// If the file is no safetensors file, is cut short or damaged, lacks a weight, has one too many,
/// or one has another shape or type. The errors do not name the file.
pub(crate) fn load_safetensors(path: &Path, variables: &[Variable]) -> Result<(Vec<Array>, Notes)> {
    let (reader, len) = raw::open(path)?;
    let mut file = WeightsFile::new(reader, len)?;
    Ok((load(&mut file, variables)?, file.notes()))
}

/// Reads all arrays of a file, by their keys, and what the file says about them.
///
/// # Errors
/// If the file is no safetensors file, is cut short or damaged, or holds numbers of other types
/// than `float32`, `int32`, `uint8` and `bool`. The errors do not name the file.
pub(crate) fn load_arrays(path: &Path) -> Result<(BTreeMap<String, Array>, Notes)> {
    let (reader, len) = raw::open(path)?;
    let mut file = WeightsFile::new(reader, len)?;
    let keys = file.metadata.offset_keys().into_iter();
    let arrays = keys.map(|key| file.values(&key).map(|array| (key, array)));
    Ok((arrays.collect::<Result<_>>()?, file.notes()))
}

/// An array of a file that somebody may have written.
pub(crate) struct Listed {
    pub name: String,
    pub shape: Vec<usize>,
    /// The type by NumPy's name.
    pub dtype: String,
    pub bytes: u64,
    /// The values, if Cornu has their type.
    pub array: Result<Array>,
}

/// Reads all arrays of a file, in its order, and what the file says about them.
///
/// # Errors
/// If the file is no safetensors file, is cut short or damaged. The errors do not name the file.
pub(crate) fn list_arrays(path: &Path) -> Result<(Vec<Listed>, Notes)> {
    let (reader, len) = raw::open(path)?;
    let mut file = WeightsFile::new(reader, len)?;
    let names = file.order().unwrap_or_else(|| file.metadata.offset_keys());
    let list = |name: String| {
        let info = file.info(&name)?;
        let ((start, end), shape, dtype) = (info.data_offsets, info.shape.clone(), info.dtype);
        let (array, dtype) = (file.values(&name), name_of(dtype));
        Ok(Listed { name, shape, dtype, bytes: (end - start) as u64, array })
    };
    Ok((names.into_iter().map(list).collect::<Result<_>>()?, file.notes()))
}

/// NumPy's name of a type: `float16`.
fn name_of(dtype: Dtype) -> String {
    let short = format!("{dtype:?}");
    let (letter, rest) = short.split_at(1);
    match (letter, rest) {
        _ if short == "BF16" => "bfloat16".into(),
        ("F", bits) if !bits.contains('_') => format!("float{bits}"),
        ("I", bits) => format!("int{bits}"),
        ("U", bits) => format!("uint{bits}"),
        _ => short.to_lowercase(),
    }
}

/// Reads what a file says about its weights, and none of the weights.
///
/// # Errors
/// If the file is no safetensors file, is cut short or damaged. The errors do not name the file.
pub(crate) fn load_notes(path: &Path) -> Result<Notes> {
    let (reader, len) = raw::open(path)?;
    Ok(WeightsFile::new(reader, len)?.notes())
}

fn load<R: Read + Seek>(file: &mut WeightsFile<R>, variables: &[Variable]) -> Result<Vec<Array>> {
    let names = file.names_of(variables)?;
    for (name, variable) in names.iter().zip(variables) {
        file.check(name, variable)?;
    }
    names.iter().map(|name| file.values(name)).collect()
}

/// Reads everything in the bytes that [`safetensors_bytes`] gave, with the names, in the order in which
/// it was given.
///
/// # Errors
/// If the file is no safetensors file, is cut short or damaged, or was not written by Cornu. The
/// errors do not name the file.
pub(crate) fn read_safetensors(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let mut file = WeightsFile::new(Cursor::new(bytes), bytes.len() as u64)?;
    let order = file.order().ok_or_else(|| Error::file("it was not written by Cornu"))?;
    let values = order.into_iter().map(|name| Ok((name.clone(), file.values(&name)?)));
    values.collect()
}

/// A safetensors file whose header was read and checked.
struct WeightsFile<R> {
    reader: R,
    metadata: Metadata,
    /// Where the values begin.
    start: u64,
}

impl<R: Read + Seek> WeightsFile<R> {
    fn new(mut reader: R, len: u64) -> Result<WeightsFile<R>> {
        let header = read_header(&mut reader, len)?;
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|e| Error::file(format!("the header of the weights is damaged: {e}")))?;
        let start = 8 + header.len() as u64;
        let (expected, found) = (metadata.data_len() as u64, len - start);
        if found < expected {
            return Err(Error::file(format!(
                "cut short: expected {expected} bytes of values, found {found}"
            )));
        }
        if found > expected {
            let extra = found - expected;
            return Err(Error::file(format!("{extra} bytes follow the values, expected none")));
        }
        let file = WeightsFile { reader, metadata, start };
        match (file.note("format"), file.note("version")) {
            (Some(FORMAT), Some(version)) if version != VERSION => Err(Error::new(
                ErrorKind::Unsupported,
                format!("the file has version {version} of Cornu's weights, expected {VERSION}"),
            )
            .help("load it with the newer Cornu that wrote it")),
            _ => Ok(file),
        }
    }

    /// What the metadata says about something.
    fn note(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// All that the metadata says, but for what the format needs itself.
    fn notes(&self) -> Notes {
        let notes = self.metadata.metadata().iter().flatten();
        let notes = notes.filter(|(key, _)| check_note(key).is_ok());
        notes.map(|(key, text)| (key.clone(), text.clone())).collect()
    }

    fn info(&self, name: &str) -> Result<&TensorInfo> {
        self.metadata
            .info(name)
            .ok_or_else(|| Error::file(format!("the file lacks the weight '{}'", short(name))))
    }

    /// The names that the weights of the variables have in this file.
    fn names_of(&self, variables: &[Variable]) -> Result<Vec<String>> {
        let keys = keys(variables);
        let present = self.metadata.offset_keys();
        if keys.len() == present.len() && keys.iter().all(|k| self.metadata.info(k).is_some()) {
            return Ok(keys);
        }
        if let Some(order) = self.in_order(variables) {
            return Ok(order);
        }
        match keys.iter().find(|key| self.metadata.info(key).is_none()) {
            Some(missing) => Err(lacks(missing, &present, keys.len())),
            None => {
                let keys: HashSet<&String> = keys.iter().collect();
                let extra = present.iter().find(|name| !keys.contains(name));
                Err(Error::new(
                    ErrorKind::Name,
                    format!(
                        "the file has the weight '{}', which the model lacks ({} in the file, {} \
                         in the model)",
                        short(extra.map_or("", String::as_str)),
                        present.len(),
                        keys.len()
                    ),
                ))
            }
        }
    }

    /// The names in the order in which they were saved, each of them once.
    fn order(&self) -> Option<Vec<String>> {
        let order: Vec<String> = serde_json::from_str(self.note("order")?).ok()?;
        let distinct: HashSet<&String> = order.iter().collect();
        let present = self.metadata.offset_keys().len();
        let is_whole = [order.len(), distinct.len()] == [present; 2]
            && order.iter().all(|name| self.metadata.info(name).is_some());
        is_whole.then_some(order)
    }

    /// The names in the order in which they were saved, if the variables agree with it.
    fn in_order(&self, variables: &[Variable]) -> Option<Vec<String>> {
        let order = self.order().filter(|order| order.len() == variables.len())?;
        let agrees = |(name, variable): (&String, &Variable)| {
            let own = name.rsplit('/').next().and_then(|own| own.split('#').next());
            own == variable.name().split('#').next() && self.check(name, variable).is_ok()
        };
        order.iter().zip(variables).all(agrees).then_some(order)
    }

    /// Checks that a weight of the file has the type of a variable.
    fn check(&self, name: &str, variable: &Variable) -> Result<()> {
        let info = self.info(name)?;
        let TensorType { dtype, shape } = variable.ty();
        let dtype_in_file = number(info.dtype).map(|(_, dtype)| dtype);
        if dtype_in_file == Some(*dtype) && info.shape == variable.shape() {
            return Ok(());
        }
        let found = dtype_in_file.map_or_else(|| format!("{:?}", info.dtype), |d| d.to_string());
        let kind = if info.shape == variable.shape() { ErrorKind::DType } else { ErrorKind::Shape };
        let in_file = Shape::from(info.shape.as_slice());
        let path = short(variable.path());
        Err(Error::new(
            kind,
            format!("weight '{path}' is {dtype}{shape}, but in the file it is {found}{in_file}"),
        ))
    }

    fn values(&mut self, name: &str) -> Result<Array> {
        let info = self.info(name)?;
        let (start, end) = info.data_offsets;
        let (number, _) = number(info.dtype).ok_or_else(|| {
            Error::file(format!("it holds {}, which Cornu does not read", name_of(info.dtype)))
                .help("convert it before saving: tensor.float()")
        })?;
        let shape = info.shape.clone();
        self.reader.seek(SeekFrom::Start(self.start + start as u64)).map_err(raw::broken)?;
        let room = Room::plain((end - start) as u64);
        raw::read_array(&mut self.reader, number, false, shape, room)
    }
}

/// The types that weights can have.
fn number(dtype: Dtype) -> Option<(Number, DType)> {
    match dtype {
        Dtype::F32 => Some((Number::F32, DType::F32)),
        Dtype::I32 => Some((Number::I32, DType::I32)),
        Dtype::U8 => Some((Number::U8, DType::U8)),
        Dtype::BOOL => Some((Number::Bool, DType::Bool)),
        _ => None,
    }
}

/// Reads the JSON at the beginning of the file.
fn read_header(reader: &mut impl Read, len: u64) -> Result<Vec<u8>> {
    let mut start = [0; 9];
    let found = raw::fill(reader, &mut start)?;
    let wrong = |what: String| {
        let found = raw::describe(&start[..found]);
        Error::file(format!("not a safetensors file: {what}, found {found}"))
    };
    let Some(length) = start[..found].first_chunk().copied().map(u64::from_le_bytes) else {
        return Err(wrong("expected 8 bytes and a header".into()));
    };
    if length > MAX_HEADER {
        return Err(wrong(format!(
            "expected it to begin with the length of its header, at most {MAX_HEADER}"
        )));
    }
    if found < 9 || length > len - 8 {
        let found = len.saturating_sub(8);
        let message = format!("cut short: expected {length} bytes of header, found {found}");
        return Err(Error::file(message));
    }
    if start[8] != b'{' || length == 0 {
        return Err(wrong("expected a header in JSON".into()));
    }
    let mut header = vec![0; length as usize];
    header[0] = start[8];
    raw::read_header(reader, &mut header[1..])?;
    Ok(header)
}

fn lacks(missing: &str, present: &[String], wanted: usize) -> Error {
    let likeness = |name: &String| strsim::jaro_winkler(missing, name);
    let nearest = present.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let message = format!("the file lacks the weight '{}'", short(missing));
    let error = Error::new(ErrorKind::Name, message);
    match nearest {
        None => error.help("the file holds no weights at all"),
        Some(nearest) => error.help(format!(
            "the nearest name in the file is '{}'; the file has {} weights, the model {wanted}",
            short(nearest),
            present.len()
        )),
    }
}

#[cfg(test)]
mod tests;
