//! What must hold of every model's picture.

use super::*;
use crate::layers::{Dense, Dropout, Input, LayerExt};
use crate::model::Sequential;
use crate::ops;
use crate::tensor::Tensor;
use crate::viz::paint::canvas::Item;
use crate::viz::paint::check::{self, inside};

/// All that can be shown.
fn full(model: &Model) -> ModelPlot {
    let plot = model.plot().show_shapes(true).show_layer_names(true).show_dtype(true);
    plot.show_layer_activations(true).show_trainable(true)
}

/// Checks a picture, and gives its SVG, the areas of its cards and how many arrows it has.
fn drawn(plot: &ModelPlot) -> (String, Vec<Area>, usize) {
    let picture = plot.picture().unwrap();
    let svg = check::tidy(&picture);
    let canvas = picture.canvas().unwrap();
    let (mut cards, mut frames, mut arrows) = (vec![], vec![], 0);
    for item in &canvas.items {
        match item {
            Item::Rectangle { area, paint, .. } => match paint.fill {
                Some((Ink::Card, _)) => cards.push(*area),
                Some((Ink::Axis, _)) => frames.push(*area),
                _ => {}
            },
            Item::Path { paint, .. } if paint.fill == Some((Ink::Axis, 1.0)) => arrows += 1,
            _ => {}
        }
    }
    // Every text stands in a card, or is the title of a frame.
    for text in check::texts(canvas) {
        let held = cards.iter().chain(&frames).any(|area| inside(&text.area, area));
        assert!(held, "{text:?} stands in nothing");
    }
    // No wire runs through a text, not even through the title of a frame.
    for (x, y) in canvas.items.iter().flat_map(along_wire) {
        let through =
            |area: &Area| x > area.x && x < area.right() && y > area.y && y < area.bottom();
        let crossed = check::texts(canvas).into_iter().find(|text| through(&text.area));
        assert!(crossed.is_none(), "a wire runs through {crossed:?}");
    }
    for (i, card) in cards.iter().enumerate() {
        assert!(cards[..i].iter().all(|other| !check::overlap(card, other)), "{card:?}");
    }
    (svg, cards, arrows)
}

/// Points along a wire; none of other items.
fn along_wire(item: &Item) -> Vec<Point> {
    let Item::Path { steps, paint, .. } = item else { return vec![] };
    if paint.stroke != Some((Ink::Axis, 1.5)) {
        return vec![];
    }
    let (mut points, mut at) = (vec![], (0.0, 0.0));
    for step in steps {
        let (a, b, to) = match *step {
            Step::Move(to) => (to, to, to),
            Step::Line(to) => (at, to, to),
            Step::Cubic(a, b, to) => (a, b, to),
            Step::Close => continue,
        };
        let from = if matches!(step, Step::Move(_)) { to } else { at };
        for i in 0..=12 {
            let t = f64::from(i) / 12.0;
            let parts = [(1.0 - t).powi(3), 3.0 * t * (1.0 - t).powi(2), 3.0 * t * t * (1.0 - t)];
            let mix = |p: f64, a: f64, b: f64, q: f64| {
                parts[0] * p + parts[1] * a + parts[2] * b + t.powi(3) * q
            };
            points.push((mix(from.0, a.0, b.0, to.0), mix(from.1, a.1, b.1, to.1)));
        }
        at = to;
    }
    points
}

fn tower() -> Sequential {
    Sequential::with_name("tower")
        .add(Dense::new(8).activation("relu").name("first"))
        .add(Dropout::new(0.5).name("drop"))
        .add(Dense::new(4).name("last"))
}

fn siamese() -> Model {
    let (left, right) = (Input::tensor([6]), Input::tensor([6]));
    let tower = tower();
    let distance = ops::norm(tower.call(&left) - tower.call(&right), 1);
    Model::new([&left, &right], &distance).unwrap()
}

#[test]
fn a_shared_tower_is_one_card_with_two_callers() {
    for rankdir in ["TB", "LR"] {
        let (svg, cards, arrows) = drawn(&full(&siamese()).rankdir(rankdir));
        // Two inputs, the tower, subtract and norm.
        assert_eq!((cards.len(), arrows), (5, 4), "{svg}");
        for part in ["InputLayer", "Sequential", "Subtract", ">norm<", "(None, 6)", "float32"] {
            assert!(svg.contains(part), "{part} is missing");
        }
    }
}

#[test]
fn models_inside_are_unfolded_in_a_frame() {
    for rankdir in ["TB", "LR"] {
        let plot = full(&siamese()).expand_nested(true).rankdir(rankdir);
        let (svg, cards, arrows) = drawn(&plot);
        // Two inputs, three layers, two operations; the inputs meet at the frame.
        assert_eq!((cards.len(), arrows), (7, 5), "{svg}");
        assert!(svg.contains("tower (Sequential)") && svg.contains(">relu<"), "{svg}");
        let picture = plot.picture().unwrap();
        let frame = picture.canvas().unwrap().items.iter().find_map(|item| match item {
            Item::Rectangle { area, paint, .. } if matches!(paint.fill, Some((Ink::Axis, _))) => {
                Some(*area)
            }
            _ => None,
        });
        let within = cards.iter().filter(|card| inside(card, &frame.unwrap())).count();
        assert_eq!(within, 3);
    }
}

#[test]
fn what_is_not_asked_for_is_not_shown() {
    let (svg, ..) = drawn(&siamese().plot());
    assert!(!svg.contains("None") && !svg.contains("tower") && !svg.contains("float32"), "{svg}");
    assert!(svg.contains(">Sequential<"));
    let (svg, ..) = drawn(&siamese().plot().show_layer_names(true));
    assert!(svg.contains(">tower<") && !svg.contains("None"), "{svg}");
}

#[test]
fn a_sequential_hides_its_input_as_keras_does() {
    let model = tower().add(Input::new([1]));
    assert!(model.plot().picture().is_err(), "an input in the middle is a mistake");
    let mut model = tower();
    let error = model.plot().picture().unwrap_err().to_string();
    assert!(error.contains("is not built") && error.contains("tower"), "{error}");
    model.build([6]).unwrap();
    model.get_layer("last").unwrap().set_trainable(false);
    let (svg, cards, arrows) = drawn(&full(&model));
    assert_eq!((cards.len(), arrows), (3, 2));
    // The dropout has no weights.
    assert_eq!((svg.matches(">trainable<").count(), svg.matches(">no<").count()), (2, 1), "{svg}");
}

#[test]
fn results_of_models_inside_leave_where_they_are_made() {
    let x = Input::tensor([4]);
    let hidden = Dense::new(4).call(&x);
    let inner = Model::with_name("inner", &x, [&hidden, &ops::tanh(&hidden)]).unwrap();
    let outer_input = Input::tensor([4]);
    let both = inner.call_all(&outer_input);
    let outer = Model::with_name("outer", &outer_input, &(&both[0] * &both[1])).unwrap();
    let (a, b) = (Input::tensor([4]), Input::tensor([4]));
    let model = Model::new([&a, &b], [&(outer.call(&a) - outer.call(&b)), &ops::relu(&a)]).unwrap();
    for rankdir in ["TB", "LR"] {
        let (svg, cards, arrows) = drawn(&full(&model).expand_nested(true).rankdir(rankdir));
        assert!(svg.contains("inner (Functional)") && svg.contains("outer (Functional)"));
        // Inputs of three models, dense, tanh, multiply, subtract, relu.
        assert_eq!(cards.len(), 9, "{svg}");
        // To: both inner inputs, dense, tanh, multiply (twice), subtract, relu.
        assert_eq!(arrows, 8, "{svg}");
    }
}

#[test]
fn a_layer_called_on_its_own_result_has_a_loop() {
    let x = Input::tensor([4]);
    let again = Dense::new(4).name("again");
    let model = Model::new(&x, again.call(again.call(&x))).unwrap();
    for rankdir in ["TB", "LR"] {
        let (_, cards, arrows) = drawn(&full(&model).rankdir(rankdir));
        assert_eq!((cards.len(), arrows), (2, 2));
    }
}

#[test]
fn long_chains_and_branches_are_drawn() {
    let x = Input::tensor([4]);
    let mut hidden = Dense::new(4).call(&x);
    for _ in 0..25 {
        hidden = ops::relu(&(Dense::new(4).call(&hidden) + &hidden));
    }
    let heads: Vec<Tensor> = (0..3).map(|_| Dense::new(2).call(&hidden)).collect();
    let model = Model::new(&x, &heads).unwrap();
    let (_, cards, arrows) = drawn(&full(&model));
    assert_eq!((cards.len(), arrows), (1 + 1 + 75 + 3, 1 + 25 * 4 + 3));
}

#[test]
fn hostile_and_endless_names_are_texts_in_their_cards() {
    let x = Input::tensor([4]);
    let name = "<script>alert('x')</script> & ]]> \u{0}\u{1b}".to_owned() + &"long ".repeat(60);
    let inner = Sequential::with_name(name.clone()).add(Dense::new(2).name("日本語の名前"));
    let model = Model::new(&x, inner.call(&x)).unwrap();
    for expand in [false, true] {
        let (svg, ..) = drawn(&full(&model).expand_nested(expand));
        assert!(svg.contains("&lt;script&gt;alert") && svg.contains("…"), "{svg}");
    }
}

#[test]
fn many_inputs_of_one_layer_are_counted() {
    let inputs: Vec<Tensor> = (0..12).map(|_| Input::tensor([4])).collect();
    let model = Model::new(&inputs, ops::concatenate(&inputs, 1)).unwrap();
    let (svg, cards, arrows) = drawn(&full(&model));
    assert_eq!((cards.len(), arrows), (13, 12));
    assert!(svg.contains("and 7 more"), "{svg}");
}

#[test]
fn options_that_mean_nothing_are_told() {
    let error = siamese().plot().rankdir("XY").picture().unwrap_err().to_string();
    assert!(error.contains("\"TB\" or \"LR\", not \"XY\""), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.png");
    assert!(siamese().plot().dpi(0.0).save(&file).is_err());
    let size = |dpi| {
        siamese().plot().dpi(dpi).save(&file).unwrap();
        let png = std::fs::read(&file).unwrap();
        u32::from_be_bytes([png[16], png[17], png[18], png[19]])
    };
    let (small, large) = (size(96.0), size(192.0));
    assert!(large.abs_diff(2 * small) <= 1, "{small} {large}");
    assert!(plot_model(&siamese(), folder.path().join("model.pdf")).is_err());
}
