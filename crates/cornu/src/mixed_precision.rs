//! In which precision layers multiply: dtype policies.
//!
//! With the policy `mixed_bfloat16` the matrix products of a layer, and those of its gradient, round
//! their operands to bfloat16 and add up in `float32`: 8 significant bits instead of 24, with the
//! range of `float32`, so that no loss scaling is needed. On processors with AVX512-BF16 a large
//! product takes little more than half the time; elsewhere it takes a little longer and gives the
//! same but for the rounding of its sums.
//!
//! ```
//! use cornu::mixed_precision;
//! use cornu::prelude::*;
//!
//! mixed_precision::set_global_policy("mixed_bfloat16")?;
//! let hidden = Dense::new(512).activation("relu").shared();
//! let digit = Dense::new(10).name("digit").dtype("float32");
//! assert_eq!(hidden.dtype_policy().name(), "mixed_bfloat16");
//! assert_eq!(digit.dtype_policy().name(), "float32");
//! # mixed_precision::set_global_policy("float32")?;
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! All else stays `float32`: weights, optimizers, files, what layers hand on, elementwise functions,
//! sums, and convolutions, which Winograd's transforms make faster than bfloat16 would. Keras also
//! keeps what layers hand on in bfloat16, so the figures of both differ in the third digit. Products
//! outside layers (losses, functions of [`ops`](crate::ops) between the layers of a model) are in
//! `float32`.

use crate::names;
use cornu_graph::op::Precision;
use cornu_graph::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::fmt;

/// In which precision a layer computes, and keeps its weights. Keras's class of this name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DTypePolicy {
    /// Everything in `float32`.
    #[default]
    Float32,
    /// Matrix products in bfloat16, all else in `float32`.
    MixedBFloat16,
    /// A name that is not known: the error comes out where the layer is called.
    Unknown(String),
}

const NAMES: [&str; 2] = ["float32", "mixed_bfloat16"];
/// Keras's other policies.
const OF_KERAS: [&str; 6] = ["float16", "bfloat16", "float64", "mixed_float16", "int8", "float8"];

impl DTypePolicy {
    /// The policy of a name: `"float32"` or `"mixed_bfloat16"`.
    pub fn new(name: impl Into<String>) -> DTypePolicy {
        match name.into() {
            name if name == NAMES[0] => DTypePolicy::Float32,
            name if name == NAMES[1] => DTypePolicy::MixedBFloat16,
            name => DTypePolicy::Unknown(name),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            DTypePolicy::Float32 => NAMES[0],
            DTypePolicy::MixedBFloat16 => NAMES[1],
            DTypePolicy::Unknown(name) => name,
        }
    }

    /// In what products are computed: `"float32"` or `"bfloat16"`.
    pub fn compute_dtype(&self) -> &str {
        match self {
            DTypePolicy::MixedBFloat16 => "bfloat16",
            other => other.name(),
        }
    }

    /// The policy itself, or what is wrong with it.
    ///
    /// # Errors
    /// If there is no policy of this name, or Cornu does not have it.
    pub fn check(self) -> Result<DTypePolicy> {
        let DTypePolicy::Unknown(name) = &self else { return Ok(self) };
        if !OF_KERAS.contains(&name.as_str()) {
            return Err(names::unknown("dtype policy", name, NAMES));
        }
        let message = format!("the dtype policy '{name}' is not supported");
        let help = "Cornu has 'float32' and 'mixed_bfloat16': products in bfloat16, weights and all \
                    else in float32";
        Err(Error::new(ErrorKind::Unsupported, message).help(help))
    }

    /// What the operands of a layer's products are rounded to.
    pub(crate) fn precision(&self) -> Precision {
        match self {
            DTypePolicy::MixedBFloat16 => Precision::BFloat16,
            DTypePolicy::Float32 | DTypePolicy::Unknown(_) => Precision::Float32,
        }
    }
}

impl From<&str> for DTypePolicy {
    fn from(name: &str) -> DTypePolicy {
        DTypePolicy::new(name)
    }
}

impl fmt::Display for DTypePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

thread_local! {
    static GLOBAL: RefCell<DTypePolicy> = const { RefCell::new(DTypePolicy::Float32) };
}

/// Sets the policy of the layers that are made from now on, on this thread (as in Keras), unless they
/// are given one of their own: [`LayerExt::dtype`](crate::layers::LayerExt::dtype).
///
/// # Errors
/// If there is no policy of this name, or Cornu does not have it; then nothing changes.
pub fn set_global_policy(policy: impl Into<DTypePolicy>) -> Result<()> {
    let policy = policy.into().check()?;
    GLOBAL.set(policy);
    Ok(())
}

/// The policy of the layers that are made on this thread and not given one of their own. It is
/// `float32` at first, and after [`clear_session`](crate::utils::clear_session).
pub fn global_policy() -> DTypePolicy {
    GLOBAL.with_borrow(Clone::clone)
}

/// The same as [`set_global_policy`]: Keras's `keras.config.set_dtype_policy`.
///
/// # Errors
/// As [`set_global_policy`].
pub fn set_dtype_policy(policy: impl Into<DTypePolicy>) -> Result<()> {
    set_global_policy(policy)
}

/// The same as [`global_policy`]: Keras's `keras.config.dtype_policy`.
pub fn dtype_policy() -> DTypePolicy {
    global_policy()
}

/// Back to `float32`.
pub(crate) fn forget_policy() {
    GLOBAL.set(DTypePolicy::Float32);
}
