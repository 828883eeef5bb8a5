//! Bar charts: how much of something several things have, in one panel or in several.

use super::Picture;
use super::paint::{Area, Canvas, Ink, Lettering, Paint};
use cornu_graph::{Error, Result};

/// The room around everything, and between panels.
const MARGIN: f64 = 28.0;
const GAP: f64 = 36.0;
/// The size of a panel's parts: names, the longest bar, the notes behind bars.
const NAMES: f64 = 132.0;
const LONGEST: f64 = 190.0;
const NOTES: f64 = 118.0;
const WIDTH: f64 = NAMES + LONGEST + NOTES;
/// The height of a panel's title with the room below it, of a bar, and from bar to bar.
const HEAD: f64 = 26.0;
const BAR: f64 = 15.0;
const PITCH: f64 = 22.0;
/// Where the panels begin.
const TOP: f64 = 76.0;

/// A panel of a [`bar_chart`]: bars with their names.
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    bars: Vec<Bar>,
}

#[derive(Clone, Debug)]
struct Bar {
    name: String,
    value: f64,
    note: String,
}

impl Bars {
    /// A panel without bars yet.
    pub fn new(title: impl Into<String>) -> Bars {
        Bars { title: title.into(), bars: vec![] }
    }

    /// Adds a bar: its name, how long it is, and what is written behind it.
    pub fn bar(mut self, name: impl Into<String>, value: f64, note: impl Into<String>) -> Bars {
        self.bars.push(Bar { name: name.into(), value, note: note.into() });
        self
    }

    fn height(&self) -> f64 {
        HEAD + self.bars.len() as f64 * PITCH
    }
}

/// Horizontal bars in panels, two beside each other if there are more than three. In each panel the
/// largest value has the longest bar; a name has the same colour in all of them.
///
/// ```
/// use cornu::viz::{self, Bars};
///
/// let small = Bars::new("small network").bar("ours", 0.6, "0.6 s").bar("theirs", 1.5, "1.5 s");
/// let picture = viz::bar_chart("An epoch of training", "two cores", &[small])?;
/// # assert!(picture.to_svg()?.contains("1.5 s"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If there are no bars, or a value is negative or not finite.
pub fn bar_chart(title: &str, about: &str, panels: &[Bars]) -> Result<Picture> {
    check(panels)?;
    let columns = if panels.len() > 3 { 2 } else { 1 };
    let width = 2.0 * MARGIN + columns as f64 * WIDTH + (columns - 1) as f64 * GAP;
    let rows: Vec<f64> = panels.chunks(columns).map(row_height).collect();
    let gaps = (rows.len() - 1) as f64 * GAP / 1.5;
    let height = TOP + rows.iter().sum::<f64>() + gaps + MARGIN;

    let mut canvas = Canvas::new(width, height, title);
    let room = width - 2.0 * MARGIN;
    let fitted = Lettering::TITLE.fitted(title, room);
    canvas.text((MARGIN, 32.0), fitted, Lettering::TITLE);
    canvas.text((MARGIN, 52.0), Lettering::FAINT.fitted(about, room), Lettering::FAINT);
    let names = names(panels);
    let mut y = TOP;
    for (row, height) in panels.chunks(columns).zip(rows) {
        for (column, panel) in row.iter().enumerate() {
            let x = MARGIN + column as f64 * (WIDTH + GAP);
            draw(panel, &names, (x, y), &mut canvas);
        }
        y += height + GAP / 1.5;
    }
    Ok(Picture::drawn(canvas))
}

fn check(panels: &[Bars]) -> Result<()> {
    let mut bars = panels.iter().flat_map(|panel| &panel.bars).peekable();
    if bars.peek().is_none() {
        return Err(Error::data("there are no bars to draw"));
    }
    match bars.find(|bar| !(bar.value.is_finite() && bar.value >= 0.0)) {
        Some(bar) => Err(Error::data(format!("{}: {} has no bar", bar.name, bar.value))),
        None => Ok(()),
    }
}

fn row_height(row: &[Bars]) -> f64 {
    row.iter().map(Bars::height).fold(0.0, f64::max)
}

/// The names in the order in which they come first.
fn names(panels: &[Bars]) -> Vec<&str> {
    let mut names: Vec<&str> = vec![];
    for bar in panels.iter().flat_map(|panel| &panel.bars) {
        if !names.contains(&bar.name.as_str()) {
            names.push(&bar.name);
        }
    }
    names
}

fn draw(panel: &Bars, names: &[&str], (x, y): (f64, f64), canvas: &mut Canvas) {
    let title = Lettering::PLAIN.bold();
    canvas.text((x, y + 12.0), title.fitted(&panel.title, WIDTH), title);
    let largest = panel.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let axis = x + NAMES;
    for (i, bar) in panel.bars.iter().enumerate() {
        let top = y + HEAD + i as f64 * PITCH;
        let name = Lettering::PLAIN.fitted(&bar.name, NAMES - 10.0);
        canvas.text((axis - 8.0, top + 12.0), name, Lettering::PLAIN.end());
        // All values may be zero.
        let length = if largest > 0.0 { LONGEST * bar.value / largest } else { 0.0 };
        let color = names.iter().position(|name| *name == bar.name).unwrap_or(0);
        let area = Area::new(axis, top, length.max(1.0), BAR);
        let tip = format!("{}: {}", bar.name, bar.note);
        canvas.fill_told(area, Paint::fill(Ink::Series(color)), tip);
        let note = Lettering::FAINT.fitted(&bar.note, WIDTH - NAMES - length - 8.0);
        canvas.text((axis + length + 8.0, top + 12.0), note, Lettering::FAINT);
    }
    let bottom = y + HEAD + panel.bars.len() as f64 * PITCH - (PITCH - BAR);
    canvas.line((axis, y + HEAD - 4.0), (axis, bottom + 4.0), Paint::stroke(Ink::Axis, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::canvas::Item;
    use crate::viz::paint::check;

    /// The lengths of the bars and their inks, in order.
    fn drawn(picture: &Picture) -> Vec<(f64, Paint)> {
        let items = &picture.canvas().unwrap().items;
        let bars = items.iter().filter_map(|item| match item {
            Item::Rectangle { area, paint, tip: Some(_), .. } => Some((area.width, *paint)),
            _ => None,
        });
        bars.collect()
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        let first = Bars::new("first").bar("a", 2.0, "2 s").bar("b", 4.0, "4 s");
        let second = Bars::new("second").bar("b", 1.0, "1 s").bar("c", 0.0, "0 s");
        let picture = bar_chart("Times", "seconds", &[first, second]).unwrap();
        let svg = check::tidy(&picture);
        assert!(svg.contains("4 s") && svg.contains("second"), "{svg}");
        let ink = |i| Paint::fill(Ink::Series(i));
        let bars = [(LONGEST / 2.0, ink(0)), (LONGEST, ink(1)), (LONGEST, ink(1)), (1.0, ink(2))];
        assert_eq!(drawn(&picture), bars);
    }

    #[test]
    fn many_panels_stand_side_by_side() {
        let panel = |i: usize| {
            let name = "a name that is far too long for its place ".repeat(i + 1);
            (0..=i).fold(Bars::new(&name), |bars, bar| bars.bar(&name, bar as f64, &name))
        };
        let panels: Vec<Bars> = (0..5).map(panel).collect();
        let picture = bar_chart("Panels", &"about ".repeat(90), &panels).unwrap();
        check::tidy(&picture);
        assert_eq!(drawn(&picture).len(), 15);
        assert!(picture.canvas().unwrap().width > 2.0 * WIDTH);
    }

    #[test]
    fn what_has_no_length_is_an_error() {
        assert!(bar_chart("", "", &[]).is_err());
        assert!(bar_chart("", "", &[Bars::new("empty")]).is_err());
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            let panel = Bars::new("bad").bar("x", bad, "");
            assert!(bar_chart("", "", &[panel]).unwrap_err().to_string().contains("x: "));
        }
    }
}
