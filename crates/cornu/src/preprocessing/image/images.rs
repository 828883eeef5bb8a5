//! The images of a data set, read one at a time.

use super::generator::ImageDataGenerator;
use super::transform::{TransformParameters, warp_into};
use super::warp::Frame;
use crate::data::Column;
use cornu_graph::{Array, DType, Error, Result, Shape};
use std::sync::Arc;

/// The images of a flow, as small as they came.
#[derive(Clone, Debug)]
pub(super) struct Images {
    pub frame: Frame,
    pub len: usize,
    array: Array,
    rows: Option<Arc<[i32]>>,
    gain: f32,
}

impl Images {
    pub fn new(column: Column) -> Result<Images> {
        let frame = match *column.sample_shape() {
            [rows, cols] => Frame { rows, cols, channels: 1 },
            [rows, cols, channels] => Frame { rows, cols, channels },
            _ => {
                let shape = Shape::from(column.array().shape());
                let message = format!("images should have rank 4, not the shape {shape}");
                return Err(Error::shape(message).help(
                    "give (n, rows, columns, channels), or (n, rows, columns) without channels",
                ));
            }
        };
        if column.is_empty() || frame.len() == 0 {
            let shape = Shape::from(column.array().shape());
            return Err(Error::data(format!("there are no images in an array of shape {shape}")));
        }
        // Bytes stay bytes.
        let array = match column.array().dtype() {
            DType::U8 => column.array().clone(),
            _ => column.array().cast(DType::F32),
        };
        let (rows, gain) = (column.rows().cloned(), column.scale().unwrap_or(1.0));
        Ok(Images { frame, len: column.len(), array, rows, gain })
    }

    /// The shape of one image, as it came.
    pub fn image_shape(&self) -> &[usize] {
        &self.array.shape()[1..]
    }

    /// Writes an image, warped, times the rescaling; `outside` is its `cval`.
    pub fn warp(
        &self,
        index: usize,
        params: &TransformParameters,
        generator: &ImageDataGenerator,
        (rescale, outside): (f32, f32),
        out: &mut [f32],
    ) {
        let row = self.rows.as_ref().map_or(index, |rows| rows[index] as usize);
        let (frame, gain) = (self.frame, self.gain * rescale);
        let part = row * frame.len()..(row + 1) * frame.len();
        let around = (&generator.sampling, outside, generator.keras_axes);
        match self.array.as_slice::<u8>() {
            Ok(bytes) => warp_into((&bytes[part], frame, gain), params, around, out),
            Err(_) => {
                let numbers = self.array.as_slice::<f32>().expect("other dtypes were converted");
                warp_into((&numbers[part], frame, gain), params, around, out);
            }
        }
    }
}
