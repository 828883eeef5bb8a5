//! Convolutions of 3x3 filters with a quarter of the multiplications.
//!
//! Winograd's F(4x4, 3x3): 6x6 pixels are transformed along both axes, as are the filters; then 36
//! products of matrices, one for each place, of channels and filters as in a 1x1 convolution,
//! are transformed to 4x4 windows ([`lines`] has the transforms, [`tiles`] moves the tiles).
//! The images' gradient is such a convolution with turned filters; the filters' gradient is
//! F(3x3, 4x4) with the same points.
//!
//! # The error
//!
//! The transforms add and subtract numbers larger than the result, so the rounding error grows;
//! on the other hand the sums over channels are nine times shorter. Measured against `f64`
//! (`examples/winograd_error.rs`; 26x26 pixels, 16 filters): the root mean square of the errors in
//! parts of that of the results, and the largest error in parts of the largest result, in units of
//! 1e-7.
//!
//! | data | channels | forward: plain | Winograd | images: plain | Winograd | filters: plain | Winograd |
//! |---|---|---|---|---|---|---|---|
//! | normal | 1 | 0.6, 0.8 | 3.8, 7.1 | 0.8, 1.0 | 4.8, 9.4 | 2.6, 3.9 | 11, 13 |
//! | normal | 16 | 2.1, 4.4 | 5.2, 7.5 | 0.8, 1.1 | 5.1, 9.5 | 2.3, 2.4 | 11, 18 |
//! | normal | 64 | 3.0, 6.2 | 8.2, 14 | 0.8, 1.6 | 5.2, 9.2 | 2.0, 2.0 | 11, 17 |
//! | normal | 256 | 3.8, 4.2 | 15, 37 | 0.8, 1.3 | 5.2, 12 | 1.5, 2.3 | 7.4, 11 |
//! | smooth, half empty | 1 | 0.6, 1.9 | 1.3, 4.6 | 0.8, 1.2 | 5.9, 10 | 1.7, 2.6 | 2.4, 3.7 |
//! | smooth, half empty | 64 | 2.0, 5.2 | 2.0, 6.0 | 0.8, 1.2 | 5.2, 12 | 1.5, 2.9 | 2.6, 8.9 |
//! | smooth, half empty | 256 | 2.9, 4.3 | 3.8, 11 | 0.8, 1.3 | 5.1, 14 | 1.4, 2.5 | 2.0, 4.3 |
//!
//! The bar was ten times the error of the plain sums and 1e-5 of the largest result; with the
//! usual points 0, ±1, ±2 one channel misses it. F(2x2, 3x3) would be more exact (0.7 to 2 times
//! the plain error), for 2.25 times fewer multiplications instead of 4.
//!
//! One pixel that is not finite spoils all windows of its tile, not just those that see it.

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

/// About how many cycles a convolution takes this way. Its gradients take about as many.
fn cycles(sizes: &Sizes, lanes: usize) -> usize {
    let vectors = |n: usize| n.div_ceil(lanes);
    let tiles = sizes.images * sizes.output[0].div_ceil(4) * sizes.output[1].div_ceil(4);
    let (channels, filters) = (sizes.channels, vectors(sizes.filters));
    let products = PLACES * tiles * channels * filters / 2;
    let transforms = TRANSFORM * tiles * (vectors(channels) + filters);
    products + transforms + TRANSFORM * channels * filters
}

/// About how many cycles it takes to transform a tile of a vector of channels (measured on Zen 5 with
/// AVX-512).
const TRANSFORM: usize = 250;

/// The distance between matrices of `len` numbers: an odd number of cache lines, so that the same
/// places of all of them do not share a set of the cache.
fn apart(len: usize) -> usize {
    (len.div_ceil(16) | 1) * 16
}
