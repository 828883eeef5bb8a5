//! Ops that move elements about, and shapes with the batch in them.

use super::builder::{Setting, Value};
use super::emit::Emitter;
use super::proto::{INT64, known_sizes, type_number};
use cornu_graph::op::SliceRange;
use cornu_graph::{Array, DType, Dim, Shape, Values};

impl Emitter<'_> {
    /// The same elements in another shape.
    pub fn reshape(&mut self, x: Value, shape: &Shape) -> Value {
        let batches = shape.dims().iter().filter(|dim| dim.known().is_none()).count();
        let is_empty = shape.dims().contains(&Dim::Known(0));
        if batches <= 1 && !is_empty {
            // -1 is what is left for the batch.
            let sizes = self.out.sizes(known_sizes(shape, -1));
            return self.out.node("Reshape", &[x, sizes]);
        }
        let sizes = self.shape_value(shape);
        self.out.node_with("Reshape", &[x, sizes], vec![("allowzero", Setting::Int(1))])
    }

    /// The elements repeated to a larger shape.
    pub fn broadcast(&mut self, x: Value, shape: &Shape) -> Value {
        let sizes = self.shape_value(shape);
        self.out.node("Expand", &[x, sizes])
    }

    /// A shape as a value. What depends on the batch is computed from an input's shape.
    fn shape_value(&mut self, shape: &Shape) -> Value {
        if shape.known().is_some() {
            return self.out.sizes(known_sizes(shape, 0));
        }
        let runs = shape.dims().chunk_by(|a, b| a.known().is_some() && b.known().is_some());
        let parts: Vec<Value> = runs
            .map(|run| match run {
                [Dim::Batch(k)] => self.batches(*k),
                known => {
                    let known = Shape::from(known.to_vec());
                    self.out.sizes(known_sizes(&known, 0))
                }
            })
            .collect();
        match parts[..] {
            [one] => one,
            _ => self.out.node_with("Concat", &parts, vec![("axis", Setting::Int(0))]),
        }
    }

    /// A multiple of the batch, as a list of one number.
    fn batches(&mut self, times: usize) -> Value {
        let first = vec![("start", Setting::Int(0)), ("end", Setting::Int(1))];
        let batch = self.out.node_with("Shape", &[self.batched_input()], first);
        if times == 1 {
            return batch;
        }
        let times = self.out.sizes(vec![times as i64]);
        self.out.node("Mul", &[batch, times])
    }

    /// The size of a dimension as a single number.
    fn size(&mut self, dim: Dim) -> Value {
        match dim {
            Dim::Known(n) => self.out.size(n as i64),
            Dim::Batch(k) => {
                let (list, scalar) = (self.batches(k), self.out.sizes(vec![]));
                self.out.node("Reshape", &[list, scalar])
            }
        }
    }

    /// Every `step`-th element of each axis.
    pub fn slice(&mut self, x: Value, ranges: &[SliceRange]) -> Value {
        let cut = || ranges.iter().enumerate().filter(|(_, range)| **range != SliceRange::ALL);
        if cut().next().is_none() {
            return x;
        }
        let start = cut().map(|(_, range)| range.start as i64).collect();
        let end = cut().map(|(_, range)| range.end.map_or(i64::MAX, |end| end as i64)).collect();
        let axes = cut().map(|(axis, _)| axis as i64).collect();
        let step = cut().map(|(_, range)| range.step as i64).collect();
        let [start, end, axes, step] = [start, end, axes, step].map(|list| self.out.sizes(list));
        self.out.node("Slice", &[x, start, end, axes, step])
    }

    /// Zeros before and after along each axis.
    pub fn pad(&mut self, x: Value, widths: &[(usize, usize)]) -> Value {
        let before = widths.iter().map(|width| width.0 as i64);
        let after = widths.iter().map(|width| width.1 as i64);
        let widths = self.out.sizes(before.chain(after).collect());
        self.out.node("Pad", &[x, widths])
    }

    /// Tensors one after another along an axis.
    pub fn concat(&mut self, inputs: &[Value], axis: usize) -> Value {
        self.out.node_with("Concat", inputs, vec![("axis", Setting::Int(axis as i64))])
    }

    /// `int32` counting along an axis.
    pub fn iota(&mut self, shape: &Shape, axis: usize) -> Value {
        let size = shape.dims()[axis];
        let mut line = vec![1; shape.rank()];
        let numbers = match size {
            Dim::Known(n) => {
                line[axis] = n;
                let numbers = Array::new(line, (0..n as i32).collect());
                self.out.constant(numbers.expect("as many numbers as the axis is long"))
            }
            Dim::Batch(_) => {
                let [start, step] = [0, 1].map(|number| self.out.size(number));
                let end = self.size(size);
                let numbers = self.out.node("Range", &[start, end, step]);
                let numbers = self.out.convert(numbers, type_number(DType::I32));
                let mut line: Vec<i64> = line.iter().map(|&n| n as i64).collect();
                line[axis] = -1;
                let line = self.out.sizes(line);
                self.out.node("Reshape", &[numbers, line])
            }
        };
        self.broadcast(numbers, shape)
    }

    /// Rows of a table; zeros for a number that the table does not have. ONNX's `Gather` would count
    /// a negative number from the end, and fail for a large one.
    pub fn gather(&mut self, [table, indexes]: [Value; 2], types: [&Shape; 2], to: DType) -> Value {
        let zero = self.out.size(0);
        let last = match types[0].dims()[0] {
            Dim::Known(rows) => self.out.size(rows as i64 - 1),
            rows => {
                let (rows, one) = (self.size(rows), self.out.size(1));
                self.out.node("Sub", &[rows, one])
            }
        };
        let wide = self.out.convert(indexes, INT64);
        let inside = self.out.node("Clip", &[wide, zero, last]);
        let taken = self.out.node_with("Gather", &[table, inside], vec![("axis", Setting::Int(0))]);
        let mut valid = self.out.node("Equal", &[inside, wide]);
        let (rank, inner) = (types[1].rank(), types[0].rank() - 1);
        if inner > 0 {
            let axes = self.out.sizes((rank..rank + inner).map(|axis| axis as i64).collect());
            valid = self.out.node("Unsqueeze", &[valid, axes]);
        }
        let nothing = Values::zeros(to, 1);
        let nothing = Array::from_values([], nothing).expect("one number");
        let nothing = self.out.constant(nothing);
        self.out.select(valid, taken, nothing, to)
    }
}
