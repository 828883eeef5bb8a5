//! Images in another size, pixel for pixel as Pillow makes them, which Keras's `load_img` uses.

use super::Image;

/// How an image is brought to another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// Each pixel is that of the old image at its middle. Keras's default for `load_img`. Thin lines
    /// break in a smaller image.
    #[default]
    Nearest,
    /// Between pixels, values are mixed by distance. In a smaller image each pixel is a mean of all
    /// that it covers (a triangle filter), so that thin lines fade but do not break.
    Bilinear,
}

/// The image in another size, of at least one pixel.
pub(super) fn resize(image: Image, height: usize, width: usize, how: Interpolation) -> Image {
    if (image.height, image.width) == (height, width) {
        return image;
    }
    match how {
        Interpolation::Nearest => nearest(&image, height, width),
        Interpolation::Bilinear => bilinear(image, height, width),
    }
}

fn nearest(image: &Image, height: usize, width: usize) -> Image {
    let places = |from: usize, to: usize| -> Vec<usize> {
        // Pillow adds steps up, and so decides by their rounding which of two pixels a middle between
        // them belongs to.
        let step = from as f64 / to as f64;
        let middles = std::iter::successors(Some(0.5 * step), |middle| Some(middle + step));
        middles.take(to).map(|middle| (middle as usize).min(from - 1)).collect()
    };
    let (rows, columns) = (places(image.height, height), places(image.width, width));
    let channels = image.channels;
    let mut pixels = Vec::with_capacity(height * width * channels);
    for &row in &rows {
        let row = &image.pixels[row * image.width * channels..][..image.width * channels];
        for &column in &columns {
            pixels.extend_from_slice(&row[column * channels..][..channels]);
        }
    }
    Image { height, width, channels, pixels }
}

/// Along the rows and along the columns; each rounds to whole numbers. What makes the image smaller
/// comes first, if the other makes it larger.
fn bilinear(image: Image, height: usize, width: usize) -> Image {
    if height < image.height && width > image.width {
        return along_rows(along_columns(image, height), width);
    }
    along_columns(along_rows(image, width), height)
}

fn along_rows(image: Image, width: usize) -> Image {
    if image.width == width {
        return image;
    }
    let channels = image.channels;
    let shares = shares(image.width, width);
    let mut pixels = Vec::with_capacity(image.height * width * channels);
    for row in image.pixels.chunks_exact(image.width * channels) {
        for share in &shares {
            let old = &row[share.first * channels..];
            pixels.extend((0..channels).map(|c| share.mix(old[c..].iter().step_by(channels))));
        }
    }
    Image { width, pixels, ..image }
}

fn along_columns(image: Image, height: usize) -> Image {
    if image.height == height {
        return image;
    }
    let row = image.width * image.channels;
    let mut pixels = Vec::with_capacity(height * row);
    for share in &shares(image.height, height) {
        let old = &image.pixels[share.first * row..];
        pixels.extend((0..row).map(|x| share.mix(old[x..].iter().step_by(row))));
    }
    Image { height, pixels, ..image }
}

/// Fractions have this many bits.
const BITS: u32 = 22;

/// The old pixels that a new one is mixed of.
struct Share {
    first: usize,
    /// Their parts, which add up to 2²².
    weights: Vec<i64>,
}

impl Share {
    fn mix<'a>(&self, old: impl Iterator<Item = &'a u8>) -> u8 {
        let products =
            self.weights.iter().zip(old).map(|(weight, &value)| weight * i64::from(value));
        ((products.sum::<i64>() + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
    }
}

/// The parts of a triangle as wide as two pixels, those of the new image if they are the wider.
fn shares(from: usize, to: usize) -> Vec<Share> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let share = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let weight = |j: usize| (1.0 - ((j as f64 - centre + 0.5) * (1.0 / reach)).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let share = 1.0 / weights.iter().sum::<f64>();
        let fixed = |weight: &f64| (weight * share * f64::from(1 << BITS)).round() as i64;
        Share { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..to).map(share).collect()
}
