//! Kernels compiled in several ways.

use super::*;
use crate::executor::Winograd;
use crate::program::Slot;
use crate::simd::Instructions;
use crate::threads::Crew;
use cornu_graph::DType;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};

/// A loop over 4 inputs that keeps as many values until its end as asked for, and gives out
/// others before, while all inputs are still to be read.
fn kernel(kept: usize, given: usize) -> fused::Kernel {
    let (inputs, mut steps) = (4, vec![]);
    let mut step = |op, args: &[usize]| {
        steps.push(fused::Step { op, args: args.to_vec(), dtype: DType::F32 });
        inputs + steps.len() - 1
    };
    let kept: Vec<usize> =
        (0..kept).map(|i| step(ScalarOp::Unary(UnaryOp::Exp), &[i % inputs])).collect();
    let mut outputs: Vec<usize> =
        (0..given).map(|i| step(ScalarOp::Unary(UnaryOp::Log), &[i % inputs])).collect();
    let all = (0..inputs).chain(kept);
    let sum = all.reduce(|a, b| step(ScalarOp::Binary(BinaryOp::Add), &[a, b]));
    outputs.push(sum.unwrap());
    fused::Kernel {
        product: None,
        shape: [60, 60].into(),
        inputs: vec![DType::F32; inputs],
        steps,
        outputs,
    }
}

/// A plan has the memory that a kernel wants if all its operands may share theirs.
#[test]
fn operands_that_share_less_memory_need_no_more_scratch() {
    for (kept, given) in (0..8).flat_map(|kept| (0..6).map(move |given| (kept, given))) {
        let kernel = kernel(kept, given);
        let ty = TensorType::new(DType::F32, kernel.shape.clone());
        let (inputs, outputs) = (vec![&ty; 4], vec![ty.clone(); kernel.outputs.len()]);
        let scratch = |shared: &[(usize, usize)]| {
            let crew = Crew { threads: 2, handover: 0 };
            let instructions = Instructions::Portable;
            let (op, inputs, outputs) = (&Op::Select, &inputs[..], &outputs[..]);
            let winograd = Winograd::Auto;
            let request = Request { op, inputs, outputs, shared, instructions, crew, winograd };
            Elementwise::from_kernel(&kernel, &request, Cut::Anywhere).scratch()
        };
        let pairs = (0..4).flat_map(|i| (0..outputs.len()).map(move |o| (i, o)));
        let pairs: Vec<(usize, usize)> = pairs.collect();
        let planned = scratch(&pairs);
        for n in 0..pairs.len() {
            let wanted = scratch(&pairs[n..]).max(scratch(&pairs[..n]));
            assert!(wanted <= planned, "{wanted} > {planned}: {kept} kept, {given} given, {n}");
        }
    }
}

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

/// The dtypes of the inputs of [`mixed`], and whether each is one element.
const INPUTS: [(DType, bool); 8] = [
    (DType::F32, false),
    (DType::F32, false),
    (DType::F32, true),
    (DType::I32, false),
    (DType::I32, true),
    (DType::U8, false),
    (DType::Bool, false),
    (DType::Bool, true),
];

/// A loop of random steps, most of which phrases have words for.
fn mixed(numbers: &mut Numbers, shape: &[usize]) -> fused::Kernel {
    let mut dtypes: Vec<DType> = INPUTS.iter().map(|(dtype, _)| *dtype).collect();
    let mut steps = vec![];
    for _ in 0..1 + numbers.below(40) {
        let mut value = |dtype: DType| {
            let fitting = (0..dtypes.len()).filter(|&v| dtypes[v] == dtype).collect::<Vec<_>>();
            // Often the latest, so that chains come about.
            let recent = &fitting[fitting.len().saturating_sub(3)..];
            if numbers.below(2) == 0 { numbers.one_of(recent) } else { numbers.one_of(&fitting) }
        };
        let [a, b, condition] = [value(DType::F32), value(DType::F32), value(DType::Bool)];
        let [whole, byte] = [value(DType::I32), value(DType::U8)];
        let (op, args, dtype) = match numbers.below(16) {
            0 => (ScalarOp::Select, vec![condition, a, b], DType::F32),
            1 => (ScalarOp::Select, vec![condition, whole, whole], DType::I32),
            2 => (ScalarOp::Cast, vec![numbers.one_of(&[whole, byte, condition])], DType::F32),
            3 => (ScalarOp::Unary(UnaryOp::IsFinite), vec![a], DType::Bool),
            4 => {
                use CompareOp::*;
                let all = [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual];
                (ScalarOp::Compare(numbers.one_of(&all)), vec![a, b], DType::Bool)
            }
            5 => (ScalarOp::Constant(0.1f32.into()), vec![], DType::F32),
            6..=9 => {
                use UnaryOp::*;
                let all = [Neg, Abs, Square, Sqrt, Reciprocal, Relu, Floor, Ceil, Round, Exp];
                (ScalarOp::Unary(numbers.one_of(&all)), vec![a], DType::F32)
            }
            _ => {
                use BinaryOp::*;
                let all = [Add, Add, Sub, Mul, Mul, Div, Max, Min];
                (ScalarOp::Binary(numbers.one_of(&all)), vec![a, b], DType::F32)
            }
        };
        steps.push(fused::Step { op, args, dtype });
        dtypes.push(dtype);
    }
    let results = 1 + numbers.below(4);
    let mut outputs: Vec<_> =
        (0..results).map(|_| INPUTS.len() + numbers.below(steps.len())).collect();
    outputs.push(dtypes.len() - 1);
    outputs.sort_unstable();
    outputs.dedup();
    let inputs = dtypes[..INPUTS.len()].to_vec();
    fused::Kernel { product: None, shape: shape.to_vec().into(), inputs, steps, outputs }
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

/// What is behind an output.
const GUARD: u8 = 0xaa;

/// What a kernel computes of these inputs: the bytes of each output. The first input is the same
/// memory as the first output where `shared`.
fn run(kernel: &Elementwise, inputs: &[Vec<u8>], outputs: &[usize], shared: bool) -> Vec<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = inputs.to_vec();
    blocks.extend(outputs.iter().map(|&bytes| vec![GUARD; bytes + 64]));
    let mut scratch = vec![0u128; kernel.scratch().div_ceil(16) + 4];
    let mut bases: Vec<*mut u8> = blocks.iter_mut().map(|block| block.as_mut_ptr()).collect();
    bases.push(scratch.as_mut_ptr().cast::<u8>());
    let slot = |base| Slot { base, offset: 0 };
    let of_inputs: Vec<_> = (0..inputs.len()).map(slot).collect();
    let mut of_outputs: Vec<_> = (inputs.len()..bases.len() - 1).map(slot).collect();
    if shared {
        of_outputs[0] = slot(0);
    }
    let scratch = slot(bases.len() - 1);
    let io = Io { bases: &bases, inputs: &of_inputs, outputs: &of_outputs, scratch };
    for part in 0..kernel.parts {
        // SAFETY: the blocks are as large as the operands, and the scratch memory as asked for.
        unsafe { kernel.part(io, part, std::ptr::null()) };
    }
    let result = |(slot, &bytes): (&Slot, &usize)| {
        let (result, behind) = blocks[slot.base].split_at(bytes);
        assert!(behind.iter().all(|&byte| byte == GUARD), "written behind the end");
        result.to_vec()
    };
    of_outputs.iter().zip(outputs).map(result).collect()
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
    let instructions = Instructions::best();
    if !phrases::can_write(instructions) {
        return;
    }
    let mut said = 0;
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let count = numbers.one_of(&[1, 15, 16, 17, 100, 1024, 1500]);
        let kernel = mixed(&mut numbers, &[count]);
        let size = |splat| if splat { 1 } else { count };
        let shapes: Vec<_> = INPUTS.iter().map(|&(_, splat)| vec![size(splat)]).collect();
        let inputs: Vec<_> = INPUTS
            .iter()
            .map(|&(dtype, splat)| elements(&mut numbers, dtype, size(splat)))
            .collect();
        let types: Vec<_> = kernel.outputs.iter().map(|&v| kernel.dtype(v)).collect();
        let bytes: Vec<_> = types.iter().map(|dtype| count * dtype.size()).collect();
        let shared = types[0] == DType::F32 && numbers.below(2) == 0;
        let sharing: &[_] = if shared { &[(0, 0)] } else { &[] };
        let request = Request {
            op: &Op::Select,
            inputs: &[],
            outputs: &[],
            shared: sharing,
            instructions,
            crew: Crew { threads: 1, handover: 0 },
            winograd: Winograd::Auto,
        };
        let [given, expected] = [true, false].map(|phrases| {
            let way = (instructions, phrases);
            let programs = compile(&kernel, &shapes, sharing, way, Cut::Anywhere);
            let steps = programs[0].steps.iter();
            let count = steps.filter(|step| matches!(step, Step::Phrase(_))).count();
            assert!(phrases || count == 0);
            said += count;
            let kernel = Elementwise::from_programs(programs, &kernel, &request);
            run(&kernel, &inputs, &bytes, shared)
        });
        for (i, dtype) in types.iter().enumerate() {
            assert!(same(*dtype, &given[i], &expected[i]), "seed {seed}, output {i}: {kernel:?}");
        }
    }
    assert!(said > 400, "only {said} phrases");
}
