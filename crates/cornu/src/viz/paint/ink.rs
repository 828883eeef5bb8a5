//! The colours of all pictures, each for a light and for a dark background.

use std::fmt::Write as _;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// Which background a picture is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// SVG: as the reader's system has it, light or dark. PNG: light.
    #[default]
    Auto,
    /// A light background always.
    Light,
    /// A dark background always.
    Dark,
}

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    /// The background.
    Paper,
    /// The background of a card.
    Card,
    /// The edge of a card.
    Border,
    /// Text.
    Text,
    /// Text of less weight.
    Faint,
    /// The lines behind a plot.
    Grid,
    /// The lines around a plot.
    Axis,
    /// Text on a strong colour.
    White,
    /// What is right, as a ground under white text.
    Right,
    /// What is wrong, as a ground under white text.
    Wrong,
    /// What is right, on the background.
    RightText,
    /// What is wrong, on the background.
    WrongText,
    /// One of the [`SERIES`] of colours that tell things apart.
    Series(usize),
}

/// Colours that tell things apart, light and dark. Neighbours differ in lightness too, so that those
/// who do not see red and green apart, and black-and-white printers, can follow.
const SERIES: [[u32; 2]; 10] = [
    [0x0969da, 0x58a6ff], // blue
    [0xbc4c00, 0xf0883e], // orange
    [0x1a7f37, 0x3fb950], // green
    [0x8250df, 0xbc8cff], // violet
    [0xbf3989, 0xf778ba], // pink
    [0x1b7c83, 0x39c5cf], // teal
    [0x9a6700, 0xd29922], // gold
    [0xcf222e, 0xff7b72], // red
    [0x7d4e24, 0xc69068], // brown
    [0x57606a, 0x8b949e], // grey
];

/// How a colour is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Inside.
    Fill,
    /// Along the edge.
    Stroke,
}

impl Ink {
    /// Light and dark.
    fn pair(self) -> [u32; 2] {
        match self {
            Ink::Paper => [0xffffff, 0x0d1117],
            Ink::Card => [0xffffff, 0x161b22],
            Ink::Border => [0xd0d7de, 0x3d444d],
            Ink::Text => [0x1f2328, 0xe6edf3],
            Ink::Faint => [0x59636e, 0x9198a1],
            Ink::Grid => [0xe4e7eb, 0x262c36],
            Ink::Axis => [0x8c959f, 0x656c76],
            Ink::White => [0xffffff, 0xffffff],
            Ink::Right => [0x1a7f37, 0x238636],
            Ink::Wrong => [0xcf222e, 0xda3633],
            Ink::RightText => [0x1a7f37, 0x3fb950],
            Ink::WrongText => [0xcf222e, 0xf85149],
            Ink::Series(i) => SERIES[i % SERIES.len()],
        }
    }

    /// The colour on a background.
    pub fn rgb(self, theme: Theme) -> Rgb {
        let [light, dark] = self.pair();
        let [_, r, g, b] = if theme == Theme::Dark { dark } else { light }.to_be_bytes();
        [r, g, b]
    }

    /// The name of its style class for a use.
    pub fn class(self, purpose: Use) -> String {
        let name = match self {
            Ink::Series(i) => format!("c{}", i % SERIES.len()),
            other => format!("{other:?}").to_lowercase(),
        };
        match purpose {
            Use::Fill => name,
            Use::Stroke => format!("{name}-line"),
        }
    }
}

/// The style rules for colours. They hold inside elements of the class `cornu` only, and are the
/// same in every picture, so that pictures on one page do not disturb each other.
pub fn css(inks: &[(Ink, Use)], theme: Theme) -> String {
    let rules = |theme: Theme| {
        let mut css = String::new();
        for &(ink, purpose) in inks {
            let [r, g, b] = ink.rgb(theme);
            let property = if purpose == Use::Fill { "fill" } else { "stroke" };
            let class = ink.class(purpose);
            let _ = writeln!(css, ".cornu .{class} {{ {property}: #{r:02x}{g:02x}{b:02x}; }}");
        }
        css
    };
    match theme {
        // Plain values come first: not every program that draws SVG knows media queries.
        Theme::Auto => format!(
            "{}@media screen and (prefers-color-scheme: dark) {{\n{}}}\n",
            rules(Theme::Light),
            rules(Theme::Dark)
        ),
        fixed => rules(fixed),
    }
}

/// All inks with all uses, for a page of many pictures.
pub fn all() -> Vec<(Ink, Use)> {
    let plain = [
        Ink::Paper,
        Ink::Card,
        Ink::Border,
        Ink::Text,
        Ink::Faint,
        Ink::Grid,
        Ink::Axis,
        Ink::White,
        Ink::Right,
        Ink::Wrong,
        Ink::RightText,
        Ink::WrongText,
    ];
    let inks = plain.into_iter().chain((0..SERIES.len()).map(Ink::Series));
    inks.flat_map(|ink| [(ink, Use::Fill), (ink, Use::Stroke)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours, 1 to 21 (WCAG 2.1).
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let luminance = |rgb: Rgb| {
            let linear = rgb.map(|c| {
                let c = f64::from(c) / 255.0;
                if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn text_can_be_read_on_both_backgrounds() {
        for theme in [Theme::Light, Theme::Dark] {
            let texts = [Ink::Text, Ink::Faint, Ink::RightText, Ink::WrongText];
            for ink in texts.into_iter().chain((0..SERIES.len()).map(Ink::Series)) {
                for ground in [Ink::Paper, Ink::Card] {
                    let contrast = contrast(ink.rgb(theme), ground.rgb(theme));
                    assert!(contrast >= 4.5, "{ink:?} on {ground:?}, {theme:?}: {contrast:.2}");
                }
            }
            for ground in [Ink::Right, Ink::Wrong] {
                assert!(contrast(Ink::White.rgb(theme), ground.rgb(theme)) >= 4.5, "{ground:?}");
            }
        }
    }

    #[test]
    fn rules_are_scoped_and_have_both_backgrounds() {
        let css = css(&[(Ink::Text, Use::Fill), (Ink::Series(11), Use::Stroke)], Theme::Auto);
        assert_eq!(css.matches(".cornu .text { fill: #").count(), 2);
        assert_eq!(css.matches(".cornu .c1-line { stroke: #").count(), 2);
        assert!(
            css.lines().all(|l| l.starts_with(".cornu ") || l.starts_with("@media") || l == "}")
        );
    }
}
