//! Keras's layer classes by name, to make layers of configurations.

use super::*;
use crate::activations::Activation;
use crate::config::{Config, Object, registered};
use cornu_graph::ErrorKind;

/// The layers that come back from their configuration, with the other names that files have for
/// them.
macro_rules! layers {
    ($($layer:ident $(| $alias:literal)*,)*) => {
        /// A layer of a class, if there is that class.
        fn make(class: &str, config: &Config<'_>) -> Result<Option<Box<dyn Layer>>> {
            Ok(Some(match class {
                $(stringify!($layer) $(| $alias)* => Box::new($layer::from_config(config)?),)*
                "Activation" => Box::new(config.get::<Activation>("activation")?),
                _ => return Ok(None),
            }))
        }

        /// Whether a layer is one of these, not one of a user's that has the same name.
        fn is_known(layer: &dyn Layer) -> bool {
            let layer: &dyn Any = layer;
            layer.is::<Activation>() || layer.is::<Lambda>() $(|| layer.is::<$layer>())*
        }
    };
}

layers! {
    ActivityRegularization,
    Add,
    AlphaDropout,
    Average,
    AveragePooling1D | "AvgPool1D",
    AveragePooling2D | "AvgPool2D",
    BatchNormalization | "BatchNormalizationV1" | "BatchNormalizationV2",
    Concatenate,
    Conv1D | "Convolution1D",
    Conv2D | "Convolution2D",
    Conv2DTranspose | "Convolution2DTranspose",
    CosineDense,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dot,
    Dropout,
    EinsumDense,
    ELU,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D | "GlobalAvgPool1D",
    GlobalAveragePooling2D | "GlobalAvgPool2D",
    GlobalMaxPooling1D | "GlobalMaxPool1D",
    GlobalMaxPooling2D | "GlobalMaxPool2D",
    GroupNormalization,
    Identity,
    InputLayer,
    LayerNormalization,
    LeakyReLU,
    Maximum,
    MaxPooling1D | "MaxPool1D",
    MaxPooling2D | "MaxPool2D",
    Minimum,
    Multiply,
    Normalization,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    RMSNormalization,
    SeparableConv2D | "SeparableConvolution2D",
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    Subtract,
    UnitNormalization,
    UpSampling2D,
    ZeroPadding2D,
}

/// The layer of an object in a file: a user's that was registered, or one of Keras's.
///
/// # Errors
/// If the class is not known, its configuration is wrong or asks for what Cornu does not have.
pub(crate) fn layer_from(object: &Object<'_>) -> Result<Box<dyn Layer>> {
    let config = object.config()?;
    if let Some(make) = registered::<Box<dyn Layer>>(object) {
        return make(&config);
    }
    let unknown = || object.unknown("layer class", "register_layer");
    let class = object.built_in().ok_or_else(unknown)?;
    if class == "Lambda" {
        return Err(bytecode());
    }
    // The dtype of an input is that of the data.
    if class != "InputLayer" {
        options::check_policy(&config)?;
    }
    make(class, &config)?.ok_or_else(unknown)
}

fn bytecode() -> Error {
    let message = "a Lambda holds Python bytecode, which is never run";
    Error::new(ErrorKind::Unsupported, message).help(
        "build the model in code and use load_weights, or write the Lambda in Keras with keras.ops \
         or as a layer class before saving",
    )
}

/// Where Keras has the class of a layer, if it has.
pub(super) fn keras_module(layer: &dyn Layer) -> Option<&'static str> {
    let of_cornu = (layer as &dyn Any).is::<CosineDense>();
    (is_known(layer) && !of_cornu).then_some("keras.layers")
}
