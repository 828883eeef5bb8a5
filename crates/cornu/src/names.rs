//! Names of things given as text, and what was probably meant by one that is not known.

use cornu_graph::{Error, ErrorKind};

/// An error for a name that is not known, with the nearest known one.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Error {
    let known: Vec<&str> = known.into_iter().collect();
    let likeness = |candidate: &str| strsim::jaro_winkler(&name.to_lowercase(), candidate);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let error = Error::new(ErrorKind::Name, format!("there is no {what} named '{name}'"));
    match nearest {
        Some(nearest) if likeness(nearest) > 0.75 => {
            error.help(format!("did you mean '{nearest}'?"))
        }
        _ => error.help(format!("known are: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered() {
        let known = ["relu", "softmax", "sigmoid"];
        assert!(unknown("activation", "Relu ", known).to_string().contains("did you mean 'relu'?"));
        assert!(unknown("activation", "sofmax", known).to_string().contains("'softmax'?"));
        assert!(unknown("activation", "qqq", known).to_string().contains("known are: relu,"));
    }
}
