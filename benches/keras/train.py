"""The benchmarks' networks on Keras: trains one of them, prints a line of JSON.

    KERAS_BACKEND=jax python benches/keras/train.py mlp_py --data FOLDER --epochs 3

The folder is what `cornu-bench data FOLDER` writes: MNIST, and the pairs that the siamese networks
learn from. With --check nothing is trained: it ends well if Keras and the backend are there.
"""
import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

WORKLOADS = {}


def workload(train):
    WORKLOADS[train.__name__] = train
    return train


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workload", nargs="?")
    parser.add_argument("--data", type=Path, help="the folder that `cornu-bench data` wrote")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, help="only the first so many steps of each epoch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


options = arguments()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("KERAS_BACKEND") in ("jax", "torch"):
    # Keras imports TensorFlow for them too where it is there, and it would count as their memory.
    sys.modules["tensorflow"] = None

import keras  # noqa: E402: the environment comes first
import numpy as np  # noqa: E402
from keras import Input, Model, Sequential, layers, ops  # noqa: E402


class Clock(keras.callbacks.Callback):
    """Seconds from the first training batch of each epoch to the end of its last."""

    def __init__(self):
        super().__init__()
        self.seconds = []
        self.begin = None

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = None

    def on_train_batch_begin(self, batch, logs=None):
        if self.begin is None:
            self.begin = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(self.end - self.begin)


def idx(name, dtype=np.uint8):
    """An array of a file in MNIST's format: bytes, or whole numbers of four bytes."""
    content = (options.data / name).read_bytes()
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, dtype, offset=4 + 4 * content[3]).reshape(shape)


def mnist(part):
    return idx(f"{part}-images-idx3-ubyte"), idx(f"{part}-labels-idx1-ubyte")


def flat(images):
    return images.reshape(-1, 784).astype("float32") / 255


def with_channel(images):
    return images[..., None].astype("float32") / 255


def pairs(name, part, prepare):
    """Left images, right images, labels."""
    left, right, label = idx(f"{name}-{part}-pairs", ">i4").T
    images = prepare(mnist(part)[0])
    return images[left], images[right], label.astype("float32")[:, None]


def fit(model, x, y, validation, batch_size):
    """Trains; the seconds of the epochs, and the steps if they were not all."""
    clock = Clock()
    every = math.ceil(len(y) / batch_size)
    few = options.steps is not None and options.steps < every
    if few:
        first = options.steps * batch_size
        x = [part[:first] for part in x] if isinstance(x, list) else x[:first]
        y, validation = y[:first], None
    model.fit(x, y, validation_data=validation, batch_size=batch_size, epochs=options.epochs,
              verbose=0, callbacks=[clock])
    if not few:
        return {"epoch_s": clock.seconds}
    whole = every / options.steps
    return {"epoch_s": [s * whole for s in clock.seconds], "steps": [options.steps, every]}


def classifier(model, optimizer, prepare=flat, split=0.2, batch_size=128, sparse=False):
    """Trains on digits, tests on others."""
    loss = "categorical_crossentropy"
    if sparse:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    labels = (lambda y: y) if sparse else (lambda y: keras.utils.to_categorical(y, 10))
    (x, y), (x_test, y_test) = ((prepare(x), labels(y)) for x, y in map(mnist, ["train", "t10k"]))
    model.compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])
    validation = (x_test, y_test)
    if split:
        first = round(len(x) * (1 - split))
        x, y, validation = x[:first], y[:first], (x[first:], y[first:])
    result = fit(model, x, y, validation, batch_size)
    if "steps" not in result:
        score = model.evaluate(x_test, y_test, verbose=0)
        result["test"] = {"loss": score[0], "accuracy": score[1]}
    return result


@workload
def mlp_py():
    return classifier(Sequential([
        Input((784,)),
        layers.Dense(512), layers.Activation("relu"), layers.Dropout(0.2),
        layers.Dense(512), layers.Activation("relu"), layers.Dropout(0.2),
        layers.Dense(10), layers.Activation("softmax"),
    ]), "rmsprop", split=None)


@workload
def mlp_r():
    return classifier(Sequential([
        Input((784,)),
        layers.Dense(256, "relu"), layers.Dropout(0.4),
        layers.Dense(128, "relu"), layers.Dropout(0.3),
        layers.Dense(10, "softmax"),
    ]), "rmsprop")


@workload
def cnn_r():
    return classifier(Sequential([
        Input((28, 28, 1)),
        layers.Conv2D(64, 3, activation="relu"), layers.Conv2D(128, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Dropout(0.25), layers.Flatten(),
        layers.Dense(128, "relu"), layers.Dropout(0.25), layers.Dense(10, "softmax"),
    ]), keras.optimizers.Adadelta(1.0), prepare=with_channel)


@workload
def other():
    return classifier(Sequential([
        Input((784,)),
        layers.Dense(300, "tanh"), layers.Dense(200, "gelu"), layers.BatchNormalization(),
        layers.Dense(100, "elu"), layers.Dense(10),
    ]), keras.optimizers.SGD(0.05, momentum=0.9), split=None, batch_size=100, sparse=True)


def pair_accuracy(outputs, same, right_of):
    return float((right_of(outputs.ravel()) == same.ravel()).mean())


def twins(name, tower, loss, optimizer, metrics, batch_size, same_label):
    """Trains two towers with shared weights and the distance of what they give."""
    left, right = Input((784,)), Input((784,))
    distance = layers.Lambda(lambda t: ops.norm(t[0] - t[1], axis=1, keepdims=True))
    model = Model([left, right], distance([tower(left), tower(right)]))
    model.compile(loss=loss, optimizer=optimizer, metrics=metrics)
    a, b, y = pairs(name, "train", flat)
    c, d, y_test = pairs(name, "t10k", flat)
    result = fit(model, [a, b], y, ([c, d], y_test), batch_size)
    if "steps" not in result:
        distances = model.predict([c, d], batch_size=batch_size, verbose=0)
        accuracy = pair_accuracy(distances, y_test == same_label, lambda d: d < 0.5)
        finite = np.isfinite(distances).all()
        result["test"] = {"accuracy": accuracy if finite else None}
    return result


@workload
def siamese_new():
    tower = Sequential([
        Input((784,)), layers.Dense(512, "relu"), layers.Dense(256, "relu"), layers.Dense(128),
    ])

    def loss(y, d):
        return (1 - y) / 2 * ops.square(d) + y / 2 * ops.square(ops.maximum(0.0, 1 - d))

    return twins("siamese_new", tower, loss, "adam", ["binary_accuracy"], 32, same_label=0)


@workload
def siamese_old():
    tower = Sequential([
        Input((784,)),
        layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(128, "relu"),
    ])

    def loss(y, d):
        return y * ops.square(d) + (1 - y) * ops.square(ops.maximum(1 - d, 0.0))

    return twins("siamese_old", tower, loss, "rmsprop", None, 128, same_label=1)


def augmented(images, digits):
    """For each digit a generator of single images of it, turned, shifted and zoomed a little."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    datagen = ImageDataGenerator(
        rescale=1 / 255, rotation_range=5, width_shift_range=0.1, height_shift_range=0.05,
        zoom_range=0.1, fill_mode="constant")
    return [datagen.flow(images[digits == d][..., None], seed=9487, batch_size=1)
            for d in range(10)]


def join(flows, seed, batch=20):
    """Batches of pairs: the first half of one digit each (1), the rest of two digits (0)."""
    random = np.random.default_rng(seed)
    while True:
        left, right = [], []
        for i in range(batch):
            a = random.integers(10)
            b = a if i < (batch + 1) // 2 else (a + random.integers(1, 10)) % 10
            left.append(next(flows[a])[0])
            right.append(next(flows[b])[0])
        same = (np.arange(batch) < (batch + 1) // 2).astype("float32")[:, None]
        yield (np.stack(left), np.stack(right)), same


@workload
def siamese_l1():
    tower = Sequential([
        Input((28, 28, 1)), layers.Flatten(),
        layers.Dense(128, "relu"), layers.Dropout(0.1),
        layers.Dense(128, "relu"), layers.Dropout(0.1), layers.Dense(128, "relu"),
    ])
    left, right = Input((28, 28, 1)), Input((28, 28, 1))
    distance = layers.Lambda(lambda t: ops.abs(t[0] - t[1]))([tower(left), tower(right)])
    model = Model([left, right], layers.Dense(1, "sigmoid")(distance))
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.RMSprop(1e-3),
                  metrics=["accuracy"])

    images, digits = mnist("train")
    order = np.random.default_rng(9478).permutation(len(images))
    held_out, rest = np.split(order, [math.ceil(len(order) / 5)])
    batches = join(augmented(images[rest], digits[rest]), options.seed)
    validation = join(augmented(images[held_out], digits[held_out]), options.seed + 1)
    every, clock = 100, Clock()
    steps = min(options.steps or every, every)
    model.fit(batches, steps_per_epoch=steps, epochs=options.epochs, verbose=0,
              validation_data=validation, validation_steps=50, callbacks=[clock])
    if steps < every:
        seconds = [s * every / steps for s in clock.seconds]
        return {"epoch_s": seconds, "steps": [steps, every]}
    a, b, same = pairs("siamese_l1", "t10k", with_channel)
    likeness = model.predict([a, b], batch_size=256, verbose=0)
    accuracy = pair_accuracy(likeness, same == 1, lambda p: p > 0.5)
    return {"epoch_s": clock.seconds, "test": {"accuracy": accuracy}}


def peak_mb():
    """The most memory that this process held, if the system tells it (Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


def backend():
    """The name and the version of Keras's backend."""
    name = keras.backend.backend()
    return name, __import__(name).__version__


def main():
    name, version = backend()
    if options.check:
        return
    if options.workload not in WORKLOADS or options.data is None:
        raise SystemExit(f"name one of {', '.join(WORKLOADS)}, and --data FOLDER")
    keras.utils.set_random_seed(options.seed)
    result = WORKLOADS[options.workload]()
    test = {figure: float(value) if value is not None and math.isfinite(value) else None
            for figure, value in result.get("test", {}).items()}
    versions = {"keras": keras.__version__, name: version}
    print(json.dumps({"workload": options.workload, "peer": name, "versions": versions, **result,
                      "test": test, "peak_mb": peak_mb()}))


main()
