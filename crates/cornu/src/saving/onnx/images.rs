//! Convolution and pooling. ONNX has the channels of an image before its height and width, Cornu has
//! them last.

use super::builder::{Attribute, Setting, Value};
use super::emit::Emitter;
use cornu_graph::Shape;
use cornu_graph::op::{Conv2d, Pool2d, PoolKind};

/// `(n, h, w, c)` to `(n, c, h, w)`.
pub(super) const CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];
/// `(n, c, h, w)` to `(n, h, w, c)`.
pub(super) const CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];
/// `(h, w, in, out)` to `(out, in, h, w)`.
const FILTERS_FIRST: [usize; 4] = [3, 2, 0, 1];

impl Emitter<'_> {
    /// A convolution of channels-first images with Cornu's filters, and a bias if there is one.
    pub fn conv(&mut self, conv: &Conv2d, inputs: &[Value]) -> Value {
        let inputs = self.with_filters_first(inputs);
        self.out.node_with("Conv", &inputs, convolution(conv))
    }

    /// The gradient of a convolution for its images: a transposed convolution to images of the shape
    /// `to`.
    pub fn conv_transpose(
        &mut self,
        conv: &Conv2d,
        inputs: &[Value],
        shapes: [&Shape; 2],
        to: &Shape,
    ) -> Value {
        let inputs = self.with_filters_first(inputs);
        let size = |shape: &Shape, axis: usize| shape.dims()[axis].known().unwrap_or(0) as i64;
        // How far the images reach beyond the last window.
        let beyond = [0, 1].map(|i| {
            let reach = (size(shapes[1], i) - 1) * conv.dilation[i] as i64 + 1;
            let padding = (conv.padding[i].0 + conv.padding[i].1) as i64;
            let covered = (size(shapes[0], i + 1) - 1) * conv.strides[i] as i64 + reach - padding;
            size(to, i + 1) - covered
        });
        let mut attributes = convolution(conv);
        attributes.push(("output_padding", Setting::Ints(beyond.to_vec())));
        self.out.node_with("ConvTranspose", &inputs, attributes)
    }

    fn with_filters_first(&mut self, inputs: &[Value]) -> Vec<Value> {
        let mut inputs = inputs.to_vec();
        inputs[1] = self.out.transpose(inputs[1], &FILTERS_FIRST);
        inputs
    }

    /// A pooling of channels-first images.
    pub fn pool(&mut self, pool: &Pool2d, x: Value) -> Value {
        let attributes = vec![
            ("kernel_shape", ints(pool.window)),
            ("strides", ints(pool.strides)),
            ("pads", pads(pool.padding)),
        ];
        // Padding counts in neither, as in Cornu.
        let op = match pool.kind {
            PoolKind::Max => "MaxPool",
            PoolKind::Average => "AveragePool",
        };
        self.out.node_with(op, &[x], attributes)
    }
}

fn convolution(conv: &Conv2d) -> Vec<Attribute> {
    vec![
        ("strides", ints(conv.strides)),
        ("pads", pads(conv.padding)),
        ("dilations", ints(conv.dilation)),
        ("group", Setting::Int(conv.groups as i64)),
    ]
}

fn ints(numbers: [usize; 2]) -> Setting {
    Setting::Ints(numbers.map(|n| n as i64).to_vec())
}

/// First all that is added before, then all after.
fn pads([rows, columns]: [(usize, usize); 2]) -> Setting {
    Setting::Ints([rows.0, columns.0, rows.1, columns.1].map(|n| n as i64).to_vec())
}
