//! Hyperparameters of a run, for the HParams page. The numbers are those of the fields in
//! TensorBoard's `plugins/hparams/plugin_data.proto` and of `google.protobuf.Value`.

use crate::protobuf::Message;

/// The value of a hyperparameter.
#[derive(Clone, Debug, PartialEq)]
pub enum HParam {
    /// A number: a learning rate, a number of units.
    Number(f64),
    /// A text: the name of an optimizer.
    Text(String),
    /// A yes or no.
    Flag(bool),
}

impl From<f64> for HParam {
    fn from(value: f64) -> HParam {
        HParam::Number(value)
    }
}

impl From<i32> for HParam {
    fn from(value: i32) -> HParam {
        HParam::Number(f64::from(value))
    }
}

impl From<usize> for HParam {
    fn from(value: usize) -> HParam {
        HParam::Number(value as f64)
    }
}

impl From<&str> for HParam {
    fn from(value: &str) -> HParam {
        HParam::Text(value.to_owned())
    }
}

impl From<bool> for HParam {
    fn from(value: bool) -> HParam {
        HParam::Flag(value)
    }
}

impl HParam {
    fn message(&self) -> Message {
        match self {
            HParam::Number(value) => Message::new().double(2, *value),
            HParam::Text(value) => Message::new().bytes(3, value),
            HParam::Flag(value) => Message::new().number(4, u64::from(*value)),
        }
    }
}

/// The content of a summary that says with which values a run started.
pub(super) fn session_start(seconds: f64, values: &[(String, HParam)]) -> Message {
    let entries = values.iter().map(|(name, value)| {
        // An entry of a map.
        Message::new().bytes(1, name).message(2, &value.message())
    });
    let start = Message::new().messages(1, entries).double(5, seconds);
    Message::new().message(3, &start)
}
