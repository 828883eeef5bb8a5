//! The densely connected layer along any axes.

use super::options::plain_weights;
use super::{Layer, Scope, WeightSpec, activity_setting, one_input, weight_settings};
use crate::activations::Activation;
use crate::config::Config;
use crate::ops::Equation;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};
use serde_json::{Value, json};

/// `activation(einsum(equation, x, kernel) + bias)`: a dense layer along any axes.
///
/// Equations are like `"abc,cd->abd"`, with `...` before or after the letters of the input and of
/// the result for axes that stay as they are. Weights: `kernel`, of the sizes of its letters, and
/// `bias`, of those of the bias axes.
///
/// ```
/// use cornu::prelude::*;
///
/// let x = Input::tensor([20, 32]);
/// let y = layers::EinsumDense::new("abc,cd->abd", [None, Some(64)]).bias_axes("d").call(&x);
/// assert_eq!(y.shape().to_string(), "(None, 20, 64)");
/// ```
#[derive(Debug)]
pub struct EinsumDense {
    equation: String,
    output_shape: Vec<Option<usize>>,
    activation: Activation,
    bias_axes: Option<String>,
    kernel: WeightSpec,
    bias: WeightSpec,
    activity_regularizer: Option<Regularizer>,
}

impl EinsumDense {
    /// A layer without bias. `output_shape` is that of a sample for the letters of the result,
    /// `None` where it is the input's.
    pub fn new(
        equation: impl Into<String>,
        output_shape: impl Into<Vec<Option<usize>>>,
    ) -> EinsumDense {
        EinsumDense {
            equation: equation.into(),
            output_shape: output_shape.into(),
            activation: Activation::Linear,
            bias_axes: None,
            kernel: WeightSpec::new("glorot_uniform"),
            bias: WeightSpec::new("zeros"),
            activity_regularizer: None,
        }
    }

    /// The letters of the result for which a bias is added.
    pub fn bias_axes(mut self, axes: impl Into<String>) -> EinsumDense {
        self.bias_axes = Some(axes.into());
        self
    }

    /// What is applied to the outputs: `"relu"` or [`Activation::Relu`].
    pub fn activation(mut self, activation: impl Into<Activation>) -> EinsumDense {
        self.activation = activation.into();
        self
    }

    weight_settings!("kernel", kernel, kernel_initializer, kernel_regularizer, kernel_constraint);
    weight_settings!("bias", bias, bias_initializer, bias_regularizer, bias_constraint);
    activity_setting!(activity_regularizer);

    /// The equation with letters of its own for the axes of `...`, which capitals stand for.
    fn spelled_out(&self, rank: usize) -> Result<(Equation, usize)> {
        let letters = self.equation.replace("...", "");
        let equation = Equation::parse(&letters)?;
        let elided = rank.checked_sub(equation.a.len()).ok_or_else(|| {
            Error::shape(format!("'{}' has more letters than the input has axes", self.equation))
        })?;
        if elided == 0 {
            return Ok((equation, 0));
        }
        let (input, result) = self.equation.split_once("->").unwrap_or_default();
        let input = input.split(',').next().unwrap_or_default().trim();
        let used = |c: &char| letters.contains(*c);
        let free: String = ('A'..='Z').filter(|c| !used(c)).take(elided).collect();
        let before = input.starts_with("...") && result.trim().starts_with("...");
        let after = input.ends_with("...") && result.trim().ends_with("...");
        if !before && !after || free.len() < elided {
            return Err(Error::value(format!(
                "'{}' does not fit an input of {rank} axes",
                self.equation
            ))
            .help("\"...\" before or after the letters of input and result stands for more axes"));
        }
        Ok((Equation::parse(&self.equation.replace("...", &free))?, elided))
    }

    /// The sizes of the kernel's letters.
    fn kernel_shape(&self, equation: &Equation, dims: &[Dim], elided: usize) -> Result<Vec<usize>> {
        // The sizes that were given are those of the result without batch and elided axes.
        let own = self.result_letters(equation, elided);
        let given = |letter: &char| {
            let index = own.iter().position(|l| l == letter)?.checked_sub(1)?;
            self.output_shape.get(index).copied().flatten()
        };
        let of_input = |letter: &char| {
            let axis = equation.a.iter().position(|l| l == letter)?;
            dims[axis].known()
        };
        for letter in &own {
            if let (Some(given), Some(input)) = (given(letter), of_input(letter))
                && given != input
            {
                return Err(Error::shape(format!(
                    "'{letter}' is {input} in the input, but {given} in output_shape"
                )));
            }
        }
        let size = |letter: &char| {
            given(letter).or_else(|| of_input(letter)).ok_or_else(|| {
                Error::shape(format!("the size of '{letter}' in '{}' is not known", self.equation))
                    .help("give it in output_shape, which has no batch")
            })
        };
        equation.b.iter().map(size).collect()
    }

    /// The letters of the result that output_shape is about, after the batch.
    fn result_letters(&self, equation: &Equation, elided: usize) -> Vec<char> {
        match self.equation.contains("->...") {
            // The batch is the first of the elided axes.
            true => equation.y[elided.max(1) - 1..].to_vec(),
            false => equation.y[..equation.y.len() - elided].to_vec(),
        }
    }

    /// The shape of the bias: 1 for letters after its first that it does not have.
    fn bias_shape(&self, axes: &str, equation: &Equation, y: &Shape) -> Result<Vec<usize>> {
        if let Some(other) = axes.chars().find(|letter| !equation.y.contains(letter)) {
            return Err(Error::value(format!(
                "bias axis '{other}' is not in the result of '{}'",
                self.equation
            )));
        }
        let first = equation.y.iter().position(|letter| axes.contains(*letter)).unwrap_or(0);
        let size = |(letter, dim): (&char, &Dim)| match axes.contains(*letter) {
            true => dim.known().ok_or_else(|| Error::shape("the batch can have no bias")),
            false => Ok(1),
        };
        equation.y.iter().zip(y.dims()).skip(first).map(size).collect()
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<EinsumDense> {
        plain_weights(config)?;
        let shape = match config.get::<Value>("output_shape")? {
            Value::Number(_) => vec![Some(config.get("output_shape")?)],
            _ => config.get("output_shape")?,
        };
        let mut layer = EinsumDense::new(config.get::<String>("equation")?, shape);
        config.set("activation", &mut layer.activation)?;
        config.set("bias_axes", &mut layer.bias_axes)?;
        config.set("activity_regularizer", &mut layer.activity_regularizer)?;
        layer.kernel.read("kernel", config)?;
        layer.bias.read("bias", config)?;
        Ok(layer)
    }
}

impl Layer for EinsumDense {
    fn kind(&self) -> &str {
        "EinsumDense"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let (equation, elided) = self.spelled_out(x.rank())?;
        let shape = self.kernel_shape(&equation, x.shape().dims(), elided)?;
        let kernel = scope.weight("kernel", shape, &self.kernel)?;
        let mut y = equation.apply(x, &kernel)?;
        if let Some(axes) = &self.bias_axes {
            let shape = self.bias_shape(axes, &equation, y.shape())?;
            y = y + scope.weight("bias", shape, &self.bias)?;
        }
        self.activation.apply(&y)
    }

    fn config(&self) -> Value {
        let mut config = json!({
            "equation": self.equation,
            "output_shape": self.output_shape,
            "activation": self.activation,
            "bias_axes": self.bias_axes,
            "activity_regularizer": self.activity_regularizer,
        });
        self.kernel.describe("kernel", &mut config);
        self.bias.describe("bias", &mut config);
        config
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }
}
