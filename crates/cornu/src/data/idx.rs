//! IDX, the format of MNIST and its relatives: a type, sizes and values, all big-endian.

use super::raw::{self, Number, Room};
use cornu_graph::{Array, Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, Read};
use std::path::Path;

/// Reads an IDX file, such as `train-images-idx3-ubyte`, plain or compressed with gzip. Which of
/// the two it is, the content says and not the name.
///
/// Bytes become `uint8`, the other integers `int32`, floats and doubles `float32`.
///
/// # Errors
/// If the file cannot be read, is no IDX file, is cut short, or goes on after its values.
///
/// ```no_run
/// let images = cornu::data::read_idx("train-images-idx3-ubyte.gz")?;
/// assert_eq!(images.shape(), [60_000, 28, 28]);
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn read_idx(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    raw::open(path)
        .and_then(|(reader, len)| parse(reader, len))
        .map_err(|e| e.within(path.display().to_string()))
}

/// Reads an IDX file that is in memory, as [`read_idx`] does.
///
/// # Errors
/// If it is no IDX file, is cut short, or goes on after its values.
///
/// ```
/// let labels = [0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1];
/// assert_eq!(cornu::data::parse_idx(&labels)?.as_slice::<u8>()?, [7, 2, 1]);
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn parse_idx(bytes: &[u8]) -> Result<Array> {
    parse(bytes, bytes.len() as u64)
}

fn parse(mut reader: impl BufRead, len: u64) -> Result<Array> {
    if reader.fill_buf().map_err(raw::broken)?.starts_with(&[0x1f, 0x8b]) {
        read(MultiGzDecoder::new(reader), Room::deflated(len))
    } else {
        read(reader, Room::plain(len))
    }
}

fn read(mut reader: impl Read, room: Room) -> Result<Array> {
    let mut magic = [0; 4];
    let found = raw::fill(&mut reader, &mut magic)?;
    let number = number(&magic[..found])?;
    let mut shape = Vec::new();
    for _ in 0..magic[3] {
        let mut size = [0; 4];
        raw::read_header(&mut reader, &mut size)?;
        let size = usize::try_from(u32::from_be_bytes(size));
        shape.push(size.map_err(|_| Error::file("the header claims a size beyond 64 KiB"))?);
    }
    let room = room.after(4 + 4 * u64::from(magic[3]));
    let array = raw::read_array(&mut reader, number, true, shape, room)?;
    raw::expect_end(&mut reader)?;
    Ok(array)
}

/// The type of the values: the third byte of the file.
fn number(magic: &[u8]) -> Result<Number> {
    match magic {
        [0, 0, 0x08, _] => Ok(Number::U8),
        [0, 0, 0x09, _] => Ok(Number::I8),
        [0, 0, 0x0b, _] => Ok(Number::I16),
        [0, 0, 0x0c, _] => Ok(Number::I32),
        [0, 0, 0x0d, _] => Ok(Number::F32),
        [0, 0, 0x0e, _] => Ok(Number::F64),
        [0, ..] | [] if magic.len() < 4 => {
            let found = magic.len();
            Err(Error::file(format!("cut short: expected 4 bytes of IDX header, found {found}")))
        }
        _ => Err(Error::file(format!(
            "not an IDX file: expected it to begin with 00 00, then 08, 09, 0b, 0c, 0d or 0e, \
             found {}",
            raw::describe(magic)
        ))),
    }
}
