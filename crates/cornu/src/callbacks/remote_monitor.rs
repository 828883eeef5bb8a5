//! Figures sent to a server.

use super::{Callback, Training};
use crate::train::Logs;
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Sends the figures of each epoch to a server, as an HTTP POST of
/// `{"epoch": 0, "loss": 0.5, …}`.
///
/// ```no_run
/// use cornu::callbacks::RemoteMonitor;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("adam", "mse").build()?;
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
/// let monitor = RemoteMonitor::new("http://localhost:9000").send_as_json(true);
/// model.fit(&x, &x).epochs(100).callback(monitor).run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// A server that cannot be reached, answers with an error or takes longer than 10 seconds is a
/// warning, and training goes on. A figure that is no finite number is sent as null. Only plain
/// HTTP is spoken: for a server that wants HTTPS put a proxy before it.
#[derive(Clone, Debug)]
pub struct RemoteMonitor {
    root: String,
    path: String,
    field: String,
    headers: Vec<(String, String)>,
    send_as_json: bool,
}

/// How long to wait for the server, in seconds.
const PATIENCE: u64 = 10;

impl Default for RemoteMonitor {
    fn default() -> RemoteMonitor {
        RemoteMonitor::new("http://localhost:9000")
    }
}

impl RemoteMonitor {
    /// Sends to a server. The rest has Keras's defaults: to `/publish/epoch/end/`, as the field
    /// `data` of a form.
    pub fn new(root: impl Into<String>) -> RemoteMonitor {
        RemoteMonitor {
            root: root.into(),
            path: "/publish/epoch/end/".into(),
            field: "data".into(),
            headers: vec![],
            send_as_json: false,
        }
    }

    /// What follows the root in the address.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The field of the form that holds the JSON; not used with `send_as_json`.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }

    /// Headers to send: `[("Authorization", "…")]`.
    pub fn headers<N: Into<String>, V: Into<String>>(
        mut self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.headers = headers.collect();
        self
    }

    /// Whether the body is the JSON itself, of type `application/json`, instead of a form.
    pub fn send_as_json(mut self, send_as_json: bool) -> Self {
        self.send_as_json = send_as_json;
        self
    }

    fn send(&self, figures: &Value) -> Result<(), String> {
        let (kind, body) = match self.send_as_json {
            true => ("application/json", figures.to_string()),
            false => ("application/x-www-form-urlencoded", form(&self.field, figures)),
        };
        let request = minreq::post(format!("{}{}", self.root, self.path))
            .with_header("Content-Type", kind)
            .with_headers(self.headers.iter().map(|(name, value)| (&**name, &**value)))
            .with_timeout(PATIENCE)
            .with_body(body);
        match request.send() {
            Ok(response) if response.status_code < 400 => Ok(()),
            Ok(response) => {
                Err(format!("it answered {} {}", response.status_code, response.reason_phrase))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A form of one field.
fn form(field: &str, value: &Value) -> String {
    format!("{}={}", encoded(field), encoded(&value.to_string()))
}

/// A text as forms encode it.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' => encoded.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

impl Callback for RemoteMonitor {
    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        if self.root.starts_with("http://") {
            return Ok(());
        }
        let message = format!("'{}' is no address of a server to send to", self.root);
        Err(Error::new(ErrorKind::Unsupported, message)
            .help("it begins with http://; HTTPS is not spoken")
            .within("RemoteMonitor"))
    }

    fn on_epoch_end(&mut self, _: &mut Training<'_>, epoch: usize, logs: &mut Logs) -> Result<()> {
        let mut figures = Map::from_iter([("epoch".to_owned(), json!(epoch))]);
        figures.extend(logs.iter().map(|(name, value)| (name.to_owned(), json!(value))));
        if let Err(why) = self.send(&Value::Object(figures)) {
            eprintln!("warning: RemoteMonitor cannot send to {}: {why}", self.root);
        }
        Ok(())
    }
}
