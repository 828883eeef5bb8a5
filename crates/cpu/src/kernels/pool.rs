//! Pooling of images and its gradient. Padding never counts.

use super::{Io, Kernel, Request};
use crate::simd::{Simd, instantiate};
use crate::threads::{Session, part};
use cornu_graph::op::{Pool2d, PoolKind};
use std::ops::Range;

/// The sizes of a pooling.
#[derive(Clone, Copy)]
struct Sizes {
    /// Height and width of the images.
    image: [usize; 2],
    /// Height and width of the output.
    output: [usize; 2],
    channels: usize,
    pool: Pool2d,
}

impl Sizes {
    /// The pixels of a window along an axis.
    #[inline(always)]
    fn pixels(&self, axis: usize, window: usize) -> Range<usize> {
        let start = window * self.pool.strides[axis];
        let before = self.pool.padding[axis].0;
        let end = (start + self.pool.window[axis]).saturating_sub(before).min(self.image[axis]);
        start.saturating_sub(before).min(end)..end
    }

    /// The place of a pixel in an image.
    #[inline(always)]
    fn pixel(&self, y: usize, x: usize) -> usize {
        (y * self.image[1] + x) * self.channels
    }

    /// The place of a window in an output.
    #[inline(always)]
    fn window(&self, y: usize, x: usize) -> usize {
        (y * self.output[1] + x) * self.channels
    }

    fn image_len(&self) -> usize {
        self.image[0] * self.image[1] * self.channels
    }

    fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.channels
    }
}

/// Computes rows of output windows, counted through all images.
type Forward = unsafe fn(&Sizes, *const f32, *mut f32, Range<usize>);

/// The kernel of [`cornu_graph::Op::Pool2d`].
pub(crate) struct Pool {
    sizes: Sizes,
    rows: usize,
    forward: Forward,
    parts: usize,
}

/// About how many cycles a pooling takes.
fn cycles(pool: &Pool2d, results: usize) -> usize {
    results.saturating_mul(pool.window[0]).saturating_mul(pool.window[1]) / 4
}

impl Pool {
    /// The kernel for a request with these attributes.
    pub(crate) fn new(request: &Request<'_>, pool: &Pool2d) -> Pool {
        let (x, y) = (request.input(0), request.output());
        let sizes =
            Sizes { image: [x[1], x[2]], output: [y[1], y[2]], channels: x[3], pool: *pool };
        let rows = y[0] * y[1];
        let parts = request.crew.tasks(cycles(pool, request.outputs[0].len()), rows);
        let i = request.instructions;
        let forward: Forward = match pool.kind {
            PoolKind::Max => instantiate!(
                i,
                fn(sizes: &Sizes, from: *const f32, to: *mut f32, rows: Range<usize>),
                s => {
                    let largest = |v, x| s.max_nan(v, x);
                    forward(s, sizes, from, to, rows, f32::NEG_INFINITY, largest, |v, _| v)
                }
            ),
            PoolKind::Average => instantiate!(
                i,
                fn(sizes: &Sizes, from: *const f32, to: *mut f32, rows: Range<usize>),
                s => {
                    let mean = |sum, count: usize| s.div(sum, s.splat(count.max(1) as f32));
                    forward(s, sizes, from, to, rows, 0.0, |v, x| s.add(v, x), mean)
                }
            ),
        };
        Pool { sizes, rows, forward, parts }
    }
}

impl Kernel for Pool {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        session.run(self.parts, &|index| {
            let rows = part(self.rows, self.parts, index);
            // SAFETY: by the contract of this function; each thread writes to its own rows.
            unsafe { (self.forward)(&self.sizes, io.input(0), io.output(0), rows) }
        });
    }
}

/// Folds the pixels of each window, a vector of channels at a time.
///
/// # Safety
/// See [`Forward`].
#[inline(always)]
unsafe fn forward<S: Simd>(
    s: S,
    sizes: &Sizes,
    from: *const f32,
    to: *mut f32,
    rows: Range<usize>,
    neutral: f32,
    fold: impl Fn(S::F, S::F) -> S::F,
    finish: impl Fn(S::F, usize) -> S::F,
) {
    // SAFETY: by the contract of this function.
    unsafe {
        for row in rows {
            let (image, oy) = (row / sizes.output[0], row % sizes.output[0]);
            let from = from.add(image * sizes.image_len());
            let to = to.add(row * sizes.output[1] * sizes.channels);
            let ys = sizes.pixels(0, oy);
            for ox in 0..sizes.output[1] {
                let xs = sizes.pixels(1, ox);
                for c in (0..sizes.channels).step_by(S::LANES) {
                    let n = S::LANES.min(sizes.channels - c);
                    let mut value = s.splat(neutral);
                    for y in ys.clone() {
                        for x in xs.clone() {
                            value = fold(value, s.load_n(from.add(sizes.pixel(y, x) + c), n));
                        }
                    }
                    let value = finish(value, ys.len() * xs.len());
                    s.store_n(to.add(ox * sizes.channels + c), value, n);
                }
            }
        }
    }
}

/// Computes the gradient of one image from the image (for the maximum) and the output's gradient.
type Backward = unsafe fn(&Sizes, *const f32, *const f32, *mut f32);

/// The kernel of [`cornu_graph::Op::Pool2dGrad`].
pub(crate) struct PoolGrad {
    sizes: Sizes,
    images: usize,
    backward: Backward,
    parts: usize,
}

impl PoolGrad {
    /// The kernel for a request with these attributes.
    pub(crate) fn new(request: &Request<'_>, pool: &Pool2d) -> PoolGrad {
        let (x, y) = (request.output(), request.input(request.inputs.len() - 1));
        let sizes =
            Sizes { image: [x[1], x[2]], output: [y[1], y[2]], channels: x[3], pool: *pool };
        let results = y.iter().product::<usize>();
        let parts = request.crew.tasks(cycles(pool, results).saturating_mul(4), x[0]);
        let i = request.instructions;
        let backward: Backward = match pool.kind {
            PoolKind::Max => instantiate!(
                i,
                fn(sizes: &Sizes, image: *const f32, gradient: *const f32, to: *mut f32),
                s => max_backward(s, sizes, image, gradient, to)
            ),
            PoolKind::Average => instantiate!(
                i,
                fn(sizes: &Sizes, _image: *const f32, gradient: *const f32, to: *mut f32),
                s => average_backward(s, sizes, gradient, to)
            ),
        };
        PoolGrad { sizes, images: x[0], backward, parts }
    }
}

impl Kernel for PoolGrad {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        let last = io.inputs.len() - 1;
        session.run(self.parts, &|index| {
            for image in part(self.images, self.parts, index) {
                // SAFETY: by the contract of this function; each thread writes to its own images.
                unsafe {
                    let (from, to) =
                        (image * self.sizes.image_len(), image * self.sizes.output_len());
                    let gradient = io.input::<f32>(last).add(to);
                    let pixels = io.input::<f32>(0).wrapping_add(from);
                    (self.backward)(&self.sizes, pixels, gradient, io.output::<f32>(0).add(from));
                }
            }
        });
    }
}

/// Gives each window's gradient to its first largest pixel.
///
/// # Safety
/// See [`Backward`].
#[inline(always)]
unsafe fn max_backward<S: Simd>(
    s: S,
    sizes: &Sizes,
    image: *const f32,
    gradient: *const f32,
    to: *mut f32,
) {
    // SAFETY: by the contract of this function.
    unsafe {
        to.write_bytes(0, sizes.image_len());
        each_window(s, sizes, |oy, ox, ys, xs, c, n| {
            // The number of the best pixel so far, and its value. A NaN beats every number.
            let (mut best, mut place) = (s.splat(f32::NEG_INFINITY), s.splat(0.0));
            let mut number = 0.0;
            for y in ys.clone() {
                for x in xs.clone() {
                    let v = s.load_n(image.add(sizes.pixel(y, x) + c), n);
                    let larger = s.select(s.lt(best, v), s.splat(number), place);
                    let first_nan = s.select(s.ne(best, best), larger, s.splat(number));
                    place = s.select(s.ne(v, v), first_nan, larger);
                    best = s.max_nan(best, v);
                    number += 1.0;
                }
            }
            let g = s.load_n(gradient.add(sizes.window(oy, ox) + c), n);
            let mut number = 0.0;
            for y in ys {
                for x in xs.clone() {
                    let to = to.add(sizes.pixel(y, x) + c);
                    let share = s.select(s.eq(place, s.splat(number)), g, s.splat(0.0));
                    s.store_n(to, s.add(s.load_n(to, n), share), n);
                    number += 1.0;
                }
            }
        });
    }
}

/// Shares each window's gradient out evenly among its pixels.
///
/// # Safety
/// See [`Backward`].
#[inline(always)]
unsafe fn average_backward<S: Simd>(s: S, sizes: &Sizes, gradient: *const f32, to: *mut f32) {
    // SAFETY: by the contract of this function.
    unsafe {
        to.write_bytes(0, sizes.image_len());
        each_window(s, sizes, |oy, ox, ys, xs, c, n| {
            let count = (ys.len() * xs.len()).max(1) as f32;
            let g = s.load_n(gradient.add(sizes.window(oy, ox) + c), n);
            let share = s.div(g, s.splat(count));
            for y in ys {
                for x in xs.clone() {
                    let to = to.add(sizes.pixel(y, x) + c);
                    s.store_n(to, s.add(s.load_n(to, n), share), n);
                }
            }
        });
    }
}

/// Calls `visit` with each window: its row and column, its pixels along both axes, the first of a
/// vector of channels and how many these are.
#[inline(always)]
fn each_window<S: Simd>(
    _: S,
    sizes: &Sizes,
    visit: impl Fn(usize, usize, Range<usize>, Range<usize>, usize, usize),
) {
    for oy in 0..sizes.output[0] {
        for ox in 0..sizes.output[1] {
            for c in (0..sizes.channels).step_by(S::LANES) {
                let n = S::LANES.min(sizes.channels - c);
                visit(oy, ox, sizes.pixels(0, oy), sizes.pixels(1, ox), c, n);
            }
        }
    }
}
