//! Offsets in the arena for values with known lifetimes: first fit among the gaps.

use super::ALIGNMENT;
use std::collections::BTreeMap;

/// Which parts of the arena are taken.
#[derive(Debug, Default)]
pub struct Arena {
    /// Offset to size of every taken block; blocks do not overlap.
    taken: BTreeMap<usize, usize>,
    size: usize,
    reuse: bool,
}

impl Arena {
    /// An empty arena. Without `reuse` no byte is given out twice.
    pub fn new(reuse: bool) -> Arena {
        Arena { reuse, ..Arena::default() }
    }

    /// Takes the first gap that is large enough.
    pub fn take(&mut self, bytes: usize) -> usize {
        let bytes = bytes.max(1).next_multiple_of(ALIGNMENT);
        let mut offset = if self.reuse { 0 } else { self.size };
        if self.reuse {
            for (&start, &length) in &self.taken {
                if start - offset >= bytes {
                    break;
                }
                offset = start + length;
            }
        }
        self.taken.insert(offset, bytes);
        self.size = self.size.max(offset + bytes);
        offset
    }

    /// Gives a block back.
    pub fn free(&mut self, offset: usize) {
        self.taken.remove(&offset);
    }

    /// The bytes that were ever taken at once.
    pub fn size(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_used_again() {
        let mut arena = Arena::new(true);
        let (a, b, c) = (arena.take(100), arena.take(64), arena.take(1));
        assert_eq!((a, b, c), (0, 128, 192));
        arena.free(a);
        assert_eq!(arena.take(65), 0);
        arena.free(b);
        assert_eq!(arena.take(200), 256);
        assert_eq!(arena.take(64), 128);
        assert_eq!(arena.size(), 512);
    }

    #[test]
    fn without_reuse_nothing_is_given_out_twice() {
        let mut arena = Arena::new(false);
        let a = arena.take(10);
        arena.free(a);
        assert_eq!(arena.take(10), 64);
    }
}
