//! The bytes of `.npz`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = cornu::data::read_npz(cornu_fuzz::file("array.npz", data));
});
