//! Results for those who look: on the terminal and as pictures.

use crate::peers::{self, CORNU};
use crate::results::{Comparison, Figures, Results, Verdict};
use crate::table;
use cornu::viz::{self, Bars};
use std::path::Path;

/// Prints the table.
pub fn tell(results: &Results) {
    println!("\n{}\n\n{}", results.machine, table::text(results));
    println!(
        "ratio: Cornu's time as a part of the peer's. ~: extrapolated from some steps. Accuracies\n\
         are means of the rounds; those that are not like Cornu's within the tolerance are marked."
    );
}

/// Draws them beside their file, as SVG and as PNG: a panel for each workload.
pub fn draw(results: &Results, file: &Path) -> Result<(), String> {
    let drawable = |comparison: &&Comparison| !comparison.peers.is_empty();
    let panels: Vec<Bars> = results.workloads.iter().filter(drawable).map(panel).collect();
    if panels.is_empty() {
        return Ok(());
    }
    let title = "An epoch of training: seconds, and how many times Cornu's";
    let picture = viz::bar_chart(title, &results.machine.to_string(), &panels);
    let picture = picture.map_err(|e| e.to_string())?;
    for ending in ["svg", "png"] {
        let path = file.with_extension(ending);
        picture.save(&path).map_err(|e| e.to_string())?;
        println!("{}", path.display());
    }
    Ok(())
}

fn panel(comparison: &Comparison) -> Bars {
    let panel = Bars::new(&comparison.about);
    comparison.peers.iter().fold(panel, |panel, figures| {
        panel.bar(peers::title(&figures.peer), figures.epoch_s, note(figures))
    })
}

/// What is written behind a bar.
fn note(figures: &Figures) -> String {
    let mark = if figures.steps.is_some() { "~" } else { "" };
    let mut note = format!("{mark}{} s", table::seconds(figures.epoch_s));
    if let Some(ratio) = figures.ratio.filter(|_| figures.peer != CORNU) {
        note += &format!(" · {}", times(1.0 / ratio));
    }
    match figures.trains {
        Verdict::Nan => note += " · NaN",
        Verdict::Differs => note += " · differs",
        Verdict::Alike | Verdict::Untested => {}
    }
    note
}

/// Two digits.
fn times(times: f64) -> String {
    if times < 10.0 { format!("{times:.1}×") } else { format!("{times:.0}×") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::comparison;

    #[test]
    fn notes_say_how_many_times() {
        let comparison = comparison();
        let note = |peer| note(comparison.of(peer).unwrap());
        assert_eq!(note(CORNU), "1.00 s");
        assert_eq!(note("jax"), "2.25 s · 2.2×");
        assert_eq!(note("torch"), "6.00 s · 6.0× · differs");
        assert_eq!(note("candle"), "~8.00 s · 8.0×");
        assert_eq!(times(27.4), "27×");
    }
}
