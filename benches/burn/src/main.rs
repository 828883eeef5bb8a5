//! The benchmarks' networks on burn, with its flex backend: trains one of them, prints a line of
//! JSON.
//!
//! Where burn lacks something, the nearest takes its place: it has no Adadelta, so `cnn_r` trains
//! with Adam, whose work is alike and a hundredth of the step's. The losses of classifiers take
//! logits, which saves burn the softmax.

use bench_peer::{Digits, Options, PIXELS, Pairs, Training, version};
use burn::module::{Initializer, Module};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

const CLASSES: usize = 10;

fn main() {
    let options = Options::parse();
    let device = Device::flex().autodiff();
    device.seed(options.seed);
    match options.workload.as_str() {
        "mlp_py" => {
            let net = Mlp::new(&[784, 512, 512, CLASSES], &[0.2, 0.2], &device);
            classify(&options, &device, net, rmsprop(), 1e-3, 60_000, 128);
        }
        "mlp_r" => {
            let net = Mlp::new(&[784, 256, 128, CLASSES], &[0.4, 0.3], &device);
            classify(&options, &device, net, rmsprop(), 1e-3, 48_000, 128);
        }
        "other" => {
            let optimizer = momentum_sgd();
            classify(&options, &device, Other::new(&device), optimizer, 0.05, 60_000, 100);
        }
        "cnn_r" => classify(&options, &device, Cnn::new(&device), adam(), 1e-3, 48_000, 128),
        "siamese_new" => {
            let tower = Mlp::new(&[784, 512, 256, 128], &[0.0, 0.0], &device);
            // 1 says that they are different.
            twins(&options, &device, tower, adam(), 32, false, |y, d| {
                let far = (-d.clone() + 1.0).clamp_min(0.0).square();
                (-y.clone() + 1.0) / 2.0 * d.square() + y / 2.0 * far
            });
        }
        "siamese_old" => {
            let mut tower = Mlp::new(&[784, 128, 128, 128], &[0.0, 0.0], &device);
            tower.activate_last = true;
            twins(&options, &device, tower, rmsprop(), 128, true, |y, d| {
                let far = (-d.clone() + 1.0).clamp_min(0.0).square();
                y.clone() * d.square() + (-y + 1.0) * far
            });
        }
        _ => options.unknown(),
    }
}

/// As Keras has it.
fn rmsprop() -> ModuleOptimizer {
    RmsPropConfig::new().with_alpha(0.9).with_momentum(0.0).with_epsilon(1e-7).init()
}

fn adam() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-7).init()
}

fn momentum_sgd() -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

fn dense(from: usize, to: usize, device: &Device) -> Linear {
    LinearConfig::new(from, to).with_initializer(glorot()).init(device)
}

/// Keras's default.
fn glorot() -> Initializer {
    Initializer::XavierUniform { gain: 1.0 }
}

/// A network that gives a row for each row of pixels.
trait Network: Module {
    fn forward(&self, x: Tensor<2>) -> Tensor<2>;
}

/// Dense layers with relu and dropout between them.
#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
    dropout: Vec<Dropout>,
    activate_last: bool,
}

impl Mlp {
    fn new(sizes: &[usize], dropout: &[f64], device: &Device) -> Mlp {
        Mlp {
            layers: sizes.windows(2).map(|pair| dense(pair[0], pair[1], device)).collect(),
            dropout: dropout.iter().map(|&rate| DropoutConfig::new(rate).init()).collect(),
            activate_last: false,
        }
    }
}

impl Network for Mlp {
    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if i < last || self.activate_last {
                x = activation::relu(x);
            }
            if i < last && self.dropout[i].prob > 0.0 {
                x = self.dropout[i].forward(x);
            }
        }
        x
    }
}

/// The network that nobody tuned for.
#[derive(Module, Debug)]
struct Other {
    layers: Vec<Linear>,
    norm: BatchNorm,
}

impl Other {
    fn new(device: &Device) -> Other {
        let sizes = [784, 300, 200, 100, CLASSES];
        Other {
            layers: sizes.windows(2).map(|pair| dense(pair[0], pair[1], device)).collect(),
            // As Keras has it.
            norm: BatchNormConfig::new(200).with_epsilon(1e-3).with_momentum(0.01).init(device),
        }
    }
}

impl Network for Other {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = activation::tanh(self.layers[0].forward(x));
        let x = activation::gelu(self.layers[1].forward(x));
        let x = activation::elu(self.layers[2].forward(self.norm.forward(x)), 1.0);
        self.layers[3].forward(x)
    }
}

/// The convolutional network.
#[derive(Module, Debug)]
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    dropout: Dropout,
    hidden: Linear,
    output: Linear,
}

impl Cnn {
    fn new(device: &Device) -> Cnn {
        let conv = |from, to| {
            Conv2dConfig::new([from, to], [3, 3]).with_initializer(glorot()).init(device)
        };
        Cnn {
            first: conv(1, 64),
            second: conv(64, 128),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            dropout: DropoutConfig::new(0.25).init(),
            hidden: dense(12 * 12 * 128, 128, device),
            output: dense(128, CLASSES, device),
        }
    }
}

impl Network for Cnn {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [batch, _] = x.dims();
        let x = activation::relu(self.first.forward(x.reshape([batch, 1, 28, 28])));
        let x = activation::relu(self.second.forward(x));
        let x: Tensor<2> = self.dropout.forward(self.pool.forward(x)).flatten(1, 3);
        let x = self.dropout.forward(activation::relu(self.hidden.forward(x)));
        self.output.forward(x)
    }
}

/// Trains a network on the first `samples` digits, tests it on others.
fn classify<N: Network>(
    options: &Options,
    device: &Device,
    net: N,
    optimizer: ModuleOptimizer,
    rate: f64,
    samples: usize,
    batch: usize,
) {
    let train = Digits::load(&options.data, "train");
    let loss: CrossEntropyLoss = CrossEntropyLossConfig::new().init(device);
    let fitted = fit(options, net, optimizer, rate, samples, batch, |net, rows| {
        let x = matrix(train.batch(rows.iter().copied()), PIXELS, device);
        let y: Vec<i64> = rows.iter().map(|&row| i64::from(train.labels[row])).collect();
        let y = Tensor::<1, Int>::from_data(TensorData::new(y, [rows.len()]), device);
        loss.forward(net.forward(x), y)
    });
    let (net, training) = fitted;
    options.print("burn", burn_version(), &training, || {
        let (net, device) = (net.valid(), device.clone().inner());
        let test = Digits::load(&options.data, "t10k");
        let mut right = 0;
        for first in (0..test.len()).step_by(500) {
            let rows = first..(first + 500).min(test.len());
            let x = matrix(test.batch(rows.clone()), PIXELS, &device);
            let read = net.forward(x).argmax(1).into_data().try_into_vec_as::<i64>();
            let read = read.expect("numbers of classes");
            right += rows.zip(read).filter(|&(row, r)| i64::from(test.labels[row]) == r).count();
        }
        right as f64 / test.len() as f64
    });
}

/// Trains two towers with shared weights on pairs; a label of 1 may say "the same".
fn twins<N: Network>(
    options: &Options,
    device: &Device,
    tower: N,
    optimizer: ModuleOptimizer,
    batch: usize,
    one_is_same: bool,
    loss: impl Fn(Tensor<2>, Tensor<2>) -> Tensor<2>,
) {
    let train = Pairs::load(options, "train");
    let samples = train.len();
    let fitted = fit(options, tower, optimizer, 1e-3, samples, batch, |tower, rows| {
        let [left, right, y] = train.batch(rows);
        let [left, right] = [left, right].map(|x| matrix(x, PIXELS, device));
        loss(matrix(y, 1, device), distance(tower, left, right)).mean()
    });
    let (tower, training) = fitted;
    options.print("burn", burn_version(), &training, || {
        let (tower, device) = (tower.valid(), device.clone().inner());
        let test = Pairs::load(options, "t10k");
        let all: Vec<usize> = (0..test.len()).collect();
        let mut right = 0;
        for rows in all.chunks(500) {
            let [a, b, _] = test.batch(rows);
            let [a, b] = [a, b].map(|x| matrix(x, PIXELS, &device));
            let distances = distance(&tower, a, b).into_data().try_into_vec_as::<f32>();
            let told = rows.iter().zip(distances.expect("numbers"));
            right += told
                .filter(|&(&row, d)| (d < 0.5) == ((test.label(row) == 1) == one_is_same))
                .count();
        }
        right as f64 / test.len() as f64
    });
}

/// The Euclidean distance of what a tower makes of two images, and a little, so that its gradient
/// is finite.
fn distance<N: Network>(tower: &N, left: Tensor<2>, right: Tensor<2>) -> Tensor<2> {
    let difference = tower.forward(left) - tower.forward(right);
    (difference.square().sum_dim(1) + 1e-12).sqrt()
}

/// Rows of so many numbers.
fn matrix(values: Vec<f32>, columns: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / columns;
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// Trains on the batches that `loss` makes of numbers of samples.
fn fit<N: Network>(
    options: &Options,
    net: N,
    mut optimizer: ModuleOptimizer,
    rate: f64,
    samples: usize,
    batch: usize,
    loss: impl Fn(&N, &[usize]) -> Tensor<1>,
) -> (N, Training) {
    let mut net = Some(net);
    let training = options.train(samples, batch, |rows| {
        let now = net.take().expect("put back below");
        let gradients = GradientsParams::from_grads(loss(&now, rows).backward(), &now);
        net = Some(optimizer.step(rate, now, gradients));
    });
    (net.expect("put back above"), training)
}

fn burn_version() -> &'static str {
    version(include_str!("../Cargo.lock"), "burn")
}
