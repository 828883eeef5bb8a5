//! Moving averages of the weights in evaluations, checkpoints and predictions.

use cornu::callbacks::{
    BackupAndRestore, EarlyStopping, LambdaCallback, ModelCheckpoint, SwapEMAWeights,
};
use cornu::prelude::*;

fn data() -> (Array, Array) {
    let x: Vec<f32> = (0..32).map(|i| ((i * 7) % 32) as f32 / 32.0).collect();
    let y = x.iter().map(|x| 2.0 * x + 1.0).collect();
    (Array::new([32, 1], x).unwrap(), Array::new([32, 1], y).unwrap())
}

fn model(use_ema: bool) -> Model {
    utils::set_random_seed(3);
    let mut model: Model = Sequential::new().add(Input::new([1])).add(Dense::new(1)).into();
    let sgd = SGD::new(0.05).use_ema(use_ema).ema_momentum(0.9);
    model.compile(sgd, "mse").build().unwrap();
    model
}

/// The loss of given weights.
fn loss_of(weights: &[Array]) -> f64 {
    let ((x, y), mut other) = (data(), model(false));
    other.set_weights(weights).unwrap();
    other.evaluate(&x, &y).verbose(0).run().unwrap()["loss"]
}

/// The averages at the end of each epoch, and the weights, of a training without the callback.
fn averages(epochs: usize) -> Vec<(Vec<Array>, Vec<Array>)> {
    let ((x, y), mut model) = (data(), model(true));
    let mut all = vec![];
    let look = LambdaCallback::new().on_epoch_end(|training, _, _| {
        let weights = training.model().get_weights()?;
        all.push((training.model().averages()?, weights));
        Ok(())
    });
    model.fit(&x, &y).epochs(epochs).verbose(0).callback(look).run().unwrap();
    all
}

/// The averages of a model, which are among its variables.
trait Averages {
    fn averages(&self) -> Result<Vec<Array>>;
}

impl Averages for Model {
    fn averages(&self) -> Result<Vec<Array>> {
        // Number of steps, learning rate, random state, then (of plain SGD no slots) the averages.
        let all = self.optimizer_variables()?;
        Ok(all[all.len() - 2..].iter().map(cornu::Variable::value).collect())
    }
}

#[test]
fn validations_use_the_averages_and_training_the_weights() {
    let (x, y) = data();
    let all = averages(4);
    for on_epoch in [false, true] {
        let mut model = model(true);
        let fit = model.fit(&x, &y).epochs(4).verbose(0).validation_data(&x, &y);
        let swap = SwapEMAWeights::new().swap_on_epoch(on_epoch);
        let history = fit.callback(swap).run().unwrap();
        for (epoch, (average, weights)) in all.iter().enumerate() {
            let loss = history["val_loss"][epoch];
            assert_eq!(loss, loss_of(average), "epoch {epoch}");
            // The average begins with the weights after the first step.
            assert_eq!(loss == loss_of(weights), epoch == 0);
        }
        assert_eq!(model.get_weights().unwrap(), all[3].0, "the averages take the weights' place");
        // The next training goes on as if nothing had been exchanged.
        model.fit(&x, &y).epochs(2).verbose(0).callback(SwapEMAWeights::new()).run().unwrap();
    }
}

#[test]
fn checkpoints_hold_the_averages() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("{}/{{epoch}}.safetensors", folder.path().display());
    let ((x, y), mut swapped) = (data(), model(true));
    let fit = swapped.fit(&x, &y).epochs(3).verbose(0);
    let fit = fit.callback(SwapEMAWeights::new().swap_on_epoch(true));
    fit.callback(ModelCheckpoint::new(path)).run().unwrap();
    for (epoch, (average, _)) in averages(3).into_iter().enumerate() {
        let mut other = model(false);
        other.load_weights(folder.path().join(format!("{}.safetensors", epoch + 1))).unwrap();
        assert_eq!(other.get_weights().unwrap(), average);
    }
}

#[test]
fn a_training_that_ends_early_ends_with_the_averages() {
    for on_epoch in [false, true] {
        let ((x, y), mut model) = (data(), model(true));
        let fit = model.fit(&x, &y).epochs(9).verbose(0);
        let fit = fit.callback(SwapEMAWeights::new().swap_on_epoch(on_epoch));
        // The loss falls, so "max" ends it in the second epoch.
        let history = fit.callback(EarlyStopping::new("loss").mode("max")).run().unwrap();
        assert_eq!(history.epochs, [0, 1]);
        assert_eq!(model.get_weights().unwrap(), averages(2)[1].0);
    }
}

#[test]
fn evaluations_and_predictions_outside_of_a_training() {
    let ((x, y), mut model) = (data(), model(true));
    for _ in 0..3 {
        model.train_on_batch(&x, &y).unwrap();
    }
    let (weights, averages) = (model.get_weights().unwrap(), model.averages().unwrap());
    let mut swap = SwapEMAWeights::new();
    let score = model.evaluate(&x, &y).verbose(0).callback(&mut swap).run().unwrap();
    assert_eq!(score["loss"], loss_of(&averages));
    let predicted = model.predict(&x).callback(&mut swap).run().unwrap();
    assert_ne!(predicted, model.predict(&x).run().unwrap());
    assert_eq!(model.get_weights().unwrap(), weights, "all is as it was");
    assert_eq!(model.averages().unwrap(), averages);
}

#[test]
fn an_optimizer_without_averages_is_an_error_before_training() {
    let ((x, y), mut model) = (data(), model(false));
    let before = model.get_weights().unwrap();
    let fit = model.fit(&x, &y).verbose(0).callback(SwapEMAWeights::new());
    let error = fit.run().unwrap_err().to_string();
    assert!(error.contains("SwapEMAWeights: the optimizer keeps no moving averages"), "{error}");
    assert!(error.contains("use_ema(true)"), "{error}");
    assert_eq!(model.get_weights().unwrap(), before);
}

#[test]
fn an_interrupted_training_goes_on_with_its_averages() {
    let (x, y) = data();
    let train = |folder: &std::path::Path, kill: Option<usize>| {
        let mut model = model(true);
        let kill = LambdaCallback::new().on_epoch_begin(|_, epoch| match kill {
            Some(end) if end == epoch => Err(Error::state("killed")),
            _ => Ok(()),
        });
        let fit = model.fit(&x, &y).epochs(5).batch_size(8).verbose(0).validation_data(&x, &y);
        let fit = fit.callback(BackupAndRestore::new(folder).delete_checkpoint(false));
        let fit = fit.callback(SwapEMAWeights::new().swap_on_epoch(true)).callback(kill);
        let history = fit.run()?;
        Ok::<_, Error>((history["val_loss"].to_vec(), model.get_weights()?))
    };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = train(one.path(), None).unwrap();
    assert_eq!(train(two.path(), Some(3)).unwrap_err().message(), "killed");
    assert_eq!(train(two.path(), None).unwrap(), whole);
    // One that had ended gives the same again.
    assert_eq!(train(two.path(), None).unwrap(), whole);
}
