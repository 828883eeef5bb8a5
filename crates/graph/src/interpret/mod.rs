//! The meaning of every op: slow, plain, and the yardstick of every backend.
//!
//! Values are held as `f64`. After each op the result is rounded to its dtype
//! ([`Precision::F32`]), or, so that gradients can be checked by finite differences, floats are not
//! rounded at all ([`Precision::F64`]), nor are the operands of products in bfloat16. [`run`] is what a program has to compute.

mod elementwise;
mod index;
mod layout;
mod linear;
mod pool;
mod random;
mod reduce;
mod rows;
mod value;

pub use value::{Precision, Value};

use crate::fused::ScalarOp;
use crate::graph::Node;
use crate::infer::infer;
use crate::op::{Op, PoolKind, Precision as Operands};
use crate::{Array, Error, Graph, NodeId, Result, Shape, TensorType};

/// What a run gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<T = Array> {
    /// The graph's outputs.
    pub outputs: Vec<T>,
    /// All variables after the updates.
    pub variables: Vec<T>,
}

/// Runs a graph once, rounding after each op.
///
/// # Errors
/// If the number or the types of inputs or variables are not those of the graph.
pub fn run(graph: &Graph, inputs: &[Array], variables: &[Array]) -> Result<Outcome> {
    let outcome = trace(graph, &values(inputs), &values(variables), Precision::F32, |_, _| {})?;
    let arrays = |values: Vec<Value>| values.iter().map(Value::to_array).collect();
    Ok(Outcome { outputs: arrays(outcome.outputs), variables: arrays(outcome.variables) })
}

/// Runs a graph once, without rounding `float32` tensors.
///
/// # Errors
/// If the number or the types of inputs or variables are not those of the graph.
pub fn run_f64(graph: &Graph, inputs: &[Value], variables: &[Value]) -> Result<Outcome<Value>> {
    trace(graph, inputs, variables, Precision::F64, |_, _| {})
}

/// Runs a graph once and shows `visit` every value as it is computed. Only nodes that an output or
/// an update needs are computed.
///
/// # Errors
/// If the number or the types of inputs or variables are not those of the graph.
pub fn trace(
    graph: &Graph,
    inputs: &[Value],
    variables: &[Value],
    precision: Precision,
    mut visit: impl FnMut(NodeId, &Value),
) -> Result<Outcome<Value>> {
    let updated = graph.updates.iter().map(|u| u.variable + 1).max().unwrap_or(0);
    check_count("inputs", graph.input_count(), inputs.len())?;
    check_count("variables", graph.variable_count().max(updated), variables.len())?;
    let live = graph.live();
    let mut results: Vec<Vec<Value>> = vec![vec![]; live.len()];
    for id in graph.ids().filter(|id| live[id.0]) {
        let node = graph.node(id);
        let computed = compute(node, &results, inputs, variables, precision);
        results[id.0] =
            computed.and_then(|r| check_type(node, r)).map_err(|e| place(e, id, node))?;
        visit(id, &results[id.0][0]);
    }
    let outputs = graph.outputs.iter().map(|id| results[id.0][0].clone()).collect();
    let mut variables = variables.to_vec();
    for update in &graph.updates {
        let value = &results[update.value.0][0];
        check_leaf("variable", update.variable, &value.ty(), &variables[update.variable])?;
        variables[update.variable] = value.clone();
    }
    Ok(Outcome { outputs, variables })
}

/// The first node with an infinite or NaN element although all its inputs are finite: where a
/// calculation went wrong. `None` if all values are finite.
///
/// # Errors
/// If the number or the types of inputs or variables are not those of the graph.
pub fn first_not_finite(
    graph: &Graph,
    inputs: &[Array],
    variables: &[Array],
) -> Result<Option<NodeId>> {
    let mut first = None;
    trace(graph, &values(inputs), &values(variables), Precision::F32, |id, value| {
        if first.is_none() && !value.is_finite() {
            first = Some(id);
        }
    })?;
    Ok(first)
}

/// The result of one op (the first, of a fused loop).
///
/// # Errors
/// If the op cannot be applied to these inputs, or has no meaning outside a graph.
pub fn eval_op(op: &Op, inputs: &[&Value], precision: Precision) -> Result<Value> {
    Ok(eval_all(op, inputs, precision)?.swap_remove(0))
}

/// All results of one op: several only of a fused loop.
///
/// # Errors
/// If the op cannot be applied to these inputs, or has no meaning outside a graph.
pub fn eval_all(op: &Op, inputs: &[&Value], precision: Precision) -> Result<Vec<Value>> {
    if let Op::Fused(kernel) = op {
        elementwise::check(kernel)?;
    }
    let types: Vec<TensorType> = inputs.iter().map(|v| v.ty()).collect();
    let ty = infer(op, &types.iter().collect::<Vec<_>>())?;
    if let Op::Fused(kernel) = op {
        let (operands, inputs) = inputs.split_at(kernel.operands());
        let product = kernel.product.map(|product| eval_op(&product.op(), operands, precision));
        let product = product.transpose()?;
        let inputs: Vec<&Value> = product.iter().chain(inputs.iter().copied()).collect();
        return elementwise::fused(kernel, &inputs, precision);
    }
    let shape = sizes(&ty.shape)?;
    let data = match (op, precision) {
        (Op::MatMul { precision: Operands::BFloat16, .. }, Precision::F32) => {
            let rounded: Vec<Value> = inputs.iter().map(|v| linear::to_bfloat16(v)).collect();
            elements(op, &rounded.iter().collect::<Vec<_>>(), &shape)?
        }
        _ => elements(op, inputs, &shape)?,
    };
    Ok(vec![Value::new(ty.dtype, shape, data)?.rounded(precision)])
}

/// The result of one op on arrays: for constant folding.
///
/// # Errors
/// If the op cannot be applied to these inputs, or has no meaning outside a graph.
pub fn constant(op: &Op, inputs: &[&Array]) -> Result<Array> {
    let inputs: Vec<Value> = inputs.iter().map(|&a| a.into()).collect();
    let inputs: Vec<&Value> = inputs.iter().collect();
    Ok(eval_op(op, &inputs, Precision::F32)?.to_array())
}

fn values(arrays: &[Array]) -> Vec<Value> {
    arrays.iter().map(Value::from).collect()
}

fn check_count(what: &str, expected: usize, given: usize) -> Result<()> {
    if expected == given {
        return Ok(());
    }
    Err(Error::data(format!("the graph has {expected} {what}, not {given}")))
}

fn check_leaf(what: &str, index: usize, expected: &TensorType, given: &Value) -> Result<()> {
    if *expected == given.ty() {
        return Ok(());
    }
    Err(Error::data(format!("{what} {index} is {expected}, not {}", given.ty())))
}

/// Holds the op's result against the type the graph gives the node.
fn check_type(node: &Node, results: Vec<Value>) -> Result<Vec<Value>> {
    let given = results[0].ty();
    if given == node.ty {
        return Ok(results);
    }
    Err(Error::state(format!("the op gives {given}, not {}", node.ty)))
}

fn place(error: Error, id: NodeId, node: &Node) -> Error {
    let error = error.within(format!("node {}", id.0));
    match &node.origin {
        Some(origin) => error.within(origin.as_ref()),
        None => error,
    }
}

/// The results of one node: several only of a fused loop.
fn compute(
    node: &Node,
    results: &[Vec<Value>],
    inputs: &[Value],
    variables: &[Value],
    precision: Precision,
) -> Result<Vec<Value>> {
    let leaf = |what, leaves: &[Value], index: usize, ty: &TensorType| {
        check_leaf(what, index, ty, &leaves[index])?;
        Ok(vec![leaves[index].clone()])
    };
    match &node.op {
        Op::Input { index, ty } => leaf("input", inputs, *index, ty),
        Op::Variable { index, ty } => leaf("variable", variables, *index, ty),
        Op::Project(index) => {
            let result = node.inputs.first().and_then(|i| results[i.0].get(*index));
            Ok(vec![result.ok_or_else(|| Error::value("no such fused result"))?.clone()])
        }
        op => {
            let inputs: Vec<&Value> = node.inputs.iter().map(|i| &results[i.0][0]).collect();
            eval_all(op, &inputs, precision)
        }
    }
}

/// The sizes of a shape in which no batch is left symbolic.
fn sizes(shape: &Shape) -> Result<Vec<usize>> {
    shape.known().ok_or_else(|| {
        Error::shape(format!("a tensor of shape {shape} has no value before the batch is known"))
    })
}

/// The elements of an op's result, given its shape, before they are rounded.
fn elements(op: &Op, inputs: &[&Value], shape: &[usize]) -> Result<Vec<f64>> {
    Ok(match op {
        Op::Input { .. } | Op::Variable { .. } | Op::Project(_) | Op::Fused(_) => {
            return Err(Error::value(format!("{op:?} has no single value outside its graph")));
        }
        Op::Constant(array) => array.values().to_f64(),
        Op::Iota { axis, .. } => layout::iota(shape, *axis),
        Op::Random { distribution, stream, .. } => {
            random::random(*distribution, inputs[0], *stream, shape.iter().product())
        }
        Op::Unary(op) => elementwise::map(ScalarOp::Unary(*op), inputs),
        Op::Binary(op) => elementwise::map(ScalarOp::Binary(*op), inputs),
        Op::Compare(op) => elementwise::map(ScalarOp::Compare(*op), inputs),
        Op::Select => elementwise::map(ScalarOp::Select, inputs),
        Op::Cast(_) => elementwise::map(ScalarOp::Cast, inputs),
        Op::Reshape(_) => inputs[0].data().to_vec(),
        Op::Transpose(permutation) => layout::transpose(inputs[0], shape, permutation),
        Op::Broadcast(_) => layout::broadcast(inputs[0], shape),
        Op::Slice(ranges) => layout::slice(inputs[0], shape, ranges),
        Op::Pad(widths) => layout::pad(inputs[0], shape, widths),
        Op::Concat { axis } => layout::concat(inputs, *axis),
        Op::Reduce { kind, axes, .. } => reduce::reduce(*kind, inputs[0], axes),
        Op::ArgReduce { largest, axis } => reduce::arg_reduce(inputs[0], *largest, *axis),
        Op::MatMul { transpose_a, transpose_b, .. } => {
            linear::matmul(inputs[0], inputs[1], shape, *transpose_a, *transpose_b)
        }
        Op::Conv2d(_) | Op::Conv2dInputGrad { .. } | Op::Conv2dFilterGrad { .. } => {
            convolution(op, inputs, shape)
        }
        Op::Pool2d(pool) => pool::pool2d(pool, inputs[0], shape),
        Op::Pool2dGrad { pool, .. } => match pool.kind {
            PoolKind::Average => pool::average_grad(pool, shape, inputs[0]),
            PoolKind::Max if inputs[0].shape() == shape => {
                pool::max_grad(pool, inputs[0], inputs[1])
            }
            PoolKind::Max => {
                return Err(Error::shape("pool2d gradient of images of another shape"));
            }
        },
        Op::Gather => rows::gather(inputs[0], inputs[1]),
        Op::ScatterAdd { .. } => rows::scatter_add(inputs[0], inputs[1], shape),
    })
}

/// The convolution and its two gradients: which of the three tensors is the result?
fn convolution(op: &Op, inputs: &[&Value], shape: &[usize]) -> Vec<f64> {
    let (a, b) = (inputs[0], inputs[1]);
    match op {
        Op::Conv2d(conv) => {
            let shapes = linear::Shapes { image: a.shape(), filter: b.shape(), output: shape };
            linear::conv2d(conv, &shapes, a, b)
        }
        Op::Conv2dInputGrad { conv, .. } => {
            let shapes = linear::Shapes { image: shape, filter: b.shape(), output: a.shape() };
            linear::conv2d_input_grad(conv, &shapes, a, b)
        }
        Op::Conv2dFilterGrad { conv, .. } => {
            let shapes = linear::Shapes { image: a.shape(), filter: shape, output: b.shape() };
            linear::conv2d_filter_grad(conv, &shapes, a, b)
        }
        _ => unreachable!("called for convolutions only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use crate::graph::Update;
    use crate::scalar::{BinaryOp, UnaryOp};

    pub(super) fn floats(shape: impl Into<Vec<usize>>, values: &[f32]) -> Array {
        Array::new(shape, values.to_vec()).unwrap()
    }

    pub(super) fn whole(shape: impl Into<Vec<usize>>, values: &[i32]) -> Array {
        Array::new(shape, values.to_vec()).unwrap()
    }

    pub(super) fn bools(shape: impl Into<Vec<usize>>, values: &[bool]) -> Array {
        Array::new(shape, values.to_vec()).unwrap()
    }

    fn leaves(graph: &mut Graph, shape: &[usize]) -> (NodeId, NodeId) {
        let ty = TensorType::new(DType::F32, shape);
        let input = graph.add(Op::Input { index: 0, ty: ty.clone() }, &[]);
        (input, graph.add(Op::Variable { index: 0, ty }, &[]))
    }

    #[test]
    fn a_run_gives_outputs_and_updated_variables() {
        let mut graph = Graph::new();
        let (x, v) = leaves(&mut graph, &[2]);
        let sum = graph.binary(BinaryOp::Add, x, v);
        graph.outputs = vec![sum, v];
        graph.updates = vec![Update { variable: 0, value: sum }];
        let v = [floats([2], &[10., 20.])];
        let outcome = run(&graph, &[floats([2], &[1., 2.])], &v).unwrap();
        assert_eq!(outcome.outputs, [floats([2], &[11., 22.]), floats([2], &[10., 20.])]);
        assert_eq!(outcome.variables, [floats([2], &[11., 22.])]);
    }

    #[test]
    fn updates_all_see_the_values_at_the_start() {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, [1]);
        let a = graph.add(Op::Variable { index: 0, ty: ty.clone() }, &[]);
        let b = graph.add(Op::Variable { index: 1, ty }, &[]);
        graph.updates = vec![Update { variable: 0, value: b }, Update { variable: 1, value: a }];
        let (one, two) = (floats([1], &[1.]), floats([1], &[2.]));
        let outcome = run(&graph, &[], &[one.clone(), two.clone()]).unwrap();
        assert_eq!(outcome.variables, [two, one]);
    }

    #[test]
    fn single_precision_rounds_and_double_does_not() {
        let mut graph = Graph::new();
        let (x, v) = leaves(&mut graph, &[]);
        let sum = graph.binary(BinaryOp::Add, x, v);
        let difference = graph.binary(BinaryOp::Sub, sum, v);
        graph.outputs = vec![difference];
        let (x, v) = ([floats([], &[1.])], [floats([], &[1e9])]);
        assert_eq!(run(&graph, &x, &v).unwrap().outputs, [floats([], &[0.])]);
        let outcome = run_f64(&graph, &values(&x), &values(&v)).unwrap();
        assert_eq!(outcome.outputs[0].data(), [1.0]);
    }

    #[test]
    fn wrong_inputs_are_errors() {
        let mut graph = Graph::new();
        let (x, v) = leaves(&mut graph, &[2]);
        graph.outputs = vec![graph.binary(BinaryOp::Add, x, v)];
        let good = floats([2], &[0.; 2]);
        for (inputs, variables) in [
            (vec![], vec![good.clone()]),
            (vec![good.clone()], vec![]),
            (vec![good.clone(), good.clone()], vec![good.clone()]),
            (vec![floats([3], &[0.; 3])], vec![good.clone()]),
            (vec![good.clone()], vec![whole([2], &[0; 2])]),
        ] {
            assert!(run(&graph, &inputs, &variables).is_err());
        }
        let error = run(&graph, &[whole([2], &[0; 2])], &[good]).unwrap_err();
        assert_eq!(error.to_string(), "node 0: input 0 is float32(2,), not int32(2,)");
    }

    #[test]
    fn an_update_keeps_the_type_of_its_variable() {
        let mut graph = Graph::new();
        let one = graph.constant(floats([1], &[1.]));
        graph.updates = vec![Update { variable: 0, value: one }];
        assert!(run(&graph, &[], &[floats([1], &[0.])]).is_ok());
        assert!(run(&graph, &[], &[floats([2], &[0.; 2])]).is_err());
        assert!(run(&graph, &[], &[]).is_err());
    }

    #[test]
    fn a_symbolic_batch_is_an_error() {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, Shape::from([2]).batched());
        graph.outputs = vec![graph.add(Op::Input { index: 0, ty }, &[])];
        assert!(run(&graph, &[floats([1, 2], &[0.; 2])], &[]).is_err());
        let op = Op::Iota { shape: Shape::scalar().batched(), axis: 0 };
        assert!(constant(&op, &[]).is_err());
    }

    #[test]
    fn the_op_that_made_a_nan_is_found() {
        let mut graph = Graph::new();
        let (x, _) = leaves(&mut graph, &[2]);
        graph.set_origin(Some("dense".into()));
        let log = graph.unary(UnaryOp::Log, x);
        let unused = graph.unary(UnaryOp::Reciprocal, x);
        let exp = graph.unary(UnaryOp::Exp, log);
        graph.outputs = vec![exp];
        let v = [floats([2], &[0.; 2])];
        let find = |x: &[f32]| first_not_finite(&graph, &[floats([2], x)], &v).unwrap();
        assert_eq!(find(&[1., 2.]), None);
        assert_eq!(find(&[1., -2.]), Some(log));
        assert_ne!(find(&[1., 0.]), Some(unused));
    }

    #[test]
    fn leaves_have_no_value_of_their_own() {
        let ty = TensorType::new(DType::F32, [1]);
        assert!(constant(&Op::Input { index: 0, ty }, &[]).is_err());
        assert!(constant(&Op::Project(0), &[&floats([1], &[1.])]).is_err());
        assert_eq!(constant(&Op::Constant(whole([1], &[3])), &[]).unwrap(), whole([1], &[3]));
    }
}
