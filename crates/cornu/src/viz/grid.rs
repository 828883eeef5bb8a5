//! Images in rows and columns, each with a title: samples with their labels, pairs with their
//! likeness.

use super::Picture;
use super::bitmap;
use super::paint::Ink;
use super::paint::{Area, Bitmap, Canvas, Lettering, Paint};
use crate::data::Column;
use cornu_graph::{Error, Result};
use std::fmt::Display;

/// The longer side of an image: three times that of MNIST, so that its pixels stay sharp.
const IMAGE: f64 = 84.0;
/// The room between cells, and at the edges.
const GAP: f64 = 14.0;
const EDGE: f64 = 18.0;
/// The height of a title.
const TITLE: f64 = 24.0;
/// The widest picture, if more than one image is in a row.
const WIDEST: f64 = 1080.0;
/// The widest title; what is longer is cut.
const WIDEST_TITLE: f64 = 200.0;

const LETTERING: Lettering = Lettering::PLAIN.size(13.0).middle();

/// Images in rows, with titles above them: the label of each sample, or what a model took it for.
///
/// `images` are `(n, height, width)`, with 1 or 3 colours after that or not, or `(n, pixels)` of
/// square ones. Without titles, pass an empty slice.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::viz;
///
/// let images = Array::new([2, 4, 4], (0..32).collect::<Vec<u8>>())?;
/// let picture = viz::image_grid(&images, &["cat", "dog"])?;
/// # assert!(picture.to_svg()?.contains("dog"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there are no images, the samples are none, or there is not one title for each.
pub fn image_grid<T: Display>(images: impl Into<Column>, titles: &[T]) -> Result<Picture> {
    let images = images.into();
    check(images.len(), titles.len(), "images")?;
    let images = bitmap::of_samples(&images.to_array()?)?;
    let cells = images.into_iter().map(|image| vec![image]).collect();
    Ok(Picture::drawn(Grid::new(cells, titles).draw("Images")))
}

/// Pairs of images side by side, with titles above them: `7 and 7, likeness 0.93`.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::viz;
///
/// let images = Array::new([2, 4, 4], (0..32).collect::<Vec<u8>>())?;
/// let picture = viz::pair_grid(&images, &images, &["7 and 7: 0.93", "1 and 7: 0.12"])?;
/// # assert!(picture.to_svg()?.contains("0.12"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there are no pairs or not equally many on both sides, the samples are no images, or there is
/// not one title for each pair.
pub fn pair_grid<T: Display>(
    left: impl Into<Column>,
    right: impl Into<Column>,
    titles: &[T],
) -> Result<Picture> {
    let (left, right) = (left.into(), right.into());
    if left.len() != right.len() {
        let (left, right) = (left.len(), right.len());
        return Err(Error::data(format!("{left} images on the left, {right} on the right")));
    }
    check(left.len(), titles.len(), "pairs")?;
    let left = bitmap::of_samples(&left.to_array()?)?;
    let right = bitmap::of_samples(&right.to_array()?)?;
    let cells = left.into_iter().zip(right).map(|(left, right)| vec![left, right]).collect();
    Ok(Picture::drawn(Grid::new(cells, titles).draw("Pairs of images")))
}

fn check(images: usize, titles: usize, what: &str) -> Result<()> {
    if images == 0 {
        return Err(Error::data(format!("there are no {what} to draw")));
    }
    if titles != 0 && titles != images {
        return Err(Error::data(format!("{titles} titles for {images} {what}"))
            .help("give one title for each, or none at all"));
    }
    Ok(())
}

/// Cells of equal size, each with a title and images side by side.
struct Grid {
    cells: Vec<Vec<Bitmap>>,
    titles: Vec<String>,
    width: f64,
}

impl Grid {
    fn new<T: Display>(cells: Vec<Vec<Bitmap>>, titles: &[T]) -> Grid {
        let titles = titles.iter().map(|title| LETTERING.fitted(&title.to_string(), WIDEST_TITLE));
        let titles: Vec<String> = titles.collect();
        let images = cells.iter().map(|cell| row_width(cell)).fold(0.0, f64::max);
        let width = titles.iter().map(|title| LETTERING.width(title)).fold(images, f64::max);
        Grid { cells, titles, width }
    }

    fn draw(&self, name: &str) -> Canvas {
        let most = ((WIDEST - 2.0 * EDGE + GAP) / (self.width + GAP)) as usize;
        // Rows of equal length, where that goes.
        let rows = self.cells.len().div_ceil(most.max(1));
        let columns = self.cells.len().div_ceil(rows);
        let title = if self.titles.is_empty() { 0.0 } else { TITLE };
        let height = IMAGE + title + GAP;
        let mut canvas = Canvas::new(
            columns as f64 * (self.width + GAP) - GAP + 2.0 * EDGE,
            rows as f64 * height - GAP + 2.0 * EDGE,
            name,
        );
        for (i, cell) in self.cells.iter().enumerate() {
            let x = EDGE + (i % columns) as f64 * (self.width + GAP);
            let y = EDGE + (i / columns) as f64 * height;
            let text = self.titles.get(i).map_or("", String::as_str);
            if !text.is_empty() {
                canvas.text((x + self.width / 2.0, y + 13.0), text, LETTERING);
            }
            let left = x + (self.width - row_width(cell)) / 2.0;
            draw_images(cell, (left, y + title), text, &mut canvas);
        }
        canvas
    }
}

/// The room between the images of a cell.
const BETWEEN: f64 = 2.0;

fn size(image: &Bitmap) -> (f64, f64) {
    let scale = IMAGE / image.width.max(image.height) as f64;
    (image.width as f64 * scale, image.height as f64 * scale)
}

fn row_width(images: &[Bitmap]) -> f64 {
    images.iter().map(|image| size(image).0 + BETWEEN).sum::<f64>() - BETWEEN
}

fn draw_images(images: &[Bitmap], (mut x, y): (f64, f64), name: &str, canvas: &mut Canvas) {
    for image in images {
        let (width, height) = size(image);
        let area = Area::new(x, y + (IMAGE - height) / 2.0, width, height);
        canvas.image(area, image.clone(), name);
        canvas.fill(area, 0.0, Paint::stroke(Ink::Border, 1.0));
        x += width + BETWEEN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::check;
    use cornu_graph::Array;

    fn images(n: usize) -> Array {
        Array::new([n, 2, 3], vec![9u8; 6 * n]).unwrap()
    }

    #[test]
    fn every_image_has_its_title() {
        for n in [1, 7, 10, 11, 25] {
            let titles: Vec<usize> = (0..n).collect();
            let svg = check::tidy(&image_grid(images(n), &titles).unwrap());
            assert_eq!(svg.matches("<image").count(), n);
            assert_eq!(svg.matches("<text").count(), n);
        }
        let svg = check::tidy(&image_grid(images(3), &[""; 0]).unwrap());
        assert_eq!(svg.matches("<text").count(), 0);
    }

    #[test]
    fn long_titles_make_cells_wider_and_the_longest_are_cut() {
        let titles = ["7 v.s 7 , similarity : 0.987", "x", &"<&>".repeat(40)];
        let svg = check::tidy(&pair_grid(images(3), images(3), &titles).unwrap());
        assert!(svg.contains(titles[0]) && svg.contains("…<"), "{svg}");
        assert_eq!(svg.matches("<image").count(), 6);
    }

    #[test]
    fn mistakes_are_told() {
        let text = |result: Result<Picture>| result.unwrap_err().to_string();
        assert!(text(image_grid(images(3), &["a"])).contains("1 titles for 3 images"));
        assert!(text(image_grid(images(0), &["a"])).contains("no images"));
        let uneven = pair_grid(images(3), images(2), &["a"]);
        assert!(text(uneven).contains("3 images on the left, 2 on the right"));
        let no_images = Array::new([2, 7], vec![0.0f32; 14]).unwrap();
        assert!(text(image_grid(&no_images, &["a", "b"])).contains("are no images"));
    }
}
