//! Files of strangers. Whatever is in one, reading it ends soon, in the memory below, with a model or
//! an error that says what is wrong: no panic, no endless work.

use cornu::model::Model;
use cornu::prelude::*;
use cornu::{Array, load_model};
use serde_json::{Value, json};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// More than this, in bytes, and the allocator refuses.
#[global_allocator]
static MEMORY: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, 500 << 20);

/// The memory is for one test.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A member of an archive: its name and content.
type Member<'a> = (&'a str, &'a [u8]);

fn small() -> Sequential {
    Sequential::with_name("small")
        .add(Input::new([4]).name("x"))
        .add(Dense::new(3).name("hidden"))
        .add(Dense::new(2).name("y"))
}

/// The bytes of a model that was compiled and saved.
fn saved(ending: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("model{ending}"));
    let mut model = small();
    model.compile("adam", "mse").build().unwrap();
    model
        .fit(Array::zeros([2, 4], DType::F32), Array::zeros([2, 2], DType::F32))
        .verbose(0)
        .run()
        .unwrap();
    match ending.contains("weights") || ending == ".safetensors" {
        true => model.save_weights(&path).unwrap(),
        false => model.save(&path).unwrap(),
    }
    fs::read(path).unwrap()
}

fn zipped(members: &[Member<'_>]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn weights() -> Vec<u8> {
    saved(".weights.h5")
}

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn load(content: &[u8]) -> Result<Model> {
    load_model(file(content).1)
}

/// A model of layers one after another, behind an input.
fn sequential(input: Value, layers: &[Value]) -> Value {
    let input =
        json!({ "class_name": "InputLayer", "config": { "name": "x", "batch_shape": input } });
    let layers: Vec<&Value> = std::iter::once(&input).chain(layers).collect();
    json!({ "class_name": "Sequential", "config": { "name": "m", "layers": layers } })
}

fn layer(class: &str, config: Value) -> Value {
    json!({ "class_name": class, "config": config })
}

/// An entry of a functional model that is called on results: `(name, call)`.
fn entry(mut layer: Value, name: &str, calls: &[&[(&str, usize)]]) -> Value {
    layer["name"] = json!(name);
    layer["config"]["name"] = json!(name);
    layer["inbound_nodes"] = calls
        .iter()
        .map(|inputs| {
            let tensor = |(name, call): &(&str, usize)| tensor(name, *call);
            json!({ "args": [inputs.iter().map(tensor).collect::<Vec<_>>()], "kwargs": {} })
        })
        .collect();
    layer
}

fn tensor(name: &str, call: usize) -> Value {
    json!({ "class_name": "__keras_tensor__", "config": { "keras_history": [name, call, 0] } })
}

fn input() -> Value {
    entry(layer("InputLayer", json!({ "batch_shape": [null, 4] })), "x", &[])
}

/// A functional model of entries behind an input `x` of four features.
fn functional(name: &str, entries: Vec<Value>, output: (&str, usize)) -> Value {
    let layers: Vec<Value> = std::iter::once(input()).chain(entries).collect();
    layer(
        "Functional",
        json!({
            "name": name, "layers": layers,
            "input_layers": [["x", 0, 0]], "output_layers": [[output.0, output.1, 0]],
        }),
    )
}

/// Expects an error that has one of the words (separated by `|`) in it.
fn refused<T>(what: &str, result: Result<T>, words: &str) {
    match result {
        Ok(_) => panic!("{what} was accepted"),
        Err(error) => {
            let text = error.to_string();
            assert!(words.split('|').any(|word| text.contains(word)), "{what}: {text}");
            assert!(text.len() < 2000, "{what}: a message of {} bytes", text.len());
        }
    }
}

fn refused_config(what: &str, config: &Value, words: &str) {
    refused(what, Model::from_json(&config.to_string()), words);
}

#[test]
fn files_that_are_cut_or_damaged() {
    let _alone = alone();
    for ending in [".keras", ".h5", ".weights.h5", ".safetensors"] {
        let whole = saved(ending);
        let folder = tempfile::tempdir().unwrap();
        let mut model = small();
        let is_model = matches!(ending, ".keras" | ".h5");
        let mut read = |content: &[u8], i: usize| {
            let path = folder.path().join(i.to_string());
            fs::write(&path, content).unwrap();
            let _ = Model::read_metadata(&path);
            let weights = model.load_weights(&path);
            let loaded = load_model(&path).map(|_| ());
            if is_model { loaded } else { weights }
        };
        read(&whole, 0).unwrap();
        for i in 0..60 {
            let result = read(&whole[..whole.len() * i / 60], i + 1);
            refused(&format!("{i}/60 of a {ending} file"), result, "cut|no .keras|damaged|not");
        }
        // Each byte of a hundred is damaged: a value may be, unseen.
        for i in 0..100 {
            let mut damaged = whole.clone();
            let at = whole.len() * i / 100;
            damaged[at] ^= 1 << (i % 8);
            let _ = read(&damaged, 100 + i);
        }
    }
}

#[test]
fn archives_that_are_too_large_or_lead_elsewhere() {
    let _alone = alone();
    let config = small().to_json().unwrap();
    let (config, weights) = (("config.json", config.as_bytes()), ("model.weights.h5", &*weights()));
    load(&zipped(&[config, weights])).unwrap();

    let spaces = vec![b' '; 70 << 20];
    let bomb = zipped(&[("config.json", &spaces), weights]);
    assert!(bomb.len() < 1 << 20);
    refused("a bomb of JSON", load(&bomb), "limit");
    let bomb = zipped(&[config, ("model.weights.h5", &spaces)]);
    refused("a bomb of weights", load(&bomb), "limit");
    drop(spaces);
    let values = format!("[{}1]", "{},".repeat(5 << 20));
    refused(
        "JSON of many values",
        load(&zipped(&[("config.json", values.as_bytes()), weights])),
        "values",
    );
    refused("JSON of many values", Model::from_json(&values), "values");
    drop(values);

    for name in ["../config.json", "/etc/config.json", "assets/../../x", "C:\\x", "a//b"] {
        let archive = zipped(&[config, weights, (name, b"{}")]);
        refused(name, load(&archive), "lead out|member");
    }
    refused("no model", load(&zipped(&[weights])), "weights but no model");
    refused("no weights", load(&zipped(&[config])), "model.weights.h5");
    refused("nothing", load(&zipped(&[])), "no .keras|empty|no such file");
    refused("no text", load(&zipped(&[("config.json", b"\xff\xfe{}"), weights])), "JSON");
    refused("NaN", load(&zipped(&[("config.json", b"{\"class_name\": NaN}"), weights])), "class");
    refused("a list", load(&zipped(&[("config.json", b"[]"), weights])), "class_name");
    let metadata = json!({ "version": 1, "metadata": { "x": "y".repeat(5 << 20) } }).to_string();
    let state = ("assets/cornu/state.json", metadata.as_bytes());
    refused("long metadata", load(&zipped(&[config, weights, state])), "metadata");
}

#[test]
fn hdf5_of_huge_shapes_links_and_circles() {
    let _alone = alone();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/h5");
    let mut model = small();
    for name in
        ["bomb", "circle_earliest", "circle_latest", "external", "virtual", "soft_latest", "texts"]
    {
        let path = fixtures.join(name).with_extension("h5");
        refused(name, model.load_weights(&path), "");
        refused(name, load_model(&path), "");
    }
    // The shape of the kernel (4, 3), in its place.
    let shape: Vec<u8> = [4u64, 3].iter().flat_map(|size| size.to_le_bytes()).collect();
    let mut weights = weights();
    let at = weights.windows(16).position(|bytes| bytes == shape).unwrap();
    for (rows, words) in [
        (1u64 << 40, "longer|cut"),
        (u64::MAX, ""),
        (0, "(0, 3)|more weights"),
        (5, "(5, 3)|longer|cut"),
    ] {
        weights[at..at + 8].copy_from_slice(&rows.to_le_bytes());
        let (_folder, path) = file(&weights);
        refused(&format!("{rows} rows"), model.load_weights(&path), words);
        let config = small().to_json().unwrap();
        let archive = zipped(&[("config.json", config.as_bytes()), ("model.weights.h5", &weights)]);
        refused(&format!("{rows} rows"), load(&archive), words);
    }
}

#[test]
fn weights_of_another_model() {
    let _alone = alone();
    let weights = weights();
    let other = |config: &Value| {
        load(&zipped(&[
            ("config.json", config.to_string().as_bytes()),
            ("model.weights.h5", &weights),
        ]))
    };
    let dense = |units: Value| layer("Dense", json!({ "units": units, "name": "hidden" }));
    let chain = |width: u64, layers: &[Value]| sequential(json!([null, width]), layers);
    refused("wider", other(&chain(4, &[dense(json!(5)), dense(json!(2))])), "named 'hidden'");
    refused("other units", other(&chain(4, &[dense(json!(5))])), "(4, 5)|more weights");
    refused("other input", other(&chain(7, &[dense(json!(3))])), "(7, 3)|more weights");
    refused(
        "4 GB of units",
        other(&chain(4, &[dense(json!(1_000_000_000))])),
        "more weights|no memory",
    );
    let fifty: Vec<Value> = (0..50)
        .map(|i| layer("Dense", json!({ "units": 10_000, "name": format!("d{i}") })))
        .collect();
    refused("20 GB in fifty layers", other(&chain(4, &fifty)), "more weights|no memory");
    refused("4 TB of inputs", other(&chain(1 << 40, &[dense(json!(1))])), "more weights|no memory");
    refused("no units", other(&chain(4, &[dense(json!(0))])), "units");
    refused("negative units", other(&chain(4, &[dense(json!(-3))])), "units");
    refused("units in words", other(&chain(4, &[dense(json!("three"))])), "units");
    refused("half units", other(&chain(4, &[dense(json!(2.5))])), "units");
    let strings = json!({ "class_name": "InputLayer", "config": { "batch_shape": [null, 4], "dtype": "string" } });
    let model = json!({ "class_name": "Sequential", "config": { "layers": [strings] } });
    refused("texts", other(&model), "string");
}

#[test]
fn graphs_that_are_circles_or_lead_nowhere() {
    let _alone = alone();
    let dense = || layer("Dense", json!({ "units": 4 }));
    let model = |entries, output| functional("m", entries, output);
    let a = |of: &str| entry(dense(), "a", &[&[(of, 0)]]);
    let b = |of: &str| entry(dense(), "b", &[&[(of, 0)]]);
    refused_config("two feed each other", &model(vec![a("b"), b("a")], ("b", 0)), "circle");
    refused_config("one feeds itself", &model(vec![a("a")], ("a", 0)), "circle");
    refused_config("an unknown layer", &model(vec![a("c")], ("a", 0)), "no layer 'c'");
    refused_config("an unknown output", &model(vec![a("x")], ("c", 0)), "no layer 'c'");
    refused_config("an unknown call", &model(vec![a("x")], ("a", 7)), "call 7");
    refused_config("a name twice", &model(vec![a("x"), a("x")], ("a", 0)), "two");
    let long = "n".repeat(1 << 20);
    refused_config("a long name", &model(vec![a(&long)], ("a", 0)), "nnn");
    refused_config("no layers", &layer("Functional", json!({ "layers": [] })), "");
    refused_config(
        "layers that are none",
        &layer("Functional", json!({ "layers": 3 })),
        "list of layers",
    );
}

/// Models of which each calls the one before it so many times. It stands in the file once, and is
/// known by its number where it is used.
fn tower(levels: usize, calls: usize) -> Value {
    let mut inner = entry(layer("Dense", json!({ "units": 4 })), "inner", &[]);
    let mut models = vec![];
    for level in 0..levels {
        let (of, name) = (inner["name"].as_str().unwrap().to_owned(), format!("level{level}"));
        let nodes = (0..calls).map(|call| match call.checked_sub(1) {
            None => json!({ "args": [tensor("x", 0)], "kwargs": {} }),
            Some(before) => json!({ "args": [tensor(&of, before)], "kwargs": {} }),
        });
        inner["inbound_nodes"] = nodes.collect();
        // The making of a model counts as its first call to Keras.
        let output = calls - 1 + usize::from(level > 0);
        let mut model = entry(functional(&name, vec![inner], (&of, output)), &name, &[]);
        model["shared_object_id"] = json!(level);
        inner = json!({
            "class_name": "Functional", "name": name, "shared_object_id": level, "config": {}
        });
        models.push(model);
    }
    let last = models.last_mut().unwrap();
    last["inbound_nodes"] = json!([{ "args": [tensor("x", 0)], "kwargs": {} }]);
    let name = last["name"].as_str().unwrap().to_owned();
    functional("top", models, (&name, 1))
}

#[test]
fn models_in_models_without_end() {
    let _alone = alone();
    let started = Instant::now();
    assert!(Model::from_json(&tower(3, 2).to_string()).unwrap().count_params().is_ok());
    refused_config("2^40 calls", &tower(40, 2), "250000 calls");
    refused_config("a thousand models in models", &tower(1000, 1), "64 models in models");
    let mut nested = layer("Dense", json!({ "units": 1 }));
    for i in 0..60 {
        nested = layer("Sequential", json!({ "name": format!("s{i}"), "layers": [nested] }));
    }
    refused_config("deep JSON", &nested, "recursion limit");
    refused("brackets", Model::from_json(&"[".repeat(1 << 20)), "recursion limit");
    let many: Vec<Value> =
        (0..20_001).map(|i| layer("Identity", json!({ "name": i.to_string() }))).collect();
    refused_config("many layers", &sequential(json!([null, 4]), &many), "20000 layers");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn settings_that_make_no_sense() {
    let _alone = alone();
    let huge = json!(1u64 << 62);
    let (line, image) = (json!([null, 8, 4]), json!([null, 8, 8, 3]));
    let cases = [
        (&line, layer("RepeatVector", json!({ "n": huge })), "RepeatVector|repeat_vector"),
        (&line, layer("Permute", json!({ "dims": [1, 1] })), "order"),
        (&line, layer("Permute", json!({ "dims": [huge, 2] })), "order"),
        (&line, layer("Reshape", json!({ "target_shape": [huge, huge] })), "reshape"),
        (&line, layer("Reshape", json!({ "target_shape": [-2, 3] })), "reshape"),
        (&line, layer("Reshape", json!({ "target_shape": [0, -1] })), "reshape"),
        (&image, layer("UpSampling2D", json!({ "size": [huge, huge] })), ""),
        (&image, layer("UpSampling2D", json!({ "size": 0 })), "size"),
        (&image, layer("ZeroPadding2D", json!({ "padding": huge })), "memory"),
        (&image, layer("Cropping2D", json!({ "cropping": huge })), "cropping"),
        (&image, layer("MaxPooling2D", json!({ "pool_size": 0 })), "pool"),
        (&image, layer("MaxPooling2D", json!({ "pool_size": huge })), "larger"),
        (&image, layer("MaxPooling2D", json!({ "pool_size": 2, "strides": 0 })), "stride"),
        (&image, layer("Conv2D", json!({ "filters": 2, "kernel_size": 0 })), "kernel_size"),
        (
            &image,
            layer("Conv2D", json!({ "filters": 2, "kernel_size": 3, "strides": 0 })),
            "stride",
        ),
        (
            &image,
            layer("Conv2D", json!({ "filters": 2, "kernel_size": 3, "dilation_rate": huge })),
            "larger",
        ),
        (&image, layer("Conv2D", json!({ "filters": 2, "kernel_size": 3, "groups": 0 })), "groups"),
        (&line, layer("BatchNormalization", json!({ "axis": 9 })), "axis"),
        (&line, layer("BatchNormalization", json!({ "axis": [1, 1] })), "axes"),
        (&line, layer("LayerNormalization", json!({ "axis": -9 })), "axis"),
        (&line, layer("GroupNormalization", json!({ "groups": 3 })), "groups"),
        (&line, layer("GroupNormalization", json!({ "groups": 0 })), "groups"),
        (
            &line,
            layer("Normalization", json!({ "mean": [1, 2, 3], "variance": [1, 2, 3] })),
            "mean",
        ),
        (&line, layer("PReLU", json!({ "shared_axes": [7] })), "axes|axis"),
        (&line, layer("Softmax", json!({ "axis": 5 })), "axis"),
        (&line, layer("Dropout", json!({ "rate": -1 })), "rate"),
        (
            &line,
            layer("EinsumDense", json!({ "equation": "ab->", "output_shape": [1] })),
            "equation|einsum",
        ),
        (&line, layer("Embedding", json!({ "input_dim": 0, "output_dim": 0 })), ""),
        (&line, layer("Lambda", json!({ "function": ["code"] })), "bytecode"),
        (&line, layer("Nothing", json!({})), "Nothing"),
        (&line, layer("../Dense", json!({ "units": 1 })), "../Dense"),
    ];
    for (input, layer, words) in cases {
        refused_config(&layer.to_string(), &sequential(input.clone(), &[layer]), words);
    }
    let dims = vec![1; 1000];
    let flat = layer("Flatten", json!({}));
    let relu = layer("ReLU", json!({}));
    refused_config("a thousand axes", &sequential(json!(dims), &[relu]), "axes");
    for shape in
        [json!([null, huge, huge]), json!([null, -4]), json!("x"), json!([]), json!([null, null])]
    {
        refused_config(&shape.to_string(), &sequential(shape, std::slice::from_ref(&flat)), "");
    }
}

#[test]
fn a_model_larger_than_memory_predicts_an_error() {
    let _alone = alone();
    let repeat = layer("RepeatVector", json!({ "n": 1u64 << 40 }));
    let model = Model::from_json(&sequential(json!([null, 4]), &[repeat]).to_string()).unwrap();
    refused("4 TiB", model.predict(Array::zeros([1, 4], DType::F32)).verbose(0).run(), "memory");
}

#[test]
fn whoever_is_killed_while_saving_leaves_a_whole_file() {
    let _alone = alone();
    const PATH: &str = "CORNU_SAVE_FOREVER";
    if let Ok(path) = std::env::var(PATH) {
        let model = small();
        loop {
            model.save(&path).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    for i in 0..20u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "whoever_is_killed_while_saving_leaves_a_whole_file"])
            .env(PATH, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // The first is waited for until there is a file; the others die wherever they are.
        while !path.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(5_000 + 7_919 * (i * i % 17)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(load_model(&path).unwrap().count_params().unwrap(), 23, "kill {i}");
    }
}
