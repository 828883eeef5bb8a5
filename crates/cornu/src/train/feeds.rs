//! How data gets into a program: resident tables and the indexes of a batch's rows, or the arrays of
//! a batch as they are.
//!
//! Of tables the program gathers the rows itself. Columns that share an array share a table;
//! columns that choose the same rows share an index.

use crate::data::Column;
use crate::tensor::lower::Lowerer;
use cornu_graph::{Array, DType, NodeId, Op, TensorType};
use std::sync::Arc;

/// What a program has to know about its data. Programs are cached by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeedSpec {
    /// The arrays that are fed before the indexes: tables, or the columns of a batch.
    tables: Vec<TensorType>,
    indexes: usize,
    columns: Vec<ColumnSpec>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ColumnSpec {
    table: usize,
    /// By which rows are gathered; `None` if the table is the batch itself.
    index: Option<usize>,
    /// The bits of the scale: a float is no hash key.
    scale: Option<u32>,
}

/// The data of one step.
#[derive(Clone, Copy)]
pub enum StepData<'a> {
    /// These samples of resident data.
    Rows(&'a Feeds, &'a [u32]),
    /// A batch as it is.
    Batch(&'a [Array]),
}

impl<'a> StepData<'a> {
    /// What the program is fed, in the order of [`FeedSpec::lower`].
    pub fn arrays(self, indexes: &'a mut [Array]) -> Vec<&'a Array> {
        match self {
            StepData::Batch(arrays) => arrays.iter().collect(),
            StepData::Rows(feeds, samples) => {
                feeds.choose(samples, indexes);
                feeds.tables.iter().chain(&*indexes).collect()
            }
        }
    }
}

/// The data of a run.
pub struct Feeds {
    spec: FeedSpec,
    tables: Vec<Array>,
    /// The rows that each index chooses; `None` is all rows in order.
    rows: Vec<Option<Arc<[i32]>>>,
    samples: usize,
}

impl Feeds {
    /// Feeds of columns with equally many samples.
    pub fn new(columns: &[&Column]) -> Feeds {
        let mut feeds = Feeds {
            spec: FeedSpec::default(),
            tables: vec![],
            rows: vec![],
            samples: columns.first().map_or(0, |c| c.len()),
        };
        for column in columns {
            feeds.add(column);
        }
        feeds.spec.indexes = feeds.rows.len();
        feeds
    }

    fn add(&mut self, column: &Column) {
        let table = column.array();
        let known = self
            .tables
            .iter()
            .position(|t| t.ty() == table.ty() && std::ptr::eq(t.values(), table.values()));
        let table = known.unwrap_or_else(|| {
            self.tables.push(table.clone());
            self.spec.tables.push(table.ty());
            self.tables.len() - 1
        });
        let same_rows = |rows: &Option<Arc<[i32]>>| match (rows, column.rows()) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        let index = self.rows.iter().position(same_rows).unwrap_or_else(|| {
            self.rows.push(column.rows().cloned());
            self.rows.len() - 1
        });
        let scale = column.scale().map(f32::to_bits);
        self.spec.columns.push(ColumnSpec { table, index: Some(index), scale });
    }

    /// What a program has to know.
    pub fn spec(&self) -> &FeedSpec {
        &self.spec
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Writes the rows of a batch of samples.
    fn choose(&self, samples: &[u32], indexes: &mut [Array]) {
        for (rows, index) in self.rows.iter().zip(indexes) {
            let index = index.as_mut_slice::<i32>().expect("indexes are int32");
            match rows {
                None => index.iter_mut().zip(samples).for_each(|(i, &s)| *i = s as i32),
                Some(rows) => {
                    index.iter_mut().zip(samples).for_each(|(i, &s)| *i = rows[s as usize]);
                }
            }
        }
    }
}

impl FeedSpec {
    /// A batch of arrays of these types, each with what it is multiplied by.
    pub fn of_batch(arrays: impl Iterator<Item = (TensorType, Option<f32>)>) -> FeedSpec {
        let column = |(table, (ty, scale)): (usize, (TensorType, Option<f32>))| {
            (ty, ColumnSpec { table, index: None, scale: scale.map(f32::to_bits) })
        };
        let (tables, columns) = arrays.enumerate().map(column).unzip();
        FeedSpec { tables, indexes: 0, columns }
    }

    /// Index arrays for batches of a size.
    pub fn indexes(&self, batch: usize) -> Vec<Array> {
        (0..self.indexes).map(|_| Array::zeros([batch], DType::I32)).collect()
    }

    /// Adds the inputs of the program and the gathered, scaled columns.
    pub fn lower(&self, lowerer: &mut Lowerer) -> Vec<NodeId> {
        let tables: Vec<NodeId> = self.tables.iter().map(|ty| lowerer.input(ty.clone())).collect();
        let index = TensorType::new(DType::I32, [lowerer.batch]);
        let indexes: Vec<NodeId> =
            (0..self.indexes).map(|_| lowerer.input(index.clone())).collect();
        self.columns
            .iter()
            .map(|column| {
                let graph = &mut lowerer.graph;
                let table = tables[column.table];
                let rows = match column.index {
                    Some(index) => graph.add(Op::Gather, &[table, indexes[index]]),
                    None => table,
                };
                let Some(bits) = column.scale else { return rows };
                let float = graph.cast(rows, DType::F32);
                let scale = f64::from(f32::from_bits(bits));
                graph.binary_scalar(cornu_graph::scalar::BinaryOp::Mul, float, scale)
            })
            .collect()
    }
}
