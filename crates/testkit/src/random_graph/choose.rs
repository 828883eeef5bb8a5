//! The choice of the next op and its operands.

use super::Builder;
use crate::coverage::{BINARY, COMPARE, DISTRIBUTION, DTYPES, POOL, REDUCE, UNARY};
use cornu_graph::op::{Conv2d, Pool2d, SliceRange};
use cornu_graph::{Array, DType, NodeId, Op, Shape, TensorType};

impl Builder {
    /// Tries to add one more op of a random sort (and what brings its operands into shape).
    pub(super) fn grow(&mut self) -> Option<NodeId> {
        match self.random.below(24) {
            0..4 => self.unary(),
            4..8 => self.binary(),
            8 => self.compare(),
            9 => self.select(),
            10 => self.cast(),
            11 => self.reshape(),
            12 => self.transpose(),
            13 => self.broadcast(),
            14 => self.slice(),
            15 => self.pad(),
            16 => self.concat(),
            17 => self.reduce(),
            18 => self.arg_reduce(),
            19 => self.matmul(),
            20 => self.conv2d(),
            21 => self.pool2d(),
            22 => self.rows(),
            _ => self.source(),
        }
    }

    fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.random.below(among.len())]
    }

    fn flip(&mut self) -> bool {
        self.random.below(2) == 0
    }

    /// A node, more often a late one.
    fn any(&mut self) -> NodeId {
        let count = self.graph.nodes().len();
        NodeId(self.random.below(count).max(self.random.below(count)))
    }

    /// A node that fits.
    fn find(&mut self, fits: impl Fn(&TensorType) -> bool) -> Option<NodeId> {
        for _ in 0..30 {
            let id = self.any();
            if fits(self.graph.ty(id)) {
                return Some(id);
            }
        }
        None
    }

    fn of_dtype(&mut self, dtype: DType) -> Option<NodeId> {
        self.find(|ty| ty.dtype == dtype)
    }

    fn sizes(&self, id: NodeId) -> Vec<usize> {
        self.graph.ty(id).shape.sizes()
    }

    /// A random axis; `None` of a scalar.
    fn axis(&mut self, id: NodeId) -> Option<usize> {
        let rank = self.sizes(id).len();
        (rank > 0).then(|| self.random.below(rank))
    }

    fn broadcast_to(&mut self, id: NodeId, shape: &Shape) -> Option<NodeId> {
        if self.graph.ty(id).shape == *shape {
            return Some(id);
        }
        self.add(Op::Broadcast(shape.clone()), &[id])
    }

    fn unary(&mut self) -> Option<NodeId> {
        let op = self.choose(UNARY);
        let x = self.find(|ty| op.result(ty.dtype).is_some())?;
        self.add(Op::Unary(op), &[x])
    }

    /// Two nodes of one dtype, broadcast to a common shape.
    fn pair(&mut self, fits: impl Fn(DType) -> bool) -> Option<[NodeId; 2]> {
        let a = self.find(|ty| fits(ty.dtype))?;
        let ty = self.graph.ty(a).clone();
        let meets = |b: &TensorType| b.dtype == ty.dtype && b.shape.broadcast(&ty.shape).is_some();
        let b = self.find(meets)?;
        let shape = self.graph.ty(b).shape.broadcast(&ty.shape)?;
        let pair = [self.broadcast_to(a, &shape)?, self.broadcast_to(b, &shape)?];
        Some(if self.flip() { pair } else { [pair[1], pair[0]] })
    }

    fn binary(&mut self) -> Option<NodeId> {
        let op = self.choose(BINARY);
        let pair = self.pair(|dtype| op.result(dtype).is_some())?;
        self.add(Op::Binary(op), &pair)
    }

    fn compare(&mut self) -> Option<NodeId> {
        let pair = self.pair(|_| true)?;
        let op = self.choose(COMPARE);
        self.add(Op::Compare(op), &pair)
    }

    fn select(&mut self) -> Option<NodeId> {
        let condition = self.of_dtype(DType::Bool)?;
        let shape = self.graph.ty(condition).shape.clone();
        let [a, b] = self.pair(|_| true)?;
        let shape = self.graph.ty(a).shape.broadcast(&shape)?;
        let operands = [
            self.broadcast_to(condition, &shape)?,
            self.broadcast_to(a, &shape)?,
            self.broadcast_to(b, &shape)?,
        ];
        self.add(Op::Select, &operands)
    }

    fn cast(&mut self) -> Option<NodeId> {
        let x = self.any();
        let dtype = self.choose(DTYPES);
        self.add(Op::Cast(dtype), &[x])
    }

    /// Joins two axes, or splits one off.
    fn reshape(&mut self) -> Option<NodeId> {
        let x = self.any();
        let mut sizes = self.sizes(x);
        let at = self.random.below(sizes.len() + 1);
        if at + 1 < sizes.len() && self.flip() {
            let joined = sizes.remove(at);
            sizes[at] *= joined;
        } else if at < sizes.len() && sizes[at].is_multiple_of(2) {
            sizes[at] /= 2;
            sizes.insert(at, 2);
        } else {
            sizes.insert(at, 1);
        }
        self.add(Op::Reshape(sizes.into()), &[x])
    }

    fn transpose(&mut self) -> Option<NodeId> {
        let x = self.find(|ty| ty.shape.rank() >= 2)?;
        let mut permutation: Vec<usize> = (0..self.sizes(x).len()).collect();
        self.random.shuffle(&mut permutation);
        self.add(Op::Transpose(permutation), &[x])
    }

    /// Repeats axes of size 1, and perhaps the whole.
    fn broadcast(&mut self) -> Option<NodeId> {
        let x = self.any();
        let mut sizes = self.sizes(x);
        for size in &mut sizes {
            if *size == 1 {
                *size = 1 + self.random.below(4);
            }
        }
        if self.flip() {
            sizes.insert(0, 1 + self.random.below(3));
        }
        self.add(Op::Broadcast(sizes.into()), &[x])
    }

    fn slice(&mut self) -> Option<NodeId> {
        let x = self.any();
        let mut ranges = Vec::new();
        for size in self.sizes(x) {
            let start = self.random.below(size);
            let end = start + 1 + self.random.below(size - start);
            let step = 1 + self.random.below(3);
            let range = SliceRange { start, end: Some(end), step };
            ranges.push(if self.flip() { SliceRange::ALL } else { range });
        }
        self.add(Op::Slice(ranges), &[x])
    }

    fn pad(&mut self) -> Option<NodeId> {
        let x = self.any();
        let rank = self.sizes(x).len();
        let widths = (0..rank).map(|_| (self.random.below(2), self.random.below(3)));
        let op = Op::Pad(widths.collect());
        self.add(op, &[x])
    }

    fn concat(&mut self) -> Option<NodeId> {
        let first = self.any();
        let axis = self.axis(first)?;
        let ty = self.graph.ty(first).clone();
        let fits = |other: &TensorType| {
            let (a, b) = (ty.shape.dims(), other.shape.dims());
            let rest = |i: usize| i == axis || a[i] == b[i];
            other.dtype == ty.dtype && a.len() == b.len() && (0..a.len()).all(rest)
        };
        let mut parts = vec![first];
        for _ in 0..1 + self.random.below(2) {
            parts.push(self.find(fits)?);
        }
        self.add(Op::Concat { axis }, &parts)
    }

    fn reduce(&mut self) -> Option<NodeId> {
        let x = self.find(|ty| matches!(ty.dtype, DType::F32 | DType::I32))?;
        let rank = self.sizes(x).len();
        let axes = (0..rank).filter(|_| self.flip()).collect();
        let op = Op::Reduce { kind: self.choose(REDUCE), axes, keepdims: self.flip() };
        self.add(op, &[x])
    }

    fn arg_reduce(&mut self) -> Option<NodeId> {
        let x = self.find(|ty| matches!(ty.dtype, DType::F32 | DType::I32))?;
        let op = Op::ArgReduce { largest: self.flip(), axis: self.axis(x)? };
        self.add(op, &[x])
    }

    /// A product with a new variable, so that the inner sizes agree.
    fn matmul(&mut self) -> Option<NodeId> {
        let a = self.find(|ty| ty.dtype == DType::F32 && ty.shape.rank() >= 2)?;
        let (transpose_a, transpose_b) = (self.flip(), self.flip());
        let mut sizes = self.sizes(a);
        let rank = sizes.len();
        let k = sizes[if transpose_a { rank - 2 } else { rank - 1 }];
        let n = 1 + self.random.below(5);
        (sizes[rank - 2], sizes[rank - 1]) = if transpose_b { (n, k) } else { (k, n) };
        let b = self.leaf_of(TensorType::new(DType::F32, sizes), false);
        self.add(Op::matmul(transpose_a, transpose_b), &[a, b])
    }

    fn image(&mut self) -> Option<NodeId> {
        if let Some(image) = self.find(|ty| ty.dtype == DType::F32 && ty.shape.rank() == 4) {
            return Some(image);
        }
        let x = self.of_dtype(DType::F32)?;
        let mut sizes = self.sizes(x);
        sizes.resize(4, 1);
        self.add(Op::Reshape(sizes.into()), &[x])
    }

    fn padding(&mut self, below: usize) -> [(usize, usize); 2] {
        [0, 1].map(|_| (self.random.below(below), self.random.below(below)))
    }

    fn conv2d(&mut self) -> Option<NodeId> {
        let image = self.image()?;
        let channels = self.sizes(image)[3];
        let groups = if self.flip() { channels } else { 1 };
        let conv = Conv2d {
            strides: [0, 1].map(|_| 1 + self.random.below(2)),
            padding: self.padding(2),
            dilation: [0, 1].map(|_| 1 + self.random.below(2)),
            groups,
        };
        let window = [0, 1].map(|_| 1 + self.random.below(3));
        let filters = groups * (1 + self.random.below(2));
        let filter = [window[0], window[1], channels / groups, filters];
        let filter = self.leaf_of(TensorType::new(DType::F32, filter), false);
        self.add(Op::Conv2d(conv), &[image, filter])
    }

    fn pool2d(&mut self) -> Option<NodeId> {
        let image = self.image()?;
        let pool = Pool2d {
            kind: self.choose(POOL),
            window: [0, 1].map(|_| 2 + self.random.below(2)),
            strides: [0, 1].map(|_| 1 + self.random.below(2)),
            padding: self.padding(2),
        };
        self.add(Op::Pool2d(pool), &[image])
    }

    /// A gather, or a scatter-add of rows at as many indexes.
    fn rows(&mut self) -> Option<NodeId> {
        let indexes = self.of_dtype(DType::I32)?;
        if self.flip() {
            let table = self.find(|ty| ty.shape.rank() > 0)?;
            return self.add(Op::Gather, &[table, indexes]);
        }
        let shape = self.graph.ty(indexes).shape.clone();
        let starts = |ty: &TensorType| {
            let dims = ty.shape.dims().get(..shape.rank());
            ty.dtype == DType::F32 && dims == Some(shape.dims())
        };
        let values = self.find(starts)?;
        let rows = 1 + self.random.below(5);
        self.add(Op::ScatterAdd { rows }, &[indexes, values])
    }

    fn source(&mut self) -> Option<NodeId> {
        let shape = self.shape();
        match self.random.below(3) {
            0 => {
                let axis = self.random.below(shape.len().max(1));
                self.add(Op::Iota { shape: shape.into(), axis }, &[])
            }
            1 => {
                let state = self.find(|ty| ty.dtype == DType::I32 && ty.shape == [3].into())?;
                let (distribution, stream) = (self.choose(DISTRIBUTION), self.random.next_u32());
                let op = Op::Random { distribution, shape: shape.into(), stream };
                self.add(op, &[state])
            }
            _ => {
                let number = Array::scalar(self.random.below(4) as f32 - 1.0);
                let dtype = self.choose(DTYPES);
                let number = self.add(Op::Constant(number.cast(dtype)), &[])?;
                self.broadcast_to(number, &shape.into())
            }
        }
    }
}
