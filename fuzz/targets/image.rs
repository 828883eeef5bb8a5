//! The bytes of a picture, PNG or JPEG.
#![no_main]

use cornu::data::ImageReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = cornu_fuzz::file("image", data);
    let _ = ImageReader::new().target_size(28, 28).load(&path);
});
