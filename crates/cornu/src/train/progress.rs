//! The progress bar, as Keras draws it.

use super::Logs;
use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

/// How much `fit`, `evaluate` and `predict` say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbose {
    /// A bar on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Nothing: Keras's 0.
    Silent,
    /// A bar that moves: Keras's 1.
    Bar,
    /// One line for each epoch: Keras's 2.
    Lines,
}

impl From<u8> for Verbose {
    /// Keras's numbers: 0 silent, 1 bar, anything else lines.
    fn from(number: u8) -> Verbose {
        match number {
            0 => Verbose::Silent,
            1 => Verbose::Bar,
            _ => Verbose::Lines,
        }
    }
}

/// The progress of one epoch, or of one evaluation.
pub struct Progress {
    style: Verbose,
    /// How many steps there are, if that is known.
    total: Option<usize>,
    started: Instant,
    drawn: Option<Instant>,
    width: usize,
}

/// Cells of the bar.
const CELLS: usize = 20;
/// Drawing more often than this costs more than it tells.
const PAUSE: Duration = Duration::from_millis(100);

impl Progress {
    /// Progress of this many steps, if their number is known.
    pub fn new(verbose: Verbose, total: Option<usize>) -> Progress {
        let style = match verbose {
            Verbose::Auto if stdout().is_terminal() => Verbose::Bar,
            Verbose::Auto => Verbose::Lines,
            other => other,
        };
        Progress { style, total, started: Instant::now(), drawn: None, width: 0 }
    }

    /// Prints the heading of an epoch, counted from 0.
    pub fn epoch(&self, epoch: usize, epochs: usize) {
        if self.style != Verbose::Silent {
            say(&format!("Epoch {}/{epochs}\n", epoch + 1));
        }
    }

    /// Whether [`Progress::step`] would draw now: the caller need not gather the figures otherwise.
    pub fn is_due(&self) -> bool {
        self.style == Verbose::Bar && self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE)
    }

    /// Draws the bar after `done` steps.
    pub fn step(&mut self, done: usize, logs: &Logs) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let place = match self.total {
            Some(total) if done >= total => return,
            Some(total) => {
                let left = elapsed / done as f64 * (total - done) as f64;
                format!("{} {}", bar(done, total), clock(left))
            }
            None => format!("{} {elapsed:.0}s", endless(done)),
        };
        if self.is_due() {
            self.drawn = Some(Instant::now());
            self.draw(&format!("{place} {}{}", per_step(self.pace(done)), figures(logs)));
        }
    }

    /// Prints the end: the time, and the final figures.
    pub fn finish(&mut self, done: usize, logs: &Logs) {
        let seconds = self.started.elapsed().as_secs_f64();
        let pace = per_step(self.pace(done));
        match self.style {
            Verbose::Silent | Verbose::Auto => {}
            Verbose::Bar => {
                let bar = bar(done, self.total.unwrap_or(done));
                self.draw(&format!("{bar} {seconds:.0}s {pace}{}", figures(logs)));
                say("\n");
            }
            Verbose::Lines => {
                let total = self.total.unwrap_or(done);
                say(&format!("{done}/{total} - {seconds:.0}s - {pace}{}\n", figures(logs)));
            }
        }
    }

    fn pace(&self, done: usize) -> f64 {
        self.started.elapsed().as_secs_f64() / done.max(1) as f64
    }

    /// Draws over the line before.
    fn draw(&mut self, text: &str) {
        let width = visible_width(text);
        let blank = " ".repeat(self.width.saturating_sub(width));
        say(&format!("\r{text}{blank}"));
        self.width = width;
    }
}

fn bar(done: usize, total: usize) -> String {
    let filled = (CELLS * done).checked_div(total).unwrap_or(CELLS).min(CELLS);
    let digits = total.to_string().len();
    // Filled cells are bright and the rest dim, as in Keras's bar.
    format!(
        "\x1b[1m{done:>digits$}/{total}\x1b[0m \x1b[32m{}\x1b[0m\x1b[37m{}\x1b[0m",
        "━".repeat(filled),
        "━".repeat(CELLS - filled)
    )
}

/// What stands in the bar's place while nobody knows how many steps there are.
fn endless(done: usize) -> String {
    format!("\x1b[1m{done:>7}/Unknown\x1b[0m")
}

fn figures(logs: &Logs) -> String {
    logs.iter().map(|(name, value)| format!(" - {name}: {}", figure(value))).collect()
}

/// Four digits after the point; in powers of ten where they would be 0.
fn figure(value: f64) -> String {
    if value.abs() > 1e-3 || value == 0.0 || value.is_nan() {
        return format!("{value:.4}");
    }
    let text = format!("{value:.4e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn per_step(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.0}s/step"),
        s if s >= 1e-3 => format!("{:.0}ms/step", s * 1e3),
        s => format!("{:.0}us/step", s * 1e6),
    }
}

/// The time left: `45s`, `1:05`, `2:01:05`.
fn clock(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

/// Columns that a text takes on a terminal, colour codes left out.
fn visible_width(text: &str) -> usize {
    let mut coloured = false;
    let visible = text.chars().filter(|&c| {
        let was_coloured = coloured;
        coloured = if coloured { c != 'm' } else { c == '\x1b' };
        !was_coloured && !coloured
    });
    visible.count()
}

/// Prints at once. A closed output (`cornu train | head`) is no reason to stop training.
fn say(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_look_like_keras() {
        assert_eq!(figure(0.897_53), "0.8975");
        assert_eq!(figure(0.000_123_4), "1.2340e-04");
        assert_eq!(per_step(0.0042), "4ms/step");
        assert_eq!(per_step(0.000_211), "211us/step");
        assert_eq!(clock(65.0), "1:05");
        assert_eq!(clock(3725.2), "1:02:05");
    }

    #[test]
    fn the_bar_fills() {
        assert_eq!(visible_width(&bar(1875, 3750)), 9 + 1 + CELLS);
        assert!(bar(3750, 3750).contains(&"━".repeat(CELLS)));
        assert!(bar(5, 3750).contains("   5/3750"));
        assert!(endless(5).contains("5/Unknown"));
    }
}
