//! Histograms of groups: the distances of pairs that are the same and of those that are not.

use super::Picture;
use super::axis::Axis;
use super::gallery;
use super::paint::{Area, Canvas, Ink, Lettering, Paint, Point, Step};
use super::plot::{Frame, Legend, number};
use crate::data::Pairs;
use crate::similarity::Score;
use cornu_graph::{Array, Error, Result};

/// The size of the plot, and the room around it.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 52.0;
/// Into how many parts the range is cut.
const BINS: usize = 50;

/// How often each value occurs in each group, over one another, with the threshold between them, if
/// there is one.
///
/// ```
/// use cornu::viz;
///
/// let (same, different) = ([0.1f32, 0.2, 0.2], [0.7f32, 0.9, 0.8]);
/// let picture = viz::histogram("distance", &[("same", &same), ("different", &different)], Some(0.5))?;
/// # assert!(picture.to_svg()?.contains("threshold 0.5"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there are no values, or one is not finite.
pub fn histogram<T: Copy + Into<f64>>(
    name: &str,
    groups: &[(&str, &[T])],
    threshold: Option<f64>,
) -> Result<Picture> {
    let groups = groups.iter().map(|&(label, values)| {
        (label.to_owned(), values.iter().map(|&value| value.into()).collect())
    });
    draw(name, groups.collect(), threshold)
}

/// The model's outputs for pairs that are the same and for those that are not, with the threshold
/// between them.
///
/// # Errors
/// If there is not one prediction for each pair, or one is not finite.
pub fn pair_histogram(
    pairs: &Pairs,
    predictions: &Array,
    score: Score,
    threshold: f64,
) -> Result<Picture> {
    let outputs = gallery::outputs(pairs, predictions)?;
    let of = |same: bool| {
        let chosen = outputs.iter().enumerate().filter(|(pair, _)| pairs.is_same(*pair) == same);
        chosen.map(|(_, &output)| output).collect()
    };
    let name = match score {
        Score::Distance => "distance",
        Score::Similarity => "similarity",
    };
    let groups = vec![("same".to_owned(), of(true)), ("different".to_owned(), of(false))];
    draw(name, groups, Some(threshold))
}

fn draw(name: &str, groups: Vec<(String, Vec<f64>)>, threshold: Option<f64>) -> Result<Picture> {
    let all = || groups.iter().flat_map(|(_, values)| values.iter().copied());
    if all().next().is_none() {
        return Err(Error::data("there are no values to count"));
    }
    // The distance of two larger ones may be infinite.
    if let Some(bad) =
        all().chain(threshold).find(|value| value.is_nan() || value.abs() > f64::MAX / 4.0)
    {
        return Err(Error::data(format!("{bad} has no place in a histogram")));
    }
    let x = Axis::of_values(all().chain(threshold), 8);
    let counts: Vec<Vec<usize>> = groups.iter().map(|(_, values)| counts(values, &x)).collect();
    let highest = counts.iter().flatten().max().copied().unwrap_or(0);
    let mut legend = Legend::default();
    for (i, (label, values)) in groups.iter().enumerate() {
        let text = format!("{label} ({})", number(values.len() as f64));
        legend.add(Paint::fill(Ink::Series(i)), text);
    }
    let title = Lettering::TITLE.fitted(name, WIDTH);
    let top = TOP + legend.height(WIDTH) + 16.0;
    let mut canvas = Canvas::new(LEFT + WIDTH + RIGHT, top + HEIGHT + BOTTOM, "Histogram");
    canvas.text((LEFT, 28.0), title.as_str(), Lettering::TITLE);
    legend.draw(&mut canvas, (LEFT, 50.0), WIDTH);
    let y = Axis::of_values([0.0, highest as f64].into_iter(), 5);
    let frame = Frame { area: Area::new(LEFT, top, WIDTH, HEIGHT), x, y };
    frame.draw(&mut canvas, &title, "count");
    for (i, counts) in counts.iter().enumerate() {
        draw_steps(counts, Ink::Series(i), &frame, &mut canvas);
    }
    if let Some(threshold) = threshold {
        draw_threshold(threshold, &frame, &mut canvas);
    }
    Ok(Picture::drawn(canvas))
}

fn counts(values: &[f64], axis: &Axis) -> Vec<usize> {
    let mut counts = vec![0; BINS];
    for &value in values {
        counts[((axis.place(value) * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    counts
}

/// The outline of the bars, filled so that another group shines through.
fn draw_steps(counts: &[usize], ink: Ink, frame: &Frame, canvas: &mut Canvas) {
    let width = (frame.x.high - frame.x.low) / BINS as f64;
    let edge = |i: usize, count: f64| frame.point(frame.x.low + i as f64 * width, count);
    let bar = |(i, &count): (usize, &usize)| [edge(i, count as f64), edge(i + 1, count as f64)];
    let (Some(first), Some(last)) =
        (counts.iter().position(|&c| c > 0), counts.iter().rposition(|&c| c > 0))
    else {
        return;
    };
    let filled = counts.iter().enumerate().take(last + 1).skip(first);
    let tops: Vec<Point> = filled.flat_map(bar).collect();
    let steps = tops.into_iter().chain([edge(last + 1, 0.0)]).map(Step::Line);
    let mut steps: Vec<Step> = [Step::Move(edge(first, 0.0))].into_iter().chain(steps).collect();
    canvas.path(steps.clone(), Paint::stroke(ink, 1.5));
    steps.push(Step::Close);
    canvas.path(steps, Paint::tint(ink, 0.3));
}

fn draw_threshold(threshold: f64, frame: &Frame, canvas: &mut Canvas) {
    let (x, _) = frame.point(threshold, frame.y.low);
    let (top, bottom) = (frame.area.y - 6.0, frame.area.bottom());
    canvas.line((x, top), (x, bottom), Paint::stroke(Ink::Text, 1.5).dashed());
    let rounded = (threshold * 1e4).round() / 1e4;
    let text = match rounded.abs() < 1e9 {
        true => format!("threshold {rounded}"),
        false => format!("threshold {threshold:.4e}"),
    };
    // Beside the line, where it would reach out of the picture.
    let half = Lettering::PLAIN.width(&text) / 2.0;
    let x = x.clamp(frame.area.x + half, frame.area.right() - half);
    canvas.text((x, top - 5.0), text, Lettering::PLAIN.middle());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::PairLabel;
    use crate::viz::paint::check;

    #[test]
    fn every_value_is_counted_once() {
        let axis = Axis::of_values([0.0, 1.0].into_iter(), 5);
        let values: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0).collect();
        let counts = counts(&values, &axis);
        assert_eq!(counts.iter().sum::<usize>(), 1001);
        assert_eq!((counts[0], counts[BINS - 1]), (20, 21));
    }

    #[test]
    fn groups_and_threshold_are_drawn() {
        let low: Vec<f64> = (0..500).map(|i| f64::from(i % 100) / 300.0).collect();
        let high: Vec<f64> = low.iter().map(|v| 1.0 - v).collect();
        let groups = [("same <i>", &low[..]), ("different", &high[..])];
        for threshold in [None, Some(0.5), Some(-0.001), Some(1.0), Some(1e6), Some(1e300)] {
            let svg = check::tidy(&histogram("distance", &groups, threshold).unwrap());
            assert!(svg.contains("same &lt;i&gt; (500)"), "{svg}");
            assert_eq!(svg.contains("threshold"), threshold.is_some());
            assert_eq!(svg.matches("fill-opacity=\"0.3\"").count(), 2);
        }
    }

    #[test]
    fn pairs_are_told_apart_by_what_they_are() {
        let images = Array::new([4, 2, 2], vec![0u8; 16]).unwrap();
        let pairs = Pairs::per_image(&images, &[0, 0, 1, 1], PairLabel::OneIsSame, 7).unwrap();
        let outputs = Array::new([8], vec![0.5f32; 8]).unwrap();
        let svg = check::tidy(&pair_histogram(&pairs, &outputs, Score::Similarity, 0.5).unwrap());
        assert!(svg.contains("same (4)") && svg.contains(">similarity<"), "{svg}");
        let few = Array::new([3], vec![0.5f32; 3]).unwrap();
        assert!(pair_histogram(&pairs, &few, Score::Distance, 0.5).is_err());
    }

    #[test]
    fn mistakes_are_told() {
        let none: &[f64] = &[];
        assert!(histogram("a", &[("b", none)], None).is_err());
        for bad in [f64::NAN, f64::INFINITY] {
            let error = histogram("a", &[("b", &[1.0, bad][..])], None).unwrap_err().to_string();
            assert!(error.contains("has no place"), "{error}");
            assert!(histogram("a", &[("b", &[1.0][..])], Some(bad)).is_err());
        }
    }
}
