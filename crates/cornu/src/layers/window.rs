//! What the layers with windows share: sizes for each axis, what happens at the border, the order of
//! the axes.

use crate::config::FromConfig;
use crate::names;
use crate::ops::Padding;
use crate::tensor::Tensor;
use cornu_graph::{Error, ErrorKind, Result, Shape};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The axes of lines and images.
pub(super) const LINE: &str = "(batch, steps, channels)";
pub(super) const IMAGE: &str = "(batch, height, width, channels)";

/// One number for each of `N` axes: `3`, `[3, 2]` or `(3, 2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes<const N: usize>(pub [usize; N]);

impl<const N: usize> Sizes<N> {
    /// The sizes, if none is 0.
    ///
    /// # Errors
    /// If one is 0; the message has the name.
    pub(super) fn positive(self, name: &str) -> Result<[usize; N]> {
        if self.0.contains(&0) {
            return Err(Error::value(format!("{name} must be at least 1, not {:?}", self.0)));
        }
        Ok(self.0)
    }
}

impl<const N: usize> From<usize> for Sizes<N> {
    fn from(size: usize) -> Sizes<N> {
        Sizes([size; N])
    }
}

impl<const N: usize> From<[usize; N]> for Sizes<N> {
    fn from(sizes: [usize; N]) -> Sizes<N> {
        Sizes(sizes)
    }
}

impl From<(usize, usize)> for Sizes<2> {
    fn from((height, width): (usize, usize)) -> Sizes<2> {
        Sizes([height, width])
    }
}

impl<const N: usize> Serialize for Sizes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

/// One number for all axes, or a list of them.
impl<const N: usize> FromConfig for Sizes<N> {
    fn from_config(value: &Value) -> Result<Sizes<N>> {
        match value.is_number() {
            true => usize::from_config(value).map(Sizes::from),
            false => <[usize; N]>::from_config(value).map(Sizes),
        }
    }
}

/// What a layer with windows does at the border: `"valid"`, `"same"` or, in `Conv1D`, `"causal"`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaddingMode {
    /// Only windows that lie inside.
    Valid,
    /// Zeros around, so that a stride of 1 keeps the size.
    Same,
    /// Zeros before only, so that no output sees what comes after it.
    Causal,
    /// A name that is not known: the error comes out where the layer is used.
    Unknown(String),
}

impl PaddingMode {
    fn name(&self) -> &str {
        match self {
            PaddingMode::Valid => "valid",
            PaddingMode::Same => "same",
            PaddingMode::Causal => "causal",
            PaddingMode::Unknown(name) => name,
        }
    }

    /// The padding of a layer that knows no causal one.
    pub(super) fn known(&self) -> Result<Padding> {
        match self {
            PaddingMode::Valid => Ok(Padding::Valid),
            PaddingMode::Same => Ok(Padding::Same),
            PaddingMode::Causal => Err(Error::new(
                ErrorKind::Unsupported,
                "padding 'causal' is for Conv1D: only a line has a before and an after",
            )),
            PaddingMode::Unknown(name) => Err(names::unknown("padding", name, ["valid", "same"])),
        }
    }
}

impl From<&str> for PaddingMode {
    fn from(name: &str) -> PaddingMode {
        match name.to_lowercase().as_str() {
            "valid" => PaddingMode::Valid,
            "same" => PaddingMode::Same,
            "causal" => PaddingMode::Causal,
            _ => PaddingMode::Unknown(name.to_owned()),
        }
    }
}

impl From<Padding> for PaddingMode {
    fn from(padding: Padding) -> PaddingMode {
        match padding {
            Padding::Valid => PaddingMode::Valid,
            Padding::Same => PaddingMode::Same,
        }
    }
}

impl Serialize for PaddingMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromConfig for PaddingMode {
    fn from_config(value: &Value) -> Result<PaddingMode> {
        let padding = PaddingMode::from(&*String::from_config(value)?);
        match &padding {
            PaddingMode::Unknown(_) => padding.known().map(|_| padding),
            _ => Ok(padding),
        }
    }
}

/// Where the channels are. Cornu has them last, as Keras does by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFormat(String);

impl DataFormat {
    /// Checks the format.
    fn known(&self) -> Result<()> {
        match self.0.as_str() {
            "channels_last" => Ok(()),
            "channels_first" => Err(Error::new(
                ErrorKind::Unsupported,
                "Cornu has the channels last, not 'channels_first'",
            )
            .help("transpose the data: ops::transpose(x, Some(&[0, 2, 3, 1]))")),
            other => Err(names::unknown("data format", other, ["channels_last"])),
        }
    }

    /// Checks the format and the rank of an input: `axes` as in `"(batch, height, width, channels)"`.
    pub(super) fn check(&self, x: &Tensor, axes: &str) -> Result<()> {
        self.known()?;
        let rank = axes.split(',').count();
        if x.rank() == rank {
            return Ok(());
        }
        let error =
            Error::shape(format!("the input must be {axes}, but its shape is {}", x.shape()));
        Err(match x.rank() + 1 == rank {
            true => error.help("an image of one channel has the shape (height, width, 1)"),
            false => error,
        })
    }
}

impl Default for DataFormat {
    fn default() -> DataFormat {
        DataFormat::from("channels_last")
    }
}

impl From<&str> for DataFormat {
    fn from(name: &str) -> DataFormat {
        DataFormat(name.to_owned())
    }
}

impl Serialize for DataFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl FromConfig for DataFormat {
    fn from_config(value: &Value) -> Result<DataFormat> {
        let format = DataFormat::from(&*String::from_config(value)?);
        format.known().map(|()| format)
    }
}

/// Checks that windows of a size fit into an input that is not padded.
///
/// # Errors
/// If the window, widened by its dilation, is larger than the input along an axis.
pub(super) fn check_window<const N: usize>(
    what: &str,
    x: &Tensor,
    window: [usize; N],
    dilation: [usize; N],
) -> Result<()> {
    for (axis, (&size, &step)) in window.iter().zip(&dilation).enumerate() {
        let reach = (size - 1).saturating_mul(step).saturating_add(1);
        let given = x.shape().dims()[axis + 1].known();
        if given.is_some_and(|given| given < reach) {
            let (size, shape) = (Shape::from(window.to_vec()), x.shape());
            let dilated = if step > 1 { format!(" with dilation {step}") } else { String::new() };
            return Err(Error::shape(format!(
                "{what} {size}{dilated} is larger than the input of shape {shape}"
            ))
            .help("make it smaller, or use padding(\"same\")"));
        }
    }
    Ok(())
}

/// The order of the axes, as a setting.
macro_rules! data_format_setting {
    ($($field:ident).+) => {
        /// Where the channels are: Cornu has `"channels_last"` only.
        pub fn data_format(mut self, data_format: impl Into<$crate::layers::DataFormat>) -> Self {
            self.$($field).+ = data_format.into();
            self
        }
    };
}
pub(super) use data_format_setting;
