//! Reductions.
//!
//! The axes are joined until reduced and kept ones alternate. Then only two patterns are left: the
//! innermost axis is reduced (each result is a sum of runs, [`Pattern::Runs`]) or kept (rows are
//! added to rows, [`Pattern::Rows`]). Threads share the results out; if there are few results they
//! share the elements, and the caller joins their parts in order.

mod arg;
mod float;
mod whole;

pub(crate) use arg::ArgReduce;

use super::{Io, Kernel, Request};
use crate::threads::{Session, part};
use cornu_graph::DType;
use cornu_graph::op::ReduceOp;
use std::ops::Range;

/// Sizes and strides of some axes, outermost first.
#[derive(Clone, Debug, Default, PartialEq)]
struct Axes(Vec<(usize, usize)>);

impl Axes {
    /// How many combinations there are.
    fn count(&self) -> usize {
        self.0.iter().map(|axis| axis.0).product()
    }

    /// The place of a combination.
    #[inline(always)]
    fn offset(&self, index: usize) -> usize {
        if let [(_, stride)] = *self.0 {
            return index * stride;
        }
        let mut rest = index;
        let mut offset = 0;
        for &(size, stride) in self.0.iter().rev() {
            offset += rest % size * stride;
            rest /= size;
        }
        offset
    }
}

/// A reduction with its axes joined.
#[derive(Clone, Debug, PartialEq)]
struct Shape {
    pattern: Pattern,
    /// The kept axes, without the innermost if that is kept.
    kept: Axes,
    /// The reduced axes, without the innermost if that is reduced.
    reduced: Axes,
    /// The size of the innermost axis.
    run: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    /// The innermost axis is reduced.
    Runs,
    /// The innermost axis is kept.
    Rows,
}

impl Shape {
    fn new(sizes: &[usize], axes: &[usize]) -> Shape {
        let mut joined: Vec<(usize, usize, bool)> = vec![];
        let mut stride: usize = sizes.iter().product();
        for (axis, &size) in sizes.iter().enumerate() {
            stride = stride.checked_div(size).unwrap_or(0);
            let reduced = axes.contains(&axis);
            match joined.last_mut() {
                _ if size == 1 => {}
                Some(last) if last.2 == reduced => *last = (last.0 * size, stride, reduced),
                _ => joined.push((size, stride, reduced)),
            }
        }
        let (run, _, reduced) = joined.pop().unwrap_or((1, 1, false));
        let of = |kind: bool| {
            let axes = joined.iter().filter(|a| a.2 == kind).map(|a| (a.0, a.1));
            Axes(axes.collect())
        };
        let pattern = if reduced { Pattern::Runs } else { Pattern::Rows };
        Shape { pattern, kept: of(false), reduced: of(true), run }
    }

    /// How many results there are.
    fn results(&self) -> usize {
        self.kept.count() * if self.pattern == Pattern::Rows { self.run } else { 1 }
    }
}

/// What one thread computes: for runs some of the results from some elements of each run, for rows
/// some columns from some rows of some of the outer kept axes.
#[derive(Clone, Debug)]
struct Part {
    /// Combinations of the kept axes.
    kept: Range<usize>,
    /// Elements of a run, or columns.
    run: Range<usize>,
    /// Combinations of the reduced axes.
    reduced: Range<usize>,
}

/// Reduces a part. Asks that the input can be read and the results of the part written, the first
/// result (of all parts) being at the second pointer.
type Run = unsafe fn(&Shape, *const u8, *mut u8, &Part);

/// Joins the results of several parts: the number of results, of parts, the parts' results and
/// where the joined ones go.
type Join = unsafe fn(usize, usize, *const u8, *mut u8);

/// The kernel of [`cornu_graph::Op::Reduce`].
pub(crate) struct Reduce {
    shape: Shape,
    run: Run,
    join: Join,
    parts: Vec<Part>,
    /// Whether each part covers all results and only some elements.
    partial: bool,
    size: usize,
}

impl Reduce {
    /// The kernel for a request with these attributes.
    pub(crate) fn new(request: &Request<'_>, kind: ReduceOp, axes: &[usize]) -> Reduce {
        let sizes = request.input(0);
        let dtype = request.inputs[0].dtype;
        let shape = Shape::new(&sizes, axes);
        let elements: usize = sizes.iter().product();
        let per_cycle = if dtype == DType::F32 { 8 } else { 2 };
        let cycles = elements / per_cycle + 20 * shape.results();
        let threads = request.crew.tasks(cycles, usize::MAX);
        let (parts, partial) = share(&shape, threads);
        let (run, join) = match dtype {
            DType::F32 => float::functions(kind, shape.pattern, request.instructions),
            dtype => whole::functions(kind, shape.pattern, dtype, request.instructions),
        };
        Reduce { shape, run, join, parts, partial, size: dtype.size() }
    }

    /// Bytes for the results of one part.
    fn part_bytes(&self) -> usize {
        (self.shape.results() * self.size).next_multiple_of(64)
    }
}

/// Shares a reduction out among threads. The flag tells whether the parts must be joined.
fn share(shape: &Shape, threads: usize) -> (Vec<Part>, bool) {
    let whole =
        Part { kept: 0..shape.kept.count(), run: 0..shape.run, reduced: 0..shape.reduced.count() };
    let cut = |count: usize, make: &dyn Fn(Range<usize>) -> Part| -> Vec<Part> {
        let count_parts = threads.min(count).max(1);
        (0..count_parts).map(|i| make(part(count, count_parts, i))).collect()
    };
    // Cutting columns in pieces of whole cache lines.
    let lines = shape.run.div_ceil(64);
    let columns =
        |lines: Range<usize>| (lines.start * 64).min(shape.run)..(lines.end * 64).min(shape.run);
    match shape.pattern {
        _ if threads == 1 => (vec![whole], false),
        _ if whole.kept.len() >= threads => {
            (cut(whole.kept.len(), &|kept| Part { kept, ..whole.clone() }), false)
        }
        Pattern::Rows if lines >= threads => {
            (cut(lines, &|l| Part { run: columns(l), ..whole.clone() }), false)
        }
        Pattern::Runs if whole.reduced.len() == 1 => {
            (cut(whole.run.len(), &|run| Part { run, ..whole.clone() }), true)
        }
        _ => (cut(whole.reduced.len(), &|reduced| Part { reduced, ..whole.clone() }), true),
    }
}

impl Kernel for Reduce {
    fn scratch(&self) -> usize {
        if self.partial { self.parts.len() * self.part_bytes() } else { 0 }
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function; parts write to different results, or to
        // scratch memory of their own.
        unsafe {
            session.run(self.parts.len(), &|index| {
                let to = if self.partial {
                    io.scratch::<u8>().wrapping_add(index * self.part_bytes())
                } else {
                    io.output(0)
                };
                (self.run)(&self.shape, io.input(0), to, &self.parts[index]);
            });
            if self.partial {
                let (results, parts) = (self.shape.results(), self.parts.len());
                (self.join)(results, parts, io.scratch(), io.output(0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_joined() {
        let shape = Shape::new(&[2, 3, 1, 4, 5], &[0, 1]);
        assert_eq!((shape.pattern, shape.run), (Pattern::Rows, 20));
        assert_eq!((shape.kept, shape.reduced), (Axes(vec![]), Axes(vec![(6, 20)])));
        let shape = Shape::new(&[2, 3, 4], &[0, 2]);
        assert_eq!((shape.pattern, shape.run), (Pattern::Runs, 4));
        assert_eq!((shape.kept, shape.reduced), (Axes(vec![(3, 4)]), Axes(vec![(2, 12)])));
        let shape = Shape::new(&[], &[]);
        assert_eq!((shape.pattern, shape.run, shape.results()), (Pattern::Rows, 1, 1));
        assert_eq!(Shape::new(&[0, 3], &[0]).results(), 3);
        assert_eq!(Shape::new(&[3, 0], &[0]).results(), 0);
    }

    #[test]
    fn parts_cover_everything() {
        for (sizes, axes, partial) in [
            (&[1000, 4][..], &[1][..], false),
            (&[1000, 512], &[0], false),
            (&[1000, 10], &[0], true),
            (&[100_000], &[0], true),
            (&[2, 50_000, 3], &[0, 1, 2], true),
        ] {
            let shape = Shape::new(sizes, axes);
            let (parts, joined) = share(&shape, 3);
            assert_eq!((parts.len(), joined), (3, partial), "{sizes:?}");
            let size = |p: &Part| p.kept.len() * p.run.len() * p.reduced.len();
            let total: usize = sizes.iter().product();
            assert_eq!(parts.iter().map(size).sum::<usize>(), total, "{sizes:?}");
        }
    }
}
