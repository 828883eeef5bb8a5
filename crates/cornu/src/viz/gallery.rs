//! Pairs of images with a siamese network's verdicts.

use super::Picture;
use super::bitmap;
use super::paint::{Area, Bitmap, Canvas, Ink, Lettering, Paint};
use super::plot::{Legend, number};
use crate::data::{Column, Pairs};
use crate::similarity::Score;
use cornu_graph::{Array, Error, Result};
use std::path::Path;

/// Pairs side by side.
const COLUMNS: usize = 10;
/// The longer side of an image: three times that of MNIST, so that its pixels stay sharp.
const IMAGE: f64 = 84.0;
/// A pair with the room around it.
const WIDTH: f64 = 112.0;
const HEIGHT: f64 = 222.0;
/// The room at the edges, and above for the heading.
const EDGE: f64 = 16.0;
const HEADING: f64 = 84.0;

/// Draws the first `n` pairs into a file, SVG or PNG as its ending says: the two images of a pair
/// one above the other, and over them the model's verdict, green where it is right and red where
/// it is wrong, with the model's output beside it.
///
/// `predictions` are the model's outputs for all the pairs, and `score` says what they mean: a
/// distance below `threshold`, or a similarity above it, is taken for "the same".
///
/// ```
/// use cornu::prelude::*;
/// use cornu::similarity::Score;
/// use cornu::viz;
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
///
/// let images = Array::new([4, 2, 2], vec![0u8; 16])?;
/// let pairs = Pairs::per_image(&images, &[0, 0, 1, 1], PairLabel::OneIsDifferent, 7)?;
/// let distances = Array::new([8, 1], vec![0.4f32; 8])?;
/// viz::pair_gallery("pairs.svg", &pairs, &distances, Score::Distance, 0.5, 8)?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there is not one prediction for each pair, or a prediction is not a number, or the samples
/// are no images, or the file cannot be written.
pub fn pair_gallery(
    path: impl AsRef<Path>,
    pairs: &Pairs,
    predictions: &Array,
    score: Score,
    threshold: f64,
    n: usize,
) -> Result<()> {
    pair_gallery_picture(pairs, predictions, score, threshold, n)?.save(path)
}

/// The picture that [`pair_gallery`] writes.
///
/// # Errors
/// As [`pair_gallery`], but for the file.
pub fn pair_gallery_picture(
    pairs: &Pairs,
    predictions: &Array,
    score: Score,
    threshold: f64,
    n: usize,
) -> Result<Picture> {
    Ok(Picture::drawn(Gallery::new(pairs, predictions, score, threshold, n)?.draw()))
}

/// The outputs of a model for pairs, as numbers.
pub(super) fn outputs(pairs: &Pairs, predictions: &Array) -> Result<Vec<f64>> {
    if predictions.len() != pairs.len() {
        let (found, wanted) = (predictions.len(), pairs.len());
        return Err(Error::data(format!("{found} predictions for {wanted} pairs"))
            .help("predict all pairs: model.predict(pairs.inputs())"));
    }
    let outputs = predictions.values().to_f64();
    if let Some(pair) = outputs.iter().position(|output| output.is_nan()) {
        return Err(Error::data(format!("the prediction for pair {pair} is not a number")));
    }
    Ok(outputs)
}

struct Gallery {
    score: Score,
    threshold: f64,
    shown: Vec<Shown>,
    /// How many pairs there are.
    all: usize,
}

/// A pair, judged.
struct Shown {
    images: [Bitmap; 2],
    output: f64,
    judged_same: bool,
    right: bool,
}

impl Gallery {
    fn new(
        pairs: &Pairs,
        predictions: &Array,
        score: Score,
        threshold: f64,
        n: usize,
    ) -> Result<Gallery> {
        let outputs = outputs(pairs, predictions)?;
        if !threshold.is_finite() {
            return Err(Error::value(format!("a threshold of {threshold} tells nothing apart")));
        }
        let count = n.min(pairs.len());
        if count == 0 {
            return Err(Error::data("there are no pairs to draw"));
        }
        let images = |column: Column| bitmap::of_samples(&column.select(0..count)?.to_array()?);
        let [left, right] = pairs.inputs().map(images);
        let shown = left?.into_iter().zip(right?).zip(outputs).enumerate();
        let shown = shown.map(|(pair, ((left, right), output))| {
            let judged_same = score.accepts(output, threshold);
            Shown {
                images: [left, right],
                output,
                judged_same,
                right: judged_same == pairs.is_same(pair),
            }
        });
        Ok(Gallery { score, threshold, shown: shown.collect(), all: pairs.len() })
    }

    fn draw(&self) -> Canvas {
        let columns = self.shown.len().min(COLUMNS);
        let rows = self.shown.len().div_ceil(COLUMNS);
        // The heading needs room even over a single pair.
        let width = (columns as f64 * WIDTH).max(4.0 * WIDTH) + 2.0 * EDGE;
        let height = HEADING + rows as f64 * HEIGHT;
        let mut canvas = Canvas::new(width, height, "Pairs and verdicts");
        self.draw_heading(&mut canvas);
        for (index, pair) in self.shown.iter().enumerate() {
            let x = EDGE + (index % COLUMNS) as f64 * WIDTH;
            let y = HEADING + (index / COLUMNS) as f64 * HEIGHT;
            pair.draw(Area::new(x, y, WIDTH, HEIGHT), &mut canvas);
        }
        canvas
    }

    fn draw_heading(&self, canvas: &mut Canvas) {
        let right = self.shown.iter().filter(|pair| pair.right).count();
        let (shown, left) = (self.shown.len(), EDGE + 6.0);
        let mut legend = Legend::default();
        legend.add(Paint::fill(Ink::RightText), format!("{right} right"));
        legend.add(Paint::fill(Ink::WrongText), format!("{} wrong", shown - right));
        legend.draw(canvas, (left, 32.0), canvas.width - 2.0 * left);
        let rule = match self.score {
            Score::Distance => "below a distance of",
            Score::Similarity => "above a similarity of",
        };
        let of = if shown < self.all {
            format!("The first {shown} of {} pairs.", number(self.all as f64))
        } else {
            String::new()
        };
        let text = format!("Judged the same {rule} {}. {of}", decimal(self.threshold));
        let text = Lettering::FAINT.fitted(text.trim_end(), canvas.width - 2.0 * left);
        canvas.text((left, 55.0), text, Lettering::FAINT);
    }
}

impl Shown {
    fn draw(&self, area: Area, canvas: &mut Canvas) {
        let verdict = if self.judged_same { "Same" } else { "Different" };
        let truth = if self.judged_same == self.right { "the same" } else { "different" };
        let ground = if self.right { Ink::Right } else { Ink::Wrong };
        let label = Area::new(area.x + 6.0, area.y, area.width - 12.0, 20.0);
        canvas.fill(label, 4.0, Paint::fill(ground));
        let lettering = Lettering::PLAIN.size(11.0).ink(Ink::White);
        let output = lettering.fitted(&short(self.output), label.width - 64.0);
        canvas.text((label.x + 6.0, label.y + 14.0), verdict, lettering.bold());
        canvas.text((label.right() - 6.0, label.y + 14.0), output, lettering.end());
        for (image, top) in self.images.iter().zip([area.y + 26.0, area.y + 30.0 + IMAGE]) {
            let scale = IMAGE / image.width.max(image.height) as f64;
            let (width, height) = (image.width as f64 * scale, image.height as f64 * scale);
            let corner = (area.middle().0 - width / 2.0, top + (IMAGE - height) / 2.0);
            let name = format!("judged {}, is {truth}", verdict.to_lowercase());
            canvas.image(Area::new(corner.0, corner.1, width, height), image.clone(), name);
        }
        if !self.right {
            // Colour alone does not tell everyone.
            let frame = Area::new(area.x + 1.0, area.y - 5.0, area.width - 2.0, HEIGHT - 10.0);
            canvas.fill(frame, 6.0, Paint::stroke(Ink::WrongText, 2.0));
        }
    }
}

/// An output in the little room beside the verdict: at most five signs.
fn short(output: f64) -> String {
    match output.abs() {
        size if size < 10.0 => format!("{output:.2}"),
        size if size < 1000.0 => format!("{output:.1}"),
        _ => format!("{output:.0e}"),
    }
}

/// A threshold as people write it: `0.5`, `0.333`.
fn decimal(value: f64) -> String {
    let text = format!("{value:.3}");
    if text.parse() != Ok(value) { text } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::PairLabel;
    use crate::viz::paint::check;

    fn pairs(convention: PairLabel) -> Pairs {
        let images = Array::new([4, 2, 3], (0..24).collect::<Vec<u8>>()).unwrap();
        Pairs::per_image(&images, &[0, 0, 1, 1], convention, 7).unwrap()
    }

    fn outputs(pairs: &Pairs, output: impl Fn(bool) -> f32) -> Array {
        let values: Vec<f32> = (0..pairs.len()).map(|pair| output(pairs.is_same(pair))).collect();
        Array::new([values.len(), 1], values).unwrap()
    }

    #[test]
    fn the_verdict_follows_the_score_not_the_label() {
        for convention in [PairLabel::OneIsDifferent, PairLabel::OneIsSame] {
            let pairs = pairs(convention);
            let distances = outputs(&pairs, |same| if same { 0.1 } else { 0.9 });
            let judge = |score| Gallery::new(&pairs, &distances, score, 0.5, 20).unwrap().shown;
            assert_eq!(judge(Score::Distance).len(), 8);
            assert!(judge(Score::Distance).iter().all(|pair| pair.right));
            assert!(judge(Score::Similarity).iter().all(|pair| !pair.right));
        }
    }

    #[test]
    fn the_picture_shows_right_and_wrong() {
        let pairs = pairs(PairLabel::OneIsDifferent);
        // Everything is judged the same; at the threshold itself it would not be.
        let draw = |output: f32| {
            pair_gallery_picture(&pairs, &outputs(&pairs, |_| output), Score::Distance, 0.5, 8)
                .unwrap()
        };
        let svg = check::tidy(&draw(0.25));
        let count = |part: &str| svg.matches(part).count();
        assert_eq!((count(">Same<"), count(">Different<"), count(">0.25<")), (8, 0, 8), "{svg}");
        assert_eq!((count("class=\"right\""), count("class=\"wrong\"")), (4, 4));
        assert_eq!((count(">4 right<"), count(">4 wrong<"), count("<image")), (1, 1, 16));
        assert_eq!(count("judged same, is different"), 8);
        let svg = check::tidy(&draw(0.5));
        assert_eq!(svg.matches(">Different<").count(), 8);
    }

    #[test]
    fn long_runs_wrap_and_any_output_has_room() {
        let images = Array::new([30, 2, 3], vec![7u8; 180]).unwrap();
        let classes: Vec<u8> = (0..30).map(|i| i % 3).collect();
        let pairs = Pairs::per_image(&images, &classes, PairLabel::OneIsSame, 7).unwrap();
        for output in [0.0, -12345.678, 1e30, f32::INFINITY, 123.456, 1e-20] {
            for n in [1, 9, 10, 11, 60, 1000] {
                let outputs = outputs(&pairs, |_| output);
                let picture =
                    pair_gallery_picture(&pairs, &outputs, Score::Similarity, 1.0 / 3.0, n)
                        .unwrap();
                let svg = check::tidy(&picture);
                assert_eq!(svg.matches("<image").count(), 2 * n.min(60));
                assert!(svg.contains("the same above a similarity of 0.333."), "{svg}");
                assert_eq!(svg.contains("of 60 pairs"), n < 60);
            }
        }
    }

    #[test]
    fn mistakes_are_told() {
        let pairs = pairs(PairLabel::OneIsDifferent);
        let draw = |predictions: &Array, threshold, n| {
            pair_gallery_picture(&pairs, predictions, Score::Distance, threshold, n)
                .unwrap_err()
                .to_string()
        };
        let few = Array::new([3], vec![0.0f32; 3]).unwrap();
        assert!(draw(&few, 0.5, 8).contains("3 predictions for 8 pairs"));
        assert!(draw(&outputs(&pairs, |_| 0.0), 0.5, 0).contains("no pairs"));
        assert!(draw(&outputs(&pairs, |_| f32::NAN), 0.5, 8).contains("pair 0 is not a number"));
        assert!(draw(&outputs(&pairs, |_| 0.0), f64::NAN, 8).contains("threshold"));
    }
}
