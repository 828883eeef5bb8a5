//! Several steps as one function of machine code: what passes between them never leaves its
//! registers, and what they all read is read once.
//!
//! An optimizer's update is a dozen steps on each weight. One function for each would read and write
//! the L1 cache again and again; the phrase reads and writes each number once. The results are those
//! of the functions, bit for bit but for which NaN a NaN is: each step is rounded on its own.

use super::compile::Entry;
use super::pairs::{Action, Combined};
use super::units::Values;
use crate::native::Code;
use crate::native::assembler::{Assembler, At, If, Is, Rounding};
use crate::native::registers::{Free, Gpr, Mask, Zmm};
use crate::simd::Instructions;
use cornu_graph::DType;
use cornu_graph::fused::ScalarOp;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use std::sync::Arc;

/// How many elements a register holds.
const LANES: usize = 16;

/// The parameters of the function: the table of addresses, how many elements there are in whole
/// registers, and a mask of those that are left.
const TABLE: Gpr = Gpr::RDI;
const COUNT: Gpr = Gpr::RSI;
const REST: Gpr = Gpr::RDX;
/// How many elements have been worked on.
const INDEX: Gpr = Gpr::RCX;
/// The mask of the elements that are left.
const LEFT: Mask = Mask(1);

/// The registers for addresses.
const ADDRESSES: [Gpr; 12] = [
    Gpr::RAX,
    Gpr::RDX,
    Gpr::R8,
    Gpr::R9,
    Gpr::R10,
    Gpr::R11,
    Gpr::RBX,
    Gpr::RBP,
    Gpr::R12,
    Gpr::R13,
    Gpr::R14,
    Gpr::R15,
];

/// Several steps, ready to run on a tile.
pub(super) struct Phrase {
    code: Arc<Code>,
}

/// What a phrase reads from outside, and where that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    /// Elements.
    Elements(Entry),
    /// One element of four bytes, repeated.
    Splat(Entry),
    /// A number of four bytes that the code brings itself.
    Constant(u32),
}

/// Steps that are to become a phrase.
pub(super) struct Text<'a> {
    pub steps: &'a [Combined],
    pub values: &'a Values<'a>,
    /// Where a value is that no step of the phrase computes.
    pub entry: &'a dyn Fn(usize) -> Entry,
    /// The values that are needed afterwards, and where they go.
    pub results: &'a [(usize, Entry)],
}

impl Phrase {
    /// The phrase of these steps; `None` if [`assemble`] cannot write them, or the system has no
    /// memory for code any more.
    pub(super) fn new(text: &Text<'_>) -> Option<Phrase> {
        Some(Phrase { code: Code::new(&assemble(text)?)? })
    }

    /// Runs the steps on `len` elements of each entry.
    ///
    /// # Safety
    /// The machine has AVX-512. The table has the address of each entry that the text names, where
    /// so many elements can be read or written, of splats [`SPLAT`](super::step::SPLAT) bytes;
    /// entries share memory element by element or not at all.
    pub(super) unsafe fn run(&self, table: *const *mut u8, len: usize) {
        let rest = (1 << (len % LANES)) - 1;
        // SAFETY: `assemble` wrote a function of this type; by the contract of this function.
        unsafe { self.code.call(table, len - len % LANES, rest) };
    }
}

/// Whether these instructions can be written, and the system lets programs make code.
pub(super) fn can_write(instructions: Instructions) -> bool {
    instructions == Instructions::Avx512 && Code::is_allowed()
}

/// Whether a step can be one of a phrase.
pub(super) fn has_word(step: &Combined, values: &Values<'_>) -> bool {
    let wide = |&arg: &usize| values.dtype(arg).size() == 4 || !values.is_splat(arg);
    let of = step.args.first().map_or(step.dtype, |&arg| values.dtype(arg));
    step.args.iter().all(wide)
        && match step.action {
            Action::One(op) => is_word(op, of, step.dtype),
            Action::Left(..) | Action::Right(..) | Action::OverRoot => true,
        }
}

fn is_word(op: ScalarOp, of: DType, to: DType) -> bool {
    use UnaryOp::*;
    match op {
        ScalarOp::Unary(Neg | Abs | Square | Sqrt | Reciprocal | Relu) => of == DType::F32,
        ScalarOp::Unary(Floor | Ceil | Round | IsFinite) => of == DType::F32,
        ScalarOp::Binary(op) => {
            use BinaryOp::*;
            of == DType::F32 && matches!(op, Add | Sub | Mul | Div | Max | Min)
        }
        ScalarOp::Compare(_) => of == DType::F32,
        ScalarOp::Select => to.size() == 4,
        ScalarOp::Cast => to == DType::F32 && of != DType::F32,
        ScalarOp::Unary(_) | ScalarOp::Constant(_) => false,
    }
}

/// The function of a text, `fn(table, count, rest)`; `None` if the registers do not suffice.
pub(super) fn assemble(text: &Text<'_>) -> Option<Vec<u8>> {
    // The draft finds what is read and written, which the function begins with.
    let mut draft = Writer::new(text);
    draft.body(None)?;
    let mut writer = Writer::new(text);
    writer.begin(&draft)?;
    writer.passes()?;
    writer.end();
    Some(writer.assembler.finish())
}

/// Where a value is inside the function.
#[derive(Clone, Copy)]
enum Held {
    /// Numbers.
    Vector(Zmm),
    /// Truth values.
    Truth(Mask),
}

impl Held {
    fn vector(self) -> Zmm {
        match self {
            Held::Vector(register) => register,
            Held::Truth(_) => unreachable!("dtypes are checked: a number is wanted"),
        }
    }

    fn truth(self) -> Mask {
        match self {
            Held::Truth(register) => register,
            Held::Vector(_) => unreachable!("dtypes are checked: a truth value is wanted"),
        }
    }
}

struct Writer<'a> {
    text: &'a Text<'a>,
    assembler: Assembler,
    free: Free,
    /// The registers of what is the same for all elements: splats and constants.
    fixed: Vec<(Source, Zmm)>,
    /// The registers of addresses.
    addresses: Vec<(Entry, Gpr)>,
    /// Where each value is at this point of the body, if it is somewhere.
    held: Vec<Option<Held>>,
    /// The last step that reads a value. Results are read after all of them.
    last_read: Vec<usize>,
    /// Which elements the body works on; all if `None`.
    mask: Option<Mask>,
}

impl<'a> Writer<'a> {
    fn new(text: &'a Text<'a>) -> Writer<'a> {
        let mut last_read = vec![0; text.values.count()];
        for (index, step) in text.steps.iter().enumerate() {
            step.args.iter().for_each(|&arg| last_read[arg] = index);
        }
        text.results.iter().for_each(|&(value, _)| last_read[value] = usize::MAX);
        Writer {
            text,
            assembler: Assembler::default(),
            free: Free::after(LEFT),
            fixed: vec![],
            addresses: vec![],
            held: vec![None; text.values.count()],
            last_read,
            mask: None,
        }
    }

    /// Writes what comes before all elements: registers are saved, then filled.
    fn begin(&mut self, draft: &Writer<'_>) -> Option<()> {
        let kept = draft.addresses.iter().map(|(_, register)| register).filter(|r| r.is_kept());
        kept.for_each(|&register| self.assembler.push(register));
        self.assembler.kmovw(LEFT, REST);
        self.assembler.zero(INDEX);
        for &(source, _) in &draft.fixed {
            let register = self.fixed(source)?;
            match source {
                Source::Constant(bits) => self.assembler.constant(register, bits),
                Source::Splat(entry) | Source::Elements(entry) => {
                    self.assembler.mov_from(Gpr::RAX, TABLE, entry);
                    self.assembler.load(register, At { base: Gpr::RAX, index: INDEX }, None);
                }
            }
        }
        for &(entry, _) in &draft.addresses {
            let register = self.address(entry)?;
            self.assembler.mov_from(register, TABLE, entry);
        }
        Some(())
    }

    /// Writes the loop over whole registers, and the pass over what is left.
    fn passes(&mut self) -> Option<()> {
        let [again, rest, done] = [(); 3].map(|()| self.assembler.label());
        self.assembler.cmp(INDEX, COUNT);
        self.assembler.jump(If::AboveOrEqual, rest);
        self.assembler.place(again);
        self.body(None)?;
        self.assembler.add(INDEX, LANES as i8);
        self.assembler.cmp(INDEX, COUNT);
        self.assembler.jump(If::Below, again);
        self.assembler.place(rest);
        self.assembler.kortestw(LEFT);
        self.assembler.jump(If::Equal, done);
        self.body(Some(LEFT))?;
        self.assembler.place(done);
        Some(())
    }

    fn end(&mut self) {
        self.assembler.vzeroupper();
        let kept = self.addresses.iter().map(|(_, register)| register).filter(|r| r.is_kept());
        kept.rev().for_each(|&register| self.assembler.pop(register));
        self.assembler.ret();
    }

    /// Writes all steps for one register of elements. Results are written last: they may go where
    /// operands are.
    fn body(&mut self, mask: Option<Mask>) -> Option<()> {
        let free = self.free;
        self.mask = mask;
        for (index, step) in self.text.steps.iter().enumerate() {
            let args = step.args.iter().map(|&arg| self.value(arg));
            let args = args.collect::<Option<Vec<_>>>()?;
            let result = self.step(step, &args)?;
            self.held[step.value] = Some(result);
            step.args.iter().for_each(|&arg| self.release(arg, index));
        }
        for &(value, entry) in self.text.results {
            self.write(value, entry)?;
        }
        self.held.fill(None);
        // What the draft found to be fixed stays.
        self.free = free;
        Some(())
    }

    /// Where a value is; it is read if it is not yet there.
    fn value(&mut self, value: usize) -> Option<Held> {
        if let Some(held) = self.held[value] {
            return Some(held);
        }
        let entry = match self.text.values.source(value, self.text.entry) {
            Source::Elements(entry) => entry,
            source => return self.fixed(source).map(Held::Vector),
        };
        let from = At { base: self.address(entry)?, index: INDEX };
        let held = match self.text.values.dtype(value) {
            DType::F32 | DType::I32 => {
                let to = self.free.zmm()?;
                self.assembler.load(to, from, self.mask);
                Held::Vector(to)
            }
            DType::U8 => {
                let to = self.free.zmm()?;
                self.assembler.load_bytes(to, from, self.mask);
                Held::Vector(to)
            }
            DType::Bool => {
                let (to, through) = (self.free.mask()?, self.free.zmm()?);
                self.assembler.load_mask(to, from, self.mask, through);
                self.free.give_zmm(through);
                Held::Truth(to)
            }
        };
        self.held[value] = Some(held);
        Some(held)
    }

    /// Gives back the register of a value that no step after this one reads.
    fn release(&mut self, value: usize, step: usize) {
        if self.last_read[value] > step {
            return;
        }
        match self.held[value].take() {
            Some(Held::Vector(register)) => self.free.give_zmm(register),
            Some(Held::Truth(register)) => self.free.give_mask(register),
            None => {}
        }
    }

    /// Writes a result.
    fn write(&mut self, value: usize, entry: Entry) -> Option<()> {
        let to = At { base: self.address(entry)?, index: INDEX };
        match self.held[value]? {
            Held::Vector(register) => self.assembler.store(to, register, self.mask),
            Held::Truth(register) => {
                let through = self.free.zmm()?;
                self.assembler.store_mask(to, register, self.mask, through);
                self.free.give_zmm(through);
            }
        }
        Some(())
    }

    /// The register of what is the same for all elements.
    fn fixed(&mut self, source: Source) -> Option<Zmm> {
        if let Some((_, register)) = self.fixed.iter().find(|(known, _)| *known == source) {
            return Some(*register);
        }
        let register = self.free.zmm()?;
        self.fixed.push((source, register));
        Some(register)
    }

    fn number(&mut self, number: f32) -> Option<Zmm> {
        self.fixed(Source::Constant(number.to_bits()))
    }

    /// The register of an entry's address.
    fn address(&mut self, entry: Entry) -> Option<Gpr> {
        if let Some((_, register)) = self.addresses.iter().find(|(known, _)| *known == entry) {
            return Some(*register);
        }
        let register = *ADDRESSES.get(self.addresses.len())?;
        self.addresses.push((entry, register));
        Some(register)
    }

    /// Writes a step. Its result gets a register of its own.
    fn step(&mut self, step: &Combined, args: &[Held]) -> Option<Held> {
        let of = step.args.first().map_or(step.dtype, |&arg| self.text.values.dtype(arg));
        let arg = |i: usize| args[i].vector();
        if let Action::One(op) = step.action {
            return match op {
                ScalarOp::Unary(UnaryOp::IsFinite) => self.is_finite(arg(0)).map(Held::Truth),
                ScalarOp::Compare(op) => self.compare(op, arg(0), arg(1)).map(Held::Truth),
                ScalarOp::Unary(op) => self.unary(op, arg(0)).map(Held::Vector),
                ScalarOp::Binary(op) => self.binary(op, arg(0), arg(1)).map(Held::Vector),
                ScalarOp::Select => {
                    let to = self.free.zmm()?;
                    self.assembler.vblendmps(to, args[0].truth(), arg(1), arg(2));
                    Some(Held::Vector(to))
                }
                ScalarOp::Cast => self.cast(of, args[0]).map(Held::Vector),
                ScalarOp::Constant(_) => unreachable!("constants are no steps"),
            };
        }
        let to = self.free.zmm()?;
        match step.action {
            Action::Left(first, second) => {
                self.arithmetic(first, to, arg(0), arg(1));
                self.arithmetic(second, to, to, arg(2));
            }
            Action::Right(first, second) => {
                self.arithmetic(first, to, arg(0), arg(1));
                self.arithmetic(second, to, arg(2), to);
            }
            Action::OverRoot => {
                self.assembler.vaddps(to, arg(0), arg(1));
                self.over_root(to, arg(2))?;
            }
            Action::One(_) => unreachable!("these came before"),
        }
        Some(Held::Vector(to))
    }

    fn unary(&mut self, op: UnaryOp, x: Zmm) -> Option<Zmm> {
        let to = self.free.zmm()?;
        match op {
            UnaryOp::Neg => {
                let sign = self.number(-0.0)?;
                self.assembler.vxorps(to, x, sign);
            }
            UnaryOp::Abs => {
                let rest = self.number(f32::from_bits(!(1 << 31)))?;
                self.assembler.vandps(to, x, rest);
            }
            UnaryOp::Square => self.assembler.vmulps(to, x, x),
            UnaryOp::Sqrt => self.assembler.vsqrtps(to, x),
            UnaryOp::Reciprocal => {
                let one = self.number(1.0)?;
                self.assembler.vdivps(to, one, x);
            }
            UnaryOp::Relu => {
                // The second operand if either is NaN.
                let zero = self.number(0.0)?;
                self.assembler.vmaxps(to, zero, x);
            }
            UnaryOp::Floor => self.assembler.vrndscaleps(to, x, Rounding::Down),
            UnaryOp::Ceil => self.assembler.vrndscaleps(to, x, Rounding::Up),
            UnaryOp::Round => self.assembler.vrndscaleps(to, x, Rounding::Nearest),
            _ => unreachable!("{op:?} is no word"),
        }
        Some(to)
    }

    fn binary(&mut self, op: BinaryOp, a: Zmm, b: Zmm) -> Option<Zmm> {
        let to = self.free.zmm()?;
        match op {
            BinaryOp::Max | BinaryOp::Min => {
                // The instruction gives the second operand if either is NaN.
                match op {
                    BinaryOp::Max => self.assembler.vmaxps(to, a, b),
                    _ => self.assembler.vminps(to, a, b),
                }
                let nan = self.free.mask()?;
                self.assembler.vcmpps(nan, a, a, Is::Unordered);
                self.assembler.vblendmps(to, nan, a, to);
                self.free.give_mask(nan);
            }
            _ => self.arithmetic(op, to, a, b),
        }
        Some(to)
    }

    fn arithmetic(&mut self, op: BinaryOp, to: Zmm, a: Zmm, b: Zmm) {
        match op {
            BinaryOp::Add => self.assembler.vaddps(to, a, b),
            BinaryOp::Sub => self.assembler.vsubps(to, a, b),
            BinaryOp::Mul => self.assembler.vmulps(to, a, b),
            BinaryOp::Div => self.assembler.vdivps(to, a, b),
            _ => unreachable!("{op:?} is not arithmetic"),
        }
    }

    fn compare(&mut self, op: CompareOp, a: Zmm, b: Zmm) -> Option<Mask> {
        let (a, b, is) = match op {
            CompareOp::Equal => (a, b, Is::Equal),
            CompareOp::NotEqual => (a, b, Is::NotEqual),
            CompareOp::Less => (a, b, Is::Less),
            CompareOp::LessEqual => (a, b, Is::LessOrEqual),
            CompareOp::Greater => (b, a, Is::Less),
            CompareOp::GreaterEqual => (b, a, Is::LessOrEqual),
        };
        let to = self.free.mask()?;
        self.assembler.vcmpps(to, a, b, is);
        Some(to)
    }

    fn is_finite(&mut self, x: Zmm) -> Option<Mask> {
        let size = self.unary(UnaryOp::Abs, x)?;
        let infinity = self.number(f32::INFINITY)?;
        let to = self.compare(CompareOp::Less, size, infinity)?;
        self.free.give_zmm(size);
        Some(to)
    }

    fn cast(&mut self, of: DType, x: Held) -> Option<Zmm> {
        let to = self.free.zmm()?;
        if of == DType::Bool {
            let one = self.number(1.0)?;
            self.assembler.vmovaps_or_zero(to, x.truth(), one);
        } else {
            self.assembler.vcvtdq2ps(to, x.vector());
        }
        Some(to)
    }

    /// `c / √x` in the place of `x`, as [`crate::simd::Simd::over_root`] does it.
    fn over_root(&mut self, x: Zmm, c: Zmm) -> Option<()> {
        let (half, three_halves) = (self.number(0.5)?, self.number(1.5)?);
        let (estimate, factor) = (self.free.zmm()?, self.free.zmm()?);
        let improves = self.free.mask()?;
        self.assembler.vrsqrt14ps(estimate, x);
        self.assembler.vmulps(factor, x, estimate);
        self.assembler.vmulps(factor, factor, half);
        self.assembler.vfnmadd213ps(factor, estimate, three_halves);
        self.assembler.vcmpps(improves, factor, factor, Is::Ordered);
        self.assembler.vmulps_where(estimate, improves, estimate, factor);
        self.assembler.vmulps(x, c, estimate);
        self.free.give_zmm(estimate);
        self.free.give_zmm(factor);
        self.free.give_mask(improves);
        Some(())
    }
}
