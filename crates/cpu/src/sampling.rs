//! Images read between their pixels, along straight lines: the inner loop of warping an image.

use crate::simd::{Instructions, instantiate};

/// Bits behind the point of a coordinate. Steps are rounded to 2^-41 of a pixel, which makes 2^-18
/// over an image of 2^22 columns.
const BITS: u32 = 40;
/// How many pixels are read at once.
const CHUNK: usize = 32;

/// What images can hold: `u8` or `f32`.
pub trait Pixel: Copy + Default + Into<f32> + Sync + 'static {
    /// The function that reads images of such pixels.
    #[doc(hidden)]
    fn reader(instructions: Instructions) -> Reader<Self>;
}

#[doc(hidden)]
pub type Reader<P> = unsafe fn(&Image<'_, P>, Line, &mut [f32]);

macro_rules! pixel {
    ($type:ty) => {
        impl Pixel for $type {
            fn reader(instructions: Instructions) -> Reader<$type> {
                instantiate!(
                    instructions,
                    fn(image: &Image<'_, $type>, line: Line, out: &mut [f32]), _s => {
                        image.along(line, out)
                    }
                )
            }
        }
    };
}
pixel!(u8);
pixel!(f32);

/// Places at equal distances: where pixels are read.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    row: i64,
    col: i64,
    down: i64,
    right: i64,
}

impl Line {
    /// The places `start`, `start + step`, … as (row, column), rounded to 2^-41.
    pub fn new(start: [f64; 2], step: [f64; 2]) -> Line {
        let fixed = |x: f64| (x * (1u64 << BITS) as f64) as i64;
        Line {
            row: fixed(start[0]),
            col: fixed(start[1]),
            down: fixed(step[0]),
            right: fixed(step[1]),
        }
    }

    /// The row and the column of the pixel above and to the left.
    #[inline(always)]
    fn corner(&self) -> [u32; 2] {
        [(self.row >> BITS) as u32, (self.col >> BITS) as u32]
    }

    /// How far the place is from that pixel, in its lower 24 bits.
    #[inline(always)]
    fn parts(&self) -> [i32; 2] {
        [(self.row >> (BITS - 24)) as i32, (self.col >> (BITS - 24)) as i32]
    }

    #[inline(always)]
    fn advance(&mut self) {
        // The step behind the last place may not fit, and is not used.
        self.row = self.row.wrapping_add(self.down);
        self.col = self.col.wrapping_add(self.right);
    }
}

/// An image to read from: rows of pixels, each of some channels.
pub struct Image<'a, P: Pixel> {
    pixels: &'a [P],
    cols: usize,
    channels: usize,
    gain: f32,
    reader: Reader<P>,
}

impl<'a, P: Pixel> Image<'a, P> {
    /// An image of rows of `cols` pixels of `channels` numbers. What is read of it is multiplied by
    /// `gain`.
    pub fn new(pixels: &'a [P], cols: usize, channels: usize, gain: f32) -> Image<'a, P> {
        let reader = P::reader(Instructions::best());
        Image { pixels, cols, channels, gain, reader }
    }

    /// Reads pixels at the places of a line, interpolated between their four neighbours, until `out`
    /// is full.
    ///
    /// # Panics
    /// If a place is outside of the image, or on its last row or column.
    pub fn read(&self, line: Line, out: &mut [f32]) {
        // SAFETY: the reader was made for the instructions of this machine, and asks for no more.
        unsafe { (self.reader)(self, line, out) }
    }

    #[inline(always)]
    fn along(&self, line: Line, out: &mut [f32]) {
        match self.channels {
            1 => self.grey(line, out),
            3 => Image { channels: 3, ..*self }.coloured(line, out),
            _ => self.coloured(line, out),
        }
    }

    #[inline(always)]
    fn coloured(&self, mut line: Line, out: &mut [f32]) {
        let Image { pixels, cols, channels, gain, .. } = *self;
        for out in out.chunks_exact_mut(channels) {
            let [row, col] = line.corner().map(|x| x as usize);
            let place = (row * cols + col) * channels;
            let [v, u] = line.parts().map(fraction);
            let above = &pixels[place..place + 2 * channels];
            let below = &pixels[place + cols * channels..place + (cols + 2) * channels];
            for (channel, out) in out.iter_mut().enumerate() {
                let upper = between(above[channel], above[channels + channel], u);
                let lower = between(below[channel], below[channels + channel], u);
                *out = (upper + v * (lower - upper)) * gain;
            }
            line.advance();
        }
    }

    /// One channel: first the places of a few pixels, then their neighbours, then the arithmetic, on
    /// vectors.
    #[inline(always)]
    fn grey(&self, mut line: Line, out: &mut [f32]) {
        let Image { pixels, cols, gain, .. } = *self;
        let (mut places, mut vs, mut us) = ([0u32; CHUNK], [0; CHUNK], [0; CHUNK]);
        for out in out.chunks_mut(CHUNK) {
            // Of whole vectors, also where fewer are wanted.
            for i in 0..CHUNK {
                let [row, col] = line.corner();
                places[i] = row.wrapping_mul(cols as u32).wrapping_add(col);
                [vs[i], us[i]] = line.parts();
                line.advance();
            }
            let mut corners = [[P::default(); 4]; CHUNK];
            for (corners, &place) in corners.iter_mut().zip(&places[..out.len()]) {
                let from = &pixels[place as usize..place as usize + cols + 2];
                *corners = [from[0], from[1], from[cols], from[cols + 1]];
            }
            let mut read = [0.0; CHUNK];
            for i in 0..CHUNK {
                let (v, u) = (fraction(vs[i]), fraction(us[i]));
                let [a, b, c, d] = corners[i];
                let (upper, lower) = (between(a, b, u), between(c, d, u));
                read[i] = (upper + v * (lower - upper)) * gain;
            }
            out.copy_from_slice(&read[..out.len()]);
        }
    }
}

/// What is between two pixels: `part` tells how much the second one counts.
#[inline(always)]
pub fn between<P: Pixel>(a: P, b: P, part: f32) -> f32 {
    let (a, b): (f32, f32) = (a.into(), b.into());
    a + part * (b - a)
}

/// What the lower 24 bits say, behind the point.
#[inline(always)]
fn fraction(part: i32) -> f32 {
    (part & 0xFF_FFFF) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and columns of numbers that no two pixels share, read along some lines.
    #[test]
    fn pixels_are_interpolated_between_their_neighbours() {
        let [rows, cols] = [9usize, 50];
        for channels in [1, 2, 3] {
            let bytes: Vec<u8> =
                (0..rows * cols * channels).map(|i| (i * 89 % 251) as u8).collect();
            let floats: Vec<f32> = bytes.iter().map(|&x| x.into()).collect();
            for (start, step) in [([0.25, 0.5], [0.1, 0.9]), ([7.9, 48.5], [-0.12, -0.73])] {
                let count = 45;
                let place = |i: usize, axis: usize| start[axis] + i as f64 * step[axis];
                let pixel =
                    |y: usize, x: usize, c: usize| f64::from(bytes[(y * cols + x) * channels + c]);
                let exact = |i: usize, c: usize| {
                    let (y, x) = (place(i, 0), place(i, 1));
                    let (row, col) = (y as usize, x as usize);
                    let (v, u) = (y.fract(), x.fract());
                    let line = |r| pixel(r, col, c) * (1.0 - u) + pixel(r, col + 1, c) * u;
                    (line(row) * (1.0 - v) + line(row + 1) * v) * 0.5
                };
                let mut read = [vec![0.0; count * channels], vec![0.0; count * channels]];
                let line = Line::new(start, step);
                Image::new(&bytes, cols, channels, 0.5).read(line, &mut read[0]);
                Image::new(&floats, cols, channels, 0.5).read(line, &mut read[1]);
                for (i, (a, b)) in read[0].iter().zip(&read[1]).enumerate() {
                    let exact = exact(i / channels, i % channels);
                    assert!((f64::from(*a) - exact).abs() < 1e-4, "{i}: {a}, not {exact}");
                    assert_eq!(a, b);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_line_that_leaves_the_image_is_refused() {
        let image = [0u8; 12];
        Image::new(&image, 4, 1, 1.0).read(Line::new([1.0, 0.0], [1.0, 0.0]), &mut [0.0; 3]);
    }
}
