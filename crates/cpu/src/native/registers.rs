//! The registers of a function: which are free, and which hold what.

/// A register of 16 `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zmm(pub u8);

/// A register of a truth value for each lane. The 0th cannot be used as a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask(pub u8);

/// A register of an address or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gpr(pub u8);

impl Gpr {
    pub(crate) const RAX: Gpr = Gpr(0);
    pub(crate) const RCX: Gpr = Gpr(1);
    pub(crate) const RDX: Gpr = Gpr(2);
    pub(crate) const RBX: Gpr = Gpr(3);
    pub(crate) const RBP: Gpr = Gpr(5);
    pub(crate) const RSI: Gpr = Gpr(6);
    pub(crate) const RDI: Gpr = Gpr(7);
    pub(crate) const R8: Gpr = Gpr(8);
    pub(crate) const R9: Gpr = Gpr(9);
    pub(crate) const R10: Gpr = Gpr(10);
    pub(crate) const R11: Gpr = Gpr(11);
    pub(crate) const R12: Gpr = Gpr(12);
    pub(crate) const R13: Gpr = Gpr(13);
    pub(crate) const R14: Gpr = Gpr(14);
    pub(crate) const R15: Gpr = Gpr(15);

    /// Whether a function must leave it as it was (System V).
    pub(crate) fn is_kept(self) -> bool {
        [Gpr::RBX, Gpr::RBP, Gpr::R12, Gpr::R13, Gpr::R14, Gpr::R15].contains(&self)
    }
}

/// The registers of vectors and truth values that hold nothing yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free {
    zmm: u32,
    masks: u8,
}

impl Free {
    /// All of a function's but the masks up to `last`.
    pub(crate) fn after(last: Mask) -> Free {
        Free { zmm: u32::MAX, masks: u8::MAX << (last.0 + 1) }
    }

    pub(crate) fn zmm(&mut self) -> Option<Zmm> {
        let number = self.zmm.trailing_zeros();
        self.zmm &= self.zmm.wrapping_sub(1);
        (number < 32).then_some(Zmm(number as u8))
    }

    pub(crate) fn mask(&mut self) -> Option<Mask> {
        let number = self.masks.trailing_zeros();
        self.masks &= self.masks.wrapping_sub(1);
        (number < 8).then_some(Mask(number as u8))
    }

    pub(crate) fn give_zmm(&mut self, register: Zmm) {
        self.zmm |= 1 << register.0;
    }

    pub(crate) fn give_mask(&mut self, register: Mask) {
        self.masks |= 1 << register.0;
    }
}
