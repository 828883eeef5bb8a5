//! The affine warp: what `scipy.ndimage.affine_transform` does to each channel of an image.
//!
//! Which pixels are inside the image is decided in `f64` with SciPy's own order of operations.
//! Where all four neighbours are inside, pixels are read along a [`Line`], in fixed-point steps.

use super::ranges::FillMode;
use cornu_cpu::sampling::{Image, Line, Pixel, between};
use std::ops::Range;

/// The size of an image, channels last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub rows: usize,
    pub cols: usize,
    pub channels: usize,
}

impl Frame {
    /// How many numbers an image has.
    pub fn len(&self) -> usize {
        self.rows * self.cols * self.channels
    }
}

/// Wider images would not fit the fixed-point numbers.
const WIDEST: usize = 1 << 22;

/// How far from the edge of an image the fixed-point steps stay, in pixels: further than they can
/// be wrong.
const MARGIN: f64 = 1e-4;

/// A warp of one image. The pixel `(i, j)` of the result is read at `matrix · (i, j) + offset`.
pub(super) struct Warp<'a> {
    pub matrix: [[f64; 2]; 2],
    pub offset: [f64; 2],
    pub fill_mode: &'a FillMode,
    /// 0 takes the nearest pixel, 1 interpolates.
    pub order: u32,
    /// What every pixel of the image is multiplied by.
    pub gain: f32,
    /// The value outside of the image where the fill mode is constant. Not multiplied.
    pub outside: f32,
}

impl Warp<'_> {
    /// Writes the warped image.
    pub fn run<P: Pixel>(&self, frame: Frame, image: &[P], out: &mut [f32]) {
        // The common numbers of channels get loops of their own.
        match frame.channels {
            1 => self.rows(Frame { channels: 1, ..frame }, image, out),
            3 => self.rows(Frame { channels: 3, ..frame }, image, out),
            _ => self.rows(frame, image, out),
        }
    }

    #[inline(always)]
    fn rows<P: Pixel>(&self, frame: Frame, image: &[P], out: &mut [f32]) {
        let width = frame.cols * frame.channels;
        let axes = Axes::new(self, frame);
        let source = Image::new(image, frame.cols, frame.channels, self.gain);
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let starts = [self.at(0, row, 0), self.at(1, row, 0)];
            let inside = axes.within(starts, MARGIN).unwrap_or(0..0);
            let near = match self.fill_mode {
                FillMode::Constant => axes.within(starts, -MARGIN).unwrap_or(0..frame.cols),
                _ => 0..frame.cols,
            };
            let inside = if inside.is_empty() { near.end..near.end } else { inside };
            out[..near.start * frame.channels].fill(self.outside);
            out[near.end * frame.channels..].fill(self.outside);
            for col in (near.start..inside.start).chain(inside.end..near.end) {
                let at = col * frame.channels;
                self.exact(row, col, frame, image, &mut out[at..at + frame.channels]);
            }
            let out = &mut out[inside.start * frame.channels..inside.end * frame.channels];
            match self.order {
                0 => self.stride_nearest(row, inside.start, frame, image, out),
                _ => {
                    let start = [self.at(0, row, inside.start), self.at(1, row, inside.start)];
                    source.read(Line::new(start, [self.matrix[0][1], self.matrix[1][1]]), out);
                }
            }
        }
    }

    /// Where a pixel of the result is read along one axis.
    #[inline(always)]
    fn at(&self, axis: usize, row: usize, col: usize) -> f64 {
        let [by_row, by_col] = self.matrix[axis];
        row as f64 * by_row + col as f64 * by_col + self.offset[axis]
    }

    /// The nearest pixels of a row from a column on, all of them inside the image. Which one is
    /// nearest is not left to the fixed-point steps of [`Line`].
    #[inline(always)]
    fn stride_nearest<P: Pixel>(
        &self,
        row: usize,
        col: usize,
        frame: Frame,
        image: &[P],
        out: &mut [f32],
    ) {
        for (step, out) in out.chunks_exact_mut(frame.channels).enumerate() {
            let [y, x] = [0, 1].map(|axis| (self.at(axis, row, col + step) + 0.5) as usize);
            let place = (y * frame.cols + x) * frame.channels;
            let pixel = image[place..place + frame.channels].iter();
            out.iter_mut().zip(pixel).for_each(|(out, x)| *out = (*x).into() * self.gain);
        }
    }

    /// One pixel, anywhere.
    #[inline(never)]
    fn exact<P: Pixel>(&self, row: usize, col: usize, frame: Frame, image: &[P], out: &mut [f32]) {
        let place = |axis, size| {
            mapped(self.at(axis, row, col), size, self.fill_mode).map(|x| self.near(x, size))
        };
        let (Some(y), Some(x)) = (place(0, frame.rows), place(1, frame.cols)) else {
            out.fill(self.outside);
            return;
        };
        let pixel = |row, col, channel| image[(row * frame.cols + col) * frame.channels + channel];
        for (channel, out) in out.iter_mut().enumerate() {
            let upper =
                between(pixel(y.low, x.low, channel), pixel(y.low, x.high, channel), x.part);
            let lower =
                between(pixel(y.high, x.low, channel), pixel(y.high, x.high, channel), x.part);
            *out = (upper + y.part * (lower - upper)) * self.gain;
        }
    }

    /// The pixels beside a coordinate in -1..size. Beyond the edge is the outermost pixel: the
    /// reflected one, or one that counts nothing.
    fn near(&self, x: f64, size: usize) -> Near {
        let nearest = |x: f64| (x.max(0.0) as usize).min(size - 1);
        let low = floor(if self.order == 0 { x + 0.5 } else { x });
        match self.order {
            0 => Near { low: nearest(low), high: nearest(low), part: 0.0 },
            _ => Near { low: nearest(low), high: nearest(low + 1.0), part: (x - low) as f32 },
        }
    }
}

/// The axes of a warp, to tell which columns of a row are read where.
struct Axes([Axis; 2]);

struct Axis {
    /// The last coordinate inside the image.
    last: f64,
    /// From column to column.
    step: f64,
    /// Its reciprocal; `None` if a whole row is read at one place.
    per_step: Option<f64>,
    /// Whether the fixed-point steps are exact enough.
    usual: bool,
    cols: usize,
}

impl Axes {
    fn new(warp: &Warp<'_>, frame: Frame) -> Axes {
        let axis = |axis: usize, size: usize| {
            let step = warp.matrix[axis][1];
            let moves = step.abs() * (frame.cols as f64) >= MARGIN / 2.0;
            Axis {
                last: size as f64 - 1.0,
                step,
                per_step: moves.then(|| 1.0 / step),
                usual: (2..=WIDEST).contains(&size) && frame.rows * frame.cols < 1 << 31,
                cols: frame.cols,
            }
        };
        Axes([axis(0, frame.rows), axis(1, frame.cols)])
    }

    /// The columns of a row that are read inside the image, this far from its edges; `None` if
    /// that cannot be told. The row is read from `starts` on.
    #[inline(always)]
    fn within(&self, starts: [f64; 2], margin: f64) -> Option<Range<usize>> {
        let (mut first, mut last) = (0.0, self.0[0].cols as f64 - 1.0);
        for (axis, start) in self.0.iter().zip(starts) {
            let (low, high) = (margin, axis.last - margin);
            if !axis.usual || !(start + axis.step).is_finite() {
                return None;
            }
            match axis.per_step {
                Some(per_step) => {
                    let ends = [(low - start) * per_step, (high - start) * per_step];
                    first = f64::max(first, ends[0].min(ends[1]));
                    last = f64::min(last, ends[0].max(ends[1]));
                }
                None if (low..=high).contains(&start) => {}
                None => return Some(0..0),
            }
        }
        if first > last {
            return Some(0..0);
        }
        // Neither is negative: what is cut off is what is behind the point.
        let start = first as usize + usize::from((first as usize as f64) < first);
        let end = last as usize + 1;
        Some(start..end.max(start))
    }
}

/// Two neighbours along an axis, and how much the second one counts.
struct Near {
    low: usize,
    high: usize,
    part: f32,
}

/// Without the library call that `f64::floor` is on machines before SSE 4.1.
#[inline(always)]
fn floor(x: f64) -> f64 {
    let whole = x as i64 as f64;
    if whole > x { whole - 1.0 } else { whole }
}

/// The coordinate inside an axis that stands for one outside, as SciPy maps it: in -1..size.
/// `None` stands for the constant outside.
fn mapped(x: f64, size: usize, mode: &FillMode) -> Option<f64> {
    let last = size as f64 - 1.0;
    if (0.0..=last).contains(&x) {
        return Some(x);
    }
    let whole = |x: f64| x as i64 as f64;
    let inside = match mode {
        FillMode::Constant => return None,
        _ if x.is_nan() => return None,
        FillMode::Reflect if last > 0.0 => {
            let (size, period) = (size as f64, 2.0 * size as f64);
            let x = if x < 0.0 { -x - 1.0 } else { x };
            let x = x - period * whole(x / period);
            if x >= size { period - x - 1.0 } else { x }
        }
        FillMode::Wrap if x < 0.0 && last > 0.0 => x + last * (whole(-x / last) + 1.0),
        FillMode::Wrap if last > 0.0 => x - last * whole(x / last),
        _ => x.clamp(0.0, last),
    };
    // Beyond what integers hold, nothing above is exact.
    Some(inside.clamp(-1.0, last + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17.1: `affine_transform(arange(6.), [[1.]], x, order=…, mode=…, cval=-9)[0]`.
    #[test]
    fn coordinates_beyond_the_edges_are_scipys() {
        let at = [-1e-17, -0.3, -0.8, -1.0, -1.3, -5.5, -6.0, -6.2, -12.0, -13.3];
        let and = [5.0, 5.2, 5.7, 6.0, 6.3, 11.9, 12.0, 13.4];
        let at: Vec<f64> = at.into_iter().chain(and).collect();
        let reflect = [
            0.0, 0.0, 0.0, 0.0, 0.3, 4.5, 5.0, 5.0, 0.0, 0.3, 5.0, 5.0, 5.0, 5.0, 4.7, 0.0, 0.0,
            1.4,
        ];
        let wrap = [
            5.0, 4.7, 4.2, 4.0, 3.7, 4.5, 4.0, 3.8, 3.0, 1.7, 5.0, 0.2, 0.7, 1.0, 1.3, 1.9, 2.0,
            3.4,
        ];
        let nearest = [0.0; 10].into_iter().chain([5.0; 8]).collect::<Vec<f64>>();
        let constant: Vec<f64> = at.iter().map(|&x| if x == 5.0 { 5.0 } else { -9.0 }).collect();
        for (mode, expected) in [
            (FillMode::Reflect, reflect.to_vec()),
            (FillMode::Wrap, wrap.to_vec()),
            (FillMode::Nearest, nearest),
            (FillMode::Constant, constant),
        ] {
            for (x, expected) in at.iter().zip(expected) {
                let read = read(*x, &mode, 1);
                assert!((read - expected as f32).abs() < 1e-5, "{mode:?} at {x}: {read}");
            }
        }
        let nearest = [(-0.5, 0.0), (-1.3, 0.0), (-5.5, 5.0), (2.5, 3.0), (5.7, 5.0), (13.4, 1.0)];
        nearest.iter().for_each(|&(x, y)| assert_eq!(read(x, &FillMode::Reflect, 0), y, "{x}"));
        let nearest = [(-0.5, 5.0), (-1.3, 4.0), (-5.5, 5.0), (2.5, 3.0), (5.7, 1.0), (13.4, 3.0)];
        nearest.iter().for_each(|&(x, y)| assert_eq!(read(x, &FillMode::Wrap, 0), y, "{x}"));
    }

    /// The pixel of `0 1 2 3 4 5` at a place.
    fn read(x: f64, mode: &FillMode, order: u32) -> f32 {
        let frame = Frame { rows: 1, cols: 6, channels: 1 };
        let image = [0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0];
        let mut out = [0.0; 6];
        warp([[1.0, 0.0], [0.0, 1.0]], [0.0, x], mode, order).run(frame, &image, &mut out);
        out[0]
    }

    fn warp(matrix: [[f64; 2]; 2], offset: [f64; 2], fill_mode: &FillMode, order: u32) -> Warp<'_> {
        Warp { matrix, offset, fill_mode, order, gain: 1.0, outside: -9.0 }
    }

    /// Steps of fixed-point numbers read the same as coordinates computed one by one.
    #[test]
    fn steps_agree_with_single_pixels() {
        let matrices = [
            ([[0.9, 0.01], [-0.02, 1.05]], [0.3, -17.7]),
            ([[1.0, 0.0], [0.0, -1.0]], [0.0, 999.0]),
            ([[0.0, 0.0391], [25.0, 0.0]], [0.0, 0.0]),
            ([[1.0, 1e-9], [0.0, 1e-9]], [0.5, 0.5]),
            ([[1.0, 0.0], [0.0, 700.0]], [0.25, 0.5]),
            ([[1.0, 0.0], [0.0, 1e300]], [0.25, 0.5]),
        ];
        for channels in [1, 2] {
            let frame = Frame { rows: 40, cols: 1000, channels };
            let image: Vec<u8> = (0..frame.len()).map(|i| (i * 7919 % 251) as u8).collect();
            let mut steps = 0;
            for ((matrix, offset), order) in matrices.into_iter().flat_map(|m| [(m, 0), (m, 1)]) {
                let warp = warp(matrix, offset, &FillMode::Constant, order);
                let axes = Axes::new(&warp, frame);
                let mut out = vec![0.0; frame.len()];
                warp.run(frame, &image, &mut out);
                for (i, out) in out.chunks(channels).enumerate() {
                    let (row, col) = (i / frame.cols, i % frame.cols);
                    let starts = [warp.at(0, row, 0), warp.at(1, row, 0)];
                    let inside = axes.within(starts, MARGIN);
                    steps += usize::from(inside.is_some_and(|inside| inside.contains(&col)));
                    let mut exact = vec![0.0; channels];
                    warp.exact(row, col, frame, &image, &mut exact);
                    let far = out.iter().zip(&exact).map(|(a, b)| (a - b).abs());
                    assert!(
                        far.fold(0.0, f32::max) < 2e-4,
                        "{matrix:?} at {row}, {col}: {out:?}, not {exact:?}"
                    );
                }
            }
            assert!(steps > 200_000, "{steps}");
        }
    }

    /// Coordinates far beyond what integers hold are read somewhere, without a panic.
    #[test]
    fn any_finite_matrix_is_read() {
        let image = [1.0f32; 6];
        for mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Nearest, FillMode::Constant] {
            for frame in [(2, 3), (1, 6), (6, 1)] {
                let frame = Frame { rows: frame.0, cols: frame.1, channels: 1 };
                for size in [1e300, -1e300, 1e19, -3e9, f64::MAX] {
                    for order in [0, 1] {
                        let mut out = [0.0; 6];
                        let matrix = [[size, -size], [size, size]];
                        warp(matrix, [size, 0.0], &mode, order).run(frame, &image, &mut out);
                        assert!(out.iter().all(|x| *x == 1.0 || *x == -9.0), "{mode:?} {out:?}");
                    }
                }
            }
        }
    }
}
