//! Exact search: every row against every query.
//!
//! Many queries are multiplied with a block of rows at a time by the engine's matrix kernels, and
//! the best of each product are kept: `|q - x|² = |q|² - 2 q·x + |x|²`, where `|q|²` is the same for
//! all rows. The expansion rounds more than the difference itself, so some more rows than asked for
//! are kept, to be measured again; and where even those may lack one, the differences are taken.

use super::nearest::{Best, Near, dot, parallel, squared_distance};
use super::{BLOCK, Index, Measure};
use crate::backend;
use cornu_graph::{Array, DType, Graph, Op, Program, Result, TensorType};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Fewer queries than this are compared one by one: a product would not pay.
const FEW: usize = 8;

/// Queries that are multiplied at once.
const QUERIES: usize = 1024;

/// Rows that are kept beyond those asked for.
const SPARE: usize = 16;

/// Keys whose smallest is compared with the limit at once.
const STRIDE: usize = 16;

/// More than the `k` nearest rows for each query, `(queries, width)`.
pub(super) fn search_all(index: &Index, queries: &Array, k: usize) -> Result<Vec<Vec<Near>>> {
    let kept = k.saturating_add(k.max(SPARE)).min(index.len());
    let values = queries.as_slice::<f32>()?;
    let one = |query: usize| one_by_one(index, &values[query * index.width..][..index.width], kept);
    if queries.rows() < FEW {
        return Ok((0..queries.rows()).map(one).collect());
    }
    let mut found: Vec<Vec<Near>> =
        by_products(index, queries, kept)?.into_iter().map(Best::into_sorted).collect();
    let longest = index.lengths.iter().fold(0.0f32, |a, &b| a.max(b)).sqrt();
    for (query, found) in found.iter_mut().enumerate() {
        let values = &values[query * index.width..][..index.width];
        // Rounding a sum of so many products is a walk of so many random steps.
        let steps = (index.width as f32).sqrt().max(8.0) / 2.0;
        let rounding = steps * f32::EPSILON * (dot(values, values).sqrt() + longest).powi(2);
        // Beyond the rows that were kept, one may be nearer than the last of the k.
        let unsure = found[k - 1].key + 2.0 * rounding >= found[kept - 1].key;
        if unsure && kept < index.len() {
            *found = one(query);
        }
    }
    Ok(found)
}

/// The nearest rows to one query by the differences themselves. The threads share the rows.
pub(super) fn one_by_one(index: &Index, query: &[f32], kept: usize) -> Vec<Near> {
    let is_zero = query.iter().all(|&value| value == 0.0);
    let in_block = |block: usize, (): &mut ()| {
        let mut best = Best::new(kept);
        let start = block * BLOCK;
        for row in start..(start + BLOCK).min(index.len()) {
            let key = match index.measure {
                Measure::Euclidean => squared_distance(query, index.row(row)),
                Measure::Dot => -dot(query, index.row(row)),
                // A cosine near 1 is rounded; of rows of length 1 the difference tells more, but
                // it tells nothing where there is no direction.
                Measure::Cosine if is_zero || index.lengths[row] == 0.0 => 2.0,
                Measure::Cosine => squared_distance(query, index.row(row)),
            };
            if key < best.limit() {
                best.push(Near { key, row: row as u32 });
            }
        }
        best
    };
    let mut best = Best::new(kept);
    let blocks = parallel(index.blocks.len(), backend::threads(), || (), in_block);
    for near in blocks.into_iter().flat_map(Best::into_sorted) {
        best.push(near);
    }
    best.into_sorted()
}

fn by_products(index: &Index, queries: &Array, kept: usize) -> Result<Vec<Best>> {
    let mut best = vec![Best::new(kept); queries.rows()];
    let starts: Vec<usize> = (0..queries.rows()).step_by(QUERIES).collect();
    let some = |&start: &usize| queries.slice_rows(start, (start + QUERIES).min(queries.rows()));
    let groups = starts.iter().map(some).collect::<Result<Vec<Array>>>()?;
    let mut programs = HashMap::new();
    for (block, rows) in index.blocks.iter().enumerate() {
        for (group, start) in groups.iter().zip(&starts) {
            let shape = (group.rows(), rows.rows());
            let program = match programs.entry(shape) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(Product::new(shape, index.width)?),
            };
            let product = program.run(group, rows)?;
            keep_best(index, product, block * BLOCK, &mut best[*start..][..group.rows()]);
        }
    }
    Ok(best)
}

/// The products of each query with each row of a block.
struct Product {
    program: Box<dyn Program>,
    result: Array,
}

impl Product {
    fn new((queries, rows): (usize, usize), width: usize) -> Result<Product> {
        let mut graph = Graph::new();
        let mut input = |index, rows| {
            graph.add(Op::Input { index, ty: TensorType::new(DType::F32, [rows, width]) }, &[])
        };
        let (a, b) = (input(0, queries), input(1, rows));
        let product = graph.try_add(Op::matmul(false, true), &[a, b])?;
        graph.outputs.push(product);
        let result = Array::zeros([queries, rows], DType::F32);
        Ok(Product { program: backend::compile(graph)?, result })
    }

    fn run(&mut self, queries: &Array, rows: &Array) -> Result<&[f32]> {
        self.program.run(&[queries, rows], &mut [])?;
        self.program.read_output(0, &mut self.result)?;
        self.result.as_slice()
    }
}

/// Shows the products of a block of rows to the best of each query.
fn keep_best(index: &Index, products: &[f32], first: usize, best: &mut [Best]) {
    let rows = products.len() / best.len();
    let lengths = &index.lengths[first..first + rows];
    let threads = backend::threads();
    let share = best.len().div_ceil(threads);
    let work = |best: &mut [Best], products: &[f32]| {
        let mut keys = vec![0.0f32; rows];
        for (best, products) in best.iter_mut().zip(products.chunks_exact(rows)) {
            match index.measure {
                Measure::Euclidean => {
                    let pairs = keys.iter_mut().zip(products).zip(lengths);
                    pairs.for_each(|((key, product), length)| *key = length - 2.0 * product);
                }
                Measure::Cosine | Measure::Dot => {
                    keys.iter_mut().zip(products).for_each(|(key, product)| *key = -product);
                }
            }
            show(&keys, first, best);
        }
    };
    std::thread::scope(|scope| {
        for (best, products) in best.chunks_mut(share).zip(products.chunks(share * rows)) {
            scope.spawn(|| work(best, products));
        }
    });
}

/// Shows keys of rows. Most are beyond the limit, so whole strides are passed over.
fn show(keys: &[f32], first: usize, best: &mut Best) {
    for (stride, keys) in keys.chunks(STRIDE).enumerate() {
        let smallest = keys.iter().fold(f32::INFINITY, |a, &b| if b < a { b } else { a });
        if smallest < best.limit() {
            for (i, &key) in keys.iter().enumerate() {
                if key < best.limit() {
                    best.push(Near { key, row: (first + stride * STRIDE + i) as u32 });
                }
            }
        }
    }
}
