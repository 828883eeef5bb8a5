//! The rounding error of convolutions computed by plain sums and by Winograd's transforms, measured
//! against sums in `f64`.
//!
//!     cargo run --release -p cornu-cpu --example winograd_error
//!
//! For each: the root of the mean square of the errors in parts of that of the results, and the
//! largest error in parts of the largest result.

use cornu_cpu::{Cpu, Options, Winograd};
use cornu_graph::op::Conv2d;
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Executor, Graph, Op, Plan, Program, plan};

const IMAGES: usize = 3;
const SIDE: usize = 26;
const FILTERS: usize = 16;
const CONV: Conv2d = Conv2d { strides: [1, 1], padding: [(1, 1); 2], dilation: [1, 1], groups: 1 };

fn main() {
    println!("{:8}{:>9}  {:>31}{:>27}{:>27}", "", "", "forward", "images", "filters");
    println!(
        "{:8}{:>9}  {:>4}{}",
        "data",
        "channels",
        "",
        "     plain             Winograd".repeat(3)
    );
    for (name, data) in [("normal", normal as Data), ("images", images as Data)] {
        for channels in [1, 4, 16, 64, 256] {
            let case = Case::new(channels, data);
            let exact = case.exact();
            let plain = case.computed(Winograd::Never);
            let fast = case.computed(Winograd::Always);
            print!("{name:8}{channels:9}");
            for i in 0..3 {
                let [(rms, most), (fast_rms, fast_most)] =
                    [&plain, &fast].map(|results| error(&exact[i], &results[i]));
                print!("  {rms:.1e} {most:.1e} {fast_rms:.1e} {fast_most:.1e}");
            }
            println!();
        }
    }
}

/// A convolution and its gradients: images, filters, the output's gradient.
struct Case {
    channels: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    g: Vec<f32>,
}

/// Makes the pixels of images with this many channels.
type Data = fn(&mut Philox, usize) -> Vec<f32>;

fn normal(rng: &mut Philox, channels: usize) -> Vec<f32> {
    (0..IMAGES * SIDE * SIDE * channels).map(|_| rng.normal() as f32).collect()
}

/// Smooth shapes on empty ground, all numbers between 0 and 1.
fn images(rng: &mut Philox, channels: usize) -> Vec<f32> {
    let mut pixels = vec![0.0; IMAGES * SIDE * SIDE * channels];
    for image in 0..IMAGES {
        for c in 0..channels {
            let [a, b, phase] = [0; 3].map(|_| rng.normal());
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let wave = (a * y as f64 / 4.0 + b * x as f64 / 4.0 + 3.0 * phase).sin();
                    let place = ((image * SIDE + y) * SIDE + x) * channels + c;
                    pixels[place] = wave.max(0.0) as f32;
                }
            }
        }
    }
    pixels
}

impl Case {
    fn new(channels: usize, data: Data) -> Case {
        let mut rng = Philox::new(channels as u64);
        let x = data(&mut rng, channels);
        let scale = (2.0 / (9 * channels) as f64).sqrt();
        let w = (0..9 * channels * FILTERS).map(|_| (scale * rng.normal()) as f32).collect();
        // As behind a ReLU: half of it is 0.
        let g = (0..IMAGES * SIDE * SIDE * FILTERS)
            .map(|_| if rng.below(2) == 0 { 0.0 } else { 0.01 * rng.normal() as f32 })
            .collect();
        Case { channels, x, w, g }
    }

    /// The results by plain sums in `f64`.
    fn exact(&self) -> [Vec<f64>; 3] {
        let c = self.channels;
        let (mut y, mut dx) = (vec![0.0; self.g.len()], vec![0.0; self.x.len()]);
        let mut dw = vec![0.0; self.w.len()];
        for window in 0..IMAGES * SIDE * SIDE {
            let (image, oy, ox) = (window / (SIDE * SIDE), window / SIDE % SIDE, window % SIDE);
            for (ky, kx) in (0..9).map(|k| (k / 3, k % 3)) {
                let (py, px) = ((oy + ky).wrapping_sub(1), (ox + kx).wrapping_sub(1));
                if py >= SIDE || px >= SIDE {
                    continue;
                }
                let pixel = ((image * SIDE + py) * SIDE + px) * c;
                let weight = (ky * 3 + kx) * c * FILTERS;
                for i in 0..c {
                    for f in 0..FILTERS {
                        let x = f64::from(self.x[pixel + i]);
                        let w = f64::from(self.w[weight + i * FILTERS + f]);
                        let g = f64::from(self.g[window * FILTERS + f]);
                        y[window * FILTERS + f] += x * w;
                        dx[pixel + i] += g * w;
                        dw[weight + i * FILTERS + f] += g * x;
                    }
                }
            }
        }
        [y, dx, dw]
    }

    /// The results on one thread.
    fn computed(&self, winograd: Winograd) -> [Vec<f64>; 3] {
        let images = [IMAGES, SIDE, SIDE, self.channels];
        let filter = [3, 3, self.channels, FILTERS];
        let array = |shape: [usize; 4], v: &Vec<f32>| Array::new(shape, v.clone()).expect("fits");
        let arrays = [
            array(images, &self.x),
            array(filter, &self.w),
            array([IMAGES, SIDE, SIDE, FILTERS], &self.g),
        ];
        let mut graph = Graph::new();
        let [x, w, g] =
            [0, 1, 2].map(|index| graph.add(Op::Input { index, ty: arrays[index].ty() }, &[]));
        let y = graph.add(Op::Conv2d(CONV), &[x, w]);
        let input = images.into();
        let dx = graph.add(Op::Conv2dInputGrad { conv: CONV, input }, &[g, w]);
        let filter = filter.into();
        let dw = graph.add(Op::Conv2dFilterGrad { conv: CONV, filter }, &[x, g]);
        graph.outputs.extend([y, dx, dw]);
        let options = Options { threads: 1, winograd, ..Options::default() };
        let cpu = Cpu::new(options).expect("available");
        let plan =
            Plan::new(graph, plan::Options::default(), |node, types| cpu.scratch(node, types));
        let mut program = cpu.load(plan).expect("supported");
        program.run(&arrays.each_ref(), &mut []).expect("the types fit");
        [0, 1, 2].map(|i| program.output(i).values().to_f64())
    }
}

/// The root mean square of the errors, and the largest, relative.
fn error(exact: &[f64], given: &[f64]) -> (f64, f64) {
    let square_sum = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let errors = || exact.iter().zip(given).map(|(a, b)| a - b);
    let largest =
        |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |m: f64, v| m.max(v.abs()));
    let rms = (square_sum(&mut errors()) / square_sum(&mut exact.iter().copied())).sqrt();
    (rms, largest(&mut errors()) / largest(&mut exact.iter().copied()))
}
