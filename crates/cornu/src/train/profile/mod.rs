//! `profile`: what each op of a step costs, and how far it is from what the machine can do.

mod figures;
mod files;
mod label;
mod run;
mod table;
mod timeline;

pub use figures::{OpProfile, Profile};
pub use table::{ProfileTable, Sort};

use super::fit::Data;
use super::source::Columns;
use super::step::Purpose;
use crate::data::{IntoColumns, IntoGenerator};
use crate::lines;
use crate::model::Model;
use cornu_graph::{Error, Result};
use std::panic::Location;

/// The options of [`Model::profile`]; ends with [`Profiler::run`].
#[must_use = "profile does nothing until .run() is called"]
pub struct Profiler<'a> {
    line: &'static Location<'static>,
    model: &'a mut Model,
    data: Data<'a>,
    purpose: Purpose,
    batch_size: usize,
    steps: usize,
}

impl Model {
    /// Times each op of a training step on these data: `fit` for a few steps, with a clock beside
    /// it. The model stays as it was: its weights, what the optimizer remembers and the random state
    /// are afterwards what they were before. As with `predict`, a `Sequential` without an `Input` is
    /// built for the data.
    ///
    /// Printed, a [`Profile`] is a table; [`Profile::save_trace`] writes what browsers draw.
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let mut model = Sequential::new().add(Input::new([8])).add(Dense::new(1));
    /// # model.compile("sgd", "mse").build()?;
    /// # let (x, y) = (Array::new([64, 8], vec![1.0f32; 512])?, Array::new([64, 1], vec![0.0f32; 64])?);
    /// let profile = model.profile(&x, &y).batch_size(32).steps(20).run()?;
    /// println!("{profile}");
    /// let slowest = profile.ops.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    /// # assert!(slowest.is_some());
    /// # Ok::<(), cornu::Error>(())
    /// ```
    #[track_caller]
    pub fn profile(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Profiler<'_> {
        let (x, y) = (x.into_columns(), y.into_columns());
        let data = Data::Columns(Columns { x, y, sample_weight: None });
        Profiler::new(self, data, Purpose::Train, Location::caller())
    }

    /// As [`Model::profile`], for the batches of a generator. How long the steps wait for it is a
    /// line of its own.
    #[track_caller]
    pub fn profile_generator<'a, Way>(
        &'a mut self,
        generator: impl IntoGenerator<'a, Way>,
    ) -> Profiler<'a> {
        let data = Data::Generator(generator.into_generator());
        Profiler::new(self, data, Purpose::Train, Location::caller())
    }

    /// As [`Model::profile`], for predictions. The model need not be compiled.
    #[track_caller]
    pub fn profile_predict(&mut self, x: impl IntoColumns) -> Profiler<'_> {
        let data = Data::Columns(Columns { x: x.into_columns(), y: vec![], sample_weight: None });
        Profiler::new(self, data, Purpose::Predict, Location::caller())
    }
}

impl<'a> Profiler<'a> {
    fn new(
        model: &'a mut Model,
        data: Data<'a>,
        purpose: Purpose,
        line: &'static Location<'static>,
    ) -> Profiler<'a> {
        Profiler { line, model, data, purpose, batch_size: 32, steps: 50 }
    }

    /// What is profiled: training steps, unless said otherwise, or those of an evaluation or a
    /// prediction, which needs no targets.
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Samples for each step: 32, unless said otherwise. With fewer samples than that, it is those.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// How many steps are timed: 50, unless said otherwise. As many more are timed as a whole, and a
    /// few come before to warm up.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Runs the steps.
    ///
    /// # Errors
    /// If the model is not compiled (but for predictions), the data are empty or do not fit it, no
    /// steps are asked for, or a generator fails.
    pub fn run(self) -> Result<Profile> {
        let line = self.line;
        let result = match self.steps {
            0 => Err(Error::value("a profile needs at least 1 step, not 0")),
            _ => run::run(self),
        };
        result.map_err(|e| lines::locate(e, line))
    }
}
