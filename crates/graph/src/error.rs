//! One error type: what went wrong, where, and what to do about it.

use std::fmt;
use std::panic::Location;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of mistake an [`Error`] is about, for programs that want to react.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes that do not fit together.
    Shape,
    /// Element types that do not fit together.
    DType,
    /// An argument outside what is allowed.
    Value,
    /// A name that is not known.
    Name,
    /// A call that came too early or too late (fit before compile).
    State,
    /// Data that is empty, too short or out of range.
    Data,
    /// A value that is not a number turned up in training.
    NotFinite,
    /// A file that cannot be read or written, or is not what its name says.
    File,
    /// Something that Cornu does not do.
    Unsupported,
}

/// An error, with the place in the model and the line of the caller's code it belongs to.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    /// Innermost first: "dense_1 (Dense)", "sequential (Sequential)".
    path: Vec<String>,
    line: Option<&'static Location<'static>>,
    help: Option<String>,
}

impl Error {
    /// A new error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            path: vec![],
            line: None,
            help: None,
        }))
    }

    /// An error about shapes.
    pub fn shape(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Shape, message)
    }

    /// An error about element types.
    pub fn dtype(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::DType, message)
    }

    /// An error about an argument.
    pub fn value(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Value, message)
    }

    /// An error about data.
    pub fn data(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Data, message)
    }

    /// An error about the order of calls.
    pub fn state(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::State, message)
    }

    /// An error about a file.
    pub fn file(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::File, message)
    }

    /// Adds the place the error happened in: a layer, a parameter, a file. Outer places are added
    /// later and printed first.
    pub fn within(mut self, place: impl Into<String>) -> Error {
        self.0.path.push(place.into());
        self
    }

    /// Adds the line of the caller's code, unless an inner line is known already.
    pub fn at(mut self, line: &'static Location<'static>) -> Error {
        self.0.line.get_or_insert(line);
        self
    }

    /// Puts another line in the place of the one that is known: the caller's, where an inner line
    /// is no code of theirs.
    pub fn moved_to(mut self, line: &'static Location<'static>) -> Error {
        self.0.line = Some(line);
        self
    }

    /// Adds a suggestion.
    pub fn help(mut self, help: impl Into<String>) -> Error {
        self.0.help.get_or_insert(help.into());
        self
    }

    /// What sort of mistake this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without place, line and suggestion.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The line of the caller's code that made the mistake, if it is known.
    pub fn line(&self) -> Option<&'static Location<'static>> {
        self.0.line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in self.0.path.iter().rev() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(line) = self.0.line {
            write!(f, "\n  at {}:{}:{}", line.file(), line.line(), line.column())?;
        }
        if let Some(help) = &self.0.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Debug prints as Display does, so that `main() -> Result` shows a readable message.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::file(error.to_string())
    }
}
