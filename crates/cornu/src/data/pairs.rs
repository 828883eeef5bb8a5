//! Pairs of images for siamese networks, held as indexes.

use super::Column;
use super::labels::Classes;
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
        check_lengths(&images, classes)?;
        let by_class = ByClass::new(classes);
        by_class.check()?;
        let mut random = Philox::new(seed);
        let mut drawn = Vec::with_capacity(2 * classes.len());
        for image in 0..classes.len() {
            drawn.push((image, by_class.same(image, classes[image], &mut random), true));
            drawn.push((image, by_class.different(classes[image], &mut random), false));
        }
        random.shuffle(&mut drawn);
        Pairs::of(&images, &drawn, convention)
    }

    /// For each class and each number `i` the class's images `i` and `i + 1`, then its image `i` and
    /// image `i` of another class drawn by lot: pairs of one class and of different ones by turns,
    /// not shuffled. Every class has as many as the smallest, less one.
    ///
    /// This is `create_pairs` of Keras's older siamese example (`mnist_siamese_graph`), whose labels
    /// are [`PairLabel::OneIsSame`].
    ///
    /// # Errors
    /// If images and classes are not equally many, there are fewer than two classes, or one of them
    /// has only one image.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let images = Array::new([5, 1], vec![0.0f32, 0.1, 1.0, 1.1, 1.2])?;
    /// let pairs = Pairs::alternating(&images, &[0, 0, 1, 1, 1], PairLabel::OneIsSame, 7)?;
    /// assert_eq!(pairs.same(), [true, false, true, false]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn alternating(
        images: impl Into<Column>,
        classes: &[u8],
        convention: PairLabel,
        seed: u64,
    ) -> Result<Pairs> {
        let images = images.into();
        check_lengths(&images, classes)?;
        let labels: Vec<i64> = classes.iter().copied().map(i64::from).collect();
        let of = Classes::new(&labels);
        of.at_least(2, "pairs need")?;
        let smallest = of.samples.iter().map(Vec::len).min().unwrap_or(0);
        if let Some(alone) = of.samples.iter().position(|samples| samples.len() < 2) {
            return Err(Error::data(format!(
                "class {} has only one image, so there is no pair of it",
                of.numbers[alone]
            )));
        }
        let mut random = Philox::new(seed);
        let mut drawn = Vec::with_capacity(2 * (smallest - 1) * of.len());
        for (class, samples) in of.samples.iter().enumerate() {
            for i in 0..smallest - 1 {
                drawn.push((samples[i], samples[i + 1], true));
                let other = (class + 1 + random.below(of.len() - 1)) % of.len();
                drawn.push((samples[i], of.samples[other][i], false));
            }
        }
        Pairs::of(&images, &drawn, convention)
    }

    /// Pairs of these images: left, right, whether they are of one class.
    fn of(images: &Column, drawn: &[(usize, usize, bool)], convention: PairLabel) -> Result<Pairs> {
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

    /// Whether each pair is of one class, for [`Verification`](crate::similarity::Verification) and
    /// [`calibrate`](crate::similarity::calibrate).
    pub fn same(&self) -> Vec<bool> {
        (0..self.len()).map(|pair| self.is_same(pair)).collect()
    }

    /// Only these pairs, in this order.
    ///
    /// # Errors
    /// If there are not so many.
    pub fn select(&self, pairs: &[usize]) -> Result<Pairs> {
        let [left, right] = &self.inputs;
        let inputs = [left.select(pairs.iter().copied())?, right.select(pairs.iter().copied())?];
        let labels = pairs.iter().map(|&pair| self.labels[pair]).collect();
        Ok(Pairs { inputs, labels, convention: self.convention })
    }

    /// Which label says "same".
    pub fn convention(&self) -> PairLabel {
        self.convention
    }
}

fn check_lengths(images: &Column, classes: &[u8]) -> Result<()> {
    if images.len() == classes.len() {
        return Ok(());
    }
    Err(Error::data(format!("{} images but {} classes", images.len(), classes.len())))
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
    fn alternating_pairs_are_those_of_the_example() {
        let classes = [2, 0, 2, 0, 2, 0, 0, 5, 5, 5];
        let images = Array::new([10, 1], (0..10).collect::<Vec<i32>>()).unwrap();
        let pairs = Pairs::alternating(&images, &classes, PairLabel::OneIsSame, 5).unwrap();
        let [left, right] = pairs.inputs().map(|c| c.to_array().unwrap());
        let (left, right) = (left.as_slice::<i32>().unwrap(), right.as_slice::<i32>().unwrap());
        // Digit 0 is at 1, 3, 5, 6; 2 at 0, 2, 4; 5 at 7, 8, 9: two pairs of each kind a digit.
        assert_eq!(left, [1, 1, 3, 3, 0, 0, 2, 2, 7, 7, 8, 8]);
        let same: Vec<i32> = right.iter().copied().step_by(2).collect();
        assert_eq!(same, [3, 5, 2, 4, 8, 9]);
        let firsts = [[0, 7], [1, 7], [0, 1]];
        let seconds = [[2, 8], [3, 8], [2, 3]];
        for (class, pair) in right.chunks(4).enumerate() {
            assert!(firsts[class].contains(&pair[1]) && seconds[class].contains(&pair[3]));
        }
        let labels = pairs.labels().to_array().unwrap();
        assert_eq!(labels.as_slice::<u8>().unwrap(), [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
        let alone =
            Pairs::alternating(&images, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 3], PairLabel::OneIsSame, 5);
        assert!(alone.unwrap_err().to_string().contains("class 3 has only one image"));
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
