//! Convolutions of 3x3 filters with a quarter of the multiplications.
//!
//! Winograd's F(4x4, 3x3): 6x6 pixels are transformed along both axes, as are the filters; then 36
//! products of matrices, one for each place, of channels and filters as in a 1x1 convolution,
//! are transformed to 4x4 windows ([`lines`] has the transforms, [`tiles`] moves the tiles).
//! The images' gradient is such a convolution with turned filters; the filters' gradient is
//! F(3x3, 4x4) with the same points.

mod filter_grad;
mod forward;
mod lines;
mod tiles;

pub(super) use filter_grad::FilterGrad;
pub(super) use forward::Forward;

use super::Sizes;
use crate::executor::Winograd;
use crate::kernels::Request;

/// Places of a transformed tile, each with a matrix of its own.
const PLACES: usize = 36;

/// Whether to compute a convolution, or a gradient of it, this way.
pub(super) fn is_chosen(request: &Request<'_>, sizes: &Sizes) -> bool {
    let c = &sizes.conv;
    let fits = sizes.filter == [3, 3] && c.strides == [1, 1] && c.dilation == [1, 1];
    let some = sizes.images * sizes.channels * sizes.filters * sizes.windows() > 0;
    let lanes = request.instructions.lanes();
    fits && c.groups == 1
        && some
        && match request.winograd {
            Winograd::Never => false,
            Winograd::Auto => cycles(sizes, lanes) < sizes.cycles(lanes),
            Winograd::Always => true,
        }
}

/// About how many cycles a convolution takes this way.
fn cycles(sizes: &Sizes, lanes: usize) -> usize {
    let vectors = |n: usize| n.div_ceil(lanes);
    let tiles = sizes.images * sizes.output[0].div_ceil(4) * sizes.output[1].div_ceil(4);
    let (channels, filters) = (sizes.channels, vectors(sizes.filters));
    let products = PLACES * tiles * channels * filters / 2;
    let transforms = TRANSFORM * tiles * (vectors(channels) + filters);
    products + transforms + TRANSFORM * channels * filters
}

/// About how many cycles it takes to transform a tile of a vector of channels.
const TRANSFORM: usize = 250;

/// The distance between matrices of `len` numbers: an odd number of cache lines, so that the same
/// places of all of them do not share a set of the cache.
fn apart(len: usize) -> usize {
    (len.div_ceil(16) | 1) * 16
}
