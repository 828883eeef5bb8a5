//! Loops whose first input is the element of a matrix product.
//!
//! As soon as a few rows of the product are there, the loop works on them: they are still in the L1
//! cache and need no memory beyond. The largest gain is an optimizer's: the gradient of a weight is
//! never written to memory, and the weight is updated while the next rows are multiplied.

use super::{Elementwise, Thread};
use crate::kernels::elementwise::tiles::Cut;
use crate::kernels::matmul::MatMul;
use crate::kernels::{Io, Kernel, Request};
use crate::program::Slot;
use crate::threads::Session;
use cornu_graph::fused;
use std::ops::Range;

/// Rows of fewer columns are not worth a tile each, unless the loop goes on from row to row.
const FEWEST_COLUMNS: usize = 128;

/// The kernel of a fused loop with a product.
pub(crate) struct ProductLoop {
    matmul: MatMul,
    elementwise: Elementwise,
    /// Whether the loop works on the rows of the product as they come; on all of it at the end
    /// otherwise.
    interleaved: bool,
    rows: usize,
    columns: usize,
}

impl ProductLoop {
    /// The kernel for a request whose op is this loop.
    pub(crate) fn new(
        request: &Request<'_>,
        kernel: &fused::Kernel,
        product: fused::Product,
    ) -> ProductLoop {
        let [rows, columns] = request.output()[..] else { unreachable!("a product is a matrix") };
        let in_rows = Elementwise::from_kernel(kernel, request, Cut::InRows);
        let flat = in_rows.program.tiles.is_flat();
        let matmul = MatMul::with_finish(request, product, flat);
        let interleaved = matmul.can_finish() && (flat || columns >= FEWEST_COLUMNS);
        if interleaved {
            return ProductLoop { matmul, elementwise: in_rows, interleaved, rows, columns };
        }
        let matmul = MatMul::new(request, product);
        let elementwise = Elementwise::from_kernel(kernel, request, Cut::Anywhere);
        ProductLoop { matmul, elementwise, interleaved, rows, columns }
    }

    /// Bytes of scratch memory of the product alone.
    fn product_scratch(&self) -> usize {
        self.matmul.scratch().next_multiple_of(64)
    }

    /// Bytes of the whole product, where the loop comes after it.
    fn product_bytes(&self) -> usize {
        (self.rows * self.columns * size_of::<f32>()).next_multiple_of(64)
    }

    /// Bytes of scratch memory of a thread's loop.
    fn loop_scratch(&self) -> usize {
        self.elementwise.scratch.next_multiple_of(64)
    }

    /// Multiplies, and works on the rows as they come.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn run_interleaved(&self, io: Io<'_>, session: &Session<'_>) {
        let shares = self.matmul.shares(session);
        session.run(shares.parts(), &|index| {
            let scratch = io.scratch::<u8>().wrapping_add(self.product_scratch());
            let scratch = scratch.wrapping_add(index * self.loop_scratch());
            // SAFETY: by the contract of this function; each thread has its own scratch memory and
            // its own rectangle.
            unsafe {
                let mut thread = self.elementwise.begin(io, scratch);
                let mut work = |rows: Range<usize>, columns: Range<usize>, c, stride| {
                    thread.rectangle(rows, columns, self.columns, c, stride);
                };
                self.matmul.finished_part(shares, io, index, &mut work);
            }
        });
    }

    /// Multiplies into scratch memory, then works on all of it.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn run_apart(&self, io: Io<'_>, session: &Session<'_>) {
        let at = |offset| Slot { offset: io.scratch.offset + offset, ..io.scratch };
        let product = [at(self.product_scratch())];
        let rest = at(self.product_scratch() + self.product_bytes());
        // SAFETY: by the contract of this function; the scratch memory has room for all three.
        unsafe {
            self.matmul.run(Io { outputs: &product, ..io }, session);
            let io = Io { scratch: rest, ..io };
            session.run(self.elementwise.parts, &|index| {
                self.elementwise.part(io, index, io.at(product[0]));
            });
        }
    }
}

impl Kernel for ProductLoop {
    fn scratch(&self) -> usize {
        let rest = match self.interleaved {
            true => self.matmul.most_parts() * self.loop_scratch(),
            false => self.product_bytes() + self.elementwise.scratch,
        };
        self.product_scratch() + rest
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        unsafe {
            match self.interleaved {
                true => self.run_interleaved(io, session),
                false => self.run_apart(io, session),
            }
        }
    }
}

impl Thread<'_> {
    /// Works on a rectangle of a loop over rows of `width` elements; the product's rows are
    /// `stride` apart.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn rectangle(
        &mut self,
        rows: Range<usize>,
        columns: Range<usize>,
        width: usize,
        product: *const f32,
        stride: usize,
    ) {
        let tiles = &self.program.tiles;
        // Several whole rows of a flat loop are as one.
        let joins = tiles.is_flat() && columns == (0..width) && stride == width;
        let (parts, end) = if joins { (1, rows.len() * width) } else { (rows.len(), columns.end) };
        for i in 0..parts {
            for start in (columns.start..end).step_by(tiles.largest()) {
                let part = start..end.min(start + tiles.largest());
                let at = product.wrapping_add(i * stride + start - columns.start);
                // SAFETY: by the contract of this function.
                unsafe { self.tile(tiles.part_of_row(rows.start + i, width, part), at) };
            }
        }
    }
}
