//! Printing. A closed output (`cornu train mlp | head`) is no reason to stop training, as it
//! would be for `println!`.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// Prints a line.
pub fn line(text: impl Display) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a line that is no part of the result.
pub fn aside(text: impl Display) {
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Prints why the program failed: not the line of its own code, which is nobody's mistake.
pub fn error(error: &cornu::Error) {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("  at ")).collect();
    aside(format_args!("error: {}", lines.join("\n")));
}

/// A name from outside, such as a file's, without what would move the cursor of a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nä"), "a\u{fffd}[2Jb\u{fffd}ä");
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
