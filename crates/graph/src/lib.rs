//! The tensor graph of Cornu.
//!
//! A model becomes a [`Graph`] of a few dozen primitive [`Op`]s. Everything else in this crate is
//! one function over that graph:
//!
//! | step | room | what it does |
//! |---|---|---|
//! | build | [`graph`], [`infer`] | nodes in order, each with an inferred shape and dtype |
//! | check | [`verify`], [`print`](mod@print) | invariants after every stage, and a readable text form |
//! | differentiate | [`grad`] | appends the gradient to the same graph, one rule an op |
//! | rewrite | [`passes`] | fold, simplify, common subexpressions, dead code, elementwise fusion |
//! | plan | [`plan`] | execution order and one arena for every intermediate value |
//! | cut | [`cut`] | which graphs can be computed for some samples at a time |
//! | judge | [`cost`] | what every op costs at least: arithmetic and memory |
//! | run | [`executor`] | the narrow trait behind which a backend lives |
//! | define | [`interpret`] | the slow, plain meaning of every op; the yardstick of every backend |
//!
//! No unsafe code, no I/O, no threads, no dependency.
#![forbid(unsafe_code)]

pub mod array;
pub mod cost;
pub mod cut;
pub mod dtype;
pub mod elements;
pub mod error;
pub mod executor;
pub mod fused;
pub mod grad;
pub mod graph;
pub mod infer;
pub mod interpret;
pub mod op;
pub mod passes;
pub mod philox;
pub mod plan;
pub mod print;
mod rows;
pub mod scalar;
pub mod shape;
pub mod verify;

pub use array::{Array, Element, Values};
pub use dtype::DType;
pub use elements::Elements;
pub use error::{Error, ErrorKind, Result};
pub use executor::{Executor, Observer, Program};
pub use graph::{Graph, Node, NodeId, Phase, TensorType};
pub use op::Op;
pub use plan::Plan;
pub use shape::{Dim, Shape};
