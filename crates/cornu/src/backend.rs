//! Which executor runs programs: the CPU, with some options.

use cornu_cpu::{Cpu, Machine, Options, Winograd};
use cornu_graph::cut::Cut;
use cornu_graph::{Error, Executor, Graph, Plan, Program, Result, passes, plan};
use std::sync::{Arc, Mutex, PoisonError};

/// More would only be a slip of the keyboard.
const MOST_THREADS: usize = 1024;

static CPU: Mutex<Option<Arc<Cpu>>> = Mutex::new(None);

/// Sets how many threads programs compiled from now on use. The default is one for each core.
///
/// # Errors
/// If the number is 0 or more than any machine has.
pub fn set_threads(threads: usize) -> Result<()> {
    if !(1..=MOST_THREADS).contains(&threads) {
        return Err(Error::value(format!(
            "the number of threads must be at least 1 and at most {MOST_THREADS}, not {threads}"
        )));
    }
    change(|options| options.threads = threads)
}

/// Sets whether models compiled from now on may compute convolutions of 3x3 filters by Winograd's
/// transforms, where that is faster: two to three times. The rounding error is up to eight times
/// that of plain sums, a few millionths of the largest result at most. The default is yes.
///
/// # Errors
/// If the threads of the backend cannot be started.
pub fn set_winograd(allowed: bool) -> Result<()> {
    let winograd = if allowed { Winograd::Auto } else { Winograd::Never };
    change(|options| options.winograd = winograd)
}

/// Replaces the backend by one with other options.
fn change(change: impl FnOnce(&mut Options)) -> Result<()> {
    let mut cpu = CPU.lock().unwrap_or_else(PoisonError::into_inner);
    let mut options = cpu.as_ref().map_or_else(Options::default, |cpu| cpu.options());
    change(&mut options);
    *cpu = Some(Arc::new(Cpu::new(options)?));
    Ok(())
}

/// The backend of programs compiled now.
pub(crate) fn cpu() -> Arc<Cpu> {
    let mut cpu = CPU.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cpu.get_or_insert_with(|| Arc::new(Cpu::default())))
}

/// How many threads programs use.
pub(crate) fn threads() -> usize {
    cpu().threads()
}

/// What the machine can do at most with these threads. Measures it: that takes 0.2 seconds.
pub(crate) fn measure_machine() -> Machine {
    Machine::measure(&cpu())
}

/// Compiles a graph for a batch of so many samples, which is done in strips if it is too large for
/// the cache.
pub(crate) fn compile_in_strips(graph: &Graph, samples: usize) -> Result<Box<dyn Program>> {
    let (cpu, cut) = (cpu(), Cut::of(graph, samples));
    match cut.as_ref().and_then(|cut| Some((cut, cut.rows(cpu.threads())?))) {
        Some((cut, rows)) => {
            let strip = passes::optimize(cut.strip(rows));
            Ok(Box::new(cpu.load_strips(cut, rows, strip)?))
        }
        None => compile(graph.clone()),
    }
}

/// Optimizes, plans and loads a graph.
pub(crate) fn compile(graph: Graph) -> Result<Box<dyn Program>> {
    let cpu = cpu();
    let graph = passes::optimize(graph);
    let plan = Plan::new(graph, plan::Options::default(), |node, inputs| cpu.scratch(node, inputs));
    Executor::load(cpu.as_ref(), plan)
}
