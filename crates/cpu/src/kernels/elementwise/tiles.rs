//! The geometry of a loop over broadcast operands: how it is cut into tiles, and what each operand
//! looks like inside one.

use std::ops::Range;

/// A loop over a row-major index space, cut into tiles of neighbouring elements.
///
/// A tile is a range of one axis (the cut axis) and all of the axes inside it.
pub(crate) struct Tiles {
    /// The sizes of the axes outside the cut axis.
    outer: Vec<usize>,
    /// The size of the cut axis.
    cut: usize,
    /// How much of the cut axis a tile takes.
    chunk: usize,
    /// How many chunks the cut axis has.
    chunks: usize,
    /// The elements inside one step of the cut axis.
    inner: usize,
}

/// One tile.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// The first element.
    pub start: usize,
    /// How many elements there are.
    pub len: usize,
    /// Which combination of the outer axes.
    outer: usize,
    /// The first place on the cut axis.
    cut: usize,
}

/// Where a loop may be cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Wherever the largest tiles come about.
    Anywhere,
    /// Along the last axis, so that any part of a row is a tile.
    InRows,
}

/// How an operand is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Where it is: its elements are neighbours, too.
    Direct,
    /// One element for the whole tile.
    Splat,
    /// Copied element by element.
    Fill,
}

/// An operand inside the loop.
pub(crate) struct Operand {
    /// How a tile of it is read.
    pub reading: Reading,
    /// Whether all tiles look the same.
    pub fixed: bool,
    /// Whether it has the shape of the loop: nothing is repeated.
    flat: bool,
    /// Strides along the outer axes.
    outer: Vec<usize>,
    /// Sizes (of the largest tile) and strides along the cut axis and those inside it.
    axes: Vec<(usize, usize)>,
}

impl Tiles {
    /// Cuts a loop of the given shape into tiles of up to `tile` elements; `strides` are those of
    /// each operand, 0 where it is repeated.
    pub(crate) fn new(
        shape: &[usize],
        strides: &[Vec<usize>],
        tile: usize,
        cut: Cut,
    ) -> (Tiles, Vec<Operand>) {
        let (shape, strides) = collapse(shape, strides);
        let mut at = shape.len() - 1;
        let mut inner = 1;
        while cut == Cut::Anywhere && at > 0 && inner * shape[at] <= tile {
            inner *= shape[at];
            at -= 1;
        }
        let cut = shape[at];
        // An inner size of 0 has no elements to cut.
        let most = (tile / inner.max(1)).max(1);
        let chunks = cut.div_ceil(most).max(1);
        let chunk = cut.div_ceil(chunks);
        // Tiles of one row begin at multiples of a cache line.
        let chunk = if inner == 1 { chunk.next_multiple_of(64).min(cut) } else { chunk };
        let chunks = cut.div_ceil(chunk.max(1));
        let tiles = Tiles { outer: shape[..at].to_vec(), cut, chunk, chunks, inner };
        let operands = strides.iter().map(|s| Operand::new(&shape, s, at, chunk, chunks));
        let operands = operands.collect();
        (tiles, operands)
    }

    /// How many tiles there are.
    pub(crate) fn count(&self) -> usize {
        self.outer.iter().product::<usize>() * self.chunks
    }

    /// How many elements the largest tile has.
    pub(crate) fn largest(&self) -> usize {
        self.chunk * self.inner
    }

    /// The `index`-th tile.
    pub(crate) fn tile(&self, index: usize) -> Tile {
        let (outer, chunk) = (index / self.chunks, index % self.chunks);
        let cut = chunk * self.chunk;
        Tile {
            start: (outer * self.cut + cut) * self.inner,
            len: (self.cut - cut).min(self.chunk) * self.inner,
            outer,
            cut,
        }
    }

    /// Whether all operands walk through the loop in one go, row after row.
    pub(crate) fn is_flat(&self) -> bool {
        self.outer.is_empty()
    }

    /// A part of a row of a loop over rows of `width` elements that was cut in rows. Where the loop
    /// is flat, a part may go on to the next rows.
    pub(crate) fn part_of_row(&self, row: usize, width: usize, columns: Range<usize>) -> Tile {
        let start = row * width + columns.start;
        let (outer, cut) = if self.is_flat() { (0, start) } else { (row, columns.start) };
        Tile { start, len: columns.len(), outer, cut }
    }

    /// The place of an operand's first element in a tile.
    pub(crate) fn offset(&self, operand: &Operand, tile: Tile) -> usize {
        if operand.flat {
            return tile.start;
        }
        let mut rest = tile.outer;
        let mut offset = tile.cut * operand.axes[0].1;
        for (size, stride) in self.outer.iter().zip(&operand.outer).rev() {
            offset += rest % size * stride;
            rest /= size;
        }
        offset
    }
}

impl Operand {
    fn new(shape: &[usize], strides: &[usize], at: usize, chunk: usize, chunks: usize) -> Operand {
        let sizes = std::iter::once(chunk).chain(shape[at + 1..].iter().copied());
        let axes: Vec<(usize, usize)> = sizes.zip(strides[at..].iter().copied()).collect();
        let mut expected = 1;
        let mut neighbours = true;
        for &(size, stride) in axes.iter().rev().filter(|axis| axis.0 != 1) {
            neighbours &= stride == expected;
            expected *= size;
        }
        let reading = if neighbours {
            Reading::Direct
        } else if axes.iter().all(|&(size, stride)| size == 1 || stride == 0) {
            Reading::Splat
        } else {
            Reading::Fill
        };
        let flat =
            shape.iter().rev().zip(strides.iter().rev()).scan(1, |expected, (size, stride)| {
                let fits = stride == expected;
                *expected *= size;
                Some(fits)
            });
        let flat = flat.into_iter().all(|fits| fits);
        let outer = strides[..at].to_vec();
        let fixed = outer.iter().all(|&s| s == 0) && (strides[at] == 0 || chunks == 1);
        Operand { reading, fixed, flat, outer, axes }
    }

    /// The sizes and strides inside a tile.
    pub(crate) fn axes(&self) -> &[(usize, usize)] {
        &self.axes
    }
}

/// Drops axes of size 1 and joins neighbouring axes that every operand walks through in one go. At
/// least one axis is left.
fn collapse(shape: &[usize], strides: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut sizes: Vec<usize> = vec![];
    let mut joined: Vec<Vec<usize>> = vec![vec![]; strides.len()];
    for axis in (0..shape.len()).filter(|&axis| shape[axis] != 1) {
        let joins = !sizes.is_empty()
            && strides.iter().zip(&joined).all(|(s, j)| j[j.len() - 1] == s[axis] * shape[axis]);
        if joins {
            *sizes.last_mut().expect("there is an axis before") *= shape[axis];
        } else {
            sizes.push(shape[axis]);
        }
        for (s, j) in strides.iter().zip(&mut joined) {
            if joins {
                j.pop();
            }
            j.push(s[axis]);
        }
    }
    if sizes.is_empty() {
        sizes.push(1);
        joined.iter_mut().for_each(|j| j.push(1));
    }
    (sizes, joined)
}

/// The strides of an operand of shape `from` in a loop of shape `to`, by NumPy's rule.
pub(crate) fn broadcast_strides(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; to.len()];
    let mut stride = 1;
    let skipped = to.len() - from.len();
    for axis in (0..from.len()).rev() {
        if from[axis] != 1 {
            strides[skipped + axis] = stride;
        }
        stride *= from[axis];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(shape: &[usize], operands: &[&[usize]]) -> (Tiles, Vec<Operand>) {
        let strides: Vec<_> = operands.iter().map(|o| broadcast_strides(o, shape)).collect();
        Tiles::new(shape, &strides, 512, Cut::Anywhere)
    }

    /// The tiles of an operand, element by element, are the broadcast operand.
    fn check(shape: &[usize], operand: &[usize]) {
        let strides = broadcast_strides(operand, shape);
        let (tiles, operands) = geometry(shape, &[operand, shape]);
        let mut next = 0;
        for index in 0..tiles.count() {
            let tile = tiles.tile(index);
            assert_eq!(tile.start, next);
            next += tile.len;
            let start = tiles.offset(&operands[0], tile);
            for i in 0..tile.len {
                let mut rest = i;
                let mut place = start;
                for &(size, stride) in operands[0].axes().iter().rev() {
                    place += rest % size * stride;
                    rest /= size;
                }
                let mut rest = tile.start + i;
                let mut expected = 0;
                for axis in (0..shape.len()).rev() {
                    expected += rest % shape[axis] * strides[axis];
                    rest /= shape[axis];
                }
                assert_eq!(place, expected, "{shape:?} {operand:?} element {}", tile.start + i);
            }
        }
        assert_eq!(next, shape.iter().product::<usize>());
    }

    #[test]
    fn tiles_cover_every_element() {
        for (shape, operand) in [
            (&[][..], &[][..]),
            (&[1, 1], &[1]),
            (&[0, 3], &[3]),
            (&[7000], &[7000]),
            (&[7000], &[1]),
            (&[128, 512], &[512]),
            (&[128, 512], &[128, 1]),
            (&[128, 10], &[10]),
            (&[128, 10], &[128, 1]),
            (&[3, 700, 5], &[700, 1]),
            (&[3, 700, 5], &[3, 1, 5]),
            (&[2, 3, 4, 5], &[3, 1, 5]),
            (&[40, 1, 30, 2], &[40, 1, 1, 2]),
            (&[2, 1030], &[2, 1]),
        ] {
            check(shape, operand);
        }
    }

    #[test]
    fn readings() {
        let reading = |shape: &[usize], operand: &[usize]| {
            let (_, operands) = geometry(shape, &[operand, shape]);
            (operands[0].reading, operands[0].fixed)
        };
        assert_eq!(reading(&[128, 512], &[128, 512]), (Reading::Direct, false));
        assert_eq!(reading(&[128, 512], &[512]), (Reading::Direct, true));
        assert_eq!(reading(&[128, 2048], &[2048]), (Reading::Direct, false));
        assert_eq!(reading(&[128, 512], &[128, 1]), (Reading::Splat, false));
        assert_eq!(reading(&[128, 512], &[]), (Reading::Splat, true));
        assert_eq!(reading(&[128, 10], &[10]), (Reading::Fill, true));
        assert_eq!(reading(&[128, 10], &[128, 1]), (Reading::Fill, false));
    }
}
