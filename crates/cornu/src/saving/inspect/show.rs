//! What was found, as a page of text.

use super::{InspectedLayer, InspectedTensor, Inspection, Problem, TensorRole};
use crate::model::grouped;
use cornu_graph::Shape;
use std::fmt;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page(String::new());
        page.heading(self);
        if let Some(model) = &self.model {
            page.line("\nModel:");
            page.layer(model, 1);
        }
        page.compiled(self);
        page.tensors(self);
        page.rest(self);
        page.problems(self);
        f.write_str(page.0.trim_end())
    }
}

/// The text so far. What comes from the file cannot command a terminal.
struct Page(String);

impl Page {
    fn line(&mut self, text: impl AsRef<str>) {
        let safe = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
        self.0.extend(text.as_ref().trim_end_matches(' ').chars().map(safe));
        self.0.push('\n');
    }

    fn heading(&mut self, found: &Inspection) {
        self.line(&found.path);
        self.line(format!("  format   {}", found.format));
        self.line(format!("  size     {} bytes", grouped(found.bytes as usize)));
        if let Some(writer) = &found.writer {
            self.line(format!("  writer   {writer}"));
        }
        if let Some(epoch) = found.epoch {
            self.line(format!("  trained  {epoch} epochs"));
        }
    }

    fn layer(&mut self, layer: &InspectedLayer, depth: usize) {
        self.line(format!("{:indent$}{} ({})", "", layer.name, layer.class, indent = 2 * depth));
        layer.layers.iter().for_each(|inner| self.layer(inner, depth + 1));
    }

    fn compiled(&mut self, found: &Inspection) {
        let Some(compiled) = &found.compiled else {
            if found.model.is_some() {
                self.line("\nNot compiled.");
            }
            return;
        };
        self.line("\nCompiled with:");
        let rate = compiled.learning_rate.iter().map(|rate| format!(", learning rate {rate}"));
        let optimizer = compiled.optimizer.as_deref().unwrap_or("none");
        self.line(format!("  optimizer  {optimizer}{}", rate.collect::<String>()));
        for (what, words) in [("loss", &compiled.loss), ("metrics", &compiled.metrics)] {
            if !words.is_empty() {
                self.line(format!("  {what:<9}  {}", words.join(", ")));
            }
        }
    }

    fn tensors(&mut self, found: &Inspection) {
        for (role, title) in
            [(TensorRole::Weight, "Weights"), (TensorRole::Optimizer, "Optimizer's state")]
        {
            let tensors: Vec<&InspectedTensor> = found.tensors_of(role).collect();
            if tensors.is_empty() {
                continue;
            }
            self.line(format!("\n{title}:"));
            self.table(&tensors);
            let count = tensors.iter().map(|tensor| tensor.len()).sum();
            let bytes = tensors.iter().map(|tensor| tensor.bytes).sum::<u64>();
            self.line(format!(
                "  in all {} values in {} arrays, {} bytes",
                grouped(count),
                tensors.len(),
                grouped(bytes as usize)
            ));
        }
    }

    fn table(&mut self, tensors: &[&InspectedTensor]) {
        let header = ["path", "layer", "shape", "dtype", "bytes", "min", "max", "mean", ""];
        let header: Cells = header.map(str::to_owned);
        let rows: Vec<Cells> =
            std::iter::once(header).chain(tensors.iter().map(|tensor| cells(tensor))).collect();
        let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        // A file that names no layers has no column for them.
        let widths = std::array::from_fn(|i| match i {
            1 if rows[1..].iter().all(|row| row[1].is_empty()) => 0,
            _ => width(i),
        });
        rows.iter().for_each(|row| self.row(row, widths));
    }

    fn row(&mut self, row: &Cells, widths: [usize; COLUMNS]) {
        let mut text = String::new();
        for (i, (cell, width)) in row.iter().zip(widths).enumerate().filter(|(_, c)| c.1 > 0) {
            text += "  ";
            text += &match i {
                4..8 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            };
        }
        self.line(text);
    }

    fn rest(&mut self, found: &Inspection) {
        if !found.metadata.is_empty() {
            self.line("\nMetadata:");
        }
        for (key, text) in &found.metadata {
            self.line(format!("  {key}: {}", text.replace('\n', " ")));
        }
        if !found.assets.is_empty() {
            self.line("\nAssets:");
        }
        for (name, bytes) in &found.assets {
            self.line(format!("  {name}, {} bytes", grouped(*bytes as usize)));
        }
    }

    fn problems(&mut self, found: &Inspection) {
        if !found.problems.is_empty() {
            self.line("\nWould not load:");
        }
        for Problem { place, reason } in &found.problems {
            self.line(format!("  {place}: {}", reason.replace('\n', "\n  ")));
        }
    }
}

const COLUMNS: usize = 9;

/// A line of the table.
type Cells = [String; COLUMNS];

fn cells(tensor: &InspectedTensor) -> Cells {
    let number = |number: Option<f64>| number.map_or("-".into(), shown);
    let odd = match tensor.not_finite {
        0 => String::new(),
        count => format!("{} not finite", grouped(count)),
    };
    [
        tensor.path.clone(),
        tensor.layer.clone().unwrap_or_default(),
        Shape::from(tensor.shape.as_slice()).to_string(),
        tensor.dtype.clone(),
        grouped(tensor.bytes as usize),
        number(tensor.min),
        number(tensor.max),
        number(tensor.mean),
        odd,
    ]
}

/// A number in few letters.
fn shown(x: f64) -> String {
    match x.abs() {
        size if size != 0.0 && !(1e-3..1e6).contains(&size) => format!("{x:.2e}"),
        _ if x.fract() == 0.0 => format!("{x}"),
        _ => format!("{x:.4}"),
    }
}
