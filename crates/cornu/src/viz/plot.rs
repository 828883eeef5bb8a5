//! What plots share: an area with two axes, and a legend.

use super::axis::Axis;
use super::paint::{Area, Canvas, Ink, Lettering, Paint, Point};

/// The line around plots.
const EDGE: Paint = Paint::stroke(Ink::Axis, 1.0);
/// The height of a line of a legend.
pub const LEGEND_LINE: f64 = 19.0;

/// An area where values are drawn, with its axes.
pub struct Frame {
    pub area: Area,
    pub x: Axis,
    pub y: Axis,
}

impl Frame {
    /// Where values stand.
    pub fn point(&self, x: f64, y: f64) -> Point {
        let x = self.area.x + self.area.width * self.x.place(x);
        (x, self.area.y + self.area.height * (1.0 - self.y.place(y)))
    }

    /// Draws the axes with what they mean.
    pub fn draw(&self, canvas: &mut Canvas, x_name: &str, y_name: &str) {
        let (left, right, bottom) = (self.area.x, self.area.right(), self.area.bottom());
        for (value, label) in self.y.ticks() {
            let (_, y) = self.point(self.x.low, value);
            canvas.line((left, y), (right, y), Paint::stroke(Ink::Grid, 1.0));
            canvas.text((left - 8.0, y + 4.0), label, Lettering::FAINT.end());
        }
        for (value, label) in self.x.ticks() {
            let (x, _) = self.point(value, self.y.low);
            canvas.line((x, bottom), (x, bottom + 4.0), EDGE);
            canvas.text((x, bottom + 18.0), label, Lettering::FAINT.middle());
        }
        canvas.line((left, bottom), (right, bottom), EDGE);
        let (middle, height) = self.area.middle();
        canvas.text((middle, bottom + 37.0), x_name, Lettering::FAINT.middle());
        if !y_name.is_empty() {
            canvas.upright_text((left - 44.0, height), y_name, Lettering::FAINT.middle());
        }
    }
}

/// What the colours and lines of a plot mean.
#[derive(Default)]
pub struct Legend(Vec<(Paint, String)>);

impl Legend {
    /// Adds a meaning: with a fill a dot stands before it, else a piece of line.
    pub fn add(&mut self, paint: Paint, text: impl Into<String>) {
        self.0.push((paint, text.into()));
    }

    /// How wide an entry is: the sign, and the text as far as there is room.
    fn width(paint: &Paint, text: &str, room: f64) -> f64 {
        let sign = sign_width(paint);
        sign + Lettering::PLAIN.width(&Lettering::PLAIN.fitted(text, room - sign))
    }

    /// The line and the place on it of each entry, for a width.
    fn places(&self, room: f64) -> Vec<(usize, f64)> {
        let (mut line, mut pen) = (0, 0.0);
        let place = |(paint, text): &(Paint, String)| {
            let width = Legend::width(paint, text, room);
            if pen > 0.0 && pen + width > room {
                (line, pen) = (line + 1, 0.0);
            }
            let place = (line, pen);
            pen += width + 16.0;
            place
        };
        self.0.iter().map(place).collect()
    }

    /// How high it is.
    pub fn height(&self, room: f64) -> f64 {
        let lines = self.places(room).last().map_or(0, |(line, _)| line + 1);
        lines as f64 * LEGEND_LINE
    }

    /// Draws it with the baseline of its first line at a point.
    pub fn draw(&self, canvas: &mut Canvas, (x, y): Point, room: f64) {
        for ((paint, text), (line, pen)) in self.0.iter().zip(self.places(room)) {
            let (x, y) = (x + pen, y + line as f64 * LEGEND_LINE);
            match paint.fill {
                Some(_) => canvas.fill(Area::new(x, y - 9.0, 9.0, 9.0), 4.5, *paint),
                None => canvas.line((x, y - 4.0), (x + 18.0, y - 4.0), *paint),
            }
            let sign = sign_width(paint);
            let text = Lettering::PLAIN.fitted(text, room - sign);
            canvas.text((x + sign, y), text, Lettering::PLAIN);
        }
    }
}

fn sign_width(paint: &Paint) -> f64 {
    if paint.fill.is_some() { 14.0 } else { 24.0 }
}

/// A number with the digits that are worth reading.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return value.to_string().replace("inf", "∞");
    }
    if value.fract() == 0.0 && size < 1e15 {
        return grouped(value);
    }
    if !(1e-3..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = (3 - size.log10().floor() as i32).clamp(1, 4) as usize;
    format!("{value:.digits$}")
}

/// `1234567` as `1,234,567`.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let cases = [
            (0.974, "0.9740"),
            (0.0, "0"),
            (12.0, "12"),
            (1234567.0, "1,234,567"),
            (-20.0, "−20"),
            (0.000123, "1.230e-4"),
            (123.456, "123.5"),
            (2.5, "2.500"),
            (1.5e9 + 0.5, "1.500e9"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!((number(f64::NAN), number(f64::INFINITY)), ("NaN".into(), "∞".into()));
    }

    #[test]
    fn a_legend_wraps_and_cuts() {
        let mut legend = Legend::default();
        for i in 0..6 {
            legend.add(Paint::fill(Ink::Series(i)), format!("run number {i}"));
        }
        legend.add(
            Paint::stroke(Ink::Axis, 1.0),
            "a name that is far too long for its line".repeat(3),
        );
        let lines: Vec<usize> = legend.places(230.0).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [0, 0, 1, 1, 2, 2, 3]);
        assert_eq!(legend.height(230.0), 4.0 * LEGEND_LINE);
        for ((line, x), (paint, text)) in legend.places(230.0).into_iter().zip(&legend.0) {
            assert!(x + Legend::width(paint, text, 230.0) <= 230.0, "{line}");
        }
    }
}
