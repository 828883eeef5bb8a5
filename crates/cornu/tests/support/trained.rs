//! Models that were trained a little, to be written for Keras: what its own files do not have.

use crate::About;
use crate::models::numbers_like;
use crate::support::Outcome;
use cornu::layers::*;
use cornu::prelude::*;

type Named = (&'static str, Outcome<(Model, About)>);
type Make = fn() -> Outcome<(Model, About)>;

/// All of them.
pub fn everything() -> Vec<Named> {
    let all: [(&str, Make); 9] = [
        ("siamese, a Lambda of operations", siamese_by_lambda),
        ("siamese, operations on tensors", siamese_by_operations),
        ("siamese, a named closure as loss", named_closure),
        ("Lambda in a Sequential", lambda_in_sequential),
        ("several inputs and outputs", several),
        ("two layers in turns", alternating),
        ("a model called twice, with several outputs", called_twice),
        ("frozen layers", frozen),
        ("compiled, not trained", not_trained),
    ];
    all.into_iter()
        .map(|(name, make)| {
            utils::clear_session();
            utils::set_random_seed(3);
            (name, make())
        })
        .collect()
}

/// Data for one input or one output, other for each number.
fn data(which: usize, features: usize) -> Array {
    let x = Tensor::from(numbers_like(&[8, features])) * (0.6 - 0.25 * which as f32);
    x.eval().expect("it is a number times an array")
}

/// 0 and 1 by turns.
fn labels() -> Array {
    Array::new([8, 1], (0..8).map(|i| (i % 2) as f32).collect()).expect("eight labels")
}

/// Trains two steps on the data; the file is written then.
fn after_two_steps(mut model: Model, x: Vec<Array>, y: Vec<Array>) -> Outcome<(Model, About)> {
    for _ in 0..2 {
        model.train_on_batch(x.clone(), y.clone())?;
    }
    let about = About { step: Some((x.clone(), y)), ..About::of(x) };
    Ok((model, about))
}

fn tower() -> Sequential {
    Sequential::new()
        .add(Input::new([6]))
        .add(Dense::new(8).activation("relu"))
        .add(Dense::new(4).activation("tanh"))
}

fn distance(x: &[Tensor]) -> Tensor {
    ops::sqrt(ops::sum((&x[0] - &x[1]).square(), Axis::new(1).keepdims()) + 1e-6)
}

fn pairs(make: impl FnOnce(Tensor, Tensor) -> Tensor) -> Result<Model> {
    let tower = tower();
    let (left, right) = (Input::tensor([6]), Input::tensor([6]));
    let end = make(tower.call(&left), tower.call(&right));
    Model::new([&left, &right], &end)
}

fn siamese_by_lambda() -> Outcome<(Model, About)> {
    let mut model = pairs(|a, b| Lambda::new(distance).call([a, b]))?;
    model.compile(Adam::default().learning_rate(0.01), "mse").metric("mae").build()?;
    model.set_metadata("about", "left and right: größer")?;
    after_two_steps(model, vec![data(0, 6), data(1, 6)], vec![labels()])
}

fn siamese_by_operations() -> Outcome<(Model, About)> {
    let mut model = pairs(|a, b| {
        let near = ops::exp(-ops::norm(a - b, Axis::new(1).keepdims()));
        Dense::new(1).activation("sigmoid").call(&near)
    })?;
    model.compile(RMSprop::default(), "binary_crossentropy").metric("accuracy").build()?;
    after_two_steps(model, vec![data(0, 6), data(1, 6)], vec![labels()])
}

fn named_closure() -> Outcome<(Model, About)> {
    let contrastive = |y: &Tensor, d: &Tensor| {
        (1.0 - y) / 2.0 * d.square() + y / 2.0 * (1.0 - d).maximum(0.0).square()
    };
    let mut model = pairs(|a, b| distance(&[a, b]))?;
    model.compile("adam", Loss::custom("contrastive", contrastive)).build()?;
    let (model, about) = after_two_steps(model, vec![data(0, 6), data(1, 6)], vec![labels()])?;
    Ok((model, About { untrainable: true, ..about }))
}

fn lambda_in_sequential() -> Outcome<(Model, About)> {
    let mut model: Model = Sequential::new()
        .add(Input::new([6]))
        .add(Dense::new(5))
        .add(Lambda::new(|x| ops::sqrt(ops::abs(&x[0]) + 0.5) * 2.0))
        .add(Dense::new(2))
        .into();
    model.compile(SGD::new(0.05).momentum(0.9), "mse").build()?;
    after_two_steps(model, vec![data(0, 6)], vec![data(1, 2)])
}

fn several() -> Outcome<(Model, About)> {
    let (a, b): (Tensor, Tensor) =
        (Input::new([6]).name("a").into(), Input::new([3]).name("b").into());
    let both = Concatenate::new().call([&a, &b]);
    let hidden = Dense::new(5).activation("tanh").call(&both);
    let position = Dense::new(2).name("position").call(&hidden);
    let presence = Dense::new(1).activation("sigmoid").name("presence").call(&hidden);
    let mut model = Model::new([&b, &a], [&position, &presence])?;
    model
        .compile("adam", "mse")
        .loss("binary_crossentropy")
        .loss_weights([0.5, 2.0])
        .metric("mae")
        .metric_of(1, "accuracy")
        .build()?;
    after_two_steps(model, vec![data(0, 3), data(1, 6)], vec![data(1, 2), labels()])
}

fn alternating() -> Outcome<(Model, About)> {
    let x = Input::tensor([6]);
    let (a, b) = (Dense::new(6).shared(), Dense::new(6).activation("tanh").shared());
    let y = a.call(b.call(a.call(b.call(&x))));
    let mut model = Model::new(&x, &y)?;
    model.compile("nadam", "mae").build()?;
    after_two_steps(model, vec![data(0, 6)], vec![data(1, 6)])
}

fn called_twice() -> Outcome<(Model, About)> {
    let p = Input::tensor([6]);
    let hidden = Dense::new(6).activation("relu").call(&p);
    let inner = Model::new(&p, [&Dense::new(2).call(&hidden), &hidden])?;
    let x = Input::tensor([6]);
    let first = inner.call_all(&x);
    let second = inner.call_all(&first[1]);
    let mut model = Model::new(&x, [&(&first[0] * &second[0]), &second[1]])?;
    model.compile("adamw", "mse").loss("huber").build()?;
    after_two_steps(model, vec![data(0, 6)], vec![data(1, 2), data(0, 6)])
}

fn frozen() -> Outcome<(Model, About)> {
    let mut inner = tower();
    inner.set_trainable(false);
    let first = Dense::new(6).shared();
    first.set_trainable(false);
    let mut model: Model = Sequential::new()
        .add(Input::new([6]))
        .add(first)
        .add(inner)
        .add(BatchNormalization::new())
        .add(Dense::new(2))
        .into();
    model.compile("adamax", "mse").build()?;
    after_two_steps(model, vec![data(0, 6)], vec![data(1, 2)])
}

fn not_trained() -> Outcome<(Model, About)> {
    let mut model: Model = tower().into();
    model.compile("adam", "mse").metric("mae").build()?;
    let x = vec![data(0, 6)];
    Ok((model, About { step: Some((x.clone(), vec![data(1, 4)])), ..About::of(x) }))
}
