//! An object in a configuration: its class and its own configuration.

use super::Config;
use crate::names::short;
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::Value;

/// An object as it stands in a file: `{"class_name": "Dense", "config": {…}, …}`, or the bare name of
/// a class or function.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// The class: `"Dense"`. Of a function its name: `"relu"`.
    pub class: &'a str,
    /// The name it was registered under where it was written, if it is no class of Keras's own:
    /// `"Custom>Scale"`.
    pub registered: Option<&'a str>,
    /// The Python module, if the file says it: `"keras.layers"`.
    pub module: Option<&'a str>,
    /// Its configuration; null if there is none.
    pub config: &'a Value,
}

impl<'a> Object<'a> {
    /// Reads what stands in a file.
    ///
    /// # Errors
    /// If it is neither a name nor an object with a class.
    pub fn read(value: &'a Value) -> Result<Object<'a>> {
        let named = |class| Object { class, registered: None, module: None, config: &Value::Null };
        if let Some(name) = value.as_str() {
            let (class, registered) = split(name);
            return Ok(Object { registered, ..named(class) });
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let class = text("class_name").ok_or_else(|| {
            Error::file(format!("expected an object with a class_name, found {}", excerpt(value)))
        })?;
        let config = value.get("config").unwrap_or(&Value::Null);
        // A function is written by its name: {"class_name": "function", "config": "relu"}.
        if let ("function", Some(name)) = (class, config.as_str()) {
            let (class, registered) = split(name);
            return Ok(Object { registered, module: text("module"), ..named(class) });
        }
        // Keras 2 writes the registered name in the place of the class.
        let (class, registered) = split(class);
        let registered = registered.or(text("registered_name").filter(|name| *name != class));
        Ok(Object { class, registered, module: text("module"), config })
    }

    /// The class, if it is one of Keras's or Cornu's own: not one that somebody registered, or wrote
    /// in a module of theirs, under a name that Keras has too.
    pub(crate) fn built_in(&self) -> Option<&'a str> {
        let ours = |name: &str| !name.contains('>') || name.starts_with("Cornu>");
        let root = self.module.and_then(|module| module.split('.').next());
        let known = |root| matches!(root, "keras" | "tf_keras" | "tensorflow" | "builtins");
        (self.registered.is_none_or(ours) && root.is_none_or(known)).then_some(self.class)
    }

    /// Its configuration, to read fields from.
    ///
    /// # Errors
    /// If it is none.
    pub fn config(&self) -> Result<Config<'a>> {
        Config::new(self.class, self.config)
    }

    /// An error for a class that is not known, which says how to make it known.
    pub(crate) fn unknown(&self, what: &str, register: &str) -> Error {
        let name = short(self.registered.unwrap_or(self.class));
        Error::new(ErrorKind::Name, format!("there is no {what} '{name}'")).help(format!(
            "if it is your own, make it known before loading: \
             cornu::saving::{register}(\"{name}\", …)"
        ))
    }
}

/// The class of a name, and the name if it has a package: `"Custom>Scale"`.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('>') {
        Some((_, class)) => (class, Some(name)),
        None => (name, None),
    }
}

/// The beginning of a value, for a message.
pub(crate) fn excerpt(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_class_of_keras_is_told_from_others_of_its_name() {
        let built_in = |value: &Value| Object::read(value).unwrap().built_in().is_some();
        for (value, expected) in [
            (json!("Dense"), true),
            (json!({"class_name": "Dense"}), true),
            (json!({"class_name": "Dense", "module": "keras.src.layers.core.dense"}), true),
            (json!({"class_name": "CosineDense", "registered_name": "Cornu>CosineDense"}), true),
            (json!({"class_name": "Dense", "module": null, "registered_name": "my>Dense"}), false),
            (json!({"class_name": "my>Dense"}), false),
            (json!({"class_name": "Dense", "module": "models.own"}), false),
        ] {
            assert_eq!(built_in(&value), expected, "{value}");
        }
    }

    #[test]
    fn objects_functions_and_names_are_read() {
        let value = json!({
            "module": null, "class_name": "Scale", "config": {"by": 2}, "registered_name": "my>Scale"
        });
        let object = Object::read(&value).unwrap();
        assert_eq!((object.class, object.registered), ("Scale", Some("my>Scale")));
        assert_eq!(object.config().unwrap().get::<usize>("by").unwrap(), 2);

        let value = json!({"module": "builtins", "class_name": "function", "config": "my>loss"});
        let object = Object::read(&value).unwrap();
        assert_eq!((object.class, object.registered), ("loss", Some("my>loss")));

        let value = json!({"class_name": "my>Scale", "config": {}});
        let object = Object::read(&value).unwrap();
        assert_eq!((object.class, object.registered), ("Scale", Some("my>Scale")));

        let value = json!("GlorotUniform");
        assert_eq!(Object::read(&value).unwrap().class, "GlorotUniform");
        let message = Object::read(&json!([1, 2])).unwrap_err().to_string();
        assert!(message.contains("[1,2]"), "{message}");
    }
}
