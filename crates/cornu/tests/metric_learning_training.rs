//! Losses of embeddings in training: what they teach, what they make of batches at the edge and of
//! mistakes, and the samplers that feed them.

mod support;

use cornu::data::{ClassBalanced, PairSampler};
use cornu::layers::CosineDense;
use cornu::losses::{self, Loss, MultipleNegativesRanking, TripletLoss};
use cornu::prelude::*;
use cornu::similarity::{Distance, Retrieval, RetrievalReport};
use support::*;

/// The names of losses of embeddings `(n, d)`.
const OF_EMBEDDINGS: [&str; 7] = [
    "triplet_batch_all",
    "triplet_batch_hard",
    "triplet_batch_semi_hard",
    "nt_xent",
    "sup_con",
    "multi_similarity",
    "circle",
];

#[test]
fn nothing_makes_a_loss_nan() {
    let batches = [
        ("equal embeddings", vec![0, 0, 1, 1], vec![1.0f32; 8]),
        ("zeros", vec![0, 0, 1, 1], vec![0.0; 8]),
        ("large", vec![0, 1, 0, 1], [1e4, -1e4, 3e3, 2e4].repeat(2)),
        ("one class", vec![5, 5, 5, 5], vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
        ("strangers", vec![5, 6, 7, 8], vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
    ];
    for name in OF_EMBEDDINGS {
        for (what, labels, values) in &batches {
            let labels = Tensor::from(labels.clone());
            let x = Tensor::from(Array::new([4, 2], values.clone()).unwrap());
            let loss = Loss::from(name).call(&labels, &x, None).unwrap();
            let value = loss.item().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{name} of {what}: {value}");
            let gradient = gradients(&loss, &[&x]).unwrap().remove(0);
            let finite = gradient.as_slice::<f32>().unwrap().iter().all(|g| g.is_finite());
            assert!(finite, "{name} of {what}: {gradient:?}");
        }
        // A batch of one sample, as the last of an epoch may be.
        let (label, x) = (Tensor::from([3i32]), Tensor::from([[0.5f32, 2.0]]));
        let alone = Loss::from(name).call(&label, &x, None).unwrap();
        assert_eq!(alone.item().unwrap(), 0.0, "{name}");
    }
}

/// A comparison with NaN is false, so that nothing would be mined, and nothing be lost.
#[test]
fn embeddings_that_are_nan_are_not_hidden() {
    for name in OF_EMBEDDINGS {
        for labels in [[0, 0, 1, 1], [5, 5, 5, 5], [5, 6, 7, 8]] {
            for bad in [f32::NAN, f32::INFINITY] {
                let x = Tensor::from([[0.0f32, 1.0], [1.0, 0.0], [bad, 1.0], [0.5, 0.5]]);
                let loss = Loss::from(name).call(&Tensor::from(labels), &x, None).unwrap();
                assert!(loss.item().unwrap().is_nan(), "{name} of {labels:?} and {bad}");
            }
        }
    }
}

#[test]
fn large_class_numbers_stay_apart() {
    // As float32 the two would be the same class.
    let labels = Tensor::from([16_777_216i32, 16_777_217]);
    let x = Tensor::from([[0.0f32], [0.1]]);
    let pair = Loss::from("triplet_batch_hard").call(&labels, &x, None).unwrap();
    assert_eq!(pair.item().unwrap(), 0.0);
    let sup_con = Loss::from("sup_con").call(&labels, &x, None).unwrap();
    assert_eq!(sup_con.item().unwrap(), 0.0);
}

#[test]
fn sample_weights_weigh_anchors() {
    let labels = Tensor::from([0i32, 0, 1]);
    let x = Tensor::from([[0.0f32], [1.0], [3.0]]);
    let loss = Loss::from(TripletLoss::new().mining("batch_hard").margin(2.5));
    // The anchors' losses are 0.5 and 1.5, and the mean is over these two.
    let weights = Tensor::from([1.0f32, 3.0, 100.0]);
    let weighted = loss.call(&labels, &x, Some(&weights)).unwrap().item().unwrap();
    assert!((weighted - (0.5 + 3.0 * 1.5) / 2.0).abs() < 1e-6);
}

#[test]
fn mistakes_in_losses_are_told() {
    let (labels, x) = (Tensor::from([0i32, 0]), Tensor::from([[0.0f32, 1.0], [1.0, 0.0]]));
    let message = |loss: Loss, labels: &Tensor, x: &Tensor| {
        loss.call(labels, x, None).unwrap_err().to_string()
    };
    let m = message(TripletLoss::new().mining("batch_semihard").into(), &labels, &x);
    assert!(m.contains("no mining named 'batch_semihard'"), "{m}");
    assert!(m.contains("did you mean 'batch_semi_hard'?"), "{m}");
    let m = message("triplet_semi_hard".into(), &labels, &x);
    assert!(m.contains("did you mean 'triplet_batch_semi_hard'?"), "{m}");
    let m = message("contrastive".into(), &labels, &x);
    assert!(m.contains("did you mean 'contrastive_one_is_"), "{m}");
    let hot = Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]);
    let m = message("nt_xent".into(), &hot, &x);
    assert!(m.contains("one-hot rows are not taken"), "{m}");
    let images = Input::tensor([28, 28]);
    let m = message("sup_con".into(), &Input::tensor(Shape::scalar()), &images);
    assert!(m.contains("one embedding (n, d)") && m.contains("Flatten"), "{m}");
    let m = message(losses::NTXent::new().temperature(0.0).into(), &labels, &x);
    assert!(m.contains("temperature must be more than 0, not 0"), "{m}");
    let m = message(TripletLoss::new().margin(f32::NAN).into(), &labels, &x);
    assert!(m.contains("margin must be a finite number, not NaN"), "{m}");
    let m = message("n_pairs".into(), &labels, &x);
    assert!(m.contains("(n, 2, d)") && m.contains("ops::stack"), "{m}");
}

#[test]
fn configurations_tell_the_settings() {
    let config = Loss::from(TripletLoss::new().soft_margin().distance(Distance::Cosine)).config();
    let expected = serde_json::json!({
        "name": "triplet_batch_semi_hard",
        "reduction": "sum_over_batch_size",
        "mining": "batch_semi_hard",
        "margin": "soft",
        "distance": "cosine",
        "normalize": false,
    });
    assert_eq!(config, expected);
    let others = ["arc_face", "cos_face", "proxy_anchor", "n_pairs", "multiple_negatives_ranking"];
    for name in OF_EMBEDDINGS.into_iter().chain(others) {
        assert_eq!(Loss::from(name).name(), name);
    }
}

/// Points around six centres, seen through a random map: classes with numbers of their own.
fn clouds(samples: usize) -> (Array, Array) {
    utils::set_random_seed(11);
    let mut state = 12345u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let centres: Vec<f32> = (0..6 * 8).map(|_| random() * 2.0).collect();
    let mut x = Vec::new();
    let mut y = Vec::new();
    for sample in 0..samples {
        let class = sample % 6;
        x.extend(centres[class * 8..][..8].iter().map(|c| c + random() * 1.6));
        y.push(class as i32 * 1000 - 7);
    }
    (Array::new([samples, 8], x).unwrap(), Array::new([samples], y).unwrap())
}

fn embedder() -> Model {
    Sequential::new()
        .add(Input::new([8]))
        .add(Dense::new(32).activation("relu"))
        .add(Dense::new(4))
        .into()
}

fn quality(model: &Model, x: &Array, y: &Array) -> RetrievalReport {
    let embeddings = model.predict(x).run().unwrap();
    Retrieval::new(&embeddings, y).distance(Distance::Cosine).run().unwrap()
}

/// Plain compile and fit, with labels that are no numbers of outputs, make neighbours of a class.
#[test]
fn every_loss_of_embeddings_teaches() {
    let (x, y) = clouds(360);
    for name in OF_EMBEDDINGS {
        let mut model = embedder();
        model.compile("adam", name).metrics(["embedding_spread"]).build().unwrap();
        let before = quality(&model, &x, &y);
        let history = model.fit(&x, &y).batch_size(60).epochs(25).verbose(0).run().unwrap();
        let after = quality(&model, &x, &y);
        assert!(
            after.map_at_r > before.map_at_r + 0.08,
            "{name}: {} to {}",
            before.map_at_r,
            after.map_at_r
        );
        let spread = history["embedding_spread"].last().unwrap();
        assert!((0.3..1.01).contains(spread), "{name}: {spread}");
    }
}

#[test]
fn losses_with_proxies_train_by_plain_compile_and_fit() {
    let (x, _) = clouds(360);
    let classes = Array::new([360], (0..360).map(|i| i % 6).collect::<Vec<i32>>()).unwrap();
    let of = |loss: Loss| {
        let mut model = Sequential::new()
            .add(Input::new([8]))
            .add(Dense::new(32).activation("relu"))
            .add(Dense::new(4))
            .add(CosineDense::new(6));
        let adam = Adam::default().learning_rate(0.01);
        model.compile(adam, loss).metrics(["accuracy"]).build().unwrap();
        model.fit(&x, &classes).epochs(15).verbose(0).run().unwrap()
    };
    for loss in [
        Loss::from(losses::ArcFace::new().scale(16.0)),
        Loss::from(losses::CosFace::new().scale(16.0)),
        Loss::from("proxy_anchor"),
    ] {
        let name = loss.name().to_owned();
        let history = of(loss);
        let accuracy = history["accuracy"].last().unwrap();
        assert!(*accuracy > 0.8, "{name}: {accuracy}");
    }
}

#[test]
fn labels_of_embeddings_are_whole_numbers_and_of_classes_within_range() {
    let x = Array::zeros([2, 8], DType::F32);
    let mut model = embedder();
    model.compile("sgd", "nt_xent").build().unwrap();
    let halves = Array::new([2], vec![0.5f32, 1.0]).unwrap();
    let error = model.fit(&x, &halves).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("label 0.5") && error.contains("whole numbers"), "{error}");
    let mut model = Sequential::new().add(Input::new([8])).add(CosineDense::new(3));
    model.compile("sgd", "arc_face").build().unwrap();
    let labels = Array::new([2], vec![0i32, 3]).unwrap();
    let error = model.fit(&x, &labels).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("label 3") && error.contains("3 classes"), "{error}");
}

#[test]
fn cosines_do_not_depend_on_lengths() {
    let x = Array::new([2, 3], vec![1.0f32, -2.0, 0.5, 0.0, 0.0, 0.0]).unwrap();
    let model = Sequential::new().add(Input::new([3])).add(CosineDense::new(4));
    let longer = (Tensor::from(&x) * 7.0).eval().unwrap();
    let (a, b) = (model.predict(&x).run().unwrap(), model.predict(&longer).run().unwrap());
    for (a, b) in a.as_slice::<f32>().unwrap().iter().zip(b.as_slice::<f32>().unwrap()) {
        assert!((a - b).abs() < 1e-6 && a.abs() <= 1.0 + 1e-6);
    }
    assert_eq!(&a.as_slice::<f32>().unwrap()[4..], [0.0; 4]);
}

/// A model of two inputs whose output stacks both embeddings trains on pairs of one class alone.
#[test]
fn ranking_trains_two_towers() {
    let (x, y) = clouds(360);
    let labels = y.as_slice::<i32>().unwrap();
    // The partner of each is the next of its class.
    let partners = x.take(&(0..360).map(|i| (i + 6) % 360).collect::<Vec<_>>()).unwrap();
    assert!((0..360).all(|i| labels[i] == labels[(i + 6) % 360]));
    let (a, b) = (Input::tensor([8]), Input::tensor([8]));
    let tower = Sequential::new().add(Input::new([8])).add(Dense::new(6));
    let both = ops::stack([tower.call(&a), tower.call(&b)], 1);
    let mut model = Model::new([&a, &b], &both).unwrap();
    model.compile("adam", MultipleNegativesRanking::new().symmetric(true)).build().unwrap();
    let fit = model.fit([&x, &partners], &y).batch_size(36).epochs(15).verbose(0).run();
    let losses = fit.unwrap();
    let (first, last) = (losses["loss"][0], losses["loss"][14]);
    assert!(last < 0.8 * first, "{first} to {last}");
}

#[test]
fn samplers_feed_training() {
    let (x, y) = clouds(120);
    let mut model = embedder();
    model.compile("adam", "triplet_batch_hard").build().unwrap();
    let sampler = ClassBalanced::new(&y, 4, 5).unwrap().seed(1);
    for batch in sampler.batches(&x, &y).take(3) {
        let (x, y) = batch.unwrap();
        assert_eq!(x.len(), 20);
        assert!(model.train_on_batch(&x, &y).unwrap()["loss"].is_finite());
    }
    let sampler = PairSampler::new(&y, PairLabel::OneIsSame).unwrap().batch_size(20);
    let ([left, right], same) = sampler.batches(&x).next().unwrap().unwrap();
    assert_eq!((left.len(), right.len()), (20, 20));
    assert_eq!(same.to_array().unwrap().shape(), [20, 1]);
}
