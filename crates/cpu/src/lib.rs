//! The CPU backend of Cornu: planned programs on AVX-512, AVX2 or portable kernels.
//!
//! A [`Cpu`] turns a [`cornu_graph::Plan`] into a program: a list of kernels with all sizes
//! resolved, and one arena for all intermediate values. A run allocates nothing.
//!
//! | room | what is in it |
//! |---|---|
//! | `executor`, `program` | from a plan to a program; the run |
//! | `kernels` | one file an idea; each kernel is made for its sizes and asked how it is shared out |
//! | `simd`, `math` | vectors of `f32` for three instruction sets; elementary functions of them |
//! | `threads` | the threads that stay, and the fixed rule by which they share work |
//! | `arena`, `float` | aligned memory; the processor's mode for denormal numbers |
//!
//! Results depend on the number of threads and the instructions, never on timing.

mod arena;
mod executor;
mod float;
mod kernels;
mod math;
mod program;
mod simd;
mod threads;

pub use executor::{Cpu, Options};
pub use program::CpuProgram;
pub use simd::Instructions;
