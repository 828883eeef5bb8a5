//! The kinds of ranges, and what lies outside an image.

use crate::names;
use cornu_graph::{Error, ErrorKind, Result};

/// What an image is taken to hold outside its edges: `"nearest"` or [`FillMode::Nearest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillMode {
    /// `kkkk|abcd|kkkk`: the value `cval`. Begins right behind the outermost pixels' centres;
    /// nothing is interpolated with it.
    Constant,
    /// `aaaa|abcd|dddd`
    #[default]
    Nearest,
    /// `dcba|abcd|dcba`
    Reflect,
    /// `bcd|abcd|abc`: SciPy's `wrap`, in which the last pixel and the first lie on one another.
    Wrap,
    /// A name that is not known: the error comes out where the mode is used.
    Unknown(String),
}

const MODES: [(&str, FillMode); 4] = [
    ("constant", FillMode::Constant),
    ("nearest", FillMode::Nearest),
    ("reflect", FillMode::Reflect),
    ("wrap", FillMode::Wrap),
];

impl FillMode {
    /// The mode of a name. A name that is not known becomes an error where it is used.
    pub fn new(name: &str) -> FillMode {
        let known = MODES.into_iter().find(|(n, _)| *n == name);
        known.map_or_else(|| FillMode::Unknown(name.to_owned()), |(_, mode)| mode)
    }
}

impl From<&str> for FillMode {
    fn from(name: &str) -> FillMode {
        FillMode::new(name)
    }
}

/// How a warp reads an image between and beside its pixels.
///
/// Defaults are Keras's: `"nearest"`, `cval` 0, order 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    pub(super) fill_mode: FillMode,
    pub(super) cval: f64,
    pub(super) order: u32,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling { fill_mode: FillMode::Nearest, cval: 0.0, order: 1 }
    }
}

impl Sampling {
    /// What the image is taken to hold outside its edges.
    pub fn fill_mode(mut self, mode: impl Into<FillMode>) -> Self {
        self.fill_mode = mode.into();
        self
    }

    /// The value outside the edges with [`FillMode::Constant`], in units of the image's pixels.
    pub fn cval(mut self, value: impl Into<f64>) -> Self {
        self.cval = value.into();
        self
    }

    /// 0 takes the nearest pixel, 1 interpolates between four.
    pub fn interpolation_order(mut self, order: u32) -> Self {
        self.order = order;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if let FillMode::Unknown(name) = &self.fill_mode {
            return Err(names::unknown("fill_mode", name, MODES.map(|(name, _)| name)));
        }
        // The images are float32.
        finite("cval", f64::from(self.cval as f32))?;
        if self.order > 1 {
            let message = format!("interpolation_order {} is not supported", self.order);
            let help =
                "0 takes the nearest pixel, 1 interpolates between four; splines are left out";
            return Err(Error::new(ErrorKind::Unsupported, message).help(help));
        }
        Ok(())
    }
}

/// How far an image is shifted. A fraction of the size or a number of pixels, as in Keras:
///
/// - a float below 1, `0.1`: up to this part of the size, either way;
/// - a float from 1, `2.5`: up to this many pixels, either way;
/// - a whole number, `3`: a whole number of pixels below it, either way (−2 to 2);
/// - several numbers, `[0.1, 0.2]`: one of them, either way. Parts of the size if all are below 1.
#[derive(Clone, Debug, PartialEq)]
pub enum ShiftRange {
    /// Any number up to this one.
    Real(f64),
    /// A whole number of pixels below this one.
    Whole(u32),
    /// One of these.
    OneOf(Vec<f64>),
}

impl ShiftRange {
    /// Whether nothing is shifted.
    pub(super) fn is_none(&self) -> bool {
        match self {
            ShiftRange::Real(most) => *most == 0.0,
            ShiftRange::Whole(count) => *count == 0,
            ShiftRange::OneOf(values) => values.is_empty(),
        }
    }

    /// Whether the numbers are parts of the size.
    pub(super) fn is_fraction(&self) -> bool {
        match self {
            ShiftRange::Real(most) => *most < 1.0,
            ShiftRange::Whole(count) => *count < 1,
            ShiftRange::OneOf(values) => values.iter().all(|value| *value < 1.0),
        }
    }

    pub(super) fn check(&self, name: &str) -> Result<()> {
        match self {
            ShiftRange::Real(most) => not_negative(name, *most),
            ShiftRange::Whole(_) => Ok(()),
            ShiftRange::OneOf(values) => values.iter().try_for_each(|&value| finite(name, value)),
        }
    }
}

impl Default for ShiftRange {
    fn default() -> ShiftRange {
        ShiftRange::Real(0.0)
    }
}

impl From<f64> for ShiftRange {
    fn from(most: f64) -> ShiftRange {
        ShiftRange::Real(most)
    }
}

impl From<f32> for ShiftRange {
    fn from(most: f32) -> ShiftRange {
        ShiftRange::Real(most.into())
    }
}

/// A negative number is refused where the range is used.
impl From<i32> for ShiftRange {
    fn from(count: i32) -> ShiftRange {
        u32::try_from(count).map_or(ShiftRange::Real(count.into()), ShiftRange::Whole)
    }
}

impl<const N: usize> From<[f64; N]> for ShiftRange {
    fn from(values: [f64; N]) -> ShiftRange {
        ShiftRange::OneOf(values.to_vec())
    }
}

impl<const N: usize> From<[i32; N]> for ShiftRange {
    fn from(values: [i32; N]) -> ShiftRange {
        ShiftRange::OneOf(values.iter().map(|&value| value.into()).collect())
    }
}

impl From<Vec<f64>> for ShiftRange {
    fn from(values: Vec<f64>) -> ShiftRange {
        ShiftRange::OneOf(values)
    }
}

/// How much an image is zoomed: `0.1` stands for 0.9 to 1.1, and `[0.8, 1.0]` for itself. Factors
/// below 1 make things larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZoomRange {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl ZoomRange {
    /// Whether nothing is zoomed.
    pub(super) fn is_none(&self) -> bool {
        self.low == 1.0 && self.high == 1.0
    }

    pub(super) fn check(&self) -> Result<()> {
        in_order("zoom_range", [self.low, self.high])?;
        if self.low >= 0.0 {
            return Ok(());
        }
        Err(Error::value(format!("zoom_range from {} to {}", self.low, self.high))
            .help("a zoom below 0 would mirror the image; give a number up to 1, or [low, high]"))
    }
}

impl Default for ZoomRange {
    fn default() -> ZoomRange {
        ZoomRange { low: 1.0, high: 1.0 }
    }
}

impl From<f64> for ZoomRange {
    fn from(range: f64) -> ZoomRange {
        ZoomRange { low: 1.0 - range, high: 1.0 + range }
    }
}

impl From<f32> for ZoomRange {
    fn from(range: f32) -> ZoomRange {
        ZoomRange::from(f64::from(range))
    }
}

impl From<[f64; 2]> for ZoomRange {
    fn from([low, high]: [f64; 2]) -> ZoomRange {
        ZoomRange { low, high }
    }
}

pub(super) fn finite(name: &str, value: f64) -> Result<()> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Error::value(format!("{name} must be a finite number, not {value}"))),
    }
}

pub(super) fn not_negative(name: &str, value: f64) -> Result<()> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(Error::value(format!("{name} must be a number from 0, not {value}"))),
    }
}

pub(super) fn in_order(name: &str, [low, high]: [f64; 2]) -> Result<()> {
    finite(name, low)?;
    finite(name, high)?;
    if low <= high {
        return Ok(());
    }
    Err(Error::value(format!("{name} goes from {low} down to {high}"))
        .help(format!("give the lower end first: [{high}, {low}]")))
}
