//! Pairs of images for siamese networks, held as indexes.

use super::Column;
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Error, Result};

/// Which label says that the two of a pair are of one class.
///
/// The literature has both, and mixing them up trains a network that does the opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairLabel {
    /// 1 says "same": Keras's older example, most similarity scores.
    OneIsSame,
    /// 1 says "different": the label is a distance (Hadsell, Chopra and LeCun, 2006).
    OneIsDifferent,
}

impl PairLabel {
    /// The label of a pair.
    pub fn label(self, same: bool) -> u8 {
        u8::from(same == (self == PairLabel::OneIsSame))
    }

    /// Whether a label says that the two are of one class.
    pub fn is_same(self, label: u8) -> bool {
        (label == 1) == (self == PairLabel::OneIsSame)
    }
}

/// Pairs of rows of one column of images. The images themselves are never copied.
#[derive(Clone, Debug)]
pub struct Pairs {
    inputs: [Column; 2],
    labels: Vec<u8>,
    convention: PairLabel,
}

impl Pairs {
    /// For each image one random other image of its class and one random image of another class,
    /// shuffled. An image is paired with itself only if its class has no other.
    ///
    /// # Errors
    /// If images and classes are not equally many, or there are fewer than two classes.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let images = Array::new([4, 1], vec![0.0f32, 0.1, 1.0, 1.1])?;
    /// let pairs = Pairs::per_image(&images, &[0, 0, 1, 1], PairLabel::OneIsDifferent, 7)?;
    /// assert_eq!(pairs.len(), 8);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn per_image(
        images: impl Into<Column>,
        classes: &[u8],
        convention: PairLabel,
        seed: u64,
    ) -> Result<Pairs> {
        let images = images.into();
        if images.len() != classes.len() {
            return Err(Error::data(format!(
                "{} images but {} classes",
                images.len(),
                classes.len()
            )));
        }
        let by_class = ByClass::new(classes);
        by_class.check()?;
        let mut random = Philox::new(seed);
        let mut drawn = Vec::with_capacity(2 * classes.len());
        for image in 0..classes.len() {
            drawn.push((image, by_class.same(image, classes[image], &mut random), true));
            drawn.push((image, by_class.different(classes[image], &mut random), false));
        }
        random.shuffle(&mut drawn);
        Ok(Pairs {
            inputs: [
                images.select(drawn.iter().map(|d| d.0))?,
                images.select(drawn.iter().map(|d| d.1))?,
            ],
            labels: drawn.iter().map(|d| convention.label(d.2)).collect(),
            convention,
        })
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The left and the right images, for a model with two inputs.
    pub fn inputs(&self) -> [Column; 2] {
        self.inputs.clone()
    }

    /// The labels, `uint8 (pairs, 1)`.
    pub fn labels(&self) -> Column {
        let shape = [self.len(), 1];
        Column::new(Array::new(shape, self.labels.clone()).expect("a label for each pair"))
    }

    /// Whether a pair is of one class.
    pub fn is_same(&self, pair: usize) -> bool {
        self.convention.is_same(self.labels[pair])
    }

    /// Which label says "same".
    pub fn convention(&self) -> PairLabel {
        self.convention
    }
}

/// The images of each class.
struct ByClass {
    /// All images, sorted by class.
    images: Vec<usize>,
    /// Where each class begins in `images`, and the end.
    starts: Vec<usize>,
    /// Where each image is in `images`.
    place: Vec<usize>,
}

impl ByClass {
    fn new(classes: &[u8]) -> ByClass {
        let mut images: Vec<usize> = (0..classes.len()).collect();
        images.sort_by_key(|&i| classes[i]);
        let starts = (0..=256usize)
            .map(|class| images.partition_point(|&i| usize::from(classes[i]) < class))
            .collect();
        let mut place = vec![0; images.len()];
        images.iter().enumerate().for_each(|(at, &image)| place[image] = at);
        ByClass { images, starts, place }
    }

    fn check(&self) -> Result<()> {
        let classes = self.starts.windows(2).filter(|w| w[0] < w[1]).count();
        if classes >= 2 {
            return Ok(());
        }
        Err(Error::data(format!("pairs need at least two classes, the data has {classes}")))
    }

    fn range(&self, class: u8) -> (usize, usize) {
        let class = usize::from(class);
        (self.starts[class], self.starts[class + 1])
    }

    /// Another image of the class, or the image itself if there is none.
    fn same(&self, image: usize, class: u8, random: &mut Philox) -> usize {
        let (start, end) = self.range(class);
        if end - start == 1 {
            return image;
        }
        let drawn = start + random.below(end - start - 1);
        self.images[if drawn < self.place[image] { drawn } else { drawn + 1 }]
    }

    fn different(&self, class: u8, random: &mut Philox) -> usize {
        let (start, end) = self.range(class);
        let drawn = random.below(self.images.len() - (end - start));
        self.images[if drawn < start { drawn } else { drawn + end - start }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_what_they_say() {
        let classes = [3, 1, 3, 1, 1, 7];
        let images = Array::new([6, 1], (0..6).collect::<Vec<i32>>()).unwrap();
        let pairs = Pairs::per_image(&images, &classes, PairLabel::OneIsDifferent, 5).unwrap();
        let [left, right] = pairs.inputs().map(|c| c.to_array().unwrap());
        let (left, right) = (left.as_slice::<i32>().unwrap(), right.as_slice::<i32>().unwrap());
        assert_eq!(pairs.len(), 12);
        let mut itself = 0;
        for i in 0..pairs.len() {
            let (a, b) = (left[i] as usize, right[i] as usize);
            assert_eq!(pairs.is_same(i), classes[a] == classes[b]);
            itself += usize::from(a == b);
        }
        // Only the lonely 7 is paired with itself.
        assert_eq!(itself, 1);
        assert_eq!((0..12).filter(|&i| pairs.is_same(i)).count(), 6);
    }

    #[test]
    fn the_convention_is_explicit() {
        assert_eq!(PairLabel::OneIsSame.label(true), 1);
        assert_eq!(PairLabel::OneIsDifferent.label(true), 0);
        assert!(PairLabel::OneIsDifferent.is_same(0));
    }

    #[test]
    fn one_class_is_an_error() {
        let images = Array::new([2, 1], vec![0.0f32, 1.0]).unwrap();
        let error = Pairs::per_image(&images, &[4, 4], PairLabel::OneIsSame, 0).unwrap_err();
        assert!(error.to_string().contains("at least two classes"));
        assert!(Pairs::per_image(&images, &[4], PairLabel::OneIsSame, 0).is_err());
    }
}
