//! A model that is a chain of layers.

use super::Model;
use super::network::Network;
use crate::layers::{Input, Layer, LayerRef};
use crate::session;
use cornu_graph::{Error, Result, Shape};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

/// A chain of layers. It is a [`Model`]: everything a model can do, it can.
///
/// ```
/// use cornu::prelude::*;
///
/// let model = Sequential::new()
///     .add(Input::new([784]))
///     .add(Dense::new(512))
///     .add(Activation::new("relu"))
///     .add(Dropout::new(0.2))
///     .add(Dense::new(10).activation("softmax"));
/// assert_eq!(model.count_params()?, 407_050);
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// Without an `Input`, the model is built for the data it is first fitted on.
pub struct Sequential(Model);

impl Sequential {
    /// An empty chain.
    pub fn new() -> Sequential {
        let name = session::unique_name("sequential");
        Sequential::with_name(name)
    }

    /// An empty chain with a name of its own.
    pub fn with_name(name: impl Into<String>) -> Sequential {
        Sequential(Model::from_layer(LayerRef::with_name(Network::sequential(), name)))
    }

    /// A chain of these layers; the macro [`layers!`](crate::layers!) makes such a list.
    #[track_caller]
    pub fn from_layers(links: impl IntoIterator<Item = Link>) -> Sequential {
        let mut model = Sequential::new();
        let line = Location::caller();
        links.into_iter().for_each(|link| model.append(link, line));
        model
    }

    /// Adds a layer at the end; an [`Input`] comes first.
    #[track_caller]
    #[must_use = "add takes the model and gives it back; use push on a model in a variable"]
    #[allow(clippy::should_implement_trait)] // Keras's name.
    pub fn add(mut self, link: impl Into<Link>) -> Sequential {
        self.append(link.into(), Location::caller());
        self
    }

    /// Adds a layer at the end of a chain that is in a variable: Keras's `model.add(…)`. A model
    /// that is compiled must be compiled again.
    #[track_caller]
    pub fn push(&mut self, link: impl Into<Link>) {
        self.append(link.into(), Location::caller());
    }

    pub(crate) fn append(&mut self, link: Link, line: &'static Location<'static>) {
        self.0.forget_programs();
        if let Link::Layer(layer) = &link
            && contains(layer, &self.0.layer)
        {
            let error = Error::state("a model cannot contain itself").at(line);
            self.0.network().chain().expect("a sequential has a chain").fail(error);
            return;
        }
        self.0.network().chain().expect("a sequential has a chain").append(link, line);
    }

    /// Builds the model for samples of a shape, if it has no `Input`.
    ///
    /// # Errors
    /// If a layer does not fit the one before it.
    pub fn build(&mut self, sample: impl Into<Shape>) -> Result<()> {
        self.0.network().build_for(sample).map(|_| ())
    }
}

/// Whether a layer is another or has it inside.
fn contains(layer: &LayerRef, other: &LayerRef) -> bool {
    layer.is(other) || layer.definition().layers().iter().any(|inner| contains(inner, other))
}

impl Default for Sequential {
    fn default() -> Sequential {
        Sequential::new()
    }
}

/// What a [`Sequential`] is made of.
pub enum Link {
    /// The shape of the samples.
    Input(Input),
    /// A layer.
    Layer(LayerRef),
}

impl From<Input> for Link {
    fn from(input: Input) -> Link {
        Link::Input(input)
    }
}

impl From<LayerRef> for Link {
    fn from(layer: LayerRef) -> Link {
        Link::Layer(layer)
    }
}

impl From<&LayerRef> for Link {
    fn from(layer: &LayerRef) -> Link {
        Link::Layer(layer.clone())
    }
}

impl<L: Layer> From<L> for Link {
    fn from(layer: L) -> Link {
        Link::Layer(LayerRef::new(layer))
    }
}

impl From<&Model> for Link {
    fn from(model: &Model) -> Link {
        Link::Layer(model.into())
    }
}

impl From<Model> for Link {
    fn from(model: Model) -> Link {
        Link::Layer(model.into())
    }
}

impl From<Sequential> for Link {
    fn from(model: Sequential) -> Link {
        Link::Layer(model.0.into())
    }
}

impl Deref for Sequential {
    type Target = Model;
    fn deref(&self) -> &Model {
        &self.0
    }
}

impl DerefMut for Sequential {
    fn deref_mut(&mut self) -> &mut Model {
        &mut self.0
    }
}

impl From<Sequential> for Model {
    fn from(sequential: Sequential) -> Model {
        sequential.0
    }
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
/// A list of layers for [`Sequential::from_layers`], as Keras's `Sequential([…])`.
///
/// ```
/// use cornu::prelude::*;
///
/// let model = Sequential::from_layers(layers![
///     Input::new([784]),
///     Dense::new(32).activation("relu"),
///     Dense::new(10).activation("softmax"),
/// ]);
/// assert_eq!(model.layers().len(), 2);
/// ```
#[macro_export]
macro_rules! layers {
    ($($layer:expr),* $(,)?) => {
        [$($crate::model::Link::from($layer)),*]
    };
}
