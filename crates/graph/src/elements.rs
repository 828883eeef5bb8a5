//! Elements of an array that belong to somebody else.

use crate::{Array, DType, Element, with_values};

/// Borrowed elements, row-major: what a program reads without a copy, and what it lends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elements<'a> {
    /// `float32`
    F32(&'a [f32]),
    /// `int32`
    I32(&'a [i32]),
    /// `uint8`
    U8(&'a [u8]),
    /// `bool`
    Bool(&'a [bool]),
}

/// Applies one expression to the typed slice inside [`Elements`].
#[macro_export]
macro_rules! with_elements {
    ($elements:expr, $slice:ident => $body:expr) => {
        match $elements {
            $crate::Elements::F32($slice) => $body,
            $crate::Elements::I32($slice) => $body,
            $crate::Elements::U8($slice) => $body,
            $crate::Elements::Bool($slice) => $body,
        }
    };
}

impl<'a> Elements<'a> {
    /// The type of the elements.
    pub fn dtype(self) -> DType {
        match self {
            Elements::F32(_) => DType::F32,
            Elements::I32(_) => DType::I32,
            Elements::U8(_) => DType::U8,
            Elements::Bool(_) => DType::Bool,
        }
    }

    /// How many elements there are.
    pub fn len(self) -> usize {
        with_elements!(self, slice => slice.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements as a slice, if they are of this type.
    pub fn as_slice<T: Element>(self) -> Option<&'a [T]> {
        T::borrowed(self)
    }

    /// The elements `start..end`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn part(self, range: std::ops::Range<usize>) -> Elements<'a> {
        with_elements!(self, slice => Elements::from(&slice[range]))
    }
}

impl<'a, T: Element> From<&'a [T]> for Elements<'a> {
    fn from(slice: &'a [T]) -> Elements<'a> {
        T::lend(slice)
    }
}

impl<'a, T: Element> From<&'a Vec<T>> for Elements<'a> {
    fn from(vec: &'a Vec<T>) -> Elements<'a> {
        T::lend(vec)
    }
}

impl<'a, T: Element, const N: usize> From<&'a [T; N]> for Elements<'a> {
    fn from(array: &'a [T; N]) -> Elements<'a> {
        T::lend(array)
    }
}

impl<'a> From<&'a Array> for Elements<'a> {
    fn from(array: &'a Array) -> Elements<'a> {
        with_values!(array.values(), values => Elements::from(values))
    }
}
