//! How a product is shared out among threads.

use super::aligned_part;
use super::block::{Matrices, is_direct};
use super::micro::families;
use crate::simd::Instructions;
use crate::threads::{Crew, part};
use std::ops::Range;

/// Each thread computes some matrices of the batch, some rows and some columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    batch: usize,
    m: usize,
    n: usize,
    /// Columns are cut at multiples of this.
    unit: usize,
    batch_parts: usize,
    row_parts: usize,
    column_parts: usize,
}

/// What may be cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Rows; products by dots are not cut by rows.
    pub rows: bool,
    /// Columns.
    pub columns: bool,
}

impl Grid {
    /// The fastest grid for a crew by a simple model of the time.
    pub(crate) fn new(
        instructions: Instructions,
        matrices: &Matrices,
        cut: Cut,
        batch: usize,
        crew: Crew,
    ) -> Grid {
        let (threads, dots) = (crew.threads, !cut.rows);
        let (m, n) = (matrices.m, matrices.n);
        let family = &families(instructions)[families(instructions).len() / 2];
        let unit = if dots { 4 } else { family.vectors * instructions.lanes() };
        let grid = |batch_parts, row_parts, column_parts| Grid {
            batch,
            m,
            n,
            unit,
            batch_parts,
            row_parts,
            column_parts,
        };
        let mut best = grid(1, 1, 1);
        let mut least = best.cycles(instructions, matrices, dots, crew);
        for batches in 1..=threads.min(batch) {
            for rows in 1..=if dots { 1 } else { (threads / batches).min(m) } {
                let most =
                    if cut.columns { (threads / batches / rows).min(n.div_ceil(unit)) } else { 1 };
                for columns in 1..=most {
                    let one = grid(batches, rows, columns);
                    let cycles = one.cycles(instructions, matrices, dots, crew);
                    if cycles < least {
                        (best, least) = (one, cycles);
                    }
                }
            }
        }
        best
    }

    /// About how many cycles the thread with the largest part takes.
    fn cycles(
        &self,
        instructions: Instructions,
        matrices: &Matrices,
        dots: bool,
        crew: Crew,
    ) -> usize {
        let (rows, columns, k) = (self.most_rows(), self.most_columns(), matrices.depth());
        let multiply = rows * columns * k / (2 * instructions.lanes());
        let pack =
            if dots || is_direct(instructions, matrices, rows) { 0 } else { k * columns / 4 };
        let pack_a = if matrices.numbers.read_in_place() { 0 } else { rows * k / 4 };
        // Each thread then reads rows that others have written, in their caches.
        let shared = if self.column_parts > 1 && !dots { rows * k / 4 } else { 0 };
        let read = (rows * k + k * columns + rows * columns) / 16 + shared;
        let start = if self.parts() > 1 { crew.handover } else { 0 };
        self.batch.div_ceil(self.batch_parts) * (multiply + pack + pack_a + read) + start
    }

    /// How many threads work.
    pub(crate) fn parts(&self) -> usize {
        self.batch_parts * self.row_parts * self.column_parts
    }

    /// The most rows a thread computes.
    pub(crate) fn most_rows(&self) -> usize {
        self.m.div_ceil(self.row_parts)
    }

    /// The most columns a thread computes.
    pub(crate) fn most_columns(&self) -> usize {
        (self.n.div_ceil(self.unit).div_ceil(self.column_parts) * self.unit).min(self.n)
    }

    /// The matrices, rows and columns of a thread.
    pub(crate) fn part(&self, index: usize) -> (Range<usize>, Range<usize>, Range<usize>) {
        let (rest, column) = (index / self.column_parts, index % self.column_parts);
        let (batch, row) = (rest / self.row_parts, rest % self.row_parts);
        (
            part(self.batch, self.batch_parts, batch),
            part(self.m, self.row_parts, row),
            aligned_part(self.n, self.unit, self.column_parts, column),
        )
    }
}
