//! What the machine can do at most, measured: the floor under every op's time.

use crate::executor::Cpu;
use crate::kernels::{FLOPS_OF_PAIRS, pairs_in_chains};
use crate::simd::{Instructions, Simd, instantiate};
use crate::threads::{Session, part};
use cornu_graph::cost::Cost;
use cornu_graph::op::Precision;
use cornu_graph::plan::ALIGNMENT;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The speed of arithmetic and memory with all threads of a [`Cpu`] together.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// The threads.
    pub threads: usize,
    /// Operations on `float32` numbers in a second, with multiplications and additions joined in
    /// registers.
    pub flops_per_second: f64,
    /// The same with factors in bfloat16: the same number, unless the processor has instructions
    /// for it.
    pub bfloat16_flops_per_second: f64,
    /// How fast memory is read that is read again and again, by its size, ascending.
    pub reading: Vec<Reading>,
}

/// How fast memory of a size is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Bytes, of which each thread reads its part.
    pub bytes: usize,
    /// The speed of all threads together.
    pub bytes_per_second: f64,
}

/// The sizes that are measured, as powers of 2: from a first cache to beyond the last of most
/// machines.
const SIZES: std::ops::RangeInclusive<u32> = 14..=26;
/// How long one measurement takes at least: a thousand times what it takes to start the threads.
const LONG_ENOUGH: Duration = Duration::from_millis(1);
/// How many of them there are. The fastest counts: others were interrupted.
const TIMES: usize = 5;
/// Vectors in registers at once: more than arithmetic units times the steps that each takes, and
/// not more than AVX2 has registers.
const CHAINS: usize = 12;

impl Machine {
    /// Measures, for about 0.2 seconds.
    pub fn measure(cpu: &Cpu) -> Machine {
        let session = cpu.session();
        let (threads, instructions) = (cpu.threads(), cpu.instructions());
        let numbers = |power: u32| (1 << power) / size_of::<f32>();
        let memory = vec![1.0f32; numbers(*SIZES.end()) + ALIGNMENT];
        // A vector on two lines of the cache is read twice.
        let aligned = &memory[memory.as_ptr().align_offset(ALIGNMENT)..];
        let reading =
            SIZES.map(|power| read(&session, threads, instructions, &aligned[..numbers(power)]));
        let mut reading: Vec<Reading> = reading.collect();
        // What fits more is not slower: that was an interruption.
        for larger in (1..reading.len()).rev() {
            let at_least = reading[larger].bytes_per_second;
            let smaller = &mut reading[larger - 1].bytes_per_second;
            *smaller = smaller.max(at_least);
        }
        let flops_per_second = multiply_and_add(&session, threads, instructions);
        let bfloat16_flops_per_second =
            multiply_pairs_and_add(&session, threads, instructions).unwrap_or(flops_per_second);
        Machine { threads, flops_per_second, bfloat16_flops_per_second, reading }
    }

    /// The better of two measurements of the same machine: what slowed the other down was something
    /// else that ran on it.
    pub fn best(mut self, other: &Machine) -> Machine {
        self.flops_per_second = self.flops_per_second.max(other.flops_per_second);
        self.bfloat16_flops_per_second =
            self.bfloat16_flops_per_second.max(other.bfloat16_flops_per_second);
        for (reading, other) in self.reading.iter_mut().zip(&other.reading) {
            reading.bytes_per_second = reading.bytes_per_second.max(other.bytes_per_second);
        }
        self
    }

    /// How fast memory of this size is read, in bytes for each second: at the speed of the smallest
    /// cache that it fits, by the next smaller size that was measured.
    pub fn bytes_per_second(&self, bytes: usize) -> f64 {
        let fits = self.reading.iter().rev().find(|reading| reading.bytes <= bytes);
        fits.or(self.reading.first()).map_or(f64::INFINITY, |reading| reading.bytes_per_second)
    }

    /// How many seconds an op takes at least that costs this, multiplies in this precision and
    /// touches memory of this size: for its arithmetic or for its memory, whichever takes longer. It may take longer because its
    /// operands are in a cache farther off than they would fit; it can hardly take less.
    pub fn floor(&self, cost: Cost, precision: Precision, memory: usize) -> f64 {
        let flops_per_second = match precision {
            Precision::Float32 => self.flops_per_second,
            Precision::BFloat16 => self.bfloat16_flops_per_second,
        };
        let arithmetic = cost.flops as f64 / flops_per_second;
        let moving = cost.bytes() as f64 / self.bytes_per_second(memory);
        arithmetic.max(moving)
    }
}

/// The speed of reading a block of memory, each thread its part.
fn read(
    session: &Session<'_>,
    threads: usize,
    instructions: Instructions,
    memory: &[f32],
) -> Reading {
    let function = instantiate!(
        instructions, fn(data: &[f32], times: usize) -> f32, s => sum(s, data, times)
    );
    let bytes = size_of_val(memory);
    let seconds = fastest(|times| {
        session.run(threads, &|thread| {
            let data = &memory[part(memory.len(), threads, thread)];
            // SAFETY: the backend was made for instructions that the machine has.
            black_box(unsafe { function(data, times) });
        });
    });
    Reading { bytes, bytes_per_second: bytes as f64 / seconds }
}

/// The sum of all whole groups of vectors, which are read so many times.
///
/// # Safety
/// The caller enables the instructions.
#[inline(always)]
unsafe fn sum<S: Simd>(s: S, data: &[f32], times: usize) -> f32 {
    /// As many as there are divide the sizes that are read.
    const SUMS: usize = 8;
    let mut sums = [s.splat(0.0); SUMS];
    for _ in 0..times {
        for group in data.chunks_exact(SUMS * S::LANES) {
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the group holds as many vectors as there are sums.
                *sum = s.add(*sum, unsafe { s.load(group.as_ptr().add(i * S::LANES)) });
            }
        }
    }
    s.sum(sums.into_iter().fold(s.splat(0.0), |a, b| s.add(a, b)))
}

/// Operations in a second.
fn multiply_and_add(session: &Session<'_>, threads: usize, instructions: Instructions) -> f64 {
    /// Rounds of a time.
    const ROUNDS: usize = 1000;
    let function = instantiate!(
        instructions, fn(x: f32, rounds: usize) -> f32, s => chains(s, x, rounds)
    );
    let seconds = fastest(|times| {
        session.run(threads, &|_| {
            // SAFETY: the backend was made for instructions that the machine has.
            black_box(unsafe { function(black_box(0.5), times * ROUNDS) });
        });
    });
    (2 * ROUNDS * CHAINS * instructions.lanes() * threads) as f64 / seconds
}

/// Operations in a second on pairs of bfloat16, where there are instructions for them.
fn multiply_pairs_and_add(
    session: &Session<'_>,
    threads: usize,
    instructions: Instructions,
) -> Option<f64> {
    /// Rounds of a time.
    const ROUNDS: usize = 1000;
    let function = pairs_in_chains(instructions)?;
    let seconds = fastest(|times| {
        session.run(threads, &|_| {
            // SAFETY: the machine has the instructions.
            black_box(unsafe { function(black_box(0.5), times * ROUNDS) });
        });
    });
    Some((ROUNDS * FLOPS_OF_PAIRS * threads) as f64 / seconds)
}

/// Multiplications and additions that wait for nothing but those before them in their chain.
///
/// # Safety
/// The caller enables the instructions.
#[inline(always)]
unsafe fn chains<S: Simd>(s: S, x: f32, rounds: usize) -> f32 {
    let factor = s.splat(x);
    let mut values = [factor; CHAINS];
    for _ in 0..rounds {
        for value in &mut values {
            *value = s.mul_add(*value, factor, factor);
        }
    }
    s.sum(values.into_iter().fold(factor, |a, b| s.add(a, b)))
}

/// The seconds of one time of many in a row, at its fastest.
fn fastest(run: impl Fn(usize)) -> f64 {
    let clock = |times: usize| {
        let start = Instant::now();
        run(times);
        start.elapsed()
    };
    let mut times = 1;
    while clock(times) < LONG_ENOUGH {
        times *= 2;
    }
    let best = (0..TIMES).map(|_| clock(times)).min().unwrap_or(LONG_ENOUGH);
    best.as_secs_f64() / times as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let reading = [(1 << 14, 100.0), (1 << 20, 10.0)];
        let reading =
            reading.map(|(bytes, bytes_per_second)| Reading { bytes, bytes_per_second }).to_vec();
        let (flops_per_second, bfloat16_flops_per_second) = (1000.0, 2000.0);
        Machine { threads: 1, flops_per_second, bfloat16_flops_per_second, reading }
    }

    #[test]
    fn the_floor_is_the_longer_of_arithmetic_and_memory() {
        let machine = machine();
        let cost = |flops, bytes_read| Cost { flops, bytes_read, bytes_written: 100 };
        let float = Precision::Float32;
        assert_eq!(machine.floor(cost(7000, 100), float, 200), 7.0);
        assert_eq!(machine.floor(cost(7000, 100), Precision::BFloat16, 200), 3.5);
        assert_eq!(machine.floor(cost(1000, 300), float, 400), 4.0);
        // The same bytes, of memory that fits no near cache.
        assert_eq!(machine.floor(cost(1000, 300), float, 1 << 21), 40.0);
        assert_eq!(machine.bytes_per_second((1 << 20) - 1), 100.0);
    }

    #[test]
    fn every_instruction_set_is_measured() {
        for instructions in Instructions::ALL.into_iter().filter(|i| i.available()) {
            let cpu =
                Cpu::new(crate::Options { threads: 2, instructions, ..crate::Options::default() })
                    .unwrap();
            let machine = Machine::measure(&cpu);
            assert_eq!(machine.threads, 2);
            for speed in [machine.flops_per_second, machine.bfloat16_flops_per_second] {
                assert!(speed.is_finite() && speed > 1e6);
            }
            let reading = machine.reading;
            assert!(
                reading.is_sorted_by(
                    |a, b| a.bytes < b.bytes && a.bytes_per_second >= b.bytes_per_second
                )
            );
            assert!(reading.iter().all(|reading| reading.bytes_per_second > 1e6));
        }
    }

    #[test]
    fn the_loops_do_the_work_they_are_timed_for() {
        let data: Vec<f32> = (0..8 * 16 * 3).map(|i| i as f32).collect();
        let function = instantiate!(Instructions::best(), fn(x: &[f32]) -> f32, s => sum(s, x, 3));
        // SAFETY: the machine has its best instructions.
        assert_eq!(unsafe { function(&data) }, 3.0 * data.iter().sum::<f32>());
        let function = instantiate!(Instructions::best(), fn(x: f32) -> f32, s => chains(s, x, 2));
        // 2 · (2 · 2 + 2) + 2 in every lane of every chain, and a 2 in every lane.
        let lanes = Instructions::best().lanes() as f32;
        // SAFETY: as above.
        assert_eq!(unsafe { function(2.0) }, lanes * (14.0 * CHAINS as f32 + 2.0));
        if let Some(function) = pairs_in_chains(Instructions::best()) {
            // Of a number's word the high half is that number, the low one 0: 2 + 2 · 2 · 2.
            let chains = FLOPS_OF_PAIRS as f32 / 64.0;
            // SAFETY: the machine has the instructions.
            assert_eq!(unsafe { function(2.0, 2) }, 16.0 * (10.0 * chains + 2.0));
        }
    }
}
