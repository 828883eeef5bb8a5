//! Pixels by hand; what Keras and Pillow make of files is in `tests/image_files.rs`.
