//! The NumPy array format: a header that is a Python literal, then the values.
//!
//! The crates for it bring a whole parser of Python literals (pest) and arrays of their own; the
//! header is one dictionary with three known keys, which this file reads in a hundred lines.

use super::raw::{self, Number, Room};
use cornu_graph::{Array, DType, Element, Error, Result, with_values};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use std::io::Read;

/// How every .npy file begins.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// A longer header is damaged or hostile: that of a plain array has 128 bytes.
const MAX_HEADER: usize = 1 << 16;

/// What the header says.
#[derive(Debug, PartialEq)]
struct Header {
    number: Number,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads an array, from the first byte of its header to the end of the data.
pub(super) fn read(reader: &mut impl Read, room: Room) -> Result<Array> {
    let (header, length) = read_header(reader)?;
    let (number, big_endian) = (header.number, header.big_endian);
    let array = raw::read_array(reader, number, big_endian, header.shape, room.after(length))?;
    raw::expect_end(reader)?;
    if header.fortran { from_fortran(array) } else { Ok(array) }
}

/// Reads the header, and tells its length in bytes.
fn read_header(reader: &mut impl Read) -> Result<(Header, u64)> {
    let mut start = [0; 8];
    let found = raw::fill(reader, &mut start)?;
    if found < 8 && MAGIC.starts_with(&start[..found.min(6)]) && found > 0 {
        return Err(Error::file(format!("cut short: expected 8 bytes of header, found {found}")));
    }
    if !start[..found].starts_with(MAGIC) {
        return Err(Error::file(format!(
            "not a NumPy array: expected it to begin with 93 4e 55 4d 50 59, found {}",
            raw::describe(&start[..found])
        )));
    }
    let mut length = [0; 4];
    let length_bytes = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => {
            return Err(Error::file(format!(
                "version {version} of the NumPy format is not known, expected 1, 2 or 3"
            )));
        }
    };
    raw::read_header(reader, &mut length[..length_bytes])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(Error::file(format!(
            "the header claims {length} bytes, more than the limit of {MAX_HEADER}"
        )));
    }
    let mut text = vec![0; length];
    raw::read_header(reader, &mut text)?;
    let header = Literal { rest: &String::from_utf8_lossy(&text) }.header()?;
    Ok((header, (8 + length_bytes + length) as u64))
}

/// The array that was stored column by column, row by row.
fn from_fortran(array: Array) -> Result<Array> {
    fn transpose<T: Element>(values: &[T], shape: &[usize]) -> Result<Array> {
        let values = ArrayD::from_shape_vec(IxDyn(shape).f(), values.to_vec())
            .map_err(|e| Error::file(e.to_string()))?;
        Array::new(shape, values.iter().copied().collect())
    }
    if array.shape().len() < 2 {
        return Ok(array);
    }
    with_values!(array.values(), values => transpose(values, array.shape()))
}

/// The header of an array, to be followed by its values, little-endian and row by row.
pub(super) fn header(array: &Array) -> Vec<u8> {
    let descr = match array.dtype() {
        DType::F32 => "<f4",
        DType::I32 => "<i4",
        DType::U8 => "|u1",
        DType::Bool => "|b1",
    };
    let shape = match array.shape() {
        [size] => format!("{size},"),
        sizes => sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // NumPy's own padding: values begin at a multiple of 64, the header ends with a line feed.
    let total = (10 + text.len() + 1).next_multiple_of(64);
    let length = u16::try_from(total - 10).expect("a header has less than 64 KiB");
    let mut bytes = [MAGIC.as_slice(), &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat();
    bytes.resize(total - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// The part of a Python literal that is still to be read.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`
    fn header(mut self) -> Result<Header> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.accept('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran = Some(self.boolean()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return Err(Error::file(format!("the header has an unknown key '{key}'"))),
            }
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        if !self.rest.trim().is_empty() {
            return Err(self.unexpected("the end of the header"));
        }
        let ((number, big_endian), fortran, shape) =
            descr.zip(fortran).zip(shape).map(|((d, f), s)| (d, f, s)).ok_or_else(|| {
                Error::file("the header lacks 'descr', 'fortran_order' or 'shape'")
            })?;
        Ok(Header { number, big_endian, fortran, shape })
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found: String = self.rest.trim_start().chars().take(16).collect();
        Error::file(format!("the header is damaged: expected {expected}, found {found:?}"))
    }

    fn accept(&mut self, token: char) -> bool {
        let stripped = self.rest.trim_start().strip_prefix(token);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    fn expect(&mut self, token: char) -> Result<()> {
        if self.accept(token) { Ok(()) } else { Err(self.unexpected(&format!("'{token}'"))) }
    }

    fn string(&mut self) -> Result<&'a str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let text = quote.and_then(|quote| rest[1..].split_once(quote));
        let (text, rest) = text.ok_or_else(|| self.unexpected("a string"))?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.trim_start().strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    /// `(3, 4)`, `(3,)` or `()`. Python 2 wrote `(3L, 4L)`.
    fn tuple(&mut self) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            let rest = self.rest.trim_start();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let size = rest[..digits].parse();
            sizes.push(size.map_err(|_| self.unexpected("the size of a dimension"))?);
            self.rest = &rest[digits..];
            self.accept('L');
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(sizes)
    }

    /// The type of the values, and whether they are big-endian.
    fn descr(&mut self) -> Result<(Number, bool)> {
        if self.rest.trim_start().starts_with('[') {
            return Err(Error::file("it is an array of records, which Cornu does not read")
                .help("save its fields as arrays of their own"));
        }
        let descr = self.string()?;
        let order = descr.chars().next().filter(|c| matches!(c, '<' | '>' | '|' | '='));
        let number = match &descr[order.map_or(0, char::len_utf8)..] {
            "b1" | "?" => Number::Bool,
            "u1" => Number::U8,
            "i1" => Number::I8,
            "u2" => Number::U16,
            "i2" => Number::I16,
            "u4" => Number::U32,
            "i4" => Number::I32,
            "u8" => Number::U64,
            "i8" => Number::I64,
            "f4" => Number::F32,
            "f8" => Number::F64,
            other => return Err(unsupported(descr, other)),
        };
        let big_endian = match order {
            Some('>') => true,
            Some('<') => false,
            _ => cfg!(target_endian = "big"),
        };
        Ok((number, big_endian))
    }
}

fn unsupported(descr: &str, kind: &str) -> Error {
    if kind.starts_with('O') {
        return Error::file("it is an array of Python objects (a pickle), which only Python reads")
            .help("save numbers: numpy.save(path, array.astype('float32'))");
    }
    Error::file(format!("its values are of the type '{descr}', which Cornu does not read"))
        .help("convert them before saving: array.astype('float32')")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header> {
        Literal { rest: text }.header()
    }

    #[test]
    fn headers_in_every_dress() {
        let expected =
            Header { number: Number::I32, big_endian: true, fortran: true, shape: vec![3, 4] };
        for text in [
            "{'descr': '>i4', 'fortran_order': True, 'shape': (3, 4), }   \n",
            "{\"shape\":(3L,4L,),\"fortran_order\":True,\"descr\":\">i4\"}",
            " { 'fortran_order' : True , 'descr' : '>i4' , 'shape' : ( 3 , 4 ) } ",
        ] {
            assert_eq!(parse(text).unwrap(), expected);
        }
        assert_eq!(
            parse("{'descr':'|b1','fortran_order':False,'shape':()}").unwrap().shape,
            [0usize; 0]
        );
    }

    #[test]
    fn damaged_headers_say_where() {
        for (text, expected) in [
            ("", "expected '{', found \"\""),
            ("{'descr': 3}", "expected a string, found \"3}\""),
            ("{'descr': '<f4'}", "lacks"),
            ("{'descr': '<f4', 'x': 1}", "unknown key 'x'"),
            ("{'shape': (3, -1)}", "expected the size of a dimension, found \"-1)}\""),
            ("{'shape': (99999999999999999999999,)}", "the size of a dimension"),
            ("{'shape': (3 4)}", "expected ')'"),
            ("{'fortran_order': 1}", "expected True or False"),
            ("{'descr': [('a', '<i4')]}", "array of records"),
            ("{'descr': '|O'}", "Python objects (a pickle)"),
            ("{'descr': '<c8'}", "the type '<c8'"),
            ("{'descr': 'é'}", "the type 'é'"),
            ("{'descr': ''}", "the type ''"),
            ("{} x", "end of the header"),
            ("é", "expected '{'"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn written_headers_are_numpys_own() {
        for (shape, text) in [(vec![], "()"), (vec![3], "(3,)"), (vec![3, 1, 2], "(3, 1, 2)")] {
            let bytes = header(&Array::zeros(shape.clone(), DType::F32));
            assert_eq!(bytes.len() % 64, 0);
            let written = std::str::from_utf8(&bytes[10..]).unwrap();
            let expected = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}");
            assert_eq!(written.trim_end(), expected);
            assert_eq!(parse(written).unwrap().shape, shape);
        }
    }
}
