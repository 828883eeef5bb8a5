//! The instruction set: a small closed enum. Everything else is composition.
//!
//! To add an op: a variant here; the compiler then asks for its shape rule ([`crate::infer`]), its
//! meaning ([`crate::interpret`]), its gradient ([`crate::grad`]) and its name
//! ([`crate::print`](mod@crate::print)); then one kernel in each backend and one row in the
//! testkit's case table.

use crate::fused::Kernel;
use crate::scalar::{BinaryOp, CompareOp, UnaryOp};
use crate::{Array, DType, Dim, Shape, TensorType};

/// One primitive operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The `index`-th array fed to each run.
    Input {
        /// Which one.
        index: usize,
        /// Its type.
        ty: TensorType,
    },
    /// The value that the `index`-th variable (weight, optimizer slot, metric total, random
    /// state) has when the run starts.
    Variable {
        /// Which one.
        index: usize,
        /// Its type.
        ty: TensorType,
    },
    /// A value known when the graph is built.
    Constant(Array),
    /// `int32` counting along one axis: 0, 1, 2, …
    Iota {
        /// The shape of the result.
        shape: Shape,
        /// The axis along which to count.
        axis: usize,
    },
    /// `float32` random numbers. Input: the random state, `int32 (3,)` of seed low, seed high, step.
    Random {
        /// Which distribution.
        distribution: Distribution,
        /// The shape of the result.
        shape: Shape,
        /// Distinguishes the random ops of a program.
        stream: u32,
    },

    /// A function of each element.
    Unary(UnaryOp),
    /// A function of each pair of elements of two tensors of equal type.
    Binary(BinaryOp),
    /// A comparison of each pair of elements of two tensors of equal type; gives bool.
    Compare(CompareOp),
    /// Inputs: bool condition, a, b, all of one shape. Takes `a` where the condition holds.
    Select,
    /// Conversion to another dtype: float to integer truncates, to bool is "not zero".
    Cast(DType),

    /// The same elements in another shape.
    Reshape(Shape),
    /// Dimension `i` of the result is dimension `permutation[i]` of the input.
    Transpose(Vec<usize>),
    /// The input repeated to a larger shape by NumPy's rule.
    Broadcast(Shape),
    /// Every `step`-th element from `start` to before `end`, along each axis.
    Slice(Vec<SliceRange>),
    /// Zeros (or `false`) added `before` and `after` along each axis.
    Pad(Vec<(usize, usize)>),
    /// The inputs one after another along an axis.
    Concat {
        /// The axis along which to join.
        axis: usize,
    },

    /// A reduction over axes, which remain with size 1 if `keepdims`.
    Reduce {
        /// The reduction.
        kind: ReduceOp,
        /// The axes to reduce, ascending.
        axes: Vec<usize>,
        /// Whether reduced axes remain with size 1.
        keepdims: bool,
    },
    /// `int32` index of the first largest (or smallest) element along an axis, which disappears.
    /// A NaN counts as the largest and the smallest.
    ArgReduce {
        /// Largest (`true`) or smallest.
        largest: bool,
        /// The axis to search along.
        axis: usize,
    },
    /// Matrix product of `(…, m, k)` and `(…, k, n)`; the leading dimensions are equal. With a
    /// transpose flag the operand's last two dimensions are stored the other way round.
    MatMul {
        /// The first operand is stored `(…, k, m)`.
        transpose_a: bool,
        /// The second operand is stored `(…, n, k)`.
        transpose_b: bool,
        /// What the operands are rounded to. Sums and result are `float32`.
        precision: Precision,
    },
    /// Convolution of images `(n, h, w, c)` with filters `(kh, kw, c / groups, f)`.
    Conv2d(Conv2d),
    /// Gradient of [`Op::Conv2d`] for the images. Inputs: output gradient, filters.
    Conv2dInputGrad {
        /// The convolution.
        conv: Conv2d,
        /// The shape of the images.
        input: Shape,
    },
    /// Gradient of [`Op::Conv2d`] for the filters. Inputs: images, output gradient.
    Conv2dFilterGrad {
        /// The convolution.
        conv: Conv2d,
        /// The shape of the filters.
        filter: Shape,
    },
    /// Pooling of images `(n, h, w, c)`.
    Pool2d(Pool2d),
    /// Gradient of [`Op::Pool2d`]. Inputs: for the maximum the images and the output gradient (the
    /// first largest element of a window receives all), for the average the output gradient.
    Pool2dGrad {
        /// The pooling.
        pool: Pool2d,
        /// The shape of the images.
        input: Shape,
    },
    /// Rows of a table. Inputs: table `(r, …)`, `int32` indexes of any shape. An index outside the
    /// table gives zeros.
    Gather,
    /// Rows added into a table of zeros. Inputs: `int32` indexes, rows. An index outside the table
    /// is dropped.
    ScatterAdd {
        /// How many rows the table has.
        rows: usize,
    },

    /// A chain of elementwise ops in one loop. Made by the fusion pass only.
    Fused(Box<Kernel>),
    /// One of the several results of a [`Op::Fused`].
    Project(usize),
}

/// What the operands of a product are rounded to before they are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// They are multiplied as they are.
    #[default]
    Float32,
    /// To the nearest number of 8 significant bits, halves to even: bfloat16. It has the exponents
    /// of `float32`; what is beyond its largest number becomes infinite, NaN stays NaN. Numbers
    /// below the normal ones may count as 0.
    BFloat16,
}

impl Precision {
    /// A number, rounded.
    ///
    /// ```
    /// use cornu_graph::op::Precision;
    ///
    /// assert_eq!(Precision::BFloat16.round(1.0 + 1.0 / 256.0), 1.0);
    /// assert_eq!(Precision::BFloat16.round(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0);
    /// assert_eq!(Precision::BFloat16.round(f32::MAX), f32::INFINITY);
    /// assert!(Precision::BFloat16.round(f32::NAN).is_nan());
    /// ```
    pub fn round(self, x: f32) -> f32 {
        match self {
            Precision::Float32 => x,
            Precision::BFloat16 if x.is_nan() => x,
            Precision::BFloat16 => {
                let bits = x.to_bits();
                let half = 0x7fff + (bits >> 16 & 1);
                f32::from_bits((bits + half) & 0xffff_0000)
            }
        }
    }
}

/// The distributions of [`Op::Random`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Evenly in [0, 1).
    Uniform,
    /// Mean 0, standard deviation 1.
    Normal,
}

/// The reductions of [`Op::Reduce`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    /// The sum; 0 of nothing.
    Sum,
    /// The product; 1 of nothing.
    Prod,
    /// The largest; the lowest value of the dtype of nothing. NaN if any is NaN.
    Max,
    /// The smallest; the highest value of the dtype of nothing. NaN if any is NaN.
    Min,
}

/// A range of [`Op::Slice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SliceRange {
    /// The first index.
    pub start: usize,
    /// The index to stop before. `None` is the end of the axis.
    pub end: Option<usize>,
    /// The distance from one index to the next, at least 1.
    pub step: usize,
}

impl SliceRange {
    /// The whole axis.
    pub const ALL: SliceRange = SliceRange { start: 0, end: None, step: 1 };
}

/// The attributes of a 2-D convolution, each for height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// Distance between windows.
    pub strides: [usize; 2],
    /// Zeros added before and after.
    pub padding: [(usize, usize); 2],
    /// Distance between the elements of a window.
    pub dilation: [usize; 2],
    /// How many groups the channels fall into.
    pub groups: usize,
}

/// The attributes of a 2-D pooling, each for height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2d {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Size of a window.
    pub window: [usize; 2],
    /// Distance between windows.
    pub strides: [usize; 2],
    /// Padding before and after, which neither the maximum nor the average counts.
    pub padding: [(usize, usize); 2],
}

/// What a pooling computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest element.
    Max,
    /// The mean of the elements.
    Average,
}

impl Op {
    /// A product of matrices in `float32`, with these transpose flags.
    pub fn matmul(transpose_a: bool, transpose_b: bool) -> Op {
        Op::MatMul { transpose_a, transpose_b, precision: Precision::Float32 }
    }

    /// Whether the result's elements depend only on the inputs' elements at the same place.
    pub fn is_elementwise(&self) -> bool {
        matches!(self, Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Cast(_))
    }

    /// What the operands of its product are rounded to, if it has one.
    pub fn precision(&self) -> Precision {
        match self {
            Op::MatMul { precision, .. } => *precision,
            Op::Fused(kernel) => kernel.product.map(|p| p.precision).unwrap_or_default(),
            _ => Precision::Float32,
        }
    }

    /// The op with the batch size replaced in its attributes.
    pub fn with_batch(&self, batch: Dim) -> Op {
        let mut op = self.clone();
        match &mut op {
            Op::Input { ty, .. } | Op::Variable { ty, .. } => ty.shape = ty.shape.with_batch(batch),
            Op::Iota { shape, .. }
            | Op::Random { shape, .. }
            | Op::Reshape(shape)
            | Op::Broadcast(shape)
            | Op::Conv2dInputGrad { input: shape, .. }
            | Op::Conv2dFilterGrad { filter: shape, .. }
            | Op::Pool2dGrad { input: shape, .. } => *shape = shape.with_batch(batch),
            _ => {}
        }
        op
    }
}
