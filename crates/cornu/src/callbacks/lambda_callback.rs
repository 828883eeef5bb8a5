//! A callback made of closures.

use super::{Callback, Training};
use crate::model::Model;
use crate::train::Logs;
use cornu_graph::Result;

/// Defines the callback: for each hook an optional closure, the method that gives it, and its call.
macro_rules! hooks {
    ($($(#[$doc:meta])* $hook:ident($($argument:ident: $type:ty),*);)*) => {
        /// A callback made on the spot: a closure for each hook that is wanted.
        ///
        /// ```
        /// use cornu::callbacks::LambdaCallback;
        /// # use cornu::prelude::*;
        /// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
        /// # model.compile("sgd", "mse").build()?;
        /// # let x = Array::new([4, 1], vec![0.0f32, 1.0, 2.0, 3.0])?;
        /// let mut losses = vec![];
        /// let collect = LambdaCallback::new().on_epoch_end(|_, _, logs| {
        ///     losses.push(logs["loss"]);
        ///     Ok(())
        /// });
        /// model.fit(&x, &x).epochs(3).verbose(0).callback(collect).run()?;
        /// assert_eq!(losses.len(), 3);
        /// # Ok::<(), cornu::Error>(())
        /// ```
        ///
        /// The hooks are those of [`Callback`], with the same arguments.
        #[derive(Default)]
        pub struct LambdaCallback<'a> {
            $($hook: Option<Box<dyn FnMut($($type),*) -> Result<()> + 'a>>,)*
        }

        impl<'a> LambdaCallback<'a> {
            $(
                $(#[$doc])*
                pub fn $hook(mut self, hook: impl FnMut($($type),*) -> Result<()> + 'a) -> Self {
                    self.$hook = Some(Box::new(hook));
                    self
                }
            )*
        }

        impl Callback for LambdaCallback<'_> {
            $(
                fn $hook(&mut self, $($argument: $type),*) -> Result<()> {
                    self.$hook.as_mut().map_or(Ok(()), |hook| hook($($argument),*))
                }
            )*
        }
    };
}

hooks! {
    /// Before the first epoch.
    on_train_begin(training: &mut Training<'_>);
    /// After the last epoch, with the figures of that epoch.
    on_train_end(training: &mut Training<'_>, logs: &Logs);
    /// Before the steps of an epoch.
    on_epoch_begin(training: &mut Training<'_>, epoch: usize);
    /// After an epoch and its validation.
    on_epoch_end(training: &mut Training<'_>, epoch: usize, logs: &mut Logs);
    /// Before a step of training.
    on_train_batch_begin(training: &mut Training<'_>, batch: usize);
    /// After a step of training.
    on_train_batch_end(training: &mut Training<'_>, batch: usize);
    /// Before an evaluation.
    on_test_begin(training: &mut Training<'_>);
    /// After an evaluation, with its figures.
    on_test_end(training: &mut Training<'_>, logs: &Logs);
    /// Before a step of an evaluation.
    on_test_batch_begin(training: &mut Training<'_>, batch: usize);
    /// After a step of an evaluation.
    on_test_batch_end(training: &mut Training<'_>, batch: usize);
    /// Before a prediction.
    on_predict_begin(model: &Model);
    /// After a prediction.
    on_predict_end(model: &Model);
    /// Before a step of a prediction.
    on_predict_batch_begin(model: &Model, batch: usize);
    /// After a step of a prediction.
    on_predict_batch_end(model: &Model, batch: usize);
}

impl<'a> LambdaCallback<'a> {
    /// A callback that does nothing yet.
    pub fn new() -> LambdaCallback<'a> {
        LambdaCallback::default()
    }
}
