//! The bytes of an IDX file, also compressed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = cornu::data::parse_idx(data);
    let _ = cornu::data::read_idx(cornu_fuzz::file("array.idx", data));
});
