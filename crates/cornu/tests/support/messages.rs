//! A reader of protobuf messages that shares nothing with the writer.
#![allow(dead_code)] // Each test file uses its part.

/// A field of a message.
pub enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub fn number(&self) -> u64 {
        let Value::Number(number) = self else { panic!("no number") };
        *number
    }

    pub fn bytes(&self) -> &'a [u8] {
        let Value::Bytes(bytes) = self else { panic!("no bytes") };
        bytes
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }
}

/// The fields of a message in order.
pub fn fields(mut bytes: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = vec![];
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)),
            1 => {
                let (number, rest) = bytes.split_at(8);
                bytes = rest;
                Value::Number(u64::from_le_bytes(number.try_into().unwrap()))
            }
            5 => {
                let (number, rest) = bytes.split_at(4);
                bytes = rest;
                Value::Number(u32::from_le_bytes(number.try_into().unwrap()).into())
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Value::Bytes(value)
            }
            other => panic!("field {} is stored in way {other}", key >> 3),
        };
        fields.push((key >> 3, value));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
