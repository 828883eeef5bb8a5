//! `summary`: the layers of a model as a table, as Keras prints it.

mod collect;
mod table;

use super::Model;
use super::network::Network;
use crate::variable::Variable;
use collect::Row;
use cornu_graph::Error;
use std::fmt;
use table::{Align, Column, Table};

/// What [`Model::summary`] tells; shown by printing it.
///
/// It is as wide as the environment variable `COLUMNS` says, or 80 characters.
#[derive(Clone, Debug)]
#[must_use = "a summary is not shown until it is printed"]
pub struct Summary {
    name: String,
    /// The rows with those of the models inside.
    rows: Vec<Row>,
    /// Whether each layer is connected to the one before, which then needs not be said.
    chain: bool,
    /// Why the model cannot be built, if it has a mistake in it.
    mistake: Option<String>,
    trainable: Size,
    frozen: Size,
    /// The optimizer's variables, once it has made them.
    optimizer: Option<Size>,
    columns: Option<usize>,
    line_length: Option<usize>,
    expand_nested: bool,
    show_trainable: bool,
}

impl Model {
    /// The layers, the shapes of their outputs and the numbers of their weights: Keras's
    /// `model.summary()`.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let model = Sequential::with_name("mlp")
    ///     .add(Input::new([784]))
    ///     .add(Dense::new(10).name("logits"));
    /// let text = model.summary().columns(60).to_string();
    /// assert_eq!(text, "\
    /// Model: \"mlp\"
    /// ┏━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
    /// ┃ Layer (type)           ┃ Output Shape    ┃   Param # ┃
    /// ┡━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
    /// │ logits (Dense)         │ (None, 10)      │     7,850 │
    /// └────────────────────────┴─────────────────┴───────────┘
    ///  Total params: 7,850 (30.66 KB)
    ///  Trainable params: 7,850 (30.66 KB)
    ///  Non-trainable params: 0 (0.00 B)");
    /// ```
    pub fn summary(&self) -> Summary {
        let (rows, chain) = collect::rows(self.network());
        let weights = collect::weights(&self.layers());
        let (trainable, frozen) = weights.iter().partition::<Vec<_>, _>(|w| w.trainable());
        let state = self.trainer().map(|trainer| &trainer.state);
        let state = state.filter(|state| state.is_built());
        let optimizer = state.map(|state| Size::of(&state.optimizer_variables()));
        Summary {
            name: self.name().to_owned(),
            rows,
            chain,
            mistake: mistake(self.network()).map(|error| error.to_string()),
            trainable: Size::of(trainable),
            frozen: Size::of(frozen),
            optimizer,
            columns: None,
            line_length: None,
            expand_nested: false,
            show_trainable: false,
        }
    }
}

/// What is wrong with a network. That a Sequential has no input or no layers is not: it is only not
/// ready.
fn mistake(network: &Network) -> Option<Error> {
    let ready = {
        let chain = network.chain()?;
        if let Some(error) = chain.error() {
            return Some(error);
        }
        chain.has_input() && chain.has_layers()
    };
    network.built().err().filter(|_| ready)
}

impl Summary {
    /// The width of the terminal, from which the width of the table follows.
    pub fn columns(mut self, columns: usize) -> Summary {
        self.columns = Some(columns);
        self
    }

    /// The width of the table. One too narrow to hold a letter in each column is made wider; one
    /// wider than the terminal is not cut off, as Keras would.
    pub fn line_length(mut self, line_length: usize) -> Summary {
        self.line_length = Some(line_length);
        self
    }

    /// Whether the layers of models in the model are shown too.
    pub fn expand_nested(mut self, expand_nested: bool) -> Summary {
        self.expand_nested = expand_nested;
        self
    }

    /// Whether to show which layers are trained.
    pub fn show_trainable(mut self, show_trainable: bool) -> Summary {
        self.show_trainable = show_trainable;
        self
    }

    /// Prints it.
    pub fn print(&self) {
        println!("{self}");
    }

    fn table(&self) -> Table {
        let mut columns = vec![
            ("Layer (type)", Align::Left),
            ("Output Shape", Align::Left),
            ("Param #", Align::Right),
        ];
        if !self.chain {
            columns.push(("Connected to", Align::Left));
        }
        if self.show_trainable {
            columns.push(("Trainable", Align::Center));
        }
        let columns = columns.into_iter().zip(self.widths());
        let columns =
            columns.map(|((header, align), width)| Column { header, align, width }).collect();
        let shown = self.rows.iter().filter(|row| row.level == 0 || self.expand_nested);
        let rows = shown.map(|row| {
            let mut cells = vec![row.title(), row.shape.clone(), row.params.clone()];
            if !self.chain {
                cells.push(row.connections.clone());
            }
            if self.show_trainable {
                cells.push(row.trainable.map_or("-", |yes| if yes { "Y" } else { "N" }).to_owned());
            }
            cells
        });
        Table { rows: rows.collect(), columns }
    }

    /// The widths of the texts in the columns.
    fn widths(&self) -> Vec<usize> {
        // Where Keras lets the columns end, as parts of the line.
        let ends: &[f64] = if self.chain { &[0.45, 0.80, 1.0] } else { &[0.3, 0.56, 0.74, 1.0] };
        let mut ends = ends.to_vec();
        let mut longest = if self.chain { 88 } else { 108 };
        if self.show_trainable {
            longest += 12;
            ends.iter_mut().for_each(|end| *end *= 0.90);
            ends.push(1.0);
        }
        let columns = self.columns.unwrap_or_else(terminal_columns);
        let line = self.line_length.unwrap_or_else(|| longest.min(columns.saturating_sub(4)));
        (line..).find_map(|line| table::widths(&ends, line)).expect("some width is enough")
    }
}

/// The width of the terminal, where it is known.
pub(crate) fn terminal_columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.filter(|&columns| columns > 0).unwrap_or(80)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Model: \"{}\"", self.name)?;
        self.table().fmt(f)?;
        if let Some(mistake) = &self.mistake {
            writeln!(f, " Mistake: {mistake}")?;
        }
        let total = self.trainable + self.frozen + self.optimizer.unwrap_or_default();
        writeln!(f, " Total params: {total}")?;
        writeln!(f, " Trainable params: {}", self.trainable)?;
        write!(f, " Non-trainable params: {}", self.frozen)?;
        match self.optimizer {
            Some(optimizer) => write!(f, "\n Optimizer params: {optimizer}"),
            None => Ok(()),
        }
    }
}

/// How many numbers there are and how much memory they take.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    numbers: usize,
    bytes: usize,
}

impl Size {
    fn of<'a>(variables: impl IntoIterator<Item = &'a Variable>) -> Size {
        let size = |v: &Variable| Size { numbers: v.len(), bytes: v.len() * v.ty().dtype.size() };
        variables.into_iter().map(size).fold(Size::default(), |a, b| a + b)
    }
}

impl std::ops::Add for Size {
    type Output = Size;

    fn add(self, other: Size) -> Size {
        Size { numbers: self.numbers + other.numbers, bytes: self.bytes + other.bytes }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut units = ["B", "KB", "MB", "GB", "TB", "PB"].into_iter();
        let (mut bytes, mut unit) = (self.bytes as f64, units.next().unwrap_or_default());
        while bytes >= 1024.0
            && let Some(larger) = units.next()
        {
            (bytes, unit) = (bytes / 1024.0, larger);
        }
        write!(f, "{} ({bytes:.2} {unit})", grouped(self.numbers))
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: usize) -> String {
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
