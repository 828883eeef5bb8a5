//! Normalization of groups of channels.

use super::affine::{Affine, Moments, affine_settings, others, sizes};
use crate::config::Config;
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};
use serde_json::{Value, json};

/// Brings each group of channels of each sample to mean 0 and variance 1.
///
/// Weights: `gamma`, `beta`, one number for each channel.
///
/// Wu and He, "Group normalization", 2018.
#[derive(Debug)]
pub struct GroupNormalization {
    groups: i32,
    axis: i32,
    affine: Affine,
}

impl GroupNormalization {
    /// So many groups of channels; Keras's default is 32. With -1 each channel is a group.
    pub fn new(groups: i32) -> GroupNormalization {
        GroupNormalization { groups, axis: -1, affine: Affine::default() }
    }

    /// The axis of the channels, the last unless said otherwise.
    pub fn axis(mut self, axis: i32) -> GroupNormalization {
        self.axis = axis;
        self
    }

    affine_settings!();

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<GroupNormalization> {
        let (groups, axis) = (config.get_or("groups", 32)?, config.get_or("axis", -1)?);
        Ok(GroupNormalization { groups, axis, affine: Affine::read(config)? })
    }
}

impl Default for GroupNormalization {
    fn default() -> GroupNormalization {
        GroupNormalization::new(32)
    }
}

impl Layer for GroupNormalization {
    fn kind(&self) -> &str {
        "GroupNormalization"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let axis = ops::resolve_axis(self.axis, x.rank())?;
        let channels = sizes(x, &[axis])?[0];
        let groups = if self.groups == -1 { channels } else { self.groups.max(0) as usize };
        if groups == 0 || !channels.is_multiple_of(groups) {
            let (groups, shape) = (self.groups, x.shape());
            return Err(Error::value(format!(
                "{groups} groups do not divide the {channels} channels of the input of shape {shape}"
            )));
        }
        let weights = self.affine.weights(scope, x, &[axis])?;
        // (…, channels, …) as (…, groups, channels of a group, …): moments over all but batch and
        // groups.
        let mut dims = x.shape().dims().to_vec();
        dims.splice(axis..=axis, [Dim::Known(groups), Dim::Known(channels / groups)]);
        let split = x.reshape_to(&Shape::from(dims));
        let moments = Moments::of(&split, &others(split.rank(), &[0, axis]));
        let full = |moment: &Tensor| moment.broadcast_to(split.shape()).reshape_to(x.shape());
        let moments = Moments { mean: full(&moments.mean), variance: full(&moments.variance) };
        Ok(self.affine.normalize(x, &moments, &weights))
    }

    fn config(&self) -> Value {
        self.affine.describe(json!({ "groups": self.groups, "axis": self.axis }))
    }
}
