//! The commands that use a trained network or look at one.

pub mod compare;
pub mod convert;
pub mod embed;
pub mod evaluate;
pub mod inspect;
pub mod plot;
pub mod predict;
pub mod profile;
pub mod search;
pub mod summary;

mod csv;
mod images;
mod inputs;
mod picture;

use clap::{Args, ValueEnum};
use cornu::data::Invert;
use cornu::{Result, utils};

/// How images are read.
#[derive(Clone, Debug, Args)]
pub struct Reading {
    /// Whether dark and light change places, as MNIST's digits are
    /// light on dark: yes, no, or auto: where an image is light at
    /// the edge, as paper is [default: auto]
    #[arg(long, value_name = "HOW", default_value = "auto")]
    #[arg(verbatim_doc_comment, hide_possible_values = true, hide_default_value = true)]
    pub invert: Inverting,

    /// Leave out files in folders that cannot be read as images
    #[arg(long)]
    pub skip_unreadable: bool,

    /// Threads to compute with [default: one for each core]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = crate::args::at_least_one)]
    pub threads: Option<usize>,
}

impl Reading {
    /// Sets the threads, if a number is given.
    fn set_threads(&self) -> Result<()> {
        self.threads.map_or(Ok(()), utils::set_threads)
    }
}

/// The values of `--invert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Inverting {
    Auto,
    Yes,
    No,
}

impl From<Inverting> for Invert {
    fn from(inverting: Inverting) -> Invert {
        match inverting {
            Inverting::Auto => Invert::IfLight,
            Inverting::Yes => Invert::Yes,
            Inverting::No => Invert::No,
        }
    }
}
