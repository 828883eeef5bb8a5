//! Writing: contiguous, uncompressed, little-endian arrays, as Keras writes them.

use super::{Attribute, Group, MAX_NAMES, Stored};
use crate::names::short;
use cornu_graph::{Error, Result, Values};
use hdf5_pure::{AttrValue, DatasetBuilder, EnumTypeBuilder, FileBuilder, GroupBuilder, LibVer};

pub(super) fn to_bytes(root: &Group) -> Result<Vec<u8>> {
    let mut builder = FileBuilder::new();
    // The oldest form there is: HDF5 1.8 reads it.
    builder.with_libver_bounds(LibVer::Earliest, LibVer::V18);
    for (name, attribute) in &root.attributes {
        builder.set_attr(name, value(name, attribute)?);
    }
    for (name, stored) in &root.arrays {
        fill(builder.create_dataset(checked(name)?), stored)?;
    }
    for (name, group) in &root.groups {
        let mut inner = builder.create_group(checked(name)?);
        fill_group(&mut inner, group).map_err(|e| e.within(name))?;
        builder.add_group(inner.finish());
    }
    builder.finish().map_err(refused)
}

fn fill_group(builder: &mut GroupBuilder, group: &Group) -> Result<()> {
    for (name, attribute) in &group.attributes {
        builder.set_attr(name, value(name, attribute)?);
    }
    for (name, stored) in &group.arrays {
        fill(builder.create_dataset(checked(name)?), stored)?;
    }
    for (name, group) in &group.groups {
        let mut inner = builder.create_group(checked(name)?);
        fill_group(&mut inner, group).map_err(|e| e.within(name))?;
        builder.add_group(inner.finish());
    }
    Ok(())
}

/// A name that a group can give to what is in it.
fn checked(name: &str) -> Result<&str> {
    if name.is_empty() || name == "." || name.contains(['/', '\0']) {
        let name = short(name);
        return Err(Error::value(format!("'{name}' cannot be a name in an HDF5 file")));
    }
    Ok(name)
}

/// The attribute as Keras writes it: texts of variable length, lists of fixed length.
fn value(name: &str, attribute: &Attribute) -> Result<AttrValue> {
    Ok(match attribute {
        Attribute::Text(text) => AttrValue::VarLenString(text.clone()),
        Attribute::Texts(texts) if texts.is_empty() => AttrValue::F64Array(vec![]),
        Attribute::Texts(texts) => {
            let longest = texts.iter().map(String::len).max().unwrap_or(0);
            if longest.saturating_mul(texts.len()) > MAX_NAMES {
                return Err(Error::value(format!(
                    "the texts of '{}' take more than the {MAX_NAMES} bytes of an attribute",
                    short(name)
                )));
            }
            AttrValue::AsciiStringArray(texts.clone())
        }
        Attribute::Number(number) => AttrValue::F64(*number),
        Attribute::Numbers(numbers) => AttrValue::F64Array(numbers.clone()),
    })
}

fn fill(builder: &mut DatasetBuilder, stored: &Stored) -> Result<()> {
    let array = &stored.array;
    match array.values() {
        Values::F32(values) => builder.with_f32_data(values),
        Values::I32(values) => builder.with_i32_data(values),
        Values::U8(values) => builder.with_u8_data(values),
        Values::Bool(values) => {
            // h5py's bool.
            let base = EnumTypeBuilder::with_base(hdf5_pure::make_i8_type());
            let datatype = base.value("FALSE", 0).value("TRUE", 1).build();
            let datatype = datatype.map_err(|e| refused(e.into()))?;
            let bytes = values.iter().map(|&value| value.into()).collect();
            builder.with_raw_data(datatype, bytes, values.len() as u64)
        }
    };
    let shape: Vec<u64> = array.shape().iter().map(|&size| size as u64).collect();
    builder.with_shape(&shape);
    Ok(())
}

fn refused(error: hdf5_pure::Error) -> Error {
    Error::file(format!("cannot be written as HDF5: {error}"))
}
