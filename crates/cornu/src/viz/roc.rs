//! The receiver operating characteristic: how many are found against how many are taken wrongly.

use super::Picture;
use super::axis::Axis;
use super::paint::{Area, Canvas, Ink, Lettering, Paint, Point};
use super::plot::{Frame, Legend};
use cornu_graph::{Error, Result};

/// The side of the plot, and the room around it.
const SIDE: f64 = 400.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 52.0;

/// One curve: for falling thresholds, which share of the negatives and which of the positives is
/// taken for positive.
#[derive(Clone, Debug)]
pub struct RocCurve {
    name: String,
    points: Vec<Point>,
    operating_point: Option<Point>,
}

impl RocCurve {
    /// A curve through points `(fpr, tpr)`, in any order. The ends (0, 0) and (1, 1) belong to
    /// every curve.
    ///
    /// # Errors
    /// If the two are not equally many, there are none, or one is not from 0 to 1.
    pub fn new(name: impl Into<String>, fpr: &[f64], tpr: &[f64]) -> Result<RocCurve> {
        if fpr.len() != tpr.len() {
            let (fpr, tpr) = (fpr.len(), tpr.len());
            return Err(Error::data(format!("{fpr} false positive rates for {tpr} true ones")));
        }
        if fpr.is_empty() {
            return Err(Error::data("a ROC curve needs points"));
        }
        let mut points: Vec<Point> = fpr.iter().copied().zip(tpr.iter().copied()).collect();
        points.iter().try_for_each(|&point| check(point))?;
        points.extend([(0.0, 0.0), (1.0, 1.0)]);
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        points.dedup();
        Ok(RocCurve { name: name.into(), points, operating_point: None })
    }

    /// Marks where the chosen threshold stands.
    ///
    /// # Errors
    /// If a rate is not from 0 to 1.
    pub fn operating_point(mut self, fpr: f64, tpr: f64) -> Result<RocCurve> {
        check((fpr, tpr))?;
        self.operating_point = Some((fpr, tpr));
        Ok(self)
    }

    /// The area under the curve, by trapezoids: 1 for a perfect order, 0.5 for none.
    pub fn auc(&self) -> f64 {
        self.points.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum()
    }

    /// The equal error rate: where as many negatives are taken wrongly as positives are missed,
    /// on the straight line between the points around.
    pub fn eer(&self) -> f64 {
        // What is taken wrongly minus what is missed grows from -1 to 1 along the curve.
        let surplus = |(fpr, tpr): Point| fpr - (1.0 - tpr);
        let crossing = self.points.windows(2).find(|w| surplus(w[1]) >= 0.0);
        let Some(&[before, after]) = crossing.and_then(|w| w.first_chunk::<2>()) else {
            return 0.5;
        };
        let (low, high) = (surplus(before), surplus(after));
        let part = if high > low { -low / (high - low) } else { 0.0 };
        before.0 + part * (after.0 - before.0)
    }
}

fn check((fpr, tpr): Point) -> Result<()> {
    if [fpr, tpr].iter().all(|rate| (0.0..=1.0).contains(rate)) {
        return Ok(());
    }
    Err(Error::data(format!("rates are from 0 to 1, not ({fpr}, {tpr})")))
}

/// ROC curves in one plot, with the area under each, its equal error rate (a ring, on the dashed
/// line from the upper left) and the operating point (a dot), if one is given.
///
/// ```
/// use cornu::viz::{self, RocCurve};
///
/// let l1 = RocCurve::new("L1", &[0.0, 0.1, 1.0], &[0.0, 0.9, 1.0])?.operating_point(0.1, 0.9)?;
/// let l2 = RocCurve::new("L2", &[0.0, 0.3, 1.0], &[0.0, 0.8, 1.0])?;
/// assert!((l1.eer() - 0.1).abs() < 1e-12);
/// let picture = viz::roc_curve(&[l1, l2])?;
/// # assert!(picture.to_svg()?.contains("AUC 0.9000"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there is no curve.
pub fn roc_curve(curves: &[RocCurve]) -> Result<Picture> {
    if curves.is_empty() {
        return Err(Error::data("there are no ROC curves to draw"));
    }
    let legend = legend(curves);
    let top = TOP + legend.height(SIDE);
    let (width, height) = (LEFT + SIDE + RIGHT, top + SIDE + BOTTOM);
    let mut canvas = Canvas::new(width, height, "ROC curve");
    canvas.text((LEFT, 28.0), "ROC curve", Lettering::TITLE);
    legend.draw(&mut canvas, (LEFT, 50.0), SIDE);
    let area = Area::new(LEFT, top, SIDE, SIDE);
    let frame = Frame { area, x: Axis::of_shares(), y: Axis::of_shares() };
    frame.draw(&mut canvas, "false positive rate", "true positive rate");
    let faint = Paint::stroke(Ink::Axis, 1.0).dashed();
    canvas.line(frame.point(0.0, 0.0), frame.point(1.0, 1.0), faint);
    canvas.line(
        frame.point(0.0, 1.0),
        frame.point(1.0, 0.0),
        Paint::stroke(Ink::Grid, 1.0).dashed(),
    );
    for (i, curve) in curves.iter().enumerate() {
        curve.draw(Ink::Series(i), &frame, &mut canvas);
    }
    Ok(Picture::drawn(canvas))
}

fn legend(curves: &[RocCurve]) -> Legend {
    let mut legend = Legend::default();
    for (i, curve) in curves.iter().enumerate() {
        let figures = format!("AUC {:.4}, EER {:.4}", curve.auc(), curve.eer());
        // The figures stand even after a long name.
        let room = SIDE - 24.0 - Lettering::PLAIN.width(&format!(": {figures}"));
        let name = Lettering::PLAIN.fitted(&curve.name, room);
        legend.add(Paint::stroke(Ink::Series(i), 2.0), format!("{name}: {figures}"));
        if let Some((fpr, tpr)) = curve.operating_point {
            let text = format!("operating point {fpr:.4}, {tpr:.4}");
            legend.add(Paint::fill(Ink::Series(i)), text);
        }
    }
    legend
}

impl RocCurve {
    fn draw(&self, ink: Ink, frame: &Frame, canvas: &mut Canvas) {
        let points = thinned(self.points.iter().map(|&(x, y)| frame.point(x, y)));
        canvas.curve(&points, Paint::stroke(ink, 2.0));
        let eer = self.eer();
        let ring = Paint::fill(Ink::Paper).edged(ink, 2.0);
        let tip = format!("{}: equal error rate {eer:.4}", self.name);
        canvas.dot(frame.point(eer, 1.0 - eer), 5.0, ring, tip);
        if let Some((fpr, tpr)) = self.operating_point {
            let tip = format!("{}: operating point, fpr {fpr:.4}, tpr {tpr:.4}", self.name);
            canvas.dot(frame.point(fpr, tpr), 5.0, Paint::fill(ink).edged(Ink::Paper, 1.5), tip);
        }
    }
}

/// The points without those that nobody could tell from the one before: a curve of 20,000
/// thresholds has a few hundred.
fn thinned(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let all: Vec<Point> = points.collect();
    let mut kept: Vec<Point> = vec![];
    for (i, &point) in all.iter().enumerate() {
        let last = kept.last().copied();
        let far = |(x, y): Point| (point.0 - x).hypot(point.1 - y) >= 0.5;
        if i + 1 == all.len() || last.is_none_or(far) {
            kept.push(point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::check;

    #[test]
    fn area_and_equal_error_rate_are_those_of_the_figure() {
        let curve = |fpr: &[f64], tpr: &[f64]| RocCurve::new("a", fpr, tpr).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let perfect = curve(&[0.0], &[1.0]);
        assert!(close(perfect.auc(), 1.0) && close(perfect.eer(), 0.0));
        let chance = curve(&[0.5], &[0.5]);
        assert!(close(chance.auc(), 0.5) && close(chance.eer(), 0.5));
        let worst = curve(&[1.0], &[0.0]);
        assert!(close(worst.auc(), 0.0) && close(worst.eer(), 1.0));
        // The order of the points does not count. Between (0.2, 0.6) and (0.4, 1): 1/3.
        let bent = curve(&[0.4, 0.2], &[1.0, 0.6]);
        assert!(close(bent.auc(), 0.06 + 0.16 + 0.6), "{}", bent.auc());
        assert!(close(bent.eer(), 0.2 + 0.2 * (0.2 / 0.6)), "{}", bent.eer());
    }

    #[test]
    fn curves_and_marks_are_drawn() {
        let name = "a network with a name that has no end, as those of papers <br>";
        let steps: Vec<f64> = (0..=20_000).map(|i| f64::from(i) / 20_000.0).collect();
        let bent: Vec<f64> = steps.iter().map(|x| x.sqrt()).collect();
        let a = RocCurve::new(name, &steps, &bent).unwrap().operating_point(0.25, 0.5).unwrap();
        let b = RocCurve::new("b", &[0.2], &[0.9]).unwrap();
        let svg = check::tidy(&roc_curve(&[a, b]).unwrap());
        assert!(svg.contains("b: AUC 0.8500, EER 0.1818"), "{svg}");
        assert!(svg.contains("…: AUC 0.6667") && svg.contains("operating point 0.2500, 0.5000"));
        assert_eq!(svg.matches("<circle").count(), 3);
        // 20,001 points would take 200 KB.
        assert!(svg.len() < 60_000, "{}", svg.len());
    }

    #[test]
    fn mistakes_are_told() {
        let text = |result: Result<RocCurve>| result.unwrap_err().to_string();
        assert!(text(RocCurve::new("a", &[0.0], &[0.0, 1.0])).contains("1 false positive rates"));
        assert!(text(RocCurve::new("a", &[], &[])).contains("needs points"));
        assert!(text(RocCurve::new("a", &[0.5], &[f64::NAN])).contains("from 0 to 1"));
        let curve = RocCurve::new("a", &[0.5], &[0.5]).unwrap();
        assert!(text(curve.operating_point(1.5, 0.0)).contains("from 0 to 1"));
        assert!(roc_curve(&[]).is_err());
    }
}
