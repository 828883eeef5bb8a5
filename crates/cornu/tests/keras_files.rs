//! Files that Keras wrote, of several versions: they open, predict what they predicted there, and
//! training goes on as it does there. `xtask/fixtures/files` makes them.

#[path = "support/archives.rs"]
mod archives;
mod support;

use archives::{array, arrays, text, unpack};
use cornu::model::Model;
use cornu::saving::ModelLoader;
use cornu::{Array, load_model};
use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{Check, Outcome, check_cases, number};

/// What Cornu does not do, or does otherwise.
const HERE_OTHERWISE: support::Skipped<'_> = &[
    ("layer_flatten_reshape_permute", "Flatten with the channels first is an error"),
    ("input_unknown_sizes", "only the batch may be unknown"),
    (
        "nest_batch_norm_inside",
        "a bias before a normalization: Adam blows up the rounding of its 0",
    ),
    ("metrics_binary", "several thresholds in one metric are an error"),
    (
        "weights_by_name_skipping",
        "a layer is loaded whole or not at all; Keras loads its bias alone",
    ),
];

/// The same of Keras 3.
const OF_KERAS_3: support::Skipped<'_> = &[
    ("ops_indexing", "slices along the batch are an error"),
    ("ops_products", "no ellipsis in einsum"),
    ("file_operations_h5", "Keras does not load this, too: a Multiply there may be a layer"),
    ("refused_operation", "Cornu has this operation"),
];

const OF_KERAS_3_15: support::Skipped<'_> = &[
    ("file_batch_norm_h5_trained", "as nest_batch_norm_inside"),
    ("outputs_dict_model", "figures are named by layers, not by the keys of outputs"),
];

const OF_KERAS_3_6: support::Skipped<'_> = &[
    ("file_batch_norm_h5_trained", "as nest_batch_norm_inside"),
    ("layer_settings_trained", "an activity penalty was not yet divided by the batch"),
    ("outputs_loss_list", "losses of outputs were shown with their weights"),
    ("outputs_loss_dict", "losses of outputs were shown with their weights"),
];

/// Keras 3.2 wrote some graphs wrongly, and cannot read them again.
const OF_KERAS_3_2: support::Skipped<'_> = &[
    ("layer_settings_trained", "activity penalties are not in the file"),
    ("optimizer_adam_accumulating", "accumulation was another in training"),
    ("optimizer_adam_ema_accumulating", "accumulation was another in training"),
    ("nest_functional_of_two_inputs", "written wrongly"),
    ("nest_alternating", "written wrongly"),
    ("nest_several_outputs", "written wrongly"),
    ("nest_output_used_once", "written wrongly"),
];

/// The same of Keras 2.
const OF_KERAS_2: support::Skipped<'_> = &[
    ("layer_activations", "hard_sigmoid of Keras 2 is an error"),
    ("layer_activations_of_dense", "hard_sigmoid of Keras 2 is an error"),
    ("optimizer_loss_scale", "the names of what a LossScaleOptimizerV3 keeps"),
];

/// Models whose outputs are a dictionary: Keras gives these in the order of the keys as they were
/// written, Cornu in the order of the model's outputs, which are sorted.
const DICTIONARIES: [&str; 3] = ["ops_named", "nest_dictionaries", "outputs_dict_model"];

/// Half precision is computed in float32 here, so only as many digits agree.
const HALF: f64 = 2e-2;

/// How far predictions may be from Keras's, and what one more step of training makes of them.
const PREDICTION: f64 = 1e-5;
const STEP: f64 = 1e-4;

#[test]
fn files_of_keras_3_15_1() {
    check_archive("keras-3.15.1", &[HERE_OTHERWISE, OF_KERAS_3, OF_KERAS_3_15].concat());
}

#[test]
fn files_of_keras_3_6_0() {
    check_archive("keras-3.6.0", &[HERE_OTHERWISE, OF_KERAS_3, OF_KERAS_3_6].concat());
}

#[test]
fn files_of_keras_3_2_1() {
    check_archive("keras-3.2.1", &[HERE_OTHERWISE, OF_KERAS_3, OF_KERAS_3_2].concat());
}

#[test]
fn files_of_tf_keras() {
    check_archive("tf-keras", &[HERE_OTHERWISE, OF_KERAS_2].concat());
}

fn check_archive(writer: &str, skipped: support::Skipped<'_>) {
    let archive = unpack(writer);
    let cases = archives::cases(archive.path());
    let describe = |case: &Value| (text(case, "form").to_owned(), text(case, "name").to_owned());
    check_cases(&format!("{writer}.zip"), &cases, skipped, describe, |case| {
        check(archive.path(), case)
    });
}

fn check(folder: &Path, case: &Value) -> Check {
    let path: PathBuf = folder.join(text(case, "file"));
    if let Some(word) = case["error"].as_str() {
        return expect_error(load_model(&path), word);
    }
    if !case["reread"].is_null() {
        // What this Keras wrote about shared layers is wrong: it reads another model there itself.
        let loaded = match case.get("json") {
            None => load_model(&path),
            Some(json) => Model::from_config(json),
        };
        return expect_error(loaded, "goes nowhere");
    }
    let outputs = &case["outputs"];
    let mut model = match case.get("json") {
        None => load_model(&path)?,
        Some(json) => with_weights(json, &path, case)?,
    };
    if !outputs.is_null() {
        let half = text(case, "name").starts_with("dtype_") && !text(case, "name").contains("64");
        let tolerance = if half { HALF } else { PREDICTION };
        expect_outputs(text(case, "name"), &model, &case["inputs"], outputs, tolerance)?;
    }
    match case.get("step") {
        Some(step) => one_more_step(&mut model, case, step),
        None => Ok(()),
    }
}

fn expect_error(loaded: cornu::Result<Model>, word: &str) -> Check {
    match loaded {
        Ok(_) => Err("it was loaded".into()),
        Err(error) if error.to_string().contains(word) => Ok(()),
        Err(error) => Err(format!("the error does not name {word}: {error}").into()),
    }
}

/// A model of a configuration, with weights from the file.
fn with_weights(json: &Value, path: &Path, case: &Value) -> Outcome<Model> {
    let mut model = Model::from_config(json)?;
    if let Some(before) = case["before"].as_object() {
        let before: Vec<Array> = before.values().map(array).collect();
        model.set_weights(before).map_err(|e| format!("the weights before: {e}"))?;
    }
    let option = |name: &str| case["load"][name].as_bool().unwrap_or(false);
    model
        .load_weights_from(path)
        .by_name(option("by_name"))
        .skip_mismatch(option("skip_mismatch"))
        .run()?;
    Ok(model)
}

fn one_more_step(model: &mut Model, case: &Value, step: &Value) -> Check {
    if let Some(reason) = model.not_compiled_because() {
        return Err(format!("it is not compiled: {reason}").into());
    }
    let (x, y) = (arrays(&step["x"]), arrays(&step["y"]));
    let logs = match step.get("sample_weight") {
        None => model.train_on_batch(x, y)?,
        Some(weights) => {
            let history =
                model.fit(x, y).sample_weight(array(weights)).shuffle(false).verbose(0).run()?;
            let mut logs = cornu::train::Logs::default();
            history.iter().for_each(|(name, values)| logs.set(name, values[0]));
            logs
        }
    };
    let expected = step["logs"].as_object().expect("the step has figures");
    for (name, value) in expected {
        let ours = logs.get(name).ok_or_else(|| format!("no figure '{name}', only {logs:?}"))?;
        let keras = number(value);
        if (ours - keras).abs() > STEP * keras.abs().max(1.0) {
            return Err(format!("{name} of the step is {ours}, not {keras}").into());
        }
    }
    let what = format!("{} after a step", text(case, "name"));
    expect_outputs(&what, model, &case["inputs"], &step["outputs"], STEP)
}

fn expect_outputs(
    what: &str,
    model: &Model,
    inputs: &Value,
    outputs: &Value,
    tolerance: f64,
) -> Check {
    let mut outputs = outputs.as_array().expect("a list of outputs").clone();
    if DICTIONARIES.iter().any(|name| what.starts_with(name)) {
        outputs.sort_by_key(|output| text(output, "name").to_owned());
    }
    let expected: Vec<Array> = outputs.iter().map(array).collect();
    let actual = model.predict(arrays(inputs)).verbose(0).run_all()?;
    if actual.len() != expected.len() {
        return Err(format!("{} outputs, not {}", actual.len(), expected.len()).into());
    }
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        support::expect_close(&format!("output {i} of {what}"), actual, expected, tolerance)?;
    }
    Ok(())
}

/// Options of loading that no case of an archive uses.
#[test]
fn a_model_is_loaded_without_what_it_was_compiled_with() {
    let archive = unpack("keras-3.15.1");
    let path = archive.path().join("optimizer_adam.keras");
    let mut model = ModelLoader::default().compile(false).load(&path).unwrap();
    let x = Array::zeros([1, 3], cornu::DType::F32);
    let error = model.train_on_batch(&x, &x).unwrap_err().to_string();
    assert!(error.contains("needs a compiled model"), "{error}");
    assert!(load_model(&path).unwrap().learning_rate().is_ok());
}
