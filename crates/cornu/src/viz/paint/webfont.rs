//! The font as a picture carries it: only the letters that it shows, as a WOFF file of a few
//! kilobytes. So a picture looks the same wherever it is opened.
//!
//! Formats: OpenType 1.9 (`glyf`, `loca`), WOFF 1.0 (<https://www.w3.org/TR/WOFF/>).

use super::font::Weight;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::collections::BTreeSet;
use std::io::Write as _;

/// A table of a font: its tag and its bytes.
type Table<'a> = ([u8; 4], std::borrow::Cow<'a, [u8]>);

/// The font with the outlines of these letters, as WOFF.
pub fn subset(weight: Weight, letters: &BTreeSet<char>) -> Vec<u8> {
    let mut tables = tables(weight.file());
    let table = |tag: &[u8; 4]| tables.iter().position(|(t, _)| t == tag).expect("fonts have it");
    let (glyf, loca, head) = (table(b"glyf"), table(b"loca"), table(b"head"));
    let long = u16_at(&tables[head].1, 50) == 1;
    let places = offsets(&tables[loca].1, long);
    let glyphs = letters.iter().filter_map(|&letter| weight.glyph(letter));
    let kept = with_parts(glyphs.map(|glyph| glyph.0), &tables[glyf].1, &places);

    // Every glyph keeps its number; those not needed become empty.
    let (mut outlines, mut starts) = (vec![], vec![0]);
    for glyph in 0..places.len() - 1 {
        if kept.contains(&(glyph as u16)) {
            outlines.extend_from_slice(&tables[glyf].1[places[glyph]..places[glyph + 1]]);
        }
        starts.push(outlines.len());
    }
    let starts: Vec<u8> = starts.into_iter().flat_map(|at| offset_bytes(at, long)).collect();
    tables[glyf].1 = outlines.into();
    tables[loca].1 = starts.into();
    set_checksum(&mut tables, head);
    woff(&tables)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The tables of a font file, in the order of their tags.
fn tables(file: &[u8]) -> Vec<Table<'_>> {
    let entries = file[12..].chunks_exact(16).take(usize::from(u16_at(file, 4)));
    let table = |entry: &[u8]| {
        let (start, length) = (u32_at(entry, 8) as usize, u32_at(entry, 12) as usize);
        ([entry[0], entry[1], entry[2], entry[3]], file[start..start + length].into())
    };
    entries.map(table).collect()
}

/// Where the outline of each glyph begins, and the end. Short offsets count in pairs of bytes.
fn offsets(loca: &[u8], long: bool) -> Vec<usize> {
    if long {
        loca.chunks_exact(4).map(|bytes| u32_at(bytes, 0) as usize).collect()
    } else {
        loca.chunks_exact(2).map(|bytes| usize::from(u16_at(bytes, 0)) * 2).collect()
    }
}

fn offset_bytes(at: usize, long: bool) -> Vec<u8> {
    if long { (at as u32).to_be_bytes().to_vec() } else { ((at / 2) as u16).to_be_bytes().to_vec() }
}

/// The glyphs with those that they are put together from, and the first, which stands for all that
/// are missing.
fn with_parts(
    glyphs: impl Iterator<Item = u16>,
    outlines: &[u8],
    places: &[usize],
) -> BTreeSet<u16> {
    let mut kept = BTreeSet::new();
    let mut open: Vec<u16> = glyphs.chain([0]).collect();
    while let Some(glyph) = open.pop() {
        if kept.insert(glyph) {
            let glyph = usize::from(glyph);
            open.extend(parts(&outlines[places[glyph]..places[glyph + 1]]));
        }
    }
    kept
}

/// The glyphs that a composite glyph is made of: a letter and its accent.
fn parts(outline: &[u8]) -> Vec<u16> {
    const WORDS: u16 = 0x0001;
    const SCALE: u16 = 0x0008;
    const MORE: u16 = 0x0020;
    const TWO_SCALES: u16 = 0x0040;
    const MATRIX: u16 = 0x0080;
    // A negative number of contours says that it is a composite.
    if outline.is_empty() || u16_at(outline, 0) < 0x8000 {
        return vec![];
    }
    let (mut found, mut at) = (vec![], 10);
    loop {
        let flags = u16_at(outline, at);
        found.push(u16_at(outline, at + 2));
        at += if flags & WORDS != 0 { 8 } else { 6 };
        at += match flags & (SCALE | TWO_SCALES | MATRIX) {
            0 => 0,
            SCALE => 2,
            TWO_SCALES => 4,
            _ => 8,
        };
        if flags & MORE == 0 {
            return found;
        }
    }
}

/// The sum of a table's numbers of four bytes.
fn checksum(bytes: &[u8]) -> u32 {
    let number = |chunk: &[u8]| {
        let mut padded = [0; 4];
        padded[..chunk.len()].copy_from_slice(chunk);
        u32::from_be_bytes(padded)
    };
    bytes.chunks(4).map(number).fold(0, u32::wrapping_add)
}

/// The sum of a table as directories tell it: that of `head` is taken before its adjustment.
fn table_sum((tag, bytes): &Table) -> u32 {
    let sum = checksum(bytes);
    if tag == b"head" { sum.wrapping_sub(u32_at(bytes, 8)) } else { sum }
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// The header of the font file, with the places and sums of its tables.
fn directory(tables: &[Table]) -> Vec<u8> {
    let count = tables.len() as u16;
    let power = count.ilog2() as u16;
    let mut directory = 0x0001_0000_u32.to_be_bytes().to_vec();
    for number in [count, 16 << power, power, 16 * count - (16 << power)] {
        directory.extend(number.to_be_bytes());
    }
    let mut at = 12 + 16 * tables.len();
    for table in tables {
        let (tag, bytes) = table;
        directory.extend(tag);
        for number in [table_sum(table), at as u32, bytes.len() as u32] {
            directory.extend(number.to_be_bytes());
        }
        at += padded(bytes.len());
    }
    directory
}

/// Sets the number that brings the sum of the whole file to what it must be.
fn set_checksum(tables: &mut [Table], head: usize) {
    tables[head].1.to_mut()[8..12].fill(0);
    let sum = tables.iter().map(|(_, bytes)| checksum(bytes)).fold(0, u32::wrapping_add);
    let sum = sum.wrapping_add(checksum(&directory(tables)));
    let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(sum);
    tables[head].1.to_mut()[8..12].copy_from_slice(&adjustment.to_be_bytes());
}

/// The tables, each compressed, as a WOFF file.
fn woff(tables: &[Table]) -> Vec<u8> {
    let plain = 12 + 16 * tables.len() + tables.iter().map(|(_, b)| padded(b.len())).sum::<usize>();
    let (mut entries, mut data) = (vec![], vec![]);
    for table in tables {
        let (tag, bytes) = table;
        let compressed = compressed(bytes);
        let stored = if compressed.len() < bytes.len() { &compressed } else { &bytes[..] };
        let at = 44 + 20 * tables.len() + data.len();
        entries.extend(tag);
        for number in [at as u32, stored.len() as u32, bytes.len() as u32, table_sum(table)] {
            entries.extend(number.to_be_bytes());
        }
        data.extend_from_slice(stored);
        data.resize(padded(data.len()), 0);
    }
    let mut file = b"wOFF\x00\x01\x00\x00".to_vec();
    let length = (44 + entries.len() + data.len()) as u32;
    file.extend(length.to_be_bytes());
    file.extend((tables.len() as u16).to_be_bytes());
    file.extend([0; 2]);
    file.extend((plain as u32).to_be_bytes());
    // A version of its own, and neither metadata nor private data.
    file.extend([0, 1, 0, 0]);
    file.extend([0; 20]);
    file.extend(entries);
    file.extend(data);
    file
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory can be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use ttf_parser::Face;

    /// A reader of WOFF, written from its definition.
    fn unpacked(woff: &[u8]) -> Vec<u8> {
        assert_eq!((&woff[..4], u32_at(woff, 8) as usize), (&b"wOFF"[..], woff.len()));
        let entries = woff[44..].chunks_exact(20).take(usize::from(u16_at(woff, 12)));
        let table = |entry: &[u8]| {
            let at = |i| u32_at(entry, i) as usize;
            let stored = &woff[at(4)..at(4) + at(8)];
            let mut bytes = stored.to_vec();
            if at(8) < at(12) {
                bytes.clear();
                flate2::read::ZlibDecoder::new(stored).read_to_end(&mut bytes).unwrap();
            }
            assert_eq!(bytes.len(), at(12));
            ([entry[0], entry[1], entry[2], entry[3]], bytes.into())
        };
        let tables: Vec<Table> = entries.map(table).collect();
        let mut file = directory(&tables);
        for (_, bytes) in &tables {
            file.extend_from_slice(bytes);
            file.resize(padded(file.len()), 0);
        }
        assert_eq!(file.len(), u32_at(woff, 16) as usize);
        file
    }

    #[test]
    fn the_letters_are_drawn_and_the_others_are_empty() {
        struct Count(usize);
        impl ttf_parser::OutlineBuilder for Count {
            fn move_to(&mut self, _: f32, _: f32) {
                self.0 += 1;
            }
            fn line_to(&mut self, _: f32, _: f32) {}
            fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {}
            fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {}
            fn close(&mut self) {}
        }
        let file = unpacked(&subset(Weight::Regular, &"éa0".chars().collect()));
        let face = Face::parse(&file, 0).unwrap();
        let contours = |letter| {
            let mut count = Count(0);
            let glyph = face.glyph_index(letter).unwrap();
            face.outline_glyph(glyph, &mut count).map(|_| count.0).unwrap_or(0)
        };
        // As fontTools reads them: the accent is a glyph of its own, put on that of "e".
        assert_eq!(['é', 'e', 'a', '0', 'b', 'z'].map(contours), [2, 1, 2, 2, 0, 0]);
        assert_eq!(checksum(&file), 0xB1B0_AFBA_u32);
    }

    #[test]
    fn a_few_letters_take_a_few_kilobytes() {
        let letters = (' '..='~').collect();
        assert!(subset(Weight::SemiBold, &letters).len() < 13_000);
        assert!(subset(Weight::SemiBold, &"loss".chars().collect()).len() < 4_500);
    }
}
