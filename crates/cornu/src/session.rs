//! What a thread's models share: the seed and the counters of layer names.

use crate::mixed_precision;
use cornu_graph::philox::Philox;
use cornu_graph::{Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

struct Session {
    seeds: Philox,
    names: HashMap<String, usize>,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::new(Session {
        seeds: Philox::new(clock()),
        names: HashMap::new(),
    });
}

thread_local! {
    /// How many more numbers the file holds for weights, while a model is made for a file.
    static IN_FILE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs something that makes a model for a file's weights. They are not filled with random numbers
/// first, and may not be more than the file holds: a few words in it could ask for any memory.
pub(crate) fn with_weights_from_file<T>(numbers: usize, make: impl FnOnce() -> T) -> T {
    let before = IN_FILE.replace(Some(numbers));
    let made = make();
    IN_FILE.set(before);
    made
}

/// Whether a weight gets its value from a file, which must hold that many numbers more.
pub(crate) fn comes_from_file(numbers: usize) -> Result<bool> {
    let Some(left) = IN_FILE.get() else { return Ok(false) };
    let left = left.checked_sub(numbers).ok_or_else(|| {
        Error::file("the model has more weights than the file holds numbers for them")
    })?;
    IN_FILE.set(Some(left));
    Ok(true)
}

/// Makes everything random that follows on this thread repeatable: initial weights, shuffling,
/// dropout. Keras's `keras.utils.set_random_seed`.
///
/// The same seed, program and number of threads give the same bits on the same machine.
pub fn set_random_seed(seed: u64) {
    SESSION.with_borrow_mut(|session| session.seeds = Philox::new(seed));
}

/// Forgets the layer names given so far on this thread, so that the next `Dense` is `dense` again,
/// and the global [dtype policy](crate::mixed_precision). Keras's `keras.utils.clear_session`.
pub fn clear_session() {
    mixed_precision::forget_policy();
    SESSION.with_borrow_mut(|session| session.names.clear());
}

/// A seed for something that was not given one.
pub(crate) fn next_seed() -> u64 {
    SESSION.with_borrow_mut(|session| session.seeds.next_u64())
}

/// `dense`, then `dense_1`, `dense_2`, …
pub(crate) fn unique_name(stem: &str) -> String {
    SESSION.with_borrow_mut(|session| {
        let count = session.names.entry(stem.to_owned()).or_insert(0);
        *count += 1;
        match *count {
            1 => stem.to_owned(),
            n => format!("{stem}_{}", n - 1),
        }
    })
}

/// `MaxPooling2D` becomes `max_pooling2d`, as Keras names its layers.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| chars[j]);
        let next = chars.get(i + 1);
        let starts_word = c.is_uppercase()
            && before.is_some_and(|b| b.is_lowercase() || next.is_some_and(|n| n.is_lowercase()));
        if starts_word {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// Different at every start, so that unseeded runs differ.
fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |d| d.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_keras() {
        for (kind, name) in [
            ("Dense", "dense"),
            ("MaxPooling2D", "max_pooling2d"),
            ("Conv2D", "conv2d"),
            ("BatchNormalization", "batch_normalization"),
            ("ReLU", "re_lu"),
            ("R2Score", "r2_score"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("InputLayer", "input_layer"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ] {
            assert_eq!(snake_case(kind), name);
        }
        clear_session();
        assert_eq!(unique_name("x"), "x");
        assert_eq!(unique_name("x"), "x_1");
    }

    #[test]
    fn the_same_seed_gives_the_same_seeds() {
        set_random_seed(7);
        let first = (next_seed(), next_seed());
        set_random_seed(7);
        assert_eq!(first, (next_seed(), next_seed()));
    }
}
