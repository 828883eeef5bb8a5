//! `model.summary()` against the text that Keras prints, and what Keras's fixtures do not show.

use cornu::prelude::*;

type Anything = std::result::Result<(), Box<dyn std::error::Error>>;

/// Cases that cannot be built yet, with the reason.
const SKIPPED: &[(&str, &str)] = &[];

fn mlp() -> Sequential {
    Sequential::from_layers(layers![
        Input::new([784]),
        Dense::new(512),
        Activation::new("relu"),
        Dropout::new(0.2),
        Dense::new(512),
        Activation::new("relu"),
        Dropout::new(0.2),
        Dense::new(10),
        Activation::new("softmax"),
    ])
}

fn mlp_compiled() -> Result<Sequential> {
    let mut model = mlp();
    model.compile("rmsprop", "categorical_crossentropy").metric("accuracy").build()?;
    Ok(model)
}

/// One step is enough for the optimizer to make its variables.
fn trained(mut model: Sequential, sample: &[usize]) -> Result<Sequential> {
    let size: usize = sample.iter().product();
    let shape: Vec<usize> = [1].iter().chain(sample).copied().collect();
    let x = Array::new(shape, vec![0.0f32; size])?;
    let y = Array::new([1, 10], vec![0.1f32; 10])?;
    model.fit(&x, &y).verbose(0).run()?;
    Ok(model)
}

fn tower() -> Sequential {
    Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(512).activation("relu"))
        .add(Dense::new(256).activation("relu"))
        .add(Dense::new(128))
}

/// Keras calls the siamese models `functional_1` because its own `functional` is inside the
/// Sequential.
fn siamese(with_lambda: bool) -> Result<Model> {
    let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    let tower = tower();
    let twins = [tower.call(&left), tower.call(&right)];
    let distance = if with_lambda {
        let distance = |t: &[Tensor]| ops::norm(&t[0] - &t[1], Axis::new(1).keepdims());
        Lambda::new(distance).call(&twins[..])
    } else {
        ops::norm(&twins[0] - &twins[1], Axis::new(1).keepdims())
    };
    Model::with_name("functional_1", [&left, &right], &distance)
}

fn cnn() -> Sequential {
    Sequential::from_layers(layers![
        Input::new([28, 28, 1]),
        Conv2D::new(64, 3).activation("relu"),
        Conv2D::new(128, 3).activation("relu"),
        MaxPooling2D::new(2),
        Dropout::new(0.25),
        Flatten::new(),
        Dense::new(128).activation("relu"),
        Dropout::new(0.25),
        Dense::new(10).activation("softmax"),
    ])
}

fn cnn_trained() -> Result<Sequential> {
    let mut model = cnn();
    model.compile("adadelta", "categorical_crossentropy").build()?;
    trained(model, &[28, 28, 1])
}

fn unbuilt() -> Sequential {
    Sequential::from_layers(layers![
        Dense::new(32).activation("relu"),
        BatchNormalization::new(),
        Dropout::new(0.1),
        Dense::new(1),
    ])
}

fn chain() -> Result<Model> {
    let x: Tensor = Input::new([16]).name("features").into();
    let h = Dense::new(8).name("a_layer_with_quite_a_long_name_of_its_own").call(&x);
    let h = BatchNormalization::new().call(&h);
    let frozen = Dense::new(4).shared();
    let y = Dense::new(1).call(frozen.call(&h));
    frozen.weights().iter().for_each(|weight| weight.set_trainable(false));
    Model::with_name("chain", &x, &y)
}

fn nested() -> Result<Model> {
    let x = Input::tensor([4]);
    let deep = Dense::new(3).name("deep").call(Dense::new(4).name("deeper").call(&x));
    let inner = Model::with_name("inner", &x, &deep)?;
    let encoder =
        Sequential::with_name("encoder").add(Input::new([6])).add(Dense::new(4)).add(inner);
    let outer = Sequential::with_name("outer").add(Input::new([6])).add(encoder);
    Ok(outer.add(Dense::new(2)).into())
}

fn two_outputs() -> Result<Model> {
    let (a, b): (Tensor, Tensor) =
        (Input::new([4]).name("a").into(), Input::new([3]).name("b").into());
    let joined = Concatenate::new().call([&Dense::new(4).activation("relu").call(&a), &b]);
    let (kind, size) = (Dense::new(3).name("kind"), Dense::new(1).name("size"));
    Model::new([&a, &b], [&kind.call(&joined), &size.call(&joined)])
}

/// The model of a fixture; `None` if there is none of this name.
fn model(name: &str) -> Result<Option<Model>> {
    Ok(Some(match name {
        "mlp" => mlp().into(),
        "mlp_compiled" => mlp_compiled()?.into(),
        "mlp_trained" => trained(mlp_compiled()?, &[784])?.into(),
        "siamese" => siamese(true)?,
        "siamese_operations" => siamese(false)?,
        "cnn" => cnn().into(),
        "cnn_trained" => cnn_trained()?.into(),
        "unbuilt" => unbuilt().into(),
        "empty" => Sequential::new().into(),
        "chain" => chain()?,
        "nested" => nested()?,
        "two_outputs" => two_outputs()?,
        _ => return Ok(None),
    }))
}

#[test]
fn the_text_is_keras_s() -> Anything {
    let fixtures: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/keras/summary.json"))?;
    let cases = fixtures["cases"].as_array().ok_or("no cases")?;
    let mut mistakes = String::new();
    for case in cases {
        let name = case["name"].as_str().ok_or("a case without a name")?;
        if SKIPPED.iter().any(|(skipped, _)| *skipped == name) {
            continue;
        }
        utils::clear_session();
        let model = model(name)?.ok_or_else(|| format!("no model for the case {name}"))?;
        let columns = case["columns"].as_u64().ok_or("a case without columns")?;
        let mut summary = model.summary().columns(columns as usize);
        for (argument, value) in case["arguments"].as_object().ok_or("no arguments")? {
            summary = match (argument.as_str(), value.as_u64(), value.as_bool()) {
                ("line_length", Some(length), _) => summary.line_length(length as usize),
                ("expand_nested", _, Some(yes)) => summary.expand_nested(yes),
                ("show_trainable", _, Some(yes)) => summary.show_trainable(yes),
                _ => return Err(format!("{name}: unknown argument {argument}={value}").into()),
            };
        }
        let (ours, theirs) = (format!("{summary}\n"), case["text"].as_str().ok_or("no text")?);
        if ours != theirs {
            mistakes += &format!("{name} {columns} {}\n{ours}{theirs}", case["arguments"]);
        }
    }
    assert!(mistakes.is_empty(), "ours, then Keras's:\n{mistakes}");
    Ok(())
}

/// The network of the document cnn-R.
#[test]
fn the_parameters_of_a_cnn() -> Anything {
    assert_eq!(cnn().count_params()?, 2_435_210);
    Ok(())
}

/// Shared layers, operations, an input that nothing needs, a model with two outputs. The text is
/// from Keras 3.15.1.
#[test]
fn a_tangled_graph() -> Anything {
    let named = |name: &str, size: usize| Tensor::from(Input::new([size]).name(name));
    let x = named("x", 4);
    let heads = [Dense::new(3).name("p").call(&x), Dense::new(2).name("q").call(&x)];
    let inner = Model::with_name("inner", &x, heads)?;
    let (a, unused, shared) = (named("a", 4), named("unused", 2), Dense::new(4).name("shared"));
    let h = shared.call(shared.call(&a) * 2.0 + 1.0);
    let results = inner.call_all(&h);
    let outputs = [&results[0], &results[1], &(shared.call(&h) - &a)];
    let model = Model::with_name("outer", [&a, &unused], outputs)?;
    let expected = "\
Model: \"outer\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)              ┃ Output Shape           ┃        Param # ┃ Connected to           ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━┩
│ a (InputLayer)            │ (None, 4)              │              0 │ -                      │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│ shared (Dense)            │ (None, 4)              │             20 │ a[0][0], add[0][0],    │
│                           │                        │                │ shared[1][0]           │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│ multiply (Multiply)       │ (None, 4)              │              0 │ shared[0][0]           │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│ add (Add)                 │ (None, 4)              │              0 │ multiply[0][0]         │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│ unused (InputLayer)       │ (None, 2)              │              0 │ -                      │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│ inner (Functional)        │ [(None, 3), (None, 2)] │             25 │ shared[1][0]           │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│    └ x (InputLayer)       │ (None, 4)              │              0 │ -                      │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│    └ p (Dense)            │ (None, 3)              │             15 │ -                      │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│    └ q (Dense)            │ (None, 2)              │             10 │ -                      │
├───────────────────────────┼────────────────────────┼────────────────┼────────────────────────┤
│ subtract (Subtract)       │ (None, 4)              │              0 │ shared[2][0], a[0][0]  │
└───────────────────────────┴────────────────────────┴────────────────┴────────────────────────┘
 Total params: 45 (180.00 B)
 Trainable params: 45 (180.00 B)
 Non-trainable params: 0 (0.00 B)";
    assert_eq!(model.summary().columns(100).expand_nested(true).to_string(), expected);
    Ok(())
}

/// A layer that is used again comes where its first use stands, in the table and in the weights.
#[test]
fn a_layer_used_twice_stands_at_its_deepest_use() -> Anything {
    let a = Input::tensor([4]);
    let (s, t) = (Dense::new(4).name("s"), Dense::new(4).name("t"));
    let first = s.call(&a);
    let sum = s.call(t.call(&first)) + &first;
    let model = Model::new(&a, [&sum, &t.call(&sum)])?;
    let text = model.summary().columns(100).to_string();
    let at = |part: &str| text.find(part).ok_or(format!("no {part:?} in\n{text}"));
    assert!(at("│ s (Dense)")? < at("│ t (Dense)")?);
    assert!(at("│ t (Dense)")? < at("│ add (Add)")?);
    at(" s[1][0], s[0][0] ")?;
    let names: Vec<_> = model.layers().iter().map(|layer| layer.name().to_owned()).collect();
    assert_eq!(names[1..], ["s", "t"], "after the input");
    // Twice in a row is no chain: it must be said.
    let twice = Model::new(&a, s.call(s.call(&a)))?;
    assert!(twice.summary().to_string().contains("Connected to"));
    Ok(())
}

/// A conversion that an operation makes for itself, and what depends on no input, is not shown.
#[test]
fn constants_and_conversions_are_no_rows() -> Anything {
    let pixels: Tensor = Input::new([2]).dtype(DType::U8).name("pixels").into();
    let offset = ops::sqrt(Tensor::from([4.0f32, 9.0])) + 1.0;
    let model = Model::new(&pixels, ops::exp(&pixels) - offset)?;
    let text = model.summary().to_string();
    assert_eq!(text.matches("│ ").count(), 3 * 3, "{text}");
    for row in ["pixels (InputLayer)", "exp (Exp)", "subtract (Subtract)"] {
        assert!(text.contains(row), "no {row} in\n{text}");
    }
    Ok(())
}

/// Operations are numbered as they were made, whatever their order in the model, and around the
/// names of layers.
#[test]
fn operations_are_numbered() -> Anything {
    let x = Input::tensor([4]);
    let late = &x - 1.0;
    let early = &x - 2.0;
    let layer = Dense::new(4).name("subtract_1");
    let model = Model::new(&x, layer.call(early) - late)?;
    let text = model.summary().columns(120).to_string();
    for row in ["subtract (Subtract)", "subtract_2 (Subtract)", "subtract_3 (Subtract)"] {
        assert!(text.contains(row), "no {row} in\n{text}");
    }
    assert!(text.contains("subtract_1[0][0], "), "{text}");
    Ok(())
}

/// The narrowest table of Keras; where Keras refuses, ours is as wide as that.
#[test]
fn narrow_tables() {
    let model = Sequential::with_name("s").add(Input::new([3])).add(Dense::new(2).name("dense"));
    let expected = "\
Model: \"s\"
┏━━━━━━┳━━━┳━━━┓
┃ Lay… ┃ … ┃ … ┃
┃ (ty… ┃ … ┃ # ┃
┡━━━━━━╇━━━╇━━━┩
│ den… │ … │ 8 │
│ (De… │ … │   │
└──────┴───┴───┘
 Total params: 8 (32.00 B)
 Trainable params: 8 (32.00 B)
 Non-trainable params: 0 (0.00 B)";
    for length in [0, 15, 16] {
        assert_eq!(model.summary().line_length(length).to_string(), expected);
    }
    let text = model.summary().line_length(34).to_string();
    let headings = "\
┃              ┃ Output   ┃ Par… ┃
┃ Layer (type) ┃ Shape    ┃    # ┃
";
    assert!(text.contains(headings), "{text}");
}

/// What is wrong with a Sequential is said below the table.
#[test]
fn a_model_with_a_mistake_says_so() {
    let model = Sequential::new().add(Dense::new(2)).add(Input::new([3]));
    let text = model.summary().to_string();
    assert!(text.contains("│ ?"), "{text}");
    assert!(text.contains("\n Mistake: an Input must be the first"), "{text}");
    let wrong = Activation::new("rellu");
    let model = Sequential::new().add(Input::new([3])).add(Dense::new(2)).add(wrong);
    let text = model.summary().to_string();
    assert!(text.contains("\n Mistake: ") && text.contains("rellu"), "{text}");
    for fine in [Sequential::new(), Sequential::new().add(Input::new([3])), unbuilt()] {
        assert!(!fine.summary().to_string().contains("Mistake"));
    }
}
