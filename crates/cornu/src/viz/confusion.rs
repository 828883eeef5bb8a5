//! The confusion matrix: what a model takes each class for.

use super::Picture;
use super::paint::{Area, Canvas, Ink, Lettering, Paint};
use super::plot::number;
use cornu_graph::{Error, Result};

/// The most classes; more could not be told apart.
const MOST_CLASSES: usize = 200;
/// The side of a cell: as large as has room, within these.
const CELL: (f64, f64) = (12.0, 84.0);
/// The side that the matrix has, if the cells allow it.
const SIDE: f64 = 560.0;
/// The widest name of a class; what is longer is cut.
const WIDEST_NAME: f64 = 130.0;
const EDGE: f64 = 20.0;
const HEADING: f64 = 64.0;

/// How often each class (a row) was taken for each (a column): the counts, and darker the larger
/// their share of the row.
///
/// `labels` and `predictions` are numbers of classes from 0. Without `names` the classes are called
/// by their numbers.
///
/// ```
/// use cornu::viz;
///
/// let picture = viz::confusion_matrix(&[0u8, 1, 1], &[0u8, 1, 0], &["cat", "dog"])?;
/// # assert!(picture.to_svg()?.contains("dog"));
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If labels and predictions are not equally many, there are none, or one is no class with a name.
pub fn confusion_matrix<L, P, N>(labels: &[L], predictions: &[P], names: &[N]) -> Result<Picture>
where
    L: Copy + Into<usize>,
    P: Copy + Into<usize>,
    N: AsRef<str>,
{
    if labels.len() != predictions.len() {
        let (labels, predictions) = (labels.len(), predictions.len());
        return Err(Error::data(format!("{predictions} predictions for {labels} labels")));
    }
    if labels.is_empty() {
        return Err(Error::data("there are no labels to count"));
    }
    let pairs = labels.iter().zip(predictions);
    let pairs: Vec<(usize, usize)> = pairs.map(|(&l, &p)| (l.into(), p.into())).collect();
    let largest = pairs.iter().map(|&(label, guess)| label.max(guess)).max().unwrap_or(0);
    let classes = if names.is_empty() { largest.saturating_add(1) } else { names.len() };
    if classes > MOST_CLASSES {
        return Err(Error::data(format!("{classes} classes are more than {MOST_CLASSES}"))
            .help("draw some of them, or groups of them"));
    }
    if largest >= classes {
        return Err(Error::data(format!("class {largest} has no name: there are {classes}"))
            .help("classes are counted from 0"));
    }
    let mut counts = vec![vec![0; classes]; classes];
    pairs.iter().for_each(|&(label, guess)| counts[label][guess] += 1);
    let name = |i: usize| names.get(i).map_or_else(|| i.to_string(), |n| n.as_ref().to_owned());
    let matrix = Matrix::new(counts, (0..classes).map(name).collect());
    Ok(Picture::drawn(matrix.draw()))
}

struct Matrix {
    counts: Vec<Vec<usize>>,
    /// As much of each as has room.
    names: Vec<String>,
    cell: f64,
    /// The rows and the columns, without their names.
    area: Area,
    /// Whether the names of the columns must stand upright.
    upright: bool,
}

impl Matrix {
    fn new(counts: Vec<Vec<usize>>, names: Vec<String>) -> Matrix {
        let cell = (SIDE / counts.len() as f64).clamp(CELL.0, CELL.1);
        let names = names.iter().map(|n| lettering(cell).fitted(n, WIDEST_NAME));
        let names: Vec<String> = names.collect();
        let longest = names.iter().map(|n| lettering(cell).width(n)).fold(0.0, f64::max);
        let upright = longest + 6.0 > cell;
        let side = cell * counts.len() as f64;
        let above = if upright { longest } else { 12.0 };
        let area =
            Area::new(EDGE + 20.0 + longest + 10.0, HEADING + 22.0 + above + 8.0, side, side);
        Matrix { counts, names, cell, area, upright }
    }

    fn draw(&self) -> Canvas {
        // The heading needs room even over two classes.
        let width = (self.area.right() + EDGE).max(360.0);
        let mut canvas = Canvas::new(width, self.area.bottom() + EDGE, "Confusion matrix");
        canvas.text((EDGE, 32.0), "Confusion matrix", Lettering::TITLE);
        let all: usize = self.counts.iter().flatten().sum();
        let right: usize = (0..self.counts.len()).map(|i| self.counts[i][i]).sum();
        let share = 100.0 * right as f64 / all as f64;
        let text = format!("{share:.2} % of {} are on the diagonal", number(all as f64));
        canvas.text((EDGE, 54.0), text, Lettering::FAINT);
        self.draw_names(&mut canvas);
        for (row, counts) in self.counts.iter().enumerate() {
            for column in 0..counts.len() {
                self.draw_cell(row, column, &mut canvas);
            }
        }
        canvas.fill(self.area, 0.0, Paint::stroke(Ink::Border, 1.0));
        canvas
    }

    fn draw_names(&self, canvas: &mut Canvas) {
        let (x, y) = self.area.middle();
        canvas.text((x, HEADING + 16.0), "predicted", Lettering::FAINT.middle());
        canvas.upright_text((EDGE + 10.0, y), "true class", Lettering::FAINT.middle());
        let lettering = lettering(self.cell);
        for (i, name) in self.names.iter().enumerate() {
            let at = (i as f64 + 0.5) * self.cell;
            let base = lettering.size * 0.36;
            canvas.text((self.area.x - 8.0, self.area.y + at + base), name, lettering.end());
            let (x, y) = (self.area.x + at, self.area.y - 8.0);
            if self.upright {
                canvas.upright_text((x + base, y), name, lettering);
            } else {
                canvas.text((x, y), name, lettering.middle());
            }
        }
    }

    fn draw_cell(&self, row: usize, column: usize, canvas: &mut Canvas) {
        let count = self.counts[row][column];
        if count == 0 {
            return;
        }
        let all: usize = self.counts[row].iter().sum();
        let share = count as f64 / all as f64;
        let corner = (column as f64 * self.cell, row as f64 * self.cell);
        let place = Area::new(self.area.x + corner.0, self.area.y + corner.1, self.cell, self.cell);
        // Even the rarest mistake is seen.
        let cover = 0.06 + 0.94 * share;
        let (label, guess) = (&self.names[row], &self.names[column]);
        let tip = format!("{label} taken for {guess}: {count} ({:.2} %)", 100.0 * share);
        canvas.fill_told(place, Paint::tint(Ink::Series(0), cover), tip);
        let text = number(count as f64);
        // On a strong colour the letters are those of the background.
        let ink = if cover > 0.55 { Ink::Paper } else { Ink::Text };
        let lettering = Lettering::PLAIN.size((self.cell * 0.3).clamp(9.0, 14.0)).ink(ink).middle();
        if lettering.width(&text) + 3.0 <= self.cell {
            let (x, y) = place.middle();
            canvas.text((x, y + lettering.size * 0.36), text, lettering);
        }
    }
}

fn lettering(cell: f64) -> Lettering {
    Lettering::PLAIN.size((cell * 0.8).clamp(8.0, 12.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::paint::check;

    #[test]
    fn counts_stand_in_their_cells() {
        let labels = [0u8, 0, 0, 1, 1, 2];
        let guesses = [0usize, 0, 1, 1, 1, 0];
        let names = ["cat", "<dog>", "an animal with a very long name indeed"];
        let svg = check::tidy(&confusion_matrix(&labels, &guesses, &names).unwrap());
        for part in [
            "cat taken for cat: 2 (66.67 %)",
            "cat taken for &lt;dog&gt;: 1 (33.33 %)",
            "&lt;dog&gt; taken for &lt;dog&gt;: 2 (100.00 %)",
            "66.67 % of 6 are on the diagonal",
            "an animal with a ve",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!(svg.matches(" taken for ").count(), 4);
    }

    #[test]
    fn many_classes_and_large_counts_fit() {
        for classes in [2, 10, 43, 200] {
            let labels: Vec<usize> = (0..classes).flat_map(|c| [c; 3]).collect();
            let svg = check::tidy(&confusion_matrix(&labels, &labels, &[""; 0]).unwrap());
            assert_eq!(svg.matches("(100.00 %)").count(), classes);
        }
        let labels = vec![0u8; 1_234_567];
        check::tidy(&confusion_matrix(&labels, &labels, &["a", "b"]).unwrap());
    }

    #[test]
    fn mistakes_are_told() {
        let text = |labels: &[u8], guesses: &[u8], names: &[&str]| {
            confusion_matrix(labels, guesses, names).unwrap_err().to_string()
        };
        assert!(text(&[0, 1], &[0], &[]).contains("1 predictions for 2 labels"));
        assert!(text(&[], &[], &[]).contains("no labels"));
        assert!(text(&[0, 2], &[0, 1], &["a", "b"]).contains("class 2 has no name"));
        let far = confusion_matrix(&[usize::MAX], &[0usize], &[""; 0]).unwrap_err().to_string();
        assert!(far.contains("are more than 200"), "{far}");
    }
}
