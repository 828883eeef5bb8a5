"""Holds files that Cornu wrote against Keras: what Cornu computes, Keras must compute from them too.

    cargo xtask keras

does all of it: makes an environment, writes the models, runs this. By hand:

    pip install -r xtask/keras_files/requirements.txt
    cargo test -p cornu --test keras_written -- --ignored
    KERAS_BACKEND=jax python xtask/keras_files/check.py target/tmp/keras

The test writes models in each format of Keras's, beside each a JSON file with what Cornu computes. For every
model, with no custom objects:

- `.keras` loads without a word on stderr and predicts the same (1e-5);
- optimizer and its variables are those of the file; one more step of training gives the same figures and
  predictions (1e-4);
- the unpacked folder, the legacy `.h5`, and the configuration as JSON with `.weights.h5` or sharded
  `.weights.json` give the same layers and weights as `.keras`;
- what Keras saves again is written beside (`again.keras`, with what it predicts), for Cornu to open:
  `cargo test -p cornu --test keras_written again -- --ignored`.

`--predict-only` is for other versions and backends, where it is enough to know what loads.
"""

import argparse
import collections
import contextlib
import io
import json
import os
import sys
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A thousand small programs are compiled to run once.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

PREDICTION, STEP = 1e-5, 1e-4

# What differs, and why: (the check, part of the message, part of the model's name).
LEFT_OUT = [
    (("h5", "Could not parse config: Ellipsis", ""), "x[..., 0] in .h5: Keras writes it so, and cannot read it"),
    (("load", "is not connected to `inputs`", "models in a model in a model"),
     "a layer shared by a model and a model inside: Keras cannot load its own such files, too"),
    (("load", "CosineDense", ""), "a layer that only Cornu has"),
    (("predict", "off by nan", "sequences of words"), "a row outside of a table is zeros in Cornu, NaN on JAX"),
    (("step", "off by", "nest_batch_norm_inside"), "a bias before a normalization: Adam blows up the rounding of its 0"),
]

# What it says of any file, its own too.
ANYWAY = ["__array__ implementation doesn't accept a copy keyword"]


class Differs(Exception):
    """Something is other than in Cornu."""


def array(text):
    values = [np.nan if v is None else v for v in text["data"]]
    return np.array(values, dtype=text["dtype"]).reshape(text["shape"])


def arrays(texts):
    return [array(text) for text in texts]


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def packed(values):
    """As Keras takes the inputs or targets of a model."""
    return values if len(values) > 1 else values[0]


def far(ours, theirs, tolerance):
    """How far numbers are from Cornu's, relative to them where they are larger than 1."""
    if ours.shape != theirs.shape:
        raise Differs(f"shape {theirs.shape}, not {ours.shape}")
    kinds = [{"u": "i", "V": "f"}.get(x.dtype.kind, x.dtype.kind) for x in (ours, theirs)]
    if kinds[0] != kinds[1]:  # Keras has more sizes of numbers than Cornu.
        raise Differs(f"dtype {theirs.dtype}, not {ours.dtype}")
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    error = np.abs(ours - theirs) / np.maximum(1, np.abs(ours))
    worst = float(np.where(same, 0, error).max()) if ours.size else 0.0
    if not worst <= tolerance:
        raise Differs(f"off by {worst:.1e}")
    return worst


def all_far(ours, theirs, tolerance):
    if len(ours) != len(theirs):
        raise Differs(f"{len(theirs)} arrays, not {len(ours)}")
    return max([far(a, np.asarray(b), tolerance) for a, b in zip(ours, theirs)], default=0.0)


def predicted(model, about):
    return [np.asarray(y) for y in as_list(model.predict_on_batch(packed(arrays(about["inputs"]))))]


@contextlib.contextmanager
def quiet():
    """Collects what is said on stderr and by warnings."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lambda: sorted({str(w.message) for w in caught} | {line for line in said.getvalue().splitlines() if line})


def same_model(model, other):
    """Whether two models have the same configuration and weights."""
    if plain(model.get_config()) != plain(other.get_config()):
        raise Differs("another configuration")
    all_far(model.get_weights(), other.get_weights(), 0.0)


def plain(config):
    """A configuration without what says how it was loaded."""
    text = json.dumps(keras.saving.serialize_keras_object(config), sort_keys=True)
    return strip(json.loads(text))


def strip(value):
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items() if k not in ("shared_object_id", "build_config", "compile_config")}
    return [strip(v) for v in value] if isinstance(value, list) else value


class Check:
    """The checks of one model; each notes its worst error or its failure under a name."""

    def __init__(self, path, options):
        self.path, self.options = path, options
        self.about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        self.worst, self.failures, self.known, self.warnings = {}, [], [], []

    def run(self):
        model = self.attempt("load", lambda: self.load(self.path))
        if model is None:
            return
        self.attempt("predict", lambda: self.predict(model))
        if self.options.predict_only:
            return
        if self.about["metadata"] is not None:
            self.attempt("metadata", self.metadata)
        self.attempt("folder", lambda: same_model(model, self.load(self.path.with_suffix(".folder"))))
        self.attempt("h5", lambda: self.h5(model))
        self.attempt("weights.h5", lambda: self.rebuilt(model, ".weights.h5"))
        if (self.path.with_suffix(".weights.json")).exists():
            self.attempt("weights.json", lambda: self.rebuilt(model, ".weights.json"))
        if model.compiled:
            self.attempt("compiled", lambda: self.compiled(model))
        self.attempt("again", lambda: self.again(model))
        step = self.about.get("step")
        if self.about["untrainable"]:
            self.attempt("untrainable", lambda: self.complains(model, step))
        elif step is not None:
            self.attempt("step", lambda: self.step(model, step))

    def attempt(self, what, work):
        try:
            with quiet() as said:
                result = work()
        except Exception as mistake:  # Whatever Keras says, the others are checked too.
            message = f"{type(mistake).__name__}: {mistake}".replace("\n", " ")
            reason = self.reason(what, message)
            if reason:
                self.known.append((what, reason))
            else:
                self.failures.append((what, message))
                if self.options.traceback:
                    traceback.print_exc()
            return None
        self.warnings += [(what, line) for line in said() if not any(text in line for text in ANYWAY)]
        if isinstance(result, float):
            self.worst[what] = result
        return result

    def reason(self, what, message):
        found = [why for (where, part, name), why in LEFT_OUT
                 if where == what and part in message and name in self.about["name"]]
        return found[0] if found else None

    def load(self, path, **options):
        keras.backend.clear_session()  # Operations without a name get the same again.
        return keras.models.load_model(path, **options)

    def predict(self, model):
        return all_far(arrays(self.about["outputs"]), predicted(model, self.about), PREDICTION)

    def metadata(self):
        import zipfile

        state = json.loads(zipfile.ZipFile(self.path).read("assets/cornu/state.json"))
        if state["metadata"]["about"] != self.about["metadata"]:
            raise Differs(f"metadata {state['metadata']}")

    def h5(self, model):
        same_model(model, self.load(self.path.with_suffix(".h5"), compile=False))

    def rebuilt(self, model, ending):
        keras.backend.clear_session()
        built = keras.models.model_from_json(json.dumps(self.about["model"]))
        built.load_weights(self.path.with_suffix(ending))
        same_model(model, built)

    def compiled(self, model):
        """The optimizer's class and variables, against the file itself."""
        import zipfile

        with zipfile.ZipFile(self.path) as archive:
            said = json.loads(archive.read("config.json"))["compile_config"]
            weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        if type(model.optimizer).__name__ != said["optimizer"]["class_name"]:
            raise Differs(f"the optimizer {type(model.optimizer).__name__}")
        stored = weights["optimizer/vars"]
        stored = [stored[str(i)][()] for i in range(len(stored))]
        return all_far(stored, [np.asarray(v) for v in model.optimizer.variables], 0.0)

    def step(self, model, step):
        logs = model.train_on_batch(packed(arrays(step["x"])), packed(arrays(step["y"])), return_dict=True)
        worst = 0.0
        for name, ours in step["logs"].items():
            if name not in logs:
                raise Differs(f"no figure '{name}', only {sorted(logs)}")
            worst = max(worst, far(np.float64(ours), np.float64(logs[name]), STEP))
        if set(logs) - set(step["logs"]):
            raise Differs(f"the figures {sorted(set(logs) - set(step['logs']))} are not in Cornu")
        return max(worst, all_far(arrays(step["outputs"]), predicted(model, self.about), STEP))

    def complains(self, model, step):
        """Keras does not know the loss; it must say which when the model is trained, not before."""
        try:
            self.step(model, step)
        except ValueError as mistake:
            if "contrastive" in str(mistake):
                return
            raise
        raise Differs("it was trained with a loss that Keras does not have")

    def again(self, model):
        """Keras saves what it loaded; Cornu opens it in a test."""
        model.save(self.path.with_suffix(".again.keras"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--predict-only", action="store_true", help="load .keras and predict, no more")
    parser.add_argument("--only", default="", help="models whose kind or name has this text")
    parser.add_argument("--part", default="0/1", help="I/N: the Ith of N parts of the models, counted from 0")
    parser.add_argument("--list", action="store_true", help="print every model")
    parser.add_argument("--traceback", action="store_true", help="print where Keras failed")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    described = [path for path in sorted(options.folder.glob("*.json")) if "." not in path.stem]
    paths = [path.with_suffix(".keras") for path in described][part::parts]
    if not paths:
        sys.exit(f"there are no models in {options.folder}")
    checks = [Check(path, options) for path in paths]
    checks = [c for c in checks if options.only in c.about["kind"] or options.only in c.about["name"]]
    for check in checks:
        check.run()
        if options.list:
            print(check.path.stem, check.about["name"], check.worst, *check.failures, sep=" | ", flush=True)
    report(checks)


def report(checks):
    print(f"Keras {keras.__version__} on {keras.backend.backend()}: {len(checks)} models")
    worst = collections.defaultdict(lambda: (0, 0.0, ""))
    for check in checks:
        for what, error in check.worst.items():
            count, most, name = worst[what]
            worst[what] = (count + 1, *max((most, name), (error, check.about["name"])))
    for what, (count, error, name) in worst.items():
        print(f"  {what:12} {count:4} compared, worst error {error:.1e} ({name})")
    known = collections.Counter(k for check in checks for k in check.known)
    for (what, reason), count in known.items():
        print(f"  {what:12} {count:4} left out: {reason}")
    said = collections.defaultdict(list)
    for check in checks:
        for entry in check.warnings:
            said[entry].append(check.path.stem)
    for (what, line), names in said.items():
        print(f"  {what} warns: {line[:300]} ({', '.join(names[:5])}{' …' if len(names) > 5 else ''}: {len(names)} models)")
    failures = [(c, *failure) for c in checks for failure in c.failures]
    if failures:
        rows = [f"  {c.path.stem} {what:12} {c.about['kind']}: {c.about['name']}: {text[:600]}" for c, what, text in failures]
        sys.exit(f"{len(failures)} failures of {len({id(c) for c, *_ in failures})} models:\n" + "\n".join(rows))


if __name__ == "__main__":
    main()
