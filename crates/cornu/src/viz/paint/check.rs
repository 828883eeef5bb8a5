//! Tests only: what must hold of every picture.

use super::canvas::{Anchor, Area, Canvas, Item};
use super::svg;
use crate::viz::{Picture, Theme};

/// A text and the room it takes.
#[derive(Debug)]
pub struct Placed {
    pub text: String,
    pub area: Area,
}

/// The texts of a picture and the room they take, as the font measures them.
pub fn texts(canvas: &Canvas) -> Vec<Placed> {
    let text = |item: &Item| {
        let Item::Text { at: (x, y), text, lettering, upright } = item else { return None };
        let (width, size) = (lettering.width(text), lettering.size);
        let before = match lettering.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        // Letters reach 0.73 of their size up from the baseline, and 0.2 down.
        let (up, height) = (0.73 * size, 0.93 * size);
        let area = if *upright {
            Area::new(x - up, y + before - width, height, width)
        } else {
            Area::new(x - before, y - up, width, height)
        };
        Some(Placed { text: text.clone(), area })
    };
    canvas.items.iter().filter_map(text).filter(|placed| !placed.text.trim().is_empty()).collect()
}

/// Whether two areas share more than their edges.
pub fn overlap(a: &Area, b: &Area) -> bool {
    let room = 0.5;
    a.x + room < b.right()
        && b.x + room < a.right()
        && a.y + room < b.bottom()
        && b.y + room < a.bottom()
}

/// Whether an area lies in another.
pub fn inside(inner: &Area, outer: &Area) -> bool {
    let room = 0.5;
    inner.x + room >= outer.x
        && inner.y + room >= outer.y
        && inner.right() <= outer.right() + room
        && inner.bottom() <= outer.bottom() + room
}

/// Checks that a picture is whole: its XML is valid and its style scoped, no text is cut off or
/// stands on another, nothing stands outside, no number is broken, and it can be drawn as PNG.
pub fn tidy(picture: &Picture) -> String {
    let canvas = picture.canvas().expect("drawn here");
    let whole = Area::new(0.0, 0.0, canvas.width, canvas.height);
    let texts = texts(canvas);
    for (i, text) in texts.iter().enumerate() {
        assert!(inside(&text.area, &whole), "{text:?} is cut off at {whole:?}");
        for other in &texts[..i] {
            assert!(!overlap(&text.area, &other.area), "{text:?} stands on {other:?}");
        }
    }
    for item in &canvas.items {
        if let Item::Rectangle { area, .. } | Item::Image { area, .. } = item {
            assert!(inside(area, &whole), "{area:?} is cut off at {whole:?}");
        }
    }
    let text = picture.to_svg().unwrap();
    let document = roxmltree::Document::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(document.root_element().tag_name().name(), "svg");
    assert!(document.descendants().all(|node| node.attribute("id").is_none()), "no ids");
    for node in document.descendants() {
        for attribute in node.attributes().filter(|a| a.name() != "aria-label") {
            let value = attribute.value();
            assert!(!value.contains("NaN") && !value.contains("inf"), "{attribute:?}");
        }
    }
    let inline = svg::fragment(canvas).unwrap();
    roxmltree::Document::parse(&inline).unwrap_or_else(|e| panic!("{e}: {inline}"));
    assert!(!inline.contains("<style"));
    if canvas.width * canvas.height < 4e6 {
        let png = picture.clone().with_theme(Theme::Dark).to_png(0.5).unwrap();
        assert_eq!(&png[1..4], b"PNG");
    }
    text
}
