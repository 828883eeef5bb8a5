//! Instructions as bytes: AVX-512 on 16 lanes of `f32`, and what a loop around it needs.
//!
//! The encodings are those of the Intel 64 and IA-32 Architectures Software Developer's Manual,
//! volume 2. Methods with a name from there are that instruction, the others what they say, in one or
//! a few; the first operand is the result.

use super::registers::{Gpr, Mask, Zmm};

/// A place in the code to which others jump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label(usize);

/// The condition of a jump, after unsigned numbers were compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum If {
    Below = 0x82,
    AboveOrEqual = 0x83,
    Equal = 0x84,
}

/// A place in memory: a base, and as many elements on as the index says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub base: Gpr,
    pub index: Gpr,
}

/// Comparisons of `f32`: the immediate operand of `vcmpps`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Is {
    Equal = 0x00,
    Unordered = 0x03,
    NotEqual = 0x04,
    Ordered = 0x07,
    Less = 0x11,
    LessOrEqual = 0x12,
}

/// How numbers are rounded to whole ones: the immediate operand of `vrndscaleps`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rounding {
    Nearest = 0x08,
    Down = 0x09,
    Up = 0x0a,
}

/// An instruction's opcode: the table of opcodes, the prefix that belongs to it, and its byte.
#[derive(Clone, Copy)]
struct Opcode(Table, Prefix, u8);

#[derive(Clone, Copy)]
enum Table {
    X0F = 1,
    X0F38 = 2,
    X0F3A = 3,
}

#[derive(Clone, Copy)]
enum Prefix {
    None = 0,
    X66 = 1,
    XF3 = 2,
    XF2 = 3,
}

/// How many lanes an instruction works on, and which of them it writes.
#[derive(Clone, Copy)]
struct Lanes {
    /// The code of the length of the vectors: 0 for 16 bytes, 2 for 64.
    length: u8,
    /// The mask; number 0 is none.
    mask: u8,
    /// Whether the lanes that the mask leaves out become 0, rather than stay.
    zeroing: bool,
}

impl Lanes {
    const ALL: Lanes = Lanes { length: 2, mask: 0, zeroing: false };
    const ALL_BYTES: Lanes = Lanes { length: 0, ..Lanes::ALL };

    fn of(self, mask: Option<Mask>) -> Lanes {
        Lanes { mask: mask.map_or(0, |mask| mask.0), ..self }
    }

    fn or_zero(self) -> Lanes {
        Lanes { zeroing: self.mask != 0, ..self }
    }
}

/// The operand that may be in memory.
#[derive(Clone, Copy)]
enum Operand {
    Register(u8),
    /// Elements of so many bytes.
    Memory(At, u8),
    /// A number among the constants.
    Constant(usize),
}

/// Writes instructions one after the other, and the constants they read after them.
#[derive(Default)]
pub(crate) struct Assembler {
    bytes: Vec<u8>,
    /// Where labels are.
    labels: Vec<Option<usize>>,
    /// Where the distance to a label goes.
    jumps: Vec<(usize, Label)>,
    constants: Vec<u32>,
    /// Where the distance to a constant goes.
    reads: Vec<(usize, usize)>,
}

/// Arithmetic on vectors: `name(result, a, b)`.
macro_rules! arithmetic {
    ($($name:ident = $table:ident $prefix:ident $byte:literal;)*) => {
        $(pub(crate) fn $name(&mut self, to: Zmm, a: Zmm, b: Zmm) {
            let opcode = Opcode(Table::$table, Prefix::$prefix, $byte);
            self.evex(opcode, Lanes::ALL, to.0, a.0, Operand::Register(b.0));
        })*
    };
}

/// Functions of one vector: `name(result, x)`.
macro_rules! functions {
    ($($name:ident = $table:ident $prefix:ident $byte:literal;)*) => {
        $(pub(crate) fn $name(&mut self, to: Zmm, x: Zmm) {
            let opcode = Opcode(Table::$table, Prefix::$prefix, $byte);
            self.evex(opcode, Lanes::ALL, to.0, 0, Operand::Register(x.0));
        })*
    };
}

impl Assembler {
    arithmetic! {
        vaddps = X0F None 0x58;
        vmulps = X0F None 0x59;
        vsubps = X0F None 0x5c;
        vminps = X0F None 0x5d;
        vdivps = X0F None 0x5e;
        vmaxps = X0F None 0x5f;
        vandps = X0F None 0x54;
        vxorps = X0F None 0x57;
        // -(a · to) + b
        vfnmadd213ps = X0F38 X66 0xac;
    }

    functions! {
        vsqrtps = X0F None 0x51;
        vcvtdq2ps = X0F None 0x5b;
        vrsqrt14ps = X0F38 X66 0x4e;
    }

    /// The products where the mask holds; elsewhere the result stays as it was.
    pub(crate) fn vmulps_where(&mut self, to: Zmm, mask: Mask, a: Zmm, b: Zmm) {
        let opcode = Opcode(Table::X0F, Prefix::None, 0x59);
        self.evex(opcode, Lanes::ALL.of(Some(mask)), to.0, a.0, Operand::Register(b.0));
    }

    pub(crate) fn vrndscaleps(&mut self, to: Zmm, x: Zmm, rounding: Rounding) {
        let opcode = Opcode(Table::X0F3A, Prefix::X66, 0x08);
        self.evex(opcode, Lanes::ALL, to.0, 0, Operand::Register(x.0));
        self.bytes.push(rounding as u8);
    }

    pub(crate) fn vcmpps(&mut self, to: Mask, a: Zmm, b: Zmm, is: Is) {
        let opcode = Opcode(Table::X0F, Prefix::None, 0xc2);
        self.evex(opcode, Lanes::ALL, to.0, a.0, Operand::Register(b.0));
        self.bytes.push(is as u8);
    }

    /// `yes` where the mask holds, else `no`.
    pub(crate) fn vblendmps(&mut self, to: Zmm, mask: Mask, yes: Zmm, no: Zmm) {
        let opcode = Opcode(Table::X0F38, Prefix::X66, 0x65);
        self.evex(opcode, Lanes::ALL.of(Some(mask)), to.0, no.0, Operand::Register(yes.0));
    }

    /// `x` where the mask holds, else 0.
    pub(crate) fn vmovaps_or_zero(&mut self, to: Zmm, mask: Mask, x: Zmm) {
        let opcode = Opcode(Table::X0F, Prefix::None, 0x28);
        let lanes = Lanes::ALL.of(Some(mask)).or_zero();
        self.evex(opcode, lanes, to.0, 0, Operand::Register(x.0));
    }

    /// Reads elements of four bytes; 0 where the mask does not hold.
    pub(crate) fn load(&mut self, to: Zmm, from: At, mask: Option<Mask>) {
        let opcode = Opcode(Table::X0F, Prefix::None, 0x10);
        let lanes = Lanes::ALL.of(mask).or_zero();
        self.evex(opcode, lanes, to.0, 0, Operand::Memory(from, 4));
    }

    /// Writes elements of four bytes where the mask holds.
    pub(crate) fn store(&mut self, to: At, from: Zmm, mask: Option<Mask>) {
        let opcode = Opcode(Table::X0F, Prefix::None, 0x11);
        self.evex(opcode, Lanes::ALL.of(mask), from.0, 0, Operand::Memory(to, 4));
    }

    /// Reads bytes as whole numbers of four (`vpmovzxbd`).
    pub(crate) fn load_bytes(&mut self, to: Zmm, from: At, mask: Option<Mask>) {
        let opcode = Opcode(Table::X0F38, Prefix::X66, 0x31);
        let lanes = Lanes::ALL.of(mask).or_zero();
        self.evex(opcode, lanes, to.0, 0, Operand::Memory(from, 1));
    }

    /// Reads bytes as truth values, true where not 0. `through` is overwritten.
    pub(crate) fn load_mask(&mut self, to: Mask, from: At, mask: Option<Mask>, through: Zmm) {
        let (load, test) =
            (Opcode(Table::X0F, Prefix::XF2, 0x6f), Opcode(Table::X0F38, Prefix::X66, 0x26));
        let lanes = Lanes::ALL_BYTES.of(mask).or_zero();
        self.evex(load, lanes, through.0, 0, Operand::Memory(from, 1));
        self.evex(test, Lanes::ALL_BYTES, to.0, through.0, Operand::Register(through.0));
    }

    /// Writes truth values as bytes 0 and 1 where the mask holds. `through` is overwritten.
    pub(crate) fn store_mask(&mut self, to: At, from: Mask, mask: Option<Mask>, through: Zmm) {
        let (spread, abs) =
            (Opcode(Table::X0F38, Prefix::XF3, 0x28), Opcode(Table::X0F38, Prefix::X66, 0x1c));
        let store = Opcode(Table::X0F, Prefix::XF2, 0x7f);
        self.evex(spread, Lanes::ALL_BYTES, through.0, 0, Operand::Register(from.0));
        self.evex(abs, Lanes::ALL_BYTES, through.0, 0, Operand::Register(through.0));
        self.evex(store, Lanes::ALL_BYTES.of(mask), through.0, 0, Operand::Memory(to, 1));
    }

    /// The same number in every lane, given as its bits.
    pub(crate) fn constant(&mut self, to: Zmm, bits: u32) {
        let known = self.constants.iter().position(|&known| known == bits);
        let index = known.unwrap_or_else(|| {
            self.constants.push(bits);
            self.constants.len() - 1
        });
        let opcode = Opcode(Table::X0F38, Prefix::X66, 0x18);
        self.evex(opcode, Lanes::ALL, to.0, 0, Operand::Constant(index));
    }

    /// The low bits of a register as a mask.
    pub(crate) fn kmovw(&mut self, to: Mask, from: Gpr) {
        debug_assert!(from.0 < 8);
        self.bytes.extend([0xc5, 0xf8, 0x92, 0xc0 | to.0 << 3 | from.0]);
    }

    /// Compares a mask with none: then [`If::Equal`] means that it holds nowhere.
    pub(crate) fn kortestw(&mut self, mask: Mask) {
        self.bytes.extend([0xc5, 0xf8, 0x98, 0xc0 | mask.0 << 3 | mask.0]);
    }

    /// Ends the use of wide vectors: what follows may use narrow ones at no cost.
    pub(crate) fn vzeroupper(&mut self) {
        self.bytes.extend([0xc5, 0xf8, 0x77]);
    }

    /// Reads an address from a table of addresses.
    pub(crate) fn mov_from(&mut self, to: Gpr, table: Gpr, entry: usize) {
        debug_assert!(table.0 < 8 && table.0 != 4);
        let at = i32::try_from(entry * 8).expect("tables are short");
        self.bytes.extend([0x48 | (to.0 >> 3) << 2, 0x8b, 0x80 | (to.0 & 7) << 3 | table.0]);
        self.bytes.extend(at.to_le_bytes());
    }

    /// Sets a register to 0.
    pub(crate) fn zero(&mut self, register: Gpr) {
        debug_assert!(register.0 < 8);
        self.bytes.extend([0x31, 0xc0 | register.0 << 3 | register.0]);
    }

    pub(crate) fn add(&mut self, register: Gpr, number: i8) {
        debug_assert!(register.0 < 8);
        self.bytes.extend([0x48, 0x83, 0xc0 | register.0, number as u8]);
    }

    pub(crate) fn cmp(&mut self, a: Gpr, b: Gpr) {
        debug_assert!(a.0 < 8 && b.0 < 8);
        self.bytes.extend([0x48, 0x39, 0xc0 | b.0 << 3 | a.0]);
    }

    pub(crate) fn push(&mut self, register: Gpr) {
        self.bytes.extend([0x40 | register.0 >> 3, 0x50 | register.0 & 7]);
    }

    pub(crate) fn pop(&mut self, register: Gpr) {
        self.bytes.extend([0x40 | register.0 >> 3, 0x58 | register.0 & 7]);
    }

    pub(crate) fn ret(&mut self) {
        self.bytes.push(0xc3);
    }

    /// A label that is [placed](Assembler::place) later.
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label is here.
    pub(crate) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.bytes.len());
    }

    pub(crate) fn jump(&mut self, condition: If, to: Label) {
        self.bytes.extend([0x0f, condition as u8]);
        self.jumps.push((self.bytes.len(), to));
        self.bytes.extend([0; 4]);
    }

    /// The bytes of all.
    ///
    /// # Panics
    /// If a label to which there is a jump has no place.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let start = self.bytes.len().next_multiple_of(size_of::<u32>());
        self.bytes.resize(start, 0xcc);
        let bits = self.constants.iter().flat_map(|bits| bits.to_le_bytes());
        self.bytes.extend(bits);
        let labels = &self.labels;
        let to_labels = self.jumps.iter().map(|&(at, label)| {
            (at, labels[label.0].expect("every label to which there is a jump has a place"))
        });
        let to_constants = self.reads.iter().map(|&(at, index)| (at, start + 4 * index));
        for (at, to) in to_labels.chain(to_constants).collect::<Vec<_>>() {
            // Distances are counted from the end of the instruction, and end it.
            let distance = to as i32 - (at + 4) as i32;
            self.bytes[at..at + 4].copy_from_slice(&distance.to_le_bytes());
        }
        self.bytes
    }

    /// An instruction with a prefix of four bytes (EVEX): `register` is its result (of a store: what
    /// is stored), `first` the first operand.
    fn evex(&mut self, opcode: Opcode, lanes: Lanes, register: u8, first: u8, last: Operand) {
        let Opcode(table, prefix, byte) = opcode;
        let (base, index) = match last {
            Operand::Register(number) => (number >> 3, number >> 4),
            Operand::Memory(at, _) => (at.base.0 >> 3, at.index.0 >> 3),
            Operand::Constant(_) => (0, 0),
        };
        // Bits that make the numbers of registers longer are stored inverted.
        let bit = |number: u8, at: u8| (!number & 1) << at;
        let high = bit(register >> 3, 7) | bit(index, 6) | bit(base, 5) | bit(register >> 4, 4);
        let zeroing = u8::from(lanes.zeroing) << 7;
        self.bytes.extend([
            0x62,
            high | table as u8,
            (!first & 0xf) << 3 | 1 << 2 | prefix as u8,
            zeroing | lanes.length << 5 | bit(first >> 4, 3) | lanes.mask,
            byte,
        ]);
        let register = (register & 7) << 3;
        match last {
            Operand::Register(number) => self.bytes.push(0xc0 | register | number & 7),
            Operand::Memory(At { base, index }, size) => {
                let scale = (size.trailing_zeros() as u8) << 6;
                // A distance of 0 is written out: some bases cannot do without.
                self.bytes.extend([0x44 | register, scale | (index.0 & 7) << 3 | base.0 & 7, 0]);
            }
            Operand::Constant(index) => {
                self.bytes.push(0x05 | register);
                self.reads.push((self.bytes.len(), index));
                self.bytes.extend([0; 4]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the GNU assembler (2.40) makes of an instruction, beside what we make of it.
    fn check(write: impl Fn(&mut Assembler), expected: &[u8]) {
        let mut assembler = Assembler::default();
        write(&mut assembler);
        assert_eq!(assembler.bytes, expected, "{:x?} instead of {expected:x?}", assembler.bytes);
    }

    const R13: At = At { base: Gpr::R13, index: Gpr::RCX };
    const RBP: At = At { base: Gpr::RBP, index: Gpr::RCX };
    const K1: Option<Mask> = Some(Mask(1));

    #[test]
    fn vectors() {
        check(|a| a.vaddps(Zmm(17), Zmm(9), Zmm(30)), b"\x62\x81\x34\x48\x58\xce");
        check(|a| a.vfnmadd213ps(Zmm(3), Zmm(18), Zmm(12)), b"\x62\xd2\x6d\x40\xac\xdc");
        check(|a| a.vsqrtps(Zmm(31), Zmm(8)), b"\x62\x41\x7c\x48\x51\xf8");
        check(|a| a.vrsqrt14ps(Zmm(1), Zmm(23)), b"\x62\xb2\x7d\x48\x4e\xcf");
        let rounded = b"\x62\x33\x7d\x48\x08\xd0\x09";
        check(|a| a.vrndscaleps(Zmm(10), Zmm(16), Rounding::Down), rounded);
    }

    #[test]
    fn masks() {
        let product = b"\x62\x91\x5c\x4b\x59\xe5";
        check(|a| a.vmulps_where(Zmm(4), Mask(3), Zmm(4), Zmm(29)), product);
        let less = b"\x62\xd1\x7c\x40\xc2\xe8\x11";
        check(|a| a.vcmpps(Mask(5), Zmm(16), Zmm(8), Is::Less), less);
        let blended = b"\x62\x22\x6d\x4e\x65\xc3";
        check(|a| a.vblendmps(Zmm(24), Mask(6), Zmm(19), Zmm(2)), blended);
        let moved = b"\x62\x91\x7c\xca\x28\xf9";
        check(|a| a.vmovaps_or_zero(Zmm(7), Mask(2), Zmm(25)), moved);
        check(|a| a.kmovw(Mask(1), Gpr::RDX), b"\xc5\xf8\x92\xca");
        check(|a| a.kortestw(Mask(1)), b"\xc5\xf8\x98\xc9");
    }

    #[test]
    fn memory() {
        check(|a| a.load(Zmm(20), R13, K1), b"\x62\xc1\x7c\xc9\x10\x64\x8d\x00");
        check(|a| a.load(Zmm(5), RBP, None), b"\x62\xf1\x7c\x48\x10\x6c\x8d\x00");
        check(|a| a.store(R13, Zmm(31), K1), b"\x62\x41\x7c\x49\x11\x7c\x8d\x00");
        check(|a| a.load_bytes(Zmm(11), RBP, K1), b"\x62\x72\x7d\xc9\x31\x5c\x0d\x00");
        let read = b"\x62\xc1\x7f\x89\x6f\x6c\x0d\x00\x62\xb2\x55\x00\x26\xe5";
        check(|a| a.load_mask(Mask(4), R13, K1, Zmm(21)), read);
        let written = b"\x62\xe2\x7e\x08\x28\xf7\x62\xa2\x7d\x08\x1c\xf6\
                        \x62\xe1\x7f\x09\x7f\x74\x0d\x00";
        check(|a| a.store_mask(RBP, Mask(7), K1, Zmm(22)), written);
    }

    #[test]
    fn the_loop_around() {
        let read = b"\x4c\x8b\xbf\x78\x00\x00\x00";
        check(|a| a.mov_from(Gpr::R15, Gpr::RDI, 15), read);
        check(|a| a.zero(Gpr::RCX), b"\x31\xc9");
        check(|a| a.add(Gpr::RCX, 16), b"\x48\x83\xc1\x10");
        check(|a| a.cmp(Gpr::RCX, Gpr::RSI), b"\x48\x39\xf1");
        check(|a| a.push(Gpr::R12), b"\x41\x54");
        check(|a| a.pop(Gpr::R12), b"\x41\x5c");
        check(Assembler::vzeroupper, b"\xc5\xf8\x77");
        check(Assembler::ret, b"\xc3");
    }

    #[test]
    fn distances_are_counted_from_the_end() {
        let mut assembler = Assembler::default();
        let [back, on] = [(); 2].map(|()| assembler.label());
        assembler.place(back);
        assembler.jump(If::Equal, on);
        assembler.jump(If::Below, back);
        assembler.place(on);
        assembler.constant(Zmm(1), 7);
        let bytes = assembler.finish();
        assert_eq!(bytes[..12], *b"\x0f\x84\x06\x00\x00\x00\x0f\x82\xf4\xff\xff\xff");
        // vbroadcastss zmm1, [rip + 2], two bytes of rest, and the constant.
        assert_eq!(bytes[12..22], *b"\x62\xf2\x7d\x48\x18\x0d\x02\x00\x00\x00");
        assert_eq!(bytes[22..], *b"\xcc\xcc\x07\x00\x00\x00");
    }
}
