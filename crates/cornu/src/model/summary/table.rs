//! A table of text with lines between the rows, with the measures of Python's `rich`.

use std::fmt;

/// How the text stands in a column.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// A column: its heading and the room for text in it.
pub(super) struct Column {
    pub header: &'static str,
    pub align: Align,
    pub width: usize,
}

/// The cells under their headings.
pub(super) struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

/// The room for text in columns that end at these parts of a line; `None` if the line is too short.
pub(super) fn widths(ends: &[f64], line: usize) -> Option<Vec<usize>> {
    // The smallest column that Keras accepts.
    const SMALLEST: usize = 4;
    let mut start = 0;
    let mut widths = vec![];
    for end in ends {
        let end = (end * line as f64) as usize;
        widths.push(end - start);
        start = end;
    }
    if widths.iter().any(|width| *width < SMALLEST) {
        return None;
    }
    // Keras counts neither a blank on each side of the text nor the lines between columns, so that
    // rich must take 3n + 1 characters from n columns. It takes from each its share of what is left
    // to take, rounded to even, which is always 3, but 4 (for 3.5) from the last but one.
    let last_but_one = widths.len().checked_sub(2)?;
    widths.iter_mut().for_each(|width| *width -= 3);
    widths[last_but_one] -= 1;
    widths.iter().all(|width| *width > 0).then_some(widths)
}

impl Table {
    fn rule(
        &self,
        f: &mut fmt::Formatter<'_>,
        ends: [char; 2],
        line: &str,
        cross: &str,
    ) -> fmt::Result {
        let lines: Vec<String> = self.columns.iter().map(|c| line.repeat(c.width + 2)).collect();
        writeln!(f, "{}{}{}", ends[0], lines.join(cross), ends[1])
    }

    /// A row of cells, of which each is a column of lines.
    fn row(&self, f: &mut fmt::Formatter<'_>, bar: &str, cells: &[Vec<String>]) -> fmt::Result {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for i in 0..height {
            for (cell, column) in cells.iter().zip(&self.columns) {
                let blank = || " ".repeat(column.width);
                let line = cell.get(i).cloned().unwrap_or_else(blank);
                write!(f, "{bar} {line} ")?;
            }
            writeln!(f, "{bar}")?;
        }
        Ok(())
    }

    /// The headings, which stand at the foot of their row.
    fn header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cells: Vec<_> = self.columns.iter().map(|c| c.lines(c.header)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for (cell, column) in cells.iter_mut().zip(&self.columns) {
            let missing = height - cell.len();
            cell.splice(..0, vec![" ".repeat(column.width); missing]);
        }
        self.row(f, "┃", &cells)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule(f, ['┏', '┓'], "━", "┳")?;
        self.header(f)?;
        self.rule(f, ['┡', '┩'], "━", "╇")?;
        for (i, row) in self.rows.iter().enumerate() {
            if i > 0 {
                self.rule(f, ['├', '┤'], "─", "┼")?;
            }
            let cells: Vec<_> = row.iter().zip(&self.columns).map(|(t, c)| c.lines(t)).collect();
            self.row(f, "│", &cells)?;
        }
        self.rule(f, ['└', '┘'], "─", "┴")
    }
}

impl Column {
    /// The lines of a text, broken between words and each as wide as the column.
    fn lines(&self, text: &str) -> Vec<String> {
        wrap(text, self.width).iter().map(|line| self.aligned(line)).collect()
    }

    fn aligned(&self, line: &str) -> String {
        let width = self.width;
        let line = match self.align {
            Align::Left => line,
            Align::Center | Align::Right => line.trim_end(),
        };
        let line = shortened(line, width);
        match self.align {
            Align::Left => format!("{line:<width$}"),
            Align::Center => format!("{line:^width$}"),
            Align::Right => format!("{line:>width$}"),
        }
    }
}

/// The text, or as much as fits and an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Breaks a text between words. A word that is wider than the line stands on a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![];
    let mut line = String::new();
    let mut length = 0;
    for word in words(text) {
        if length > 0 && length + count(word.trim_end()) > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        line += word;
        length += count(word);
    }
    lines.push(line);
    // Blanks that do not fit are no reason for an ellipsis.
    lines.iter().map(|line| without_blanks_after(line, width).to_owned()).collect()
}

/// The words with the blanks behind them, the first also with those before it.
fn words(text: &str) -> Vec<&str> {
    let mut starts = vec![];
    let mut before = ' ';
    for (i, c) in text.char_indices() {
        if before.is_whitespace() && !c.is_whitespace() {
            starts.push(if starts.is_empty() { 0 } else { i });
        }
        before = c;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &text[start..end]).collect()
}

/// The line without the blanks at its end that stand beyond a width.
fn without_blanks_after(line: &str, width: usize) -> &str {
    let mut line = line;
    while count(line) > width
        && let Some(shorter) = line.strip_suffix(char::is_whitespace)
    {
        line = shorter;
    }
    line
}

fn count(text: &str) -> usize {
    text.chars().count()
}
