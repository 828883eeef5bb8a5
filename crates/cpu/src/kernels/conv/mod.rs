//! Convolutions and their gradients as matrix products.
//!
//! Each window's pixels become a row of a matrix ([`patches`]), a tile of windows at a time, so
//! that the matrix never leaves the cache. The output is that matrix times the filters; the filters'
//! gradient is its transpose times the output's gradient; the images' gradient is the output's
//! gradient times the transposed filters, added back to the pixels. Filters of 3x3 may take a
//! shorter way ([`winograd`]).

mod filter_grad;
mod forward;
mod input_grad;
mod patches;
mod winograd;

use super::matmul::Even;
use super::{Kernel, Request};
use cornu_graph::op::Conv2d;

/// How many numbers a tile of patches has at most: half of a 1 MB L2 cache.
const TILE: usize = 128 * 1024;
/// How many windows a tile has at least (if the image has as many).
const WINDOWS: usize = 56;

/// The kernel of [`cornu_graph::Op::Conv2d`].
pub(crate) fn forward(request: &Request<'_>, conv: &Conv2d) -> Box<dyn Kernel> {
    let sizes = Sizes::new(&request.input(0), &request.input(1), &request.output(), conv);
    if winograd::is_chosen(request, &sizes) {
        Box::new(winograd::Forward::new(request, &sizes))
    } else {
        Box::new(forward::Forward::new(request, sizes))
    }
}

/// The kernel of [`cornu_graph::Op::Conv2dInputGrad`].
pub(crate) fn input_grad(request: &Request<'_>, conv: &Conv2d) -> Box<dyn Kernel> {
    let sizes = Sizes::new(&request.output(), &request.input(1), &request.input(0), conv);
    if winograd::is_chosen(request, &sizes) {
        Box::new(winograd::Forward::input_grad(request, &sizes))
    } else {
        Box::new(input_grad::InputGrad::new(request, sizes))
    }
}

/// The kernel of [`cornu_graph::Op::Conv2dFilterGrad`].
pub(crate) fn filter_grad(request: &Request<'_>, conv: &Conv2d) -> Box<dyn Kernel> {
    let sizes = Sizes::new(&request.input(0), &request.output(), &request.input(1), conv);
    if winograd::is_chosen(request, &sizes) {
        Box::new(winograd::FilterGrad::new(request, &sizes))
    } else {
        Box::new(filter_grad::FilterGrad::new(request, sizes))
    }
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    images: usize,
    /// Height and width of an image.
    image: [usize; 2],
    channels: usize,
    /// Height and width of a filter.
    filter: [usize; 2],
    filters: usize,
    /// Height and width of the output.
    output: [usize; 2],
    conv: Conv2d,
}

impl Sizes {
    fn new(image: &[usize], filter: &[usize], output: &[usize], conv: &Conv2d) -> Sizes {
        Sizes {
            images: image[0],
            image: [image[1], image[2]],
            channels: image[3],
            filter: [filter[0], filter[1]],
            filters: filter[3],
            output: [output[1], output[2]],
            conv: *conv,
        }
    }

    /// The channels of one group.
    fn group_channels(&self) -> usize {
        self.channels / self.conv.groups
    }

    /// The filters of one group.
    fn group_filters(&self) -> usize {
        self.filters / self.conv.groups
    }

    /// How many numbers of one group a window covers: the length of a row of patches.
    fn depth(&self) -> usize {
        self.filter[0] * self.filter[1] * self.group_channels()
    }

    /// How many windows an image has.
    fn windows(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// How many numbers an image has.
    fn image_len(&self) -> usize {
        self.image[0] * self.image[1] * self.channels
    }

    /// How many numbers the output has for an image.
    fn output_len(&self) -> usize {
        self.windows() * self.filters
    }

    /// The windows of an image, cut into tiles.
    fn tiles(&self) -> Even {
        let most = (TILE / self.depth().max(1)).max(WINDOWS);
        Even::new(self.windows(), most)
    }

    /// About how many cycles one convolution takes.
    fn cycles(&self, lanes: usize) -> usize {
        let products = self.images * self.windows() * self.depth() * self.group_filters();
        products * self.conv.groups / (2 * lanes)
    }

    /// Whether the patches are the image itself: a window is one pixel, and all pixels are windows.
    fn is_pointwise(&self) -> bool {
        let c = &self.conv;
        self.filter == [1, 1] && c.strides == [1, 1] && c.padding == [(0, 0); 2]
    }

    /// Whether the matrix of patches is stored by columns: all windows' first pixels, then all
    /// their second ones. Fast where windows are neighbours and pixels have one channel.
    fn by_columns(&self) -> bool {
        self.channels == 1 && self.conv.strides[1] == 1 && !self.is_pointwise()
    }

    /// The distance between rows of the matrix of patches (columns, if it is stored so).
    fn patch_stride(&self) -> usize {
        if self.is_pointwise() {
            self.channels
        } else if self.by_columns() {
            self.tiles().largest()
        } else {
            self.depth()
        }
    }
}
