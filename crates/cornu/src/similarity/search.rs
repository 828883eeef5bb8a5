//! Comparing every query with every reference: matrix products of blocks of queries.

use super::distance::Distance;
use crate::backend;
use crate::ops;
use crate::tensor::lower::{Lowerer, Mode};
use cornu_graph::{Array, DType, Error, Program, Result};

/// About as many scores at once as stay near the processor.
const BLOCK: usize = 1 << 22;

/// Vectors ready to be compared: rows of one length, with what is subtracted of their products.
pub(super) struct Vectors {
    rows: Array,
    /// Half the squared length of each, for the Euclidean distances.
    half_squares: Option<Array>,
}

/// Checks embeddings: rows of finite numbers.
pub(super) fn check(what: &str, embeddings: &Array) -> Result<()> {
    let [rows, size] = embeddings.shape() else {
        return Err(Error::shape(format!(
            "{what} must have the shape (n, d), not {}",
            cornu_graph::Shape::from(embeddings.shape())
        )));
    };
    if rows * size == 0 {
        return Err(Error::data(format!("there are no {what}")));
    }
    let values = embeddings.cast(DType::F32);
    match values.as_slice::<f32>()?.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::data(format!("row {} of the {what} is not finite", at / size))),
        None => Ok(()),
    }
}

impl Vectors {
    /// The rows as a distance needs them: seen from a centre (less is lost to rounding then), or
    /// with length 1.
    pub fn new(embeddings: &Array, distance: Distance, centre: &[f64]) -> Result<Vectors> {
        let size = centre.len();
        let mut rows = embeddings.cast(DType::F32);
        let mut half_squares = vec![];
        for row in rows.as_mut_slice::<f32>()?.chunks_exact_mut(size) {
            if distance == Distance::Cosine {
                let length = squared(row).sqrt();
                let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
                row.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
            } else {
                row.iter_mut().zip(centre).for_each(|(x, c)| *x = (f64::from(*x) - c) as f32);
                let half_square = (squared(row) / 2.0) as f32;
                if !half_square.is_finite() {
                    let message = "the embeddings are too large to compare in float32";
                    return Err(
                        Error::data(message).help("normalize them, or use Distance::Cosine")
                    );
                }
                half_squares.push(half_square);
            }
        }
        let half_squares = match distance {
            Distance::Cosine => None,
            _ => Some(Array::new([half_squares.len()], half_squares)?),
        };
        Ok(Vectors { rows, half_squares })
    }
}

/// The mean of the rows.
pub(super) fn centre(embeddings: &Array) -> Result<Vec<f64>> {
    let (count, size) = (embeddings.shape()[0], embeddings.shape()[1]);
    let mut sums = vec![0.0; size];
    for row in embeddings.cast(DType::F32).as_slice::<f32>()?.chunks_exact(size) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums.iter_mut().for_each(|sum| *sum /= count as f64);
    Ok(sums)
}

fn squared(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}

/// Gives the likeness of each query to all references, block by block: the number of the first
/// query, then a row of numbers for each, the larger the nearer. They order the references as the
/// distance does, but are not the distance.
pub(super) fn compare(
    queries: &Vectors,
    references: &Vectors,
    mut each: impl FnMut(usize, &[f32]) -> Result<()>,
) -> Result<()> {
    let (count, of) = (queries.rows.rows(), references.rows.rows());
    let block = (BLOCK / of).clamp(1, count);
    let mut ready: Option<(usize, Box<dyn Program>)> = None;
    let mut first = 0;
    while first < count {
        let size = block.min(count - first);
        let mut program = match ready.take() {
            Some((made_for, program)) if made_for == size => program,
            _ => program(size, references)?,
        };
        let rows = queries.rows.slice_rows(first, first + size)?;
        let mut feeds = vec![&rows, &references.rows];
        feeds.extend(&references.half_squares);
        program.run(&feeds, &mut [])?;
        each(first, program.output(0).as_slice::<f32>()?)?;
        ready = Some((size, program));
        first += size;
    }
    Ok(())
}

/// The program that compares this many queries.
fn program(queries: usize, references: &Vectors) -> Result<Box<dyn Program>> {
    let mut lowerer = Lowerer::new(Mode::Predict, 1);
    let size = references.rows.shape()[1];
    let block = lowerer.input(Array::zeros([queries, size], DType::F32).ty());
    let rows = lowerer.input(references.rows.ty());
    let (block, rows) = (lowerer.placeholder(block), lowerer.placeholder(rows));
    let mut likeness = ops::matmul(block, ops::transpose(rows, None));
    if let Some(half_squares) = &references.half_squares {
        // -|q - r|² / 2 = q·r - |r|² / 2 - |q|² / 2, and the last is the same for all.
        let half_squares = lowerer.input(half_squares.ty());
        likeness = likeness - lowerer.placeholder(half_squares);
    }
    let output = lowerer.lower(&likeness)?;
    lowerer.graph.outputs.push(output);
    backend::compile(lowerer.graph)
}
