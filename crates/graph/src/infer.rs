//! Shape and dtype of every op: the only shape rules in Cornu.
//!
//! They hold for models, where the batch is symbolic, and for programs, where it is a number.

use crate::fused::Kernel;
use crate::op::{Conv2d, Op, Pool2d, SliceRange};
use crate::{DType, Dim, Error, Result, Shape, TensorType};

/// The type of an op's result.
///
/// # Errors
/// If the op cannot be applied to inputs of these types; the message names the op and the types.
pub fn infer(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    check_arity(op, inputs.len())?;
    let ty = result(op, inputs)?;
    // What is there already fits.
    if !matches!(op, Op::Input { .. } | Op::Variable { .. } | Op::Constant(_)) {
        check_size(&ty.shape)?;
    }
    Ok(ty)
}

/// Axes of a tensor: as many as NumPy's arrays can have.
const MOST_AXES: usize = 64;

/// Checks that memory could hold a tensor, if there were enough. Sizes whose product does not fit
/// would wrap around, and kernels would write past their memory.
///
/// # Errors
/// If no memory could.
pub fn check_size(shape: &Shape) -> Result<()> {
    let rank = shape.rank();
    require(rank <= MOST_AXES, || {
        format!("{rank} axes are more than the {MOST_AXES} there can be")
    })?;
    let size = |dim: &Dim| match *dim {
        Dim::Known(n) | Dim::Batch(n) => n.max(1),
    };
    let count = shape.dims().iter().try_fold(1usize, |n, dim| n.checked_mul(size(dim)));
    require(count.is_some_and(|n| n <= isize::MAX as usize / 8), || {
        format!("no memory can hold a tensor of shape {shape}")
    })
}

fn result(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    match op {
        Op::Input { ty, .. } | Op::Variable { ty, .. } => Ok(ty.clone()),
        Op::Constant(array) => Ok(array.ty()),
        Op::Iota { shape, axis } => {
            check_axis("iota", *axis, shape)?;
            Ok(TensorType::new(DType::I32, shape))
        }
        Op::Random { shape, .. } => random(inputs[0], shape),
        Op::Unary(op) => typed(inputs[0], op.result(inputs[0].dtype), &format!("{op:?}")),
        Op::Binary(op) => {
            check_same(&format!("{op:?}"), inputs)?;
            typed(inputs[0], op.result(inputs[0].dtype), &format!("{op:?}"))
        }
        Op::Compare(op) => {
            check_same(&format!("{op:?}"), inputs)?;
            Ok(TensorType::new(DType::Bool, &inputs[0].shape))
        }
        Op::Select => select(inputs),
        Op::Cast(dtype) => Ok(TensorType::new(*dtype, &inputs[0].shape)),
        Op::Reshape(shape) => reshape(inputs[0], shape),
        Op::Transpose(permutation) => transpose(inputs[0], permutation),
        Op::Broadcast(shape) => broadcast(inputs[0], shape),
        Op::Slice(ranges) => slice(inputs[0], ranges),
        Op::Pad(widths) => pad(inputs[0], widths),
        Op::Concat { axis } => concat(inputs, *axis),
        Op::Reduce { axes, keepdims, .. } => reduce(inputs[0], axes, *keepdims),
        Op::ArgReduce { axis, .. } => {
            let reduced = reduce(inputs[0], &[*axis], false)?;
            Ok(TensorType::new(DType::I32, reduced.shape))
        }
        Op::MatMul { transpose_a, transpose_b, .. } => matmul(inputs, *transpose_a, *transpose_b),
        Op::Conv2d(conv) => conv2d(inputs, conv),
        Op::Conv2dInputGrad { conv, input } => {
            let image = TensorType::new(DType::F32, input);
            expect_type("conv2d input gradient", &conv2d(&[&image, inputs[1]], conv)?, inputs[0])?;
            Ok(image)
        }
        Op::Conv2dFilterGrad { conv, filter } => {
            let filters = TensorType::new(DType::F32, filter);
            let output = conv2d(&[inputs[0], &filters], conv)?;
            expect_type("conv2d filter gradient", &output, inputs[1])?;
            Ok(filters)
        }
        Op::Pool2d(pool) => pool2d(inputs[0], pool),
        Op::Pool2dGrad { pool, input } => {
            let image = TensorType::new(DType::F32, input);
            let gradient = inputs[inputs.len() - 1];
            if let [given, _] = inputs {
                expect_type("pool2d gradient", &image, given)?;
            }
            expect_type("pool2d gradient", &pool2d(&image, pool)?, gradient)?;
            Ok(image)
        }
        Op::Gather => gather(inputs),
        Op::ScatterAdd { rows } => scatter_add(inputs, *rows),
        Op::Fused(kernel) => fused(kernel, inputs),
        Op::Project(_) => Err(Error::value("project follows a fused kernel")),
    }
}

/// The type of result `index` of a fused kernel.
pub fn project(kernel: &Kernel, index: usize) -> Result<TensorType> {
    let value = kernel.outputs.get(index).ok_or_else(|| Error::value("no such fused result"))?;
    require(*value < kernel.inputs.len() + kernel.steps.len(), || {
        format!("fused result {index} is value .{value}, which there is not")
    })?;
    Ok(TensorType::new(kernel.dtype(*value), &kernel.shape))
}

fn check_arity(op: &Op, given: usize) -> Result<()> {
    let expected = match op {
        Op::Input { .. } | Op::Variable { .. } | Op::Constant(_) | Op::Iota { .. } => 0,
        Op::Binary(_)
        | Op::Compare(_)
        | Op::MatMul { .. }
        | Op::Conv2d(_)
        | Op::Conv2dInputGrad { .. }
        | Op::Conv2dFilterGrad { .. }
        | Op::Gather
        | Op::ScatterAdd { .. } => 2,
        Op::Select => 3,
        Op::Pool2dGrad { pool, .. } => match pool.kind {
            crate::op::PoolKind::Max => 2,
            crate::op::PoolKind::Average => 1,
        },
        Op::Concat { .. } => return require(given > 0, || "concat needs an input".into()),
        Op::Fused(kernel) => kernel.arity(),
        _ => 1,
    };
    require(given == expected, || format!("{op:?} takes {expected} inputs, not {given}"))
}

fn require(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::shape(message())) }
}

fn check_axis(what: &str, axis: usize, shape: &Shape) -> Result<()> {
    require(axis < shape.rank(), || format!("{what}: axis {axis} of a tensor of shape {shape}"))
}

fn check_float(what: &str, inputs: &[&TensorType]) -> Result<()> {
    match inputs.iter().find(|t| !t.dtype.is_float()) {
        Some(t) => Err(Error::dtype(format!("{what} works on float32, not on {t}"))),
        None => Ok(()),
    }
}

fn check_same(what: &str, inputs: &[&TensorType]) -> Result<()> {
    expect_type(what, inputs[0], inputs[1])
}

fn expect_type(what: &str, expected: &TensorType, given: &TensorType) -> Result<()> {
    require(expected == given, || format!("{what} of {expected} and {given}"))
}

fn typed(input: &TensorType, result: Option<DType>, what: &str) -> Result<TensorType> {
    let dtype =
        result.ok_or_else(|| Error::dtype(format!("{what} is not defined for {}", input.dtype)))?;
    Ok(TensorType::new(dtype, &input.shape))
}

fn random(state: &TensorType, shape: &Shape) -> Result<TensorType> {
    expect_type("random", &TensorType::new(DType::I32, [3]), state)?;
    Ok(TensorType::new(DType::F32, shape))
}

fn select(inputs: &[&TensorType]) -> Result<TensorType> {
    let [condition, a, b] = inputs else { unreachable!("the arity was checked") };
    expect_type("select", a, b)?;
    expect_type("select", &TensorType::new(DType::Bool, &a.shape), condition)?;
    Ok((*a).clone())
}

fn reshape(input: &TensorType, shape: &Shape) -> Result<TensorType> {
    require(input.shape.count() == shape.count() && shape.count().is_some(), || {
        format!("cannot reshape {} to {shape}: the number of elements differs", input.shape)
    })?;
    Ok(TensorType::new(input.dtype, shape))
}

fn transpose(input: &TensorType, permutation: &[usize]) -> Result<TensorType> {
    let mut sorted = permutation.to_vec();
    sorted.sort_unstable();
    require(sorted.iter().copied().eq(0..input.shape.rank()), || {
        format!("{permutation:?} is no permutation of the axes of {}", input.shape)
    })?;
    let dims: Vec<Dim> = permutation.iter().map(|&p| input.shape.dims()[p]).collect();
    Ok(TensorType::new(input.dtype, dims))
}

fn broadcast(input: &TensorType, shape: &Shape) -> Result<TensorType> {
    require(input.shape.broadcasts_to(shape), || {
        format!("cannot broadcast {} to {shape}", input.shape)
    })?;
    Ok(TensorType::new(input.dtype, shape))
}

fn slice(input: &TensorType, ranges: &[SliceRange]) -> Result<TensorType> {
    require(ranges.len() == input.shape.rank(), || {
        format!("{} slice ranges for a tensor of shape {}", ranges.len(), input.shape)
    })?;
    let dims = input.shape.dims().iter().zip(ranges).map(|(&dim, range)| {
        if *range == SliceRange::ALL {
            return Ok(dim);
        }
        let size = dim.known().ok_or_else(|| {
            Error::shape(format!("cannot slice the batch dimension of {}", input.shape))
        })?;
        let end = range.end.unwrap_or(size);
        require(range.step > 0 && range.start <= end && end <= size, || {
            format!("slice {}..{end} by {} of size {size}", range.start, range.step)
        })?;
        Ok(Dim::Known((end - range.start).div_ceil(range.step)))
    });
    Ok(TensorType::new(input.dtype, dims.collect::<Result<Vec<Dim>>>()?))
}

fn pad(input: &TensorType, widths: &[(usize, usize)]) -> Result<TensorType> {
    require(widths.len() == input.shape.rank(), || {
        format!("{} pad widths for a tensor of shape {}", widths.len(), input.shape)
    })?;
    let dims = input.shape.dims().iter().zip(widths).map(|(&dim, &(before, after))| match dim {
        Dim::Known(n) => Ok(Dim::Known(n.saturating_add(before).saturating_add(after))),
        dim if (before, after) == (0, 0) => Ok(dim),
        _ => Err(Error::shape(format!("cannot pad the batch dimension of {}", input.shape))),
    });
    Ok(TensorType::new(input.dtype, dims.collect::<Result<Vec<Dim>>>()?))
}

fn concat(inputs: &[&TensorType], axis: usize) -> Result<TensorType> {
    let first = inputs[0];
    check_axis("concatenate", axis, &first.shape)?;
    let mut dims = first.shape.dims().to_vec();
    for other in &inputs[1..] {
        let fits = other.dtype == first.dtype
            && other.shape.rank() == dims.len()
            && (0..dims.len()).all(|i| i == axis || other.shape.dims()[i] == dims[i]);
        let sum = match (dims[axis], other.shape.dims().get(axis)) {
            (Dim::Known(a), Some(Dim::Known(b))) => Some(Dim::Known(a.saturating_add(*b))),
            (Dim::Batch(a), Some(Dim::Batch(b))) => Some(Dim::Batch(a.saturating_add(*b))),
            _ => None,
        };
        dims[axis] = sum.filter(|_| fits).ok_or_else(|| {
            Error::shape(format!("cannot concatenate {first} and {other} along axis {axis}"))
        })?;
    }
    Ok(TensorType::new(first.dtype, dims))
}

fn reduce(input: &TensorType, axes: &[usize], keepdims: bool) -> Result<TensorType> {
    let ascending = axes.windows(2).all(|w| w[0] < w[1]);
    require(ascending && axes.iter().all(|&a| a < input.shape.rank()), || {
        format!("axes {axes:?} of a tensor of shape {}", input.shape)
    })?;
    let dims = input.shape.dims().iter().enumerate().filter_map(|(i, &dim)| {
        match (axes.contains(&i), keepdims) {
            (false, _) => Some(dim),
            (true, true) => Some(Dim::Known(1)),
            (true, false) => None,
        }
    });
    Ok(TensorType::new(input.dtype, dims.collect::<Vec<Dim>>()))
}

fn matmul(inputs: &[&TensorType], transpose_a: bool, transpose_b: bool) -> Result<TensorType> {
    let (a, b) = (&inputs[0].shape, &inputs[1].shape);
    check_float("matmul", inputs)?;
    let fail = || Error::shape(format!("matmul of {a} and {b}: the inner dimensions differ"));
    let rank = a.rank();
    if rank < 2 || b.rank() != rank || a.dims()[..rank - 2] != b.dims()[..rank - 2] {
        return Err(fail());
    }
    let matrix = |s: &Shape, transposed: bool| {
        let (rows, columns) = (s.dims()[rank - 2], s.dims()[rank - 1]);
        if transposed { (columns, rows) } else { (rows, columns) }
    };
    let ((m, k), (k2, n)) = (matrix(a, transpose_a), matrix(b, transpose_b));
    if k != k2 {
        return Err(fail());
    }
    let mut dims = a.dims()[..rank - 2].to_vec();
    dims.extend([m, n]);
    Ok(TensorType::new(DType::F32, dims))
}

/// How many windows fit along one axis; `None` if not even one does.
pub fn windows(
    size: usize,
    window: usize,
    stride: usize,
    dilation: usize,
    padding: (usize, usize),
) -> Option<usize> {
    let dilation = (dilation > 0).then_some(dilation)?;
    let reach = window.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
    let padded = size.checked_add(padding.0)?.checked_add(padding.1)?;
    let room = padded.checked_sub(reach)?;
    room.checked_div(stride)?.checked_add(1)
}

fn image(what: &str, shape: &Shape) -> Result<(Dim, [usize; 3])> {
    let known = |i: usize| shape.dims()[i].known();
    let dims = (shape.rank() == 4).then(|| Some([known(1)?, known(2)?, known(3)?])).flatten();
    let dims = dims.ok_or_else(|| {
        Error::shape(format!(
            "{what} works on images (batch, height, width, channels), not {shape}"
        ))
    })?;
    Ok((shape.dims()[0], dims))
}

fn conv2d(inputs: &[&TensorType], conv: &Conv2d) -> Result<TensorType> {
    check_float("conv2d", inputs)?;
    let (batch, [height, width, channels]) = image("conv2d", &inputs[0].shape)?;
    let (x, f) = (&inputs[0].shape, &inputs[1].shape);
    let fail = || Error::shape(format!("conv2d of images {x} and filters {f} ({conv:?})"));
    let Some(&[kh, kw, depth, filters]) = f.known().as_deref() else { return Err(fail()) };
    let groups_fit = conv.groups > 0
        && Some(channels) == depth.checked_mul(conv.groups)
        && filters % conv.groups == 0;
    if !groups_fit {
        return Err(fail().help("the filters' third dimension is the images' channels / groups"));
    }
    let along = |i: usize, size, window| {
        windows(size, window, conv.strides[i], conv.dilation[i], conv.padding[i]).ok_or_else(fail)
    };
    let (oh, ow) = (along(0, height, kh)?, along(1, width, kw)?);
    Ok(TensorType::new(DType::F32, vec![batch, oh.into(), ow.into(), filters.into()]))
}

fn pool2d(input: &TensorType, pool: &Pool2d) -> Result<TensorType> {
    check_float("pool2d", &[input])?;
    let (batch, [height, width, channels]) = image("pool2d", &input.shape)?;
    let along = |i: usize, size| {
        let (window, padding) = (pool.window[i], pool.padding[i]);
        let inside = padding.0 < window && padding.1 < window;
        windows(size, window, pool.strides[i], 1, padding).filter(|_| inside).ok_or_else(|| {
            Error::shape(format!("pool2d of {} ({pool:?}): no window fits", input.shape))
        })
    };
    let (oh, ow) = (along(0, height)?, along(1, width)?);
    Ok(TensorType::new(DType::F32, vec![batch, oh.into(), ow.into(), channels.into()]))
}

fn gather(inputs: &[&TensorType]) -> Result<TensorType> {
    let (table, indexes) = (inputs[0], inputs[1]);
    check_indexes("gather", indexes)?;
    require(table.shape.rank() > 0, || "gather from a scalar".into())?;
    let mut dims = indexes.shape.dims().to_vec();
    dims.extend_from_slice(&table.shape.dims()[1..]);
    Ok(TensorType::new(table.dtype, dims))
}

fn scatter_add(inputs: &[&TensorType], rows: usize) -> Result<TensorType> {
    let (indexes, values) = (inputs[0], inputs[1]);
    check_indexes("scatter_add", indexes)?;
    check_float("scatter_add", &[values])?;
    let rank = indexes.shape.rank();
    require(values.shape.dims().get(..rank) == Some(indexes.shape.dims()), || {
        format!("scatter_add of rows {} at indexes {}", values.shape, indexes.shape)
    })?;
    let mut dims = vec![Dim::Known(rows)];
    dims.extend_from_slice(&values.shape.dims()[rank..]);
    Ok(TensorType::new(values.dtype, dims))
}

fn check_indexes(what: &str, indexes: &TensorType) -> Result<()> {
    if indexes.dtype == DType::I32 {
        return Ok(());
    }
    Err(Error::dtype(format!("{what} takes int32 indexes, not {}", indexes.dtype)))
}

fn fused(kernel: &Kernel, inputs: &[&TensorType]) -> Result<TensorType> {
    let (operands, inputs) = inputs.split_at(kernel.operands());
    let product = kernel.product.map(|product| infer(&product.op(), operands)).transpose()?;
    for (input, dtype) in product.iter().chain(inputs.iter().copied()).zip(&kernel.inputs) {
        let fits = input.dtype == *dtype && input.shape.broadcasts_to(&kernel.shape);
        require(fits, || format!("fused loop over {} of {input}", kernel.shape))?;
    }
    require(product.is_none_or(|ty| ty.shape == kernel.shape && ty.shape.rank() == 2), || {
        format!("fused loop over {} of a product of another shape", kernel.shape)
    })?;
    project(kernel, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::PoolKind;

    fn f32(shape: impl Into<Shape>) -> TensorType {
        TensorType::new(DType::F32, shape)
    }

    #[test]
    fn matmul_keeps_the_symbolic_batch() {
        let x = f32(Shape::from([784]).batched());
        let op = Op::matmul(false, false);
        assert_eq!(infer(&op, &[&x, &f32([784, 10])]).unwrap().to_string(), "float32(None, 10)");
        let error = infer(&op, &[&x, &f32([700, 10])]).unwrap_err().to_string();
        assert!(error.contains("(None, 784) and (700, 10)"), "{error}");
    }

    #[test]
    fn windows_count_as_keras_counts() {
        assert_eq!(windows(28, 3, 1, 1, (0, 0)), Some(26));
        assert_eq!(windows(5, 3, 2, 1, (1, 1)), Some(3));
        assert_eq!(windows(5, 3, 1, 2, (0, 0)), Some(1));
        assert_eq!(windows(2, 3, 1, 1, (0, 0)), None);
        assert_eq!(windows(2, 0, 1, 1, (0, 0)), None);
        assert_eq!(windows(2, 1, 0, 1, (0, 0)), None);
        assert_eq!(windows(5, 3, 1, 0, (0, 0)), None);
        assert_eq!(windows(5, 3, 1, usize::MAX, (0, 0)), None);
    }

    #[test]
    fn what_no_memory_holds_is_an_error() {
        let x = f32([1]);
        let huge: [Shape; 2] = [[(1usize << 62) + 4].into(), [1usize << 33, 1 << 31].into()];
        for shape in huge {
            assert!(infer(&Op::Broadcast(shape.clone()), &[&x]).is_err());
            assert!(infer(&Op::Reshape(shape), &[&f32([0])]).is_err());
        }
        assert!(infer(&Op::Pad(vec![(usize::MAX, 3)]), &[&x]).is_err());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let x = f32([2, 3]);
        let whole = TensorType::new(DType::I32, [2, 3]);
        for (op, inputs) in [
            (Op::Binary(crate::scalar::BinaryOp::Add), vec![&x, &whole]),
            (Op::Unary(crate::scalar::UnaryOp::Exp), vec![&whole]),
            (Op::Reshape([7].into()), vec![&x]),
            (Op::Transpose(vec![0, 0]), vec![&x]),
            (
                Op::Reduce { kind: crate::op::ReduceOp::Sum, axes: vec![2], keepdims: false },
                vec![&x],
            ),
            (Op::Concat { axis: 0 }, vec![&x, &whole]),
            (Op::Gather, vec![&x, &x]),
            (
                Op::Pool2d(Pool2d {
                    kind: PoolKind::Max,
                    window: [2, 2],
                    strides: [2, 2],
                    padding: [(0, 0); 2],
                }),
                vec![&x],
            ),
            (Op::Select, vec![&x]),
        ] {
            assert!(infer(&op, &inputs).is_err(), "{op:?}");
        }
    }
}
