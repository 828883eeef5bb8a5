//! `ImageDataGenerator` and its single functions against Keras.

mod support;

use cornu::prelude::*;
use cornu::preprocessing::image::{
    FlowBatch, ImageDataGenerator, TransformParameters, apply_brightness_shift, apply_channel_shift,
};
use serde_json::Value;
use support::*;

/// Keras interpolates in `float64`; so does the rule that decides what is inside. The values are
/// bytes, worth up to 255.
const WARPED: f64 = 1e-4;

#[test]
fn images_become_what_keras_makes_of_them() {
    let describe = |case: &Value| {
        let kind = text(&case["kind"]).to_owned();
        let given = ["options", "params", "args", "settings"].iter().map(|key| &case[key]);
        let given: Vec<String> = given.filter(|v| !v.is_null()).map(Value::to_string).collect();
        (kind.clone(), format!("{kind} {} {}", case["image"]["shape"], given.join(" ")))
    };
    check_all("preprocessing", &[], describe, |case| match text(&case["kind"]) {
        "transform" => check_transform(case),
        "brightness" | "channel_shift" => check_colour(case),
        "standardize" => check_standardize(case),
        "flow" => check_flow(case),
        other => Err(format!("kind {other}").into()),
    });
}

fn generator(case: &Value) -> Outcome<ImageDataGenerator> {
    let s = &mut Settings::of(case, "options");
    let mut it = ImageDataGenerator::new();
    if let Some(mode) = s.take("fill_mode") {
        it = it.fill_mode(text(&mode));
    }
    if s.take("preprocessing_function").is_some() {
        it = it.preprocessing_function(|image| (255.0 - Tensor::from(image)).eval());
    }
    it = s.set(it, "cval", |it, value| it.cval(value));
    it = s.set_int(it, "interpolation_order", |it, order| it.interpolation_order(order as u32));
    it = s.set(it, "rescale", |it, factor| it.rescale(factor));
    it = s.set(it, "zca_epsilon", |it, epsilon| it.zca_epsilon(epsilon));
    it = s.set(it, "validation_split", |it, part| it.validation_split(part.into()));
    it = s.set_bool(it, "samplewise_center", ImageDataGenerator::samplewise_center);
    it = s.set_bool(
        it,
        "samplewise_std_normalization",
        ImageDataGenerator::samplewise_std_normalization,
    );
    it = s.set_bool(it, "featurewise_center", ImageDataGenerator::featurewise_center);
    it = s.set_bool(
        it,
        "featurewise_std_normalization",
        ImageDataGenerator::featurewise_std_normalization,
    );
    it = s.set_bool(it, "zca_whitening", ImageDataGenerator::zca_whitening);
    s.all_used()?;
    Ok(it)
}

fn params(case: &Value) -> Outcome<TransformParameters> {
    let s = &mut Settings::of(case, "params");
    let mut real = |name: &str| s.take(name).map(|value| number(&value));
    let params = TransformParameters {
        theta: real("theta").unwrap_or(0.0),
        tx: real("tx").unwrap_or(0.0),
        ty: real("ty").unwrap_or(0.0),
        shear: real("shear").unwrap_or(0.0),
        zx: real("zx").unwrap_or(1.0),
        zy: real("zy").unwrap_or(1.0),
        channel_shift_intensity: real("channel_shift_intensity"),
        brightness: real("brightness"),
        flip_horizontal: s.set_bool(false, "flip_horizontal", |_, yes| yes),
        flip_vertical: s.set_bool(false, "flip_vertical", |_, yes| yes),
    };
    s.all_used()?;
    Ok(params)
}

fn check_transform(case: &Value) -> Check {
    let (generator, params) = (generator(case)?, params(case)?);
    let (image, expected) = (array(&case["image"]), array(&case["output"]));
    let out = generator.apply_transform(&image, &params)?;
    expect_close("the image", &out, &expected, WARPED)?;
    if let [rows, cols, 1] = *image.shape() {
        // Images without channels are the same, without channels.
        let out = generator.apply_transform(&image.reshape([rows, cols])?, &params)?;
        expect_close("without channels", &out, &expected.reshape([rows, cols])?, WARPED)?;
    }
    Ok(())
}

fn check_colour(case: &Value) -> Check {
    let (image, args) = (array(&case["image"]), &case["args"]);
    let out = match text(&case["kind"]) {
        "brightness" => {
            apply_brightness_shift(&image, number(&args[0]), args[1].as_bool().ok_or("no bool")?)
        }
        _ => apply_channel_shift(&image, number(&args[0])),
    };
    expect_close("the image", &out?, &array(&case["output"]), TOLERANCE)
}

fn check_standardize(case: &Value) -> Check {
    let mut generator = generator(case)?;
    if !case["data"].is_null() {
        generator.fit(array(&case["data"]))?;
        // Keras's figures are sums in `float32`.
        for (name, ours) in [("mean", generator.mean()), ("std", generator.std())] {
            let Some(ours) = ours.filter(|_| !case[name].is_null()) else { continue };
            let ours = Array::new([1, 1, ours.len()], ours.to_vec())?;
            expect_close(name, &ours, &array(&case[name]), 1e-5)?;
        }
        match generator.zca_whitening_matrix() {
            Some(ours) => expect_close("whitening", &ours, &array(&case["whitening"]), 1e-4)?,
            None if case["whitening"].is_null() => {}
            None => return Err("there is no whitening matrix".into()),
        }
    }
    let image = array(&case["image"]);
    let out = generator.standardize(&image)?;
    expect_close("the image", &out, &array(&case["output"]), 1e-4)?;
    // The flow does the same, on the bytes.
    let mut shape = vec![1];
    shape.extend_from_slice(image.shape());
    let batch = generator.flow_images(&image.reshape(shape)?).build()?.next_batch()?;
    expect_close("the flow", &batch.x.reshape(image.shape())?, &array(&case["output"]), 1e-4)
}

fn check_flow(case: &Value) -> Check {
    let (x, y) = (array(&case["x"]), array(&case["y"]));
    let s = &mut Settings::of(case, "settings");
    // On purpose: Keras takes the weights of a training subset from the beginning of all weights,
    // where those of other images are.
    let other_weights = case["settings"]["subset"] == "training";
    let mut flow =
        generator(case)?.flow(&x, &y).shuffle(false).sample_weight(array(&case["sample_weight"]));
    flow = s.set_int(flow, "batch_size", |flow, size| flow.batch_size(size as usize));
    if let Some(subset) = s.take("subset") {
        flow = flow.subset(text(&subset));
    }
    s.all_used()?;
    let mut flow = flow.build()?;
    expect_number("the length", flow.batches_per_epoch() as f64, number(&case["length"]), 0.0)?;
    let batches = case["batches"].as_array().ok_or("no batches")?;
    assert_eq!(batches.len(), flow.batches_per_epoch() + 1);
    for (expected, batch) in batches.iter().zip(&mut flow) {
        let FlowBatch { x, y, sample_weight } = batch?;
        let parts = [Some(x), y, sample_weight];
        for (i, part) in parts.iter().enumerate() {
            let part = part.as_ref().ok_or(format!("the batch has no part {i}"))?;
            if i == 2 && other_weights {
                continue;
            }
            expect_close(&format!("part {i}"), part, &array(&expected[i]), TOLERANCE)?;
        }
    }
    Ok(())
}
