//! Test material shared by Cornu's crates. Never published.
//!
//! | room | what it gives |
//! |---|---|
//! | [`cases`] | one table with a few rows for every op: attributes, types, ranges of values |
//! | [`coverage`] | lists of all ops, so that none is left out of the table |
//! | [`grad_check`] | gradients against finite differences |
//! | [`parity`] | a backend against the interpreter, on the table and on random graphs |
//! | [`random_graph`] | graphs of random ops, for passes, plans and backends |
//! | [`reference`](mod@reference) | the slowest backend: runs a plan in a real arena, by the interpreter |
//! | [`golden`] | texts against files |
#![forbid(unsafe_code)]

pub mod cases;
pub mod coverage;
pub mod golden;
pub mod grad_check;
pub mod parity;
pub mod random_graph;
pub mod reference;
