//! The chain of layers of a `Sequential`, connected as soon as its input is known.

use super::network::{Built, Extent, Network};
use super::sequential::Link;
use crate::layers::LayerRef;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use std::panic::Location;

/// Layers one after another.
#[derive(Default)]
pub(crate) struct Chain {
    input: Option<Tensor>,
    /// What comes out after the layers so far, once the input is known.
    output: Option<Tensor>,
    /// Each with the line that added it.
    layers: Vec<(LayerRef, &'static Location<'static>)>,
    /// The first mistake in putting it together.
    error: Option<Error>,
    /// Whether another model has used it: it must stay as it is then.
    used: bool,
    /// What was tried after that. The other model does not suffer from it.
    late: Option<Error>,
}

impl Chain {
    /// Adds a link at the end, and connects it if the input is known: its weights are made now.
    pub fn append(&mut self, link: Link, line: &'static Location<'static>) {
        if self.used {
            let mistake = "a Sequential that another model uses cannot grow any more";
            self.late.get_or_insert(Error::state(mistake).at(line));
            return;
        }
        let mistake: String = match link {
            Link::Input(input) if self.input.is_none() && self.layers.is_empty() => {
                self.start(input.into());
                return;
            }
            Link::Input(_) => "an Input must be the first in a Sequential".into(),
            Link::Layer(layer) if self.layers.iter().any(|(l, _)| l.name() == layer.name()) => {
                format!(
                    "two layers of the Sequential are named '{0}': give one another name with \
                     .name(…)",
                    layer.name()
                )
            }
            Link::Layer(layer) => {
                if self.layers.is_empty() && self.input.is_none() {
                    self.input = input_of_model(&layer);
                    self.output = self.input.clone();
                }
                self.layers.push((layer, line));
                self.connect(self.layers.len() - 1);
                return;
            }
        };
        self.fail(Error::state(mistake).at(line));
    }

    /// Remembers a mistake, if it is the first.
    pub fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Connects all layers to an input.
    pub fn start(&mut self, input: Tensor) {
        self.output = Some(input.clone());
        self.input = Some(input);
        (0..self.layers.len()).for_each(|i| self.connect(i));
    }

    /// Forgets the input.
    pub fn disconnect(&mut self) {
        self.input = None;
        self.output = None;
    }

    fn connect(&mut self, index: usize) {
        if let Some(before) = self.output.take() {
            let (layer, line) = &self.layers[index];
            self.output = Some(layer.call_at(&[before], line).swap_remove(0));
        }
    }

    /// Remembers that another model uses it.
    pub fn set_used(&mut self) {
        self.used = true;
    }

    /// Whether another model uses it.
    pub fn is_used(&self) -> bool {
        self.used
    }

    /// Whether the input is known.
    pub fn has_input(&self) -> bool {
        self.input.is_some()
    }

    /// Whether there are layers.
    pub fn has_layers(&self) -> bool {
        !self.layers.is_empty()
    }

    /// The first mistake in putting it together.
    pub fn error(&self) -> Option<Error> {
        self.error.clone().or_else(|| self.late.clone())
    }

    /// What it takes to go through it.
    pub fn extent(&self) -> Extent {
        self.layers.iter().map(|(layer, _)| Extent::of(layer)).sum()
    }

    /// The layers.
    pub fn layers(&self) -> Vec<LayerRef> {
        self.layers.iter().map(|(layer, _)| layer.clone()).collect()
    }

    /// The network, if its input is known.
    pub fn built(&self) -> Result<Built> {
        self.late.clone().map_or_else(|| self.connected(), Err)
    }

    /// The network as another model uses it.
    pub fn connected(&self) -> Result<Built> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.layers.is_empty() {
            return Err(Error::state("the Sequential has no layers"));
        }
        let (Some(input), Some(output)) = (&self.input, &self.output) else {
            return Err(Error::state(
                "the model is not built: the shape of its input is not known",
            )
            .help("add an Input first, call build, or fit it on data"));
        };
        let output = output.check()?.clone();
        let (layers, extent) = (self.layers(), self.extent());
        Ok(Built { inputs: vec![input.clone()], outputs: vec![output], layers, extent })
    }
}

/// An input like that of a first layer which is itself a model.
fn input_of_model(layer: &LayerRef) -> Option<Tensor> {
    let built = layer.downcast::<Network>()?.built().ok()?;
    match built.inputs.as_slice() {
        [input] => Some(Tensor::placeholder(
            input.ty().clone(),
            Some(crate::session::unique_name("input_layer")),
        )),
        _ => None,
    }
}
