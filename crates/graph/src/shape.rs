//! Shapes, with one symbolic dimension: the batch.

use std::fmt;

/// One dimension: a number, or a multiple of the batch size that is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A known size.
    Known(usize),
    /// This many times the batch size. Keras prints it as `None`.
    Batch(usize),
}

impl Dim {
    /// The symbolic batch dimension.
    pub const BATCH: Dim = Dim::Batch(1);

    /// The size, if it is known.
    pub fn known(self) -> Option<usize> {
        match self {
            Dim::Known(n) => Some(n),
            Dim::Batch(_) => None,
        }
    }

    /// The dimension with the batch size replaced: by a number, or by a multiple of another batch.
    pub fn with_batch(self, batch: Dim) -> Dim {
        match (self, batch) {
            (Dim::Known(n), _) => Dim::Known(n),
            (Dim::Batch(k), Dim::Known(n)) => Dim::Known(k.saturating_mul(n)),
            (Dim::Batch(k), Dim::Batch(n)) => Dim::Batch(k.saturating_mul(n)),
        }
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim::Known(n)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Known(n) => write!(f, "{n}"),
            Dim::Batch(1) => f.write_str("None"),
            Dim::Batch(k) => write!(f, "{k}*None"),
        }
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The sizes of a tensor's dimensions, outermost first. Prints as Keras prints it: `(None, 784)`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<Dim>);

impl Shape {
    /// The shape of a single number.
    pub fn scalar() -> Shape {
        Shape(Vec::new())
    }

    /// A shape from dimensions.
    pub fn new(dims: impl IntoIterator<Item = impl Into<Dim>>) -> Shape {
        Shape(dims.into_iter().map(Into::into).collect())
    }

    /// The shape of a batch of samples of this shape.
    pub fn batched(&self) -> Shape {
        let mut dims = vec![Dim::BATCH];
        dims.extend_from_slice(&self.0);
        Shape(dims)
    }

    /// How many dimensions there are.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The dimensions.
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// The sizes, if all are known.
    pub fn known(&self) -> Option<Vec<usize>> {
        self.0.iter().map(|d| d.known()).collect()
    }

    /// The sizes of a shape inside a program, where the batch is a number.
    ///
    /// # Panics
    /// If a dimension is still symbolic: graphs are only planned and run once the batch is known.
    pub fn sizes(&self) -> Vec<usize> {
        self.known().unwrap_or_else(|| panic!("shape {self} still has a symbolic batch"))
    }

    /// The number of elements as a dimension, if it can be said: a number, or a multiple of the
    /// batch. `None` if the batch occurs twice, or no `usize` holds the number.
    pub fn count(&self) -> Option<Dim> {
        let mut factor = 1usize;
        let mut batches = 0;
        for dim in &self.0 {
            match dim {
                Dim::Known(n) => factor = factor.checked_mul(*n)?,
                Dim::Batch(k) => {
                    factor = factor.checked_mul(*k)?;
                    batches += 1;
                }
            }
        }
        match batches {
            0 => Some(Dim::Known(factor)),
            1 => Some(Dim::Batch(factor)),
            _ => None,
        }
    }

    /// The shape with the batch size replaced.
    pub fn with_batch(&self, batch: Dim) -> Shape {
        Shape(self.0.iter().map(|d| d.with_batch(batch)).collect())
    }

    /// The shape two operands of an elementwise op meet in, by NumPy's rule: aligned at the right,
    /// equal sizes or one of them 1.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let at = |s: &Shape, i: usize| {
            (i + s.rank()).checked_sub(rank).map_or(Dim::Known(1), |j| s.0[j])
        };
        (0..rank)
            .map(|i| match (at(self, i), at(other, i)) {
                (a, b) if a == b => Some(a),
                (Dim::Known(1), b) => Some(b),
                (a, Dim::Known(1)) => Some(a),
                _ => None,
            })
            .collect::<Option<Vec<Dim>>>()
            .map(Shape)
    }

    /// Whether a tensor of this shape can be broadcast to `target` by NumPy's rule.
    pub fn broadcasts_to(&self, target: &Shape) -> bool {
        self.broadcast(target).as_ref() == Some(target)
    }
}

impl<D: Into<Dim>, const N: usize> From<[D; N]> for Shape {
    fn from(dims: [D; N]) -> Shape {
        Shape::new(dims)
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Shape {
        Shape::new(dims.iter().copied())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Shape {
        Shape::new(dims)
    }
}

impl From<Vec<Dim>> for Shape {
    fn from(dims: Vec<Dim>) -> Shape {
        Shape(dims)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        shape.clone()
    }
}

impl From<usize> for Shape {
    fn from(n: usize) -> Shape {
        Shape::new([n])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.0.iter().map(Dim::to_string).collect();
        match dims.as_slice() {
            [one] => write!(f, "({one},)"),
            many => write!(f, "({})", many.join(", ")),
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_at_the_right() {
        let a = Shape::from(vec![Dim::BATCH, Dim::Known(1), Dim::Known(4)]);
        let b = Shape::from([3, 1]);
        assert_eq!(a.broadcast(&b).unwrap().to_string(), "(None, 3, 4)");
        assert!(Shape::from([2]).broadcast(&Shape::from([3])).is_none());
        assert!(Shape::scalar().broadcasts_to(&b));
        assert!(!b.broadcasts_to(&Shape::scalar()));
        assert!(Shape::from([0]).broadcast(&Shape::from([1])).is_some());
    }

    #[test]
    fn the_batch_multiplies_and_resolves() {
        let s = Shape::from([28, 28]).batched();
        assert_eq!(s.count(), Some(Dim::Batch(784)));
        assert_eq!(s.with_batch(Dim::Known(2)).sizes(), [2, 28, 28]);
        assert_eq!(Shape::from([7]).to_string(), "(7,)");
    }
}
