//! MNIST inside the crate: 60,000 training and 10,000 test images of handwritten digits, with
//! their labels. Nothing is downloaded; [`train()`] and [`test()`] decode what the crate carries.
//!
//! ```
//! # fn main() -> Result<(), cornu_mnist::DecodeError> {
//! let test = cornu_mnist::test()?;
//! assert_eq!(test.len(), 10_000);
//! assert_eq!(test.labels[0], 7);
//!
//! for row in test.image(0).chunks(cornu_mnist::COLUMNS) {
//!     let line: String = row.iter().map(|&ink| if ink > 127 { '#' } else { '.' }).collect();
//!     println!("{line}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The images are bytes, 0 (paper) to 255 (ink), in the order and with the values in which the
//! authors of MNIST published them. The script that makes the compressed files is
//! `xtask/mnist/compress.py` in the repository; README.md tells the origin and terms of the data.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::thread;

use brotli_decompressor::Decompressor;

/// Rows of an image.
pub const ROWS: usize = 28;
/// Columns of an image.
pub const COLUMNS: usize = 28;
/// Classes of the labels: the digits 0 to 9.
pub const CLASSES: usize = 10;

/// Bytes of an image.
const PIXELS: usize = ROWS * COLUMNS;

/// Two parts, so that two threads can decode them.
const TRAIN: [Part; 2] = [
    Part {
        name: "train-0.br",
        brotli: include_bytes!("../data/train-0.br"),
        count: 30_000,
        crc32: 0xf2df_d131,
    },
    Part {
        name: "train-1.br",
        brotli: include_bytes!("../data/train-1.br"),
        count: 30_000,
        crc32: 0x2364_0fa4,
    },
];

const TEST: [Part; 1] = [Part {
    name: "test.br",
    brotli: include_bytes!("../data/test.br"),
    count: 10_000,
    crc32: 0x190e_897b,
}];

/// Images and their labels.
#[derive(Clone, PartialEq, Eq)]
pub struct Split {
    /// The pixels, image after image, each [`ROWS`] x [`COLUMNS`] row by row: 0 is paper, 255 ink.
    pub images: Vec<u8>,
    /// One digit, 0 to 9, for each image.
    pub labels: Vec<u8>,
}

impl Split {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of one image, row by row.
    ///
    /// # Panics
    ///
    /// When there are not that many images.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * PIXELS..][..PIXELS]
    }
}

/// Tells the number of images; the millions of pixels stay unprinted.
impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The 60,000 training images and labels, decoded anew at each call.
///
/// # Errors
///
/// When the compressed data inside the program is damaged.
pub fn train() -> Result<Split, DecodeError> {
    decode(&TRAIN)
}

/// The 10,000 test images and labels, decoded anew at each call.
///
/// # Errors
///
/// When the compressed data inside the program is damaged.
pub fn test() -> Result<Split, DecodeError> {
    decode(&TEST)
}

/// The compressed data inside the program is damaged: it did not decode, or not to the bytes that
/// were compressed.
#[derive(Debug)]
pub struct DecodeError {
    part: &'static str,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Brotli(io::Error),
    Checksum { expected: u32, found: u32 },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part;
        write!(f, "the MNIST data inside the program ({part}) is damaged: ")?;
        match &self.fault {
            Fault::Brotli(_) => write!(f, "it is not a whole brotli stream"),
            Fault::Checksum { expected, found } => {
                write!(f, "its CRC-32 is {found:08x} instead of {expected:08x}")
            }
        }
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Brotli(error) => Some(error),
            Fault::Checksum { .. } => None,
        }
    }
}

/// A brotli stream of the pixels of `count` images, then their labels.
#[derive(Clone, Copy)]
struct Part {
    name: &'static str,
    brotli: &'static [u8],
    count: usize,
    /// Of the decoded bytes: brotli has no checksum of its own.
    crc32: u32,
}

impl Part {
    /// Decodes into slices of exactly the right length.
    fn decode(&self, images: &mut [u8], labels: &mut [u8]) -> Result<(), DecodeError> {
        let error = |fault| DecodeError { part: self.name, fault };
        let mut stream = Decompressor::new(self.brotli, 1 << 16);
        stream.read_exact(images).map_err(|e| error(Fault::Brotli(e)))?;
        stream.read_exact(labels).map_err(|e| error(Fault::Brotli(e)))?;

        let mut hasher = crc32fast::Hasher::new();
        hasher.update(images);
        hasher.update(labels);
        let (expected, found) = (self.crc32, hasher.finalize());
        if found == expected { Ok(()) } else { Err(error(Fault::Checksum { expected, found })) }
    }
}

/// Decodes all parts, each in a thread of its own where the machine has several.
fn decode(parts: &[Part]) -> Result<Split, DecodeError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    decode_with(parts, parts.len() > 1 && threads > 1)
}

fn decode_with(parts: &[Part], parallel: bool) -> Result<Split, DecodeError> {
    let count = parts.iter().map(|part| part.count).sum();
    let mut split = Split { images: vec![0; count * PIXELS], labels: vec![0; count] };

    let (mut images, mut labels) = (&mut split.images[..], &mut split.labels[..]);
    let jobs = parts.iter().map(|part| {
        let own_images = images.split_off_mut(..part.count * PIXELS).expect("sized above");
        let own_labels = labels.split_off_mut(..part.count).expect("sized above");
        move || part.decode(own_images, own_labels)
    });
    if parallel {
        thread::scope(|scope| {
            let running: Vec<_> = jobs.map(|job| scope.spawn(job)).collect();
            running.into_iter().try_for_each(|t| t.join().unwrap_or_else(|p| resume_unwind(p)))
        })?;
    } else {
        jobs.into_iter().try_for_each(|mut job| job())?;
    }
    Ok(split)
}

/// Runs the example of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use super::*;

    /// The MD5 of an uncompressed IDX file: big-endian numbers, then bytes.
    fn idx_md5(header: &[u32], bytes: &[u8]) -> String {
        let mut hasher = Md5::new();
        header.iter().for_each(|number| hasher.update(number.to_be_bytes()));
        hasher.update(bytes);
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn train_is_the_published_files() {
        let train = train().unwrap();
        assert_eq!(train.len(), 60_000);
        assert_eq!(
            idx_md5(&[0x803, 60_000, 28, 28], &train.images),
            "6bbc9ace898e44ae57da46a324031adb"
        );
        assert_eq!(idx_md5(&[0x801, 60_000], &train.labels), "a25bea736e30d166cdddb491f175f624");
    }

    #[test]
    fn test_is_the_published_files() {
        let test = test().unwrap();
        assert_eq!(test.len(), 10_000);
        assert_eq!(
            idx_md5(&[0x803, 10_000, 28, 28], &test.images),
            "2646ac647ad5339dbf082846283269ea"
        );
        assert_eq!(idx_md5(&[0x801, 10_000], &test.labels), "27ae3e4e09519cfbb04c329615203637");
    }

    #[test]
    fn threads_do_not_matter() {
        let (one, two) = (decode_with(&TRAIN, false), decode_with(&TRAIN, true));
        assert!(one.unwrap() == two.unwrap());
    }

    #[test]
    fn image_takes_the_right_pixels() {
        let images = [vec![1; PIXELS], vec![2; PIXELS]].concat();
        let split = Split { images, labels: vec![3, 4] };
        assert!(!split.is_empty());
        assert_eq!(split.image(1), [2; PIXELS]);
        assert_eq!(format!("{split:?}"), "Split { len: 2, .. }");
    }

    #[test]
    fn damage_is_an_error() {
        let cut = Part { brotli: &TEST[0].brotli[..1000], ..TEST[0] };
        let error = decode(&[cut]).unwrap_err();
        assert!(matches!(error.fault, Fault::Brotli(_)), "{error}");
        assert!(error.source().is_some());

        let other = Part { crc32: 0, ..TEST[0] };
        let error = decode_with(&[other, other], true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the MNIST data inside the program (test.br) is damaged: \
             its CRC-32 is 190e897b instead of 00000000"
        );

        // Whatever is flipped is noticed, be it by brotli or by the checksum.
        for at in [0, 5, 100_000, 700_000, TEST[0].brotli.len() - 1] {
            let mut brotli = TEST[0].brotli.to_vec();
            brotli[at] ^= 0x10;
            let flipped = Part { brotli: brotli.leak(), ..TEST[0] };
            assert!(decode(&[flipped]).is_err(), "byte {at}");
        }
    }
}
