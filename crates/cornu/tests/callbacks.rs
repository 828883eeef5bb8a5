//! Callbacks beyond what Keras's own tell (`keras_callbacks.rs`): the order of the hooks, mistakes,
//! what can be read afterwards.

use cornu::callbacks::{
    CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
    ReduceLROnPlateau, RemoteMonitor, SaveFreq, TerminateOnNaN,
};
use cornu::prelude::*;
use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

fn data() -> (Array, Array) {
    let x: Vec<f32> = (0..8).map(|i| i as f32 / 8.0).collect();
    let y = x.iter().map(|x| 2.0 * x + 1.0).collect();
    (Array::new([8, 1], x).unwrap(), Array::new([8, 1], y).unwrap())
}

fn model() -> Model {
    utils::set_random_seed(3);
    let mut model: Model = Sequential::new().add(Input::new([1])).add(Dense::new(1)).into();
    model.compile(SGD::new(0.1), "mse").metric("mae").build().unwrap();
    model
}

/// Trains for some epochs with a callback and data to validate on.
fn run(epochs: usize, callback: impl Callback) -> Result<History> {
    let (x, y) = data();
    let mut model = model();
    let fit = model.fit(&x, &y).epochs(epochs).batch_size(4).verbose(0);
    fit.validation_data(&x, &y).callback(callback).run()
}

#[track_caller]
fn message(callback: impl Callback) -> String {
    run(2, callback).expect_err("this is a mistake").to_string()
}

#[track_caller]
fn expect(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in:\n{message}");
    }
}

#[test]
fn every_hook_is_called_in_kerases_order() {
    let calls = RefCell::new(vec![]);
    let call = |name: &str| {
        calls.borrow_mut().push(name.to_owned());
        Ok(())
    };
    let all = || {
        LambdaCallback::new()
            .on_train_begin(|_| call("train{"))
            .on_train_end(|_, _| call("}train"))
            .on_epoch_begin(|_, epoch| call(&format!("epoch{epoch}{{")))
            .on_epoch_end(|_, epoch, _| call(&format!("}}epoch{epoch}")))
            .on_train_batch_begin(|_, batch| call(&format!("batch{batch}{{")))
            .on_train_batch_end(|_, batch| call(&format!("}}batch{batch}")))
            .on_test_begin(|_| call("test{"))
            .on_test_end(|_, _| call("}test"))
            .on_test_batch_begin(|_, batch| call(&format!("step{batch}{{")))
            .on_test_batch_end(|_, batch| call(&format!("}}step{batch}")))
            .on_predict_begin(|_| call("predict{"))
            .on_predict_end(|_| call("}predict"))
            .on_predict_batch_begin(|_, batch| call(&format!("row{batch}{{")))
            .on_predict_batch_end(|_, batch| call(&format!("}}row{batch}")))
    };
    let (x, y) = data();
    let mut model = model();
    let fit = model.fit(&x, &y).epochs(2).batch_size(8).verbose(0).validation_data(&x, &y);
    fit.validation_freq(2).validation_batch_size(5).callback(all()).run().unwrap();
    model.evaluate(&x, &y).verbose(0).callback(all()).run().unwrap();
    model.predict(&x).batch_size(5).callback(all()).run().unwrap();
    let expected = "train{ epoch0{ batch0{ }batch0 }epoch0 epoch1{ batch0{ }batch0 \
                    test{ step0{ }step0 step1{ }step1 }test }epoch1 }train \
                    test{ step0{ }step0 }test \
                    predict{ row0{ }row0 row1{ }row1 }predict";
    assert_eq!(calls.borrow().join(" "), expected);
}

#[test]
fn a_callback_sees_and_changes_the_figures_of_those_before() {
    let first = LambdaCallback::new().on_epoch_end(|_, epoch, logs| {
        logs.set("loss", 10.0 * epoch as f64);
        logs.set("mine", 1.0);
        Ok(())
    });
    let mut seen = vec![];
    let second = LambdaCallback::new().on_epoch_end(|training, _, logs| {
        seen.push((logs["loss"], logs["mine"], training.history().epochs.len()));
        Ok(())
    });
    let (x, y) = data();
    let history =
        model().fit(&x, &y).epochs(2).verbose(0).callback(first).callback(second).run().unwrap();
    assert_eq!(seen, [(0.0, 1.0, 0), (10.0, 1.0, 1)]);
    assert_eq!((&history["loss"], &history["mine"]), (&[0.0, 10.0][..], &[1.0, 1.0][..]));
}

#[test]
fn the_error_of_a_hook_ends_the_run_and_what_was_trained_stays() {
    let (x, y) = data();
    let mut model = model();
    let before = model.get_weights().unwrap();
    let failing = LambdaCallback::new().on_epoch_end(|_, epoch, _| match epoch {
        1 => Err(Error::state("the disk is full")),
        _ => Ok(()),
    });
    let mut history = History::default();
    let fit = model.fit(&x, &y).epochs(5).verbose(0).callback(&mut history).callback(failing);
    let error = fit.run().unwrap_err().to_string();
    expect(&error, &["the disk is full", "callbacks.rs"]);
    // The history that was given as a callback has what was done.
    assert_eq!((history.epochs.as_slice(), history["loss"].len()), (&[0, 1][..], 2));
    assert_ne!(model.get_weights().unwrap(), before);
    model.fit(&x, &y).verbose(0).run().unwrap();
}

#[test]
fn a_history_records_several_trainings() {
    let (x, y) = data();
    let (mut model, mut history) = (model(), History::default());
    for _ in 0..2 {
        model.fit(&x, &y).epochs(2).verbose(0).callback(&mut history).run().unwrap();
    }
    assert_eq!(history.epochs, [0, 1, 0, 1]);
    assert!(history["loss"].windows(2).all(|pair| pair[1] < pair[0]), "{:?}", &history["loss"]);
}

#[test]
fn a_figure_that_is_not_there_is_an_error() {
    let text = message(EarlyStopping::new("val_los"));
    expect(&text, &["EarlyStopping: there is no figure 'val_los'", "did you mean 'val_loss'?"]);
    expect(&text, &["loss, mae, val_loss, val_mae"]);
    expect(&message(ReduceLROnPlateau::new("vall_mae")), &["ReduceLROnPlateau", "'val_mae'?"]);
    let checkpoint = ModelCheckpoint::new("x.safetensors").save_best_only(true).monitor("maee");
    expect(&message(checkpoint), &["ModelCheckpoint", "did you mean 'mae'?"]);
    // Found even if the callback would only watch later.
    expect(&message(EarlyStopping::new("acc").start_from_epoch(9)), &["no figure 'acc'"]);
}

#[test]
fn a_figure_of_a_validation_that_there_is_not() {
    let (x, y) = data();
    let mut model = model();
    let fit = model.fit(&x, &y).epochs(3).verbose(0).callback(EarlyStopping::default());
    let text = fit.run().unwrap_err().to_string();
    expect(&text, &["no figure 'val_loss'", "need data to validate on", ".validation_data(…)"]);
}

#[test]
fn epochs_without_validation_do_not_count() {
    let (x, y) = data();
    let mut model = model();
    let mut early = EarlyStopping::new("val_loss").patience(1).mode("max");
    let mut reduce = ReduceLROnPlateau::new("val_loss").patience(1).mode("max");
    let fit = model.fit(&x, &y).epochs(20).verbose(0).validation_data(&x, &y).validation_freq(3);
    let history = fit.callback(&mut early).callback(&mut reduce).run().unwrap();
    // The validation of epoch 3 is the best, that of epoch 6 worse.
    assert_eq!((early.best_epoch(), early.stopped_epoch()), (Some(2), Some(5)));
    assert_eq!((history.epochs.len(), history["val_loss"].len()), (6, 2));
    assert!(history.stopped);
    // A name that validation would not have is told at once.
    let fit = model.fit(&x, &y).epochs(9).verbose(0).validation_data(&x, &y).validation_freq(3);
    let mut history = History::default();
    let fit = fit.callback(&mut history).callback(EarlyStopping::new("val_lss"));
    expect(&fit.run().unwrap_err().to_string(), &["no figure 'val_lss'"]);
    assert_eq!(history.epochs.len(), 1);
}

#[test]
fn a_stop_flag_in_the_middle_of_an_epoch_is_no_mistake_of_the_callbacks() {
    let (x, y) = data();
    let flag = Arc::new(AtomicBool::new(false));
    let raise = LambdaCallback::new().on_train_batch_end(|_, batch| {
        flag.store(batch == 1, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    });
    let mut early = EarlyStopping::default();
    let mut model = model();
    let fit = model.fit(&x, &y).epochs(5).batch_size(2).verbose(0).validation_data(&x, &y);
    let fit = fit.callback(raise).callback(&mut early).stop_flag(Arc::clone(&flag));
    let history = fit.run().unwrap();
    assert!(history.stopped && history.get("val_loss").is_none());
    assert_eq!((history.epochs.len(), early.stopped_epoch()), (1, None));
}

#[test]
fn which_way_is_better_must_be_known() {
    let mine = || {
        LambdaCallback::new().on_epoch_end(|_, epoch, logs| {
            logs.set("mine", epoch as f64);
            Ok(())
        })
    };
    let (x, y) = data();
    let fit = |early: &mut EarlyStopping| {
        let mut model = model();
        let fit = model.fit(&x, &y).epochs(4).verbose(0).callback(mine());
        fit.callback(early).run()
    };
    let error = fit(&mut EarlyStopping::new("mine")).unwrap_err().to_string();
    expect(&error, &["more or less of 'mine' is better", ".mode(\"max\")"]);
    let mut early = EarlyStopping::new("mine").mode("max");
    assert_eq!(fit(&mut early).unwrap().epochs.len(), 4);
    assert_eq!((early.best(), early.best_epoch()), (Some(3.0), Some(3)));
    let text = message(EarlyStopping::default().mode("mix"));
    expect(&text, &["EarlyStopping: there is no mode named 'mix'", "did you mean 'min'?"]);
}

#[test]
fn metrics_say_which_way_is_better() {
    // The mean absolute error falls, so nothing is reduced; "max" would reduce at once.
    let rate = |mode: &str| {
        let reduce = ReduceLROnPlateau::new("val_mae").mode(mode).patience(1).min_delta(0.0);
        run(4, reduce).unwrap()["learning_rate"].to_vec()
    };
    assert_eq!(rate("auto"), rate("min"));
    assert_ne!(rate("auto"), rate("max"));
}

#[test]
fn options_outside_what_is_allowed() {
    let delta = EarlyStopping::default().min_delta(-0.1);
    expect(&message(delta), &["min_delta must be at least 0, not -0.1"]);
    expect(&message(EarlyStopping::default().min_delta(f64::NAN)), &["min_delta"]);
    let reduce = || ReduceLROnPlateau::default();
    expect(&message(reduce().factor(1.0)), &["factor must be at least 0 and less than 1, not 1"]);
    expect(&message(reduce().factor(-0.5)), &["factor"]);
    expect(&message(reduce().min_lr(-1.0)), &["min_lr must be at least 0"]);
    expect(&message(reduce().min_delta(-1.0)), &["min_delta"]);
    expect(&message(ModelCheckpoint::new("x.safetensors").save_freq(0)), &["at least 1 step"]);
    expect(&message(LearningRateScheduler::of_epoch(|_| f32::NAN)), &["learning_rate", "NaN"]);
}

#[test]
fn early_stopping_can_be_used_again() {
    let mut early = EarlyStopping::new("val_loss").mode("max").restore_best_weights(true);
    for _ in 0..2 {
        assert_eq!(run(9, &mut early).unwrap().epochs.len(), 2);
        assert_eq!(
            (early.stopped_epoch(), early.best_epoch(), early.wait()),
            (Some(1), Some(0), 1)
        );
    }
}

#[test]
fn checkpoints_can_be_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let path = format!("{}/new/{{epoch}}.safetensors", folder.path().display());
    let mut checkpoint = ModelCheckpoint::new(path).save_weights_only(true);
    let mut trained = vec![];
    let keep = LambdaCallback::new().on_epoch_end(|training, _, _| {
        trained.push(training.model().get_weights()?);
        Ok(())
    });
    let mut first = model();
    first.fit(&x, &y).epochs(3).verbose(0).callback(&mut checkpoint).callback(keep).run().unwrap();
    assert!(checkpoint.last_path().is_some_and(|path| path.ends_with("new/3.safetensors")));
    for (epoch, weights) in trained.iter().enumerate() {
        let mut other = model();
        other.load_weights(folder.path().join(format!("new/{}.safetensors", epoch + 1))).unwrap();
        assert_eq!(other.get_weights().unwrap(), *weights);
    }
}

#[test]
fn mistakes_in_the_name_of_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| ModelCheckpoint::new(format!("{}/{name}", folder.path().display()));
    expect(&message(at("{epoch.safetensors")), &["ModelCheckpoint", "'{' has no partner"]);
    expect(&message(at("{epoch:4q}.safetensors")), &["'4q' is no way to write a number"]);
    let text = message(at("{val_acuracy}-{val_mea:.2f}.safetensors"));
    expect(&text, &["no figure for the file name named 'val_acuracy'"]);
    expect(&message(at("{val_mea:.2f}.safetensors")), &["did you mean 'val_mae'?"]);
    // Only when saving by steps is there a batch.
    expect(&message(at("{batch}.safetensors")), &["'batch'"]);
    expect(&message(at("model.pt")), &["ending that is not known", ".keras", ".safetensors"]);
    expect(&message(at("model.onnx")), &["no format to save checkpoints in"]);
    let weights = at("model.keras").save_weights_only(true);
    expect(&message(weights), &["no format to save weights in", ".weights.h5"]);
    fs::write(folder.path().join("file"), "").unwrap();
    let blocked = message(at("file/{epoch}.safetensors"));
    expect(&blocked, &["file: cannot be made"]);
    let steps = at("x.safetensors").save_best_only(true).save_freq(SaveFreq::Batches(2));
    expect(&message(steps), &["'val_loss' is not there after each step", "\"loss\""]);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was saved: {left:?}");
}

#[test]
fn the_best_of_some_steps_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("{}/{{epoch}}-{{batch}}.safetensors", folder.path().display());
    let checkpoint = ModelCheckpoint::new(path).monitor("loss").save_best_only(true).save_freq(3);
    let mut checkpoint = checkpoint.initial_value_threshold(1e9);
    run(6, &mut checkpoint).unwrap();
    // 12 steps of training: every third is looked at, and the loss falls.
    let count = fs::read_dir(folder.path()).unwrap().count();
    assert!((2..=4).contains(&count), "{count}");
    assert!(checkpoint.best().is_some_and(|best| best < 10.0));
}

#[test]
fn a_table_that_cannot_be_written_is_told_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let begun = Cell::new(false);
    let (x, y) = data();
    let mut model = model();
    let watch = LambdaCallback::new().on_epoch_begin(|_, _| {
        begun.set(true);
        Ok(())
    });
    let fit = model.fit(&x, &y).verbose(0).callback(watch);
    let error = fit.callback(CSVLogger::new(file.join("log.csv"))).run().unwrap_err().to_string();
    expect(&error, &["file/log.csv: cannot be written"]);
    assert!(!begun.get());
    expect(&message(CSVLogger::new(folder.path())), &["cannot be written"]);
}

#[test]
fn a_table_is_there_while_training_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/log.csv");
    let mut lines = vec![];
    let (x, y) = data();
    let look = LambdaCallback::new().on_epoch_end(|_, _, _| {
        let text = fs::read_to_string(&path)?;
        assert!(text.ends_with("\r\n"));
        lines.push(text.lines().count());
        Ok(())
    });
    let mut model = model();
    let fit = model.fit(&x, &y).epochs(3).verbose(0);
    let history = fit.callback(CSVLogger::new(&path)).callback(look).run().unwrap();
    assert_eq!(lines, [2, 3, 4]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("epoch,loss,mae,val_loss,val_mae\r\n0,"), "{text}");
    let last = text.lines().last().unwrap();
    assert_eq!(last, format!("2,{},{},NA,NA", history["loss"][2], history["mae"][2]));
}

#[test]
fn the_learning_rate_follows_a_schedule() {
    let (x, y) = data();
    let mut model = model();
    let fit = model.fit(&x, &y).epochs(3).verbose(0);
    let schedule =
        LearningRateScheduler::new(|epoch, rate| if epoch == 0 { rate } else { rate / 2.0 });
    let history = fit.callback(schedule).run().unwrap();
    let rates = [0.1f32, 0.05, 0.025].map(f64::from);
    assert_eq!(history["learning_rate"], rates);
    let of_epoch = LearningRateScheduler::of_epoch(|epoch| 1.0 / (epoch + 1) as f32);
    let history = run(2, of_epoch).unwrap();
    assert_eq!(history["learning_rate"], [1.0, 0.5]);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training() {
    let (x, y) = data();
    let explode = || SGD::new(1e30);
    let exploding = || {
        let mut model = model();
        model.compile(explode(), "mse").build().unwrap();
        model
    };
    let train = |model: &mut Model, callback: TerminateOnNaN| {
        let ended = Cell::new(false);
        let watch = LambdaCallback::new().on_train_end(|_, _| {
            ended.set(true);
            Ok(())
        });
        let fit = model.fit(&x, &y).epochs(9).batch_size(2).verbose(0);
        let result = fit.callback(callback).callback(watch).run();
        (result, ended.get())
    };
    let (result, ended) = train(&mut exploding(), TerminateOnNaN::new());
    let history = result.unwrap();
    assert!(ended && history.stopped && history.epochs.len() == 1);
    assert!(!history["loss"][0].is_finite());
    let (result, ended) = train(&mut exploding(), TerminateOnNaN::new().raise_error(true));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), cornu::ErrorKind::NotFinite);
    assert!(!ended);
}

/// What a server was sent: the first line, the headers, the body.
fn serve(answer: &'static str, requests: usize) -> (String, thread::JoinHandle<Vec<[String; 3]>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut received = vec![];
        for stream in listener.incoming().take(requests) {
            let stream = stream.unwrap();
            let mut reader = BufReader::new(&stream);
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut headers = String::new();
            while !headers.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut headers).unwrap(), 0);
            }
            let lower = headers.to_lowercase();
            let length = lower.split("content-length: ").nth(1).expect("a length");
            let length = length.split("\r\n").next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            (&stream).write_all(answer.as_bytes()).unwrap();
            received.push([first, lower, String::from_utf8(body).unwrap()]);
        }
        received
    });
    (root, server)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

#[test]
fn figures_are_sent_to_a_server() {
    let (root, server) = serve(OK, 2);
    let monitor = RemoteMonitor::new(root).send_as_json(true).headers([("X-Key", "a b")]);
    let history = run(2, monitor).unwrap();
    let received = server.join().unwrap();
    for (epoch, [first, headers, body]) in received.iter().enumerate() {
        assert!(first.starts_with("POST /publish/epoch/end/ HTTP/1.1"), "{first}");
        assert!(headers.contains("content-type: application/json\r\n"), "{headers}");
        assert!(headers.contains("x-key: a b\r\n"), "{headers}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["epoch"], epoch);
        assert_eq!(body["loss"].as_f64().unwrap() as f32, history["loss"][epoch] as f32);
        assert_eq!(body.as_object().unwrap().len(), 5);
    }
}

#[test]
fn figures_are_sent_as_a_form() {
    let (root, server) = serve(OK, 1);
    let set = LambdaCallback::new().on_epoch_end(|_, _, logs| {
        *logs = Logs::default();
        logs.set("a & b", 0.5);
        logs.set("nan", f64::NAN);
        Ok(())
    });
    let (x, y) = data();
    let mut model = model();
    let monitor = RemoteMonitor::new(root).path("/x?y=1").field("the field");
    model.fit(&x, &y).verbose(0).callback(set).callback(monitor).run().unwrap();
    let [first, headers, body] = &server.join().unwrap()[0];
    assert!(first.starts_with("POST /x?y=1 HTTP"), "{first}");
    assert!(headers.contains("application/x-www-form-urlencoded"), "{headers}");
    let json = "%7B%22epoch%22%3A0%2C%22a+%26+b%22%3A0.5%2C%22nan%22%3Anull%7D";
    assert_eq!(*body, format!("the+field={json}"));
}

#[test]
fn a_server_that_fails_does_not_stop_the_training() {
    let (root, server) = serve("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 1);
    assert_eq!(run(1, RemoteMonitor::new(root.clone())).unwrap().epochs.len(), 1);
    server.join().unwrap();
    // Nobody listens any more.
    assert_eq!(run(2, RemoteMonitor::new(root)).unwrap().epochs.len(), 2);
    let error = message(RemoteMonitor::new("https://localhost:9000"));
    expect(&error, &["https://localhost:9000", "begins with http://"]);
}
