//! A canvas as SVG.

use super::canvas::{Anchor, Area, Bitmap, Canvas, Item, Lettering, Paint, Point, Step};
use super::font::Weight;
use super::ink::{self, Ink, Theme, Use};
use super::webfont;
use crate::viz::bitmap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cornu_graph::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The fonts where the picture's own cannot be had.
pub const FALLBACK: &str = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, \
    'Helvetica Neue', Arial, 'Liberation Sans', sans-serif";

/// The letters of a picture, by their weight.
pub type Letters = BTreeMap<Weight, BTreeSet<char>>;

/// The picture as a file of its own: with its font and its style.
pub fn document(canvas: &Canvas, theme: Theme) -> Result<String> {
    let (family, faces) = font_faces(&letters(canvas));
    let css = ink::css(&inks(canvas), theme);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {} role=\"img\" aria-label=\"{}\" \
         font-family=\"{family}, {FALLBACK}\">\n<title>{}</title>\n<style>\n{faces}{css}</style>\n",
        size(canvas),
        escaped(&canvas.name),
        escaped(&canvas.name),
    );
    write_items(&mut svg, canvas)?;
    svg += "</svg>\n";
    Ok(svg)
}

/// The picture as a part of a page that has the font and the style for all pictures.
pub fn fragment(canvas: &Canvas) -> Result<String> {
    let (size, name) = (size(canvas), escaped(&canvas.name));
    let width = number(canvas.width);
    let mut svg =
        format!("<svg {size} style=\"--width:{width}px\" role=\"img\" aria-label=\"{name}\">\n");
    write_items(&mut svg, canvas)?;
    svg += "</svg>\n";
    Ok(svg)
}

fn size(canvas: &Canvas) -> String {
    let (width, height) = (number(canvas.width), number(canvas.height));
    format!(
        "class=\"cornu\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-size=\"12\""
    )
}

/// The name of a family of fonts with these letters, and the rules that define it. The name is
/// unlike that of any other letters, so that two pictures on a page do not get each other's.
pub fn font_faces(letters: &Letters) -> (String, String) {
    let mut hasher = DefaultHasher::new();
    letters.hash(&mut hasher);
    let family = format!("Inter-{:08x}", hasher.finish() as u32);
    let mut css = String::new();
    for (&weight, letters) in letters {
        let font = BASE64_STANDARD.encode(webfont::subset(weight, letters));
        let _ = writeln!(
            css,
            "@font-face {{ font-family: {family}; font-weight: {}; \
             src: url(data:font/woff;base64,{font}) format('woff'); }}",
            weight.number()
        );
    }
    (family, css)
}

/// The letters that a picture shows.
pub fn letters(canvas: &Canvas) -> Letters {
    let mut letters = Letters::new();
    for item in &canvas.items {
        if let Item::Text { text, lettering, .. } = item {
            letters.entry(lettering.weight).or_default().extend(text.chars());
        }
    }
    letters
}

/// The colours that a picture uses.
fn inks(canvas: &Canvas) -> Vec<(Ink, Use)> {
    let mut inks = BTreeSet::new();
    for item in &canvas.items {
        match item {
            Item::Rectangle { paint, .. }
            | Item::Circle { paint, .. }
            | Item::Path { paint, .. } => {
                inks.extend(paint.fill.map(|(ink, _)| (ink, Use::Fill)));
                inks.extend(paint.stroke.map(|(ink, _)| (ink, Use::Stroke)));
            }
            Item::Text { lettering, .. } => {
                inks.insert((lettering.ink, Use::Fill));
            }
            Item::Image { .. } => {}
        }
    }
    inks.into_iter().collect()
}

fn write_items(svg: &mut String, canvas: &Canvas) -> Result<()> {
    for item in &canvas.items {
        match item {
            Item::Rectangle { area, radius, paint, tip } => {
                let round = round_corners(*radius);
                shape(svg, "rect", &format!("{}{round}", place(area)), paint, tip);
            }
            Item::Circle { center: (x, y), radius, paint, tip } => {
                let place = format!(" cx=\"{}\" cy=\"{}\" r=\"{radius}\"", number(*x), number(*y));
                shape(svg, "circle", &place, paint, tip);
            }
            Item::Path { steps, paint, tip } => {
                shape(svg, "path", &format!(" d=\"{}\"", path(steps)), paint, tip);
            }
            Item::Text { at, text, lettering, upright } => {
                write_text(svg, *at, text, lettering, *upright);
            }
            Item::Image { area, bitmap, name } => write_image(svg, area, bitmap, name)?,
        }
    }
    Ok(())
}

fn place(area: &Area) -> String {
    let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(number);
    format!(" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

fn round_corners(radius: f64) -> String {
    if radius > 0.0 { format!(" rx=\"{}\"", number(radius)) } else { String::new() }
}

fn shape(svg: &mut String, name: &str, place: &str, paint: &Paint, tip: &Option<String>) {
    let _ = write!(svg, "<{name}{}{place}", painted(paint));
    match tip {
        Some(tip) => {
            let _ = writeln!(svg, "><title>{}</title></{name}>", escaped(tip));
        }
        None => *svg += "/>\n",
    }
}

fn painted(paint: &Paint) -> String {
    let fill = paint.fill.map(|(ink, _)| ink.class(Use::Fill));
    let stroke = paint.stroke.map(|(ink, _)| ink.class(Use::Stroke));
    let classes: Vec<String> = fill.into_iter().chain(stroke).collect();
    let mut text = format!(" class=\"{}\"", classes.join(" "));
    match paint.fill {
        None => text += " fill=\"none\"",
        Some((_, cover)) if cover < 1.0 => {
            let _ = write!(text, " fill-opacity=\"{}\"", number(cover));
        }
        Some(_) => {}
    }
    if let Some((_, width)) = paint.stroke {
        let _ = write!(text, " stroke-width=\"{}\"", number(width));
        text += " stroke-linejoin=\"round\" stroke-linecap=\"round\"";
    }
    if paint.dashed {
        text += " stroke-dasharray=\"5 4\"";
    }
    text
}

fn path(steps: &[Step]) -> String {
    let mut data = String::new();
    let point = |(x, y): Point| format!("{} {}", number(x), number(y));
    for step in steps {
        match step {
            Step::Move(to) => data += &format!("M{}", point(*to)),
            Step::Line(to) => data += &format!("L{}", point(*to)),
            Step::Cubic(a, b, to) => {
                data += &format!("C{} {} {}", point(*a), point(*b), point(*to));
            }
            Step::Close => data += "Z",
        }
    }
    data
}

fn write_text(svg: &mut String, (x, y): Point, text: &str, lettering: &Lettering, upright: bool) {
    let (x, y) = (number(x), number(y));
    let _ = write!(svg, "<text class=\"{}\" x=\"{x}\" y=\"{y}\"", lettering.ink.class(Use::Fill));
    if lettering.size != 12.0 {
        let _ = write!(svg, " font-size=\"{}\"", number(lettering.size));
    }
    if lettering.weight != Weight::Regular {
        let _ = write!(svg, " font-weight=\"{}\"", lettering.weight.number());
    }
    match lettering.anchor {
        Anchor::Start => {}
        Anchor::Middle => *svg += " text-anchor=\"middle\"",
        Anchor::End => *svg += " text-anchor=\"end\"",
    }
    if upright {
        let _ = write!(svg, " transform=\"rotate(-90 {x} {y})\"");
    }
    let _ = writeln!(svg, ">{}</text>", escaped(text));
}

fn write_image(svg: &mut String, area: &Area, bitmap: &Bitmap, name: &str) -> Result<()> {
    let data = BASE64_STANDARD.encode(bitmap::png(bitmap)?);
    // Enlarged, the pixels stay sharp.
    let sharp =
        if bitmap.is_enlarged_in(area) { " style=\"image-rendering:pixelated\"" } else { "" };
    let _ = writeln!(
        svg,
        "<image{} preserveAspectRatio=\"none\"{sharp} href=\"data:image/png;base64,{data}\">\
         <title>{}</title></image>",
        place(area),
        escaped(name)
    );
    Ok(())
}

/// A text as XML and HTML have it, between elements and in an attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

/// Hundredths of a pixel are enough.
fn number(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0;
    // No "-0".
    rounded + 0.0
}
