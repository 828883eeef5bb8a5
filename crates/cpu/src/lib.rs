//! The CPU backend of Cornu: planned programs on AVX-512, AVX2 or portable kernels.
//!
//! A [`Cpu`] turns a [`cornu_graph::Plan`] into a program: a list of kernels with all sizes
//! resolved, and one arena for all intermediate values. A run allocates nothing.
//!
//! | room | what is in it |
//! |---|---|
//! | `executor`, `program`, `leaf` | from a plan to a program; the run; checks of what it is handed |
//! | `pace` | on how many threads a program runs best here and now, found out by running it |
//! | `strips` | programs that take a large batch through all layers a few samples at a time |
//! | `kernels` | one file an idea; each kernel is made for its sizes and its share of threads |
//! | `simd`, `math` | vectors of `f32` for three instruction sets; elementary functions of them |
//! | `threads` | the threads that stay, and the fixed rule by which they share work |
//! | `machine` | what the machine can do at most, measured |
//! | `arena`, `float` | aligned memory; the processor's mode for denormal numbers |
//!
//! Results depend on the number of threads and the instructions, never on timing.
//!
//! ```
//! use cornu_cpu::Cpu;
//! use cornu_graph::scalar::UnaryOp;
//! use cornu_graph::{Array, Executor, Graph, Op, Plan, Program, plan};
//!
//! let x = Array::new([3], vec![1.0f32, 4.0, 9.0])?;
//! let mut graph = Graph::new();
//! let input = graph.add(Op::Input { index: 0, ty: x.ty() }, &[]);
//! let root = graph.unary(UnaryOp::Sqrt, input);
//! graph.outputs.push(root);
//!
//! let cpu = Cpu::default();
//! let scratch = |node: &_, types: &[&_]| cpu.scratch(node, types);
//! let mut program = cpu.load(Plan::new(graph, plan::Options::default(), scratch))?;
//! program.run(&[&x], &mut [])?;
//! assert_eq!(program.output(0).as_slice::<f32>()?, [1.0, 2.0, 3.0]);
//! # Ok::<(), cornu_graph::Error>(())
//! ```

mod arena;
mod executor;
mod float;
mod kernels;
mod leaf;
mod machine;
mod math;
mod native;
mod pace;
mod program;
pub mod sampling;
mod simd;
mod strips;
mod threads;

pub use executor::{Cpu, Options, Winograd};
pub use machine::{Machine, Reading};
pub use program::CpuProgram;
pub use simd::Instructions;
pub use strips::StripProgram;
pub use threads::Lent;
