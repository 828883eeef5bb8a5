//! What the benchmarks' programs on burn and on candle have in common: options, data, the loop over
//! epochs with its clock, and the line of JSON in the end.

use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The pixels of an image.
pub const PIXELS: usize = 28 * 28;

/// How to train.
pub struct Options {
    /// Which network.
    pub workload: String,
    /// The folder that `cornu-bench data` wrote.
    pub data: PathBuf,
    /// How often all samples are seen.
    pub epochs: usize,
    /// Only the first so many steps of each epoch.
    pub steps: Option<usize>,
    /// Of the weights, the order and the dropout.
    pub seed: u64,
}

impl Options {
    /// Of the command line: `WORKLOAD --data FOLDER --epochs N --seed N [--steps N]`. Ends the
    /// program if they are wrong.
    pub fn parse() -> Options {
        let mut arguments = std::env::args().skip(1);
        let workload = arguments.next().unwrap_or_else(|| end("which workload?"));
        let data = PathBuf::new();
        let mut options = Options { workload, data, epochs: 3, steps: None, seed: 1 };
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| end(&format!("{name} needs a value")));
            let number = || value.parse().unwrap_or_else(|_| end(&format!("{name} {value}")));
            match name.as_str() {
                "--data" => options.data = value.into(),
                "--epochs" => options.epochs = number(),
                "--steps" => options.steps = Some(number()),
                "--seed" => options.seed = number() as u64,
                _ => end(&format!("there is no option {name}")),
            }
        }
        options
    }

    /// Ends the program: there is no such network here.
    pub fn unknown(&self) -> ! {
        end(&format!("there is no workload {} here", self.workload))
    }

    /// Trains: calls `step` with the numbers of the samples of each batch, in a new order in each
    /// epoch, and takes the time.
    pub fn train(&self, samples: usize, batch: usize, mut step: impl FnMut(&[usize])) -> Training {
        let all = samples.div_ceil(batch);
        let steps = self.steps.map_or(all, |steps| steps.min(all));
        let mut order: Vec<usize> = (0..samples).collect();
        let mut random = Random(self.seed);
        let mut epoch_s = vec![];
        for _ in 0..self.epochs {
            random.shuffle(&mut order);
            let begin = Instant::now();
            order.chunks(batch).take(steps).for_each(&mut step);
            epoch_s.push(begin.elapsed().as_secs_f64() * all as f64 / steps as f64);
        }
        Training { epoch_s, steps: (steps < all).then_some([steps, all]) }
    }

    /// Prints what was measured. `test` gives figures of the trained network, if it saw all.
    pub fn print(
        &self,
        peer: &str,
        version: &str,
        training: &Training,
        accuracy: impl FnOnce() -> f64,
    ) {
        let mut test = json!({});
        if training.steps.is_none() {
            // What is not a number becomes null.
            test["accuracy"] = json!(accuracy());
        }
        let line = json!({
            "workload": self.workload,
            "peer": peer,
            "versions": {peer: version},
            "epoch_s": training.epoch_s,
            "steps": training.steps,
            "test": test,
            "peak_mb": peak_mb(),
        });
        println!("{line}");
    }
}

fn end(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(2)
}

/// The seconds of epochs, extrapolated if only some steps were run.
pub struct Training {
    /// Of a whole epoch.
    pub epoch_s: Vec<f64>,
    /// How many steps were run of how many, unless all were.
    pub steps: Option<[usize; 2]>,
}

/// Images as bytes, and the digit of each.
pub struct Digits {
    images: Vec<u8>,
    /// The digits.
    pub labels: Vec<u8>,
}

impl Digits {
    /// Of a part, `train` or `t10k`.
    pub fn load(folder: &Path, part: &str) -> Digits {
        let [images, labels] = ["images-idx3", "labels-idx1"]
            .map(|kind| idx(&folder.join(format!("{part}-{kind}-ubyte"))));
        Digits { images, labels }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Images with numbers in 0..1, row after row.
    pub fn batch(&self, images: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let images = images.into_iter();
        let mut batch = Vec::with_capacity(images.size_hint().0 * PIXELS);
        for image in images {
            let pixels = &self.images[image * PIXELS..][..PIXELS];
            batch.extend(pixels.iter().map(|&pixel| f32::from(pixel) / 255.0));
        }
        batch
    }
}

/// Pairs of images and their labels.
pub struct Pairs {
    /// The images.
    pub digits: Digits,
    rows: Vec<[usize; 3]>,
}

impl Pairs {
    /// The pairs of a workload in a part, `train` or `t10k`.
    pub fn load(options: &Options, part: &str) -> Pairs {
        let bytes = idx(&options.data.join(format!("{}-{part}-pairs", options.workload)));
        let numbers: Vec<usize> = bytes
            .chunks_exact(4)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)
            .collect();
        let rows = numbers.chunks_exact(3).map(|row| [row[0], row[1], row[2]]).collect();
        Pairs { digits: Digits::load(&options.data, part), rows }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Left images, right images, labels.
    pub fn batch(&self, pairs: &[usize]) -> [Vec<f32>; 3] {
        let side = |side: usize| self.digits.batch(pairs.iter().map(|&pair| self.rows[pair][side]));
        let labels = pairs.iter().map(|&pair| self.label(pair) as f32).collect();
        [side(0), side(1), labels]
    }

    /// The label of a pair, 0 or 1.
    pub fn label(&self, pair: usize) -> usize {
        self.rows[pair][2]
    }
}

/// The values of a file in MNIST's format.
fn idx(path: &Path) -> Vec<u8> {
    let mut bytes =
        fs::read(path).unwrap_or_else(|e| end(&format!("{}: {e}", path.display())));
    bytes.split_off(4 + 4 * usize::from(bytes[3]))
}

/// The version of a package in the text of a `Cargo.lock`.
pub fn version<'a>(lock: &'a str, package: &str) -> &'a str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&name).and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version)
}

/// Numbers for the order of samples (SplitMix64, by Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

/// The most memory that this process held, in MB; Linux tells it.
fn peak_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
