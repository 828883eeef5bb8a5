//! The case table has a row for every op and for every function, reduction and pooling.

use cornu_graph::fused::ScalarOp;
use cornu_graph::{Op, verify};
use cornu_testkit::cases;
use cornu_testkit::coverage::{
    BINARY, COMPARE, DISTRIBUTION, DTYPES, OPS, POOL, REDUCE, UNARY, op_name,
};
use std::collections::BTreeSet;

fn ops() -> Vec<Op> {
    let graphs = cases::all().into_iter().map(|case| case.build().graph);
    graphs
        .flat_map(|graph| graph.nodes().iter().map(|n| n.op.clone()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_op_has_a_row() {
    let found: BTreeSet<&str> = ops().iter().map(op_name).collect();
    for name in OPS {
        assert!(found.contains(name), "no case for Op::{name}");
    }
}

#[test]
fn every_function_has_a_row() {
    let ops = ops();
    for &f in UNARY {
        assert!(ops.contains(&Op::Unary(f)), "no case for {f:?}");
    }
    for &f in BINARY {
        assert!(ops.contains(&Op::Binary(f)), "no case for {f:?}");
    }
    for &f in COMPARE {
        assert!(ops.contains(&Op::Compare(f)), "no case for {f:?}");
    }
    for &dtype in DTYPES {
        assert!(ops.contains(&Op::Cast(dtype)), "no cast to {dtype}");
    }
    let any = |found: &dyn Fn(&Op) -> bool| ops.iter().any(found);
    for &f in REDUCE {
        assert!(any(&|op| matches!(op, Op::Reduce { kind, .. } if *kind == f)), "{f:?}");
    }
    for &f in POOL {
        assert!(any(&|op| matches!(op, Op::Pool2d(pool) if pool.kind == f)), "{f:?}");
        assert!(any(&|op| matches!(op, Op::Pool2dGrad { pool, .. } if pool.kind == f)), "{f:?}");
    }
    for &f in DISTRIBUTION {
        assert!(any(&|op| matches!(op, Op::Random { distribution, .. } if *distribution == f)));
    }
}

#[test]
fn every_sort_of_scalar_op_is_in_a_fused_loop() {
    let mut found = BTreeSet::new();
    for op in ops() {
        let Op::Fused(kernel) = op else { continue };
        found.extend(kernel.steps.iter().map(|step| match step.op {
            ScalarOp::Unary(_) => "unary",
            ScalarOp::Binary(_) => "binary",
            ScalarOp::Compare(_) => "compare",
            ScalarOp::Select => "select",
            ScalarOp::Cast => "cast",
            ScalarOp::Constant(_) => "constant",
        }));
    }
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn names_differ_and_graphs_are_valid() {
    let mut names = BTreeSet::new();
    for case in cases::all() {
        verify::verify(&case.build().graph).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert!(names.insert(case.name.clone()), "two cases have the name {}", case.name);
    }
}
