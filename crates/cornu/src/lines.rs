//! Lines of the user's code: which line to show with a mistake.

use cornu_graph::Error;
use std::panic::Location;

/// Whether a line is in this crate's own sources, which says nothing to the user.
fn is_ours(line: &Location<'_>) -> bool {
    let sources = file!().strip_suffix("lines.rs").unwrap_or(file!());
    line.file().starts_with(sources)
}

/// Gives an error the caller's line, unless it has a line of the user's code already.
pub(crate) fn locate(error: Error, caller: &'static Location<'static>) -> Error {
    if error.line().is_none_or(is_ours) { error.moved_to(caller) } else { error }
}
