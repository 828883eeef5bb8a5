//! A large batch of predictions, a strip of samples after the other.
//!
//! Between two layers, ten thousand samples take more room than a cache has, so each layer would
//! write to memory what the next reads from there; and where threads share a layer, what one has
//! written another reads. Here each thread takes its strips through all layers, in memory of its own
//! that stays in its cache, and shares nothing with the others.

use crate::executor::Cpu;
use crate::leaf::{Leaf, check_count};
use crate::program::CpuProgram;
use crate::threads::{Pool, ignore_poison};
use cornu_graph::cut::Cut;
use cornu_graph::executor::Nobody;
use cornu_graph::{
    Array, Element, Elements, Error, Executor, Graph, Observer, Plan, Program, Result, Values,
    plan, with_elements,
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A program for a batch that runs a smaller one for strip after strip. Its plan is that of a strip.
///
/// If the samples do not divide evenly, the last strip begins earlier and computes some of them
/// again, with the same result.
pub struct StripProgram {
    /// A program for each thread.
    lanes: Vec<Mutex<CpuProgram>>,
    layout: Layout,
    outputs: Vec<Array>,
    pool: Arc<Pool>,
    plan: Plan,
}

/// How a batch is cut.
struct Layout {
    samples: usize,
    /// The samples of a strip.
    rows: usize,
    inputs: Vec<Input>,
}

/// What a run is fed.
struct Input {
    leaf: Leaf,
    /// The elements of each sample, unless every strip reads all of it.
    each: Option<usize>,
}

impl StripProgram {
    /// The program of a batch, from the graph of a strip of so many samples ([`Cut::strip`]), which
    /// may have been optimized.
    pub(crate) fn new(
        cpu: &Cpu,
        pool: Arc<Pool>,
        cut: &Cut<'_>,
        rows: usize,
        strip: Graph,
    ) -> Result<StripProgram> {
        let alone = cpu.alone()?;
        let scratch = |node: &_, types: &[&_]| alone.scratch(node, types);
        let plan = Plan::new(strip, plan::Options::default(), scratch);
        let lane = |_| Ok(Mutex::new(cpu.alone()?.load(plan.clone())?));
        let lanes: Result<Vec<_>> = (0..cpu.threads()).map(lane).collect();
        let input = |(ty, each)| Input { leaf: Leaf::from(&ty), each };
        let inputs = cut.inputs().into_iter().map(input).collect();
        let outputs = cut.output_types().map(|ty| Array::zeros(ty.shape.sizes(), ty.dtype));
        Ok(StripProgram {
            lanes: lanes?,
            layout: Layout { samples: cut.samples(), rows, inputs },
            outputs: outputs.collect(),
            pool,
            plan,
        })
    }

    /// Runs all strips, each by the thread that comes to it first: what it computes does not depend
    /// on that.
    fn share(&mut self, inputs: &Feed<'_, '_>, variables: &[&mut Array]) -> Result<()> {
        let StripProgram { lanes, layout, outputs, pool, .. } = self;
        let (next, outputs) = (AtomicUsize::new(0), Mutex::new((outputs, Ok(()))));
        pool.session(lanes.len()).run(lanes.len(), &|lane| {
            let mut program = ignore_poison(lanes[lane].lock());
            while let Some(start) = layout.start(next.fetch_add(1, Relaxed)) {
                let done = program.run_shared(layout.parts(inputs, start), variables, &mut Nobody);
                let (outputs, result) = &mut *ignore_poison(outputs.lock());
                match done {
                    Ok(()) => layout.keep(&program, start, outputs),
                    Err(error) => *result = Err(error),
                }
            }
        });
        ignore_poison(outputs.into_inner()).1
    }

    fn lookup(&self, index: usize) -> Result<&Array> {
        self.outputs.get(index).ok_or_else(|| {
            Error::value(format!("output {index} of a program with {}", self.outputs.len()))
        })
    }
}

/// What a run is fed: the elements of each input.
type Feed<'f, 'a> = dyn Fn(usize) -> Elements<'a> + Sync + 'f;

impl Layout {
    /// The first sample of a strip.
    fn start(&self, strip: usize) -> Option<usize> {
        let start = strip * self.rows;
        (start < self.samples).then(|| start.min(self.samples - self.rows))
    }

    /// What the strip from `start` is fed.
    fn parts<'a>(&self, inputs: &Feed<'_, 'a>, start: usize) -> impl Iterator<Item = Elements<'a>> {
        self.inputs.iter().enumerate().map(move |(index, input)| match input.each {
            Some(each) => inputs(index).part(start * each..(start + self.rows) * each),
            None => inputs(index),
        })
    }

    /// Copies the results of the strip from `start` to their place among all.
    fn keep(&self, program: &CpuProgram, start: usize, outputs: &mut [Array]) {
        for (index, output) in outputs.iter_mut().enumerate() {
            let each = output.len() / self.samples;
            let part = program.elements(index).expect("the run has ended");
            copy(part, output, start * each);
        }
    }
}

/// Copies elements to a place among those of an array.
fn copy(elements: Elements<'_>, array: &mut Array, start: usize) {
    fn put<T: Element>(from: &[T], to: &mut Values, start: usize) {
        let to = T::slice_mut(to).expect("a strip has the types of the batch");
        to[start..start + from.len()].copy_from_slice(from);
    }
    with_elements!(elements, from => put(from, array.values_mut(), start));
}

impl Program for StripProgram {
    fn run(&mut self, inputs: &[&Array], variables: &mut [&mut Array]) -> Result<()> {
        check_count("inputs", self.layout.inputs.len(), inputs.len())?;
        for (index, (input, array)) in self.layout.inputs.iter().zip(inputs).enumerate() {
            input.leaf.check("input", index, array)?;
        }
        self.share(&|index| inputs[index].into(), variables)
    }

    fn run_on(&mut self, inputs: &[Elements<'_>], variables: &mut [&mut Array]) -> Result<()> {
        self.layout.check(inputs)?;
        self.share(&|index| inputs[index], variables)
    }

    /// One thread does all strips, so that the observer can follow.
    fn run_observed(
        &mut self,
        inputs: &[Elements<'_>],
        variables: &mut [&mut Array],
        observer: &mut dyn Observer,
    ) -> Result<()> {
        self.layout.check(inputs)?;
        let StripProgram { lanes, layout, outputs, .. } = self;
        let mut program = ignore_poison(lanes[0].lock());
        let inputs = |index: usize| inputs[index];
        (0..).map_while(|strip| layout.start(strip)).try_for_each(|start| {
            program.run_shared(layout.parts(&inputs, start), variables, observer)?;
            layout.keep(&program, start, outputs);
            Ok(())
        })
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn elements(&self, index: usize) -> Result<Elements<'_>> {
        self.lookup(index).map(Elements::from)
    }

    fn output(&self, index: usize) -> Array {
        self.outputs[index].clone()
    }

    fn read_output(&self, index: usize, into: &mut Array) -> Result<()> {
        let output = self.lookup(index)?;
        if (output.dtype(), output.shape()) != (into.dtype(), into.shape()) {
            return Leaf::from(&output.ty()).check("output", index, into);
        }
        copy(output.into(), into, 0);
        Ok(())
    }
}

impl Layout {
    fn check(&self, inputs: &[Elements<'_>]) -> Result<()> {
        check_count("inputs", self.inputs.len(), inputs.len())?;
        let mut inputs = self.inputs.iter().zip(inputs).enumerate();
        inputs.try_for_each(|(i, (input, elements))| input.leaf.check_elements(i, *elements))
    }
}
