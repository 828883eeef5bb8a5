//! The calls of a shared tower are computed at once, and that changes no result.

use cornu::optimizers::SGD;
use cornu::prelude::*;
use cornu::random::Philox;

const ROWS: usize = 21;
const FEATURES: usize = 60;
const RATE: f32 = 1e-3;

fn data() -> ([Array; 2], Array) {
    let mut random = Philox::new(3);
    let mut rows = || {
        let numbers = (0..ROWS * FEATURES).map(|_| random.uniform() as f32 - 0.5).collect();
        Array::new([ROWS, FEATURES], numbers).unwrap()
    };
    let x = [rows(), rows()];
    let y = (0..ROWS).map(|i| (i % 2) as f32 * 3.0).collect();
    (x, Array::new([ROWS, 1], y).unwrap())
}

fn twins(tower: &Sequential) -> Model {
    let (left, right) = (Input::tensor([FEATURES]), Input::tensor([FEATURES]));
    let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    let mut model = Model::new([&left, &right], &distance).unwrap();
    let loss = |y: &Tensor, d: &Tensor| (y - d).square();
    model.compile(SGD::new(RATE), loss).build().unwrap();
    model
}

fn tower() -> Sequential {
    Sequential::new()
        .add(Dense::new(80).activation("tanh"))
        .add(Dense::new(70).activation("tanh"))
        .add(Dense::new(50))
}

#[test]
fn a_step_holds_each_product_once() {
    let (x, y) = data();
    let mut model = twins(&tower());
    // The last batch of an epoch may be smaller.
    for batch in [ROWS, 5] {
        let program = model.show_program([&x[0], &x[1]], &y, batch).unwrap();
        // Some are one with the loop after them.
        let count = |op: &str| program.matches(op).count();
        let products = (count("matmul"), count("matmul bT"), count("matmul aT"));
        assert_eq!(products, (3 + 2 + 3, 2, 3), "{program}");
    }
}

#[test]
fn calls_at_once_give_what_single_calls_give() {
    utils::set_random_seed(1);
    let (x, _) = data();
    let tower = tower();
    let model = twins(&tower);
    let distances = model.predict([&x[0], &x[1]]).run().unwrap();
    let single: Model = tower.into();
    let embed = |x: &Array| Tensor::from(single.predict(x).run().unwrap());
    let by_hand = ops::norm(embed(&x[0]) - embed(&x[1]), Axis::new(1).keepdims()).eval().unwrap();
    let pairs = distances.values().to_f64().into_iter().zip(by_hand.values().to_f64());
    pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"));
}

/// A small step against the gradient lowers the loss by the rate times the gradient's square.
#[test]
fn a_step_follows_the_gradient_of_all_calls() {
    utils::set_random_seed(2);
    let (x, y) = data();
    let mut model = twins(&tower());
    let loss = |model: &mut Model| {
        let evaluated = model.evaluate([&x[0], &x[1]], &y).batch_size(ROWS).verbose(0);
        evaluated.run().unwrap()["loss"]
    };
    let (before, weights) = (loss(&mut model), model.get_weights().unwrap());
    model.fit([&x[0], &x[1]], &y).batch_size(ROWS).epochs(1).verbose(0).run().unwrap();
    let (after, moved) = (loss(&mut model), model.get_weights().unwrap());
    let square = |(a, b): (&Array, &Array)| -> f64 {
        let pairs = a.values().to_f64().into_iter().zip(b.values().to_f64());
        pairs.map(|(a, b)| ((a - b) / f64::from(RATE)).powi(2)).sum()
    };
    let expected: f64 = f64::from(RATE) * weights.iter().zip(&moved).map(square).sum::<f64>();
    let fell = before - after;
    assert!((fell / expected - 1.0).abs() < 0.05, "fell by {fell}, not by {expected}");
}
