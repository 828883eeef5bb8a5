//! A canvas for SVG elements, with the one style that all pictures share.

use svg::node::element::{Element, Style};
use svg::node::{Node, Text};

/// Colours are given by class, so that a dark background can have others. Plain values come first:
/// not every program that draws SVG knows CSS variables or media queries.
const STYLE: &str = "
text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, \
'Liberation Sans', sans-serif; font-size: 12px; fill: #1f2328; }
.paper { fill: #ffffff; }
.title { font-size: 15px; font-weight: 600; }
.faint { fill: #59636e; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.grid { stroke: #e4e7eb; stroke-width: 1; }
.axis { stroke: #8c959f; stroke-width: 1; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.train { stroke: #0969da; }
.validation { stroke: #bc4c00; }
.dot.train, .label.train { fill: #0969da; stroke: none; }
.dot.validation, .label.validation { fill: #bc4c00; stroke: none; }
.right { fill: #1a7f37; }
.wrong { fill: #cf222e; }
.frame { fill: none; stroke: #cf222e; stroke-width: 2; }
.verdict { font-size: 11px; fill: #ffffff; }
.sample { image-rendering: pixelated; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.paper { fill: #0d1117; }
.faint { fill: #9198a1; }
.grid { stroke: #262c36; }
.axis { stroke: #656c76; }
.train { stroke: #58a6ff; }
.validation { stroke: #f0883e; }
.dot.train, .label.train { fill: #58a6ff; }
.dot.validation, .label.validation { fill: #f0883e; }
.label.right { fill: #3fb950; }
.label.wrong { fill: #f85149; }
.frame { stroke: #f85149; }
.verdict { fill: #ffffff; }
}
";

/// A picture in the making.
pub struct Canvas(svg::Document);

impl Canvas {
    /// An empty picture. The name is for those who cannot see it, and for the browser's tab.
    pub fn new(width: f64, height: f64, name: &str) -> Canvas {
        let document = svg::Document::new()
            .set("width", width)
            .set("height", height)
            .set("viewBox", (0.0, 0.0, width, height))
            .set("role", "img")
            .add(holding(Element::new("title"), name))
            .add(Style::new(STYLE.trim()));
        let mut canvas = Canvas(document);
        let size = [("width", width), ("height", height)];
        canvas.0.append(element("rect", "paper", &size));
        canvas
    }

    /// The file's text.
    pub fn finish(self) -> String {
        format!("{}\n", self.0)
    }

    /// A rectangle with round corners.
    pub fn rectangle(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let place = [("x", x), ("y", y), ("width", width), ("height", height), ("rx", 4.0)];
        self.0.append(element("rect", class, &place));
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let place = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)];
        self.0.append(element("line", class, &place));
    }

    /// A line through points.
    pub fn curve(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut data = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            data += &format!("{command}{} {}", rounded(x), rounded(y));
        }
        let mut curve = element("path", &format!("curve {class}"), &[]);
        curve.assign("d", data);
        self.0.append(curve);
    }

    /// A dot that says more when the mouse is over it.
    pub fn dot(&mut self, class: &str, (x, y): (f64, f64), tooltip: &str) {
        let place = [("cx", x), ("cy", y), ("r", 3.0)];
        let mut dot = element("circle", &format!("dot {class}"), &place);
        dot.append(holding(Element::new("title"), tooltip));
        self.0.append(dot);
    }

    /// A text. It begins at `x`, unless the class says that it ends or has its middle there.
    pub fn text(&mut self, class: &str, x: f64, y: f64, text: impl Into<String>) {
        self.0.append(holding(element("text", class, &[("x", x), ("y", y)]), text));
    }

    /// Texts of several classes on one line. The program that shows the picture measures them, so
    /// that no font has to be known here.
    pub fn texts(&mut self, x: f64, y: f64, texts: &[(&str, String)]) {
        let mut line = element("text", "line", &[("x", x), ("y", y)]);
        for (i, (class, text)) in texts.iter().enumerate() {
            let gap = if i == 0 { 0.0 } else { 14.0 };
            line.append(holding(element("tspan", class, &[("dx", gap)]), text));
        }
        self.0.append(line);
    }

    /// An image, given as a data URI.
    pub fn image(&mut self, x: f64, y: f64, width: f64, height: f64, uri: &str) {
        let place = [("x", x), ("y", y), ("width", width), ("height", height)];
        let mut image = element("image", "sample", &place);
        image.assign("href", uri);
        self.0.append(image);
    }
}

fn element(name: &str, class: &str, numbers: &[(&str, f64)]) -> Element {
    let mut element = Element::new(name);
    element.assign("class", class);
    numbers.iter().for_each(|&(name, value)| element.assign(name, rounded(value)));
    element
}

/// The element with a text in it.
fn holding(mut element: Element, text: impl Into<String>) -> Element {
    element.append(Text::new(text));
    element
}

/// Hundredths of a pixel are enough.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
