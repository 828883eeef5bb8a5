//! Log folders for TensorBoard, read back: the writer, the graph, and the callback in a training.
//! `xtask/tensorboard` reads them with TensorBoard itself.

#[path = "support/events.rs"]
mod events;

use cornu::callbacks::{Callback, CallbackState, TensorBoard, Training};
use cornu::prelude::*;
use cornu::tensorboard::Writer;
use cornu::train::Logs;
use events::{Event, event_files, read, read_run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tensorboard/keras_run.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The model and the data of `xtask/tensorboard/keras_run.py`, up to the numbers.
fn classifier() -> (Sequential, Array, Array) {
    utils::clear_session();
    utils::set_random_seed(1);
    let x: Vec<f32> = (0..512).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
    let y: Vec<u8> = (0..64).map(|i| (i * 7 % 3) as u8).collect();
    let mut model = Sequential::new()
        .add(Input::new([8]))
        .add(Dense::new(4).activation("relu"))
        .add(Dense::new(3).activation("softmax"));
    let loss = "sparse_categorical_crossentropy";
    model.compile("adam", loss).metrics(["accuracy"]).build().unwrap();
    (model, Array::new([64, 8], x).unwrap(), Array::new([64], y).unwrap())
}

fn with_tag<'a>(events: &'a [Event], tag: &str) -> Vec<&'a Event> {
    events.iter().filter(|event| event.tag == tag).collect()
}

fn steps(events: &[Event], tag: &str) -> Vec<u64> {
    with_tag(events, tag).iter().map(|event| event.step).collect()
}

/// The size in the header of a PNG file.
fn png_size(file: &[u8]) -> [u64; 2] {
    assert_eq!(file[..8], *b"\x89PNG\r\n\x1a\n");
    let side = |at: usize| u64::from(u32::from_be_bytes(file[at..at + 4].try_into().unwrap()));
    [side(16), side(20)]
}

#[test]
fn what_a_writer_writes_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("deep/run");
    let mut writer = Writer::new(&run).unwrap();
    for step in [0, 1, 300] {
        writer.scalar("loss", 1.5 / (step + 1) as f64, step).unwrap();
    }
    let values = Array::new([2, 2], vec![0.0f32, 1.0, 1.0, 3.0]).unwrap();
    writer.histogram("layer/kernel", &values, 2).unwrap();
    writer.image("two", Array::zeros([2, 4, 6, 3], DType::U8), 0).unwrap();
    writer.text("notes", "# A *title*\nüñ", 0).unwrap();
    writer.hparams([("units", 8.into()), ("relu", true.into())]).unwrap();
    let path = writer.path().to_path_buf();
    drop(writer);

    assert_eq!(event_files(&run), [path]);
    let events = read_run(&run);
    let losses = with_tag(&events, "loss");
    let seen: Vec<(u64, f32)> = losses.iter().map(|e| (e.step, e.number())).collect();
    assert_eq!(seen, [(0, 1.5), (1, 0.75), (300, 1.5 / 301.0)]);
    assert!(events.iter().all(|event| event.seconds > 1.7e9 && event.seconds < 1e11));
    let plugins: Vec<&str> = events[2..].iter().map(|event| event.plugin.as_str()).collect();
    assert_eq!(plugins, ["scalars", "histograms", "images", "text", "hparams"]);

    let rows = events[3].rows();
    let counts: Vec<f64> = rows.iter().map(|row| row[2]).collect();
    assert_eq!((counts[0], counts[10], counts[29]), (1.0, 2.0, 1.0));
    let (size, images) = events[4].images();
    assert_eq!((size, images.len()), ([6, 4], 2));
    assert!(images.iter().all(|file| png_size(file) == [6, 4]));
    assert_eq!(events[5].text(), "# A *title*\nüñ");
    assert_eq!(events[6].tag, "_hparams_/session_start_info");
    assert!(events[6].content.windows(5).any(|part| part == b"units"));
}

#[test]
fn histograms_are_those_of_tensorboard() {
    let golden = golden();
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(folder.path()).unwrap();
    let cases = golden["histograms"].as_array().unwrap();
    for case in cases {
        let values: Vec<f32> = serde_json::from_value(case["values"].clone()).unwrap();
        let array = Array::new([values.len()], values).unwrap();
        writer.histogram("h", &array, 0).unwrap();
    }
    drop(writer);
    let events = read_run(folder.path());
    assert_eq!((cases.len(), events.len()), (5, 5));
    for (case, event) in cases.iter().zip(&events) {
        let expected: Vec<[f64; 3]> = serde_json::from_value(case["rows"].clone()).unwrap();
        for (ours, theirs) in event.rows().iter().zip(&expected) {
            let near = |i: usize| (ours[i] - theirs[i]).abs() < 1e-12;
            assert!(near(0) && near(1) && ours[2] == theirs[2], "{ours:?} {theirs:?}");
        }
    }
}

#[test]
fn events_can_be_read_while_the_writer_lives() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(folder.path()).unwrap();
    assert!(read_run(folder.path()).is_empty());
    writer.scalar("a", 1.0, 0).unwrap();
    // Gathered, so that a step does not wait for the disk.
    assert!(read_run(folder.path()).is_empty());
    writer.flush().unwrap();
    assert_eq!(read_run(folder.path()).len(), 1);
}

#[test]
fn writers_of_one_folder_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let mut writers = [(); 3].map(|()| Writer::new(folder.path()).unwrap());
    for (i, writer) in writers.iter_mut().enumerate() {
        writer.scalar("a", i as f64, 0).unwrap();
        writer.flush().unwrap();
    }
    let files = event_files(folder.path());
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| read(file).len() == 2));
}

#[test]
fn hostile_tags_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(folder.path()).unwrap();
    let tags = ["../../etc", "a\0b\n\"<script>", "ü".repeat(1000).as_str(), "a/b/", " "]
        .map(str::to_owned);
    for tag in &tags {
        writer.scalar(tag, f64::NAN, u64::MAX).unwrap();
    }
    assert!(writer.scalar("", 1.0, 0).unwrap_err().to_string().contains("tag"));
    drop(writer);
    let events = read_run(folder.path());
    assert!(events.iter().map(|event| &event.tag).eq(&tags));
    assert!(events.iter().all(|event| event.number().is_nan() && event.step == u64::MAX));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn siamese() -> Model {
    utils::clear_session();
    let tower = Sequential::with_name("tower/:1")
        .add(Input::new([6]))
        .add(Dense::new(5).activation("relu"))
        .add(Dense::new(2).name("say \"{hi}\""));
    let input = |name| Tensor::from(Input::new([6]).name(name));
    let (left, right) = (input("left"), input("right"));
    let difference = tower.call(&left) - tower.call(&right);
    Model::new([&left, &right], ops::norm(difference, Axis::new(1).keepdims())).unwrap()
}

#[test]
fn the_graph_shows_each_use_of_a_shared_model() {
    let folder = tempfile::tempdir().unwrap();
    Writer::new(folder.path()).unwrap().graph(&siamese()).unwrap();
    let events = read_run(folder.path());
    let nodes: Vec<(&str, &str, Vec<&str>)> = events[1]
        .graph
        .iter()
        .map(|n| (n.name.as_str(), n.op.as_str(), n.inputs.iter().map(String::as_str).collect()))
        .collect();
    let (first, second) = ("tower__1/", "tower__1_use_2/");
    let at = |scope: &str, name: &str| format!("{scope}{name}");
    let (d1, d2) = (at(first, "dense"), at(second, "dense"));
    let (e1, e2) = (at(first, "say___hi__"), at(second, "say___hi__"));
    assert_eq!(
        nodes,
        [
            ("left", "InputLayer", vec![]),
            ("right", "InputLayer", vec![]),
            (&d1, "Dense", vec!["left"]),
            (&e1, "Dense", vec![&d1]),
            (&d2, "Dense", vec!["right"]),
            (&e2, "Dense", vec![&d2]),
            ("subtract", "Subtract", vec![&e1, &e2]),
            ("norm", "Norm", vec!["subtract"]),
        ]
    );
    let attributes = &events[1].graph[2].attributes;
    for name in ["_output_shapes", "params", "units", "activation"] {
        assert!(attributes.iter().any(|known| known == name), "{name} in {attributes:?}");
    }
}

#[test]
fn the_conceptual_graph_is_keras_json() {
    let folder = tempfile::tempdir().unwrap();
    Writer::new(folder.path()).unwrap().graph(&siamese()).unwrap();
    let event = &read_run(folder.path())[0];
    assert_eq!((event.tag.as_str(), event.plugin.as_str()), ("keras", "graph_keras_model"));
    assert_eq!(event.content, b"1");
    let model: Value = serde_json::from_str(event.text()).unwrap();
    assert_eq!(model["class_name"], "Functional");
    let layers = model["config"]["layers"].as_array().unwrap();
    let names: Vec<&Value> = layers.iter().map(|layer| &layer["config"]["name"]).collect();
    assert_eq!(names, ["left", "right", "tower__1", "subtract", "norm"]);
    let history = |layer: usize, node: usize, argument: usize| {
        let node = &layers[layer]["inbound_nodes"][node];
        node["args"][argument]["config"]["keras_history"].clone()
    };
    assert_eq!(history(2, 0, 0), serde_json::json!(["left", 0, 0]));
    assert_eq!(history(2, 1, 0), serde_json::json!(["right", 0, 0]));
    assert_eq!(history(3, 0, 1), serde_json::json!(["tower__1/say___hi__", 1, 0]));
    assert_eq!(layers[2]["config"]["layers"].as_array().unwrap().len(), 3);

    let unbuilt = Sequential::new().add(Dense::new(1));
    let error = Writer::new(folder.path()).unwrap().graph(&unbuilt).unwrap_err().to_string();
    assert!(error.contains("not built"), "{error}");
}

#[test]
fn a_training_writes_what_keras_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, x, y) = classifier();
    let board = TensorBoard::new(folder.path())
        .histogram_freq(1)
        .write_images(true)
        .write_steps_per_second(true)
        .update_freq("batch");
    let history = model
        .fit(&x, &y)
        .epochs(2)
        .batch_size(16)
        .validation_split(0.25)
        .callback(board)
        .verbose(0)
        .run()
        .unwrap();

    let golden = golden();
    for (run, expected) in golden["runs"].as_object().unwrap() {
        let events = read_run(&folder.path().join(run));
        let mut found: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in events.iter().filter(|event| event.graph.is_empty()) {
            found.entry(&event.tag).or_default().push(event);
        }
        let tags: Vec<&str> = found.keys().copied().collect();
        let mut keras: Vec<&str> =
            expected.as_object().unwrap().keys().map(|k| k.as_str()).collect();
        keras.sort_unstable();
        assert_eq!(tags, keras, "{run}");
        for (tag, events) in found {
            let expected = &expected[tag];
            assert!(
                events.iter().all(|event| expected["plugin"] == event.plugin.as_str()),
                "{tag}"
            );
            if let Ok(steps) = serde_json::from_value::<Vec<u64>>(expected["steps"].clone()) {
                assert!(events.iter().map(|event| event.step).eq(steps), "{tag}");
            }
            if let Ok(size) = serde_json::from_value::<[u64; 2]>(expected["size"].clone()) {
                assert_eq!(events[0].images().0, size, "{tag}");
                assert_eq!(expected["images"], events[0].images().1.len(), "{tag}");
            }
        }
    }

    let train = read_run(&folder.path().join("train"));
    let validation = read_run(&folder.path().join("validation"));
    let numbers = |events: &[Event], tag: &str| -> Vec<f32> {
        with_tag(events, tag).iter().map(|event| event.number()).collect()
    };
    let recorded = |name: &str| history[name].iter().map(|&v| v as f32).collect::<Vec<f32>>();
    assert_eq!(numbers(&train, "epoch_loss"), recorded("loss"));
    assert_eq!(numbers(&train, "epoch_learning_rate"), [0.001; 2]);
    assert_eq!(numbers(&validation, "epoch_accuracy"), recorded("val_accuracy"));
    assert_eq!(numbers(&validation, "evaluation_loss_vs_iterations"), recorded("val_loss"));
    // The figures of the last batch are those of the epoch.
    assert_eq!(numbers(&train, "batch_loss")[2], recorded("loss")[0]);
    assert!(numbers(&train, "epoch_steps_per_second").iter().all(|&rate| rate > 0.0));
    let kernel = model.weights().unwrap()[0].value();
    let last = with_tag(&train, "sequential/dense/kernel/histogram")[1].rows();
    assert_eq!(last.iter().map(|row| row[2]).sum::<f64>(), kernel.len() as f64);
    let largest = kernel.values().to_f64().into_iter().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(last[29][1], largest);
}

#[test]
fn without_options_nothing_is_written_for_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, x, y) = classifier();
    let board = TensorBoard::new(folder.path());
    model.fit(&x, &y).epochs(3).batch_size(1).callback(board).verbose(0).run().unwrap();
    let events = read_run(&folder.path().join("train"));
    // The graph twice, then loss, accuracy and learning rate of each epoch.
    assert_eq!(events.len(), 2 + 3 * 3);
    assert!(!folder.path().join("validation").exists());
}

#[test]
fn figures_of_batches_are_written_at_multiples_of_update_freq() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, x, y) = classifier();
    let board = TensorBoard::new(folder.path()).update_freq(3).histogram_freq(2).write_graph(false);
    model.fit(&x, &y).epochs(4).batch_size(16).callback(board).verbose(0).run().unwrap();
    let events = read_run(&folder.path().join("train"));
    assert_eq!(steps(&events, "batch_loss"), [3, 6, 9, 12, 15]);
    assert_eq!(steps(&events, "epoch_loss"), [0, 1, 2, 3]);
    assert_eq!(steps(&events, "sequential/dense_1/bias/histogram"), [0, 2]);
    assert!(with_tag(&events, "keras").is_empty());
    assert!(with_tag(&events, "batch_steps_per_second").is_empty());
}

/// Reads the log folder in the middle of a training.
struct Reads<'a>(&'a Path, Vec<usize>);

impl Callback for Reads<'_> {
    fn on_epoch_begin(&mut self, _: &mut Training<'_>, _: usize) -> Result<()> {
        self.1.push(with_tag(&read_run(self.0), "epoch_loss").len());
        Ok(())
    }

    fn on_epoch_end(&mut self, _: &mut Training<'_>, _: usize, _: &mut Logs) -> Result<()> {
        self.1.push(with_tag(&read_run(self.0), "epoch_loss").len());
        Ok(())
    }
}

#[test]
fn a_killed_run_can_be_read_up_to_its_last_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let train = folder.path().join("train");
    let (mut model, x, y) = classifier();
    let mut reads = Reads(&train, vec![]);
    let board = TensorBoard::new(folder.path());
    let fit = model.fit(&x, &y).epochs(2).verbose(0).callback(board);
    fit.callback(&mut reads).run().unwrap();
    assert_eq!(reads.1, [0, 1, 1, 2]);
}

#[test]
fn an_evaluation_is_written_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, x, y) = classifier();
    model.fit(&x, &y).verbose(0).run().unwrap();
    let mut board = TensorBoard::new(folder.path());
    let figures = model.evaluate(&x, &y).verbose(0).callback(&mut board).run().unwrap();
    let events = read_run(&folder.path().join("validation"));
    assert_eq!(steps(&events, "evaluation_loss_vs_iterations"), [2]);
    let loss = with_tag(&events, "evaluation_loss_vs_iterations")[0].number();
    assert_eq!(loss, figures["loss"] as f32);
    assert!(!folder.path().join("train").exists());
}

#[test]
fn a_training_taken_up_again_counts_on() {
    let mut board = TensorBoard::new("unused");
    assert_eq!(board.state(), CallbackState::new(0));
    board.set_state(&CallbackState::new(7)).unwrap();
    assert_eq!(board.state(), CallbackState::new(7));
    let error = board.set_state(&CallbackState::default()).unwrap_err().to_string();
    assert!(error.contains("the state of a callback in the backup does not fit"), "{error}");
}

#[test]
fn mistakes_end_the_training_before_its_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    fs::create_dir(folder.path().join("half")).unwrap();
    fs::write(folder.path().join("half/validation"), "in the way").unwrap();
    let good = || TensorBoard::new(folder.path().join("logs"));
    let (mut model, x, y) = classifier();
    let before = model.get_weights().unwrap();
    for (board, parts) in [
        (TensorBoard::new(&file), ["file/train", "log folder cannot be written"]),
        (TensorBoard::new(folder.path().join("half")), ["half/validation", "there is a file"]),
        (good().update_freq("epochs"), ["update_freq", "did you mean 'epoch'"]),
        (good().update_freq(0), ["update_freq", "at least 1"]),
        (good().profile_batch(2), ["profile_batch", "must be 0"]),
        (
            good().embeddings_freq(1).embeddings_metadata_of("words", "words.tsv"),
            ["Embedding layer", "'words'"],
        ),
        (
            good().embeddings_freq(1).embeddings_metadata("../words.tsv"),
            ["../words.tsv", "not in the log folder"],
        ),
    ] {
        let error = model.fit(&x, &y).verbose(0).callback(board).run().unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "no '{part}' in {error}");
        }
    }
    assert_eq!(model.get_weights().unwrap(), before);
    assert!(!folder.path().join("logs").exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

/// A layer that is called as Keras's, with vectors for four words.
#[derive(Debug)]
struct Words;

impl Layer for Words {
    fn kind(&self) -> &str {
        "Embedding"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let table = scope.weight("embeddings", [4, 2], Initializer::from("uniform"))?;
        Ok(ops::matmul(one_input(inputs)?, &table))
    }
}

#[test]
fn vectors_of_embedding_layers_are_written_for_the_projector() {
    utils::set_random_seed(3);
    let folder = tempfile::tempdir().unwrap();
    let inner = Sequential::new().add(Input::new([4])).add(Words.name("words"));
    let mut model = Sequential::new().add(inner).add(Dense::new(1));
    model.compile("sgd", "mse").build().unwrap();
    let x = Array::new([4, 4], (0..16).map(|i| f32::from(u8::from(i % 5 == 0))).collect()).unwrap();
    let y = Array::new([4, 1], vec![0.0f32, 1.0, 2.0, 3.0]).unwrap();
    let board = TensorBoard::new(folder.path())
        .embeddings_freq(1)
        .embeddings_metadata_of("words", "words.tsv");
    model.fit(&x, &y).epochs(2).callback(board).verbose(0).run().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let config = read("projector_config.pbtxt");
    assert!(config.contains("tensor_name: \"words\""), "{config}");
    assert!(config.contains("metadata_path: \"words.tsv\""), "{config}");
    let numbers: Vec<f32> = read("projector/words/tensors.tsv")
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let weights = model.weights().unwrap();
    assert_eq!(numbers, weights[0].value().as_slice::<f32>().unwrap());
}
