//! Search: which embeddings are nearest to a given one.
//!
//! An embedding is what a tower of a siamese network makes of a sample: a row of numbers, near that
//! of another sample if the two are alike. An [`Index`] holds many of them and finds the nearest to a
//! query, by looking at all ([`Index::exact`]) or at some ([`Index::approximate`]).
//!
//! ```
//! use cornu::prelude::*;
//! use cornu::search::{Index, Measure};
//!
//! // Two people, and a face to be recognized.
//! let known = Array::new([3, 2], vec![0.0f32, 0.1, 0.0, 0.2, 5.0, 5.0])?;
//! let people = ["Ada", "Ada", "Grace"].map(String::from).to_vec();
//! let index = Index::exact(&known, Measure::Euclidean)?.with_column("name", people)?;
//!
//! let face = Array::new([2], vec![0.0f32, 0.0])?;
//! let hits = index.search(&face, 2)?;
//! assert_eq!((hits[0].row, hits[0].score), (0, 0.1));
//!
//! // Nobody is known who looks like this.
//! assert_eq!(index.identify(&face, 3, 0.5, "name")?, Some("Ada"));
//! let stranger = Array::new([2], vec![2.0f32, 2.0])?;
//! assert_eq!(index.identify(&stranger, 3, 0.5, "name")?, None);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! # Exact or approximate
//!
//! Exact search takes time in proportion to the rows, but it runs on the matrix kernels: thousands of
//! queries among some ten thousand rows take seconds. An approximate index takes time to build and
//! misses a few of the nearest; a query then takes a small part of a millisecond, however many the
//! rows. With a million rows, or where each query comes alone and has to be answered at once, build
//! one.
//!
//! One thread builds it, in some seconds for ten thousand rows and more than in proportion for more,
//! and builds it again when it is loaded from a file: a program that answers queries does so once, at
//! its start.

mod exact;
mod file;
mod hnsw;
mod nearest;

pub use hnsw::Hnsw;

use crate::backend;
use cornu_graph::{Array, DType, Error, Result, Shape};
use hnsw::Graph;
use nearest::{Near, dot, parallel};
use std::fmt;
use std::str::FromStr;

/// What makes two embeddings near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The Euclidean distance, from 0 for equals: what contrastive and triplet losses train.
    Euclidean,
    /// The cosine of the angle, 1 for the same direction down to -1 for the opposite. An embedding
    /// of zeros has no direction: its cosine to all others is 0.
    Cosine,
    /// The dot product: the larger the nearer.
    Dot,
}

impl Measure {
    /// The distance, the cosine or the dot product of two embeddings of one width.
    pub fn between(self, a: &[f32], b: &[f32]) -> f64 {
        let pairs = a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        match self {
            Measure::Euclidean => pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt(),
            Measure::Cosine => {
                let (product, a, b) = pairs.fold((0.0, 0.0, 0.0), |(product, aa, bb), (a, b)| {
                    (product + a * b, aa + a * a, bb + b * b)
                });
                let lengths: f64 = (a * b).sqrt();
                if lengths == 0.0 { 0.0 } else { (product / lengths).clamp(-1.0, 1.0) }
            }
            Measure::Dot => pairs.map(|(a, b)| a * b).sum(),
        }
    }

    /// Whether a score is near enough for a threshold: a distance below it, or a likeness (a cosine
    /// or a dot product) of at least that.
    pub fn accepts(self, score: f32, threshold: f32) -> bool {
        match self {
            Measure::Euclidean => score < threshold,
            Measure::Cosine | Measure::Dot => score >= threshold,
        }
    }

    /// The name, as files and command lines have it: `"euclidean"`. `"euclidean".parse()` gives the
    /// measure.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Euclidean => "euclidean",
            Measure::Cosine => "cosine",
            Measure::Dot => "dot",
        }
    }
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(name: &str) -> Result<Measure> {
        let all = [Measure::Euclidean, Measure::Cosine, Measure::Dot];
        let found = all.into_iter().find(|measure| measure.name() == name);
        found.ok_or_else(|| crate::names::unknown("measure", name, all.map(Measure::name)))
    }
}

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Which row of the embeddings it is.
    pub row: usize,
    /// The distance, the cosine or the dot product, as the index measures.
    pub score: f32,
}

/// Embeddings to search among.
#[derive(Clone)]
pub struct Index {
    /// `float32 (rows, width)` in blocks of [`BLOCK`] rows; of length 1 if the cosine is measured.
    blocks: Vec<Array>,
    /// The squared lengths of the rows.
    lengths: Vec<f32>,
    width: usize,
    measure: Measure,
    graph: Option<Graph>,
    /// Texts for each row, by name.
    columns: Vec<(String, Vec<String>)>,
}

/// Rows of a block. What one product of blocks writes should stay in the cache.
const BLOCK: usize = 4096;

/// Rows beyond this do not fit the numbers that the graph holds.
const MAX_ROWS: usize = i32::MAX as usize;

impl Index {
    /// An index that looks at every row: it finds the nearest without fail.
    ///
    /// # Errors
    /// If the embeddings are not `(rows, width)`, are none, or hold a number that is not finite or
    /// too large to be squared.
    pub fn exact(embeddings: &Array, measure: Measure) -> Result<Index> {
        let mut index = Index::with_rows(embeddings, measure)?;
        if measure == Measure::Cosine {
            index.make_unit();
        }
        Ok(index)
    }

    /// An index that follows a graph of neighbours (HNSW) and looks at few rows: it may miss some of
    /// the nearest. The same seed gives the same index, with any number of threads, for one of them
    /// builds it: some seconds for ten thousand rows.
    ///
    /// # Errors
    /// As [`Index::exact`], if the settings are out of range, if the system gives no thread, and for
    /// dot products: the graph leads to the nearest where nearness is a distance or an angle.
    pub fn approximate(embeddings: &Array, measure: Measure, settings: Hnsw) -> Result<Index> {
        settings.check()?;
        if measure == Measure::Dot {
            return Err(Error::value("approximate search does not measure by dot products")
                .help("use Measure::Cosine, or Index::exact"));
        }
        let mut index = Index::exact(embeddings, measure)?;
        index.graph = Some(Graph::build(&index, settings)?);
        Ok(index)
    }

    /// The rows as they are.
    fn with_rows(embeddings: &Array, measure: Measure) -> Result<Index> {
        let (rows, width) = match *embeddings.shape() {
            [rows, width] if rows > 0 && width > 0 => (rows, width),
            _ => {
                let shape = Shape::from(embeddings.shape());
                let message =
                    format!("embeddings are (rows, width) with at least one, not {shape}");
                return Err(Error::shape(message));
            }
        };
        if rows > MAX_ROWS {
            return Err(Error::data(format!("an index holds at most {MAX_ROWS} rows, not {rows}")));
        }
        let embeddings = embeddings.cast(DType::F32);
        let lengths = lengths(&embeddings, width, "row")?;
        let starts = (0..rows).step_by(BLOCK);
        let blocks = starts.map(|start| embeddings.slice_rows(start, (start + BLOCK).min(rows)));
        let blocks = blocks.collect::<Result<_>>()?;
        Ok(Index { blocks, lengths, width, measure, graph: None, columns: vec![] })
    }

    /// Makes all rows as long as 1, but for those of zeros.
    fn make_unit(&mut self) {
        for (block, lengths) in self.blocks.iter_mut().zip(self.lengths.chunks_mut(BLOCK)) {
            let values = block.as_mut_slice::<f32>().expect("rows are float32");
            for (row, length) in values.chunks_exact_mut(self.width).zip(lengths) {
                *length = scale_to_unit(row);
            }
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are no rows. An index has at least one.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// How many numbers an embedding has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How nearness is measured.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Whether this is an approximate index.
    pub fn is_approximate(&self) -> bool {
        self.graph.is_some()
    }

    /// Keeps a text with every row: its label, the path of its image. [`Index::save`] keeps it too.
    ///
    /// # Errors
    /// If there are not as many texts as rows, or there is a column of this name.
    pub fn with_column(mut self, name: impl Into<String>, texts: Vec<String>) -> Result<Index> {
        let name = name.into();
        if texts.len() != self.len() {
            let (texts, rows) = (texts.len(), self.len());
            return Err(Error::data(format!("column '{name}' has {texts} texts for {rows} rows")));
        }
        if self.columns.iter().any(|(known, _)| *known == name) {
            return Err(Error::value(format!("there is a column '{name}' already")));
        }
        self.columns.push((name, texts));
        Ok(self)
    }

    /// The texts of a column, one for each row.
    ///
    /// # Errors
    /// If there is no column of this name.
    pub fn column(&self, name: &str) -> Result<&[String]> {
        let found = self.columns.iter().find(|(known, _)| known == name);
        let known = self.columns.iter().map(|(known, _)| known.as_str());
        let unknown = || crate::names::unknown("column", name, known);
        found.map(|(_, texts)| texts.as_slice()).ok_or_else(unknown)
    }

    /// The `k` rows nearest to one query, the nearest first; of equally near ones that which comes
    /// first. All rows, if there are fewer than `k`.
    ///
    /// # Errors
    /// If `k` is 0, or the query is not one embedding of the index's width with finite numbers.
    pub fn search(&self, query: &Array, k: usize) -> Result<Vec<Hit>> {
        let one = query.reshape([1, query.len()])?;
        if !matches!(query.shape(), [_] | [1, _]) {
            return Err(Error::shape(format!(
                "one query is (width,) or (1, width), not {}",
                Shape::from(query.shape())
            ))
            .help("search_all takes several"));
        }
        Ok(self.search_all(&one, k)?.swap_remove(0))
    }

    /// The `k` rows nearest to each of several queries, `(queries, width)`.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn search_all(&self, queries: &Array, k: usize) -> Result<Vec<Vec<Hit>>> {
        if k == 0 {
            return Err(Error::value("k must be at least 1, not 0"));
        }
        let queries = self.prepared(queries)?;
        let k = k.min(self.len());
        let found = match &self.graph {
            Some(graph) => graph.search_all(self, &queries, k)?,
            None => exact::search_all(self, &queries, k)?,
        };
        let values = queries.as_slice::<f32>()?;
        let finish = |query: usize, (): &mut ()| {
            let row = &values[query * self.width..][..self.width];
            self.ranked(row, &found[query], k)
        };
        Ok(parallel(found.len(), backend::threads(), || (), finish))
    }

    /// The `k` nearest rows that are near enough for the threshold ([`Measure::accepts`]). None: the
    /// query is like nothing that is known.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn search_within(&self, query: &Array, k: usize, threshold: f32) -> Result<Vec<Hit>> {
        let mut hits = self.search(query, k)?;
        hits.retain(|hit| self.measure.accepts(hit.score, threshold));
        Ok(hits)
    }

    /// What a query is, by the rows near it: the text that most of the `k` nearest rows within the
    /// threshold have in a column; of texts that are equally many, that of the nearest row. `None` if
    /// no row is near enough.
    ///
    /// # Errors
    /// As [`Index::search`], and if there is no such column.
    pub fn identify(
        &self,
        query: &Array,
        k: usize,
        threshold: f32,
        column: &str,
    ) -> Result<Option<&str>> {
        let texts = self.column(column)?;
        let mut votes: Vec<(&str, usize)> = vec![];
        for hit in self.search_within(query, k, threshold)? {
            let text = texts[hit.row].as_str();
            match votes.iter_mut().find(|(known, _)| *known == text) {
                Some((_, count)) => *count += 1,
                None => votes.push((text, 1)),
            }
        }
        let most = votes.iter().map(|(_, count)| *count).max();
        Ok(votes.iter().find(|(_, count)| Some(*count) == most).map(|(text, _)| *text))
    }

    /// Checks queries, and makes them unit if the cosine is measured.
    fn prepared(&self, queries: &Array) -> Result<Array> {
        if queries.shape().len() != 2 || queries.shape()[1] != self.width {
            return Err(Error::shape(format!(
                "the index holds embeddings of {} numbers, but the queries are {}",
                self.width,
                Shape::from(queries.shape())
            )));
        }
        let mut queries = queries.cast(DType::F32);
        lengths(&queries, self.width, "query")?;
        if self.measure == Measure::Cosine {
            let values = queries.as_mut_slice::<f32>()?;
            values.chunks_exact_mut(self.width).for_each(|query| {
                scale_to_unit(query);
            });
        }
        Ok(queries)
    }

    /// A row.
    fn row(&self, row: usize) -> &[f32] {
        let block = self.blocks[row / BLOCK].as_slice::<f32>().expect("rows are float32");
        &block[row % BLOCK * self.width..][..self.width]
    }

    /// The candidates measured again, exactly, and the best `k` of them in order.
    fn ranked(&self, query: &[f32], candidates: &[Near], k: usize) -> Vec<Hit> {
        let measured = candidates.iter().map(|near| {
            let row = near.row as usize;
            (self.measure.between(query, self.row(row)), row)
        });
        let mut measured: Vec<(f64, usize)> = measured.collect();
        let sign = if self.measure == Measure::Euclidean { 1.0 } else { -1.0 };
        measured.sort_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(&b.1)));
        measured.truncate(k);
        measured.into_iter().map(|(score, row)| Hit { row, score: score as f32 }).collect()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("rows", &self.len())
            .field("width", &self.width)
            .field("measure", &self.measure)
            .field("approximate", &self.graph.as_ref().map(Graph::settings))
            .field("columns", &self.columns.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The squared length of each row.
///
/// # Errors
/// If a number is not finite, or so large that distances would not be.
fn lengths(rows: &Array, width: usize, what: &str) -> Result<Vec<f32>> {
    let values = rows.as_slice::<f32>()?;
    let lengths = values.chunks_exact(width).enumerate().map(|(i, row)| {
        let length = dot(row, row);
        match length < f32::MAX / 8.0 {
            true => Ok(length),
            false if row.iter().all(|value| value.is_finite()) => {
                Err(Error::data(format!("{what} {i} has numbers too large to be squared")))
            }
            false => Err(Error::new(
                cornu_graph::ErrorKind::NotFinite,
                format!("{what} {i} has a number that is not finite"),
            )),
        }
    });
    lengths.collect()
}

/// Divides a row by its length, and tells the squared length that it has then: 1, or 0.
fn scale_to_unit(row: &mut [f32]) -> f32 {
    let length = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length == 0.0 {
        return 0.0;
    }
    row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    1.0
}

#[cfg(test)]
mod tests;
