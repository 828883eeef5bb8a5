//! A map of samples: where a network puts them.

use super::Picture;
use super::axis::Axis;
use super::paint::{Area, Canvas, Ink, Lettering, Paint, Point};
use super::pca;
use super::plot::{Frame, Legend, number};
use cornu_graph::{Array, Error, Result};

/// The size of the plot, and the room around it.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 52.0;
/// More dots than this take long to show, and hide each other.
const MOST_DOTS: usize = 4000;

/// Samples as dots in the colours of their classes. Points of more than two dimensions are
/// projected on the plane in which they differ most (principal component analysis).
///
/// `points` are `(samples, dimensions)`, such as the outputs of a siamese network's tower; `labels`
/// are numbers of classes from 0. Without `names` the classes are called by their numbers. Of more
/// than 4,000 samples some are drawn, evenly from first to last.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::viz;
///
/// let points = Array::new([3, 2], vec![0.0f32, 0.1, 1.0, 1.1, 0.9, 1.0])?;
/// let picture = viz::embedding_map(&points, &[0u8, 1, 1], &["cat", "dog"])?;
/// # assert!(picture.to_svg()?.contains("dog"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If the points are no table of at least two columns, there is not one label for each, one is not
/// finite, or a label has no name.
pub fn embedding_map<L, N>(points: &Array, labels: &[L], names: &[N]) -> Result<Picture>
where
    L: Copy + Into<usize>,
    N: AsRef<str>,
{
    let &[samples, dims] = points.shape() else {
        return Err(Error::shape(format!("points of shape {:?} are no table", points.shape()))
            .help("points are (samples, dimensions)"));
    };
    if dims < 2 || samples == 0 {
        let table = format!("{samples} points of {dims} dimensions make no map");
        return Err(Error::shape(table).help("a map needs points of at least two dimensions"));
    }
    if labels.len() != samples {
        return Err(Error::data(format!("{} labels for {samples} points", labels.len())));
    }
    let labels: Vec<usize> = labels.iter().map(|&label| label.into()).collect();
    if let Some(label) = labels.iter().find(|&&l| !names.is_empty() && l >= names.len()) {
        return Err(Error::data(format!("class {label} has no name: there are {}", names.len())));
    }
    let values = points.values().to_f64();
    if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
        return Err(Error::data(format!("point {} has a value that is not finite", bad / dims)));
    }
    let name = |i: usize| names.get(i).map_or_else(|| i.to_string(), |n| n.as_ref().to_owned());
    Ok(Picture::drawn(Map::new(values, dims, labels, name).draw()))
}

struct Map {
    points: Vec<Point>,
    labels: Vec<usize>,
    /// The classes that occur, with their names.
    classes: Vec<(usize, String)>,
    axes: [String; 2],
}

impl Map {
    fn new(
        values: Vec<f64>,
        dims: usize,
        labels: Vec<usize>,
        name: impl Fn(usize) -> String,
    ) -> Map {
        let mut classes = labels.clone();
        classes.sort_unstable();
        classes.dedup();
        let classes = classes.into_iter().map(|class| (class, name(class))).collect();
        let (points, axes) = if dims == 2 {
            let points = values.chunks(2).map(|row| (row[0], row[1])).collect();
            (points, ["dimension 1".to_owned(), "dimension 2".to_owned()])
        } else {
            let plane = pca::project(values, dims);
            let axis = |i: usize| {
                let share = 100.0 * plane.shares[i];
                format!("component {} ({share:.1} % of the variance)", i + 1)
            };
            let axes = [axis(0), axis(1)];
            (plane.points, axes)
        };
        Map { points, labels, classes, axes }
    }

    fn draw(&self) -> Canvas {
        let mut legend = Legend::default();
        for (i, (_, name)) in self.classes.iter().enumerate() {
            legend.add(Paint::fill(Ink::Series(i)), name);
        }
        let top = TOP + legend.height(WIDTH);
        let mut canvas = Canvas::new(LEFT + WIDTH + RIGHT, top + HEIGHT + BOTTOM, "Map of samples");
        canvas.text((LEFT, 28.0), "Map of samples", Lettering::TITLE);
        let shown = self.shown();
        if shown.len() < self.points.len() {
            let [shown, all] = [shown.len(), self.points.len()].map(|n| number(n as f64));
            let text = format!("{shown} of {all} samples");
            canvas.text((LEFT + WIDTH, 28.0), text, Lettering::FAINT.end());
        }
        legend.draw(&mut canvas, (LEFT, 50.0), WIDTH);
        let frame = self.frame(Area::new(LEFT, top, WIDTH, HEIGHT));
        frame.draw(&mut canvas, &self.axes[0], &self.axes[1]);
        for i in shown {
            let class = self.classes.partition_point(|(class, _)| *class < self.labels[i]);
            let (x, y) = self.points[i];
            let dot = Paint::tint(Ink::Series(class), 0.65);
            canvas.dot(frame.point(x, y), 2.5, dot, self.classes[class].1.as_str());
        }
        canvas
    }

    /// The samples that are drawn.
    fn shown(&self) -> Vec<usize> {
        let (all, shown) = (self.points.len(), self.points.len().min(MOST_DOTS));
        (0..shown).map(|i| i * all / shown).collect()
    }

    /// Axes of one scale, so that distances can be compared.
    fn frame(&self, area: Area) -> Frame {
        let range = |of: fn(&Point) -> f64| {
            let values = self.points.iter().map(of);
            let ends = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
            values.fold((f64::INFINITY, f64::NEG_INFINITY), ends)
        };
        let (x, y) = (range(|p| p.0), range(|p| p.1));
        let unit = ((x.1 - x.0) / area.width).max((y.1 - y.0) / area.height);
        let axis = |(low, high): (f64, f64), room: f64| {
            let (middle, half) = ((low + high) / 2.0, unit * room / 2.0);
            Axis::around(middle, half * 1.04, 6)
        };
        Frame { area, x: axis(x, area.width), y: axis(y, area.height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::check;

    fn points(samples: usize, dims: usize) -> Array {
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 100.0;
        Array::new([samples, dims], (0..samples * dims).map(value).collect()).unwrap()
    }

    #[test]
    fn every_sample_has_its_dot() {
        for dims in [2, 3, 20] {
            let labels: Vec<u8> = (0..50).map(|i| i % 3 * 2).collect();
            let names = ["cat", "-", "<dog>", "-", "bird"];
            let svg = check::tidy(&embedding_map(&points(50, dims), &labels, &names).unwrap());
            assert_eq!(svg.matches("<circle").count(), 50);
            assert_eq!(svg.contains("% of the variance"), dims > 2);
            assert!(svg.contains(">&lt;dog&gt;</text>") && !svg.contains(">-</text>"), "{svg}");
        }
    }

    #[test]
    fn many_samples_are_thinned() {
        let labels = vec![3usize; 10_000];
        let svg = check::tidy(&embedding_map(&points(10_000, 2), &labels, &[""; 0]).unwrap());
        assert_eq!(svg.matches("<circle").count(), MOST_DOTS);
        assert!(svg.contains("4,000 of 10,000 samples"));
    }

    #[test]
    fn points_in_one_place_are_drawn() {
        let points = Array::new([3, 4], vec![1.0f32; 12]).unwrap();
        check::tidy(&embedding_map(&points, &[0u8, 1, 2], &[""; 0]).unwrap());
    }

    #[test]
    fn mistakes_are_told() {
        let text = |points: &Array, labels: &[u8], names: &[&str]| {
            embedding_map(points, labels, names).unwrap_err().to_string()
        };
        assert!(text(&points(3, 2), &[0], &[]).contains("1 labels for 3 points"));
        assert!(text(&points(3, 1), &[0; 3], &[]).contains("make no map"));
        assert!(text(&points(0, 2), &[], &[]).contains("make no map"));
        assert!(text(&points(3, 2), &[0, 1, 2], &["a"]).contains("class 1 has no name"));
        let bad = Array::new([1, 2], vec![0.0, f32::NAN]).unwrap();
        assert!(text(&bad, &[0], &[]).contains("point 0 has a value"));
        assert!(
            text(&Array::new([4], vec![0.0f32; 4]).unwrap(), &[0; 4], &[]).contains("no table")
        );
    }
}
