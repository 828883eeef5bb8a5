//! Einstein sums of two tensors.

use super::layout::or_error;
use super::{float, sum, transpose};
use crate::tensor::{Operation, Tensor};
use cornu_graph::{Dim, Error, Op, Result, Shape};

/// The Einstein sum of two tensors: `"abc,cd->abd"` sums over the letters that the result lacks.
/// No letter may occur twice in one place.
///
/// ```
/// use cornu::prelude::*;
///
/// let (a, b) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([10.0f32, 1.0]));
/// assert_eq!(ops::einsum("ab,b->a", &a, &b).eval()?.as_slice::<f32>()?, [12.0, 34.0]);
/// # Ok::<(), cornu::Error>(())
/// ```
#[track_caller]
pub fn einsum(equation: &str, a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
    let (a, b) = (a.into(), b.into());
    if let Some(poisoned) = [&a, &b].into_iter().find(|t| t.is_error()) {
        return poisoned.clone();
    }
    let y = Equation::parse(equation).and_then(|equation| equation.apply(&a, &b));
    Tensor::named(Operation::new("Einsum").with("subscripts", equation), &[&a, &b], or_error(y))
}

/// The letters of the operands and the result.
pub(crate) struct Equation {
    pub a: Vec<char>,
    pub b: Vec<char>,
    pub y: Vec<char>,
}

impl Equation {
    /// Reads `"ab,bc->ac"`.
    pub fn parse(text: &str) -> Result<Equation> {
        let fail = || {
            Error::value(format!("'{text}' is no equation of an Einstein sum"))
                .help("it must be like \"abc,cd->abd\": two operands and the result")
        };
        let (operands, y) = text.split_once("->").ok_or_else(fail)?;
        let (a, b) = operands.split_once(',').ok_or_else(fail)?;
        let letters = |part: &str| -> Vec<char> { part.trim().chars().collect() };
        let equation = Equation { a: letters(a), b: letters(b), y: letters(y) };
        let Equation { a, b, y } = &equation;
        let plain = |part: &[char]| {
            let once = part.iter().enumerate().all(|(i, letter)| !part[..i].contains(letter));
            once && part.iter().all(char::is_ascii_alphabetic)
        };
        let known = y.iter().all(|letter| a.contains(letter) || b.contains(letter));
        if plain(a) && plain(b) && plain(y) && known { Ok(equation) } else { Err(fail()) }
    }

    /// As one matrix product of `(shared…, own of a, summed)` and `(shared…, summed, own of b)`.
    pub fn apply(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let (a, of_a) = self.reduced(&float(a), &self.a, &self.b)?;
        let (b, of_b) = self.reduced(&float(b), &self.b, &self.a)?;
        let both = |letter: &char| of_a.contains(letter) && of_b.contains(letter);
        let part = |of: &[char], wanted: &dyn Fn(&char) -> bool| -> Vec<char> {
            of.iter().copied().filter(|letter| wanted(letter)).collect()
        };
        let shared = part(&of_a, &|l| both(l) && self.y.contains(l));
        let summed = part(&of_a, &|l| both(l) && !self.y.contains(l));
        let (own_a, own_b) = (part(&of_a, &|l| !both(l)), part(&of_b, &|l| !both(l)));
        for letter in shared.iter().chain(&summed) {
            let (x, y) = (dim(&a, &of_a, *letter), dim(&b, &of_b, *letter));
            if x != y {
                return Err(Error::shape(format!("'{letter}' stands for sizes {x} and {y}")));
            }
        }
        let left = arranged(&a, &of_a, &shared, [&own_a, &summed])?;
        let right = arranged(&b, &of_b, &shared, [&summed, &own_b])?;
        let op = Op::matmul(false, false);
        let product = Tensor::op(op, &[&left, &right]);
        product.check()?;
        // (shared…, own of a…, own of b…), then in the order of the result.
        let letters: Vec<char> = [shared, own_a, own_b].concat();
        let dims = letters.iter().map(|&letter| match of_a.contains(&letter) {
            true => dim(&a, &of_a, letter),
            false => dim(&b, &of_b, letter),
        });
        let apart = product.reshape_to(&Shape::from(dims.collect::<Vec<Dim>>()));
        Ok(transpose(apart, Some(&order(&letters, &self.y))))
    }

    /// An operand summed over the letters that nothing else has, and the letters that are left.
    fn reduced(&self, x: &Tensor, of: &[char], other: &[char]) -> Result<(Tensor, Vec<char>)> {
        if x.rank() != of.len() {
            let letters: String = of.iter().collect();
            let shape = x.shape();
            return Err(Error::shape(format!(
                "'{letters}' does not fit a tensor of shape {shape}"
            )));
        }
        let kept = |letter: &char| self.y.contains(letter) || other.contains(letter);
        let gone: Vec<i32> = (0..of.len()).filter(|&i| !kept(&of[i])).map(|i| i as i32).collect();
        let x = if gone.is_empty() { x.clone() } else { sum(x, &gone[..]) };
        Ok((x, of.iter().copied().filter(|letter| kept(letter)).collect()))
    }
}

/// Which axis of `from` each letter of `to` is.
fn order(from: &[char], to: &[char]) -> Vec<i32> {
    let place = |letter| from.iter().position(|known| known == letter);
    to.iter().filter_map(place).map(|axis| axis as i32).collect()
}

fn dim(x: &Tensor, of: &[char], letter: char) -> Dim {
    let axis = of.iter().position(|&known| known == letter);
    axis.map_or(Dim::Known(1), |axis| x.shape().dims()[axis])
}

/// A tensor as matrices: the shared axes, then two groups of axes, each as one.
fn arranged(x: &Tensor, of: &[char], shared: &[char], groups: [&[char]; 2]) -> Result<Tensor> {
    let to = [shared, groups[0], groups[1]].concat();
    let mut dims: Vec<Dim> = shared.iter().map(|&letter| dim(x, of, letter)).collect();
    for group in groups {
        let sizes: Vec<Dim> = group.iter().map(|&letter| dim(x, of, letter)).collect();
        let size = Shape::from(sizes).count();
        dims.push(size.ok_or_else(|| Error::shape("the batch occurs twice"))?);
    }
    Ok(transpose(x, Some(&order(of, &to))).reshape_to(&Shape::from(dims)))
}
