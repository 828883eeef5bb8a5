//! Changes JSON where it stays JSON, so that more than its parser is reached.

use serde_json::{Map, Value, json};

/// A small generator of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// For `fuzz_mutator!`: changes one to four places of a document; now and then its bytes.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let Ok(mut document) = serde_json::from_slice::<Value>(&data[..size]) else {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    };
    if random.below(50) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    for _ in 0..=random.below(4) {
        change(&mut document, &mut random);
    }
    let text = document.to_string();
    if text.len() > max_size {
        return size;
    }
    data[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

fn change(document: &mut Value, random: &mut Random) {
    let count = count(document);
    let source = nth(document, &mut random.below(count)).expect("there are so many").clone();
    let place = nth(document, &mut random.below(count)).expect("there are so many");
    match random.below(8) {
        // Anything from elsewhere.
        0 => *place = source,
        1 | 2 => *place = strange(random),
        3 => match place {
            Value::Object(map) if !map.is_empty() => drop_key(map, random),
            Value::Array(list) if !list.is_empty() => drop(list.remove(random.below(list.len()))),
            other => *other = Value::Null,
        },
        4 => match place {
            Value::Array(list) if !list.is_empty() => {
                let copy = list[random.below(list.len())].clone();
                list.insert(random.below(list.len() + 1), copy);
            }
            Value::Object(map) => drop(map.insert(key(random), source)),
            other => *other = json!([other.clone()]),
        },
        5 => match place {
            Value::Array(list) if list.len() > 1 => {
                let (a, b) = (random.below(list.len()), random.below(list.len()));
                list.swap(a, b);
            }
            Value::Object(map) if !map.is_empty() => {
                let at = random.below(map.len());
                let value = map.values_mut().nth(at).expect("there are so many");
                *value = strange(random);
            }
            other => *other = source,
        },
        _ => number(place, random),
    }
}

fn drop_key(map: &mut Map<String, Value>, random: &mut Random) {
    let key = map.keys().nth(random.below(map.len())).cloned();
    map.shift_remove(&key.unwrap_or_default());
}

/// Changes the first number, truth or text from here on.
fn number(place: &mut Value, random: &mut Random) {
    match place {
        Value::Number(n) => {
            let n = n.as_i64().unwrap_or(1);
            let by =
                [1, -1, n, n.saturating_mul(-2), 1 << 20, n.saturating_mul(1000)][random.below(6)];
            *place = json!(n.saturating_add(by));
        }
        Value::Bool(truth) => *truth = !*truth,
        Value::Array(list) if !list.is_empty() => {
            let at = random.below(list.len());
            number(&mut list[at], random);
        }
        Value::Object(map) if !map.is_empty() => {
            let at = random.below(map.len());
            number(map.values_mut().nth(at).expect("there are so many"), random);
        }
        other => *other = strange(random),
    }
}

/// Values at the edges, and words of Keras.
fn strange(random: &mut Random) -> Value {
    const NUMBERS: &[i64] = &[
        0,
        1,
        -1,
        2,
        3,
        4,
        5,
        7,
        8,
        16,
        31,
        32,
        33,
        64,
        255,
        256,
        1000,
        4096,
        65_536,
        1_000_000,
        1 << 31,
        (1 << 31) - 1,
        -(1 << 31),
        1 << 32,
        1 << 40,
        1 << 62,
        i64::MAX,
        i64::MIN,
    ];
    let word = |random: &mut Random| json!(line(include_str!("words.txt"), random));
    let small = |random: &mut Random| json!(NUMBERS[random.below(NUMBERS.len())]);
    match random.below(12) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!([0.5, -0.0, 1e-45, 1e38, 1e300, -1e300, 0.1][random.below(7)]),
        3 => json!(["", "..", "a/b", "\n", "NaN", "Infinity", "\u{0}", "ä"][random.below(8)]),
        4 => json!(u64::MAX),
        5 => json!([]),
        6 => json!({}),
        7 | 8 => (0..random.below(5)).map(|_| small(random)).collect(),
        9 => word(random),
        _ => small(random),
    }
}

fn key(random: &mut Random) -> String {
    line(include_str!("keys.txt"), random).to_owned()
}

/// One of the lines of a text.
fn line(text: &'static str, random: &mut Random) -> &'static str {
    text.lines().nth(random.below(text.lines().count())).unwrap_or_default()
}

fn children(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The values in a document, itself among them.
fn count(value: &Value) -> usize {
    1 + children(value)
}

fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|inner| nth(inner, left)),
        Value::Object(map) => map.values_mut().find_map(|inner| nth(inner, left)),
        _ => None,
    }
}

/// The largest number in a document, without its sign.
pub fn largest(text: &str) -> f64 {
    fn of(value: &Value) -> f64 {
        match value {
            Value::Number(number) => number.as_f64().unwrap_or(f64::INFINITY).abs(),
            Value::Array(list) => list.iter().map(of).fold(0.0, f64::max),
            Value::Object(map) => map.values().map(of).fold(0.0, f64::max),
            _ => 0.0,
        }
    }
    serde_json::from_str(text).map_or(0.0, |document| of(&document))
}
