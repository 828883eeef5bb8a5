//! Golden files: a text is held against a file under the crate's `tests/golden`.
//!
//! `CORNU_BLESS=1 cargo test` writes the files anew; the difference is then read with the version
//! control's own tools.

use std::fs;
use std::path::Path;

/// Holds a text against `tests/golden/<name>` of the calling crate.
#[macro_export]
macro_rules! assert_golden {
    ($name:expr, $actual:expr) => {
        $crate::golden::check(env!("CARGO_MANIFEST_DIR"), $name, &$actual.to_string())
    };
}

/// Holds a text against `tests/golden/<name>` in the directory of a crate.
///
/// # Panics
/// If they differ or the file cannot be read; with `CORNU_BLESS=1`, if it cannot be written.
pub fn check(crate_directory: impl AsRef<Path>, name: &str, actual: &str) {
    let bless = std::env::var_os("CORNU_BLESS").is_some_and(|value| value == "1");
    let file = crate_directory.as_ref().join("tests/golden").join(name);
    if let Err(message) = compare(&file, actual, bless) {
        panic!("{message}");
    }
}

fn compare(file: &Path, actual: &str, bless: bool) -> Result<(), String> {
    let place = file.display();
    if bless {
        let write = || {
            fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
            fs::write(file, actual)
        };
        return write().map_err(|e: std::io::Error| format!("cannot write {place}: {e}"));
    }
    let expected = fs::read_to_string(file)
        .map_err(|e| format!("cannot read {place}: {e}\nwrite it with CORNU_BLESS=1\n{actual}"))?;
    // A checkout on Windows may have changed the ends of lines.
    match first_difference(&expected.replace("\r\n", "\n"), actual) {
        None => Ok(()),
        Some(difference) => {
            Err(format!("{place} differs; CORNU_BLESS=1 accepts the new text\n{difference}"))
        }
    }
}

/// The first line in which two texts differ, with what stands before it.
fn first_difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) =
        (expected.split('\n').collect(), actual.split('\n').collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for (i, line) in old.iter().enumerate().take(same).skip(same.saturating_sub(3)) {
        text += &format!("{:5}   {line}\n", i + 1);
    }
    let or_end = |line: Option<&&str>| line.map_or("(end of the text)".into(), |l| l.to_string());
    text += &format!("{:5} - {}\n", same + 1, or_end(old.get(same)));
    text += &format!("{:5} + {}\n", same + 1, or_end(new.get(same)));
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blessing_writes_and_comparing_reads() {
        let directory = std::env::temp_dir().join(format!("cornu-golden-{}", std::process::id()));
        let file = directory.join("tests/golden/a/text.txt");
        assert!(compare(&file, "one\ntwo\n", false).unwrap_err().contains("CORNU_BLESS=1"));
        compare(&file, "one\ntwo\n", true).unwrap();
        compare(&file, "one\ntwo\n", false).unwrap();
        let message = compare(&file, "one\n2\n", false).unwrap_err();
        assert!(message.contains("    1   one\n    2 - two\n    2 + 2\n"), "{message}");
        fs::write(&file, "one\r\ntwo\r\n").unwrap();
        compare(&file, "one\ntwo\n", false).unwrap();
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_end_of_a_text_is_a_difference() {
        assert_eq!(first_difference("a", "a"), None);
        let text = first_difference("a\nb", "a").unwrap();
        assert!(text.contains("+ (end of the text)"), "{text}");
    }
}
