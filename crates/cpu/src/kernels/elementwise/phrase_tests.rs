//! What phrases compute, beside what functions do.

use super::*;
use crate::executor::Winograd;
use crate::program::Slot;
use crate::simd::Instructions;
use crate::threads::Crew;
use cornu_graph::DType;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use memmap2::{MmapMut, MmapOptions};
use std::fs::File;
use std::ops::Range;

/// Numbers that look random, the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        // Knuth's constants for a linear congruence.
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// The shapes of loops: whole registers and parts of them, tiles of one row and of many.
const SHAPES: [&[usize]; 13] = [
    &[1],
    &[15],
    &[16],
    &[17],
    &[100],
    &[1024],
    &[1500],
    &[7, 13],
    &[33, 70],
    &[3, 5, 11],
    &[5, 1040],
    &[4, 70, 3],
    &[2, 1],
];

/// A loop, and what it works on.
struct Case {
    kernel: fused::Kernel,
    shapes: Vec<Vec<usize>>,
    inputs: Vec<Vec<u8>>,
    /// The inputs and outputs that are the same memory.
    shared: Vec<(usize, usize)>,
}

impl Case {
    fn new(numbers: &mut Numbers) -> Case {
        let shape = numbers.one_of(&SHAPES);
        let (mut dtypes, mut shapes) = (vec![], vec![]);
        for i in 0..4 + numbers.below(16) {
            let all = [DType::F32, DType::I32, DType::U8, DType::Bool, DType::F32, DType::F32];
            dtypes.push(if i < 4 { all[i] } else { numbers.one_of(&all) });
            shapes.push(operand(numbers, shape));
        }
        let kernel = kernel(numbers, shape, dtypes);
        let count = |shape: &Vec<usize>| shape.iter().product();
        let data = kernel.inputs.iter().zip(&shapes);
        let inputs = data.map(|(&dtype, shape)| elements(numbers, dtype, count(shape))).collect();
        let mut shared: Vec<(usize, usize)> = vec![];
        for (output, &value) in kernel.outputs.iter().enumerate() {
            let size = |value| kernel.dtype(value).size();
            let fits = |input: &usize| {
                let is_free = shared.iter().all(|(taken, _)| taken != input);
                is_free && shapes[*input] == shape && size(*input) == size(value)
            };
            let fitting: Vec<usize> = (0..shapes.len()).filter(fits).collect();
            if numbers.below(2) == 0 && !fitting.is_empty() {
                shared.push((numbers.one_of(&fitting), output));
            }
        }
        Case { kernel, shapes, inputs, shared }
    }

    fn compile(&self, shared: &[(usize, usize)], phrases: bool) -> [Program; 2] {
        let way = (Instructions::best(), phrases);
        compile(&self.kernel, &self.shapes, shared, way, Cut::Anywhere)
    }

    /// The bytes of each output, as the first of the programs computes them.
    fn run(&self, programs: [Program; 2], shared: &[(usize, usize)]) -> Vec<Vec<u8>> {
        let request = Request {
            op: &Op::Select,
            inputs: &[],
            outputs: &[],
            shared,
            instructions: Instructions::best(),
            crew: Crew { threads: 2, handover: 0 },
            winograd: Winograd::Auto,
        };
        let elementwise = Elementwise::from_programs(programs, &self.kernel, &request);
        let count = self.kernel.shape.sizes().iter().product::<usize>();
        let sizes =
            self.kernel.outputs.iter().map(|&value| count * self.kernel.dtype(value).size());
        let results = sizes.map(|bytes| Guarded::new(&vec![0; bytes]));
        let mut blocks: Vec<_> = self.inputs.iter().map(|bytes| Guarded::new(bytes)).collect();
        blocks.extend(results);
        blocks.push(Guarded::new(&vec![0; elementwise.scratch().next_multiple_of(64)]));
        let bases: Vec<*mut u8> =
            blocks.iter_mut().map(|block| block.bytes().as_mut_ptr()).collect();
        let slot = |base| Slot { base, offset: 0 };
        let (first, last) = (self.inputs.len(), bases.len() - 1);
        let inputs: Vec<_> = (0..first).map(slot).collect();
        let mut outputs: Vec<_> = (first..last).map(slot).collect();
        shared.iter().for_each(|&(input, output)| outputs[output] = slot(input));
        let io = Io { bases: &bases, inputs: &inputs, outputs: &outputs, scratch: slot(last) };
        for part in 0..elementwise.parts {
            // SAFETY: the blocks are as large as the operands and as the scratch memory.
            unsafe { elementwise.part(io, part, std::ptr::null()) };
        }
        outputs.iter().map(|slot| blocks[slot.base].bytes().to_vec()).collect()
    }
}

/// The shape of an operand of a loop, often one that is repeated along some axes.
fn operand(numbers: &mut Numbers, shape: &[usize]) -> Vec<usize> {
    let axis = numbers.below(shape.len());
    match numbers.below(6) {
        0 => vec![],
        1 => shape[axis..].to_vec(),
        2 => shape.iter().enumerate().map(|(i, &n)| if i == axis { 1 } else { n }).collect(),
        _ => shape.to_vec(),
    }
}

/// A loop of random steps, most of which phrases have words for.
fn kernel(numbers: &mut Numbers, shape: &[usize], inputs: Vec<DType>) -> fused::Kernel {
    let mut dtypes = inputs.clone();
    let mut steps = vec![];
    let count = 1 + numbers.below(60);
    while steps.len() < count {
        for (op, args, dtype) in some_steps(numbers, &dtypes) {
            steps.push(fused::Step { op, args, dtype });
            dtypes.push(dtype);
        }
    }
    let mut outputs = vec![dtypes.len() - 1];
    for _ in 0..numbers.below(6) {
        // Now and then an input, or one that is there already.
        let first = if numbers.below(6) == 0 { 0 } else { inputs.len() };
        outputs.push(first + numbers.below(dtypes.len() - first));
    }
    let last = outputs.len() - 1;
    outputs.swap(numbers.below(last + 1), last);
    fused::Kernel { product: None, shape: shape.to_vec().into(), inputs, steps, outputs }
}

/// A step, or a few that belong together.
fn some_steps(numbers: &mut Numbers, dtypes: &[DType]) -> Vec<(ScalarOp, Vec<usize>, DType)> {
    use DType::{Bool, F32, I32, U8};
    let mut value = |dtype: DType| {
        let fitting: Vec<_> = (0..dtypes.len()).filter(|&v| dtypes[v] == dtype).collect();
        // Often a late one, so that chains come about.
        let late = &fitting[fitting.len().saturating_sub(3)..];
        if numbers.below(2) == 0 { numbers.one_of(late) } else { numbers.one_of(&fitting) }
    };
    let [a, b, c] = [(); 3].map(|()| value(F32));
    let [truth, whole, byte] = [value(Bool), value(I32), value(U8)];
    let binary = |op, args: [usize; 2]| (ScalarOp::Binary(op), args.to_vec(), F32);
    vec![match numbers.below(18) {
        0 => (ScalarOp::Select, vec![truth, a, b], F32),
        1 => (ScalarOp::Select, vec![truth, whole, whole], I32),
        2 => (ScalarOp::Select, vec![truth, byte, byte], U8),
        3 => (ScalarOp::Cast, vec![numbers.one_of(&[whole, byte, truth])], F32),
        4 => (ScalarOp::Cast, vec![numbers.one_of(&[a, whole, byte])], Bool),
        5 => (ScalarOp::Unary(UnaryOp::IsFinite), vec![a], Bool),
        6 => {
            use CompareOp::*;
            let all = [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual];
            (ScalarOp::Compare(numbers.one_of(&all)), vec![a, b], Bool)
        }
        7 => {
            let (number, dtype) =
                numbers.one_of(&[(0.1, F32), (-0.0, F32), (3.0, I32), (1.0, Bool)]);
            (ScalarOp::Constant(f64::from(number as f32)), vec![], dtype)
        }
        8..=9 => {
            // c / √(a + b)
            let first = dtypes.len();
            return vec![
                binary(BinaryOp::Add, [a, b]),
                (ScalarOp::Unary(UnaryOp::Sqrt), vec![first], F32),
                binary(BinaryOp::Div, [c, first + 1]),
            ];
        }
        10..=12 => {
            use UnaryOp::*;
            let all = [Neg, Abs, Square, Sqrt, Reciprocal, Relu, Floor, Ceil, Round, Exp, Sign];
            (ScalarOp::Unary(numbers.one_of(&all)), vec![a], F32)
        }
        _ => {
            use BinaryOp::*;
            binary(numbers.one_of(&[Add, Add, Sub, Mul, Mul, Div, Max, Min]), [a, b])
        }
    }]
}

/// Random bytes of elements; among numbers also those at which something special happens.
fn elements(numbers: &mut Numbers, dtype: DType, count: usize) -> Vec<u8> {
    let special = [0.0, -0.0, 1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-42, 3.5, -2.5];
    let element = |_| match dtype {
        DType::F32 if numbers.below(4) == 0 => numbers.one_of(&special).to_ne_bytes().to_vec(),
        DType::F32 => ((numbers.below(20_001) as f32 - 1e4) / 1e3).to_ne_bytes().to_vec(),
        DType::I32 => (numbers.below(2001) as i32 - 1000).to_ne_bytes().to_vec(),
        DType::U8 => vec![numbers.below(256) as u8],
        DType::Bool => vec![numbers.below(2) as u8],
    };
    (0..count).flat_map(element).collect()
}

/// Memory behind which there is none: to touch what comes next ends the program.
struct Guarded {
    map: MmapMut,
    range: Range<usize>,
}

impl Guarded {
    fn new(bytes: &[u8]) -> Guarded {
        const PAGE: usize = 4096;
        let there = bytes.len().next_multiple_of(PAGE);
        // A file that ends where the memory shall end, mapped with one page more.
        let file: File = tempfile::tempfile().unwrap();
        file.set_len(there as u64).unwrap();
        // SAFETY: nobody else has the file.
        let mut map = unsafe { MmapOptions::new().len(there + PAGE).map_copy(&file).unwrap() };
        let range = there - bytes.len()..there;
        map[range.clone()].copy_from_slice(bytes);
        Guarded { map, range }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.map[self.range.clone()]
    }
}

/// Whether two outputs are the same; which NaN a number is does not matter.
fn same(dtype: DType, a: &[u8], b: &[u8]) -> bool {
    let float = |bytes: &[u8]| f32::from_ne_bytes(bytes.try_into().unwrap());
    let is_nan = |bytes: &[u8]| dtype == DType::F32 && float(bytes).is_nan();
    let mut pairs = a.chunks(dtype.size()).zip(b.chunks(dtype.size()));
    pairs.all(|(a, b)| a == b || is_nan(a) && is_nan(b))
}

#[test]
fn phrases_say_what_functions_say() {
    if !phrases::can_write(Instructions::best()) {
        return;
    }
    let is_phrase = |step: &&Step| matches!(step, Step::Phrase(_));
    let mut said = 0;
    for seed in 0..600 {
        let case = Case::new(&mut Numbers(seed));
        let functions = case.compile(&[], false);
        assert_eq!(functions[0].steps.iter().filter(is_phrase).count(), 0);
        let expected = case.run(functions, &[]);
        let [better, other] = case.compile(&case.shared, true);
        said += better.steps.iter().filter(is_phrase).count();
        // Both tiles, with outputs in the place of inputs and without.
        let [again, another] = case.compile(&case.shared, true);
        let ways = [
            ([better, other], &case.shared[..]),
            ([another, again], &case.shared),
            (case.compile(&[], true), &[]),
            (case.compile(&case.shared, false), &case.shared),
        ];
        for (way, (programs, shared)) in ways.into_iter().enumerate() {
            let given = case.run(programs, shared);
            for (i, &value) in case.kernel.outputs.iter().enumerate() {
                let is_same = same(case.kernel.dtype(value), &given[i], &expected[i]);
                assert!(is_same, "seed {seed}, way {way}, output {i}: {:?}", case.kernel);
            }
        }
    }
    assert!(said > 1000, "only {said} phrases");
}
