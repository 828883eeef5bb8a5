//! The benchmarks' networks on candle: trains one of them, prints a line of JSON.
//!
//! Where candle lacks something it is written here with its operations, as its users must: RMSprop
//! and SGD with momentum. It has no Adadelta; `cnn_r` trains with Adam, whose work is alike and a
//! hundredth of the step's. The losses of classifiers take logits, which saves candle the softmax.

use bench_peer::{Digits, Options, PIXELS, Pairs, Training, version};
use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::{
    AdamW, BatchNorm, BatchNormConfig, Conv2d, Init, Linear, Module, ModuleT, Optimizer,
    ParamsAdamW, VarBuilder, VarMap, batch_norm, loss, ops,
};

const CLASSES: usize = 10;

fn main() -> Result<()> {
    let options = Options::parse();
    let variables = VarMap::new();
    let scope = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let bench = Bench { options: &options, variables: &variables };
    match options.workload.as_str() {
        "mlp_py" => {
            let net = Mlp::new(&[784, 512, 512, CLASSES], &[0.2, 0.2], scope)?;
            bench.classify(&net, Rule::RmsProp, 60_000, 128)
        }
        "mlp_r" => {
            let net = Mlp::new(&[784, 256, 128, CLASSES], &[0.4, 0.3], scope)?;
            bench.classify(&net, Rule::RmsProp, 48_000, 128)
        }
        "other" => bench.classify(&Other::new(scope)?, Rule::Momentum, 60_000, 100),
        "cnn_r" => bench.classify(&Cnn::new(scope)?, Rule::Adam, 48_000, 128),
        "siamese_new" => {
            let tower = Mlp::new(&[784, 512, 256, 128], &[0.0, 0.0], scope)?;
            // 1 says that they are different.
            bench.twins(&tower, Rule::Adam, 32, false, |y, d| {
                let far = (1.0 - d)?.relu()?.sqr()?;
                (((1.0 - y)? / 2.0)? * d.sqr()?)? + ((y / 2.0)? * far)?
            })
        }
        "siamese_old" => {
            let mut tower = Mlp::new(&[784, 128, 128, 128], &[0.0, 0.0], scope)?;
            tower.activate_last = true;
            bench.twins(&tower, Rule::RmsProp, 128, true, |y, d| {
                let far = (1.0 - d)?.relu()?.sqr()?;
                (y * d.sqr()?)? + ((1.0 - y)? * far)?
            })
        }
        _ => options.unknown(),
    }
}

/// A dense layer that begins as Keras's do.
fn dense(from: usize, to: usize, scope: VarBuilder) -> Result<Linear> {
    let weight = scope.get_with_hints((to, from), "weight", glorot(from, to))?;
    Ok(Linear::new(weight, Some(scope.get_with_hints(to, "bias", Init::Const(0.0))?)))
}

fn conv(from: usize, to: usize, scope: VarBuilder) -> Result<Conv2d> {
    let weight = scope.get_with_hints((to, from, 3, 3), "weight", glorot(9 * from, 9 * to))?;
    let bias = scope.get_with_hints(to, "bias", Init::Const(0.0))?;
    Ok(Conv2d::new(weight, Some(bias), Default::default()))
}

/// Keras's default.
fn glorot(from: usize, to: usize) -> Init {
    let limit = (6.0 / (from + to) as f64).sqrt();
    Init::Uniform { lo: -limit, up: limit }
}

/// Dense layers with relu and dropout between them.
struct Mlp {
    layers: Vec<Linear>,
    dropout: Vec<f32>,
    activate_last: bool,
}

impl Mlp {
    fn new(sizes: &[usize], dropout: &[f32], scope: VarBuilder) -> Result<Mlp> {
        let layers = sizes.windows(2).enumerate();
        let layers = layers.map(|(i, pair)| dense(pair[0], pair[1], scope.pp(i)));
        let (layers, dropout) = (layers.collect::<Result<_>>()?, dropout.to_vec());
        Ok(Mlp { layers, dropout, activate_last: false })
    }
}

impl ModuleT for Mlp {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let (mut x, last) = (x.clone(), self.layers.len() - 1);
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x)?;
            if i < last || self.activate_last {
                x = x.relu()?;
            }
            if train && i < last && self.dropout[i] > 0.0 {
                x = ops::dropout(&x, self.dropout[i])?;
            }
        }
        Ok(x)
    }
}

/// The network that nobody tuned for.
struct Other {
    layers: Vec<Linear>,
    norm: BatchNorm,
}

impl Other {
    fn new(scope: VarBuilder) -> Result<Other> {
        let sizes = [784, 300, 200, 100, CLASSES];
        let layers = sizes.windows(2).enumerate();
        let layers = layers.map(|(i, pair)| dense(pair[0], pair[1], scope.pp(i)));
        // As Keras has it.
        let config = BatchNormConfig { eps: 1e-3, momentum: 0.01, ..Default::default() };
        let norm = batch_norm(200, config, scope.pp("norm"))?;
        Ok(Other { layers: layers.collect::<Result<_>>()?, norm })
    }
}

impl ModuleT for Other {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.layers[0].forward(x)?.tanh()?;
        let x = self.layers[1].forward(&x)?.gelu_erf()?;
        let x = self.layers[2].forward(&self.norm.forward_t(&x, train)?)?.elu(1.0)?;
        self.layers[3].forward(&x)
    }
}

/// The convolutional network.
struct Cnn {
    convolutions: [Conv2d; 2],
    hidden: Linear,
    output: Linear,
}

impl Cnn {
    fn new(scope: VarBuilder) -> Result<Cnn> {
        Ok(Cnn {
            convolutions: [conv(1, 64, scope.pp("first"))?, conv(64, 128, scope.pp("second"))?],
            hidden: dense(12 * 12 * 128, 128, scope.pp("hidden"))?,
            output: dense(128, CLASSES, scope.pp("output"))?,
        })
    }
}

impl ModuleT for Cnn {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let dropped = |x: Tensor| if train { ops::dropout(&x, 0.25) } else { Ok(x) };
        let x = x.reshape(((), 1, 28, 28))?;
        let x = self.convolutions[0].forward(&x)?.relu()?;
        let x = self.convolutions[1].forward(&x)?.relu()?;
        let x = dropped(x.max_pool2d(2)?)?.flatten_from(1)?;
        self.output.forward(&dropped(self.hidden.forward(&x)?.relu()?)?)
    }
}

/// How weights follow their gradients, as Keras's optimizers do it.
#[derive(Clone, Copy)]
enum Rule {
    RmsProp,
    Adam,
    Momentum,
}

enum Updates {
    Adam(AdamW),
    RmsProp(Vec<(Var, Var)>),
    Momentum(Vec<(Var, Var)>),
}

impl Updates {
    fn new(rule: Rule, variables: Vec<Var>) -> Result<Updates> {
        let with_slots = |variables: Vec<Var>| -> Result<Vec<(Var, Var)>> {
            let slot = |var: Var| Ok((var.clone(), Var::from_tensor(&var.zeros_like()?)?));
            variables.into_iter().map(slot).collect()
        };
        Ok(match rule {
            Rule::RmsProp => Updates::RmsProp(with_slots(variables)?),
            Rule::Momentum => Updates::Momentum(with_slots(variables)?),
            Rule::Adam => {
                let config =
                    ParamsAdamW { lr: 1e-3, eps: 1e-7, weight_decay: 0.0, ..Default::default() };
                Updates::Adam(AdamW::new(variables, config)?)
            }
        })
    }

    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        match self {
            Updates::Adam(adam) => adam.step(gradients)?,
            Updates::RmsProp(slots) => {
                for (var, mean_square) in slots {
                    let Some(gradient) = gradients.get(var) else { continue };
                    let now = ((mean_square.as_tensor() * 0.9)? + (gradient.sqr()? * 0.1)?)?;
                    let step = ((gradient * 1e-3)? / (&now + 1e-7)?.sqrt()?)?;
                    mean_square.set(&now)?;
                    var.set(&(var.as_tensor() - step)?)?;
                }
            }
            Updates::Momentum(slots) => {
                for (var, velocity) in slots {
                    let Some(gradient) = gradients.get(var) else { continue };
                    let now = ((velocity.as_tensor() * 0.9)? - (gradient * 0.05)?)?;
                    velocity.set(&now)?;
                    var.set(&(var.as_tensor() + now)?)?;
                }
            }
        }
        Ok(())
    }
}

/// A run.
struct Bench<'a> {
    options: &'a Options,
    variables: &'a VarMap,
}

impl Bench<'_> {
    /// Trains a network on the first `samples` digits, tests it on others.
    fn classify(&self, net: &dyn ModuleT, rule: Rule, samples: usize, batch: usize) -> Result<()> {
        let train = Digits::load(&self.options.data, "train");
        let training = self.fit(rule, samples, batch, |rows| {
            let x = matrix(train.batch(rows.iter().copied()), PIXELS)?;
            let y: Vec<u32> = rows.iter().map(|&row| u32::from(train.labels[row])).collect();
            let y = Tensor::from_vec(y, rows.len(), &Device::Cpu)?;
            loss::cross_entropy(&net.forward_t(&x, true)?, &y)
        })?;
        let accuracy = || -> Result<f64> {
            let test = Digits::load(&self.options.data, "t10k");
            let mut right = 0;
            for first in (0..test.len()).step_by(500) {
                let rows = first..(first + 500).min(test.len());
                let x = matrix(test.batch(rows.clone()), PIXELS)?;
                let read = net.forward_t(&x, false)?.argmax(D::Minus1)?.to_vec1::<u32>()?;
                right += rows.zip(read).filter(|&(i, r)| u32::from(test.labels[i]) == r).count();
            }
            Ok(right as f64 / test.len() as f64)
        };
        self.print(&training, accuracy);
        Ok(())
    }

    /// Trains two towers with shared weights on pairs; a label of 1 may say "the same".
    fn twins(
        &self,
        tower: &Mlp,
        rule: Rule,
        batch: usize,
        one_is_same: bool,
        loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<()> {
        let train = Pairs::load(self.options, "train");
        let training = self.fit(rule, train.len(), batch, |rows| {
            let [left, right, y] = train.batch(rows);
            let distance = distance(tower, &matrix(left, PIXELS)?, &matrix(right, PIXELS)?)?;
            loss(&matrix(y, 1)?, &distance)?.mean_all()
        })?;
        let accuracy = || -> Result<f64> {
            let test = Pairs::load(self.options, "t10k");
            let all: Vec<usize> = (0..test.len()).collect();
            let mut right = 0;
            for rows in all.chunks(500) {
                let [a, b, _] = test.batch(rows);
                let distances = distance(tower, &matrix(a, PIXELS)?, &matrix(b, PIXELS)?)?;
                let distances = distances.flatten_all()?.to_vec1::<f32>()?;
                let same = |row| (test.label(row) == 1) == one_is_same;
                right += rows.iter().zip(distances).filter(|&(&i, d)| (d < 0.5) == same(i)).count();
            }
            Ok(right as f64 / test.len() as f64)
        };
        self.print(&training, accuracy);
        Ok(())
    }

    /// Trains on the batches that `loss` makes of numbers of samples.
    fn fit(
        &self,
        rule: Rule,
        samples: usize,
        batch: usize,
        loss: impl Fn(&[usize]) -> Result<Tensor>,
    ) -> Result<Training> {
        let mut updates = Updates::new(rule, self.variables.all_vars())?;
        let mut failed = Ok(());
        let training = self.options.train(samples, batch, |rows| {
            let stepped = loss(rows).and_then(|loss| updates.step(&loss.backward()?));
            if failed.is_ok() {
                failed = stepped;
            }
        });
        failed.map(|()| training)
    }

    fn print(&self, training: &Training, accuracy: impl Fn() -> Result<f64>) {
        let version = version(include_str!("../Cargo.lock"), "candle-core");
        let accuracy = || accuracy().unwrap_or(f64::NAN);
        self.options.print("candle", version, training, accuracy);
    }
}

/// The Euclidean distance of what a tower makes of two images, and a little, so that its gradient
/// is finite.
fn distance(tower: &Mlp, left: &Tensor, right: &Tensor) -> Result<Tensor> {
    let difference = (tower.forward_t(left, true)? - tower.forward_t(right, true)?)?;
    (difference.sqr()?.sum_keepdim(1)? + 1e-12)?.sqrt()
}

/// Rows of so many numbers.
fn matrix(values: Vec<f32>, columns: usize) -> Result<Tensor> {
    let rows = values.len() / columns;
    Tensor::from_vec(values, (rows, columns), &Device::Cpu)
}
