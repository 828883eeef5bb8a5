//! A canvas as pixels.

use super::canvas::{Anchor, Area, Bitmap, Canvas, Item, Lettering, Paint, Point, Step};
use super::ink::{Ink, Theme};
use cornu_graph::{Error, Result};
use tiny_skia::{
    Color, FillRule, FilterQuality, LineCap, LineJoin, PathBuilder, Pixmap, PixmapPaint, Rect,
    Shader, Stroke, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

/// More pixels than this are a mistake: 400 MB.
const MOST_PIXELS: f64 = 1e8;

/// Draws a picture with this many pixels for each of its units.
pub fn draw(canvas: &Canvas, scale: f64, theme: Theme) -> Result<Bitmap> {
    if !(scale.is_finite() && scale > 0.0) {
        return Err(Error::value(format!("a picture cannot be drawn at a scale of {scale}")));
    }
    let (width, height) = ((canvas.width * scale).ceil(), (canvas.height * scale).ceil());
    if width * height > MOST_PIXELS {
        return Err(Error::value(format!("a picture of {width} x {height} pixels is too large"))
            .help("draw it at a smaller scale, or as SVG"));
    }
    let pixmap = Pixmap::new(width as u32, height as u32)
        .ok_or_else(|| Error::value(format!("there is no picture of {width} x {height} pixels")))?;
    let transform = Transform::from_scale(scale as f32, scale as f32);
    let mut painter = Painter { pixmap, transform, theme };
    painter.pixmap.fill(painter.colour(Ink::Paper, 1.0));
    canvas.items.iter().for_each(|item| painter.item(item));
    // The ground covers everything, so that no pixel is transparent.
    let pixels = painter.pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]);
    Ok(Bitmap { width: width as usize, height: height as usize, pixels: pixels.collect() })
}

struct Painter {
    pixmap: Pixmap,
    transform: Transform,
    theme: Theme,
}

impl Painter {
    fn colour(&self, ink: Ink, cover: f64) -> Color {
        let [r, g, b] = ink.rgb(self.theme);
        Color::from_rgba8(r, g, b, (cover.clamp(0.0, 1.0) * 255.0).round() as u8)
    }

    fn ink(&self, ink: Ink, cover: f64) -> tiny_skia::Paint<'static> {
        let shader = Shader::SolidColor(self.colour(ink, cover));
        tiny_skia::Paint { shader, ..tiny_skia::Paint::default() }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Rectangle { area, radius, paint, .. } => {
                self.path(rectangle(area, *radius), paint);
            }
            Item::Circle { center: (x, y), radius, paint, .. } => {
                let mut path = PathBuilder::new();
                path.push_circle(*x as f32, *y as f32, *radius as f32);
                self.path(path, paint);
            }
            Item::Path { steps, paint, .. } => self.path(path(steps), paint),
            Item::Text { at, text, lettering, upright } => {
                self.text(*at, text, lettering, *upright);
            }
            Item::Image { area, bitmap, .. } => self.image(area, bitmap),
        }
    }

    fn path(&mut self, path: PathBuilder, paint: &Paint) {
        let Some(path) = path.finish() else { return };
        if let Some((ink, cover)) = paint.fill {
            let ink = self.ink(ink, cover);
            self.pixmap.fill_path(&path, &ink, FillRule::Winding, self.transform, None);
        }
        if let Some((ink, width)) = paint.stroke {
            let stroke = Stroke {
                width: width as f32,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                dash: if paint.dashed { StrokeDash::new(vec![5.0, 4.0], 0.0) } else { None },
                ..Stroke::default()
            };
            let ink = self.ink(ink, 1.0);
            self.pixmap.stroke_path(&path, &ink, &stroke, self.transform, None);
        }
    }

    fn text(&mut self, (x, y): Point, text: &str, lettering: &Lettering, upright: bool) {
        let width = lettering.width(text);
        let start = match lettering.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let mut outline = Outline(PathBuilder::new());
        lettering.weight.outline(text, lettering.size, (start, 0.0), &mut outline);
        let Some(path) = outline.0.finish() else { return };
        let turn = Transform::from_rotate(if upright { -90.0 } else { 0.0 });
        let transform = self.transform.pre_translate(x as f32, y as f32).pre_concat(turn);
        let ink = self.ink(lettering.ink, 1.0);
        self.pixmap.fill_path(&path, &ink, FillRule::Winding, transform, None);
    }

    fn image(&mut self, area: &Area, bitmap: &Bitmap) {
        let Some(mut image) = Pixmap::new(bitmap.width as u32, bitmap.height as u32) else {
            return;
        };
        for (pixel, rgb) in image.data_mut().chunks_exact_mut(4).zip(bitmap.pixels.chunks(3)) {
            pixel[..3].copy_from_slice(rgb);
            pixel[3] = 255;
        }
        let scale = (area.width / bitmap.width as f64, area.height / bitmap.height as f64);
        let transform = self.transform.pre_translate(area.x as f32, area.y as f32);
        let transform = transform.pre_scale(scale.0 as f32, scale.1 as f32);
        let quality = match bitmap.is_enlarged_in(area) {
            true => FilterQuality::Nearest,
            false => FilterQuality::Bilinear,
        };
        let paint = PixmapPaint { quality, ..PixmapPaint::default() };
        self.pixmap.draw_pixmap(0, 0, image.as_ref(), &paint, transform, None);
    }
}

fn rectangle(area: &Area, radius: f64) -> PathBuilder {
    let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(|v| v as f32);
    let mut path = PathBuilder::new();
    let radius = (radius as f32).min(width / 2.0).min(height / 2.0);
    if radius <= 0.0 {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            path.push_rect(rect);
        }
        return path;
    }
    // A quarter of a circle as a cubic curve.
    let bend = radius * (1.0 - 0.552_284_8);
    let (right, bottom) = (x + width, y + height);
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.cubic_to(right - bend, y, right, y + bend, right, y + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - bend, right - bend, bottom, right - radius, bottom);
    path.line_to(x + radius, bottom);
    path.cubic_to(x + bend, bottom, x, bottom - bend, x, bottom - radius);
    path.line_to(x, y + radius);
    path.cubic_to(x, y + bend, x + bend, y, x + radius, y);
    path.close();
    path
}

fn path(steps: &[Step]) -> PathBuilder {
    let mut path = PathBuilder::new();
    let at = |(x, y): Point| (x as f32, y as f32);
    for step in steps {
        match *step {
            Step::Move(to) => path.move_to(at(to).0, at(to).1),
            Step::Line(to) => path.line_to(at(to).0, at(to).1),
            Step::Cubic(a, b, to) => {
                let (a, b, to) = (at(a), at(b), at(to));
                path.cubic_to(a.0, a.1, b.0, b.1, to.0, to.1);
            }
            Step::Close => path.close(),
        }
    }
    path
}

/// Letters as a path.
struct Outline(PathBuilder);

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
