//! What layers promise beyond Keras's numbers: shared and frozen layers, penalties, constraints,
//! noise, and what is said about mistakes.

use cornu::layers::*;
use cornu::prelude::*;
use std::fmt::Debug;

fn floats(shape: &[usize]) -> Array {
    let count: usize = shape.iter().product();
    Array::new(shape, (0..count).map(|i| (i % 7) as f32 / 7.0 - 0.4).collect()).unwrap()
}

fn ones(shape: &[usize]) -> Array {
    Array::new(shape, vec![1.0f32; shape.iter().product()]).unwrap()
}

fn names(model: &Model) -> Vec<String> {
    model.layers().iter().map(|layer| layer.name().to_owned()).collect()
}

/// The order is Keras 3.15.1's: inputs stand where they are needed first.
#[test]
fn inputs_are_among_the_layers_of_a_functional_model() {
    utils::clear_session();
    let (left, right) = (Input::tensor([12]), Input::tensor([12]));
    let tower = Sequential::new().add(Input::new([12])).add(Dense::new(3));
    let difference = tower.call(&left) - tower.call(&right);
    let model = Model::new([&left, &right], &difference).unwrap();
    assert_eq!(names(&model), ["input_layer", "input_layer_1", "sequential"]);
    assert_eq!(model.get_layer_at(0).unwrap().kind(), "InputLayer");
    assert_eq!(model.get_layer_at(0).unwrap().config()["batch_shape"][1], 12);
    let embedding = model.get_model_at(2).unwrap();
    assert_eq!(embedding.get_weights().unwrap(), tower.get_weights().unwrap());
    assert_eq!(names(&embedding), ["dense"]);
    assert_eq!(model.get_layer_at(-1).unwrap().name(), "sequential");

    let named = |name: &str, size: usize| Tensor::from(Input::new([size]).name(name));
    let (a, b, unused) = (named("a", 4), named("b", 3), named("u", 2));
    let joined = Concatenate::new().call([&Dense::new(4).name("first").call(&a), &b]);
    let model = Model::new([&b, &a, &unused], Dense::new(1).name("last").call(&joined)).unwrap();
    assert_eq!(names(&model), ["a", "first", "b", "concatenate", "u", "last"]);
    assert_eq!(model.weights().unwrap().len(), 4);
}

#[test]
fn a_model_with_inputs_among_its_layers_is_frozen_saved_and_summarized() {
    let x = Tensor::from(Input::new([4]).name("x"));
    let mut model = Model::with_name("one", &x, Dense::new(2).name("dense").call(&x)).unwrap();
    model.set_trainable(false);
    assert!(model.trainable_weights().unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    model.save_weights(&path).unwrap();
    let saved = model.get_weights().unwrap();
    model.set_weights(vec![ones(&[4, 2]), ones(&[2])]).unwrap();
    model.load_weights(&path).unwrap();
    assert_eq!(model.get_weights().unwrap(), saved);
    let summary = model.summary().to_string();
    assert_eq!(summary.matches("InputLayer").count(), 1, "{summary}");
    assert!(summary.contains("Non-trainable params: 10"), "{summary}");
}

/// Adds 1 to its state at every call of a step of training, and to its input what it finds there.
#[derive(Debug)]
struct Counter;

impl Layer for Counter {
    fn kind(&self) -> &str {
        "Counter"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let count = scope.state("count", [1], &Initializer::zeros())?;
        if scope.training() {
            scope.update(&count, count.tensor() + 1.0);
        }
        Ok(one_input(inputs)? + count.tensor())
    }
}

#[test]
fn the_second_call_in_a_step_sees_what_the_first_left() {
    let counter = Counter.shared();
    let x = Input::tensor([1]);
    let mut model = Model::new(&x, counter.call(counter.call(&x))).unwrap();
    model.compile("sgd", "mse").build().unwrap();
    let zero = Array::new([1, 1], vec![0.0f32]).unwrap();
    // The first call adds what was there before the step (0, then 2), the second one more.
    let loss = |logs: Logs| logs.get("loss").unwrap();
    assert_eq!(loss(model.train_on_batch(&zero, &zero).unwrap()), 1.0);
    assert_eq!(counter.weights()[0].value().as_slice::<f32>().unwrap(), [2.0]);
    assert_eq!(loss(model.train_on_batch(&zero, &zero).unwrap()), 25.0);
    assert_eq!(counter.weights()[0].value().as_slice::<f32>().unwrap(), [4.0]);
    // Outside of training nothing moves.
    assert_eq!(model.predict(&zero).run().unwrap().as_slice::<f32>().unwrap(), [8.0]);
    assert_eq!(counter.weights()[0].value().as_slice::<f32>().unwrap(), [4.0]);
}

#[test]
fn a_frozen_batch_normalization_keeps_its_averages() {
    let x = Input::tensor([3]);
    let normalization = BatchNormalization::new().shared();
    let mut model = Model::new(&x, Dense::new(1).call(normalization.call(&x))).unwrap();
    normalization.set_trainable(false);
    model.compile("sgd", "mse").build().unwrap();
    model.train_on_batch(floats(&[4, 3]), floats(&[4, 1])).unwrap();
    let values: Vec<Array> = normalization.weights().iter().map(|w| w.value()).collect();
    let zeros = Array::new([3], vec![0.0f32; 3]).unwrap();
    assert_eq!(values, [ones(&[3]), zeros.clone(), zeros.clone(), ones(&[3])]);
    // Not frozen, they move; and evaluating does not move them.
    normalization.set_trainable(true);
    model.compile("sgd", "mse").build().unwrap();
    model.train_on_batch(floats(&[4, 3]), floats(&[4, 1])).unwrap();
    let mean = normalization.weights()[2].value();
    assert_ne!(mean, zeros);
    model.evaluate(floats(&[4, 3]), floats(&[4, 1])).verbose(0).run().unwrap();
    assert_eq!(normalization.weights()[2].value(), mean);
}

/// The loss of a model of one input of 2 on ones, whose outputs are not judged.
fn penalties(x: &Tensor, y: &Tensor) -> f64 {
    let mut model = Model::new(x, y).unwrap();
    model.compile("sgd", |_: &Tensor, y: &Tensor| ops::sum(y * 0.0, Axis::ALL)).build().unwrap();
    let data = ones(&[3, 2]);
    let trained = model.train_on_batch(&data, &data).unwrap().get("loss").unwrap();
    // The step has changed nothing that the next one could see: the learning rate is small.
    let evaluated = model.evaluate(&data, &data).verbose(0).run().unwrap()["loss"];
    assert!((trained - evaluated).abs() < 0.2 * trained.max(0.01), "{trained}, {evaluated}");
    trained
}

#[test]
fn penalties_on_weights_count_once_and_on_outputs_at_every_call() {
    let dense = |layer: Dense| layer.use_bias(false).kernel_initializer("identity").shared();
    let x = Input::tensor([2]);
    let shared = dense(Dense::new(2).kernel_regularizer(Regularizer::l1(0.5)));
    let twice = shared.call(shared.call(&x));
    assert_eq!(penalties(&x, &twice), 1.0);
    let shared = dense(Dense::new(2).activity_regularizer(Regularizer::l1(0.5)));
    let twice = shared.call(shared.call(&x));
    assert_eq!(penalties(&x, &twice), 2.0);
    let frozen = dense(Dense::new(2).kernel_regularizer(Regularizer::l1(0.5)));
    let y = dense(Dense::new(2)).call(frozen.call(&x));
    frozen.set_trainable(false);
    assert_eq!(penalties(&x, &y), 0.0);
    let own = Regularizer::custom("largest", |w| ops::max(w, Axis::ALL) * 3.0);
    let y = dense(Dense::new(2).kernel_regularizer(own)).call(&x);
    assert_eq!(penalties(&x, &y), 3.0);
}

#[test]
fn a_constraint_holds_after_every_step() {
    let doubled = Constraint::custom("doubled", |w| w * 2.0);
    let layer = Dense::new(1).use_bias(false).kernel_initializer("ones").kernel_constraint(doubled);
    let mut model = Sequential::new().add(Input::new([1])).add(layer);
    model.compile(SGD::new(0.25), |_: &Tensor, y: &Tensor| ops::sum(y, Axis::ALL)).build().unwrap();
    let one = ones(&[1, 1]);
    model.train_on_batch(&one, &one).unwrap();
    // 2 · (1 - 0.25 · 1), and again.
    assert_eq!(model.get_weights().unwrap()[0].as_slice::<f32>().unwrap(), [1.5]);
    model.train_on_batch(&one, &one).unwrap();
    assert_eq!(model.get_weights().unwrap()[0].as_slice::<f32>().unwrap(), [2.5]);
}

#[test]
fn normalization_adapts_to_data() {
    let data = Array::new([4, 2], vec![0.0f32, 7.0, 2.0, 9.0, 0.0, 7.0, 2.0, 9.0]).unwrap();
    let x = Tensor::from(Array::new([1, 2], vec![3.0f32, 8.0]).unwrap());
    let numbers = |y: &Tensor| y.eval().unwrap().as_slice::<f32>().unwrap().to_vec();
    let layer = Normalization::new().adapt(&data).unwrap().shared();
    assert_eq!(numbers(&layer.call(&x)), [2.0, 0.0]);
    let names: Vec<String> = layer.weights().iter().map(|w| w.name().to_owned()).collect();
    assert_eq!(names, ["mean", "variance", "count"]);
    assert!(layer.weights().iter().all(|w| !w.trainable()));
    let back = Normalization::new().invert(true).adapt(&data).unwrap();
    assert_eq!(numbers(&back.call(&x)), [4.0, 16.0]);
    // All elements: the mean is 4.5, the variance 13.25.
    let all = Normalization::new().of_all().adapt(&data).unwrap();
    let expected = (3.0f32 - 4.5) / 13.25f32.sqrt();
    assert!((numbers(&all.call(&x))[0] - expected).abs() < 1e-6);
    let text = message(Normalization::new().moments([1.0, 2.0], [1.0, 1.0]), &[&[3]]);
    expect(&text, &["2 numbers were given as mean", "(None, 3) has 3 features"]);
    let none = Array::new([0, 2], Vec::<f32>::new()).unwrap();
    expect(&expect_error(Normalization::new().adapt(&none)), &["nothing to adapt to"]);
}

#[test]
fn normalization_takes_no_data_that_make_all_nan() {
    let adapt =
        |values: [f32; 3]| Normalization::new().adapt(Array::new([3, 1], values.to_vec()).unwrap());
    assert!(adapt([1.0, 2.0, 2.0]).is_ok());
    for bad in [f32::NAN, f32::INFINITY, 1e30] {
        let text = expect_error(adapt([1.0, bad, 2.0]));
        expect(&text, &["the moments of the data are not finite"]);
    }
    expect(&message(Normalization::new().moments([0.0], [-1.0]), &[&[2]]), &["-1 is no variance"]);
    let nan = Normalization::new().moments([f32::NAN], [1.0]);
    expect(&message(nan, &[&[2]]), &["NaN is no mean"]);
}

/// The mean of the cosines of no pairs is 0, not NaN.
#[test]
fn a_vector_alone_is_orthogonal() {
    use cornu::regularizers::OrthogonalMode::{Columns, Rows};
    for (shape, mode) in [([1, 3], Rows), ([3, 1], Columns)] {
        let penalty = Regularizer::orthogonal(0.5, mode).penalty(&(&floats(&shape)).into());
        assert_eq!(penalty.unwrap().item().unwrap(), 0.0);
    }
}

#[test]
fn embeddings_that_were_learned_elsewhere() {
    let vectors = floats(&[3, 2]);
    let layer = Embedding::new(3, 2).embeddings_initializer(Initializer::values(vectors.clone()));
    let layer = layer.shared();
    layer.call(Tensor::from([0i32, 2])).check().unwrap();
    assert_eq!(layer.weights()[0].value(), vectors);
    assert_eq!(
        layer.config()["embeddings_initializer"]["config"]["value"]["config"]["value"][1]
            .as_array(),
        Some(&vec![serde_json::json!(-0.11428571), serde_json::json!(0.028571427)])
    );
    let other = Embedding::new(4, 2).embeddings_initializer(Initializer::values(vectors));
    expect(&message(other, &[&[1]]), &["weight has shape (4, 2)", "values have (3, 2)"]);
}

#[test]
fn equations_that_make_no_sense() {
    let dense = |equation: &str, size| EinsumDense::new(equation, [Some(size)]);
    expect(&message(dense("ab-bc", 3), &[&[4]]), &["'ab-bc' is no equation", "\"abc,cd->abd\""]);
    expect(&message(dense("aa,ab->b", 3), &[&[4]]), &["is no equation"]);
    expect(&message(dense("abc,cd->abd", 3), &[&[4]]), &["more letters than the input has axes"]);
    expect(&message(dense("ab,bc->ac", 3), &[&[4, 5]]), &["does not fit an input of 3 axes"]);
    let text = message(EinsumDense::new("abc,cd->abd", [Some(3), Some(2)]), &[&[4, 5]]);
    expect(&text, &["'b' is 4 in the input, but 3 in output_shape"]);
    let text = message(EinsumDense::new("ab,bc->ac", [None]), &[&[4]]);
    expect(&text, &["size of 'c'", "is not known"]);
    expect(&message(dense("ab,bc->ac", 3).bias_axes("x"), &[&[4]]), &["bias axis 'x'"]);
    let (a, b) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([1.0f32, 2.0, 3.0]));
    let text = expect_error(ops::einsum("ab,b->a", &a, &b).eval());
    expect(&text, &["'b' stands for sizes 2 and 3", "layers.rs:"]);
    // What only one operand has and the result lacks is summed.
    let sum = ops::einsum("ab,c->", &a, &b).item().unwrap();
    assert_eq!(sum, 18.0);
}

/// Keeps what it is given in the step of training.
#[derive(Debug)]
struct Record(Vec<usize>);

impl Layer for Record {
    fn kind(&self) -> &str {
        "Record"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let record = scope.state("record", &self.0[..], &Initializer::zeros())?;
        scope.update(&record, one_input(inputs)?.clone());
        Ok(inputs[0].clone())
    }
}

/// What a layer gives out in training.
fn in_training(layer: impl Layer, x: &Array) -> Vec<f32> {
    utils::set_random_seed(5);
    let record = Record(x.shape().to_vec()).shared();
    let input = Input::tensor(&x.shape()[1..]);
    let mut model = Model::new(&input, record.call(layer.call(&input))).unwrap();
    model.compile("sgd", "mse").build().unwrap();
    model.train_on_batch(x, x).unwrap();
    record.weights()[0].value().as_slice::<f32>().unwrap().to_vec()
}

fn mean_and_deviation(values: &[f32]) -> (f32, f32) {
    let count = values.len() as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
    (mean, variance.sqrt())
}

#[test]
fn noise_has_the_moments_that_it_should() {
    let near = |(mean, deviation): (f32, f32), (m, d): (f32, f32)| {
        assert!((mean - m).abs() < 0.02 && (deviation - d).abs() < 0.02, "{mean}, {deviation}");
    };
    let x = ones(&[100, 200]);
    near(mean_and_deviation(&in_training(GaussianNoise::new(0.5), &x)), (1.0, 0.5));
    let deviation = (0.2f32 / 0.8).sqrt();
    near(mean_and_deviation(&in_training(GaussianDropout::new(0.2), &x)), (1.0, deviation));
    near(mean_and_deviation(&in_training(Dropout::new(0.2), &x)), (1.0, deviation));
    // Mean 0 and variance 1 stay.
    utils::set_random_seed(6);
    let normal = Initializer::random_normal(0.0, 1.0).array(&[100, 200]).unwrap();
    near(mean_and_deviation(&in_training(AlphaDropout::new(0.3), &normal)), (0.0, 1.0));
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    for (values, channels) in [
        (in_training(SpatialDropout2D::new(0.5), &ones(&[10, 3, 4, 8])), 8),
        (in_training(SpatialDropout1D::new(0.5), &ones(&[10, 12, 8])), 8),
    ] {
        let mut dropped = 0;
        for sample in values.chunks(12 * channels) {
            for channel in 0..channels {
                let of_channel: Vec<f32> =
                    sample.iter().skip(channel).step_by(channels).copied().collect();
                assert!(of_channel.iter().all(|v| *v == of_channel[0]), "{of_channel:?}");
                assert!(of_channel[0] == 0.0 || of_channel[0] == 2.0);
                dropped += usize::from(of_channel[0] == 0.0);
            }
        }
        assert!((20..60).contains(&dropped), "{dropped} of 80");
    }
}

#[test]
fn a_convolutional_network_learns() {
    utils::set_random_seed(2);
    // A bright line, upright or lying, at any place of an image.
    let image = |i: usize| {
        let at = i / 2 % 6;
        (0..36).map(move |p| {
            f32::from(u8::from(if i.is_multiple_of(2) { p % 6 } else { p / 6 } == at))
        })
    };
    let x = Array::new([48, 6, 6, 1], (0..48).flat_map(image).collect::<Vec<f32>>()).unwrap();
    let y = Array::new([48], (0..48).map(|i| i % 2).collect::<Vec<i32>>()).unwrap();
    let mut model = Sequential::from_layers(layers![
        Input::new([6, 6, 1]),
        Conv2D::new(4, 3).padding("same").use_bias(false),
        BatchNormalization::new().momentum(0.8),
        ReLU::new(),
        MaxPooling2D::new((6, 6)),
        Flatten::new(),
        Dense::new(2).activation("softmax").kernel_regularizer("l2"),
    ]);
    let adam = Adam::default().learning_rate(0.05);
    model.compile(adam, "sparse_categorical_crossentropy").metric("accuracy").build().unwrap();
    model.fit(&x, &y).epochs(30).batch_size(16).verbose(0).run().unwrap();
    let score = model.evaluate(&x, &y).verbose(0).run().unwrap();
    assert!(score["accuracy"] > 0.95, "{score:?}");
}

/// The message of a layer that was called on inputs of these shapes.
fn message(layer: impl Layer, samples: &[&[usize]]) -> String {
    let inputs: Vec<Tensor> = samples.iter().map(|&sample| Input::tensor(sample)).collect();
    let result: Result<Tensor> = layer.name("it").call(&inputs).check().cloned();
    expect_error(result)
}

fn expect_error<T: Debug>(result: Result<T>) -> String {
    result.expect_err("this is a mistake").to_string()
}

#[track_caller]
fn expect(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in:\n{message}");
    }
}

#[test]
fn windows_that_do_not_fit() {
    let text = message(Conv2D::new(4, 5), &[&[3, 8, 1]]);
    expect(&text, &["it (Conv2D)", "kernel (5, 5)", "(None, 3, 8, 1)", "\"same\"", "layers.rs:"]);
    let text = message(Conv2D::new(4, 3).dilation_rate(4), &[&[8, 8, 1]]);
    expect(&text, &["kernel (3, 3) with dilation 4 is larger"]);
    expect(&message(MaxPooling2D::new(4), &[&[3, 3, 1]]), &["window (4, 4)", "(None, 3, 3, 1)"]);
    expect(&message(Conv1D::new(4, 9), &[&[8, 1]]), &["kernel (9,)", "(None, 8, 1)"]);
    // Padded, all of them fit.
    assert!(Conv2D::new(4, 5).padding("same").call(Input::tensor([3, 8, 1])).check().is_ok());
    assert!(Conv1D::new(4, 9).padding("causal").call(Input::tensor([8, 1])).check().is_ok());
}

#[test]
fn settings_of_windows() {
    let image: &[usize] = &[8, 8, 3];
    let text = message(Conv2D::new(4, 3).padding("sam"), &[image]);
    expect(&text, &["no padding named 'sam'", "did you mean 'same'?"]);
    expect(&message(Conv2D::new(4, 3).padding("causal"), &[image]), &["'causal' is for Conv1D"]);
    expect(&message(MaxPooling2D::new(2).padding("vaild"), &[image]), &["did you mean 'valid'?"]);
    let text = message(Conv2D::new(4, 3).data_format("channels_first"), &[image]);
    expect(&text, &["channels last, not 'channels_first'", "ops::transpose"]);
    let text = message(Conv2D::new(4, 3), &[&[28, 28]]);
    expect(&text, &["(batch, height, width, channels)", "(None, 28, 28)", "(height, width, 1)"]);
    expect(&message(Conv2D::new(4, 3).groups(2), &[image]), &["2 groups do not divide the 3"]);
    expect(&message(Conv2D::new(0, 3), &[image]), &["filters must be at least 1"]);
    expect(&message(Conv2D::new(4, 0), &[image]), &["kernel_size must be at least 1"]);
    expect(&message(Conv2D::new(4, 3).strides(0), &[image]), &["strides must be at least 1"]);
    let text = message(Conv2D::new(4, 2).strides(2).dilation_rate(2), &[image]);
    expect(&text, &["cannot both be above 1"]);
}

#[test]
fn merges_that_do_not_fit() {
    let text = message(Add::new(), &[&[4], &[3]]);
    expect(&text, &["it (Add)", "(None, 4) and (None, 3) do not broadcast", "layers.rs:"]);
    expect(&message(Subtract::new(), &[&[4], &[4], &[4]]), &["two inputs, not 3"]);
    let text = message(Concatenate::new(), &[&[2, 4], &[3, 4]]);
    expect(&text, &["(None, 2, 4) and (None, 3, 4) cannot be joined along axis -1"]);
    expect(&message(Concatenate::new().axis(3), &[&[2, 4], &[2, 4]]), &["axis 3", "-3 to 2"]);
    let text = message(Dot::new(1), &[&[4], &[3]]);
    expect(&text, &["it (Dot)", "(None, 4) and (None, 3)", "4 elements along axis 1 and 3"]);
    expect(&message(Dot::new(0), &[&[4], &[4]]), &["axis 0 is the batch"]);
    expect(&message(Dot::new([1, 2]), &[&[4], &[4]]), &["axis 2 of a tensor with 2 dimensions"]);
    expect(&message(Dot::new(1), &[&[4]]), &["two inputs, not 1"]);
}

#[test]
fn shapes_that_other_layers_do_not_take() {
    expect(&message(Reshape::new([5, -1]), &[&[4, 3]]), &["(4, 3) cannot become [5, -1]"]);
    expect(&message(Reshape::new([-1, -1]), &[&[4, 3]]), &["cannot become [-1, -1]"]);
    expect(&message(Permute::new([0, 1]), &[&[4, 3]]), &["[0, 1] is no order of the axes 1 to 2"]);
    expect(&message(RepeatVector::new(2), &[&[4, 3]]), &["(batch, features)", "(None, 4, 3)"]);
    expect(&message(Cropping2D::new(2), &[&[4, 9, 1]]), &["leaves nothing", "axis 1"]);
    expect(&message(GroupNormalization::new(3), &[&[4]]), &["3 groups do not divide the 4"]);
    expect(&message(BatchNormalization::new().axis(0), &[&[4]]), &["size of axis 0 must be known"]);
    expect(&message(BatchNormalization::new().momentum(2.0), &[&[4]]), &["momentum", "not 2"]);
    expect(&message(UpSampling2D::new(2).interpolation("linear"), &[&[4, 4, 1]]), &["bilinear"]);
    expect(
        &message(PReLU::new().shared_axes([0]), &[&[4]]),
        &["shared axes go from 1 to 1, not 0"],
    );
    expect(&message(GaussianNoise::new(-0.5), &[&[4]]), &["stddev must be from 0 to 1, not -0.5"]);
    expect(&message(ReLU::new().negative_slope(-1.0), &[&[4]]), &["negative_slope must be 0 or"]);
    expect(&message(Embedding::new(0, 2), &[&[4]]), &["input_dim and output_dim"]);
}

#[test]
fn wishes_for_weights_that_are_not_known() {
    let text = message(Dense::new(2).kernel_regularizer("l5"), &[&[4]]);
    expect(&text, &["it (Dense)", "regularizer of 'it/kernel'", "no regularizer named 'l5'"]);
    let text = message(Dense::new(2).bias_constraint("nonneg"), &[&[4]]);
    expect(&text, &["constraint of 'it/bias'", "did you mean 'non_neg'?"]);
    let text = message(Dense::new(2).activity_regularizer(Regularizer::l2(f32::NAN)), &[&[4]]);
    expect(&text, &["l2 of a regularizer must be 0 or more, not NaN"]);
}

/// Sizes whose products wrap around: an error, not a panic or a small tensor.
#[test]
fn sizes_that_no_memory_holds() {
    let image: &[&[usize]] = &[&[5, 5, 1]];
    let huge = usize::MAX;
    let memory = |text: &str| expect(text, &["no memory can hold"]);
    memory(&message(Dense::new(huge), &[&[4]]));
    memory(&message(Dense::new(1 << 61), &[&[4]]));
    memory(&message(Embedding::new(1 << 40, 1 << 30), &[&[4]]));
    memory(&message(Conv2D::new(1, 1usize << 40).padding("same"), image));
    memory(&message(Conv2DTranspose::new(1, 3).strides(1usize << 40), image));
    memory(&message(RepeatVector::new(huge), &[&[4]]));
    memory(&message(UpSampling2D::new(huge), image));
    memory(&message(UpSampling2D::new(huge).interpolation("bilinear"), image));
    memory(&message(Conv1D::new(1, 3).dilation_rate(huge).padding("causal"), &[&[5, 1]]));
    let text = message(Conv2D::new(1, 3).dilation_rate(huge).padding("same"), image);
    expect(&text, &["it (Conv2D)", "conv2d of images (None, 5, 5, 1)"]);
    // A window over everything is no mistake.
    let x = Input::tensor([5, 5, 1]);
    let y = MaxPooling2D::new(1usize << 40).padding("same").call(&x);
    let largest = Model::new(&x, &y).unwrap().predict(floats(&[2, 5, 5, 1])).run().unwrap();
    assert_eq!(largest.shape(), [2, 1, 1, 1]);
}

#[test]
fn images_without_pixels() {
    let text = message(Conv2D::new(1, 3).padding("same"), &[&[0, 5, 1]]);
    expect(&text, &["there are no pixels in images of shape (None, 0, 5, 1)"]);
    let text = message(MaxPooling2D::new(2).padding("same"), &[&[5, 0, 1]]);
    expect(&text, &["there are no pixels"]);
}

#[test]
fn bounds_of_constraints() {
    let of = |constraint| message(Dense::new(2).kernel_constraint(constraint), &[&[4]]);
    expect(&of(Constraint::max_norm(-1.0, 0)), &["it/kernel", "norms cannot go from 0 to -1"]);
    expect(&of(Constraint::max_norm(f32::NAN, 0)), &["norms cannot go from 0 to NaN"]);
    expect(&of(Constraint::min_max_norm(2.0, 1.0, 1.0, 0)), &["norms cannot go from 2 to 1"]);
    expect(&of(Constraint::min_max_norm(0.0, 1.0, 1.5, 0)), &["rate must be from 0 to 1, not 1.5"]);
}

#[test]
fn layers_that_are_not_there() {
    let x = Tensor::from(Input::new([2]).name("x"));
    let model = Model::with_name("small", &x, Dense::new(1).name("y").call(&x)).unwrap();
    let text = expect_error(model.get_layer_at(2));
    expect(
        &text,
        &["model 'small'", "no layer 2: the model has 2", "0 x (InputLayer), 1 y (Dense)"],
    );
    expect(&expect_error(model.get_layer_at(-3)), &["no layer -3"]);
    expect(&expect_error(model.get_model_at(1)), &["'y' is a Dense, not a model", "0 x (Input"]);
    expect(&expect_error(model.get_layer_at(0).unwrap().call(&x).check()), &["computes nothing"]);
}
