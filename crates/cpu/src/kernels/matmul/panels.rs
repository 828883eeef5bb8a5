//! The columns of B and C cut into panels, each as wide as one micro-kernel.

use super::micro::{Family, families};
use crate::simd::Instructions;

/// Neighbouring columns that one micro-kernel computes.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    /// The first column, counted from the start of the range; a multiple of the lanes.
    pub start: usize,
    /// How many columns there are.
    pub width: usize,
    /// The family of kernels.
    pub family: &'static Family,
    lanes: usize,
}

impl Panel {
    /// The columns that the kernel computes: `width` rounded up to whole vectors.
    pub(crate) fn padded(&self) -> usize {
        self.family.vectors * self.lanes
    }

    /// How many lanes of the last vector belong to C.
    pub(crate) fn last(&self) -> usize {
        self.width - (self.family.vectors - 1) * self.lanes
    }

    /// Whether the panel ends in the middle of a vector.
    pub(crate) fn is_ragged(&self) -> bool {
        self.width < self.padded()
    }
}

/// Cuts `width` columns into panels, the widest first, for tiles up to `height` rows high.
#[derive(Clone)]
pub(crate) struct Panels {
    families: &'static [Family],
    lanes: usize,
    next: usize,
    width: usize,
}

impl Panels {
    pub(crate) fn new(instructions: Instructions, height: usize, width: usize) -> Panels {
        let families = families(instructions);
        let first = families.iter().position(|f| f.tallest() >= height).unwrap_or(0);
        Panels { families: &families[first..], lanes: instructions.lanes(), next: 0, width }
    }
}

impl Iterator for Panels {
    type Item = Panel;

    fn next(&mut self) -> Option<Panel> {
        let left = self.width - self.next;
        if left == 0 {
            return None;
        }
        let vectors = left.div_ceil(self.lanes);
        let family = self.families.iter().find(|f| f.vectors <= vectors)?;
        let width = left.min(family.vectors * self.lanes);
        let panel = Panel { start: self.next, width, family, lanes: self.lanes };
        self.next += width;
        Some(panel)
    }
}

/// Cuts `count` into as few parts as possible of at most `most`, as even as possible.
#[derive(Clone, Copy)]
pub(crate) struct Even {
    count: usize,
    parts: usize,
    part: usize,
}

impl Even {
    pub(crate) fn new(count: usize, most: usize) -> Even {
        Even { count, parts: count.div_ceil(most.max(1)), part: 0 }
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts
    }

    /// Where the `part`-th part starts, and its size.
    pub(crate) fn at(&self, part: usize) -> (usize, usize) {
        let start = part * self.count / self.parts;
        (start, (part + 1) * self.count / self.parts - start)
    }

    /// The size of the largest part.
    pub(crate) fn largest(&self) -> usize {
        self.count.div_ceil(self.parts.max(1))
    }
}

impl Iterator for Even {
    /// Where a part starts, and its size.
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        if self.part == self.parts {
            return None;
        }
        self.part += 1;
        Some(self.at(self.part - 1))
    }
}
