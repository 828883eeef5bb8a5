//! Every op on every instruction set and several threads against the interpreter, which defines
//! what it means.

mod elementwise;
mod graphs;
mod linear;
mod moves;
mod program;
mod reductions;
mod strips;
mod support;
