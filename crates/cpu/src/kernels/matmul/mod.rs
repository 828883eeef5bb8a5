//! Matrix products.
//!
//! The result is cut into rectangles, one for each thread ([`grid`]). A thread packs a block of
//! its columns of B so that it stays in the L2 cache ([`block`], [`pack`]), and computes one tile
//! of the result after the other in registers ([`micro`]). Where A has many zeros, as images have,
//! it multiplies what is not zero ([`zeros`]). Few rows times a transposed B are dot products
//! ([`dots`]). In bfloat16 the operands are rounded while they are packed ([`numbers`]).

pub(crate) mod block;
mod dots;
mod grid;
mod matrices;
pub(crate) mod micro;
mod numbers;
mod pack;
#[cfg(target_arch = "x86_64")]
mod pairs;
mod panels;
mod rounded;
mod zeros;

pub(crate) use numbers::{FLOPS_OF_PAIRS, Numbers, pairs_in_chains};
pub(crate) use panels::Even;

use super::{Io, Kernel, Request};
use crate::threads::{Session, part};
use block::{Block, Finish, Matrices, Pointers};
use cornu_graph::fused::Product;
use dots::Dots;
use grid::{Cut, Grid};
use micro::Layout;
use std::ops::Range;

/// A thread of fewer rows takes a part of the columns rather than of the rows.
const FEWEST_ROWS: usize = 24;

/// The kernel of [`cornu_graph::Op::MatMul`].
pub(crate) struct MatMul {
    matrices: Matrices,
    grid: Grid,
    way: Way,
    /// Whether the operands change places: a column is computed as a row.
    swapped: bool,
    /// Whether rows are handed on as they come.
    finishes: bool,
}

enum Way {
    Blocks(Block),
    Dots(Dots),
}

impl MatMul {
    /// The kernel for a request of this product.
    pub(crate) fn new(request: &Request<'_>, product: Product) -> MatMul {
        MatMul::with(request, product, false)
    }

    /// The kernel for a request of this product whose rows are worked on as they come
    /// ([`MatMul::finished_part`]), if [`MatMul::can_finish`]. With `whole_rows` each thread
    /// computes all of its rows.
    pub(crate) fn with_finish(request: &Request<'_>, product: Product, whole_rows: bool) -> MatMul {
        let whole_rows = whole_rows && request.output()[0] >= FEWEST_ROWS * request.crew.threads;
        let mut matmul = MatMul::with(request, product, whole_rows);
        matmul.finishes = matmul.can_finish();
        matmul
    }

    fn with(request: &Request<'_>, product: Product, whole_rows: bool) -> MatMul {
        let Product { transpose_a, transpose_b, precision } = product;
        let (a, c) = (request.input(0), request.output());
        let rank = c.len();
        let (m, n) = (c[rank - 2], c[rank - 1]);
        let k = a[rank - if transpose_a { 2 } else { 1 }];
        let batch = c[..rank - 2].iter().product();
        // A column of C is a row of its transpose, which is stored alike.
        let swapped = n == 1 && m > 1;
        let (m, n, transpose_a, transpose_b) =
            if swapped { (n, m, false, !transpose_a) } else { (m, n, transpose_a, transpose_b) };
        let matrices = Matrices {
            m,
            n,
            k,
            layout: if transpose_a { Layout::Columns } else { Layout::Rows },
            a_stride: if transpose_a { m } else { k },
            transpose_b,
            b_stride: if transpose_b { k } else { n },
            c_stride: n,
            add: false,
            numbers: Numbers::new(precision, request.instructions, m),
        };
        let instructions = request.instructions;
        let numbers = matrices.numbers;
        let few = m <= dots::MOST_ROWS && transpose_b && !transpose_a && numbers.read_in_place();
        let cut = Cut { rows: !few, columns: !whole_rows || few };
        let grid = Grid::new(instructions, &matrices, cut, batch, request.crew);
        let way = if few {
            Way::Dots(dots::dots(instructions, numbers == Numbers::ReadRounded))
        } else {
            Way::Blocks(Block::new(instructions, matrices, grid.most_rows(), grid.most_columns()))
        };
        MatMul { matrices, grid, way, swapped, finishes: false }
    }

    /// Whether the rows of the product come tile by tile.
    pub(crate) fn can_finish(&self) -> bool {
        matches!(self.way, Way::Blocks(_)) && !self.swapped && self.matrices.k > 0
    }

    /// How many threads work.
    pub(crate) fn parts(&self) -> usize {
        self.grid.parts()
    }

    /// Computes the part of a thread, and hands every tile of rows to `finish` when it is there.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the kernel was made by [`MatMul::with_finish`].
    pub(crate) unsafe fn finished_part(&self, io: Io<'_>, index: usize, finish: &mut Finish<'_>) {
        let Way::Blocks(block) = &self.way else { unreachable!("a product by tiles") };
        let (_, rows, columns) = self.grid.part(index);
        let scratch = io.scratch::<f32>().wrapping_add(index * self.scratch_each());
        let p = Pointers { a: io.input(0), b: io.input(1), c: std::ptr::null_mut() };
        // SAFETY: by the contract of this function.
        unsafe { block.run_finishing(p, rows, columns, scratch, finish) };
    }

    /// How many numbers of scratch memory a thread uses.
    fn scratch_each(&self) -> usize {
        match &self.way {
            Way::Blocks(block) if self.finishes => block.finishing_scratch().next_multiple_of(16),
            Way::Blocks(block) => block.scratch().next_multiple_of(16),
            Way::Dots(_) => 0,
        }
    }

    /// Computes the part of a thread.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, io: Io<'_>, index: usize) {
        let m = &self.matrices;
        let (a, b) = if self.swapped { (1, 0) } else { (0, 1) };
        let (batches, rows, columns) = self.grid.part(index);
        let scratch = io.scratch::<f32>().wrapping_add(index * self.scratch_each());
        for batch in batches {
            // SAFETY: the matrices of the batch are inside the operands; each thread writes to its
            // own rectangles.
            unsafe {
                let p = Pointers {
                    a: io.input::<f32>(a).add(batch * m.m * m.k),
                    b: io.input::<f32>(b).add(batch * m.k * m.n),
                    c: io.output::<f32>(0).add(batch * m.m * m.n),
                };
                match &self.way {
                    Way::Blocks(block) => block.run(p, rows.clone(), columns.clone(), scratch),
                    Way::Dots(dots) => dots(m, p, columns.clone()),
                }
            }
        }
    }
}

impl Kernel for MatMul {
    fn scratch(&self) -> usize {
        self.grid.parts() * self.scratch_each() * size_of::<f32>()
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        session.run(self.grid.parts(), &|index| unsafe { self.part(io, index) });
    }
}

/// The rows or columns of the `index`-th of `parts` parts, cut at multiples of `unit`.
fn aligned_part(count: usize, unit: usize, parts: usize, index: usize) -> Range<usize> {
    let units = part(count.div_ceil(unit), parts, index);
    (units.start * unit).min(count)..(units.end * unit).min(count)
}
