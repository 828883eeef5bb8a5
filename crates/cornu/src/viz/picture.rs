//! A picture as a value: to be saved, put into a report, or shown where it is.

use super::bitmap;
use super::paint::{Canvas, Theme, raster, svg};
use cornu_graph::{Error, Result};
use std::path::Path;

/// How many pixels a PNG file has for each unit of its picture, if nothing else is said: enough for
/// screens of high resolution and for print in a column.
const SCALE: f64 = 2.0;

/// A picture: curves, a gallery, the plot of a model.
///
/// As SVG it follows the reader's system, light or dark, and brings the letters it needs. As PNG it
/// is light, unless [`Picture::with_theme`] says otherwise.
///
/// ```
/// use cornu::viz;
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
///
/// let matrix = viz::confusion_matrix(&[0u8, 1, 1], &[0u8, 1, 0], &["cat", "dog"])?;
/// matrix.save("matrix.svg")?;
/// matrix.save("matrix.png")?;
/// assert!(matrix.to_svg()?.starts_with("<svg "));
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Picture {
    source: Source,
    theme: Theme,
}

#[derive(Clone, Debug)]
enum Source {
    Drawn(Canvas),
    /// SVG that was made elsewhere.
    Foreign(String),
}

impl Picture {
    pub(super) fn drawn(canvas: Canvas) -> Picture {
        Picture { source: Source::Drawn(canvas), theme: Theme::Auto }
    }

    /// A picture that another program drew, to be put into a [`Report`](super::Report).
    pub fn from_svg(svg: impl Into<String>) -> Picture {
        Picture { source: Source::Foreign(svg.into()), theme: Theme::Auto }
    }

    /// Says which background it is for.
    pub fn with_theme(mut self, theme: Theme) -> Picture {
        self.theme = theme;
        self
    }

    /// The text of an SVG file.
    ///
    /// # Errors
    /// If an image in the picture is too large for the PNG that it is kept in.
    pub fn to_svg(&self) -> Result<String> {
        match &self.source {
            Source::Drawn(canvas) => svg::document(canvas, self.theme),
            Source::Foreign(svg) => Ok(svg.clone()),
        }
    }

    /// The bytes of a PNG file with this many pixels for each unit of the picture: 1 as small as a
    /// browser shows it on a plain screen, 2 sharp on a fine one.
    ///
    /// # Errors
    /// If the scale is no positive number, the picture would be too large, or it was drawn by
    /// another program.
    pub fn to_png(&self, scale: f64) -> Result<Vec<u8>> {
        match &self.source {
            Source::Drawn(canvas) => bitmap::png(&raster::draw(canvas, scale, self.theme)?),
            Source::Foreign(_) => {
                Err(Error::value("only pictures that are drawn here can become PNG files"))
            }
        }
    }

    /// Writes it to a file, whole or not at all; the ending decides: `.svg` or `.png`. Missing
    /// folders are made.
    ///
    /// # Errors
    /// If the ending is another, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_scaled(path.as_ref(), SCALE)
    }

    /// As [`Picture::save`], with a scale for PNG.
    pub(super) fn save_scaled(&self, path: &Path, scale: f64) -> Result<()> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "svg" => crate::saving::write_whole(path, self.to_svg()?.as_bytes()),
            "png" => crate::saving::write_whole(path, &self.to_png(scale)?),
            _ => Err(Error::value("pictures are written as .svg or .png")
                .within(path.display().to_string())
                .help("let the name of the file end in one of these")),
        }
    }

    /// What was drawn, if it was drawn here.
    pub(super) fn canvas(&self) -> Option<&Canvas> {
        match &self.source {
            Source::Drawn(canvas) => Some(canvas),
            Source::Foreign(_) => None,
        }
    }
}

impl From<String> for Picture {
    fn from(svg: String) -> Picture {
        Picture::from_svg(svg)
    }
}

impl From<&str> for Picture {
    fn from(svg: &str) -> Picture {
        Picture::from_svg(svg)
    }
}

impl From<&Picture> for Picture {
    fn from(picture: &Picture) -> Picture {
        picture.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::{Area, Bitmap, Ink, Lettering, Paint, check};

    fn picture() -> Picture {
        let mut canvas = Canvas::new(60.0, 40.0, "A <picture> & \"more\"");
        canvas.fill(Area::new(10.0, 10.0, 20.0, 20.0), 0.0, Paint::fill(Ink::Wrong));
        let bitmap = Bitmap { width: 1, height: 1, pixels: vec![1, 2, 3] };
        canvas.image(Area::new(40.0, 10.0, 10.0, 10.0), bitmap, "]]>");
        canvas.text((1.0, 38.0), "<b>&\u{0}\"", Lettering::PLAIN);
        Picture::drawn(canvas)
    }

    fn pixels(picture: &Picture, at: &[(usize, usize)]) -> Vec<[u8; 3]> {
        let canvas = picture.canvas().unwrap();
        let bitmap = raster::draw(canvas, 1.0, picture.theme).unwrap();
        let pixel = |&(x, y): &(usize, usize)| {
            let at = 3 * (y * bitmap.width + x);
            [bitmap.pixels[at], bitmap.pixels[at + 1], bitmap.pixels[at + 2]]
        };
        at.iter().map(pixel).collect()
    }

    #[test]
    fn hostile_texts_stay_texts() {
        let svg = check::tidy(&picture());
        assert!(svg.contains("&lt;b&gt;&amp; &quot;"), "{svg}");
        assert!(svg.contains("<title>A &lt;picture&gt; &amp; &quot;more&quot;</title>"), "{svg}");
    }

    #[test]
    fn shapes_and_images_stand_where_they_belong() {
        let places = [(5, 5), (20, 20), (45, 15), (55, 15)];
        let (white, red) = ([255; 3], Ink::Wrong.rgb(Theme::Light));
        assert_eq!(pixels(&picture(), &places), [white, red, [1, 2, 3], white]);
        let dark = picture().with_theme(Theme::Dark);
        let (black, red) = (Ink::Paper.rgb(Theme::Dark), Ink::Wrong.rgb(Theme::Dark));
        assert_eq!(pixels(&dark, &places), [black, red, [1, 2, 3], black]);
    }

    #[test]
    fn letters_are_drawn_within_their_width() {
        let mut canvas = Canvas::new(60.0, 20.0, "letters");
        canvas.text((5.0, 15.0), "HH", Lettering::PLAIN);
        let width = Lettering::PLAIN.width("HH");
        let bitmap = raster::draw(&canvas, 1.0, Theme::Light).unwrap();
        let inked = |x: usize| (0..20).any(|y| bitmap.pixels[3 * (y * 60 + x)] < 128);
        let columns: Vec<usize> = (0..60).filter(|&x| inked(x)).collect();
        let (first, last) = (columns[0] as f64, columns[columns.len() - 1] as f64);
        assert!(first >= 5.0 && last <= 5.0 + width && last > 5.0 + 0.8 * width, "{columns:?}");
    }

    #[test]
    fn the_ending_decides() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        picture().save(file("a/b.SVG")).unwrap();
        picture().save(file("b.png")).unwrap();
        assert!(std::fs::read_to_string(file("a/b.SVG")).unwrap().starts_with("<svg "));
        let png = std::fs::read(file("b.png")).unwrap();
        assert_eq!(png[16..24], [0, 0, 0, 120, 0, 0, 0, 80]);
        for name in ["c.pdf", "c"] {
            let error = picture().save(file(name)).unwrap_err().to_string();
            assert!(error.contains(".svg or .png"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_told() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e6] {
            assert!(picture().to_png(scale).is_err(), "{scale}");
        }
        assert!(Picture::from_svg("<svg/>").to_png(1.0).is_err());
    }
}
