//! Training, evaluation and prediction on generators are those on arrays.

#[path = "support/batches.rs"]
mod support;

use cornu::data::{Batch, Generator, IntoGenerator, Sequence};
use cornu::prelude::*;
use support::{CLASSES, Numbered, SAMPLES, batches, data, endless, expect, model, rows};

type Trained = (Vec<(String, Vec<f64>)>, Vec<Array>);

fn trained(model: &Model, history: &History) -> Trained {
    let figures = history.iter().map(|(name, values)| (name.to_owned(), values.to_vec()));
    (figures.collect(), model.get_weights().unwrap())
}

fn on_arrays(size: usize) -> Trained {
    let ((x, y), mut model) = (data(), model());
    let fit = model.fit(&x, &y).batch_size(size).shuffle(false).epochs(3).verbose(0);
    let history = fit.validation_data(&x, &y).validation_batch_size(10).run().unwrap();
    trained(&model, &history)
}

fn on_generator<Way>(
    generator: impl IntoGenerator<'static, Way>,
    validation: Generator<'static>,
    steps: Option<usize>,
) -> Trained {
    let generator = generator.into_generator();
    let mut model = model();
    let mut fit = model.fit_generator(generator).epochs(3).verbose(0);
    if let Some(steps) = steps {
        fit = fit.steps_per_epoch(steps);
    }
    let history = fit.validation_generator(validation).run().unwrap();
    trained(&model, &history)
}

fn each_time(size: usize) -> Generator<'static> {
    Generator::each_epoch(move |_| batches(size))
}

#[test]
fn a_run_on_generators_is_the_run_on_the_arrays() {
    // Batches that all have one size, and some of which the last is smaller.
    for size in [8, 5] {
        let arrays = on_arrays(size);
        let steps = Some(SAMPLES.div_ceil(size));
        let validation = || each_time(10);
        assert_eq!(on_generator(endless(size), validation(), steps), arrays, "closure");
        let mut all = batches(size).cycle();
        let options = move || all.next();
        assert_eq!(on_generator(options, validation(), steps), arrays, "closure of options");
        let results = batches(size).cycle().map(Ok::<_, Error>);
        assert_eq!(on_generator(results, validation(), steps), arrays, "iterator of results");
        assert_eq!(on_generator(each_time(size), validation(), None), arrays, "each epoch");
        assert_eq!(on_generator(each_time(size), validation(), steps), arrays, "with steps");
        for workers in [1, 3, 20] {
            let numbers = |size| Generator::sequence(Numbered(size), workers, false);
            assert_eq!(on_generator(numbers(size), numbers(10), None), arrays, "{workers} workers");
            let narrow = numbers(size).max_queue_size(1);
            assert_eq!(on_generator(narrow, numbers(10), steps), arrays, "{workers} workers");
        }
    }
}

/// Which batches of which epochs were asked for.
struct Asked<'a>(&'a std::sync::Mutex<Vec<(usize, usize)>>);

impl Sequence for Asked<'_> {
    fn len(&self) -> usize {
        6
    }

    fn get(&self, epoch: usize, index: usize) -> Result<Batch> {
        self.0.lock().unwrap().push((epoch, index));
        Ok(rows(index * 4, 4))
    }
}

#[test]
fn a_sequence_is_shuffled_alike_by_any_number_of_threads() {
    let run = |workers: usize| {
        let asked = std::sync::Mutex::new(vec![]);
        let mut model = model();
        let generator = Generator::sequence(Asked(&asked), workers, true);
        let history = model.fit_generator(generator).epochs(3).verbose(0).run().unwrap();
        let result = trained(&model, &history);
        (result, asked.into_inner().unwrap())
    };
    let (alone, order) = run(1);
    assert_eq!(run(3).0, alone);
    assert_eq!(run(4).0, alone);
    // Each epoch has every batch once and none is made in vain; the orders differ.
    let epochs: Vec<Vec<usize>> = order
        .chunks(6)
        .enumerate()
        .map(|(epoch, asked)| {
            assert!(asked.iter().all(|(of, _)| *of == epoch), "{asked:?}");
            asked.iter().map(|(_, index)| *index).collect()
        })
        .collect();
    assert_eq!(epochs.len(), 3);
    assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2], "{epochs:?}");
    for mut epoch in epochs {
        epoch.sort_unstable();
        assert_eq!(epoch, (0..6).collect::<Vec<_>>());
    }
}

#[test]
fn no_batch_is_made_in_vain_if_the_steps_are_known() {
    let mut calls = 0;
    let mut checks = 0;
    let mut next = endless(4);
    let mut check = endless(4);
    let mut model = model();
    let counted = || {
        calls += 1;
        next()
    };
    let checked = || {
        checks += 1;
        check()
    };
    let fit = model.fit_generator(counted).steps_per_epoch(3).epochs(4).verbose(0);
    let fit = fit.validation_generator(checked).validation_steps(2).validation_freq(2);
    fit.run().unwrap();
    assert_eq!((calls, checks), (12, 4));
    let asked = std::sync::Mutex::new(vec![]);
    let sequence = || Generator::sequence(Asked(&asked), 2, false);
    model.evaluate_generator(sequence()).verbose(0).run().unwrap();
    model.predict_generator(sequence()).steps(2).run().unwrap();
    assert_eq!(asked.lock().unwrap().len(), 6 + 2);
}

#[test]
fn arrays_with_a_number_of_steps_go_on_in_the_next_epoch() {
    // 6 batches in epochs of 4 steps: the second epoch takes the last 2, then the first 2.
    let ((x, y), mut on_arrays) = (data(), model());
    let fit = on_arrays.fit(&x, &y).batch_size(4).shuffle(false).steps_per_epoch(4);
    let arrays = fit.epochs(3).verbose(0).run().unwrap();
    let mut on_closure = model();
    let fit = on_closure.fit_generator(endless(4)).steps_per_epoch(4).epochs(3).verbose(0);
    let closure = fit.run().unwrap();
    assert_eq!(trained(&on_arrays, &arrays), trained(&on_closure, &closure));
}

#[test]
fn each_validation_begins_anew_where_it_can() {
    let ((x, y), mut model) = (data(), model());
    model.set_learning_rate(0.0).unwrap();
    // The weights do not change, so that the same data give the same figures.
    let fit = |model: &mut Model, validation: Option<Generator<'_>>| {
        let fit = model.fit(&x, &y).epochs(3).verbose(0).validation_steps(2);
        let fit = match validation {
            None => fit.validation_data(&x, &y).validation_batch_size(4),
            Some(generator) => fit.validation_generator(generator.max_queue_size(2)),
        };
        fit.run().unwrap()["val_loss"].to_vec()
    };
    let arrays = fit(&mut model, None);
    assert!(arrays.iter().all(|loss| *loss == arrays[0]), "{arrays:?}");
    let first_two = Batch::new(x.slice_rows(0, 8).unwrap(), y.slice_rows(0, 8).unwrap());
    let expected = model.evaluate(&*first_two.x, &*first_two.y).verbose(0).run().unwrap();
    assert_eq!(arrays[0] as f32, expected["loss"] as f32);
    assert_eq!(fit(&mut model, Some(Generator::sequence(Numbered(4), 2, false))), arrays);
    // A closure cannot: it goes on.
    let closure = fit(&mut model, Some(endless(4).into_generator()));
    assert!(closure[0] == arrays[0] && closure[1] != arrays[0], "{closure:?}");
}

#[test]
fn evaluation_and_prediction_are_those_of_the_arrays() {
    let ((x, y), mut model) = (data(), model());
    model.fit(&x, &y).epochs(2).verbose(0).run().unwrap();
    let score = model.evaluate(&x, &y).batch_size(5).verbose(0).run().unwrap();
    let outputs = model.predict(&x).batch_size(5).run().unwrap();
    let evaluate = |model: &mut Model, generator: Generator<'_>, steps: Option<usize>| {
        let evaluate = model.evaluate_generator(generator).verbose(0);
        match steps {
            Some(steps) => evaluate.steps(steps),
            None => evaluate,
        }
        .run()
        .unwrap()
    };
    for workers in [1, 3] {
        let sequence = || Generator::sequence(Numbered(5), workers, false);
        assert_eq!(evaluate(&mut model, sequence(), None), score);
        assert_eq!(evaluate(&mut model, sequence(), Some(99)), score, "no sample counts twice");
        assert_eq!(model.predict_generator(sequence()).run().unwrap(), outputs);
    }
    assert_eq!(evaluate(&mut model, batches(5).into_generator(), None), score);
    assert_eq!(evaluate(&mut model, endless(5).into_generator(), Some(5)), score);
    let again = model.evaluate(&x, &y).batch_size(5).steps(99).verbose(0).run().unwrap();
    assert_eq!(again, score, "no sample counts twice");
    assert_eq!(model.predict_generator(endless(5)).steps(5).run().unwrap(), outputs);
    let inputs = batches(5).map(|batch| batch.x[0].to_array().unwrap());
    assert_eq!(model.predict_generator(inputs).run().unwrap(), outputs);
    // Batches that grow, of inputs alone and with targets.
    let mut first = 0;
    let growing = [1usize, 2, 4, 7, 10].map(|size| {
        let batch = rows(first, size);
        first += size;
        if size % 2 == 0 { batch } else { Batch::inputs(batch.x[0].clone()) }
    });
    assert_eq!(model.predict_generator(growing.into_iter()).run().unwrap().shape(), [24, 3]);
    let growing = [1usize, 2, 4, 7, 10].into_iter().scan(0, |first, size| {
        let batch = rows(*first, size);
        *first += size;
        Some(batch)
    });
    let grown = model.predict_generator(growing).run().unwrap();
    let far = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-6;
    assert!(!grown.values().to_f64().iter().zip(&outputs.values().to_f64()).any(far));
}

#[test]
fn weights_of_samples_and_classes() {
    let ((x, y), weights) = (data(), (0..SAMPLES).map(|i| (i % 5) as f32 / 2.0));
    let weights = Array::new([SAMPLES], weights.collect::<Vec<f32>>()).unwrap();
    let classes = [(0, 0.5f32), (2, 3.0)];
    let parts = |first: usize| {
        let cut = |array: &Array| array.slice_rows(first, first + 6).unwrap();
        (cut(&x), cut(&y), cut(&weights))
    };
    let run = |sample: bool, class: bool| {
        let on = |generator: bool| {
            let mut model = model();
            let mut all = (0..SAMPLES).step_by(6).cycle();
            let weighted = || all.next().map(parts);
            let fit = match (generator, sample) {
                (false, true) => model.fit(&x, &y).sample_weight(&weights),
                (false, false) => model.fit(&x, &y),
                (true, true) => model.fit_generator(weighted).steps_per_epoch(4),
                (true, false) => model.fit_generator(endless(6)).steps_per_epoch(4),
            };
            let fit = if class { fit.class_weight(classes) } else { fit };
            let fit = fit.batch_size(6).shuffle(false).epochs(2).verbose(0);
            let history = fit.run().unwrap();
            trained(&model, &history)
        };
        let arrays = on(false);
        assert_eq!(on(true), arrays);
        arrays
    };
    let all = [run(false, false), run(true, false), run(false, true), run(true, true)];
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b), "weights must matter: {i}");
    }
    let error = model()
        .fit_generator(endless(6))
        .steps_per_epoch(1)
        .sample_weight(&weights)
        .run()
        .unwrap_err();
    expect(&error, &["a generator yields its weights as (x, y, weights)"]);
}

#[test]
fn batches_with_and_without_weights_and_of_every_size() {
    let mut model = model();
    let mut size = 0;
    let next = move || {
        size += 1;
        let batch = rows(size, size % 50 + 1);
        let count = batch.samples();
        if size % 3 == 0 {
            batch.sample_weight(Array::new([count], vec![0.5f32; count]).unwrap())
        } else {
            batch
        }
    };
    // More sizes than programs are kept.
    let history = model.fit_generator(next).steps_per_epoch(60).epochs(2).verbose(0).run().unwrap();
    assert!(history["loss"].iter().all(|loss| loss.is_finite()));
}

#[test]
fn images_stay_bytes() {
    let pixels: Vec<u8> = (0..SAMPLES * 4).map(|i| (i * 31 % 256) as u8).collect();
    let (images, (_, y)) = (Array::new([SAMPLES, 4], pixels).unwrap(), data());
    let scaled = images.rescale(1.0 / 255.0);
    let mut on_arrays = model();
    let fit = on_arrays.fit(&scaled, &y).batch_size(8).shuffle(false);
    let history = fit.epochs(2).verbose(0).run().unwrap();
    let arrays = trained(&on_arrays, &history);
    let part = |first: usize| {
        let rows = first..first + 8;
        (scaled.select(rows.clone()).unwrap(), Column::new(y.clone()).select(rows).unwrap())
    };
    let mut firsts = [0, 8, 16].into_iter().cycle();
    let mut on_generator = model();
    let next = || part(firsts.next().unwrap());
    let fit = on_generator.fit_generator(next).steps_per_epoch(3).epochs(2);
    let history = fit.verbose(0).run().unwrap();
    assert_eq!(trained(&on_generator, &history), arrays);
    // Bytes as they are, and then floats, in one run.
    let mixed = [images.clone(), images.cast(DType::F32)].map(|x| (x, y.clone()));
    on_generator.fit_generator(mixed.into_iter()).verbose(0).run().unwrap();
}

#[test]
fn a_generator_is_told_the_number_of_the_epoch() {
    let mut told = vec![];
    let mut model = model();
    let each = Generator::each_epoch(|epoch| {
        told.push(epoch);
        batches(12)
    });
    let fit = model.fit_generator(each).initial_epoch(4).epochs(7).verbose(0);
    assert_eq!(fit.run().unwrap().epochs, [4, 5, 6]);
    assert_eq!(told, [4, 5, 6]);
    let asked = std::sync::Mutex::new(vec![]);
    let generator = Generator::sequence(Asked(&asked), 1, false);
    model.fit_generator(generator).initial_epoch(2).epochs(3).verbose(0).run().unwrap();
    let asked = asked.into_inner().unwrap();
    assert_eq!(asked, (0..6).map(|index| (2, index)).collect::<Vec<_>>());
}

#[test]
fn a_generator_may_borrow_and_an_unbuilt_model_is_built_for_it() {
    let (x, y) = data();
    let mut model: Model = Sequential::new().add(Dense::new(CLASSES).activation("softmax")).into();
    model.compile("sgd", "sparse_categorical_crossentropy").build().unwrap();
    let (x, y) = (&x, &y);
    let all = (0..2).map(|_| (x, y));
    model.fit_generator(all).verbose(0).run().unwrap();
    assert_eq!(model.count_params().unwrap(), 4 * CLASSES + CLASSES);
    let uncompiled: &mut Model = &mut Sequential::new().add(Dense::new(1)).into();
    let error = uncompiled.fit_generator(endless(4)).steps_per_epoch(1).run().unwrap_err();
    expect(&error, &["fit needs a compiled model"]);
}
