//! Numbers as files hold them: read in either byte order, and never more than the file can give.

use cornu_graph::{Array, Error, Result, Shape, Values};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// More dimensions than this are a damaged or hostile header.
const MAX_RANK: usize = 32;

/// What compressed data may always inflate to, in bytes.
const MAX_INFLATED: u64 = 1 << 30;

/// How many times its own size compressed data may inflate to, beyond [`MAX_INFLATED`].
const MAX_RATIO: u64 = 100;

/// The type of a number in a file, in either byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Number {
    /// Bytes a number takes.
    pub(crate) fn size(self) -> usize {
        match self {
            Number::Bool | Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }
}

/// How many bytes of values a file can give, known before any is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// The bytes that are there, compressed or not: memory for as many is safe to reserve.
    there: u64,
    /// The most that they may become.
    most: u64,
    compressed: bool,
}

impl Room {
    /// Values that lie in the file as they are.
    pub(crate) fn plain(bytes: u64) -> Room {
        Room { there: bytes, most: bytes, compressed: false }
    }

    /// Values that are compressed to this many bytes.
    pub(crate) fn deflated(bytes: u64) -> Room {
        Room { there: bytes, most: Room::inflated(bytes), compressed: true }
    }

    /// The most that compressed data may become.
    pub(crate) fn inflated(bytes: u64) -> u64 {
        bytes.saturating_mul(MAX_RATIO).max(MAX_INFLATED)
    }

    /// The same room, but never for more than `most` bytes.
    pub(crate) fn at_most(self, most: u64) -> Room {
        Room { there: self.there.min(most), most: self.most.min(most), ..self }
    }

    /// What is left after a header of this many bytes.
    pub(crate) fn after(self, header: u64) -> Room {
        // A header may have been compressed to a few bytes.
        if self.compressed { self } else { Room::plain(self.there.saturating_sub(header)) }
    }

    fn check(self, bytes: u64) -> Result<()> {
        // No deflated byte becomes more than 1032.
        if self.compressed && bytes > self.there.saturating_mul(1032).saturating_add(1032) {
            return Err(Error::file(format!(
                "cut short: expected {bytes} bytes of values, but the compressed data has only {} \
                 bytes",
                self.there
            )));
        }
        match (bytes > self.most, self.compressed) {
            (false, _) => Ok(()),
            (true, false) => Err(cut(bytes, self.most)),
            (true, true) => Err(Error::file(format!(
                "the values would inflate to {bytes} bytes, which is more than the limit of {}",
                self.most
            ))
            .help("decompress the file with a tool of your own, or save it uncompressed")),
        }
    }
}

/// An error about values that end too early.
fn cut(expected: u64, found: u64) -> Error {
    Error::file(format!("cut short: expected {expected} bytes of values, found {found}"))
}

/// Opens a file and tells its size in bytes.
pub(crate) fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    let file = File::open(path).map_err(broken)?;
    let metadata = file.metadata().map_err(broken)?;
    if metadata.is_dir() {
        return Err(Error::file("this is a folder, not a file"));
    }
    Ok((BufReader::with_capacity(1 << 16, file), metadata.len()))
}

/// An error for a file that cannot be read.
pub(crate) fn broken(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::file("cut short: the compressed data ends early"),
        io::ErrorKind::NotFound => Error::file("there is no such file"),
        _ => Error::file(format!("cannot be read: {error}")),
    }
}

/// Reads a header of a known size.
pub(crate) fn read_header(reader: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    let found = fill(reader, bytes)?;
    if found == bytes.len() {
        return Ok(());
    }
    Err(Error::file(format!("cut short: expected {} bytes of header, found {found}", bytes.len())))
}

/// Reads until the buffer is full or the data ends, and tells how much was read.
pub(crate) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(error)),
        }
    }
    Ok(filled)
}

/// Checks that nothing is left to read. This also makes a decompressor check its checksum.
pub(crate) fn expect_end(reader: &mut impl Read) -> Result<()> {
    const COUNTED: u64 = 1 << 20;
    let extra = io::copy(&mut reader.take(COUNTED), &mut io::sink()).map_err(broken)?;
    match extra {
        0 => Ok(()),
        COUNTED => Err(Error::file(format!("{COUNTED} or more bytes follow the values"))),
        _ => Err(Error::file(format!("{extra} bytes follow the values, expected none"))),
    }
}

/// How many values an array of this shape has.
///
/// # Errors
/// If no memory can hold it, even where a size of 0 empties it: products of a part of the sizes
/// must not overflow either.
pub(crate) fn count(shape: &[usize]) -> Result<usize> {
    if shape.len() > MAX_RANK {
        let rank = shape.len();
        return Err(Error::file(format!(
            "the header claims {rank} dimensions, more than the {MAX_RANK} that are possible"
        )));
    }
    let product = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)));
    if product.is_none_or(|n| n > isize::MAX as usize / 8) {
        return Err(Error::file(format!(
            "the header claims the shape {}, which no memory can hold",
            Shape::from(shape)
        )));
    }
    Ok(shape.iter().product())
}

/// Reads the values of an array. Types that Cornu lacks become the nearest that it has: wider
/// integers `int32`, if they fit, and doubles `float32`, rounded.
///
/// # Errors
/// If they end early, are more than the room allows, or an integer does not fit.
pub(crate) fn read_array(
    reader: &mut impl Read,
    number: Number,
    big_endian: bool,
    shape: Vec<usize>,
    room: Room,
) -> Result<Array> {
    let count = count(&shape)?;
    room.check(count as u64 * number.size() as u64)?;
    let reserve = usize::try_from(room.there).unwrap_or(usize::MAX) / number.size();
    let numbers = Numbers { reader, big_endian, count, reserve: reserve.min(count) };
    let values = match number {
        Number::Bool => Values::Bool(numbers.read(|[byte]: [u8; 1]| Ok(byte != 0))?),
        Number::U8 => Values::U8(numbers.read(|[byte]| Ok(byte))?),
        Number::I8 => Values::I32(numbers.read(|b| Ok(i8::from_le_bytes(b).into()))?),
        Number::U16 => Values::I32(numbers.read(|b| Ok(u16::from_le_bytes(b).into()))?),
        Number::I16 => Values::I32(numbers.read(|b| Ok(i16::from_le_bytes(b).into()))?),
        Number::U32 => Values::I32(numbers.read(|b| int32(u32::from_le_bytes(b)))?),
        Number::I32 => Values::I32(numbers.read(|b| Ok(i32::from_le_bytes(b)))?),
        Number::U64 => Values::I32(numbers.read(|b| int32(u64::from_le_bytes(b)))?),
        Number::I64 => Values::I32(numbers.read(|b| int32(i64::from_le_bytes(b)))?),
        Number::F32 => Values::F32(numbers.read(|b| Ok(f32::from_le_bytes(b)))?),
        Number::F64 => Values::F32(numbers.read(|b| Ok(f64::from_le_bytes(b) as f32))?),
    };
    Array::from_values(shape, values)
}

/// A 32-bit integer, if the number is one.
fn int32<T: TryInto<i32> + Copy + ToString>(number: T) -> Result<i32> {
    number.try_into().map_err(|_| Error::file(format!("{} does not fit int32", number.to_string())))
}

/// Numbers that are about to be read.
struct Numbers<'a, R> {
    reader: &'a mut R,
    big_endian: bool,
    count: usize,
    /// For how many of them memory is set aside at once.
    reserve: usize,
}

impl<R: Read> Numbers<'_, R> {
    /// Reads all of them, a piece at a time. `convert` gets little-endian bytes.
    fn read<T, const N: usize>(self, convert: impl Fn([u8; N]) -> Result<T>) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(self.reserve);
        let mut buffer = [0u8; 1 << 14];
        while values.len() < self.count {
            let wanted = (self.count - values.len()).min(buffer.len() / N);
            let piece = &mut buffer[..wanted * N];
            let found = fill(self.reader, piece)?;
            if found < piece.len() {
                let before = values.len() * N;
                return Err(cut((self.count * N) as u64, (before + found) as u64));
            }
            for bytes in piece.as_chunks_mut::<N>().0 {
                if self.big_endian {
                    bytes.reverse();
                }
                let value = convert(*bytes);
                values.push(value.map_err(|e| e.within(format!("value {}", values.len())))?);
            }
        }
        Ok(values)
    }
}

/// What a file seems to be, from its first bytes, for an error about a wrong one.
pub(crate) fn describe(start: &[u8]) -> String {
    let known: [(&[u8], &str); 8] = [
        (b"\x1f\x8b", "gzip data"),
        (b"PK\x03\x04", "a zip archive, such as .npz or .keras"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x93NUMPY", "a NumPy .npy file"),
        (b"\x89HDF", "an HDF5 file, such as .h5"),
        (b"\x89PNG", "a PNG image"),
        (b"<", "text, perhaps a web page"),
        (b"\x80\x04", "a Python pickle"),
    ];
    if start.is_empty() {
        return "an empty file".into();
    }
    let hex: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    match known.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, what)) => format!("{} ({what})", hex.join(" ")),
        None => hex.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_the_bytes_can_give() {
        let plain = Room::plain(100).after(10);
        assert!(plain.check(90).is_ok());
        assert!(plain.check(91).unwrap_err().message().contains("expected 91 bytes"));
        // A small file may inflate as far as deflate can, a large one to a hundred times its size.
        assert!(Room::deflated(1000).after(128).check(1_000_000).is_ok());
        assert!(Room::deflated(1000).check(1 << 21).unwrap_err().message().contains("cut short"));
        assert!(Room::deflated(1 << 30).check(100 << 30).is_ok());
        let error = Room::deflated(1 << 30).check((100 << 30) + 1).unwrap_err();
        assert!(error.message().contains("would inflate to"));
        // What the members of an archive share is never exceeded.
        assert!(Room::deflated(1 << 20).at_most(99).check(100).is_err());
        assert!(Room::plain(1 << 20).at_most(99).check(100).is_err());
    }
}
