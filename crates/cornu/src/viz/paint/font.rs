//! The font that texts are measured with, and drawn with in PNG files: two weights of Inter, cut
//! down to Latin, Greek and the signs of prose (`xtask/fonts/subset.py`; licence beside them).

use std::sync::OnceLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.ttf");

/// How heavy letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// 400.
    Regular,
    /// 600.
    SemiBold,
}

impl Weight {
    /// The font file.
    pub fn file(self) -> &'static [u8] {
        match self {
            Weight::Regular => REGULAR,
            Weight::SemiBold => SEMI_BOLD,
        }
    }

    /// The number of CSS.
    pub fn number(self) -> u32 {
        match self {
            Weight::Regular => 400,
            Weight::SemiBold => 600,
        }
    }

    fn face(self) -> &'static Face<'static> {
        static FACES: [OnceLock<Face<'static>>; 2] = [OnceLock::new(), OnceLock::new()];
        let face = || Face::parse(self.file(), 0).expect("the font inside the program is whole");
        FACES[self as usize].get_or_init(face)
    }

    /// The glyph of a letter, if the font has one.
    pub fn glyph(self, letter: char) -> Option<GlyphId> {
        self.face().glyph_index(letter)
    }

    /// How far a letter moves the pen, in parts of the font size. What other fonts will draw is
    /// estimated: signs of the East are as wide as high.
    fn advance(self, letter: char) -> f64 {
        let face = self.face();
        match self.glyph(letter).and_then(|glyph| face.glyph_hor_advance(glyph)) {
            Some(units) => f64::from(units) / f64::from(face.units_per_em()),
            None if letter >= '\u{1100}' => 1.0,
            None => 0.7,
        }
    }

    /// Draws a text with its baseline at a point. A letter that the font lacks becomes a box.
    pub fn outline(self, text: &str, size: f64, (x, y): (f64, f64), path: &mut dyn OutlineBuilder) {
        let face = self.face();
        let scale = (size / f64::from(face.units_per_em())) as f32;
        let mut pen = x;
        for letter in text.chars() {
            let mut placed = Placed { path, scale, x: pen as f32, y: y as f32 };
            let glyph = self.glyph(letter).unwrap_or(GlyphId(0));
            // A blank has no outline.
            let _ = face.outline_glyph(glyph, &mut placed);
            pen += self.advance(letter) * size;
        }
    }

    /// The width of a text.
    pub fn width(self, text: &str, size: f64) -> f64 {
        text.chars().map(|letter| self.advance(letter)).sum::<f64>() * size
    }

    /// The text, or as much of it as has room, with an ellipsis.
    pub fn fitted(self, text: &str, size: f64, room: f64) -> String {
        if self.width(text, size) <= room {
            return text.to_owned();
        }
        let mut width = self.width("…", size);
        let mut shown = String::new();
        for letter in text.chars() {
            width += self.advance(letter) * size;
            if width > room {
                break;
            }
            shown.push(letter);
        }
        shown.truncate(shown.trim_end().len());
        shown + "…"
    }
}

/// Puts outlines, which are in units of the font with `y` upwards, where they belong.
struct Placed<'a> {
    path: &'a mut dyn OutlineBuilder,
    scale: f32,
    x: f32,
    y: f32,
}

impl Placed<'_> {
    fn point(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Placed<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.point(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.point(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.point(x1, y1), self.point(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (from, to) = (self.point(x1, y1), self.point(x2, y2));
        let (x, y) = self.point(x, y);
        self.path.curve_to(from.0, from.1, to.0, to.1, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_inter() {
        // In 2048ths, as fontTools reads them.
        let units = |letter: char| (Weight::Regular.advance(letter) * 2048.0).round() as u32;
        assert_eq!(['0', '1', '9'].map(units), [1292, 833, 1270]);
        assert_eq!((Weight::SemiBold.advance('1') * 2048.0).round(), 866.0);
        assert_eq!(Weight::Regular.width("01", 2048.0).round(), 2125.0);
    }

    #[test]
    fn a_long_text_is_cut_to_its_room() {
        let fitted = |room| Weight::Regular.fitted("a rather long name", 12.0, room);
        assert_eq!(fitted(500.0), "a rather long name");
        assert!(fitted(60.0).ends_with('…') && fitted(60.0).len() < 14);
        for room in [30.0, 60.0, 90.0] {
            assert!(Weight::Regular.width(&fitted(room), 12.0) <= room);
        }
        assert_eq!(fitted(0.0), "…");
    }

    #[test]
    fn the_letters_we_write_are_there() {
        for letter in "azAZ09 –—…×±·•éßłΔαμσ²".chars() {
            assert!(Weight::Regular.glyph(letter).is_some(), "{letter}");
            assert!(Weight::SemiBold.glyph(letter).is_some(), "{letter}");
        }
    }
}
