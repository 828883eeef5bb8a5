//! The calls of a shared network become one call on all their rows.
//!
//! A siamese network calls one tower on two batches, so a step holds every product twice, with the
//! same weights. On the rows of both batches it reads the weights once, and the gradient of a weight
//! is one product instead of two and a sum as large as the weight.
//!
//! What is joined is a *family*: nodes that apply one op to the rows of each call. It becomes one
//! node whose rows are those of all members, one after another; who wants a single member gets a
//! slice. Families are found in this order ([`find`]):
//!
//! 1. Products with the same weights begin one. Counting the products on the way to a node, its
//!    *stage*, keeps those apart that depend on each other.
//! 2. What leads to their operands joins as well, as far as that copies less than joining the
//!    operands would ([`lift`]): indexes are joined rather than the rows that they gather.
//! 3. Ops on members of families, one for each call, are families again, row by row ([`crate::rows`]): a
//!    reduction over the rows, as batch normalization has it, is none.
//!
//! Then sums over the rows of each call, added up, become one sum over the rows of all ([`sums`]).
//! What costs more copies than it saves is left as it was ([`worth`]), and the rest is built anew
//! ([`emit`]).

mod emit;
mod families;
mod find;
mod lift;
mod sums;
mod worth;

#[cfg(test)]
mod tests;

use crate::Graph;

pub fn run(graph: &Graph) -> Graph {
    // A dead user would want a slice.
    let graph = &super::dead::run(graph);
    let mut families = find::families(graph);
    let mut sums = sums::find(graph, &mut families);
    if families.is_empty() && sums.is_empty() {
        return graph.clone();
    }
    worth::drop_what_costs_more(&mut families, &mut sums);
    emit::emit(families, &sums)
}
