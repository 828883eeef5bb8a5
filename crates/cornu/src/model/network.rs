//! The layers of a model and how they are connected.

use super::chain::Chain;
use super::functional;
use crate::data::Column;
use crate::layers::{Input, Layer, LayerRef, Scope};
use crate::tensor::Tensor;
use crate::tensor::replay::replay;
use crate::train::{FeedSpec, StepProgram};
use crate::variable::Variable;
use cornu_graph::{Result, Shape};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::iter::Sum;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A model's layers. It is a layer itself.
pub(crate) enum Network {
    /// A chain, built as far as its input is known.
    Sequential(Mutex<Chain>),
    /// Any graph between given inputs and outputs.
    Functional(Arc<Built>),
}

/// A network whose inputs are known.
pub(crate) struct Built {
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
    pub layers: Vec<LayerRef>,
    pub extent: Extent,
}

/// What it takes to go through a network with all networks inside it, each as often as it is called.
/// A few that call one another twice can take forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Calls of layers and operations.
    pub calls: usize,
    /// Networks in networks.
    pub depth: usize,
}

impl Extent {
    /// An operation, or a layer that is no network.
    pub const ONE: Extent = Extent { calls: 1, depth: 0 };

    /// What it takes to call a layer.
    pub fn of(layer: &LayerRef) -> Extent {
        let Some(network) = layer.downcast::<Network>() else { return Extent::ONE };
        let inside = match network {
            Network::Functional(built) => built.extent,
            Network::Sequential(_) => network.chain().map_or(Extent::ONE, |chain| chain.extent()),
        };
        Extent { calls: inside.calls.saturating_add(1), depth: inside.depth + 1 }
    }
}

/// One after another.
impl Sum for Extent {
    fn sum<I: Iterator<Item = Extent>>(extents: I) -> Extent {
        extents.fold(Extent { calls: 0, depth: 0 }, |a, b| Extent {
            calls: a.calls.saturating_add(b.calls),
            depth: a.depth.max(b.depth),
        })
    }
}

impl Built {
    /// The weights of all layers, each once.
    pub fn weights(&self) -> Vec<Variable> {
        let mut known = HashSet::new();
        let weights = self.layers.iter().flat_map(LayerRef::weights);
        weights.filter(|weight| known.insert(weight.id())).collect()
    }
}

impl Network {
    pub fn sequential() -> Network {
        Network::Sequential(Mutex::default())
    }

    /// The layers of a Sequential that is being put together.
    pub fn chain(&self) -> Option<MutexGuard<'_, Chain>> {
        match self {
            Network::Sequential(chain) => {
                Some(chain.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Network::Functional(_) => None,
        }
    }

    /// The built network, if its input is known.
    pub fn built(&self) -> Result<Arc<Built>> {
        match (self, self.chain()) {
            (_, Some(chain)) => Ok(Arc::new(chain.built()?)),
            (Network::Functional(built), None) => Ok(Arc::clone(built)),
            (Network::Sequential(_), None) => unreachable!("a sequential has a chain"),
        }
    }

    /// The built network; a Sequential without an Input is built for samples of this shape.
    pub fn build_for(&self, sample: impl Into<Shape>) -> Result<Arc<Built>> {
        if let Some(mut chain) = self.chain()
            && !chain.has_input()
            && chain.has_layers()
        {
            chain.start(Input::tensor(sample));
            let built = chain.built();
            if built.is_err() {
                // Other data may fit.
                chain.disconnect();
            }
            return Ok(Arc::new(built?));
        }
        self.built()
    }

    pub fn built_for(&self, x: &[Column]) -> Result<Arc<Built>> {
        let sample = x.first().map_or(&[][..], Column::sample_shape);
        self.build_for(sample)
    }

    pub fn layer_list(&self) -> Vec<LayerRef> {
        match self {
            Network::Functional(built) => built.layers.clone(),
            Network::Sequential(_) => self.chain().map_or(vec![], |chain| chain.layers()),
        }
    }

    pub fn output_names(&self) -> Vec<String> {
        match self {
            Network::Functional(built) => functional::output_names(&built.outputs),
            Network::Sequential(_) => {
                let last = self.layer_list().last().map(|layer| layer.name().to_owned());
                vec![last.unwrap_or_default()]
            }
        }
    }
}

impl Layer for Network {
    fn kind(&self) -> &str {
        match self {
            Network::Sequential(_) => "Sequential",
            Network::Functional(_) => "Functional",
        }
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(self.forward_all(scope, inputs)?.swap_remove(0))
    }

    fn forward_all(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let sample = inputs.first().map_or(vec![], |x| x.shape().dims().to_vec());
        let sample = Shape::from(sample.get(1..).unwrap_or_default().to_vec());
        let used = self.chain().filter(|chain| chain.is_used()).map(|chain| chain.connected());
        let built = match used {
            Some(connected) => Arc::new(connected?),
            None => self.build_for(sample)?,
        };
        if let Some(mut chain) = self.chain() {
            chain.set_used();
        }
        replay(&built.inputs, &built.outputs, inputs)
    }

    fn layers(&self) -> Vec<LayerRef> {
        self.layer_list()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.layer_list()).finish()
    }
}

/// A service that predicts data of ever new sizes must not keep a program for each.
const MOST_PROGRAMS: usize = 32;

/// The programs that predict, by batch size and data.
#[derive(Default)]
pub(crate) struct Programs(HashMap<(usize, FeedSpec), StepProgram>);

impl Programs {
    pub fn get_or_build(
        &mut self,
        batch: usize,
        spec: &FeedSpec,
        build: impl FnOnce() -> Result<StepProgram>,
    ) -> Result<&mut StepProgram> {
        let key = (batch, spec.clone());
        if !self.0.contains_key(&key) {
            if self.0.len() >= MOST_PROGRAMS {
                self.0.clear();
            }
            self.0.insert(key.clone(), build()?);
        }
        Ok(self.0.get_mut(&key).expect("it was just built"))
    }
}
