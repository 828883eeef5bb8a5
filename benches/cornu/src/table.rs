//! Tables of the results: for the terminal, and as Markdown.

use crate::peers;
use crate::results::{Comparison, Figures, Results, Verdict};
use std::collections::BTreeMap;

/// A line for each workload and peer, with everything.
pub fn text(results: &Results) -> String {
    let head = ["", "s an epoch", "best", "ratio", "accuracy", "", "peak MB"];
    let mut rows = vec![head.map(String::from)];
    for comparison in &results.workloads {
        rows.push(Default::default());
        rows.push(alone(&comparison.about));
        rows.extend(comparison.peers.iter().map(line));
    }
    // The names of workloads stand alone on their lines, and may be longer than a column.
    let is_wide = |row: &[String; 7], column| column == 0 && row[1].is_empty();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| !is_wide(row, column));
        cells.map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            // Words begin below one another, numbers end there.
            0 | 5 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// A row with nothing but a name.
fn alone(name: &str) -> [String; 7] {
    let mut row: [String; 7] = Default::default();
    row[0] = name.into();
    row
}

fn line(figures: &Figures) -> [String; 7] {
    let mark = if figures.steps.is_some() { "~" } else { "" };
    [
        format!("  {}", peers::title(&figures.peer)),
        format!("{mark}{}", seconds(figures.epoch_s)),
        seconds(figures.best_epoch_s),
        figures.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        figures.accuracy.map(|accuracy| format!("{accuracy:.4}")).unwrap_or_default(),
        verdict(figures).into(),
        figures.peak_mb.map(|peak| format!("{peak:.0}")).unwrap_or_default(),
    ]
}

/// What is to be said about a peer's accuracy, if it is not like Cornu's.
fn verdict(figures: &Figures) -> &'static str {
    match figures.trains {
        Verdict::Alike => "",
        Verdict::Differs => "differs",
        Verdict::Nan => "NaN",
        Verdict::Untested => "not tested",
    }
}

/// Three digits.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{s:.4}"),
        s if s < 1.0 => format!("{s:.3}"),
        s if s < 10.0 => format!("{s:.2}"),
        s if s < 100.0 => format!("{s:.1}"),
        s => format!("{s:.0}"),
    }
}

/// Tables of Markdown for the README: times with ratios, then accuracies and memory.
pub fn markdown(results: &Results) -> String {
    let names = names(results);
    let time = |figures: &Figures| {
        let mark = if figures.steps.is_some() { "~" } else { "" };
        let ratio = figures.ratio.filter(|_| figures.peer != peers::CORNU);
        let ratio = ratio.map(|ratio| format!(" ({ratio:.2})")).unwrap_or_default();
        format!("{mark}{}{ratio}{}", seconds(figures.epoch_s), note(figures))
    };
    let memory =
        |figures: &Figures| figures.peak_mb.map(|peak| format!("{peak:.0}")).unwrap_or_default();
    let accuracy = |figures: &Figures| {
        figures.accuracy.map(|a| format!("{a:.4}")).unwrap_or_default() + note(figures)
    };
    let mut text = format!(
        "Seconds of one epoch of training on {}; in brackets Cornu's time as a part of the peer's.\n\n",
        results.machine
    );
    text += &table("workload", &names, &results.workloads, time);
    text += "\nAccuracy on data that was not trained on (in the mean of the rounds):\n\n";
    text += &table("workload", &names, &results.workloads, accuracy);
    text += "\nPeak memory of the whole process in MB:\n\n";
    text += &table("workload", &names, &results.workloads, memory);
    text + &format!("\n{}.\n", versions(results))
}

fn note(figures: &Figures) -> &'static str {
    match figures.trains {
        Verdict::Nan => ", NaN",
        Verdict::Differs => ", differs",
        Verdict::Alike | Verdict::Untested => "",
    }
}

/// The peers that ran, in the usual order.
fn names(results: &Results) -> Vec<&'static str> {
    let ran = |name: &str| results.workloads.iter().any(|w| w.of(name).is_some());
    peers::NAMES.iter().map(|(name, _)| *name).filter(|name| ran(name)).collect()
}

fn table(
    corner: &str,
    names: &[&str],
    rows: &[Comparison],
    cell: impl Fn(&Figures) -> String,
) -> String {
    let titles: Vec<&str> = names.iter().map(|name| peers::title(name)).collect();
    let mut text = format!("| {corner} | {} |\n", titles.join(" | "));
    text += &format!("|---{}|\n", "|---".repeat(names.len()));
    for row in rows {
        let cells = names.iter().map(|name| row.of(name).map(&cell).unwrap_or_default());
        text += &format!("| {} | {} |\n", row.about, cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// What was compared, in its versions.
fn versions(results: &Results) -> String {
    let figures = results.workloads.iter().flat_map(|comparison| &comparison.peers);
    let versions: BTreeMap<&String, &String> = figures.flat_map(|f| &f.versions).collect();
    let versions = versions.iter().map(|(name, version)| format!("{name} {version}"));
    versions.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::results::tests::comparison;

    fn results() -> Results {
        let machine = Machine {
            processor: Some("EPYC".into()),
            threads: 2,
            memory_gb: None,
            system: "linux".into(),
        };
        Results { machine, workloads: vec![comparison()] }
    }

    #[test]
    fn lines_have_everything() {
        let text = text(&results());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "MLP 784-512-512-10, batch 128, RMSprop");
        let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
        assert_eq!(words(3), ["Cornu", "1.00", "0.800", "1.00", "0.9800", "100"]);
        assert_eq!(words(5)[3..], ["6.00", "4.00", "0.17", "0.9500", "differs", "100"]);
        assert_eq!(words(6), ["candle", "~8.00", "8.00", "0.12", "not", "tested", "100"]);
        assert!(lines.iter().all(|line| line.len() < 80), "{text}");
    }

    #[test]
    fn markdown_has_a_column_for_each_peer() {
        let markdown = markdown(&results());
        assert!(markdown.contains("on EPYC, 2 threads, linux;"), "{markdown}");
        assert!(markdown.contains(
            "| workload | Cornu | Keras on JAX | Keras on torch | candle |\n|---|---|---|---|---|\n\
             | MLP 784-512-512-10, batch 128, RMSprop | 1.00 | 2.25 (0.44) | 6.00 (0.17), differs | \
             ~8.00 (0.12) |\n"
        ));
        assert!(markdown.contains("| 0.9800 | 0.9770 | 0.9500, differs |  |\n"), "{markdown}");
        assert!(markdown.contains("candle 1.2.3, cornu 1.2.3"), "{markdown}");
    }

    #[test]
    fn seconds_have_three_digits() {
        let told = [0.02634, 0.5214, 2.345, 16.32, 332.4].map(seconds);
        assert_eq!(told, ["0.0263", "0.521", "2.35", "16.3", "332"]);
    }
}
