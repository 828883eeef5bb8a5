//! Settings that are written to a configuration and read from it, named once for both.

use super::decimal;
use serde_json::{Value, json};

/// The configuration of a class, as `fields`, and how it comes back, as `read`: its fields under their
/// own names, `Huber { delta }`. What `new` must be told stands before: `Decay(rate: f32) { power }`.
macro_rules! fields {
    ($class:ident {}) => {
        impl $class {
            fn fields(&self) -> serde_json::Value {
                serde_json::json!({})
            }

            pub(crate) fn read(
                _config: &$crate::config::Config<'_>,
            ) -> cornu_graph::Result<$class> {
                Ok($class::default())
            }
        }
    };
    ($class:ident { $($name:ident),+ $(,)? }) => {
        impl $class {
            fn fields(&self) -> serde_json::Value {
                $crate::config::object_of([
                    $((stringify!($name), $crate::config::Field::value(&self.$name)),)+
                ])
            }

            pub(crate) fn read(config: &$crate::config::Config<'_>) -> cornu_graph::Result<$class> {
                let mut read = $class::default();
                $(config.set(stringify!($name), &mut read.$name)?;)+
                Ok(read)
            }
        }
    };
    ($class:ident ( $($first:ident: $type:ty),* ) { $($name:ident),* $(,)? }) => {
        impl $class {
            fn fields(&self) -> serde_json::Value {
                $crate::config::object_of([
                    $((stringify!($first), $crate::config::Field::value(&self.$first)),)*
                    $((stringify!($name), $crate::config::Field::value(&self.$name)),)*
                ])
            }

            pub(crate) fn read(config: &$crate::config::Config<'_>) -> cornu_graph::Result<$class> {
                let mut read = $class::new($(config.get::<$type>(stringify!($first))?),*);
                $(config.set(stringify!($name), &mut read.$name)?;)*
                Ok(read)
            }
        }
    };
}
pub(crate) use fields;

/// An object of fields in their order.
pub(crate) fn object_of<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A setting as it stands in a configuration.
pub(crate) trait Field {
    fn value(&self) -> Value;
}

impl Field for f32 {
    fn value(&self) -> Value {
        json!(decimal(*self))
    }
}

macro_rules! plain_fields {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn value(&self) -> Value {
                json!(self)
            }
        }
    )*};
}
plain_fields!(bool, usize, i32, String);

impl<T: Field> Field for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::value)
    }
}

impl<T: Field> Field for Vec<T> {
    fn value(&self) -> Value {
        self.iter().map(Field::value).collect()
    }
}

/// Makes an enum a setting: each variant with the word that stands for it.
macro_rules! named {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $crate::config::Field for $type {
            fn value(&self) -> serde_json::Value {
                match self {
                    $($type::$variant => $name.into(),)+
                }
            }
        }

        impl $crate::config::FromConfig for $type {
            fn from_config(value: &serde_json::Value) -> cornu_graph::Result<$type> {
                match value.as_str() {
                    $(Some($name) => Ok($type::$variant),)+
                    _ => Err($crate::config::expected(
                        concat!("one of", $(" \"", $name, "\""),+),
                        value,
                    )),
                }
            }
        }
    };
}
pub(crate) use named;
