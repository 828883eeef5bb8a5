//! The data as files, so that every peer learns from the same: MNIST, and the pairs of its images.

use crate::workloads::{self, Part, pairs_of};
use cornu::datasets::{self, LabelledImages};
use cornu::prelude::*;
use std::path::Path;

/// Writes the files into a folder that is there.
///
/// MNIST's four files have their authors' names and format. `WORKLOAD-train-pairs` and
/// `WORKLOAD-t10k-pairs` have the same format (IDX) with int32 values `(pairs, 3)`: the numbers of
/// the left and of the right image, and the label.
pub fn export(folder: &Path) -> Result<()> {
    let mnist = datasets::mnist()?;
    for (name, part, set) in
        [("train", Part::Train, &mnist.train), ("t10k", Part::Test, &mnist.test)]
    {
        let images = set.images.as_slice::<u8>()?;
        let bytes = idx(BYTES, set.images.shape(), images.iter().copied());
        write(&folder.join(format!("{name}-images-idx3-ubyte")), &bytes)?;
        let bytes = idx(BYTES, &[set.len()], set.classes().iter().copied());
        write(&folder.join(format!("{name}-labels-idx1-ubyte")), &bytes)?;
        for workload in workloads::ALL {
            if let Some(pairs) = pairs_of(workload.name, part, numbers)? {
                let file = folder.join(format!("{}-{name}-pairs", workload.name));
                write(&file, &pairs_file(&pairs)?)?;
            }
        }
    }
    Ok(())
}

/// The types of values in IDX.
const BYTES: u8 = 0x08;
const INT32: u8 = 0x0c;

/// Instead of images, their numbers.
fn numbers(set: &LabelledImages) -> Column {
    let numbers: Vec<i32> = (0..set.len() as i32).collect();
    Column::new(Array::new([set.len()], numbers).expect("a number for each"))
}

fn pairs_file(pairs: &Pairs) -> Result<Vec<u8>> {
    let [left, right] = pairs.inputs();
    let (left, right) = (left.to_array()?.into_vec::<i32>()?, right.to_array()?.into_vec::<i32>()?);
    let labels = pairs.labels().to_array()?.into_vec::<u8>()?;
    let rows = left.into_iter().zip(right).zip(labels);
    let values = rows.flat_map(|((left, right), label)| [left, right, i32::from(label)]);
    Ok(idx(INT32, &[pairs.len(), 3], values.flat_map(i32::to_be_bytes)))
}

/// A file in MNIST's format.
fn idx(kind: u8, shape: &[usize], bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut file = vec![0, 0, kind, shape.len() as u8];
    file.extend(shape.iter().flat_map(|&size| (size as u32).to_be_bytes()));
    file.extend(bytes);
    file
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let error = |e: std::io::Error| Error::file(e.to_string()).within(path.display().to_string());
    std::fs::write(path, bytes).map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu::data::read_idx;

    #[test]
    fn peers_get_what_cornu_has() {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path()).unwrap();
        let (there, here) =
            (datasets::mnist_from(folder.path()).unwrap(), datasets::mnist().unwrap());
        assert_eq!(there.train.images, here.train.images);
        assert_eq!(there.test.labels, here.test.labels);

        let written = read_idx(folder.path().join("siamese_new-t10k-pairs")).unwrap();
        assert_eq!(written.shape(), [20_000, 3]);
        let rows = written.as_slice::<i32>().unwrap();
        let digits = here.test.classes();
        // 1 says that they are different.
        let told =
            |row: &[i32]| (row[2] == 1) == (digits[row[0] as usize] != digits[row[1] as usize]);
        assert!(rows.chunks(3).all(told));
        assert!(!folder.path().join("siamese_l1-train-pairs").exists());
    }
}
