//! Messages in the binary format of Protocol Buffers: fields one after another, each with its
//! number and type before it (<https://protobuf.dev/programming-guides/encoding/>).

/// A message that is being put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message(Vec<u8>);

/// How a field's value is stored.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

impl Message {
    /// A message without fields.
    pub fn new() -> Message {
        Message::default()
    }

    /// A field of type `int32`, `int64`, `bool` or an enum, with a number that is not negative.
    pub fn number(mut self, field: u32, value: u64) -> Message {
        self.key(field, VARINT);
        self.varint(value);
        self
    }

    /// A field of type `int64`. A negative number is stored as its complement.
    pub fn signed(self, field: u32, value: i64) -> Message {
        self.number(field, value as u64)
    }

    /// A field of type `float`.
    pub fn float(mut self, field: u32, value: f32) -> Message {
        self.key(field, FIXED_32);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A field of type `double`.
    pub fn double(mut self, field: u32, value: f64) -> Message {
        self.key(field, FIXED_64);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A field of type `string` or `bytes`.
    pub fn bytes(mut self, field: u32, value: impl AsRef<[u8]>) -> Message {
        let value = value.as_ref();
        self = self.opening(field, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// The beginning of a field of type `string`, `bytes` or message, whose bytes are written after
    /// this message.
    pub fn opening(mut self, field: u32, length: u64) -> Message {
        self.key(field, LENGTH);
        self.varint(length);
        self
    }

    /// A field that is a message.
    pub fn message(self, field: u32, value: &Message) -> Message {
        self.bytes(field, &value.0)
    }

    /// Several values of a repeated field of messages.
    pub fn messages(self, field: u32, values: impl IntoIterator<Item = Message>) -> Message {
        values.into_iter().fold(self, |message, value| message.message(field, &value))
    }

    /// The fields of another message after those of this one.
    pub fn followed_by(mut self, other: &Message) -> Message {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// The bytes of the message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn key(&mut self, field: u32, stored: u64) {
        self.varint(u64::from(field) << 3 | stored);
    }

    /// Seven bits in a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_in_the_guide() {
        // The examples of the encoding guide.
        assert_eq!(Message::new().number(1, 150).as_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::new().bytes(2, "testing");
        assert_eq!(text.as_bytes(), [0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        let inner = Message::new().message(3, &Message::new().number(1, 150));
        assert_eq!(inner.as_bytes(), [0x1a, 3, 0x08, 0x96, 0x01]);
        let double = Message::new().double(1, 1.0);
        assert_eq!(double.as_bytes(), [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(Message::new().float(2, 1.0).as_bytes(), [0x15, 0, 0, 0x80, 0x3f]);
    }

    #[test]
    fn large_and_negative_numbers_take_ten_bytes() {
        let message = Message::new().number(1, u64::MAX);
        assert_eq!(message.as_bytes().len(), 11);
        assert_eq!(message.as_bytes()[10], 1);
        assert_eq!(Message::new().signed(1, -1), message);
    }
}
