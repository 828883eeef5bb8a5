//! Names of things given as text, and what was probably meant by one that is not known.

use cornu_graph::{Error, ErrorKind};

/// An error for a name that is not known, with the nearest known one.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Error {
    let known: Vec<&str> = known.into_iter().collect();
    let error = Error::new(ErrorKind::Name, format!("there is no {what} named '{name}'"));
    match nearest(name, known.iter().copied()) {
        Some(nearest) => error.help(format!("did you mean '{nearest}'?")),
        None => error.help(format!("known are: {}", known.join(", "))),
    }
}

/// The known name that was probably meant, if one is like it.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let likeness = |candidate: &str| strsim::jaro_winkler(&name, &candidate.to_lowercase());
    let nearest = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) > 0.75).then_some(nearest)
}

/// The name of a function, as Keras shows and saves it; a closure has none.
pub(crate) fn of_function<F>() -> Option<&'static str> {
    let path = std::any::type_name::<F>();
    let is_path = path.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    path.rsplit("::").next().filter(|_| is_path)
}

/// A name for a message, where a stranger's file may have made it long.
pub(crate) fn short(name: &str) -> String {
    const SHOWN: usize = 80;
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_names() {
        fn name_of<F: Fn(f32) -> f32>(_: F) -> Option<&'static str> {
            of_function::<F>()
        }
        fn halved(x: f32) -> f32 {
            x / 2.0
        }
        assert_eq!(name_of(halved), Some("halved"));
        assert_eq!(name_of(|x| x / 2.0), None);
        assert_eq!(name_of(halved as fn(f32) -> f32), None);
    }

    #[test]
    fn the_nearest_name_is_offered() {
        let known = ["relu", "softmax", "sigmoid"];
        assert!(unknown("activation", "Relu ", known).to_string().contains("did you mean 'relu'?"));
        assert!(unknown("activation", "sofmax", known).to_string().contains("'softmax'?"));
        assert!(unknown("activation", "qqq", known).to_string().contains("known are: relu,"));
    }
}
