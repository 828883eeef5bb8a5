//! A navigable small world: a graph in which each row is linked to near ones, so that a walk along
//! the links comes to the nearest (Malkov and Yashunin, "Efficient and robust approximate nearest
//! neighbor search using Hierarchical Navigable Small World graphs", 2018).
//!
//! All rows are on level 0, a few of them on level 1, few of those on level 2. A search walks down
//! from the top, where steps are long, and looks around more widely on level 0.
//!
//! The crates for it were weighed: none gives the same graph for the same seed with several threads,
//! or lets what was read from a file be checked before it is walked. Here rows are inserted in
//! batches. What a batch finds and links depends on the graph before it and on the order of the rows
//! alone; the threads only share out the work.

use super::nearest::{Best, Near, parallel, squared_distance};
use super::{Index, exact};
use crate::backend;
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Error, Result};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The settings of an approximate index. The defaults suit up to some million embeddings.
///
/// ```
/// use cornu::search::Hnsw;
///
/// let careful = Hnsw::default().links(24).build_width(200).search_width(200).seed(7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hnsw {
    pub(super) links: usize,
    pub(super) build_width: usize,
    pub(super) search_width: usize,
    pub(super) seed: u64,
}

impl Default for Hnsw {
    fn default() -> Hnsw {
        Hnsw { links: 16, build_width: 100, search_width: 100, seed: 1 }
    }
}

impl Hnsw {
    /// How many links a row makes on each level, from 2 to 256; on level 0 it keeps twice as many.
    /// More find more, and take more memory. 16 unless said otherwise.
    pub fn links(mut self, links: usize) -> Hnsw {
        self.links = links;
        self
    }

    /// How many near rows are looked at to choose the links from. 100 unless said otherwise.
    pub fn build_width(mut self, build_width: usize) -> Hnsw {
        self.build_width = build_width;
        self
    }

    /// How many near rows a search keeps; at least as many as it is asked for. More find more, and
    /// take more time. 100 unless said otherwise.
    pub fn search_width(mut self, search_width: usize) -> Hnsw {
        self.search_width = search_width;
        self
    }

    /// Decides which rows are on the upper levels.
    pub fn seed(mut self, seed: u64) -> Hnsw {
        self.seed = seed;
        self
    }

    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("links", self.links, 256),
            ("build_width", self.build_width, 1 << 20),
            ("search_width", self.search_width, 1 << 20),
        ] {
            let least = if name == "links" { 2 } else { 1 };
            if !(least..=most).contains(&value) {
                return Err(Error::value(format!(
                    "{name} must be from {least} to {most}, not {value}"
                )));
            }
        }
        Ok(())
    }

    /// How many links a row keeps on a level.
    pub(super) fn most_links(&self, level: usize) -> usize {
        if level == 0 { 2 * self.links } else { self.links }
    }
}

/// No row is on a higher level: with two links that would take four billion rows.
pub(super) const MAX_LEVEL: usize = 32;

/// Rows that are inserted at once, at most.
const BATCH: usize = 128;

/// The links of a row: a list for each of its levels.
pub(super) type Links = Vec<Vec<u32>>;

/// The graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    settings: Hnsw,
    rows: Vec<Links>,
    /// The first row on the highest level: where searches begin.
    entry: u32,
}

/// What a thread remembers of a walk: a bit for each row, set if it was seen.
struct Walk(Vec<u64>);

impl Walk {
    fn new(rows: usize) -> Walk {
        Walk(vec![0; rows.div_ceil(64)])
    }

    fn begin(&mut self) {
        self.0.fill(0);
    }

    /// Whether a row is seen for the first time.
    fn is_new(&mut self, row: u32) -> bool {
        let (word, bit) = (&mut self.0[row as usize / 64], 1 << (row % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

impl Graph {
    pub fn settings(&self) -> &Hnsw {
        &self.settings
    }

    pub fn rows(&self) -> &[Links] {
        &self.rows
    }

    /// A graph of links that were checked.
    pub fn from_links(settings: Hnsw, rows: Vec<Links>) -> Graph {
        let mut graph = Graph { settings, rows, entry: 0 };
        graph.entry = graph.highest(graph.rows.len());
        graph
    }

    /// The first of the highest rows among the first so many.
    fn highest(&self, count: usize) -> u32 {
        let height = |&row: &usize| (self.rows[row].len(), Reverse(row));
        (0..count).max_by_key(height).unwrap_or(0) as u32
    }

    /// Links all rows of an index.
    pub fn build(index: &Index, settings: Hnsw) -> Graph {
        let mut random = Philox::new(settings.seed);
        let scale = 1.0 / (settings.links as f64).ln();
        let mut level = || ((-(1.0 - random.uniform()).ln() * scale) as usize).min(MAX_LEVEL - 1);
        let rows = (0..index.len()).map(|_| vec![vec![]; level() + 1]).collect();
        let mut graph = Graph { settings, rows, entry: 0 };
        let mut done = 1;
        while done < index.len() {
            let end = (done + (done / 8).clamp(1, BATCH)).min(index.len());
            graph.entry = graph.highest(done);
            graph.insert(index, done, end);
            done = end;
        }
        graph.entry = graph.highest(done);
        graph
    }

    /// Links the rows from `done` to `end` with those before them.
    fn insert(&mut self, index: &Index, done: usize, end: usize) {
        let threads = backend::threads();
        let walk = || Walk::new(index.len());
        let links = parallel(end - done, threads, walk, |i, walk| {
            self.links_of(index, done + i, done, walk)
        });
        // Each level and row, and the rows that now want to be linked from there.
        let mut wishes: Vec<(usize, u32, u32)> = vec![];
        for (i, links) in links.into_iter().enumerate() {
            let row = (done + i) as u32;
            for (level, links) in links.iter().enumerate() {
                wishes.extend(links.iter().map(|&to| (level, to, row)));
            }
            self.rows[done + i] = links;
        }
        wishes.sort_unstable();
        let groups: Vec<&[(usize, u32, u32)]> =
            wishes.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let new =
            parallel(groups.len(), threads, || (), |i, ()| self.linked_back(index, groups[i]));
        for (group, links) in groups.iter().zip(new) {
            let (level, row, _) = group[0];
            self.rows[row as usize][level] = links;
        }
    }

    /// The links of a new row on each of its levels, to rows before `done` and to those of its batch
    /// before it.
    fn links_of(&self, index: &Index, row: usize, done: usize, walk: &mut Walk) -> Links {
        let query = index.row(row);
        let top = self.rows[self.entry as usize].len() - 1;
        let levels = self.rows[row].len();
        let mut near = vec![Near { key: self.key(index, query, self.entry), row: self.entry }];
        for level in (levels..=top).rev() {
            near = self.walk(index, query, &near, level, 1, walk);
        }
        let mut links = vec![vec![]; levels];
        for level in (0..levels).rev() {
            if level <= top {
                near = self.walk(index, query, &near, level, self.settings.build_width, walk);
            }
            let mates = (done..row).filter(|&mate| self.rows[mate].len() > level);
            let mates = mates.map(|mate| mate as u32);
            let mates = mates.map(|mate| Near { key: self.key(index, query, mate), row: mate });
            let mut all: Vec<Near> = if level <= top { near.clone() } else { vec![] };
            all.extend(mates);
            all.sort_unstable();
            all.truncate(self.settings.build_width);
            links[level] = self.chosen(index, &all, self.settings.links);
        }
        links
    }

    /// The links of a row with those that want to be linked from there.
    fn linked_back(&self, index: &Index, wishes: &[(usize, u32, u32)]) -> Vec<u32> {
        let (level, row, _) = wishes[0];
        let links = &self.rows[row as usize][level];
        let mut all = links.clone();
        all.extend(wishes.iter().map(|wish| wish.2));
        let most = self.settings.most_links(level);
        if all.len() <= most {
            return all;
        }
        let values = index.row(row as usize);
        let near = all.iter().map(|&to| Near { key: self.key(index, values, to), row: to });
        let mut near: Vec<Near> = near.collect();
        near.sort_unstable();
        self.chosen(index, &near, most)
    }

    /// Which of some rows, the nearest first, to link to: those that are nearer than they are to one
    /// that was chosen already, so that links go in all directions. Others fill up what is left.
    fn chosen(&self, index: &Index, near: &[Near], most: usize) -> Vec<u32> {
        let (mut links, mut passed): (Vec<u32>, Vec<u32>) = (vec![], vec![]);
        for &Near { key, row } in near {
            if links.len() == most {
                break;
            }
            let values = index.row(row as usize);
            match links.iter().all(|&link| key < self.key(index, values, link)) {
                true => links.push(row),
                false => passed.push(row),
            }
        }
        let left = most - links.len();
        links.extend(passed.into_iter().take(left));
        links
    }

    /// The squared distance. Of rows of length 1 it grows as their cosine falls.
    fn key(&self, index: &Index, query: &[f32], row: u32) -> f32 {
        squared_distance(query, index.row(row as usize))
    }

    /// The `width` nearest rows that a walk on a level comes by, in order.
    fn walk(
        &self,
        index: &Index,
        query: &[f32],
        from: &[Near],
        level: usize,
        width: usize,
        walk: &mut Walk,
    ) -> Vec<Near> {
        walk.begin();
        let mut best = Best::new(width);
        let mut open = BinaryHeap::new();
        for &near in from {
            walk.is_new(near.row);
            best.push(near);
            open.push(Reverse(near));
        }
        while let Some(Reverse(near)) = open.pop() {
            if near.key > best.limit() {
                break;
            }
            for &row in &self.rows[near.row as usize][level] {
                if walk.is_new(row) {
                    let near = Near { key: self.key(index, query, row), row };
                    if best.push(near) {
                        open.push(Reverse(near));
                    }
                }
            }
        }
        best.into_sorted()
    }

    /// The rows nearest to each query, at least `k` of them: if the graph does not lead to as many,
    /// all rows are looked at.
    pub fn search_all(&self, index: &Index, queries: &Array, k: usize) -> Vec<Vec<Near>> {
        let values = queries.as_slice::<f32>().expect("queries are float32");
        let width = self.settings.search_width.max(k);
        let search = |query: usize, walk: &mut Walk| {
            let query = &values[query * index.width()..][..index.width()];
            let mut near = vec![Near { key: self.key(index, query, self.entry), row: self.entry }];
            for level in (1..self.rows[self.entry as usize].len()).rev() {
                near = self.walk(index, query, &near, level, 1, walk);
            }
            let found = self.walk(index, query, &near, 0, width, walk);
            if found.len() < k { exact::one_by_one(index, query, k) } else { found }
        };
        parallel(queries.rows(), backend::threads(), || Walk::new(index.len()), search)
    }
}
