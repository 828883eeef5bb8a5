//! What the tests of files share.

use std::path::{Path, PathBuf};

/// Where the files lie that Keras and h5py wrote.
pub(super) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/h5")
}

pub(super) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

/// The bytes cut short or with a few of them changed, the same for the same seed.
pub(super) fn damage(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let mut damaged = bytes.to_vec();
    if below(8) == 0 {
        damaged.truncate(below(bytes.len()));
        return damaged;
    }
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        damaged[at] = match below(3) {
            0 => damaged[at] ^ 1 << below(8),
            1 => 0,
            _ => 255,
        };
    }
    damaged
}
