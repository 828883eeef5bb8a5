//! The macro that writes the constructors and settings of an optimizer, and its configuration.

/// The constructors and settings of an optimizer: its own, then those that all have. A setting whose
/// method is not of this form is named after them: `and exclude_layers`.
macro_rules! settings {
    ($class:ident { $($(#[$doc:meta])* $name:ident: $type:ty,)* } $(and $other:ident)*) => {
        impl $class {
            /// The settings as Keras's configuration has them.
            fn fields(&self) -> serde_json::Value {
                let own = $crate::config::object_of([
                    $((stringify!($name), $crate::config::Field::value(&self.$name)),)*
                    $((stringify!($other), $crate::config::Field::value(&self.$other)),)*
                ]);
                self.common.config(stringify!($class), own)
            }

            /// What a configuration says; the rest stays as Keras has it by default.
            pub(super) fn read(
                config: &$crate::config::Config<'_>,
            ) -> cornu_graph::Result<$class> {
                let mut read = $class::default();
                read.common.read(config)?;
                $(config.set(stringify!($name), &mut read.$name)?;)*
                $(config.set(stringify!($other), &mut read.$other)?;)*
                Ok(read)
            }

            /// The optimizer with a learning rate (a number or a
            /// [schedule](crate::optimizers::schedules)), and Keras's defaults for the rest.
            pub fn new(
                learning_rate: impl Into<$crate::optimizers::LearningRate>,
            ) -> $class {
                $class::default().learning_rate(learning_rate)
            }

            $(
                $(#[$doc])*
                pub fn $name(mut self, $name: $type) -> $class {
                    self.$name = $name;
                    self
                }
            )*

            /// How far a step goes: a number, or a [schedule](crate::optimizers::schedules).
            pub fn learning_rate(
                mut self,
                learning_rate: impl Into<$crate::optimizers::LearningRate>,
            ) -> $class {
                self.common.learning_rate = learning_rate.into();
                self
            }

            /// Takes this part of each weight, times the learning rate, from it before each step
            /// (decoupled weight decay).
            pub fn weight_decay(mut self, weight_decay: f32) -> $class {
                self.common.weight_decay = Some(weight_decay);
                self
            }

            /// Keeps weight decay from weights whose names contain one of these: `["bias"]`. (In
            /// Keras a method, and regular expressions.)
            pub fn exclude_from_weight_decay<S: Into<String>>(
                mut self,
                names: impl IntoIterator<Item = S>,
            ) -> $class {
                self.common.exclude_from_weight_decay = names.into_iter().map(Into::into).collect();
                self
            }

            /// Scales the gradient of each weight down to at most this norm.
            pub fn clipnorm(mut self, clipnorm: f32) -> $class {
                self.common.clipnorm = Some(clipnorm);
                self
            }

            /// Scales all gradients down together, to at most this norm of all.
            pub fn global_clipnorm(mut self, global_clipnorm: f32) -> $class {
                self.common.global_clipnorm = Some(global_clipnorm);
                self
            }

            /// Clips each element of the gradients to this size.
            pub fn clipvalue(mut self, clipvalue: f32) -> $class {
                self.common.clipvalue = Some(clipvalue);
                self
            }

            /// Keeps a moving average of each weight, which takes the weight's place when `fit`
            /// ends (Polyak averaging).
            pub fn use_ema(mut self, use_ema: bool) -> $class {
                self.common.use_ema = use_ema;
                self
            }

            /// How much of the moving averages is kept at each step, from 0 to 1: 0.99 by default.
            pub fn ema_momentum(mut self, ema_momentum: f32) -> $class {
                self.common.ema_momentum = ema_momentum;
                self
            }

            /// Puts the moving averages in the place of the weights after every so many updates,
            /// not only at the end of `fit`.
            pub fn ema_overwrite_frequency(mut self, updates: usize) -> $class {
                self.common.ema_overwrite_frequency = Some(updates);
                self
            }

            /// Multiplies the loss before the gradients are taken, and divides them by the same,
            /// so that small ones are not lost.
            pub fn loss_scale_factor(mut self, loss_scale_factor: f32) -> $class {
                self.common.loss_scale_factor = Some(loss_scale_factor);
                self
            }

            /// Updates the weights with every so many steps only (2 or more), by the mean of their
            /// gradients: the effect of larger batches in the memory of small ones.
            pub fn gradient_accumulation_steps(mut self, steps: usize) -> $class {
                self.common.gradient_accumulation_steps = Some(steps);
                self
            }

            /// The name in the configuration.
            pub fn name(mut self, name: impl Into<String>) -> $class {
                self.common.name = Some(name.into());
                self
            }
        }
    };
}
