//! What all pictures are drawn with: a canvas of few shapes, colours for a light and a dark
//! background, a font, and the two ways out, SVG and PNG.

pub mod canvas;
#[cfg(test)]
pub mod check;
pub mod font;
pub mod ink;
pub mod raster;
pub mod svg;
mod webfont;

pub use canvas::{Area, Bitmap, Canvas, Lettering, Paint, Point, Step};
pub use font::Weight;
pub use ink::{Ink, Theme};
