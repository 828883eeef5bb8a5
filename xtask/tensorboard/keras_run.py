"""Makes the golden file of the TensorBoard tests: what Keras's callback and tf.summary write.

    pip install -r xtask/fixtures/requirements.txt -r xtask/tensorboard/requirements.txt tensorflow-cpu
    python xtask/tensorboard/keras_run.py > crates/cornu/tests/fixtures/tensorboard/keras_run.json

`runs` are the tags of a small training with all options of the callback, with their plugins, steps and
sizes of images. (With update_freq=1: any larger number makes Keras leave out epochs that do not end on
a multiple of it.) `histograms` are values and the rows that the histogram summary makes of them.
"""

import json
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from read import read_run
from tensorboard.plugins.histogram import summary_v2
from tensorboard.util import tensor_util


def train(folder):
    keras.utils.set_random_seed(1)
    x, y = np.random.rand(64, 8).astype("float32"), np.random.randint(0, 3, 64)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(4, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    board = keras.callbacks.TensorBoard(
        folder, histogram_freq=1, write_images=True, write_steps_per_second=True, update_freq=1
    )
    model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25, callbacks=[board], verbose=0)


def runs(folder):
    found = {}
    for run in ("train", "validation"):
        tags = read_run(Path(folder) / run)["tags"]
        keep = ("plugin", "steps", "size", "images")
        found[run] = {tag: {k: value[k] for k in keep if k in value} for tag, value in tags.items()}
    return found


def histogram(values):
    summary = summary_v2.histogram_pb("tag", np.array(values, "float32"))
    rows = tensor_util.make_ndarray(summary.value[0].tensor)
    return {"values": [float(value) for value in np.array(values, "float32")], "rows": rows.tolist()}


def main():
    with tempfile.TemporaryDirectory() as folder:
        train(folder)
        found = runs(folder)
    values = np.random.default_rng(1)
    several = [values.normal(size=200), values.uniform(-3, 1, 40), [0.25] * 5, [1.0, 2.0], [-7.5]]
    names = ("keras", "tensorflow-cpu", "tensorboard")
    golden = {name: version(name) for name in names}
    golden |= {"runs": found, "histograms": [histogram(each) for each in several]}
    print(json.dumps(golden))


if __name__ == "__main__":
    main()
