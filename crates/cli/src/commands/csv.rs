//! Tables of comma-separated values (RFC 4180).

use cornu::{Result, viz};
use std::path::Path;

/// A table, line by line.
pub struct Table(String);

impl Table {
    /// A table with these columns.
    pub fn new(columns: impl IntoIterator<Item = impl AsRef<str>>) -> Table {
        let mut table = Table(String::new());
        table.line(columns);
        table
    }

    /// Adds a line.
    pub fn line(&mut self, values: impl IntoIterator<Item = impl AsRef<str>>) {
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            self.0.push_str(&field(value.as_ref()));
        }
        self.0.push('\n');
    }

    /// Writes the table to a file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        viz::write(path, &self.0)
    }
}

/// A value, in quotes where it needs them.
fn field(value: &str) -> String {
    match value.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_commas_and_quotes_stay_one() {
        let mut table = Table::new(["name", "x"]);
        table.line(["a, \"b\".png", "1"]);
        table.line(["", "2"]);
        assert_eq!(table.0, "name,x\n\"a, \"\"b\"\".png\",1\n,2\n");
    }
}
