//! Images with words above them, in an SVG or PNG file.

use super::images::Images;
use cornu::{Array, DType, Error, Result, viz};
use std::path::Path;

/// How many letters of a title there is room for.
const ROOM: usize = 29;
/// A name is not cut shorter than this.
const SHORTEST: usize = 5;

/// Whether a picture can be written to a file of this name.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ["svg", "png"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Checks that a picture can be written to a file of this name.
pub fn check(path: &Path) -> Result<()> {
    match is_picture(path) {
        true => Ok(()),
        false => Err(Error::value("a picture is written to a name that ends in .svg or .png")
            .within(path.display().to_string())),
    }
}

/// Draws images in rows.
pub fn draw(path: &Path, images: &Images, titles: &[String]) -> Result<()> {
    viz::image_grid(bytes(&images.pixels)?, titles)?.save(path)
}

/// Draws pairs of images.
pub fn draw_pairs(path: &Path, left: &Images, right: &Images, titles: &[String]) -> Result<()> {
    viz::pair_grid(bytes(&left.pixels)?, bytes(&right.pixels)?, titles)?.save(path)
}

/// A title: what is said of some images, and their names, as much of them as there is room for.
pub fn title(said: &str, names: &[&str]) -> String {
    // What lies between names is two letters long.
    let room = ROOM.saturating_sub(said.chars().count() + 2 * names.len());
    let lengths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
    let mut most = (room / names.len().max(1)).max(SHORTEST);
    // What short names leave, long ones take.
    while lengths.iter().map(|&length| length.min(most + 1)).sum::<usize>() <= room
        && lengths.iter().any(|&length| length > most)
    {
        most += 1;
    }
    let names: Vec<String> = names.iter().map(|name| ending(name, most)).collect();
    format!("{said}: {}", names.join(", "))
}

/// The end of a name, where names differ most.
fn ending(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length + 1 - most).collect();
    format!("…{end}")
}

/// The pixels as bytes; floats go from 0 to 1.
fn bytes(images: &Array) -> Result<Array> {
    if images.dtype() == DType::U8 {
        return Ok(images.clone());
    }
    let values = images.as_slice::<f32>()?.iter().map(|value| (value * 255.0).round() as u8);
    Array::new(images.shape(), values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_share_the_room() {
        assert_eq!(title("same 0.32", &["7", "2"]), "same 0.32: 7, 2");
        let long = "a/very/long/path/to/seven";
        assert_eq!(title("same 0.32", &["7", long]), "same 0.32: 7, …/path/to/seven");
        assert_eq!(title("same 0.32", &[long, long]), "same 0.32: …o/seven, …o/seven");
        let crowded = title("different 123456.78901", &[long, long]);
        assert_eq!(crowded, "different 123456.78901: …even, …even");
        assert_eq!(title("0.5", &[&"ü".repeat(40)]).chars().count(), ROOM);
    }
}
