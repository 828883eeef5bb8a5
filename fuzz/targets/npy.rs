//! The bytes of `.npy`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = cornu::data::read_npy(cornu_fuzz::file("array.npy", data));
});
