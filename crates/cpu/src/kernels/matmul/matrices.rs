//! The matrices of a product: their sizes, how they are stored, and where.

use super::micro::Layout;
use super::numbers::Numbers;

/// A product `C = A·B` or `C += A·B` of matrices somewhere in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrices {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// How A is stored.
    pub layout: Layout,
    /// Between rows of A (columns, if that is the layout).
    pub a_stride: usize,
    /// Whether B is stored transposed.
    pub transpose_b: bool,
    /// Between stored rows of B.
    pub b_stride: usize,
    /// Between rows of C.
    pub c_stride: usize,
    /// Whether the product is added to C.
    pub add: bool,
    /// In what form the numbers are multiplied.
    pub numbers: Numbers,
}

impl Matrices {
    /// The inner dimension in words.
    pub(crate) fn depth(&self) -> usize {
        self.k.div_ceil(self.numbers.per_word())
    }

    /// How many numbers the words of a part of the inner dimension have.
    pub(super) fn numbers(&self, first: usize, depth: usize) -> usize {
        let each = self.numbers.per_word();
        (depth * each).min(self.k - first * each)
    }

    /// Where a row of A is, from a word of the inner dimension on.
    ///
    /// # Safety
    /// A, which starts at `a`, has them.
    pub(super) unsafe fn a(&self, a: *const f32, row: usize, first: usize) -> *const f32 {
        let k = first * self.numbers.per_word();
        // SAFETY: by the contract of this function.
        unsafe {
            a.add(match self.layout {
                Layout::Rows => row * self.a_stride + k,
                Layout::Columns => k * self.a_stride + row,
            })
        }
    }
}

/// Where the matrices start.
#[derive(Clone, Copy)]
pub(crate) struct Pointers {
    pub a: *const f32,
    pub b: *const f32,
    pub c: *mut f32,
}
