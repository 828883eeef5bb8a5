//! Evaluating with the moving averages of the weights.

use super::{Callback, CallbackState, Training};
use crate::model::Model;
use crate::train::Logs;
use cornu_graph::{Error, Result};

/// Exchanges the weights and their moving averages for each evaluation and each prediction, so that
/// the figures are those of the averages while training goes on with the weights. The optimizer
/// must keep averages: `use_ema(true)`.
///
/// ```
/// use cornu::callbacks::{ModelCheckpoint, SwapEMAWeights};
/// # use cornu::prelude::*;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("averages.safetensors").display().to_string();
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
/// model.compile(SGD::default().use_ema(true), "mse").build()?;
/// // The callbacks that follow see the averages, and save them.
/// model
///     .fit(&x, &x)
///     .validation_data(&x, &x)
///     .verbose(0)
///     .callback(SwapEMAWeights::new().swap_on_epoch(true))
///     .callback(ModelCheckpoint::new(path))
///     .run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// When `fit` ends, the averages take the weights' place in any case, also where it ends early (in
/// Keras, with `swap_on_epoch`, only in the last epoch).
#[derive(Clone, Debug, Default)]
pub struct SwapEMAWeights {
    swap_on_epoch: bool,
    /// Whether the averages are in the model.
    swapped: bool,
}

impl SwapEMAWeights {
    /// Exchanges for evaluations and predictions.
    pub fn new() -> SwapEMAWeights {
        SwapEMAWeights::default()
    }

    /// Whether the averages are in the model also from the end of each epoch to the beginning of
    /// the next, for the callbacks that follow.
    pub fn swap_on_epoch(mut self, swap_on_epoch: bool) -> Self {
        self.swap_on_epoch = swap_on_epoch;
        self
    }

    /// Puts the averages into the model or out of it, unless they are there already.
    fn swap(&mut self, model: &Model, into: bool) -> Result<()> {
        if self.swapped == into {
            return Ok(());
        }
        let trainer = model.trainer();
        let trainer = trainer.ok_or_else(|| Error::state("the model is not compiled"));
        let swapped = trainer.and_then(|trainer| trainer.state.swap_averages());
        swapped.map_err(|e| e.within("SwapEMAWeights"))?;
        self.swapped = into;
        Ok(())
    }

    fn swap_in(&mut self, training: &mut Training<'_>, into: bool) -> Result<()> {
        self.swap(training.model, into)?;
        training.averages_in_model = into;
        Ok(())
    }
}

impl Callback for SwapEMAWeights {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.swapped = false;
        let keeps = training.trainer().optimizer.common().use_ema;
        if keeps {
            return Ok(());
        }
        Err(Error::state("the optimizer keeps no moving averages of the weights")
            .help("compile with an optimizer that has use_ema(true)")
            .within("SwapEMAWeights"))
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>, _: usize) -> Result<()> {
        if self.swap_on_epoch { self.swap_in(training, false) } else { Ok(()) }
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>, _: usize, _: &mut Logs) -> Result<()> {
        if self.swap_on_epoch { self.swap_in(training, true) } else { Ok(()) }
    }

    fn on_train_end(&mut self, _: &mut Training<'_>, _: &Logs) -> Result<()> {
        self.swapped = false;
        Ok(())
    }

    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.swap_in(training, true)
    }

    fn on_test_end(&mut self, training: &mut Training<'_>, _: &Logs) -> Result<()> {
        self.swap_in(training, false)
    }

    fn on_predict_begin(&mut self, model: &Model) -> Result<()> {
        self.swap(model, true)
    }

    fn on_predict_end(&mut self, model: &Model) -> Result<()> {
        self.swap(model, false)
    }

    fn state(&self) -> CallbackState {
        CallbackState::new(self.swapped)
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.swapped = state.read()?;
        Ok(())
    }
}
