//! Convolution and pooling: Keras's arguments for images and sequences, channels last or first.

use super::Call;
use crate::ops::{self, Padding};
use crate::tensor::Tensor;
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::Value;

/// What an operation on windows is given, as images with channels last.
struct Windows<'a> {
    call: &'a Call<'a>,
    x: Tensor,
    /// Sequences are images of height 1.
    is_sequence: bool,
    channels_first: bool,
    padding: Padding,
}

impl<'a> Windows<'a> {
    fn read(call: &'a Call<'a>) -> Result<Windows<'a>> {
        let x = call.tensor("inputs")?;
        let is_sequence = match x.rank() {
            3 => true,
            4 => false,
            _ => {
                let shape = x.shape();
                let message = format!("Cornu has windows of sequences and images, not of {shape}");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        let format: String = call.get_or("data_format", "channels_last".to_owned())?;
        let channels_first = format == "channels_first";
        let x = match (channels_first, is_sequence) {
            (false, _) => x,
            (true, true) => ops::transpose(x, Some(&[0, 2, 1])),
            (true, false) => ops::transpose(x, Some(&[0, 2, 3, 1])),
        };
        let x = if is_sequence { ops::expand_dims(x, 1) } else { x };
        let padding = match call.get_or("padding", "valid".to_owned())?.to_lowercase().as_str() {
            "valid" => Padding::Valid,
            "same" => Padding::Same,
            other => return Err(call.wrong(format!("there is no padding '{other}' here"))),
        };
        Ok(Windows { call, x, is_sequence, channels_first, padding })
    }

    fn kernel(&self, name: &str) -> Result<Tensor> {
        let kernel = self.call.tensor(name)?;
        Ok(if self.is_sequence { ops::expand_dims(kernel, 0) } else { kernel })
    }

    /// A size for each axis: one for all, or a list.
    fn sizes(&self, name: &str, default: [usize; 2]) -> Result<[usize; 2]> {
        let sizes: Vec<usize> = match self.call.value(name) {
            None => return Ok(default),
            Some(Value::Array(_)) => self.call.get(name)?,
            Some(_) => vec![self.call.get(name)?],
        };
        match (&sizes[..], self.is_sequence) {
            (&[size], true) => Ok([1, size]),
            (&[size], false) => Ok([size; 2]),
            (&[height, width], false) => Ok([height, width]),
            _ => Err(self.call.wrong(format!("'{name}' has {} sizes", sizes.len()))),
        }
    }

    fn strides(&self) -> Result<[usize; 2]> {
        self.sizes("strides", [1, 1])
    }

    fn dilation(&self) -> Result<[usize; 2]> {
        self.sizes("dilation_rate", [1, 1])
    }

    /// The result in the order and rank of the input.
    fn result(&self, y: Tensor) -> Tensor {
        let y = if self.is_sequence { ops::squeeze(y, 1) } else { y };
        match (self.channels_first, self.is_sequence) {
            (false, _) => y,
            (true, true) => ops::transpose(y, Some(&[0, 2, 1])),
            (true, false) => ops::transpose(y, Some(&[0, 3, 1, 2])),
        }
    }
}

pub(super) fn conv(c: &Call<'_>) -> Result<Tensor> {
    let w = Windows::read(c)?;
    let y = ops::conv(&w.x, w.kernel("kernel")?, w.strides()?, w.padding, w.dilation()?);
    Ok(w.result(y))
}

pub(super) fn depthwise_conv(c: &Call<'_>) -> Result<Tensor> {
    let w = Windows::read(c)?;
    let y = ops::depthwise_conv(&w.x, w.kernel("kernel")?, w.strides()?, w.padding, w.dilation()?);
    Ok(w.result(y))
}

pub(super) fn separable_conv(c: &Call<'_>) -> Result<Tensor> {
    let w = Windows::read(c)?;
    let (depthwise, pointwise) = (w.kernel("depthwise_kernel")?, w.kernel("pointwise_kernel")?);
    let y = ops::depthwise_conv(&w.x, depthwise, w.strides()?, w.padding, w.dilation()?);
    Ok(w.result(ops::conv(y, pointwise, [1, 1], Padding::Valid, [1, 1])))
}

pub(super) fn conv_transpose(c: &Call<'_>) -> Result<Tensor> {
    let w = Windows::read(c)?;
    if c.value("output_padding").is_some() {
        return Err(c.wrong("Cornu has no output_padding"));
    }
    let y = ops::conv_transpose(&w.x, w.kernel("kernel")?, w.strides()?, w.padding, w.dilation()?);
    Ok(w.result(y))
}

pub(super) fn pool(
    c: &Call<'_>,
    function: fn(Tensor, [usize; 2], [usize; 2], Padding) -> Tensor,
) -> Result<Tensor> {
    let w = Windows::read(c)?;
    let window = w.sizes("pool_size", [1, 1])?;
    let y = function(w.x.clone(), window, w.sizes("strides", window)?, w.padding);
    Ok(w.result(y))
}
