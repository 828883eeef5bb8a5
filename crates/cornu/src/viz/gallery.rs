//! Pairs of images with a siamese network's verdicts.

use super::canvas::Canvas;
use super::picture;
use crate::data::{PairLabel, Pairs};
use cornu_graph::{Array, Error, Result};
use std::path::Path;

/// Pairs side by side.
const COLUMNS: usize = 10;
/// The longer side of an image: three times that of MNIST, so that its pixels stay sharp.
const IMAGE: f64 = 84.0;
/// A pair with the room around it.
const WIDTH: f64 = 106.0;
const HEIGHT: f64 = 220.0;
/// The room at the edges, and above for the heading.
const EDGE: f64 = 16.0;
const HEADING: f64 = 52.0;

/// Draws the first `n` pairs into an SVG file: the two images of a pair one above the other, and
/// over them the model's verdict, green where it is right and red where it is wrong, with the
/// model's output beside it.
///
/// `predictions` are the model's outputs for all the pairs. An output of at least `threshold` is
/// taken for the label 1; what that says, the pairs know.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::viz;
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
///
/// let images = Array::new([4, 2, 2], vec![0u8; 16])?;
/// let pairs = Pairs::per_image(&images, &[0, 0, 1, 1], PairLabel::OneIsDifferent, 7)?;
/// let distances = Array::new([8, 1], vec![0.4f32; 8])?;
/// viz::pair_gallery("pairs.svg", &pairs, &distances, 0.5, 8)?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there is not one prediction for each pair, or the samples are no images, or the file cannot
/// be written.
pub fn pair_gallery(
    path: impl AsRef<Path>,
    pairs: &Pairs,
    predictions: &Array,
    threshold: f64,
    n: usize,
) -> Result<()> {
    super::write(path, &Gallery::new(pairs, predictions, threshold, n)?.to_svg())
}

struct Gallery {
    convention: PairLabel,
    threshold: f64,
    shown: Vec<Shown>,
    /// How large an image is drawn.
    size: (f64, f64),
}

/// A pair, judged.
struct Shown {
    images: [String; 2],
    output: f64,
    judged_same: bool,
    right: bool,
}

impl Gallery {
    fn new(pairs: &Pairs, predictions: &Array, threshold: f64, n: usize) -> Result<Gallery> {
        if predictions.len() != pairs.len() {
            return Err(Error::data(format!(
                "{} predictions for {} pairs",
                predictions.len(),
                pairs.len()
            )));
        }
        let count = n.min(pairs.len());
        if count == 0 {
            return Err(Error::data("there are no pairs to draw"));
        }
        let outputs = predictions.values().to_f64();
        let [left, right] = pairs.inputs();
        let format = picture::Format::of(left.sample_shape())?;
        let uris =
            |column: crate::data::Column| picture::data_uris(&column.select(0..count)?.to_array()?);
        let shown = uris(left)?.into_iter().zip(uris(right)?).zip(outputs).enumerate();
        let shown = shown.map(|(pair, ((left, right), output))| {
            let judged_same = pairs.convention().is_same(u8::from(output >= threshold));
            Shown {
                images: [left, right],
                output,
                judged_same,
                right: judged_same == pairs.is_same(pair),
            }
        });
        let scale = IMAGE / format.width.max(format.height) as f64;
        Ok(Gallery {
            convention: pairs.convention(),
            threshold,
            shown: shown.collect(),
            size: (format.width as f64 * scale, format.height as f64 * scale),
        })
    }

    fn to_svg(&self) -> String {
        let columns = self.shown.len().min(COLUMNS);
        let rows = self.shown.len().div_ceil(COLUMNS);
        // The heading needs room even over a single pair.
        let width = (columns as f64 * WIDTH).max(5.0 * WIDTH) + 2.0 * EDGE;
        let height = HEADING + rows as f64 * HEIGHT;
        let mut canvas = Canvas::new(width, height, "Pairs and verdicts");
        self.draw_heading(&mut canvas);
        for (index, pair) in self.shown.iter().enumerate() {
            let x = EDGE + (index % COLUMNS) as f64 * WIDTH;
            let y = HEADING + (index / COLUMNS) as f64 * HEIGHT;
            self.draw_pair(pair, x, y, &mut canvas);
        }
        canvas.finish()
    }

    fn draw_heading(&self, canvas: &mut Canvas) {
        let right = self.shown.iter().filter(|pair| pair.right).count();
        let rule = match self.convention {
            PairLabel::OneIsDifferent => "different from a distance of",
            PairLabel::OneIsSame => "the same from a likeness of",
        };
        let texts = [
            ("label right", format!("● {right} right")),
            ("label wrong", format!("● {} wrong", self.shown.len() - right)),
            ("faint", format!("Judged {rule} {} on.", self.threshold)),
        ];
        canvas.texts(EDGE + 7.0, 30.0, &texts);
    }

    fn draw_pair(&self, pair: &Shown, x: f64, y: f64, canvas: &mut Canvas) {
        let verdict = if pair.judged_same { "Same" } else { "Different" };
        let class = if pair.right { "right" } else { "wrong" };
        let (left, right) = (x + 7.0, x + WIDTH - 7.0);
        canvas.rectangle(class, left, y, right - left, 20.0);
        canvas.text("verdict", left + 5.0, y + 14.0, verdict);
        canvas.text("verdict end", right - 5.0, y + 14.0, format!("{:.2}", pair.output));
        let (width, height) = self.size;
        for (image, top) in pair.images.iter().zip([y + 26.0, y + 26.0 + IMAGE + 4.0]) {
            let corner = (x + (WIDTH - width) / 2.0, top + (IMAGE - height) / 2.0);
            canvas.image(corner.0, corner.1, width, height, image);
        }
        if !pair.right {
            // Colour alone does not tell everyone.
            canvas.rectangle("frame", x + 1.0, y - 6.0, WIDTH - 2.0, HEIGHT - 8.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(convention: PairLabel) -> Pairs {
        let images = Array::new([4, 2, 3], (0..24).collect::<Vec<u8>>()).unwrap();
        Pairs::per_image(&images, &[0, 0, 1, 1], convention, 7).unwrap()
    }

    fn outputs(pairs: &Pairs, output: impl Fn(bool) -> f32) -> Array {
        let values: Vec<f32> = (0..pairs.len()).map(|pair| output(pairs.is_same(pair))).collect();
        Array::new([values.len(), 1], values).unwrap()
    }

    #[test]
    fn the_verdict_follows_the_convention() {
        let different = pairs(PairLabel::OneIsDifferent);
        let distances = outputs(&different, |same| if same { 0.1 } else { 0.9 });
        let gallery = Gallery::new(&different, &distances, 0.5, 20).unwrap();
        assert_eq!(gallery.shown.len(), 8);
        assert!(gallery.shown.iter().all(|pair| pair.right));

        let same = pairs(PairLabel::OneIsSame);
        let scores = outputs(&same, |same| if same { 0.1 } else { 0.9 });
        let gallery = Gallery::new(&same, &scores, 0.5, 20).unwrap();
        assert!(gallery.shown.iter().all(|pair| !pair.right));
    }

    #[test]
    fn the_picture_shows_right_and_wrong() {
        let pairs = pairs(PairLabel::OneIsDifferent);
        // Everything is judged the same; at the threshold itself it would not be.
        let gallery = Gallery::new(&pairs, &outputs(&pairs, |_| 0.25), 0.5, 8).unwrap();
        let svg = gallery.to_svg();
        let count = |part: &str| svg.matches(part).count();
        assert_eq!((count(">Same<"), count(">Different<"), count(">0.25<")), (8, 0, 8), "{svg}");
        assert_eq!((count("class=\"right\""), count("class=\"wrong\"")), (4, 4));
        assert_eq!((count("● 4 right"), count("● 4 wrong"), count("<image")), (1, 1, 16));
        let gallery = Gallery::new(&pairs, &outputs(&pairs, |_| 0.5), 0.5, 8).unwrap();
        assert!(gallery.shown.iter().all(|pair| !pair.judged_same));
    }

    #[test]
    fn mistakes_are_told() {
        let pairs = pairs(PairLabel::OneIsDifferent);
        let draw =
            |predictions: &Array, n| pair_gallery("never-written", &pairs, predictions, 0.5, n);
        let few = Array::new([3], vec![0.0f32; 3]).unwrap();
        let error = draw(&few, 8).unwrap_err().to_string();
        assert!(error.contains("3 predictions for 8 pairs"), "{error}");
        let error = draw(&outputs(&pairs, |_| 0.0), 0).unwrap_err().to_string();
        assert!(error.contains("no pairs"), "{error}");
    }
}
