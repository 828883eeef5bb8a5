"""Holds exported models against ONNX Runtime: what Cornu predicts, it must predict too.

    pip install -r xtask/onnx/requirements.txt
    cargo test -p cornu --test onnx_models -- --ignored
    python xtask/onnx/check.py target/tmp/onnx

The test writes models of every layer with its options, every activation, every function of tensors,
and networks of many shapes; beside each a JSON file with the outputs for two sizes of batches. Here
each is checked by ONNX's own checker with full inference of shapes, run, and compared. A number may
be off by 1e-5 of the largest number of its output.
"""

import argparse
import collections
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5


def array(text):
    return np.array(text["data"], dtype=text["dtype"]).reshape(text["shape"])


def error(ours, theirs):
    """The largest difference, relative to the largest number; infinite if types differ."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return np.inf
    if ours.size == 0 or np.array_equal(ours, theirs):
        return 0.0
    if not np.issubdtype(ours.dtype, np.floating):
        return np.inf
    return float(np.abs(ours - theirs).max() / max(1e-3, np.abs(ours).max()))


def check(path):
    """The worst error of a model, and how often it has each operator."""
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    dynamic = [d.dim_param for i in model.graph.input for d in i.type.tensor_type.shape.dim[:1]]
    assert dynamic == ["batch"] * len(model.graph.input), f"the batch is fixed: {dynamic}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    worst = 0.0
    for run in about["runs"]:
        fed = dict(zip(names, map(array, run["inputs"]), strict=True))
        results = session.run(None, fed)
        for ours, theirs in zip(map(array, run["outputs"]), results, strict=True):
            worst = max(worst, error(ours, theirs))
    return about["name"], worst, collections.Counter(node.op_type for node in model.graph.node)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", action="store_true", help="print every model")
    options = parser.parse_args()
    models = sorted(options.folder.glob("*.onnx"))
    if not models:
        sys.exit(f"there are no models in {options.folder}")
    worst, failed, operators = (0.0, ""), [], collections.Counter()
    for path in models:
        try:
            name, found, nodes = check(path)
        except Exception as mistake:  # Whatever a checker or a runtime says, the others are checked too.
            failed.append(f"{path.name}: {mistake}")
            continue
        worst = max(worst, (found, name))
        operators += nodes
        if options.list:
            print(f"{path.name} {found:.1e} {sum(nodes.values())} nodes: {name} {dict(nodes)}")
        if not found <= TOLERANCE:
            failed.append(f"{path.name}: {name} is off by {found:.1e}")
    print(f"{len(models)} models, {len(operators)} operators, worst error {worst[0]:.1e} ({worst[1]})")
    if failed:
        sys.exit(f"{len(failed)} models differ:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
