//! A large batch of predictions, a strip of samples after the other.
//!
//! Between two layers, ten thousand samples take more room than a cache has, so each layer would
//! write to memory what the next reads from there; and where threads share a layer, what one has
//! written another reads. Here each thread takes its strips through all layers, in memory of its own
//! that stays in its cache, and shares nothing with the others.

use crate::executor::Cpu;
use crate::leaf::{Leaf, check_count};
use crate::program::CpuProgram;
use crate::threads::ignore_poison;
use cornu_graph::cut::Cut;
use cornu_graph::executor::Nobody;
use cornu_graph::{
    Array, Element, Elements, Error, Executor, Graph, Observer, Plan, Program, Result, TensorType,
    Values, plan, with_elements,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A program for a batch that runs a smaller one for strip after strip. Its plan is that of a strip.
///
/// If the samples do not divide evenly, the last strip begins earlier and computes some of them
/// again.
pub struct StripProgram {
    cpu: Cpu,
    /// A program for each thread.
    lanes: Vec<Mutex<CpuProgram>>,
    layout: Layout,
    outputs: Vec<Array>,
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
    pub(crate) fn new(cpu: Cpu, cut: &Cut<'_>, rows: usize, strip: Graph) -> Result<StripProgram> {
        if !(1..=cut.samples()).contains(&rows) {
            let samples = cut.samples();
            return Err(Error::value(format!("strips of {rows} samples of a batch of {samples}")));
        }
        let alone = cpu.alone()?;
        let scratch = |node: &_, types: &[&_]| alone.scratch(node, types);
        let plan = Plan::new(strip, plan::Options::default(), scratch);
        check_strip(cut, rows, &plan)?;
        let lane = |_| Ok(Mutex::new(cpu.alone()?.load(plan.clone())?));
        let lanes = cpu.threads().min(cut.samples().div_ceil(rows));
        let lanes: Result<Vec<_>> = (0..lanes).map(lane).collect();
        let input = |(ty, each)| Input { leaf: Leaf::from(&ty), each };
        let inputs = cut.inputs().into_iter().map(input).collect();
        let outputs: Result<Vec<Array>> = cut.output_types().map(zeros).collect();
        Ok(StripProgram {
            cpu,
            lanes: lanes?,
            layout: Layout { samples: cut.samples(), rows, inputs },
            outputs: outputs?,
            plan,
        })
    }

    /// Runs all strips, each by the thread that comes to it first: what it computes does not depend
    /// on that.
    fn share(&mut self, inputs: &Feed<'_, '_>, variables: &[&mut Array]) -> Result<()> {
        let StripProgram { cpu, lanes, layout, outputs, .. } = self;
        let (next, outputs) = (AtomicUsize::new(0), Mutex::new((outputs, Ok(()))));
        cpu.session().run(lanes.len(), &|lane| {
            let mut program = ignore_poison(lanes[lane].lock());
            while let Some(strip) = layout.strip(next.fetch_add(1, Relaxed)) {
                let done = program.run_shared(layout.parts(inputs, strip), variables, &mut Nobody);
                let (outputs, result) = &mut *ignore_poison(outputs.lock());
                match done {
                    Ok(()) => layout.keep(&program, strip, outputs),
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

/// The place of a strip in the batch.
#[derive(Clone, Copy)]
struct Strip {
    /// Its first sample.
    start: usize,
    /// How many of its samples the strip before has, too.
    known: usize,
}

impl Layout {
    fn strip(&self, number: usize) -> Option<Strip> {
        let first = number * self.rows;
        let start = first.min(self.samples - self.rows);
        (first < self.samples).then(|| Strip { start, known: first - start })
    }

    /// What a strip is fed.
    fn parts<'a>(&self, inputs: &Feed<'_, 'a>, strip: Strip) -> impl Iterator<Item = Elements<'a>> {
        let samples = strip.start..strip.start + self.rows;
        self.inputs.iter().enumerate().map(move |(index, input)| match input.each {
            Some(each) => inputs(index).part(samples.start * each..samples.end * each),
            None => inputs(index),
        })
    }

    /// Copies the results of a strip to their place among all. Those that are known stay: where
    /// weights are not finite, a row may depend on its neighbours.
    fn keep(&self, program: &CpuProgram, Strip { start, known }: Strip, outputs: &mut [Array]) {
        for (index, output) in outputs.iter_mut().enumerate() {
            let each = output.len() / self.samples;
            let part = program.elements(index).expect("the run has ended");
            copy(part.part(known * each..self.rows * each), output, (start + known) * each);
        }
    }
}

/// Checks that the plan of a strip takes and gives what belongs to so many samples.
fn check_strip(cut: &Cut<'_>, rows: usize, plan: &Plan) -> Result<()> {
    let samples = cut.samples();
    let wanted = cut.inputs().into_iter().map(|(ty, each)| {
        let len = each.map_or(ty.len(), |each| each * rows);
        (ty.dtype, len)
    });
    let given = plan.inputs().iter().map(|ty| (ty.dtype, ty.len()));
    let results = cut.output_types().map(|ty| (ty.dtype, ty.len() / samples * rows));
    let given_results = plan.outputs().iter().map(|buffer| (buffer.ty.dtype, buffer.ty.len()));
    if wanted.eq(given) && results.eq(given_results) {
        return Ok(());
    }
    Err(Error::value(format!("the graph is not that of {rows} of {samples} samples"))
        .help("make it with Cut::strip(rows)"))
}

/// An array of zeros, if there is memory for it.
fn zeros(ty: &TensorType) -> Result<Array> {
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(ty.bytes()).map_err(|_| {
        let bytes = ty.bytes();
        Error::value(format!("there is no memory for the {bytes} bytes of a result, {ty}"))
    })?;
    drop(room);
    Ok(Array::zeros(ty.shape.sizes(), ty.dtype))
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
        let StripProgram { cpu, lanes, layout, outputs, .. } = self;
        let _session = cpu.session();
        let mut program = ignore_poison(lanes[0].lock());
        let inputs = |index: usize| inputs[index];
        (0..).map_while(|number| layout.strip(number)).try_for_each(|strip| {
            program.run_shared(layout.parts(&inputs, strip), variables, observer)?;
            layout.keep(&program, strip, outputs);
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
        let output = &self.outputs[index];
        // What shares its elements would have to be copied by the next run, as a whole.
        Array::from_values(output.shape(), output.values().clone()).expect("it has this shape")
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
