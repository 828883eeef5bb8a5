//! A card: what there is to tell of one layer, input or operation.

use crate::viz::paint::{Area, Canvas, Ink, Lettering, Paint, Point, Step};

/// The round corners.
const CORNER: f64 = 7.0;
/// The room at the sides.
const SIDE: f64 = 12.0;
/// The heights of the header and of a row, and the room around the rows.
const HEADER: f64 = 30.0;
const ROW: f64 = 19.0;
const AROUND: f64 = 5.0;
/// The narrowest card, and the widest text on one.
const NARROWEST: f64 = 90.0;
const WIDEST_TEXT: f64 = 250.0;

const CLASS: Lettering = Lettering::PLAIN.size(13.0).bold();
const NAME: Lettering = Lettering::FAINT;

/// A card.
#[derive(Clone, Debug)]
pub struct Card {
    class: String,
    name: String,
    rows: Vec<Row>,
    pub size: (f64, f64),
}

#[derive(Clone, Debug)]
pub struct Row {
    label: &'static str,
    value: String,
    ink: Ink,
}

impl Row {
    pub fn new(label: &'static str, value: impl Into<String>) -> Row {
        Row { label, value: value.into(), ink: Ink::Text }
    }

    pub fn ink(self, ink: Ink) -> Row {
        Row { ink, ..self }
    }
}

impl Card {
    /// A card with a header and rows. An empty name is not shown.
    pub fn new(class: &str, name: &str, rows: Vec<Row>) -> Card {
        let class = CLASS.fitted(class, WIDEST_TEXT);
        let name = NAME.fitted(name, WIDEST_TEXT);
        let fitted = |row: Row| Row { value: value(&row).fitted(&row.value, WIDEST_TEXT), ..row };
        let rows: Vec<Row> = rows.into_iter().map(fitted).collect();
        let gap = if name.is_empty() { 0.0 } else { 18.0 };
        let header = CLASS.width(&class) + gap + NAME.width(&name);
        let labels = labels_width(&rows);
        let body = rows.iter().map(|row| labels + value(row).width(&row.value));
        let width = body.fold(header, f64::max) + 2.0 * SIDE;
        let rows_height =
            if rows.is_empty() { 0.0 } else { rows.len() as f64 * ROW + 2.0 * AROUND };
        // Whole pixels are sharp.
        let size = (width.max(NARROWEST).ceil(), HEADER + rows_height);
        Card { class, name, rows, size }
    }

    pub fn draw(&self, (x, y): Point, canvas: &mut Canvas) {
        let (width, height) = self.size;
        let hue = Ink::Series(hue(&self.class));
        canvas.fill(Area::new(x, y, width, height), CORNER, Paint::fill(Ink::Card));
        let header = Area::new(x, y, width, HEADER);
        if self.rows.is_empty() {
            canvas.fill(header, CORNER, Paint::tint(hue, 0.16));
        } else {
            canvas.path(round_above(&header), Paint::tint(hue, 0.16));
        }
        canvas.fill(Area::new(x, y, width, height), CORNER, Paint::stroke(Ink::Border, 1.0));
        // A mark in the full colour, for the eye to go along.
        canvas.fill(Area::new(x + 5.0, y + 8.0, 3.0, HEADER - 16.0), 1.5, Paint::fill(hue));
        canvas.text((x + SIDE + 2.0, y + 19.5), self.class.as_str(), CLASS);
        canvas.text((x + width - SIDE + 2.0, y + 19.5), self.name.as_str(), NAME.end());
        let labels = labels_width(&self.rows);
        for (i, row) in self.rows.iter().enumerate() {
            let base = y + HEADER + AROUND + i as f64 * ROW + 13.5;
            canvas.text((x + SIDE, base), row.label, Lettering::FAINT);
            canvas.text((x + SIDE + labels, base), row.value.as_str(), value(row));
        }
    }
}

fn value(row: &Row) -> Lettering {
    Lettering::PLAIN.ink(row.ink)
}

fn labels_width(rows: &[Row]) -> f64 {
    let widest = rows.iter().map(|row| Lettering::FAINT.width(row.label)).fold(0.0, f64::max);
    widest + 12.0
}

/// A rectangle with round corners above and sharp ones below.
fn round_above(area: &Area) -> Vec<Step> {
    let (x, y, right, bottom) = (area.x, area.y, area.right(), area.bottom());
    let bend = CORNER * 0.448;
    vec![
        Step::Move((x, bottom)),
        Step::Line((x, y + CORNER)),
        Step::Cubic((x, y + bend), (x + bend, y), (x + CORNER, y)),
        Step::Line((right - CORNER, y)),
        Step::Cubic((right - bend, y), (right, y + bend), (right, y + CORNER)),
        Step::Line((right, bottom)),
        Step::Close,
    ]
}

/// Layers of one kind have one colour.
fn hue(class: &str) -> usize {
    let has = |words: &[&str]| words.iter().any(|word| class.contains(word));
    if class == "InputLayer" {
        return 2; // green
    }
    if class == "Functional" || class == "Sequential" {
        return 3; // violet
    }
    if has(&["Conv", "Embedding"]) {
        return 5; // teal
    }
    if has(&["Pooling"]) {
        return 7; // red
    }
    if has(&["Dense", "LSTM", "GRU", "RNN", "Attention"]) {
        return 0; // blue
    }
    if has(&["Dropout", "Noise", "Random"]) {
        return 9; // grey
    }
    if has(&["Normalization", "Rescaling"]) {
        return 6; // gold
    }
    if has(&["Activation", "ReLU", "ELU", "Softmax"]) {
        return 1; // orange
    }
    if has(&["Flatten", "Reshape", "Permute", "Padding", "Cropping", "UpSampling", "Repeat"]) {
        return 8; // brown
    }
    4 // pink: operations, and layers of the user's own
}
