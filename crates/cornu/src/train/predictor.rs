//! `predictor`: one prediction after the other, as fast as the machine allows.

use super::feeds::FeedSpec;
use super::step::{self, Purpose, StepProgram};
use super::trainer;
use crate::lines;
use crate::model::Model;
use crate::tensor::Tensor;
use cornu_graph::infer::check_size;
use cornu_graph::{Dim, Element, Elements, Error, Result, TensorType};
use std::panic::Location;

/// A model's program for batches of one size; made by [`Model::predictor`].
///
/// It reads its inputs where they are, keeps its outputs until the next run, and allocates nothing.
/// It belongs to nobody: it may go to another thread, and always computes with the weights that the
/// model has at that moment, while it is trained or after. A model whose layers change needs a new
/// one.
pub struct Predictor {
    program: StepProgram,
    inputs: Vec<Operand>,
    outputs: Vec<TensorType>,
}

/// What is asked of an input, for messages.
struct Operand {
    name: String,
    ty: TensorType,
    /// How many numbers a batch has.
    len: usize,
}

impl Model {
    /// Makes the model ready to predict again and again for batches of `batch_size` samples: for one
    /// sample, or however many come at once. The model need not be compiled.
    ///
    /// [`Model::predict`] is for arrays of any size; this is for services and loops where each
    /// microsecond counts.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let model = Sequential::new()
    ///     .add(Input::new([784]))
    ///     .add(Dense::new(128).activation("relu"))
    ///     .add(Dense::new(10).activation("softmax"));
    /// let mut predictor = model.predictor(1)?;
    ///
    /// let image = vec![0.5f32; 784];
    /// let probabilities: &[f32] = predictor.run(&image)?;
    /// assert_eq!(probabilities.len(), 10);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// A model with several inputs or outputs:
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let (left, right) = (Input::tensor([3]), Input::tensor([3]));
    /// let (sum, product) = (&left + &right, &left * &right);
    /// let model = Model::new([&left, &right], [&sum, &product])?;
    ///
    /// let mut predictor = model.predictor(1)?;
    /// predictor.run_all(&[(&[1.0f32, 2.0, 3.0]).into(), (&[4.0f32, 5.0, 6.0]).into()])?;
    /// assert_eq!(predictor.output::<f32>(0)?, [5.0, 7.0, 9.0]);
    /// assert_eq!(predictor.output::<f32>(1)?, [4.0, 10.0, 18.0]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the batch has no samples, the model's input is not known yet, or there is a mistake in it.
    #[track_caller]
    pub fn predictor(&self, batch_size: usize) -> Result<Predictor> {
        let line = Location::caller();
        Predictor::new(self, batch_size).map_err(|e| lines::locate(e, line))
    }
}

impl Predictor {
    fn new(model: &Model, batch_size: usize) -> Result<Predictor> {
        if batch_size == 0 {
            return Err(Error::value("batch_size must be at least 1, not 0"));
        }
        let built = model.network().built().map_err(|e| model.in_model(e))?;
        let concrete = |tensor: &Tensor| {
            TensorType::new(tensor.dtype(), tensor.shape().with_batch(Dim::Known(batch_size)))
        };
        let inputs: Vec<Operand> = built
            .inputs
            .iter()
            .enumerate()
            .map(|(index, tensor)| Operand::new(step::input_name(tensor, index), concrete(tensor)))
            .collect::<Result<_>>()?;
        let spec = FeedSpec::of_batch(inputs.iter().map(|input| (input.ty.clone(), None)));
        let random = trainer::random_state(0);
        let program = step::build(&built, None, Purpose::Predict, batch_size, &spec, &random)?;
        Ok(Predictor { program, inputs, outputs: built.outputs.iter().map(concrete).collect() })
    }

    /// Predicts with a model of one input and one output of `float32`: the samples of a batch one
    /// after the other, each row-major. The result lasts until the next run.
    ///
    /// # Errors
    /// If the model has several inputs or outputs, or the numbers are not as many, or not of the
    /// type, that its input takes.
    pub fn run<T: Element>(&mut self, input: &[T]) -> Result<&[f32]> {
        if self.outputs.len() != 1 {
            let error = format!("the model has {} outputs", self.outputs.len());
            return Err(Error::value(error).help("call run_all(…), then output(…) for each"));
        }
        self.run_all(&[input.into()])?;
        self.output(0)
    }

    /// Predicts with any model; [`Predictor::output`] tells the results.
    ///
    /// # Errors
    /// If these are not as many inputs as the model has, or not as many numbers, or not of the type,
    /// as one of them takes.
    pub fn run_all(&mut self, inputs: &[Elements<'_>]) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            let (wanted, given) = (self.inputs.len(), inputs.len());
            let error = format!("the model has {wanted} inputs, but {given} were given");
            return Err(Error::data(error).help("give one slice for each input to run_all(…)"));
        }
        for (operand, elements) in self.inputs.iter().zip(inputs) {
            operand.check(*elements)?;
        }
        self.program.run_on(inputs)
    }

    /// An output of the last run, row-major.
    ///
    /// # Errors
    /// If there is no such output, or it has another type.
    pub fn output<T: Element>(&self, index: usize) -> Result<&[T]> {
        let Some(ty) = self.outputs.get(index) else {
            let count = self.outputs.len();
            return Err(Error::value(format!("there is no output {index}: the model has {count}")));
        };
        self.program.elements(index)?.as_slice().ok_or_else(|| {
            Error::dtype(format!("output {index} of the model is {}, not {}", ty.dtype, T::DTYPE))
        })
    }

    /// The types of the inputs.
    pub fn input_types(&self) -> impl ExactSizeIterator<Item = &TensorType> {
        self.inputs.iter().map(|input| &input.ty)
    }

    /// The types of the outputs.
    pub fn output_types(&self) -> &[TensorType] {
        &self.outputs
    }
}

impl Operand {
    fn new(name: String, ty: TensorType) -> Result<Operand> {
        check_size(&ty.shape)?;
        Ok(Operand { name, len: ty.len(), ty })
    }

    fn check(&self, elements: Elements<'_>) -> Result<()> {
        let (Operand { name, ty, len }, given) = (self, elements.len());
        if elements.dtype() != ty.dtype {
            let (wanted, given) = (ty.dtype, elements.dtype());
            return Err(Error::dtype(format!("input '{name}' takes {wanted}, not {given}")));
        }
        if given != *len {
            return Err(Error::shape(format!(
                "input '{name}' of this predictor takes a batch of shape {}, which is {len} \
                 numbers, not {given}",
                ty.shape
            )));
        }
        Ok(())
    }
}
