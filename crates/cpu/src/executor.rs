//! The backend: from plans to programs.

use crate::kernels::{Request, build};
use crate::program::CpuProgram;
use crate::simd::Instructions;
use crate::strips::StripProgram;
use crate::threads::{Crew, Lent, Pool, Session};
use cornu_graph::cut::Cut;
use cornu_graph::executor::check_support;
use cornu_graph::infer::project;
use cornu_graph::{Error, ErrorKind, Executor, Graph, Node, Op, Plan, Program, Result, TensorType};
use std::sync::Arc;

/// Choices of a [`Cpu`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many threads share the work, the calling one counted; at least 1.
    pub threads: usize,
    /// The instructions that the kernels use.
    pub instructions: Instructions,
    /// Which convolutions are computed by Winograd's transforms.
    pub winograd: Winograd,
}

/// Which convolutions of 3x3 filters (without strides, dilation and groups), and which of their
/// gradients, are computed by Winograd's transforms: with a quarter of the multiplications, and one
/// to seven times the rounding error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Winograd {
    /// None.
    Never,
    /// Those that are faster so.
    #[default]
    Auto,
    /// All, also where that is slower: for tests.
    Always,
}

/// All processors that this process may use, with the fastest instructions that they have.
impl Default for Options {
    fn default() -> Options {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Options { threads, instructions: Instructions::best(), winograd: Winograd::default() }
    }
}

/// The processor as a backend.
///
/// It owns the threads that its programs share. A program runs alone: another that shares the
/// threads waits. Clones share the threads, too.
#[derive(Clone)]
pub struct Cpu {
    pool: Arc<Pool>,
    instructions: Instructions,
    winograd: Winograd,
    handover: usize,
}

/// About 1 µs: twice what it takes when the workers are awake.
const HANDOVER: usize = 4000;

impl Cpu {
    /// A backend with these options.
    ///
    /// # Errors
    /// If the machine does not have the instructions.
    pub fn new(options: Options) -> Result<Cpu> {
        if !options.instructions.available() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("this machine has no {:?} instructions", options.instructions),
            )
            .help("Options::default() takes the fastest that it has"));
        }
        let pool = Arc::new(Pool::new(options.threads));
        let Options { instructions, winograd, .. } = options;
        Ok(Cpu { pool, instructions, winograd, handover: HANDOVER })
    }

    /// The backend with another idea of how many cycles it takes to hand work to the threads. The
    /// calling thread alone does what would not gain by it; with 0, whatever can be shared out is.
    pub fn with_handover(self, cycles: usize) -> Cpu {
        Cpu { handover: cycles, ..self }
    }

    fn crew(&self) -> Crew {
        Crew { threads: self.pool.threads(), handover: self.handover }
    }

    /// The threads, for as long as the session lasts.
    pub(crate) fn session(&self) -> Session<'_> {
        self.pool.session(self.threads())
    }

    /// Leaves a core to the calling thread, which computes beside the programs, until the guard is
    /// dropped. The results of programs do not depend on it.
    pub fn lend_core(&self) -> Lent {
        self.pool.lend()
    }

    /// How many threads share the work, the calling one counted.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The instructions that the kernels use.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The options that it was made with.
    pub fn options(&self) -> Options {
        Options {
            threads: self.threads(),
            instructions: self.instructions,
            winograd: self.winograd,
        }
    }

    /// Makes a plan ready to run.
    ///
    /// # Errors
    /// If the plan needs an op that the backend does not support.
    pub fn load(&self, plan: Plan) -> Result<CpuProgram> {
        check_support(self, &plan)?;
        let pool = Arc::clone(&self.pool);
        CpuProgram::new(plan, pool, self.crew(), self.instructions, self.winograd)
    }

    /// Makes a program for a large batch of predictions, cut into strips of so many samples, from
    /// the graph of a strip ([`Cut::strip`]), which may have been optimized.
    ///
    /// # Errors
    /// If the graph is not that of so many samples, there is no memory for the results, or it needs
    /// an op that the backend does not support.
    pub fn load_strips(&self, cut: &Cut<'_>, rows: usize, strip: Graph) -> Result<StripProgram> {
        StripProgram::new(self.clone(), cut, rows, strip)
    }

    /// The backend with one thread of its own: the one that calls it.
    pub(crate) fn alone(&self) -> Result<Cpu> {
        Cpu::new(Options { threads: 1, ..self.options() })
    }
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu::new(Options::default()).expect("the machine has the instructions that it has")
    }
}

impl Executor for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    /// There is a kernel for every op that shape inference accepts.
    fn supports(&self, _: &Op, _: &[&TensorType]) -> bool {
        true
    }

    fn scratch(&self, node: &Node, inputs: &[&TensorType]) -> usize {
        let outputs = results(node);
        // Which operands will be the same memory is not known yet: all may be.
        let pair = |input| (0..outputs.len()).map(move |output| (input, output));
        let shared: Vec<_> = (0..inputs.len()).flat_map(pair).collect();
        build(&Request {
            op: &node.op,
            inputs,
            outputs: &outputs,
            shared: &shared,
            instructions: self.instructions,
            crew: self.crew(),
            winograd: self.winograd,
        })
        .scratch()
    }

    fn load(&self, plan: Plan) -> Result<Box<dyn Program>> {
        Ok(Box::new(Cpu::load(self, plan)?))
    }
}

/// The types of a node's results: several only of a fused loop.
fn results(node: &Node) -> Vec<TensorType> {
    match &node.op {
        Op::Fused(kernel) => {
            let result = |i| project(kernel, i).expect("a fused loop has this result");
            (0..kernel.outputs.len()).map(result).collect()
        }
        _ => vec![node.ty.clone()],
    }
}
