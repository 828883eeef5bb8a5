//! How a layer wants a weight: its first values, its penalty, its constraint.

use crate::config::Config;
use crate::constraints::Constraint;
use crate::initializers::Initializer;
use crate::regularizers::Regularizer;
use cornu_graph::Result;
use serde_json::{Value, json};

/// How a weight starts and what is asked of it: what
/// [`Scope::weight`](super::Scope::weight) takes. An [`Initializer`], or the name of one, is such a
/// wish too.
///
/// ```
/// use cornu::layers::WeightSpec;
/// use cornu::prelude::*;
///
/// let kernel = WeightSpec::new("he_normal").regularizer("l2").constraint("non_neg");
/// # let _ = kernel;
/// ```
#[derive(Clone, Debug)]
pub struct WeightSpec {
    pub(crate) initializer: Initializer,
    pub(crate) regularizer: Option<Regularizer>,
    pub(crate) constraint: Option<Constraint>,
}

impl WeightSpec {
    /// A weight that starts like this, without penalty or constraint.
    pub fn new(initializer: impl Into<Initializer>) -> WeightSpec {
        WeightSpec { initializer: initializer.into(), regularizer: None, constraint: None }
    }

    /// The penalty that is added to the loss, once for each model, as long as the weight is trained.
    pub fn regularizer(mut self, regularizer: impl Into<Regularizer>) -> WeightSpec {
        self.regularizer = Some(regularizer.into());
        self
    }

    /// What the weight is changed to after each update.
    pub fn constraint(mut self, constraint: impl Into<Constraint>) -> WeightSpec {
        self.constraint = Some(constraint.into());
        self
    }

    /// Writes its part of a layer's configuration: `kernel_initializer` and so on.
    pub(super) fn describe(&self, weight: &str, config: &mut Value) {
        config[format!("{weight}_initializer")] = json!(self.initializer);
        config[format!("{weight}_regularizer")] = json!(self.regularizer);
        config[format!("{weight}_constraint")] = json!(self.constraint);
    }

    /// Reads its part of a layer's configuration: what [`describe`](WeightSpec::describe) wrote.
    pub(super) fn read(&mut self, weight: &str, config: &Config<'_>) -> Result<()> {
        config.set(&format!("{weight}_initializer"), &mut self.initializer)?;
        config.set(&format!("{weight}_regularizer"), &mut self.regularizer)?;
        config.set(&format!("{weight}_constraint"), &mut self.constraint)
    }
}

impl<I: Into<Initializer>> From<I> for WeightSpec {
    fn from(initializer: I) -> WeightSpec {
        WeightSpec::new(initializer)
    }
}

impl From<&Initializer> for WeightSpec {
    fn from(initializer: &Initializer) -> WeightSpec {
        WeightSpec::new(initializer.clone())
    }
}

impl From<&WeightSpec> for WeightSpec {
    fn from(spec: &WeightSpec) -> WeightSpec {
        spec.clone()
    }
}

/// The three settings of a weight with Keras's names, as methods of a layer whose field of the
/// given path is its [`WeightSpec`].
macro_rules! weight_settings {
    ($what:literal, $($field:ident).+, $initializer:ident, $regularizer:ident, $constraint:ident) => {
        #[doc = concat!("The first values of the ", $what, ".")]
        pub fn $initializer(mut self, initializer: impl Into<$crate::initializers::Initializer>) -> Self {
            self.$($field).+.initializer = initializer.into();
            self
        }

        #[doc = concat!("The penalty on the ", $what, ": `\"l2\"` or [`Regularizer::l2`].")]
        ///
        /// [`Regularizer::l2`]: crate::regularizers::Regularizer::l2
        pub fn $regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
            self.$($field).+.regularizer = Some(regularizer.into());
            self
        }

        #[doc = concat!("What the ", $what, " is changed to after each update: `\"non_neg\"` or [`Constraint::max_norm`].")]
        ///
        /// [`Constraint::max_norm`]: crate::constraints::Constraint::max_norm
        pub fn $constraint(mut self, constraint: impl Into<$crate::constraints::Constraint>) -> Self {
            self.$($field).+.constraint = Some(constraint.into());
            self
        }
    };
}
pub(crate) use weight_settings;

/// The setting of a penalty on what a layer gives out.
macro_rules! activity_setting {
    ($($field:ident).+) => {
        /// The penalty on what the layer gives out, as the mean over the samples.
        pub fn activity_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
            self.$($field).+ = Some(regularizer.into());
            self
        }
    };
}
pub(crate) use activity_setting;
