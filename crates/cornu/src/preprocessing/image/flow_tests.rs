//! Flows: order, repeatability, and mistakes in the data and the options.

use super::*;
use crate::data::ArrayExt;
use crate::preprocessing::image::{ImageDataGenerator, TransformParameters};
use cornu_graph::{DType, ErrorKind};

/// Images of one colour, their number.
fn numbered(count: usize) -> (Array, Array) {
    let pixels = (0..count * 4).map(|i| (i / 4) as u8).collect();
    let labels = (0..count).map(|i| i as i32 % 2).collect();
    let x = Array::new([count, 2, 2, 1], pixels).unwrap();
    (x, Array::new([count], labels).unwrap())
}

fn new() -> ImageDataGenerator {
    ImageDataGenerator::new()
}

/// Everything random.
fn varied() -> ImageDataGenerator {
    new()
        .rotation_range(20)
        .width_shift_range(0.1)
        .height_shift_range(2)
        .shear_range(5)
        .zoom_range(0.2)
        .channel_shift_range(20)
        .brightness_range([0.5, 1.5])
        .horizontal_flip(true)
        .vertical_flip(true)
        .rescale(1.0 / 255.0)
}

fn noise(shape: [usize; 4]) -> Array {
    let mut random = Philox::new(5);
    let pixels = (0..shape.iter().product()).map(|_| random.next_u32() as u8).collect();
    Array::new(shape, pixels).unwrap()
}

#[test]
fn an_epoch_has_each_image_once_in_an_order_of_its_own() {
    let (x, y) = numbered(10);
    let mut flow = new().flow(&x, &y).batch_size(4).seed(3).build().unwrap();
    assert_eq!((flow.samples(), flow.batches_per_epoch(), flow.batch_size()), (10, 3, 4));
    let epoch = |flow: &mut Flow| {
        let mut order = vec![];
        for expected in [4, 4, 2] {
            let batch = flow.next().unwrap().unwrap();
            assert_eq!(batch.x.shape(), [expected, 2, 2, 1]);
            assert_eq!(batch.sample_weight, None);
            let images = batch.x.as_slice::<f32>().unwrap().chunks(4).map(|image| image[0] as i32);
            let images: Vec<i32> = images.collect();
            let labels: Vec<i32> = images.iter().map(|image| image % 2).collect();
            assert_eq!(batch.y.unwrap().as_slice::<i32>().unwrap(), labels);
            order.extend(images);
        }
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10).collect::<Vec<i32>>());
        order
    };
    let (first, second) = (epoch(&mut flow), epoch(&mut flow));
    assert_ne!(first, second);
    flow.reset();
    assert_eq!(epoch(&mut flow), first);
    let mut again = new().flow(&x, &y).batch_size(4).seed(3).build().unwrap();
    assert_eq!(epoch(&mut again), first);
    assert_eq!(epoch(&mut again), second);
}

#[test]
fn threads_and_batch_size_do_not_change_an_image() {
    let x = noise([24, 64, 64, 3]);
    let flow = |batch_size, workers| {
        let builder = varied().flow_images(&x).seed(11).batch_size(batch_size).workers(workers);
        let mut flow = builder.build().unwrap();
        let mut out = vec![];
        while out.len() < 2 * x.len() {
            out.extend_from_slice(flow.next_batch().unwrap().x.as_slice::<f32>().unwrap());
        }
        out
    };
    let alone = flow(1, 1);
    // So that four threads share the batch.
    const { assert!(24 * 64 * 64 * 3 >= 4 * WORTH_A_THREAD) };
    assert_eq!(flow(24, 4), alone);
    assert_eq!(flow(8, 3), alone);
    assert_ne!(alone[..x.len()], alone[x.len()..]);
}

#[test]
fn the_flow_does_what_the_single_steps_do() {
    for channels in [1, 3] {
        let x = noise([5, 9, 12, channels]);
        for column in [Column::from(&x), Column::from(&x.cast(DType::F32)), x.rescale(0.5)] {
            for generator in [varied(), new().rotation_range(9).rescale(0.1).cval(3), new()] {
                let generator = generator.fill_mode("constant");
                let mut flow = generator.flow_images(column.clone()).seed(4).build().unwrap();
                let batch = flow.next_batch().unwrap().x;
                let mut order: Vec<usize> = (0..5).collect();
                Philox::stream(4, u64::from(u32::MAX)).shuffle(&mut order);
                for (i, &image) in order.iter().enumerate() {
                    let params = draw(&generator, [9, 12], Draws::new(4, 0, image));
                    let one = column.select([image]).unwrap().to_array().unwrap();
                    let one = one.reshape([9, 12, channels]).unwrap();
                    let one = generator.apply_transform(&one, &params).unwrap();
                    let one = generator.standardize(&one).unwrap().into_vec::<f32>().unwrap();
                    let ours = batch.slice_rows(i, i + 1).unwrap().into_vec::<f32>().unwrap();
                    let far = one.iter().zip(&ours).map(|(a, b)| (a - b).abs());
                    assert!(far.fold(0.0, f32::max) < 1e-4, "{params:?}");
                }
            }
        }
    }
}

#[test]
fn one_image_after_the_other_into_a_buffer() {
    let (x, y) = numbered(5);
    let builder = || varied().flow(&x, &y).batch_size(2).seed(1);
    let (mut flow, mut batches) = (builder().build().unwrap(), builder().build().unwrap());
    let mut buffer = [7.0; 9];
    assert!(flow.next_into(&mut buffer[..7]).unwrap_err().to_string().contains("buffer of 7"));
    for count in [2, 2, 1, 2] {
        let rows = flow.next_into(&mut buffer).unwrap();
        let batch = batches.next_batch().unwrap();
        let labels: Vec<i32> = rows.iter().map(|row| *row as i32 % 2).collect();
        assert_eq!(batch.y.unwrap().as_slice::<i32>().unwrap(), labels);
        assert_eq!(batch.x.as_slice::<f32>().unwrap(), &buffer[..count * 4]);
        assert_eq!(buffer[8], 7.0);
    }
}

#[test]
fn chosen_rows_of_a_column_stay_where_they_are() {
    let (x, y) = numbered(9);
    let chosen = Column::from(&x).select([8, 3, 5]).unwrap();
    let labels = Column::from(&y).select([8, 3, 5]).unwrap();
    let mut flow = new().flow(chosen, labels).shuffle(false).build().unwrap();
    let batch = flow.next_batch().unwrap();
    let first: Vec<f32> = batch.x.as_slice::<f32>().unwrap().iter().step_by(4).copied().collect();
    assert_eq!(first, [8.0, 3.0, 5.0]);
    assert_eq!(batch.y.unwrap().as_slice::<i32>().unwrap(), [0, 1, 1]);
}

#[test]
fn a_flow_is_made_for_another_thread() {
    fn sendable<T: Send + Sync + 'static>(_: &T) {}
    let (x, y) = numbered(2);
    sendable(&varied().flow(&x, &y).build().unwrap());
}

fn error(flow: FlowBuilder) -> String {
    match flow.build() {
        Ok(_) => panic!("the flow was built"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mistakes_in_the_data_are_errors() {
    let (x, y) = numbered(4);
    let flat = x.reshape([4, 4]).unwrap();
    assert!(error(new().flow(&flat, &y)).contains("rank 4, not the shape (4, 4)"));
    assert!(error(new().flow(Array::scalar(1u8), &y)).contains("images in x"));
    let more = numbered(5).1;
    assert!(error(new().flow(&x, &more)).contains("4 images in x, but y has 5 rows"));
    assert!(error(new().flow(&x, &y).sample_weight(&more)).contains("sample_weight has 5 rows"));
    let (none, no_labels) = numbered(0);
    assert!(error(new().flow(&none, &no_labels)).contains("no images"));
    let thin = Array::zeros([3, 0, 2, 1], DType::U8);
    assert!(error(new().flow_images(&thin)).contains("no images"));
    assert!(error(new().flow(&x, &y).batch_size(0)).contains("batch_size must be at least 1"));
    assert!(error(new().flow(&x, &y).workers(0)).contains("workers must be at least 1"));
}

#[test]
fn mistakes_in_the_subset_are_errors() {
    let (x, y) = numbered(10);
    let split = |part| new().validation_split(part).flow(&x, &y);
    assert!(error(split(0.3).subset("validaton")).contains("did you mean 'validation'?"));
    assert!(error(split(0.05).subset("validation")).contains("is empty"));
    assert!(error(split(0.0).subset("validation")).contains("validation_split is 0"));
    assert!(error(split(1.0)).contains("between 0 and 1"));
    assert!(error(split(0.1).subset("training")).contains("different labels"));
    assert!(split(0.1).subset("training").ignore_class_split(true).build().is_ok());
}

#[test]
fn mistakes_in_the_options_are_errors() {
    let (x, y) = numbered(4);
    let of = |generator: ImageDataGenerator| error(generator.flow(&x, &y));
    assert!(of(new().fill_mode("nearst")).contains("did you mean 'nearest'?"));
    assert!(of(new().interpolation_order(3)).contains("interpolation_order 3 is not supported"));
    assert!(of(new().zoom_range([1.2, 0.8])).contains("lower end first: [0.8, 1.2]"));
    assert!(of(new().zoom_range(1.5)).contains("mirror the image"));
    assert!(of(new().brightness_range([1.5, 0.5])).contains("brightness_range goes from 1.5"));
    assert!(of(new().brightness_range([-0.5, 0.5])).contains("brightness_range must be"));
    assert!(of(new().rotation_range(-5)).contains("rotation_range must be a number from 0"));
    assert!(of(new().width_shift_range(-0.1)).contains("width_shift_range"));
    assert!(of(new().height_shift_range(-2)).contains("height_shift_range"));
    assert!(of(new().height_shift_range([f64::NAN])).contains("height_shift_range"));
    assert!(of(new().shear_range(f64::INFINITY)).contains("shear_range"));
    assert!(of(new().cval(f64::NAN)).contains("cval must be a finite number"));
    assert!(of(new().cval(1e300)).contains("cval must be a finite number"));
    assert!(of(new().rescale(f32::NAN)).contains("rescale"));
    assert!(of(new().validation_split(-0.5)).contains("validation_split is -0.5"));
}

#[test]
fn feature_wise_options_want_to_be_fitted_first() {
    let (x, y) = numbered(4);
    for (name, mut generator) in [
        ("featurewise_center", new().featurewise_center(true)),
        ("featurewise_std_normalization", new().featurewise_std_normalization(true)),
        ("zca_whitening", new().zca_whitening(true).zca_epsilon(0.1)),
    ] {
        let message = error(generator.flow(&x, &y));
        assert!(message.contains(name) && message.contains("call .fit"), "{message}");
        let image = x.slice_rows(0, 1).unwrap().reshape([2, 2, 1]).unwrap();
        assert_eq!(generator.standardize(&image).unwrap_err().kind(), ErrorKind::State);
        generator.fit(&x).unwrap();
        assert!(generator.standardize(&image).is_ok());
        assert!(generator.flow(&x, &y).build().is_ok());
        // Fitted on other images.
        let colour = Array::zeros([2, 2, 2, 3], DType::U8);
        assert!(error(generator.flow_images(&colour)).contains("fitted on images of shape"));
    }
    let late = new();
    let mut fitted = late.clone();
    fitted.fit(&x).unwrap();
    assert!(error(fitted.featurewise_center(true).flow(&x, &y)).contains("call .fit"));
}

#[test]
fn mistakes_in_fit_are_errors() {
    let (x, _) = numbered(4);
    let mut generator = new().featurewise_center(true);
    assert!(generator.fit(x.reshape([4, 4]).unwrap()).is_err());
    assert!(generator.fit(Array::zeros([0, 2, 2, 1], DType::U8)).is_err());
    assert!(generator.fit_augmented(&x, 0, 1).is_err());
    let large = Array::zeros([1, 128, 128, 1], DType::U8);
    let error = new().zca_whitening(true).fit(&large).unwrap_err().to_string();
    assert!(error.contains("16384 numbers"), "{error}");
    let same = new().zca_whitening(true).zca_epsilon(0).fit(x.cast(DType::F32));
    assert!(same.unwrap_err().to_string().contains("zca_epsilon above 0"));
    let bad = Array::new([1, 1, 1, 1], vec![f32::NAN]).unwrap();
    assert!(new().zca_whitening(true).fit(&bad).is_err());
    assert!(new().featurewise_center(true).fit(&bad).is_err());
}

#[test]
fn fit_can_measure_transformed_images() {
    // Shifted out of the frame half the time: about half of the brightness is left.
    let x = Array::new([200, 1, 2], vec![100u8; 400]).unwrap();
    let mut generator = new().featurewise_center(true).fill_mode("constant").rescale(0.5);
    generator.fit(&x).unwrap();
    assert_eq!(generator.mean().unwrap(), [50.0]);
    generator = generator.height_shift_range([1]);
    generator.fit_augmented(&x, 3, 2).unwrap();
    assert_eq!(generator.mean().unwrap(), [25.0]);
    let spread = generator.clone().featurewise_std_normalization(true);
    let mut spread = spread.height_shift_range(0.0);
    spread.fit(&x).unwrap();
    assert_eq!(
        (spread.mean().unwrap(), spread.std().unwrap()),
        ([50.0].as_slice(), [0.0].as_slice())
    );
}

#[test]
fn mistakes_in_single_images_are_errors() {
    let params = TransformParameters::default();
    let (vector, empty) = (Array::zeros([4], DType::U8), Array::zeros([2, 0], DType::U8));
    assert!(new().apply_transform(&vector, &params).unwrap_err().message().contains("(4,)"));
    assert!(new().apply_transform(&empty, &params).unwrap_err().message().contains("no pixels"));
    assert!(new().get_random_transform(&[2], 7).is_err());
    let image = Array::zeros([2, 2, 2], DType::U8);
    let odd = TransformParameters { theta: f64::NAN, ..params };
    assert!(new().apply_transform(&image, &odd).unwrap_err().message().contains("theta"));
    let bright = TransformParameters { brightness: Some(1.5), ..params };
    assert!(new().apply_transform(&image, &bright).unwrap_err().message().contains("2 channels"));
    let grows = new().preprocessing_function(|_| Ok(Array::zeros([3], DType::F32)));
    assert!(grows.standardize(&image).unwrap_err().message().contains("makes shape (3,)"));
    let fails = new().preprocessing_function(|_| Err(Error::data("no")));
    let images = image.reshape([2, 2, 2, 1]).unwrap();
    let failed = fails.flow_images(&images).build().unwrap().next_batch();
    assert_eq!(failed.unwrap_err().message(), "no");
}

#[test]
fn a_seed_repeats_a_random_transform() {
    let image = noise([1, 6, 5, 3]).reshape([6, 5, 3]).unwrap();
    let generator = varied();
    let of = |seed: Option<u64>| generator.random_transform(&image, seed).unwrap();
    assert_eq!(of(Some(3)), of(Some(3)));
    assert_ne!(of(Some(3)), of(Some(4)));
    assert_ne!(of(None), of(None));
}
