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
use crate::simd::Instructions;
use crate::threads::{Crew, Session, part};
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
    /// How all threads share the work.
    shared: Shares,
    /// How one does it alone, where the others are not there or too far away; `None` if it is alone
    /// anyway. The result is the same: where a sum is cut depends on its length only.
    alone: Option<Shares>,
    /// Whether the operands change places: a column is computed as a row.
    swapped: bool,
}

/// How a product is shared out, and how each share is computed.
pub(crate) struct Shares {
    grid: Grid,
    way: Way,
    /// How many numbers of scratch memory each uses.
    scratch: usize,
}

enum Way {
    Blocks(Block),
    Dots(Dots),
}

impl MatMul {
    /// The kernel for a request of this product.
    pub(crate) fn new(request: &Request<'_>, product: Product) -> MatMul {
        MatMul::with(request, product, None)
    }

    /// The kernel for a request of this product whose rows are worked on as they come
    /// ([`MatMul::finished_part`]), if [`MatMul::can_finish`]. With `whole_rows` each thread
    /// computes all of its rows.
    pub(crate) fn with_finish(request: &Request<'_>, product: Product, whole_rows: bool) -> MatMul {
        MatMul::with(request, product, Some(whole_rows))
    }

    /// `finishing` tells whether rows are worked on as they come, by threads with whole rows.
    fn with(request: &Request<'_>, product: Product, finishing: Option<bool>) -> MatMul {
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
        let finishing = finishing.filter(|_| !swapped && k > 0);
        let shares = |crew| Shares::new(request.instructions, &matrices, batch, crew, finishing);
        let shared = shares(request.crew);
        let is_cut = shared.grid.parts() > 1;
        let alone = is_cut.then(|| shares(Crew { threads: 1, ..request.crew }));
        MatMul { matrices, shared, alone, swapped }
    }

    /// Whether the rows of the product come tile by tile.
    pub(crate) fn can_finish(&self) -> bool {
        matches!(self.shared.way, Way::Blocks(_)) && !self.swapped && self.matrices.k > 0
    }

    /// How the work is shared in a session.
    pub(crate) fn shares(&self, session: &Session<'_>) -> &Shares {
        self.alone.as_ref().filter(|_| session.is_alone()).unwrap_or(&self.shared)
    }

    /// The most threads that work.
    pub(crate) fn most_parts(&self) -> usize {
        self.shared.grid.parts()
    }

    /// Computes a share, and hands every tile of rows to `finish` when it is there.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the kernel was made by [`MatMul::with_finish`].
    pub(crate) unsafe fn finished_part(
        &self,
        shares: &Shares,
        io: Io<'_>,
        index: usize,
        finish: &mut Finish<'_>,
    ) {
        let Way::Blocks(block) = &shares.way else { unreachable!("a product by tiles") };
        let (_, rows, columns) = shares.grid.part(index);
        let scratch = io.scratch::<f32>().wrapping_add(index * shares.scratch);
        let p = Pointers { a: io.input(0), b: io.input(1), c: std::ptr::null_mut() };
        // SAFETY: by the contract of this function.
        unsafe { block.run_finishing(p, rows, columns, scratch, finish) };
    }

    /// Computes a share.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, shares: &Shares, io: Io<'_>, index: usize) {
        let m = &self.matrices;
        let (a, b) = if self.swapped { (1, 0) } else { (0, 1) };
        let (batches, rows, columns) = shares.grid.part(index);
        let scratch = io.scratch::<f32>().wrapping_add(index * shares.scratch);
        for batch in batches {
            // SAFETY: the matrices of the batch are inside the operands; each thread writes to its
            // own rectangles.
            unsafe {
                let p = Pointers {
                    a: io.input::<f32>(a).add(batch * m.m * m.k),
                    b: io.input::<f32>(b).add(batch * m.k * m.n),
                    c: io.output::<f32>(0).add(batch * m.m * m.n),
                };
                match &shares.way {
                    Way::Blocks(block) => block.run(p, rows.clone(), columns.clone(), scratch),
                    Way::Dots(dots) => dots(m, p, columns.clone()),
                }
            }
        }
    }
}

impl Shares {
    fn new(
        instructions: Instructions,
        matrices: &Matrices,
        batch: usize,
        crew: Crew,
        finishing: Option<bool>,
    ) -> Shares {
        let Matrices { m, numbers, layout, transpose_b, .. } = *matrices;
        let by_rows = layout == Layout::Rows && transpose_b && numbers.read_in_place();
        let few = m <= dots::MOST_ROWS && by_rows;
        let whole_rows = finishing == Some(true) && m >= FEWEST_ROWS * crew.threads;
        let cut = Cut { rows: !few, columns: !whole_rows || few };
        let grid = Grid::new(instructions, matrices, cut, batch, crew);
        if few {
            let way = Way::Dots(dots::dots(instructions, numbers == Numbers::ReadRounded));
            return Shares { grid, way, scratch: 0 };
        }
        let block = Block::new(instructions, *matrices, grid.most_rows(), grid.most_columns());
        let scratch = if finishing.is_some() { block.finishing_scratch() } else { block.scratch() };
        Shares { grid, way: Way::Blocks(block), scratch: scratch.next_multiple_of(16) }
    }

    /// How many there are.
    pub(crate) fn parts(&self) -> usize {
        self.grid.parts()
    }

    /// Bytes of scratch memory of all.
    fn bytes(&self) -> usize {
        self.grid.parts() * self.scratch * size_of::<f32>()
    }
}

impl Kernel for MatMul {
    fn scratch(&self) -> usize {
        self.shared.bytes().max(self.alone.as_ref().map_or(0, Shares::bytes))
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        let shares = self.shares(session);
        // SAFETY: by the contract of this function.
        session.run(shares.parts(), &|index| unsafe { self.part(shares, io, index) });
    }
}

/// The rows or columns of the `index`-th of `parts` parts, cut at multiples of `unit`.
fn aligned_part(count: usize, unit: usize, parts: usize, index: usize) -> Range<usize> {
    let units = part(count.div_ceil(unit), parts, index);
    (units.start * unit).min(count)..(units.end * unit).min(count)
}
