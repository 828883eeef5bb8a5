//! The types of numbers that HDF5 files of Keras hold, and what they become here.

use super::unsupported;
use crate::data::raw::{self, Number, Room};
use cornu_graph::{Array, Error, Result};
use hdf5_pure::{
    Dataset, Datatype, DatatypeByteOrder, EnumMember, FixedPointLayout, FloatingPointLayout,
};

/// A type of numbers in a file.
pub(super) struct Kind {
    /// NumPy's name.
    pub name: &'static str,
    format: Format,
    big_endian: bool,
}

enum Format {
    Number(Number),
    /// Half a `float32`: the sizes of exponent and mantissa.
    F16,
    Bf16,
}

impl Kind {
    /// The type of a dataset's values. `broken` makes errors of the parser's.
    ///
    /// # Errors
    /// If they are not numbers, or of a type that Cornu has nothing near to.
    pub fn of(dataset: &Dataset, broken: &dyn Fn(hdf5_pure::Error) -> Error) -> Result<Kind> {
        let datatype = dataset.datatype().map_err(broken)?;
        let kind = match &datatype {
            // NumPy has no bfloat16 of its own: Keras stores the bytes, and says what they are.
            Datatype::Opaque { .. } => {
                let attributes = dataset.attrs().map_err(broken)?;
                let name = attributes.get("dtype").and_then(|dtype| dtype.as_str());
                if name != Some("bfloat16") || datatype.type_size() != 2 {
                    return Err(unsupported(format!(
                        "it holds {}, a type that Cornu lacks",
                        crate::names::short(name.unwrap_or("bytes without a type"))
                    )));
                }
                Some(Kind { name: "bfloat16", format: Format::Bf16, big_endian: false })
            }
            datatype => kind(datatype),
        };
        kind.ok_or_else(|| {
            let what = match datatype {
                Datatype::String { .. } | Datatype::VariableLength { .. } => "texts",
                Datatype::Compound { .. } => "records",
                Datatype::Reference { .. } => "references",
                _ => "numbers of a kind that Cornu lacks",
            };
            unsupported(format!("it holds {what}, not integers or floats of the usual sizes"))
        })
    }

    /// Bytes a value takes.
    pub fn size(&self) -> u64 {
        match self.format {
            Format::Number(number) => number.size() as u64,
            Format::F16 | Format::Bf16 => 2,
        }
    }

    /// The values as an array.
    pub fn array(&self, bytes: &[u8], shape: Vec<usize>) -> Result<Array> {
        let convert = match self.format {
            Format::Number(number) => {
                let room = Room::plain(bytes.len() as u64);
                return raw::read_array(&mut &*bytes, number, self.big_endian, shape, room);
            }
            Format::F16 => float16,
            Format::Bf16 => |bits| f32::from_bits(u32::from(bits) << 16),
        };
        let bits = bytes.as_chunks().0.iter().map(|&bytes| match self.big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        });
        Array::new(shape, bits.map(convert).collect::<Vec<f32>>())
    }
}

fn kind(datatype: &Datatype) -> Option<Kind> {
    let (name, format, order) = match datatype {
        Datatype::FixedPoint { size, byte_order, layout } => {
            let (name, number) = integer(*size, *layout)?;
            (name, Format::Number(number), byte_order)
        }
        Datatype::FloatingPoint { size, byte_order, layout } => {
            let (name, format) = float(*size, layout)?;
            (name, format, byte_order)
        }
        Datatype::Enumeration { size: 1, members, .. } if is_bool(members) => {
            ("bool", Format::Number(Number::Bool), &DatatypeByteOrder::LittleEndian)
        }
        _ => return None,
    };
    let big_endian = match order {
        DatatypeByteOrder::LittleEndian => false,
        DatatypeByteOrder::BigEndian => true,
        DatatypeByteOrder::Vax => return None,
    };
    Some(Kind { name, format, big_endian })
}

fn integer(size: u32, layout: FixedPointLayout) -> Option<(&'static str, Number)> {
    // All bits are the number.
    if layout.bit_offset != 0 || u32::from(layout.bit_precision) != size.checked_mul(8)? {
        return None;
    }
    Some(match (size, layout.signed) {
        (1, true) => ("int8", Number::I8),
        (1, false) => ("uint8", Number::U8),
        (2, true) => ("int16", Number::I16),
        (2, false) => ("uint16", Number::U16),
        (4, true) => ("int32", Number::I32),
        (4, false) => ("uint32", Number::U32),
        (8, true) => ("int64", Number::I64),
        (8, false) => ("uint64", Number::U64),
        _ => return None,
    })
}

fn float(size: u32, layout: &FloatingPointLayout) -> Option<(&'static str, Format)> {
    if layout.bit_offset != 0 || u32::from(layout.bit_precision) != size.checked_mul(8)? {
        return None;
    }
    if layout.mantissa_location != 0 || layout.exponent_location != layout.mantissa_size {
        return None;
    }
    Some(match (size, layout.exponent_size, layout.mantissa_size, layout.exponent_bias) {
        (2, 5, 10, 15) => ("float16", Format::F16),
        (2, 8, 7, 127) => ("bfloat16", Format::Bf16),
        (4, 8, 23, 127) => ("float32", Format::Number(Number::F32)),
        (8, 11, 52, 1023) => ("float64", Format::Number(Number::F64)),
        _ => return None,
    })
}

/// h5py's `bool`: a number that is named.
fn is_bool(members: &[EnumMember]) -> bool {
    let value = |name| members.iter().find(|m| m.name == name).map(|m| m.value.as_slice());
    members.len() == 2 && (value("FALSE"), value("TRUE")) == (Some(&[0]), Some(&[1]))
}

/// The value of a `float16`: a sign, 5 bits of exponent and 10 of mantissa.
fn float16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, mantissa) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa as f32 / 16_777_216.0, // 2^24: the last bit is worth 2^-24
        31 => f32::from_bits(0x7f80_0000 | mantissa << 13),
        _ => f32::from_bits((exponent + 127 - 15) << 23 | mantissa << 13),
    };
    f32::from_bits(magnitude.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::float16;

    #[test]
    fn halves_are_what_ieee_says() {
        let cases = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2f32.powi(-14)),
            (0x0001, 2f32.powi(-24)),
            (0x83ff, -1023.0 * 2f32.powi(-24)),
            (0x3555, 0.333_251_95),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(float16(bits), value, "{bits:#06x}");
        }
        assert!(float16(0x7e00).is_nan());
        assert_eq!(float16(0x8000).to_bits(), (-0.0f32).to_bits());
    }
}
