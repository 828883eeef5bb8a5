//! Dtype policies: which products are in bfloat16, what they give, and how files keep it.

#[path = "support/archives.rs"]
mod archives;
mod support;

use cornu::mixed_precision::{DTypePolicy, global_policy, set_global_policy};
use cornu::model::Model;
use cornu::prelude::*;
use cornu::saving::FromConfig;
use cornu_graph::op::Precision;

/// Numbers of many digits.
fn numbers(shape: [usize; 2], seed: usize) -> Array {
    let number = |i: usize| ((i + seed) * 2_654_435_761 % 10_007) as f32 / 5_000.0 - 1.0;
    Array::new(shape, (0..shape[0] * shape[1]).map(number).collect()).unwrap()
}

fn network(x: &Array, policy: &str) -> Model {
    utils::set_random_seed(3);
    let model: Model = Sequential::new()
        .add(Input::new([x.shape()[1]]))
        .add(Dense::new(40).activation("relu").name("hidden").dtype("float32"))
        .add(Dense::new(3).activation("softmax").name("out").dtype(policy))
        .into();
    model
}

/// `x · kernel`, in `f64`, of rounded operands.
fn product(x: &Array, kernel: &Array, precision: Precision) -> Vec<f64> {
    let round = |array: &Array| -> Vec<f64> {
        array.as_slice().unwrap().iter().map(|&x: &f32| f64::from(precision.round(x))).collect()
    };
    let (k, n) = (kernel.shape()[0], kernel.shape()[1]);
    let (x, kernel) = (round(x), round(kernel));
    let at = |i: usize, j: usize| (0..k).map(|p| x[i * k + p] * kernel[p * n + j]).sum();
    (0..x.len() / k).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| at(i, j)).collect()
}

fn largest_difference(a: &Array, b: &[f64]) -> f64 {
    let a: &[f32] = a.as_slice().unwrap();
    a.iter().zip(b).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_layer_multiplies_as_its_policy_says() {
    let x = numbers([9, 75], 0);
    for (policy, precision, other) in [
        ("mixed_bfloat16", Precision::BFloat16, Precision::Float32),
        ("float32", Precision::Float32, Precision::BFloat16),
    ] {
        let model: Model = Sequential::new()
            .add(Input::new([75]))
            .add(Dense::new(20).use_bias(false).name("dense").dtype(policy))
            .into();
        let y = model.predict(&x).verbose(0).run().unwrap();
        let kernel = &model.get_weights().unwrap()[0];
        // The sums of 75 products below 1 are in float32.
        assert!(largest_difference(&y, &product(&x, kernel, precision)) < 75.0 * 75.0 * 6e-8);
        assert!(largest_difference(&y, &product(&x, kernel, other)) > 1e-3, "{policy}");
    }
}

#[test]
fn gradients_follow_the_policy_and_training_goes_on_nearly_as_in_float32() {
    let x = numbers([64, 75], 7);
    let y = Array::new([64], (0..64).map(|i| (i % 3) as u8).collect()).unwrap();
    let train = |policy| {
        let mut model = network(&x, policy);
        model.compile("adam", "sparse_categorical_crossentropy").build().unwrap();
        let program = model.show_program(&x, &y, 32).unwrap();
        let history = model.fit(&x, &y).epochs(8).batch_size(32).verbose(0).run().unwrap();
        (program.to_string(), history["loss"].to_vec())
    };
    let ((plain, expected), (mixed, losses)) = (train("float32"), train("mixed_bfloat16"));
    assert_eq!(plain.matches("bfloat16").count(), 0);
    // Forward and both gradients; the other layer has two products, as nobody needs the gradient of
    // the images.
    assert_eq!((mixed.matches("bfloat16").count(), mixed.matches("matmul").count()), (3, 5));
    assert_ne!(losses, expected);
    let far = losses.iter().zip(&expected).find(|(a, b)| (*a - *b).abs() > 0.01 * *b);
    assert_eq!(far, None, "{losses:?} and {expected:?}");
    assert!(losses[7] < 0.9 * losses[0]);
}

#[test]
fn layers_take_the_policy_of_their_time_and_thread() {
    assert_eq!(global_policy(), DTypePolicy::Float32);
    let before = Dense::new(2).shared();
    set_global_policy("mixed_bfloat16").unwrap();
    let after = Dense::new(2).shared();
    let elsewhere = std::thread::spawn(|| Dense::new(2).shared().dtype_policy()).join().unwrap();
    utils::clear_session();
    let (float, mixed) = (DTypePolicy::Float32, DTypePolicy::MixedBFloat16);
    assert_eq!((before.dtype_policy(), after.dtype_policy()), (float.clone(), mixed.clone()));
    assert_eq!((elsewhere, global_policy()), (float.clone(), float));
    assert_eq!((mixed.compute_dtype(), mixed.to_string()), ("bfloat16", "mixed_bfloat16".into()));
}

#[test]
fn policies_that_are_not_there_are_named() {
    for (name, message, help) in [
        ("mixed_bflot16", "there is no dtype policy named 'mixed_bflot16'", "'mixed_bfloat16'?"),
        ("mixed_float16", "'mixed_float16' is not supported", "'float32' and 'mixed_bfloat16'"),
        ("float16", "'float16' is not supported", "'float32' and 'mixed_bfloat16'"),
    ] {
        let of_layer = Dense::new(2).dtype(name).call(Input::tensor([4]));
        let errors = [
            set_global_policy(name).unwrap_err().to_string(),
            of_layer.check().unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.contains(message) && error.contains(help), "{error}");
        }
    }
    assert_eq!(global_policy(), DTypePolicy::Float32);
}

#[test]
fn configurations_and_files_keep_the_policy() {
    let x = numbers([5, 75], 2);
    let inside = network(&x, "mixed_bfloat16");
    let input = Input::tensor([75]);
    let model = Model::new(&input, inside.call(&input)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    model.save(&path).unwrap();
    let again = load_model(&path).unwrap();
    assert_eq!(again.config().unwrap(), model.config().unwrap());
    let predict = |model: &Model| model.predict(&x).verbose(0).run().unwrap();
    assert_eq!(predict(&again), predict(&model));
    assert_ne!(predict(&again), predict(&network(&x, "float32")));
    assert_eq!(predict(&model), predict(&inside));

    let layer = inside.get_layer("out").unwrap();
    let config = layer.config();
    assert_eq!(config["dtype"]["class_name"], "DTypePolicy");
    assert_eq!(config["dtype"]["config"]["name"], "mixed_bfloat16");
    let same = LayerRef::from_config(&layer.serialized()).unwrap();
    assert_eq!(same.dtype_policy(), DTypePolicy::MixedBFloat16);
}

#[test]
fn files_of_keras_compute_as_they_say() {
    let archive = archives::unpack("keras-3.15.1");
    let mixed = DTypePolicy::MixedBFloat16;
    for (name, policies) in [
        ("dtype_mixed_bfloat16", [&mixed, &mixed]),
        ("dtype_one_layer", [&mixed, &DTypePolicy::Float32]),
        ("dtype_mixed_float16", [&DTypePolicy::Float32, &DTypePolicy::Float32]),
        ("dtype_bfloat16", [&DTypePolicy::Float32, &DTypePolicy::Float32]),
    ] {
        let model = load_model(archive.path().join(format!("{name}.keras"))).unwrap();
        let dense: Vec<LayerRef> =
            model.layers().into_iter().filter(|layer| layer.kind() == "Dense").collect();
        let read: Vec<DTypePolicy> = dense.iter().map(LayerRef::dtype_policy).collect();
        assert_eq!(read.iter().collect::<Vec<_>>(), policies, "{name}");
    }
    let model = load_model(archive.path().join("dtype_one_layer.keras")).unwrap();
    let cases = archives::cases(archive.path());
    let case = cases.iter().find(|case| archives::text(case, "name") == "dtype_one_layer").unwrap();
    let x = &archives::arrays(&case["inputs"])[0];
    let weights = model.get_weights().unwrap();
    let first = product(x, &weights[0], Precision::BFloat16);
    let biased = first.chunks(3).flat_map(|row| {
        let bias: &[f32] = weights[1].as_slice().unwrap();
        row.iter().zip(bias).map(|(y, &b)| (y + f64::from(b)) as f32).collect::<Vec<_>>()
    });
    let hidden = Array::new([x.shape()[0], 3], biased.collect()).unwrap();
    let expected = product(&hidden, &weights[2], Precision::Float32);
    let bias: &[f32] = weights[3].as_slice().unwrap();
    let expected: Vec<f64> =
        expected.iter().enumerate().map(|(i, y)| y + f64::from(bias[i % 2])).collect();
    let y = model.predict(x).verbose(0).run().unwrap();
    assert!(largest_difference(&y, &expected) < 1e-6);
}
