//! JSON as Python writes it.

use super::budget::check_values;
use cornu_graph::{Error, Result};
use serde_json::Value;

/// JSON from a file. Python writes infinite numbers in words that JSON does not have.
pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Value> {
    check_values(bytes).map_err(|e| e.within(what.to_owned()))?;
    let parsed = serde_json::from_slice(bytes).or_else(|error| match quoted_numbers(bytes) {
        Some(quoted) => serde_json::from_slice(&quoted),
        None => Err(error),
    });
    parsed.map_err(|e| Error::file(format!("{what} is no JSON: {e}")))
}

/// The text with `NaN`, `Infinity` and `-Infinity` in quotes, if it has such words outside of texts.
fn quoted_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut quoted = Vec::with_capacity(bytes.len() + 64);
    let (mut i, mut in_text, mut found) = (0, false, false);
    while i < bytes.len() {
        let word = WORDS.iter().find(|word| !in_text && bytes[i..].starts_with(word));
        if let Some(word) = word {
            quoted.push(b'"');
            quoted.extend_from_slice(word);
            quoted.push(b'"');
            i += word.len();
            found = true;
            continue;
        }
        match bytes[i] {
            b'"' => in_text = !in_text,
            b'\\' if in_text => {
                quoted.push(bytes[i]);
                i += 1;
            }
            _ => {}
        }
        quoted.extend(bytes.get(i));
        i += 1;
    }
    found.then_some(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_that_json_does_not_have_become_words() {
        let text =
            br#"{"ord": Infinity, "min": [-Infinity, NaN], "text": "NaN \" Infinity \\", "x": 1}"#;
        let value = parse(text, "config").unwrap();
        let expected = json!({
            "ord": "Infinity", "min": ["-Infinity", "NaN"], "text": "NaN \" Infinity \\", "x": 1
        });
        assert_eq!(value, expected);
        assert_eq!(parse(b"[1, 2.5]", "config").unwrap(), json!([1, 2.5]));
        let message = parse(b"{\"a\": Nan}", "config.json").unwrap_err().to_string();
        assert!(message.starts_with("config.json is no JSON: "), "{message}");
        assert!(parse(b"[NaN", "config").is_err());
        assert!(parse(b"\"\\", "config").is_err());
    }
}
