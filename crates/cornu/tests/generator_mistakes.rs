//! Whatever a generator does wrong ends in an error, and its threads end; the model can still be used.

#[path = "support/batches.rs"]
mod support;

use cornu::callbacks::LambdaCallback;
use cornu::data::{Batch, Generator, IntoGenerator, Sequence};
use cornu::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Numbered, batches, data, endless, expect, model, rows};

/// A generator of good batches, whose batch of a number (from 1) is another.
fn with_wrong(
    number: usize,
    wrong: impl Fn() -> Result<Batch> + Send,
) -> impl FnMut() -> Result<Batch> + Send {
    let mut count = 0;
    move || {
        count += 1;
        if count == number { wrong() } else { Ok(rows(count, 4)) }
    }
}

#[test]
fn what_a_batch_can_have_wrong() {
    let ints = |values: Vec<i32>| Array::new([values.len()], values).unwrap();
    let zeros = |shape: &[usize]| Array::zeros(shape, DType::F32);
    let wrongs: Vec<(Batch, &[&str])> = vec![
        (
            Batch::new(zeros(&[4, 5]), ints(vec![0; 4])),
            &["samples of shape (4,)", "samples of shape (5,)"],
        ),
        (Batch::new(zeros(&[4, 4]), ints(vec![0, 1, 3, 0])), &["label 3", "labels go from 0 to 2"]),
        (Batch::new(zeros(&[4, 4]), ints(vec![0, -1, 2, 0])), &["label -1"]),
        (Batch::new(zeros(&[4, 4]), ints(vec![0; 5])), &["equally many samples", "4 and 5"]),
        (Batch::new([zeros(&[4, 4]), zeros(&[4, 4])], ints(vec![0; 4])), &["1 inputs", "2 arrays"]),
        (
            Batch::new(zeros(&[4, 4]), [ints(vec![0; 4]), ints(vec![0; 4])]),
            &["1 outputs", "2 arrays"],
        ),
        (Batch::inputs(zeros(&[4, 4])), &["1 outputs", "0 arrays"]),
        (Batch::new(zeros(&[0, 4]), ints(vec![])), &["the data are empty"]),
        (Batch::new(Vec::<Array>::new(), Vec::<Array>::new()), &["the data are empty"]),
        (Batch::new(Array::scalar(1.0f32), Array::scalar(1)), &["a first dimension of samples"]),
        (Batch::new(zeros(&[4, 4]), zeros(&[4, 7])), &["loss of output"]),
        (
            Batch::new(zeros(&[4, 4]), ints(vec![0; 4])).sample_weight(zeros(&[3])),
            &["equally many samples"],
        ),
    ];
    for (wrong, parts) in wrongs {
        for number in [1, 7] {
            let place = format!("batch {number} of the generator");
            let mut model = model();
            let before = model.get_weights().unwrap();
            let generator = with_wrong(number, || Ok(wrong.clone()));
            let fit = model.fit_generator(generator).steps_per_epoch(10).verbose(0);
            let error = fit.run().unwrap_err();
            expect(&error, parts);
            expect(&error, &[&place, "generator_mistakes.rs"]);
            let is_trained = model.get_weights().unwrap() != before;
            assert_eq!(is_trained, number == 7, "what was trained stays");

            let generator = with_wrong(number, || Ok(wrong.clone()));
            let error = model.evaluate_generator(generator).steps(10).verbose(0).run().unwrap_err();
            expect(&error, parts);
            expect(&error, &[&place]);

            let (x, y) = data();
            let generator = with_wrong(number, || Ok(wrong.clone()));
            let fit = model.fit(&x, &y).validation_generator(generator).validation_steps(10);
            let error = fit.verbose(0).run().unwrap_err();
            expect(&error, parts);
            expect(&error, &["validation data", &place]);
            // And the model is as good as before.
            model.fit(&x, &y).epochs(2).verbose(0).run().unwrap();
        }
    }
}

#[test]
fn what_a_batch_to_predict_can_have_wrong() {
    let model = model();
    let zeros = |shape: &[usize]| Array::zeros(shape, DType::F32);
    let wrongs: Vec<(Batch, &[&str])> = vec![
        (Batch::inputs(zeros(&[4, 5])), &["samples of shape (5,)"]),
        (Batch::inputs([zeros(&[4, 4]), zeros(&[4, 4])]), &["1 inputs", "2 arrays"]),
        (Batch::inputs(Vec::<Array>::new()), &["the data are empty"]),
        (Batch::inputs(zeros(&[0, 4])), &["the data are empty"]),
    ];
    for (wrong, parts) in wrongs {
        for number in [1, 7] {
            let generator = with_wrong(number, || Ok(wrong.clone()));
            let error = model.predict_generator(generator).steps(10).run().unwrap_err();
            expect(&error, parts);
            expect(&error, &[&format!("batch {number} of the generator")]);
        }
    }
    let (a, b) = (Input::tensor([2]), Input::tensor([2]));
    let two = Model::new([&a, &b], ops::concatenate([&a, &b], -1)).unwrap();
    let pair = || Batch::inputs([zeros(&[3, 2]), zeros(&[3, 2])]);
    let single = [pair(), Batch::inputs(zeros(&[3, 2]))];
    let error = two.predict_generator(single.into_iter()).run().unwrap_err();
    expect(&error, &["batch 2 of the generator", "2 inputs", "1 arrays"]);
}

#[test]
fn a_generators_own_error_and_its_panic() {
    for number in [1, 7] {
        let place = format!("batch {number} of the generator");
        let mut model = model();
        let generator = with_wrong(number, || Err(Error::file("tape 3 is torn")));
        let error = model.fit_generator(generator).steps_per_epoch(10).verbose(0).run();
        let error = error.unwrap_err();
        assert_eq!(error.kind(), cornu::ErrorKind::File);
        expect(&error, &[&place, "tape 3 is torn"]);
        let generator = with_wrong(number, || panic!("no tape {}", 4));
        let error = model.fit_generator(generator).steps_per_epoch(10).verbose(0).run();
        expect(&error.unwrap_err(), &[&place, "the generator panicked: no tape 4"]);
        let generator = with_wrong(number, || panic!("a plain text"));
        let error = model.predict_generator(generator).steps(10).run();
        expect(&error.unwrap_err(), &[&place, "the generator panicked: a plain text"]);
        let generator = with_wrong(number, || std::panic::panic_any(7));
        let error = model.evaluate_generator(generator).steps(10).verbose(0).run();
        expect(&error.unwrap_err(), &[&place, "the generator panicked: no message"]);
        model.fit_generator(batches(8)).verbose(0).run().unwrap();
    }
    // Of several threads one fails: its batch is the one that is named.
    struct Torn;
    impl Sequence for Torn {
        fn len(&self) -> usize {
            9
        }
        fn get(&self, _: usize, index: usize) -> Result<Batch> {
            assert_ne!(index, 4, "torn");
            Ok(rows(index, 4))
        }
    }
    for workers in [1, 3] {
        let mut model = model();
        let generator = Generator::sequence(Torn, workers, false);
        let error = model.fit_generator(generator).epochs(2).verbose(0).run().unwrap_err();
        expect(&error, &["batch 5 of the generator", "the generator panicked", "torn"]);
    }
}

#[test]
fn a_generator_that_ends_early() {
    let few = || (0..3).map(|i| rows(i, 4));
    let mut model = model();
    let fit = model.fit_generator(few()).steps_per_epoch(5).verbose(0);
    expect(&fit.run().unwrap_err(), &["ended after 3 of the 5 batches", "each_epoch"]);
    // In the second epoch; the first is done.
    let mut history = History::default();
    let fit = model.fit_generator(few()).steps_per_epoch(2).epochs(2).verbose(0);
    let error = fit.callback(&mut history).run().unwrap_err();
    expect(&error, &["ended after 1 of the 2 batches"]);
    assert_eq!(history.epochs, [0]);
    // Without steps the end is the end of the epoch.
    let fit = model.fit_generator(few()).verbose(0);
    assert_eq!(fit.run().unwrap().epochs, [0]);
    let mut history = History::default();
    let fit = model.fit_generator(few()).epochs(2).verbose(0).callback(&mut history);
    expect(&fit.run().unwrap_err(), &["no batches left", "each_epoch"]);
    assert_eq!(history.epochs, [0]);
    // Evaluation: fewer than asked.
    let error = model.evaluate_generator(few()).steps(5).verbose(0).run().unwrap_err();
    expect(&error, &["ended after 3 of the 5 batches"]);
    let error = model.predict_generator(few()).steps(5).run().unwrap_err();
    expect(&error, &["ended after 3 of the 5 batches"]);
    let (x, y) = data();
    let fit = model.fit(&x, &y).epochs(2).validation_generator(few()).verbose(0);
    expect(&fit.run().unwrap_err(), &["validation data: ", "no batches left"]);
}

#[test]
fn a_generator_without_batches() {
    let mut model = model();
    let first = "the generator ended before its first batch";
    let none = || std::iter::empty::<Batch>();
    expect(&model.fit_generator(none()).verbose(0).run().unwrap_err(), &[first]);
    expect(&model.fit_generator(none()).steps_per_epoch(2).run().unwrap_err(), &[first]);
    expect(&model.evaluate_generator(none()).verbose(0).run().unwrap_err(), &[first]);
    expect(&model.predict_generator(none()).run().unwrap_err(), &[first]);
    let each = Generator::each_epoch(|_| std::iter::empty::<Batch>());
    expect(&model.fit_generator(each).epochs(3).verbose(0).run().unwrap_err(), &[first]);
    let each = Generator::each_epoch(|epoch| batches(8).take(if epoch == 1 { 0 } else { 9 }));
    let error = model.fit_generator(each).epochs(3).verbose(0).run().unwrap_err();
    expect(&error, &["no batches left"]);
    struct Nothing;
    impl Sequence for Nothing {
        fn len(&self) -> usize {
            0
        }
        fn get(&self, _: usize, _: usize) -> Result<Batch> {
            unreachable!("there is none")
        }
    }
    for workers in [1, 3] {
        let nothing = Generator::sequence(Nothing, workers, true);
        expect(&model.fit_generator(nothing).verbose(0).run().unwrap_err(), &[first]);
    }
    let (x, y) = data();
    let fit = model.fit(&x, &y).validation_generator(none()).verbose(0);
    expect(&fit.run().unwrap_err(), &["validation data: ", first]);
}

#[test]
fn an_endless_generator_needs_a_number_of_steps() {
    let mut model = model();
    let never = "the generator never ends";
    let error = model.fit_generator(endless(4)).verbose(0).run().unwrap_err();
    expect(&error, &[never, ".steps_per_epoch(…)"]);
    expect(&model.evaluate_generator(endless(4)).verbose(0).run().unwrap_err(), &[never]);
    expect(&model.predict_generator(endless(4)).run().unwrap_err(), &[never]);
    let (x, y) = data();
    let fit = model.fit(&x, &y).validation_generator(endless(4)).verbose(0);
    expect(&fit.run().unwrap_err(), &["validation data: ", never]);
    let error = model.fit_generator(endless(4)).steps_per_epoch(0).run().unwrap_err();
    expect(&error, &["at least 1 step"]);
    let fit = model.fit_generator(endless(4)).steps_per_epoch(4).validation_split(0.5);
    expect(&fit.verbose(0).run().unwrap_err(), &["validation_split needs arrays"]);
}

/// Raises a flag when it is dropped: the thread that had it ended.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs something on an endless generator and checks that its thread ends with it.
#[track_caller]
fn ends(run: impl FnOnce(&mut Model, Generator<'_>)) {
    let ended = Arc::new(AtomicBool::new(false));
    let guard = Dropped(Arc::clone(&ended));
    let made = AtomicUsize::new(0);
    let mut next = endless(4);
    let generator = (|| {
        let _ = &guard;
        made.fetch_add(1, Ordering::SeqCst);
        next()
    })
    .into_generator();
    let begun = Instant::now();
    run(&mut model(), generator);
    // The thread is a scoped one: had it not ended, `run` would not have come back.
    let count = made.load(Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(made.load(Ordering::SeqCst), count, "no thread goes on");
    drop(guard);
    assert!(ended.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn threads_end_however_a_run_ends() {
    ends(|model, generator| {
        let stop = LambdaCallback::new().on_train_batch_end(|training, batch| {
            if batch == 2 {
                training.stop();
            }
            Ok(())
        });
        let fit = model.fit_generator(generator).steps_per_epoch(1000).epochs(1000).verbose(0);
        assert_eq!(fit.callback(stop).run().unwrap().epochs, [0]);
    });
    ends(|model, generator| {
        let fail = LambdaCallback::new().on_train_batch_end(|_, _| Err(Error::state("enough")));
        let fit = model.fit_generator(generator).steps_per_epoch(1000).verbose(0);
        expect(&fit.callback(fail).run().unwrap_err(), &["enough"]);
    });
    ends(|model, generator| {
        let panic = LambdaCallback::new().on_epoch_end(|_, _, _| panic!("a callback panics"));
        let fit = model.fit_generator(generator).steps_per_epoch(3).epochs(1000).verbose(0);
        let caught = catch_unwind(AssertUnwindSafe(|| fit.callback(panic).run()));
        let panic = caught.unwrap_err();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "a callback panics");
        // The model can still be trained.
        model.fit_generator(batches(8)).verbose(0).run().unwrap();
    });
    ends(|model, generator| {
        let flag = Arc::new(AtomicBool::new(false));
        let raise = LambdaCallback::new().on_train_batch_end(|_, batch| {
            flag.store(batch == 5, Ordering::SeqCst);
            Ok(())
        });
        let fit = model.fit_generator(generator).steps_per_epoch(1000).verbose(0);
        let history = fit.callback(raise).stop_flag(Arc::clone(&flag)).run().unwrap();
        assert!(history.stopped);
    });
    ends(|model, generator| {
        // The data to validate on are wrong, when the threads of the training data run already.
        let (x, _) = data();
        let fit = model.fit_generator(generator).steps_per_epoch(3).validation_data(&x, &x);
        fit.verbose(0).run().unwrap_err();
    });
    ends(|model, generator| {
        let (x, y) = data();
        let fit = model.fit(&x, &y).epochs(2).validation_generator(generator);
        fit.validation_steps(3).verbose(0).run().unwrap();
    });
    ends(|model, generator| {
        let stop = LambdaCallback::new().on_predict_batch_end(|_, _| Err(Error::state("enough")));
        let error = model.predict_generator(generator).steps(1000).callback(stop).run();
        expect(&error.unwrap_err(), &["enough"]);
    });
    // Threads that never made the batch that somebody waits for, of a sequence.
    let mut model = model();
    let stop = LambdaCallback::new().on_train_batch_end(|training, batch| {
        if batch == 4 {
            training.stop();
        }
        Ok(())
    });
    let fit = model.fit_generator(Generator::sequence(Numbered(2), 5, true)).epochs(1000);
    assert_eq!(fit.verbose(0).callback(stop).run().unwrap().epochs, [0]);
}
