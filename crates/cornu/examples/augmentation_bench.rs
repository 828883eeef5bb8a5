//! How long one varied image takes: nanoseconds, the best of many short samples.
//!
//!     cargo run --release -p cornu --no-default-features --example augmentation_bench
//!
//! The first row is the siamese recipe: bytes of 28 x 28, rotated, shifted and zoomed. The last line
//! is that recipe's epoch: 100 batches of 20 pairs, drawn one image at a time from ten flows.

use cornu::preprocessing::image::{Flow, ImageDataGenerator};
use cornu::{Array, Error, Result};
use std::time::{Duration, Instant};

fn main() -> Result<()> {
    let warp = || {
        let new = ImageDataGenerator::new().rescale(1.0 / 255.0).rotation_range(5.0);
        new.width_shift_range(0.1).height_shift_range(0.05).zoom_range(0.1).fill_mode("constant")
    };
    let all = || {
        let more = warp().fill_mode("reflect").shear_range(5.0).horizontal_flip(true);
        more.channel_shift_range(20.0).brightness_range([0.8, 1.2])
    };
    let plain = || ImageDataGenerator::new().rescale(1.0 / 255.0);
    println!("{:>13} {:>14} {:>12} {:>12}", "", "next_into", "batch of 32", "1 thread");
    for shape in [[28, 28, 1], [224, 224, 3]] {
        for (name, generator) in [
            ("warp", warp()),
            ("nearest", warp().fill_mode("nearest")),
            ("order 0", warp().interpolation_order(0)),
            ("everything", all()),
            ("rescale only", plain()),
        ] {
            let images = images(shape)?;
            let flow = |batch, workers| {
                let flow = generator.flow_images(&images).seed(9487).workers(workers);
                flow.batch_size(batch).build()
            };
            let cores = std::thread::available_parallelism()?.get();
            let (mut one, mut shared, mut alone) = (flow(1, 1)?, flow(32, cores)?, flow(32, 1)?);
            let mut buffer = vec![0.0; shape.iter().product()];
            let single = best_time(|| one.next_into(&mut buffer).map(|rows| rows.len()))?;
            let shared = best_time(|| batch(&mut shared))?;
            let alone = best_time(|| batch(&mut alone))?;
            let columns = [single, shared, alone].map(|seconds| seconds * 1e9);
            let [single, shared, alone] = columns;
            println!("{name:>13} {single:>11.0} ns {shared:>9.0} ns {alone:>9.0} ns  {shape:?}");
        }
    }
    println!("100 batches of 20 pairs: {:.1} ms", recipe(&warp())? * 1e3);
    Ok(())
}

fn images([rows, cols, channels]: [usize; 3]) -> Result<Array> {
    let count = 64;
    let bytes = (0..count * rows * cols * channels).map(|i| (i * 7919 % 251) as u8).collect();
    Array::new([count, rows, cols, channels], bytes)
}

fn batch(flow: &mut Flow) -> Result<usize> {
    Ok(flow.next_batch()?.x.rows())
}

/// The best time for one image, in seconds, of calls that tell how many they made.
fn best_time(mut call: impl FnMut() -> Result<usize>) -> Result<f64> {
    let mut best = f64::MAX;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) {
        let sample = Instant::now();
        let mut images = 0;
        while sample.elapsed() < Duration::from_millis(2) {
            images += call()?;
        }
        best = best.min(sample.elapsed().as_secs_f64() / images as f64);
    }
    Ok(best)
}

fn recipe(generator: &ImageDataGenerator) -> Result<f64> {
    let images = images([28, 28, 1])?;
    let flow = |seed| generator.flow_images(&images).batch_size(1).seed(seed).build();
    let mut flows = (0..10).map(flow).collect::<Result<Vec<Flow>>>()?;
    let mut sides = [vec![0.0; 20 * 784], vec![0.0; 20 * 784]];
    let mut best = f64::MAX;
    for _ in 0..40 {
        let start = Instant::now();
        for step in 0..100 {
            for (side, images) in sides.iter_mut().enumerate() {
                for (pair, image) in images.chunks_exact_mut(784).enumerate() {
                    let class = (step * 7 + pair * 3 + side * usize::from(pair < 10)) % 10;
                    flows[class].next_into(image)?;
                }
            }
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    match sides.iter().flatten().all(|x| (0.0..=1.0).contains(x)) {
        true => Ok(best),
        false => Err(Error::data("a value is not within 0 and 1")),
    }
}
