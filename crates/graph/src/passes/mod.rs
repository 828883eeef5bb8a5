//! Rewrites of a graph that keep its meaning. One pass a file; one ordered list.

mod cse;
mod dead;
mod epilogue;
mod fold;
mod fuse;
mod join;
mod rewrite;
mod simplify;

use crate::verify::verify;
use crate::{Graph, NodeId};
use rewrite::Rewrite;

/// A rewrite of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Drops nodes that no result needs.
    Dead,
    /// Applies algebraic identities that are exact in floating point.
    Simplify,
    /// Computes small nodes whose inputs are constants.
    Fold,
    /// Makes equal computations one.
    Cse,
    /// Joins the calls of a shared network. Sums over the rows of all calls are added up in another
    /// order, so this pass alone changes results, by rounding.
    Join,
    /// Joins elementwise ops into one loop.
    Fuse,
    /// Joins a matrix product with the loop that reads it.
    Epilogue,
}

/// The passes in their order. Dead code goes first and whenever a pass may have left some;
/// simplifying shows constants to fold, and folding shows identities to simplify; equal nodes are
/// joined when all rewriting is done, and then the calls of shared networks, which must read equal
/// nodes to be recognized; fusion comes last, because nothing else looks into a fused loop, but for
/// the products that go into one.
pub const ALL: &[Pass] = &[
    Pass::Dead,
    Pass::Simplify,
    Pass::Fold,
    Pass::Simplify,
    Pass::Cse,
    Pass::Join,
    Pass::Dead,
    Pass::Fuse,
    Pass::Epilogue,
    Pass::Dead,
];

impl Pass {
    /// The rewritten graph.
    pub fn apply(self, graph: &Graph) -> Graph {
        match self {
            Pass::Dead => dead::run(graph),
            Pass::Simplify => simplify::run(graph),
            Pass::Fold => fold::run(graph),
            Pass::Cse => cse::run(graph),
            Pass::Join => join::run(graph),
            Pass::Fuse => fuse::run(graph),
            Pass::Epilogue => epilogue::run(graph),
        }
    }
}

/// Applies passes in order. Debug builds verify the graph after each.
pub fn run(mut graph: Graph, passes: &[Pass]) -> Graph {
    for pass in passes {
        graph = pass.apply(&graph);
        debug_assert!(
            verify(&graph).is_ok(),
            "{pass:?} broke the graph: {:?}\n{graph}",
            verify(&graph)
        );
    }
    graph
}

/// Applies all passes.
pub fn optimize(graph: Graph) -> Graph {
    run(graph, ALL)
}

/// Rebuilds a graph node by node: `rule` may add other nodes in the place of one.
fn rebuild(graph: &Graph, mut rule: impl FnMut(&mut Rewrite<'_>, NodeId) -> NodeId) -> Graph {
    let mut rewrite = Rewrite::new(graph);
    for id in graph.ids() {
        let new = rule(&mut rewrite, id);
        rewrite.put(id, new);
    }
    rewrite.finish()
}
