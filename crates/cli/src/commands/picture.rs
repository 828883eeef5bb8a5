//! Images side by side in a PNG file.

use cornu::data::save_image;
use cornu::{Array, DType, Error, Result};
use std::path::Path;

/// Pixels between images.
const GAP: usize = 4;
/// How many times an image is enlarged.
const SCALE: usize = 4;
/// Between the images: a middle grey, on which light and dark ones can be told from their ground.
const GROUND: u8 = 128;

/// Checks that a picture can be written to a file of this name.
pub fn check(path: &Path) -> Result<()> {
    match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        true => Ok(()),
        false => Err(Error::value("a picture is written to a file whose name ends in .png")
            .within(path.display().to_string())),
    }
}

/// Draws images, `(n, height, width)`, so many in each row.
pub fn draw(path: &Path, images: &Array, columns: usize) -> Result<()> {
    check(path)?;
    let &[count, height, width] = images.shape() else {
        return Err(Error::shape("images to draw are (n, height, width)"));
    };
    let columns = columns.clamp(1, count.max(1));
    let (high, wide) = (height * SCALE + GAP, width * SCALE + GAP);
    let size = [count.div_ceil(columns) * high + GAP, columns * wide + GAP];
    let mut canvas = vec![GROUND; size[0] * size[1]];
    for (i, image) in bytes(images)?.chunks_exact(height * width).enumerate() {
        let (top, left) = (i / columns * high + GAP, i % columns * wide + GAP);
        for y in 0..height * SCALE {
            let row = &image[y / SCALE * width..][..width];
            let target = &mut canvas[(top + y) * size[1] + left..][..width * SCALE];
            for (pixels, &value) in target.chunks_exact_mut(SCALE).zip(row) {
                pixels.fill(value);
            }
        }
    }
    save_image(path, &Array::new(size, canvas)?)
}

/// The pixels as bytes; floats go from 0 to 1.
fn bytes(images: &Array) -> Result<Vec<u8>> {
    match images.dtype() {
        DType::U8 => images.clone().into_vec(),
        _ => {
            let values = images.as_slice::<f32>()?;
            Ok(values.iter().map(|value| (value * 255.0).round() as u8).collect())
        }
    }
}
