//! How long the small things take: one prediction, a step of a tiny model, the making of a program.
//!
//!     latency [--part predictions|steps|compiling] [--threads N] [--json FILE]
//!
//! Without these, all parts with one thread and with two. Times are medians. The floor of a prediction
//! is the reading of its weights, or its arithmetic, whichever takes longer.

mod compiling;
mod predictions;
mod steps;

use cornu::prelude::*;
use serde::Serialize;
use std::time::Instant;

/// One figure.
#[derive(Serialize)]
struct Row {
    part: &'static str,
    threads: usize,
    what: String,
    /// The median, in microseconds.
    micros: f64,
    /// Billions of operations a second, where the arithmetic counts.
    gflops: Option<f64>,
    /// Billions of bytes of weights a second, where reading them counts.
    gbytes: Option<f64>,
}

/// What measures a part and reports each figure as soon as it is there.
type Measure = fn(usize, &mut dyn FnMut(Row)) -> Result<()>;

const PARTS: [(&str, Measure); 3] = [
    ("predictions", predictions::measure),
    ("steps", steps::measure),
    ("compiling", compiling::measure),
];

/// What was asked for.
#[derive(Default)]
struct Asked {
    part: Option<String>,
    threads: Option<usize>,
    json: Option<String>,
}

fn main() -> Result<()> {
    let asked = Asked::read(std::env::args().skip(1))?;
    let mut rows = vec![];
    for threads in asked.threads.map_or(vec![1, 2], |threads| vec![threads]) {
        utils::set_threads(threads)?;
        for (_, measure) in PARTS.iter().filter(|(name, _)| asked.wants(name)) {
            measure(threads, &mut |row| {
                println!("{}", row.line());
                rows.push(row);
            })?;
        }
    }
    let Some(path) = asked.json else { return Ok(()) };
    let text = serde_json::to_string_pretty(&rows).map_err(|e| Error::state(e.to_string()))?;
    cornu::viz::write(path, &text)
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Asked> {
        let mut asked = Asked::default();
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| Error::value(format!("{name} needs a value after it")))?;
            match name.as_str() {
                "--part" if PARTS.iter().any(|(part, _)| *part == value) => {
                    asked.part = Some(value)
                }
                "--threads" => {
                    let number = value.parse().map_err(|e| Error::value(format!("{value}: {e}")));
                    asked.threads = Some(number?);
                }
                "--json" => asked.json = Some(value),
                _ => {
                    let parts = PARTS.map(|(part, _)| part).join("|");
                    return Err(Error::value(format!("there is no {name} {value}"))
                        .help(format!("--part {parts}, --threads N, --json FILE")));
                }
            }
        }
        Ok(asked)
    }

    fn wants(&self, part: &str) -> bool {
        self.part.as_ref().is_none_or(|asked| asked == part)
    }
}

impl Row {
    fn new(part: &'static str, threads: usize, what: impl Into<String>, seconds: f64) -> Row {
        let micros = seconds * 1e6;
        Row { part, threads, what: what.into(), micros, gflops: None, gbytes: None }
    }

    fn with_flops(self, flops: f64) -> Row {
        Row { gflops: Some(flops / self.micros / 1e3), ..self }
    }

    fn with_bytes(self, bytes: f64) -> Row {
        Row { gbytes: Some(bytes / self.micros / 1e3), ..self }
    }

    fn line(&self) -> String {
        let Row { part, threads, what, micros, .. } = self;
        let rate = |rate: Option<f64>, unit| {
            rate.map_or(String::new(), |rate| format!("  {rate:6.1} {unit}"))
        };
        let (flops, bytes) = (rate(self.gflops, "GFLOP/s"), rate(self.gbytes, "GB/s"));
        let threads = if *threads == 1 { "1 thread ".into() } else { format!("{threads} threads") };
        format!("{part:12} {threads}  {what:48} {micros:12.2} µs{flops}{bytes}")
    }
}

/// The median time of a call, in seconds, of as many calls as fit into a time.
fn median(seconds: f64, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    call()?;
    let (begin, mut times) = (Instant::now(), vec![]);
    while times.len() < 5 || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// A classifier: `widths[0]` inputs, hidden layers with ReLU, softmax at the end.
fn classifier(widths: &[usize]) -> Sequential {
    let (last, hidden) = widths[1..].split_last().expect("a network has layers");
    let mut model = Sequential::new().add(Input::new([widths[0]]));
    for &units in hidden {
        model = model.add(Dense::new(units).activation("relu"));
    }
    model.add(Dense::new(*last).activation("softmax"))
}

/// The numbers in the weights of [`classifier`].
fn weight_count(widths: &[usize]) -> usize {
    widths.windows(2).map(|pair| pair[0] * pair[1] + pair[1]).sum()
}

/// Numbers between 0 and 1 that repeat, but not soon.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i % 97) as f32 / 97.0).collect()
}
