//! Charts of lines: figures over another figure, several charts side by side.

use super::axis::Axis;
use super::paint::{Area, Canvas, Ink, Lettering, Paint};
use super::picture::Picture;
use super::plot::{Frame, LEGEND_LINE, Legend, number};
use cornu_graph::{Error, Result};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
/// How many charts stand in a row.
const COLUMNS: usize = 3;
/// Between a chart's edges and its lines.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 50.0;

/// Lines over one axis.
///
/// ```
/// use cornu::viz::{LineChart, line_charts};
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
///
/// let chart = LineChart::new("Time of a step")
///     .x("width")
///     .y("ms")
///     .logarithmic()
///     .line("1 thread", [(128.0, 0.2), (256.0, 0.7), (512.0, 2.6)])
///     .reference("floor", [(128.0, 0.15), (512.0, 2.4)]);
/// line_charts("How it grows", &[chart])?.save("growth.svg")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LineChart {
    title: String,
    x: String,
    y: String,
    logarithmic: bool,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
    /// Drawn thin, without dots: what the others are held against.
    is_reference: bool,
}

/// Charts in one picture, each with its own axes.
///
/// # Errors
/// If there is no chart, or one has no points that can be drawn.
pub fn line_charts(name: &str, charts: &[LineChart]) -> Result<Picture> {
    if charts.is_empty() {
        return Err(Error::value("there is no chart to draw"));
    }
    for chart in charts {
        if chart.points().next().is_none() {
            return Err(Error::value(format!("the chart '{}' has no points to draw", chart.title))
                .help("logarithmic axes have only positive numbers"));
        }
    }
    let columns = charts.len().min(COLUMNS);
    let rows = charts.len().div_ceil(columns);
    let legend = charts.iter().map(|c| c.legend().height(LineChart::ROOM)).fold(0.0, f64::max);
    let height = HEIGHT + legend;
    let mut canvas = Canvas::new(columns as f64 * WIDTH, rows as f64 * height, name);
    for (index, chart) in charts.iter().enumerate() {
        let (x, y) = ((index % columns) as f64 * WIDTH, (index / columns) as f64 * height);
        chart.draw(Area::new(x, y, WIDTH, height), legend, &mut canvas);
    }
    Ok(Picture::drawn(canvas))
}

impl LineChart {
    /// The width of the lines and of their legend.
    const ROOM: f64 = WIDTH - LEFT - RIGHT;

    /// A chart without lines.
    pub fn new(title: impl Into<String>) -> LineChart {
        let (x, y) = (String::new(), String::new());
        LineChart { title: title.into(), x, y, logarithmic: false, lines: vec![] }
    }

    /// What the horizontal axis shows.
    pub fn x(self, name: impl Into<String>) -> LineChart {
        LineChart { x: name.into(), ..self }
    }

    /// What the vertical axis shows.
    pub fn y(self, name: impl Into<String>) -> LineChart {
        LineChart { y: name.into(), ..self }
    }

    /// Lets equal distances be equal factors, on both axes. Only positive numbers are drawn then.
    pub fn logarithmic(self) -> LineChart {
        LineChart { logarithmic: true, ..self }
    }

    /// Adds a line through points, with a dot at each.
    pub fn line(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> LineChart {
        self.with(name.into(), points.into_iter().collect(), false)
    }

    /// Adds a thin line that others are held against: a bound, an ideal.
    pub fn reference(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> LineChart {
        self.with(name.into(), points.into_iter().collect(), true)
    }

    fn with(mut self, name: String, points: Vec<(f64, f64)>, is_reference: bool) -> LineChart {
        self.lines.push(Line { name, points, is_reference });
        self
    }

    /// Whether a point has a place on the axes.
    fn has_place(&self, (x, y): (f64, f64)) -> bool {
        let drawn = |v: f64| v.is_finite() && (v > 0.0 || !self.logarithmic);
        drawn(x) && drawn(y)
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.lines.iter().flat_map(|line| &line.points).copied().filter(|&p| self.has_place(p))
    }

    fn axis(&self, values: impl Iterator<Item = f64>) -> Axis {
        if self.logarithmic { Axis::of_factors(values) } else { Axis::of_values(values, 5) }
    }

    /// The lines with their paints: colours for the lines, grey for what they are held against.
    fn painted(&self) -> impl Iterator<Item = (&Line, Paint)> {
        let mut colours = 0..;
        self.lines.iter().map(move |line| {
            let paint = if line.is_reference {
                Paint::stroke(Ink::Axis, 1.0).dashed()
            } else {
                Paint::stroke(Ink::Series(colours.next().unwrap_or_default()), 2.0)
            };
            (line, paint)
        })
    }

    fn legend(&self) -> Legend {
        let mut legend = Legend::default();
        self.painted().for_each(|(line, paint)| legend.add(paint, line.name.as_str()));
        legend
    }

    fn draw(&self, area: Area, legend: f64, canvas: &mut Canvas) {
        let title = Lettering::TITLE.fitted(&self.title, LineChart::ROOM);
        canvas.text((area.x + LEFT, area.y + 28.0), title, Lettering::TITLE);
        self.legend().draw(canvas, (area.x + LEFT, area.y + 49.0), LineChart::ROOM);
        let (top, width) = (TOP + legend.max(LEGEND_LINE), LineChart::ROOM);
        let frame = Frame {
            area: Area::new(area.x + LEFT, area.y + top, width, area.height - top - BOTTOM),
            x: self.axis(self.points().map(|(x, _)| x)),
            y: self.axis(self.points().map(|(_, y)| y)),
        };
        frame.draw(canvas, &self.x, &self.y);
        for (line, paint) in self.painted() {
            self.draw_line(line, paint, &frame, canvas);
        }
    }

    /// A point without a place leaves a gap.
    fn draw_line(&self, line: &Line, paint: Paint, frame: &Frame, canvas: &mut Canvas) {
        for stretch in line.points.split(|&point| !self.has_place(point)) {
            let places: Vec<_> = stretch.iter().map(|&(x, y)| frame.point(x, y)).collect();
            if places.len() > 1 {
                canvas.curve(&places, paint);
            }
            let Some((ink, _)) = paint.stroke.filter(|_| !line.is_reference) else { continue };
            for (place, &(x, y)) in places.into_iter().zip(stretch) {
                let tip = format!("{}: {} at {}", line.name, number(y), number(x));
                canvas.dot(place, 3.0, Paint::fill(ink), tip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::check;

    #[test]
    fn lines_have_dots_and_references_none() {
        let chart = LineChart::new("a <chart>")
            .x("width")
            .logarithmic()
            .line("measured", [(1.0, 2.0), (10.0, 0.0), (100.0, 5.0), (1000.0, 9.0)])
            .reference("floor", [(1.0, 1.0), (1000.0, 3.0)]);
        let svg = check::tidy(&line_charts("two", &[chart.clone(), chart]).unwrap());
        // The zero has no place on a logarithmic axis.
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(svg.contains("measured: 9 at 1,000") && svg.contains("stroke-dasharray"), "{svg}");
        assert!(svg.contains("a &lt;chart&gt;"));
    }

    #[test]
    fn without_points_there_is_nothing_to_draw() {
        assert!(line_charts("none", &[]).is_err());
        let chart = LineChart::new("empty").logarithmic().line("zeros", [(0.0, 1.0)]);
        let error = line_charts("none", std::slice::from_ref(&chart)).unwrap_err().to_string();
        assert!(error.contains("'empty' has no points"), "{error}");
        assert!(line_charts("one", &[LineChart { logarithmic: false, ..chart }]).is_ok());
    }
}
