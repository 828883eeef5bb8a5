//! A navigable small world: a graph in which each row is linked to near ones, so that a walk along
//! the links comes to the nearest (Malkov and Yashunin, "Efficient and robust approximate nearest
//! neighbor search using Hierarchical Navigable Small World graphs", 2018). The graph is that of the
//! crate `instant-distance`.
//!
//! Several threads would link the rows in an order that is another each time, so one thread builds
//! the graph: the seed alone decides it. It is never read from a file: an index that is loaded links
//! its rows anew, and no stranger's link is ever followed.

use super::nearest::{Near, parallel, squared_distance};
use super::{BLOCK, Index, Measure, exact};
use crate::backend;
use cornu_graph::{Array, Error, Result};
use instant_distance::{Builder, Search};
use std::sync::Arc;

/// The settings of an approximate index. The defaults suit up to some million embeddings.
///
/// ```
/// use cornu::search::Hnsw;
///
/// let careful = Hnsw::default().build_width(200).search_width(200).seed(7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hnsw {
    pub(super) build_width: usize,
    pub(super) search_width: usize,
    pub(super) seed: u64,
}

impl Default for Hnsw {
    fn default() -> Hnsw {
        Hnsw { build_width: 100, search_width: 100, seed: 1 }
    }
}

impl Hnsw {
    /// How many near rows are looked at to choose the links of a row from, 1 to 2000. More find
    /// more, and take more time to build. 100 unless said otherwise.
    pub fn build_width(mut self, build_width: usize) -> Hnsw {
        self.build_width = build_width;
        self
    }

    /// How many near rows a search keeps, 1 to 1,048,576. More find more, and take more time. A
    /// search for more rows than this looks at all. 100 unless said otherwise.
    pub fn search_width(mut self, search_width: usize) -> Hnsw {
        self.search_width = search_width;
        self
    }

    /// Decides in which order rows are linked, and which are on the upper levels.
    pub fn seed(mut self, seed: u64) -> Hnsw {
        self.seed = seed;
        self
    }

    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<()> {
        for (name, value, most) in
            [("build_width", self.build_width, 2000), ("search_width", self.search_width, 1 << 20)]
        {
            if !(1..=most).contains(&value) {
                return Err(Error::value(format!("{name} must be from 1 to {most}, not {value}")));
            }
        }
        Ok(())
    }
}

/// The graph.
#[derive(Clone)]
pub(super) struct Graph {
    settings: Hnsw,
    graph: Arc<instant_distance::Hnsw<Point>>,
    /// The row of each point of the graph.
    pub(super) rows: Arc<[u32]>,
}

/// A row as the graph holds it: where its numbers are.
#[derive(Clone)]
struct Point {
    blocks: Arc<[Array]>,
    row: u32,
    width: u32,
    /// A row of zeros, if the cosine is measured.
    has_no_direction: bool,
}

impl Point {
    fn values(&self) -> &[f32] {
        let (row, width) = (self.row as usize, self.width as usize);
        let block = self.blocks[row / BLOCK].as_slice::<f32>().expect("rows are float32");
        &block[row % BLOCK * width..][..width]
    }
}

impl instant_distance::Point for Point {
    /// The squared distance. Of rows of length 1 it grows as their cosine falls, and is 2 where that
    /// is 0.
    fn distance(&self, other: &Point) -> f32 {
        match self.has_no_direction || other.has_no_direction {
            true => 2.0,
            false => squared_distance(self.values(), other.values()),
        }
    }
}

/// The rows of some blocks, as points.
fn points(blocks: &[Array], count: usize, width: usize, measure: Measure) -> Vec<Point> {
    let blocks: Arc<[Array]> = blocks.into();
    let point = |row: usize| {
        // An index of many rows so wide does not fit into memory.
        let (row, width) = (row as u32, width as u32);
        let mut point = Point { blocks: Arc::clone(&blocks), row, width, has_no_direction: false };
        point.has_no_direction =
            measure == Measure::Cosine && point.values().iter().all(|&value| value == 0.0);
        point
    };
    (0..count).map(point).collect()
}

impl Graph {
    pub fn settings(&self) -> &Hnsw {
        &self.settings
    }

    /// Links all rows of an index.
    ///
    /// # Errors
    /// If the settings are out of range, or the system gives no thread.
    pub fn build(index: &Index, settings: Hnsw) -> Result<Graph> {
        settings.check()?;
        let points = points(&index.blocks, index.len(), index.width, index.measure);
        let builder = Builder::default()
            .ef_construction(settings.build_width)
            .ef_search(settings.search_width)
            .seed(settings.seed);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let one = one.map_err(|e| Error::state(format!("no thread to link the rows: {e}")))?;
        let (graph, ids) = one.install(|| builder.build_hnsw(points));
        let mut rows = vec![0; ids.len()];
        for (row, id) in ids.iter().enumerate() {
            rows[id.into_inner() as usize] = row as u32;
        }
        Ok(Graph { settings, graph: Arc::new(graph), rows: rows.into() })
    }

    /// The rows nearest to each query, at least `k` of them: if the graph does not lead to as many,
    /// all rows are looked at.
    pub fn search_all(&self, index: &Index, queries: &Array, k: usize) -> Result<Vec<Vec<Near>>> {
        let values = queries.as_slice::<f32>()?;
        let numbers = |query: usize| &values[query * index.width..][..index.width];
        if k > self.settings.search_width {
            let all = |query| exact::one_by_one(index, numbers(query), k);
            return Ok((0..queries.rows()).map(all).collect());
        }
        let starts = (0..queries.rows()).step_by(BLOCK);
        let block = |start| queries.slice_rows(start, (start + BLOCK).min(queries.rows()));
        let blocks = starts.map(block).collect::<Result<Vec<_>>>()?;
        let points = points(&blocks, queries.rows(), index.width, index.measure);
        let search = |query: usize, search: &mut Search| {
            let found = self.graph.search(&points[query], search);
            let near = |key, place: u32| Near { key, row: self.rows[place as usize] };
            let found: Vec<Near> =
                found.map(|item| near(item.distance, item.pid.into_inner())).collect();
            if found.len() < k { exact::one_by_one(index, numbers(query), k) } else { found }
        };
        Ok(parallel(queries.rows(), backend::threads(), Search::default, search))
    }
}
