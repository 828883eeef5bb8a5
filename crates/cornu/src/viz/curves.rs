//! The curves of a training: a panel for the loss and for every metric.

use super::Picture;
use super::axis::Axis;
use super::paint::{Area, Canvas, Ink, Lettering, Paint};
use super::plot::{Frame, LEGEND_LINE, Legend, number};
use crate::train::History;
use cornu_graph::{Error, Result};
use std::path::Path;

/// The size of a panel, and the room around the curves in it.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 310.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 47.0;
const BOTTOM: f64 = 48.0;
/// Panels side by side.
const COLUMNS: usize = 2;
/// With more epochs than this, dots would hide the curve.
const DOTS: usize = 40;

impl History {
    /// Draws the loss and every metric, train and validation together, one panel for each, into
    /// a file; the ending decides: `.svg` or `.png`.
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let folder = tempfile::tempdir()?;
    /// # std::env::set_current_dir(&folder)?;
    /// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
    /// # model.compile("sgd", "mse").build()?;
    /// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
    /// let history = model.fit(&x, &x).epochs(3).verbose(0).run()?;
    /// history.plot("history.svg")?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// If no epoch was recorded, the ending is another, or the file cannot be written.
    pub fn plot(&self, path: impl AsRef<Path>) -> Result<()> {
        self.picture()?.save(path)
    }

    /// The picture that [`History::plot`] writes.
    ///
    /// # Errors
    /// If no epoch was recorded.
    pub fn picture(&self) -> Result<Picture> {
        Ok(draw(&panels_of(self)?, "Training history"))
    }

    /// The text of the SVG file that [`History::plot`] writes.
    ///
    /// # Errors
    /// If no epoch was recorded.
    pub fn to_svg(&self) -> Result<String> {
        self.picture()?.to_svg()
    }
}

/// Several trainings in one picture, a panel for the loss and for every metric: what augmentation,
/// another rate or another network changes. Training is dashed, validation is not.
///
/// ```
/// use cornu::viz;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("sgd", "mse").build()?;
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
/// # let plain = model.fit(&x, &x).epochs(3).verbose(0).run()?;
/// # let augmented = model.fit(&x, &x).epochs(3).verbose(0).run()?;
/// let picture = viz::compare_histories(&[("plain", &plain), ("augmented", &augmented)])?;
/// # assert!(picture.to_svg()?.contains("augmented"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there is no history, or one has no epoch.
pub fn compare_histories(histories: &[(&str, &History)]) -> Result<Picture> {
    let mut names: Vec<&str> = vec![];
    for (run, history) in histories {
        check(history).map_err(|error| error.within(format!("history '{run}'")))?;
        names.extend(figures(history));
    }
    names.sort_by_key(|name| *name != "loss");
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    if names.is_empty() {
        return Err(Error::data("there are no histories to compare"));
    }
    let panels: Vec<Panel> = names.iter().map(|name| compared(name, histories)).collect();
    Ok(draw(&panels, "Training histories compared"))
}

/// One figure of several trainings.
fn compared(name: &str, histories: &[(&str, &History)]) -> Panel {
    let mut series = vec![];
    for (i, (run, history)) in histories.iter().enumerate() {
        let validation = format!("val_{name}");
        let validated = history.get(&validation).is_some();
        if history.get(name).is_some() {
            let line = Paint::stroke(Ink::Series(i), if validated { 1.5 } else { 2.0 });
            let line = if validated { line.dashed() } else { line };
            series.push(Series::new(format!("{run}, train"), line, history, name));
        }
        if validated {
            let line = Paint::stroke(Ink::Series(i), 2.0);
            series.push(Series::new(format!("{run}, validation"), line, history, &validation));
        }
    }
    Panel { name: name.to_owned(), series, dots: false }
}

/// A picture for each figure of a history, the loss first: they fit a narrow page, too.
pub(super) fn panel_pictures(history: &History) -> Result<Vec<Picture>> {
    let panels = panels_of(history)?;
    let picture = |panel: &Panel| {
        let name = format!("{} of each epoch", panel.name);
        draw(std::slice::from_ref(panel), &name)
    };
    Ok(panels.iter().map(picture).collect())
}

fn check(history: &History) -> Result<()> {
    if history.epochs.is_empty() || history.iter().next().is_none() {
        return Err(Error::state("the history has no epoch to plot"));
    }
    Ok(())
}

fn panels_of(history: &History) -> Result<Vec<Panel>> {
    check(history)?;
    let panel = |name: &str| {
        let both = [("train", name.to_owned()), ("validation", format!("val_{name}"))];
        let line = |i| Paint::stroke(Ink::Series(i), 2.0);
        let series = both.iter().enumerate().filter_map(|(i, (label, figure))| {
            history.get(figure)?;
            Some(Series::new((*label).to_owned(), line(i), history, figure))
        });
        Panel {
            name: name.to_owned(),
            series: series.collect(),
            dots: history.epochs.len() <= DOTS,
        }
    };
    Ok(figures(history).into_iter().map(panel).collect())
}

/// The figures that get a panel: the loss first.
fn figures(history: &History) -> Vec<&str> {
    let mut names: Vec<&str> = history.iter().map(|(name, _)| name).collect();
    names.retain(|name| name.strip_prefix("val_").is_none_or(|of| history.get(of).is_none()));
    names.sort_by_key(|name| *name != "loss");
    names
}

/// Panels side by side, each as high as the one with the longest legend.
fn draw(panels: &[Panel], name: &str) -> Picture {
    let columns = panels.len().min(COLUMNS);
    let rows = panels.len().div_ceil(columns);
    let legend = panels.iter().map(|panel| panel.legend().height(Panel::ROOM)).fold(0.0, f64::max);
    let height = HEIGHT + legend - LEGEND_LINE;
    let mut canvas = Canvas::new(columns as f64 * WIDTH, rows as f64 * height, name);
    for (index, panel) in panels.iter().enumerate() {
        let corner = ((index % columns) as f64 * WIDTH, (index / columns) as f64 * height);
        panel.draw(Area::new(corner.0, corner.1, WIDTH, height), legend, &mut canvas);
    }
    Picture::drawn(canvas)
}

/// One figure, with its curves.
struct Panel {
    name: String,
    series: Vec<Series>,
    /// Whether each value gets a dot that tells it.
    dots: bool,
}

/// The values of one figure in one training, on the training or on the validation data.
struct Series {
    label: String,
    line: Paint,
    /// The number of the epoch, from 1, and the value.
    points: Vec<(usize, f64)>,
}

impl Series {
    fn new(label: String, line: Paint, history: &History, figure: &str) -> Series {
        let points = history.points(figure).map(|(epoch, value)| (epoch + 1, value));
        Series { label, line, points: points.collect() }
    }

    /// The label with the last value.
    fn legend(&self) -> String {
        let last = self.points.last().map_or(f64::NAN, |(_, value)| *value);
        let last = match last {
            0.0 => "0.0000".into(),
            last if (1e-3..1e3).contains(&last.abs()) => format!("{last:.4}"),
            last => number(last),
        };
        format!("{} {last}", self.label)
    }

    fn ink(&self) -> Ink {
        self.line.stroke.map_or(Ink::Text, |(ink, _)| ink)
    }

    fn draw(&self, frame: &Frame, dots: bool, canvas: &mut Canvas) {
        // A value that is not a number leaves a gap.
        for stretch in self.points.split(|(_, value)| !value.is_finite()) {
            let place = |&(epoch, value): &(usize, f64)| frame.point(epoch as f64, value);
            if stretch.len() > 1 {
                canvas.curve(&stretch.iter().map(place).collect::<Vec<_>>(), self.line);
            }
            if dots || stretch.len() == 1 {
                for point in stretch {
                    let tip = format!("epoch {}, {}: {:.6}", point.0, self.label, point.1);
                    canvas.dot(place(point), 3.0, Paint::fill(self.ink()), tip);
                }
            }
        }
    }
}

impl Panel {
    /// The width of the curves and of their legend.
    const ROOM: f64 = WIDTH - LEFT - RIGHT;

    fn legend(&self) -> Legend {
        let mut legend = Legend::default();
        for series in &self.series {
            let sign = if self.dots { Paint::fill(series.ink()) } else { series.line };
            legend.add(sign, series.legend());
        }
        legend
    }

    fn draw(&self, area: Area, legend: f64, canvas: &mut Canvas) {
        let title = Lettering::TITLE.fitted(&self.name, Panel::ROOM);
        canvas.text((area.x + LEFT, area.y + 28.0), title, Lettering::TITLE);
        self.legend().draw(canvas, (area.x + LEFT, area.y + 49.0), Panel::ROOM);
        let top = TOP + legend;
        let frame = Frame {
            area: Area::new(area.x + LEFT, area.y + top, Panel::ROOM, area.height - top - BOTTOM),
            x: self.epochs(),
            y: Axis::of_values(self.series.iter().flat_map(|s| s.points.iter().map(|p| p.1)), 5),
        };
        frame.draw(canvas, "epoch", "");
        for series in &self.series {
            series.draw(&frame, self.dots, canvas);
        }
    }

    fn epochs(&self) -> Axis {
        let epochs = || self.series.iter().flat_map(|s| s.points.iter().map(|(epoch, _)| *epoch));
        Axis::of_epochs(epochs().min().unwrap_or(1), epochs().max().unwrap_or(1), 10)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::train::Logs;
    use crate::viz::paint::check;

    pub fn history(rows: &[&[(&str, f64)]]) -> History {
        let mut history = History::default();
        for (epoch, row) in rows.iter().enumerate() {
            let mut logs = Logs::default();
            row.iter().for_each(|(name, value)| logs.set(*name, *value));
            history.push(epoch, 1.0, &logs);
        }
        history
    }

    #[test]
    fn each_figure_has_a_panel_the_loss_first() {
        let row = [("accuracy", 0.9), ("loss", 0.1), ("val_accuracy", 0.8), ("val_loss", 0.2)];
        let history = history(&[&row, &row]);
        assert_eq!(figures(&history), ["loss", "accuracy"]);
        let svg = check::tidy(&history.picture().unwrap());
        for part in ["train 0.1000", "validation 0.8000", "epoch 2, validation: 0.2"] {
            assert!(svg.contains(part), "{part} is missing in {svg}");
        }
        assert_eq!(svg.matches("<path class=\"c0-line\"").count(), 2);
        assert_eq!(svg.matches("<path class=\"c1-line\"").count(), 2);
        assert_eq!(panel_pictures(&history).unwrap().len(), 2);
    }

    #[test]
    fn a_value_that_is_not_a_number_leaves_a_gap() {
        let values = [3.0, 2.0, f64::NAN, 1.0, 0.5, f64::INFINITY, 0.25];
        let rows: Vec<[(&str, f64); 1]> = values.iter().map(|&v| [("loss", v)]).collect();
        let rows: Vec<&[(&str, f64)]> = rows.iter().map(|row| &row[..]).collect();
        let svg = check::tidy(&history(&rows).picture().unwrap());
        assert_eq!(svg.matches("<path class=\"c0-line\"").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn the_last_epoch_may_lack_its_validation() {
        let history = history(&[&[("loss", 2.0), ("val_loss", 1.0)], &[("loss", 1.0)]]);
        let svg = check::tidy(&history.picture().unwrap());
        assert_eq!(svg.matches("<circle class=\"c1\"").count(), 1);
    }

    #[test]
    fn without_an_epoch_there_is_nothing_to_plot() {
        let error = History::default().plot("never-written.svg").unwrap_err();
        assert!(error.to_string().contains("no epoch"), "{error}");
        let error = compare_histories(&[("a", &History::default())]).unwrap_err();
        assert!(error.to_string().contains("no epoch"), "{error}");
        assert!(compare_histories(&[]).is_err());
    }

    #[test]
    fn runs_of_different_lengths_and_figures_are_compared() {
        let row = |loss| [("loss", loss), ("val_loss", loss * 2.0)];
        let long = history(&[&row(3.0), &row(2.0), &row(1.0)]);
        let short = history(&[&[("loss", 5.0), ("mae", 1e-9)]]);
        let name = "a very long name of a run that does not fit into its line of the legend at all";
        let picture = compare_histories(&[("plain", &long), (name, &short), ("<b>", &long)]);
        let svg = check::tidy(&picture.unwrap());
        assert!(svg.contains("&lt;b&gt;, validation 2") && svg.contains("…"), "{svg}");
        assert!(svg.contains(">mae<"), "{svg}");
        // Training is dashed beside validation only.
        assert!(svg.contains("stroke-dasharray"));
    }

    #[test]
    fn long_trainings_have_a_curve_without_dots() {
        let rows: Vec<[(&str, f64); 1]> =
            (0..300).map(|i| [("loss", 1.0 / f64::from(i + 1))]).collect();
        let rows: Vec<&[(&str, f64)]> = rows.iter().map(|row| &row[..]).collect();
        let svg = check::tidy(&history(&rows).picture().unwrap());
        assert_eq!(svg.matches("<circle").count(), 0);
        assert_eq!(svg.matches("<path class=\"c0-line\"").count(), 2); // the curve and its legend
    }
}
