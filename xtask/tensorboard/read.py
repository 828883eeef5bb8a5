"""Reads a log folder with the tensorboard package and prints what it found as JSON.

    pip install -r xtask/tensorboard/requirements.txt
    cargo run --release -p cornu --example tensorboard
    python xtask/tensorboard/read.py target/logs

It fails if TensorBoard warns of anything, if a record does not end where it says, or if the Projector
refuses a file. Nothing of TensorFlow is needed.
"""

import argparse
import json
import logging
import os
import struct
import sys
import warnings
from pathlib import Path

from google.protobuf import text_format
from tensorboard.backend import process_graph
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto import graph_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.plugins.graph import keras_util
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import projector_plugin
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.util import tensor_util


class Warned(logging.Handler):
    """Collects what is logged as a warning or worse."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def check_records(path):
    """Counts the records of a file; fails where a length or checksum is wrong."""
    data, at, count = path.read_bytes(), 0, 0
    while at < len(data):
        header = data[at : at + 8]
        (length,) = struct.unpack("<Q", header)
        body = data[at + 12 : at + 12 + length]
        checks = struct.unpack("<I", data[at + 8 : at + 12])[0], struct.unpack(
            "<I", data[at + 12 + length : at + 16 + length]
        )[0]
        assert checks == (masked_crc32c(header), masked_crc32c(body)), f"{path} at byte {at}"
        at, count = at + 16 + length, count + 1
    assert at == len(data), f"{path} ends within a record"
    return count


def nodes(graph):
    """The nodes of a graph with what they are computed from; fails if the page could not show it."""
    process_graph.prepare_graph_for_ui(graph, limit_attr_size=1024, large_attrs_key="_too_large")
    names = {node.name for node in graph.node}
    assert len(names) == len(graph.node), "two nodes have one name"
    for node in graph.node:
        for source in node.input:
            assert source.split(":")[0] in names, f"{node.name} comes from {source}, which is missing"
    return {node.name: list(node.input) for node in graph.node}


def read_value(plugin, content, events):
    """All events of a tag, by what its plugin makes of them."""
    values = [tensor_util.make_ndarray(event.tensor_proto) for event in events]
    steps = [event.step for event in events]
    if plugin == "scalars":
        return {"steps": steps, "values": [float(value) for value in values]}
    if plugin == "histograms":
        last = values[-1]
        assert all(value.shape == (30, 3) and value.dtype == "float64" for value in values)
        ends = [float(last[0, 0]), float(last[-1, 1])]
        return {"steps": steps, "ends": ends, "count": float(last[:, 2].sum())}
    if plugin == "images":
        last = values[-1]
        assert all(png[:8] == b"\x89PNG\r\n\x1a\n" for png in last[2:])
        return {"steps": steps, "size": [int(last[0]), int(last[1])], "images": len(last) - 2}
    if plugin == "text":
        return {"steps": steps, "text": values[-1].item().decode()}
    if plugin == "graph_keras_model":
        assert content == b"1"
        model = json.loads(values[-1].item())
        return {"nodes": nodes(keras_util.keras_model_to_graph_def(model))}
    if plugin == "hparams":
        start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
        kinds = {name: value.WhichOneof("kind") for name, value in start.hparams.items()}
        return {name: getattr(start.hparams[name], kind) for name, kind in kinds.items()}
    raise ValueError(f"plugin {plugin}")


def read_run(folder):
    """Everything in the event files of a folder."""
    files = sorted(folder.glob("*tfevents*"))
    run = {"records": sum(check_records(file) for file in files), "tags": {}}
    everything = {"tensors": 0, "graph": 0}
    events = event_accumulator.EventAccumulator(str(folder), size_guidance=everything).Reload()
    assert events.file_version == 2.0, events.file_version
    for tag in events.Tags()["tensors"]:
        metadata = events.SummaryMetadata(tag).plugin_data
        if metadata.plugin_name != "graphs":  # TensorBoard makes these of the graph itself.
            found = read_value(metadata.plugin_name, metadata.content, events.Tensors(tag))
            run["tags"][tag] = {"plugin": metadata.plugin_name, **found}
    if events.Tags()["graph"]:
        run["graph"] = nodes(events.Graph())
    return run


def read_projector(path):
    """The embeddings of a configuration, read as the Projector reads them."""
    config = text_format.Parse(path.read_text(encoding="utf-8"), ProjectorConfig())
    found = {}
    for embedding in config.embeddings:
        resolve = lambda file: projector_plugin._rel_to_abs_asset_path(file, str(path))
        tensor = projector_plugin._read_tensor_tsv_file(resolve(embedding.tensor_path))
        entry = {"shape": list(tensor.shape), "finite": bool((tensor == tensor).all())}
        if embedding.metadata_path:
            lines = Path(resolve(embedding.metadata_path)).read_text(encoding="utf-8").split("\n")
            entry["labels"] = len([line for line in lines if line.strip()])
        if embedding.HasField("sprite"):
            assert os.path.getsize(resolve(embedding.sprite.image_path)) > 0
            entry["thumbnail"] = list(embedding.sprite.single_image_dim)
        found[embedding.tensor_name] = entry
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    warned = Warned()
    logging.getLogger().addHandler(warned)
    logging.getLogger("tensorboard").addHandler(warned)
    warnings.simplefilter("error")
    runs = sorted({file.parent for file in folder.rglob("*tfevents*")})
    configs = sorted(folder.rglob("projector_config.pbtxt"))
    if not runs:
        sys.exit(f"there are no event files below {folder}")
    name = lambda path: path.relative_to(folder).as_posix()
    found = {
        "runs": {name(run): read_run(run) for run in runs},
        "projector": {name(config.parent): read_projector(config) for config in configs},
    }
    json.dump(found, sys.stdout, indent=1)
    print()
    if warned.messages:
        sys.exit("TensorBoard warned:\n" + "\n".join(warned.messages))


if __name__ == "__main__":
    main()
