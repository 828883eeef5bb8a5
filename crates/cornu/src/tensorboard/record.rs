//! Records of a TFRecord file: a length, its checksum, the bytes, their checksum.

use crc::{CRC_32_ISCSI, Crc};
use std::io::{self, Write};

/// CRC-32C, as in iSCSI.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Writes one record.
pub(super) fn write_record(file: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    file.write_all(&length)?;
    file.write_all(&masked_checksum(&length).to_le_bytes())?;
    file.write_all(bytes)?;
    file.write_all(&masked_checksum(bytes).to_le_bytes())
}

/// The checksum, rotated and shifted: a checksum of bytes that contain checksums is a weak one.
fn masked_checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_frames_it() {
        let mut file = vec![];
        write_record(&mut file, b"123456789").unwrap();
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        // `tf.io.TFRecordWriter` wrote these bytes (TensorFlow 2.21).
        let expected = include_bytes!("../../tests/fixtures/tensorboard/record.tfrecord");
        assert_eq!(file, expected);
    }
}
