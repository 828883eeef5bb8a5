//! A canvas: what is drawn, in order. It becomes an SVG or a PNG file.

use super::font::Weight;
use super::ink::Ink;

/// A point, in pixels of CSS from the left and from the top.
pub type Point = (f64, f64);

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lettering {
    pub size: f64,
    pub weight: Weight,
    pub ink: Ink,
    pub anchor: Anchor,
}

/// Which part of a text stands at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Lettering {
    /// The text of axes and legends.
    pub const PLAIN: Lettering =
        Lettering { size: 12.0, weight: Weight::Regular, ink: Ink::Text, anchor: Anchor::Start };
    /// As plain, but less in the foreground.
    pub const FAINT: Lettering = Lettering { ink: Ink::Faint, ..Lettering::PLAIN };
    /// The title of a picture or a panel.
    pub const TITLE: Lettering =
        Lettering { size: 15.0, weight: Weight::SemiBold, ..Lettering::PLAIN };

    pub const fn size(self, size: f64) -> Lettering {
        Lettering { size, ..self }
    }

    pub const fn ink(self, ink: Ink) -> Lettering {
        Lettering { ink, ..self }
    }

    pub const fn bold(self) -> Lettering {
        Lettering { weight: Weight::SemiBold, ..self }
    }

    pub const fn middle(self) -> Lettering {
        Lettering { anchor: Anchor::Middle, ..self }
    }

    pub const fn end(self) -> Lettering {
        Lettering { anchor: Anchor::End, ..self }
    }

    /// The width of a text.
    pub fn width(&self, text: &str) -> f64 {
        self.weight.width(text, self.size)
    }

    /// As much of a text as has room.
    pub fn fitted(&self, text: &str, room: f64) -> String {
        self.weight.fitted(text, self.size, room)
    }
}

/// How a shape is painted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paint {
    /// The colour inside, and how much it covers, 0 to 1.
    pub fill: Option<(Ink, f64)>,
    /// The colour and the width of the edge.
    pub stroke: Option<(Ink, f64)>,
    /// Whether the edge is dashed.
    pub dashed: bool,
}

impl Paint {
    pub const fn fill(ink: Ink) -> Paint {
        Paint::tint(ink, 1.0)
    }

    /// A fill through which the ground can be seen.
    pub const fn tint(ink: Ink, cover: f64) -> Paint {
        Paint { fill: Some((ink, cover)), stroke: None, dashed: false }
    }

    pub const fn stroke(ink: Ink, width: f64) -> Paint {
        Paint { fill: None, stroke: Some((ink, width)), dashed: false }
    }

    pub const fn edged(self, ink: Ink, width: f64) -> Paint {
        Paint { stroke: Some((ink, width)), ..self }
    }

    pub const fn dashed(self) -> Paint {
        Paint { dashed: true, ..self }
    }
}

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Move(Point),
    Line(Point),
    Cubic(Point, Point, Point),
    Close,
}

/// An image of red, green and blue pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Bitmap {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Bitmap {
    /// Whether its pixels are larger there than those of a screen.
    pub fn is_enlarged_in(&self, area: &Area) -> bool {
        area.width >= self.width as f64
    }
}

/// A rectangle: its left upper corner and its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Area {
        Area { x, y, width, height }
    }

    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub fn middle(&self) -> Point {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// What is drawn.
#[derive(Clone, Debug)]
pub enum Item {
    Rectangle { area: Area, radius: f64, paint: Paint, tip: Option<String> },
    Circle { center: Point, radius: f64, paint: Paint, tip: Option<String> },
    Path { steps: Vec<Step>, paint: Paint, tip: Option<String> },
    Text { at: Point, text: String, lettering: Lettering, upright: bool },
    Image { area: Area, bitmap: Bitmap, name: String },
}

/// A picture in the making.
#[derive(Clone, Debug)]
pub struct Canvas {
    pub width: f64,
    pub height: f64,
    /// The name, for those who cannot see it and for the browser's tab.
    pub name: String,
    pub items: Vec<Item>,
}

impl Canvas {
    /// An empty picture.
    pub fn new(width: f64, height: f64, name: impl Into<String>) -> Canvas {
        let mut canvas = Canvas { width, height, name: clean(name), items: vec![] };
        canvas.fill(Area::new(0.0, 0.0, width, height), 0.0, Paint::fill(Ink::Paper));
        canvas
    }

    /// A rectangle, with round corners if the radius is not 0.
    pub fn fill(&mut self, area: Area, radius: f64, paint: Paint) {
        self.items.push(Item::Rectangle { area, radius, paint, tip: None });
    }

    /// A rectangle that says more when the mouse is over it.
    pub fn fill_told(&mut self, area: Area, paint: Paint, tip: impl Into<String>) {
        self.items.push(Item::Rectangle { area, radius: 0.0, paint, tip: Some(clean(tip)) });
    }

    /// A straight line.
    pub fn line(&mut self, from: Point, to: Point, paint: Paint) {
        self.path(vec![Step::Move(from), Step::Line(to)], paint);
    }

    /// A line through points.
    pub fn curve(&mut self, points: &[Point], paint: Paint) {
        let Some((&first, rest)) = points.split_first() else { return };
        let rest = rest.iter().map(|&point| Step::Line(point));
        self.path([Step::Move(first)].into_iter().chain(rest).collect(), paint);
    }

    /// Any path.
    pub fn path(&mut self, steps: Vec<Step>, paint: Paint) {
        self.items.push(Item::Path { steps, paint, tip: None });
    }

    /// A dot that says more when the mouse is over it.
    pub fn dot(&mut self, center: Point, radius: f64, paint: Paint, tip: impl Into<String>) {
        self.items.push(Item::Circle { center, radius, paint, tip: Some(clean(tip)) });
    }

    /// A text with its baseline at a point.
    pub fn text(&mut self, at: Point, text: impl Into<String>, lettering: Lettering) {
        let text = clean(text);
        self.items.push(Item::Text { at, text, lettering, upright: false });
    }

    /// A text that is read from below.
    pub fn upright_text(&mut self, at: Point, text: impl Into<String>, lettering: Lettering) {
        let text = clean(text);
        self.items.push(Item::Text { at, text, lettering, upright: true });
    }

    /// An image.
    pub fn image(&mut self, area: Area, bitmap: Bitmap, name: impl Into<String>) {
        self.items.push(Item::Image { area, bitmap, name: clean(name) });
    }
}

/// A text without what no XML may hold. What would break a line becomes a blank.
pub fn clean(text: impl Into<String>) -> String {
    let text: String = text.into();
    let bad = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(bad) { text.replace(bad, " ") } else { text }
}
