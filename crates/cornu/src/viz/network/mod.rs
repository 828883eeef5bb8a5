//! The picture of a model: its layers as cards, and what flows between them.

mod card;
mod layout;
mod scene;

use super::Picture;
use super::paint::{Area, Canvas, Ink, Lettering, Paint, Point, Step};
use crate::layers::LayerRef;
use crate::model::{Model, Network};
use cornu_graph::{Error, Result};
use layout::{Direction, Route};
use scene::{Frame, Part, Scene};
use std::path::Path;

/// The room around the picture.
const EDGE: f64 = 20.0;
/// The pixels of CSS in an inch.
const INCH: f64 = 96.0;
/// The length of the head of an arrow, and half its width.
const HEAD: (f64, f64) = (8.0, 4.0);

/// Draws a model into a file, `.svg` or `.png`, with shapes and names. [`Model::plot`] has all of
/// Keras's options.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::viz;
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
///
/// let model = Sequential::new().add(Input::new([784])).add(Dense::new(10));
/// viz::plot_model(&model, "model.svg")?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If the model is not built or has a mistake in it, or the file cannot be written.
pub fn plot_model(model: &Model, path: impl AsRef<Path>) -> Result<()> {
    model.plot().show_shapes(true).show_layer_names(true).save(path)
}

/// How a model is to be drawn: Keras's options, with Keras's defaults. Made by [`Model::plot`].
#[derive(Clone, Debug)]
#[must_use = "a plot is not drawn until it is saved"]
pub struct ModelPlot {
    model: LayerRef,
    options: Options,
    rankdir: String,
    dpi: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Options {
    shapes: bool,
    names: bool,
    dtype: bool,
    activations: bool,
    trainable: bool,
    expand_nested: bool,
    direction: Direction,
}

impl Model {
    /// A picture of the layers and how they are connected: Keras's `plot_model`, without Graphviz.
    /// A layer that is called twice is one card with an arrow from each caller.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// # let folder = tempfile::tempdir()?;
    /// # std::env::set_current_dir(&folder)?;
    ///
    /// let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    /// let tower = Sequential::new().add(Dense::new(128).activation("relu"));
    /// let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    /// let model = Model::new([&left, &right], &distance)?;
    /// model.plot().show_shapes(true).expand_nested(true).save("model.svg")?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn plot(&self) -> ModelPlot {
        ModelPlot {
            model: self.as_layer(),
            options: Options::default(),
            rankdir: "TB".to_owned(),
            dpi: 200.0,
        }
    }
}

impl ModelPlot {
    /// Whether the shapes of inputs and outputs are shown.
    pub fn show_shapes(mut self, show: bool) -> ModelPlot {
        self.options.shapes = show;
        self
    }

    /// Whether the names of layers are shown.
    pub fn show_layer_names(mut self, show: bool) -> ModelPlot {
        self.options.names = show;
        self
    }

    /// Whether the type of the outputs is shown.
    pub fn show_dtype(mut self, show: bool) -> ModelPlot {
        self.options.dtype = show;
        self
    }

    /// Whether the activations of layers are shown that have one.
    pub fn show_layer_activations(mut self, show: bool) -> ModelPlot {
        self.options.activations = show;
        self
    }

    /// Whether it is shown which layers with weights are trained.
    pub fn show_trainable(mut self, show: bool) -> ModelPlot {
        self.options.trainable = show;
        self
    }

    /// Whether models inside are drawn with their layers, in a frame, or as one card.
    pub fn expand_nested(mut self, expand: bool) -> ModelPlot {
        self.options.expand_nested = expand;
        self
    }

    /// Where the arrows point: `"TB"`, from top to bottom, or `"LR"`, from left to right.
    pub fn rankdir(mut self, rankdir: impl Into<String>) -> ModelPlot {
        self.rankdir = rankdir.into();
        self
    }

    /// The dots per inch of a PNG file, 200 if nothing is said. An SVG file has no dots.
    pub fn dpi(mut self, dpi: f64) -> ModelPlot {
        self.dpi = dpi;
        self
    }

    /// The picture.
    ///
    /// # Errors
    /// If the model is not built or has a mistake in it, or `rankdir` is no direction.
    pub fn picture(&self) -> Result<Picture> {
        let direction = match self.rankdir.as_str() {
            "TB" => Direction::Down,
            "LR" => Direction::Right,
            other => {
                return Err(Error::value(format!("rankdir is \"TB\" or \"LR\", not \"{other}\"")));
            }
        };
        let network = self.model.downcast::<Network>().expect("a model's layer is a network");
        let scene = Scene::of_model(network, Options { direction, ..self.options })
            .map_err(|error| error.within(format!("model '{}'", self.model.name())))?;
        let (width, height) = scene.size;
        let name = format!("Model {}", self.model.name());
        let mut canvas = Canvas::new(width + 2.0 * EDGE, height + 2.0 * EDGE, name);
        draw_scene(&scene, (EDGE, EDGE), direction, &mut canvas);
        Ok(Picture::drawn(canvas))
    }

    /// Writes the picture to a file, `.svg` or `.png`.
    ///
    /// # Errors
    /// As [`ModelPlot::picture`], and if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.picture()?.save_scaled(path.as_ref(), self.dpi / INCH)
    }
}

fn draw_scene(scene: &Scene, (x, y): Point, direction: Direction, canvas: &mut Canvas) {
    // Frames lie below, then the wires, and the cards on top.
    for (part, (left, top)) in &scene.parts {
        if let Part::Frame(frame) = part {
            draw_frame(frame, (x + left, y + top), direction, canvas);
        }
    }
    for (route, arrow) in &scene.wires {
        draw_wire(route, *arrow, (x, y), direction, canvas);
    }
    for (part, (left, top)) in &scene.parts {
        if let Part::Card(card) = part {
            card.draw((x + left, y + top), canvas);
        }
    }
}

fn draw_frame(frame: &Frame, (x, y): Point, direction: Direction, canvas: &mut Canvas) {
    let area = Area::new(x, y, frame.size.0, frame.size.1);
    let ground = Paint::tint(Ink::Axis, 0.09).edged(Ink::Border, 1.0);
    canvas.fill(area, 10.0, ground);
    let title = Lettering::PLAIN.bold();
    canvas.text((x + scene::FRAME, y + 20.0), frame.title.as_str(), title);
    let (left, top) = frame.inside;
    draw_scene(&frame.scene, (x + left, y + top), direction, canvas);
}

/// Draws a line through points that is straight where it can be and bends smoothly elsewhere, with
/// an arrow at its end.
fn draw_wire(route: &Route, arrow: bool, (x, y): Point, direction: Direction, canvas: &mut Canvas) {
    // Routes go down; what goes right is mirrored.
    let place = |(a, b): Point| match direction {
        Direction::Down => (x + a, y + b),
        Direction::Right => (x + b, y + a),
    };
    let mut steps: Vec<Step> = vec![];
    let mut head = None;
    match route {
        Route::Way(points) => {
            let mut points = points.clone();
            let last = points.len() - 1;
            if arrow {
                let up = if points[last].1 >= points[last - 1].1 { -1.0 } else { 1.0 };
                head = Some((points[last], (0.0, -up)));
                points[last].1 += up * HEAD.0;
            }
            steps.push(Step::Move(place(points[0])));
            for pair in points.windows(2) {
                let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
                if (x1 - x2).abs() < 0.01 {
                    steps.push(Step::Line(place(pair[1])));
                } else {
                    let middle = (y1 + y2) / 2.0;
                    let (a, b) = ((x1, middle), (x2, middle));
                    steps.push(Step::Cubic(place(a), place(b), place(pair[1])));
                }
            }
        }
        Route::Loop { from, to, reach } => {
            let end = (to.0 + HEAD.0, to.1);
            steps.push(Step::Move(place(*from)));
            let (a, b) = ((from.0 + reach, from.1), (to.0 + reach, to.1));
            steps.push(Step::Cubic(place(a), place(b), place(end)));
            head = Some((*to, (-1.0, 0.0)));
        }
    }
    canvas.path(steps, Paint::stroke(Ink::Axis, 1.5));
    if let Some((tip, (dx, dy))) = head {
        let back = (tip.0 - dx * HEAD.0, tip.1 - dy * HEAD.0);
        let side = |by: f64| (back.0 + by * dy * HEAD.1, back.1 + by * dx * HEAD.1);
        let corners = [tip, side(1.0), side(-1.0)].map(place);
        let [tip, left, right] = corners;
        let steps = vec![Step::Move(tip), Step::Line(left), Step::Line(right), Step::Close];
        canvas.path(steps, Paint::fill(Ink::Axis));
    }
}

#[cfg(test)]
mod tests;
