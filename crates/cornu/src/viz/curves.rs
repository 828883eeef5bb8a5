//! The curves of a training: a panel for the loss and for every metric.

use super::axis::Axis;
use super::canvas::Canvas;
use crate::train::History;
use cornu_graph::{Error, Result};
use std::path::Path;

/// The size of a panel, and the room around the curves in it.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 310.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 48.0;
/// Panels side by side.
const COLUMNS: usize = 2;
/// With more epochs than this, dots would hide the curve.
const DOTS: usize = 40;

impl History {
    /// Draws the loss and every metric, train and validation together, one panel for each, into
    /// an SVG file.
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
    /// If no epoch was recorded, or the file cannot be written.
    pub fn plot(&self, path: impl AsRef<Path>) -> Result<()> {
        super::write(path, &self.to_svg()?)
    }

    /// The text of the SVG file that [`History::plot`] writes.
    ///
    /// # Errors
    /// If no epoch was recorded.
    pub fn to_svg(&self) -> Result<String> {
        let panels = self.panels();
        if self.epochs.is_empty() || panels.is_empty() {
            return Err(Error::state("the history has no epoch to plot"));
        }
        let columns = panels.len().min(COLUMNS);
        let rows = panels.len().div_ceil(columns);
        let size = (columns as f64 * WIDTH, rows as f64 * HEIGHT);
        let mut canvas = Canvas::new(size.0, size.1, "Training history");
        for (index, name) in panels.into_iter().enumerate() {
            let corner = ((index % columns) as f64 * WIDTH, (index / columns) as f64 * HEIGHT);
            self.panel(name, corner).draw(&mut canvas);
        }
        Ok(canvas.finish())
    }

    /// The figures that get a panel: the loss first.
    fn panels(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
        names.retain(|name| name.strip_prefix("val_").is_none_or(|of| self.get(of).is_none()));
        names.sort_by_key(|name| *name != "loss");
        names
    }

    fn panel<'a>(&'a self, name: &'a str, corner: (f64, f64)) -> Panel<'a> {
        let validation = self.get(&format!("val_{name}"));
        let series: Vec<Series<'a>> = [("train", self.get(name)), ("validation", validation)]
            .into_iter()
            .filter_map(|(label, values)| Some(Series { label, values: values? }))
            .collect();
        let (first, last) = (self.epochs[0] + 1, self.epochs[self.epochs.len() - 1] + 1);
        Panel {
            name,
            corner,
            epochs: &self.epochs,
            x: Axis::of_epochs(first, last, 10),
            y: Axis::of_values(series.iter().flat_map(|s| s.values.iter().copied()), 5),
            series,
        }
    }
}

/// One figure, with its axes.
struct Panel<'a> {
    name: &'a str,
    corner: (f64, f64),
    epochs: &'a [usize],
    series: Vec<Series<'a>>,
    x: Axis,
    y: Axis,
}

/// The values of one figure on the training or on the validation data; the label is also the
/// class of its colour.
struct Series<'a> {
    label: &'static str,
    values: &'a [f64],
}

impl Panel<'_> {
    fn draw(&self, canvas: &mut Canvas) {
        let (x, y) = self.corner;
        canvas.text("title", x + LEFT, y + 28.0, self.name);
        let legend = self.series.iter().map(|s| (s.class(), s.legend()));
        let legend: Vec<(&str, String)> = legend.collect();
        canvas.texts(x + LEFT, y + 49.0, &legend);
        self.draw_axes(canvas);
        for series in &self.series {
            self.draw_series(series, canvas);
        }
    }

    fn draw_axes(&self, canvas: &mut Canvas) {
        let (left, right) = (self.left(), self.left() + WIDTH - LEFT - RIGHT);
        let bottom = self.corner.1 + HEIGHT - BOTTOM;
        for (value, label) in self.y.ticks() {
            let (_, y) = self.point(self.x.low, value);
            canvas.line("grid", (left, y), (right, y));
            canvas.text("faint end", left - 8.0, y + 4.0, label);
        }
        for (value, label) in self.x.ticks() {
            let (x, _) = self.point(value, self.y.low);
            canvas.line("axis", (x, bottom), (x, bottom + 4.0));
            canvas.text("faint middle", x, bottom + 18.0, label);
        }
        canvas.line("axis", (left, bottom), (right, bottom));
        canvas.text("faint middle", (left + right) / 2.0, bottom + 37.0, "epoch");
    }

    fn draw_series(&self, series: &Series, canvas: &mut Canvas) {
        let epochs = self.epochs.iter().map(|&epoch| epoch + 1).zip(series.values);
        let points: Vec<_> =
            epochs.map(|(epoch, &value)| (epoch, value, self.point(epoch as f64, value))).collect();
        // A value that is not a number leaves a gap.
        for stretch in points.split(|(_, value, _)| !value.is_finite()) {
            let line: Vec<(f64, f64)> = stretch.iter().map(|(_, _, point)| *point).collect();
            if line.len() > 1 {
                canvas.curve(series.label, &line);
            }
            if points.len() <= DOTS || line.len() == 1 {
                for (epoch, value, point) in stretch {
                    let tooltip = format!("epoch {epoch}, {}: {value:.6}", series.label);
                    canvas.dot(series.label, *point, &tooltip);
                }
            }
        }
    }

    fn left(&self) -> f64 {
        self.corner.0 + LEFT
    }

    /// Where an epoch and a value stand on the canvas.
    fn point(&self, epoch: f64, value: f64) -> (f64, f64) {
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        let x = self.left() + width * self.x.place(epoch);
        let y = self.corner.1 + TOP + height * (1.0 - self.y.place(value));
        (x, y)
    }
}

impl Series<'_> {
    fn class(&self) -> &'static str {
        match self.label {
            "train" => "label train",
            _ => "label validation",
        }
    }

    /// The label with the last value.
    fn legend(&self) -> String {
        let last = self.values.last().copied().unwrap_or(f64::NAN);
        if last != 0.0 && last.abs() < 1e-3 {
            return format!("● {} {last:.3e}", self.label);
        }
        format!("● {} {last:.4}", self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Logs;

    fn history(rows: &[&[(&str, f64)]]) -> History {
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
        assert_eq!(history.panels(), ["loss", "accuracy"]);
        let svg = history.to_svg().unwrap();
        for part in ["● train 0.1000", "● validation 0.8000", "epoch 2, validation: 0.2"] {
            assert!(svg.contains(part), "{part} is missing in {svg}");
        }
        assert_eq!(svg.matches("curve train").count(), 2);
        assert_eq!(svg.matches("curve validation").count(), 2);
    }

    #[test]
    fn a_value_that_is_not_a_number_leaves_a_gap() {
        let values = [3.0, 2.0, f64::NAN, 1.0, 0.5, f64::INFINITY, 0.25];
        let rows: Vec<[(&str, f64); 1]> = values.iter().map(|&v| [("loss", v)]).collect();
        let rows: Vec<&[(&str, f64)]> = rows.iter().map(|row| &row[..]).collect();
        let svg = history(&rows).to_svg().unwrap();
        assert_eq!(svg.matches("curve train").count(), 2);
        assert_eq!(svg.matches("dot train").count(), 5);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn the_last_epoch_may_lack_its_validation() {
        let svg = history(&[&[("loss", 2.0), ("val_loss", 1.0)], &[("loss", 1.0)]]).to_svg();
        assert_eq!(svg.unwrap().matches("dot validation").count(), 1);
    }

    #[test]
    fn without_an_epoch_there_is_nothing_to_plot() {
        let error = History::default().plot("never-written.svg").unwrap_err();
        assert!(error.to_string().contains("no epoch"), "{error}");
    }
}
