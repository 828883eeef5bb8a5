//! Indexes in files: safetensors with the rows and the texts. Of a graph there are the settings only:
//! its links are made anew, so that none has to be trusted.

use super::hnsw::{Graph, Hnsw};
use super::{Index, Measure};
use crate::saving::{Notes, load_arrays, save_arrays};
use cornu_graph::{Array, DType, Error, Result, Shape};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What the metadata says of a file that holds an index.
const KIND: &str = "index";

impl Index {
    /// Writes the index to a safetensors file, with its columns. Other programs find the embeddings
    /// in it under the name `rows` (of length 1, if the cosine is measured).
    ///
    /// # Errors
    /// If the file cannot be written. A file that was there is as it was then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut file: Vec<(String, Array)> = vec![("rows".into(), self.rows()?)];
        let names: Vec<&String> = self.columns.iter().map(|(name, _)| name).collect();
        for (i, (_, texts)) in self.columns.iter().enumerate() {
            let bytes = json!(texts).to_string().into_bytes();
            file.push((format!("column/{i}"), Array::new([bytes.len()], bytes)?));
        }
        let mut about = json!({ "measure": self.measure.name(), "columns": names });
        if let Some(graph) = &self.graph {
            let Hnsw { build_width, search_width, seed } = *graph.settings();
            about["hnsw"] = json!({
                "build_width": build_width,
                "search_width": search_width,
                "seed": seed,
            });
        }
        let notes = Notes::from([
            ("kind".to_owned(), KIND.to_owned()),
            (KIND.to_owned(), about.to_string()),
        ]);
        let (keys, values): (Vec<String>, Vec<Array>) = file.into_iter().unzip();
        save_arrays(path.as_ref(), &keys, &values, &notes)
    }

    /// Reads an index that [`Index::save`] wrote. Everything in the file is checked, and the graph of
    /// an approximate index is built anew: the same graph, in the same time.
    ///
    /// # Errors
    /// If the file is no index, is cut short or damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Index> {
        let path = path.as_ref();
        load(path).map_err(|error| error.within(path.display().to_string()))
    }

    /// All rows in one array.
    fn rows(&self) -> Result<Array> {
        let mut values = Vec::with_capacity(self.len() * self.width);
        for block in &self.blocks {
            values.extend_from_slice(block.as_slice::<f32>()?);
        }
        Array::new([self.len(), self.width], values)
    }
}

fn load(path: &Path) -> Result<Index> {
    let (arrays, notes) = load_arrays(path)?;
    if notes.get("kind").map(String::as_str) != Some(KIND) {
        return Err(Error::file("the file holds no index")
            .help("Index::save writes one; weights are read with model.load_weights"));
    }
    let file = IndexFile { arrays };
    let about = notes.get(KIND).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let about = about.ok_or_else(|| damaged("what it says about itself is no JSON"))?;
    let measure = about["measure"].as_str().and_then(|name| name.parse().ok());
    let measure = measure.ok_or_else(|| damaged("it does not say how it measures"))?;

    let mut index = Index::with_rows(file.array("rows", DType::F32)?, measure)?;
    let is_unit = |&length: &f32| length == 0.0 || (length - 1.0).abs() < 1e-3;
    if measure == Measure::Cosine && !index.lengths.iter().all(is_unit) {
        return Err(damaged("its rows are not of length 1"));
    }
    let names =
        about["columns"].as_array().ok_or_else(|| damaged("it does not name its columns"))?;
    for (i, name) in names.iter().enumerate() {
        let name = name.as_str().ok_or_else(|| damaged("a column has no name"))?;
        let texts = file.array(&format!("column/{i}"), DType::U8)?.as_slice::<u8>()?;
        let texts = serde_json::from_slice(texts)
            .map_err(|_| damaged(&format!("column '{name}' is no list of texts")))?;
        index = index.with_column(name, texts)?;
    }
    if !about["hnsw"].is_null() {
        if measure == Measure::Dot {
            return Err(damaged("its graph does not go with its measure"));
        }
        index.graph = Some(Graph::build(&index, settings(&about["hnsw"])?)?);
    }
    Ok(index)
}

fn damaged(what: &str) -> Error {
    Error::file(format!("the index is damaged: {what}"))
}

/// The settings of the graph.
fn settings(about: &Value) -> Result<Hnsw> {
    let number = |name: &str| about[name].as_u64();
    let size = |name: &str| usize::try_from(number(name)?).ok();
    let settings = || {
        let [build, search] = [size("build_width")?, size("search_width")?];
        Some(Hnsw::default().build_width(build).search_width(search).seed(number("seed")?))
    };
    settings().ok_or_else(|| damaged("its settings are incomplete"))
}

/// The arrays of the file.
struct IndexFile {
    arrays: BTreeMap<String, Array>,
}

impl IndexFile {
    fn array(&self, name: &str, dtype: DType) -> Result<&Array> {
        let array = self.arrays.get(name);
        let array = array.ok_or_else(|| damaged(&format!("it lacks the array '{name}'")))?;
        if array.dtype() == dtype && (name == "rows" || array.shape().len() == 1) {
            return Ok(array);
        }
        let (found, shape) = (array.dtype(), Shape::from(array.shape()));
        Err(damaged(&format!("'{name}' is {found}{shape}, not {dtype}")))
    }
}
