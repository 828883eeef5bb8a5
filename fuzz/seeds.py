#!/usr/bin/env python3
"""Makes the seeds of the targets from the fixtures: fuzz/corpus/<target>/. Needs no package."""

import base64
import gzip
import io
import json
import pathlib
import struct
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "crates/cornu/tests/fixtures"
CORPUS = ROOT / "fuzz/corpus"

# Longer files are slow and find nothing that shorter ones do not.
MOST = 64 << 10


# Eight by eight pixels of grey.
JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKra"
    "rYqMyP/L2u71////m8H////6/+b9//j/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcI"
    "CQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcY"
    "GRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKj"
    "pKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AK9f"
    "/9k="
)


def seed(target, name, content):
    if len(content) <= MOST:
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name.replace("/", "_").replace(" ", "_")).write_bytes(content)


def configs(name, content):
    """The configuration in a .keras archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.namelist()
        if "model.weights.h5" in members:
            seed("weights_h5", name + ".weights.h5", archive.read("model.weights.h5"))
        if "config.json" not in members:
            return
        config = json.loads(archive.read("config.json"))
    compiled = config.pop("compile_config", None)
    seed("model_config", name + ".json", json.dumps(config).encode())
    if compiled:
        state = {"version": 1, "metadata": {}, "random_state": [1, 2, 3], "epoch": 1}
        document = {"compile_config": compiled, "state": state}
        seed("compile_config", name + ".json", json.dumps(document).encode())


def add(name, content):
    ending = name.rsplit(".", 1)[-1]
    if ending == "keras":
        seed("keras_archive", name, content)
        configs(name, content)
    elif name.endswith(".weights.h5"):
        seed("weights_h5", name, content)
    elif name.endswith(".weights.json"):
        seed("shards", name, content)
    elif ending == "h5":
        seed("model_h5", name, content)
        seed("weights_h5", name, content)
    elif ending in ("npy", "npz", "idx", "safetensors"):
        seed(ending, name, content)
    elif name.endswith("index.json"):
        for case in json.loads(content)["cases"]:
            if "json" in case:
                text = case["json"] if isinstance(case["json"], str) else json.dumps(case["json"])
                seed("model_config", case["name"] + ".json", text.encode())
    elif ending in ("png", "jpg", "jpeg"):
        seed("image", name, content)


def operations(content):
    """Each operation on tensors as a model of its own."""
    for case in json.loads(content)["cases"]:
        layers = []
        for i, given in enumerate(case["inputs"]):
            config = {"name": str(i), "batch_shape": [None, *given["shape"][1:]],
                      "dtype": given["dtype"]}
            layers.append({"class_name": "InputLayer", "name": str(i), "config": config,
                           "inbound_nodes": []})
        call = {"args": case["args"], "kwargs": case["kwargs"]}
        layers.append({**case["entry"], "name": "y", "inbound_nodes": [call]})
        ends = {"input_layers": [[str(i), 0, 0] for i in range(len(layers) - 1)],
                "output_layers": [["y", 0, 0]]}
        model = {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}
        seed("model_config", f"operation_{case['name']}.json", json.dumps(model).encode())


def small_ones():
    """Of what the fixtures have none."""
    big_endian = lambda kind, *sizes: struct.pack(f">HBB{len(sizes)}I", 0, kind, len(sizes), *sizes)
    seed("idx", "images", big_endian(8, 2, 3, 3) + bytes(18))
    seed("idx", "labels.gz", gzip.compress(big_endian(8, 4) + bytes(4)))
    seed("idx", "floats", big_endian(13, 2) + bytes(8))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))
    for depth, colour, channels in ((8, 0, 1), (8, 2, 3), (8, 6, 4), (16, 0, 2)):
        rows = (b"\0" + bytes(range(4 * channels))) * 4
        header = struct.pack(">IIBBBBB", 4, 4, depth, colour, 0, 0, 0)
        parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
        seed("image", f"{depth}-{colour}.png", b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    seed("image", "grey.jpg", base64.b64decode(JPEG))


def main():
    small_ones()
    for archive in sorted((FIXTURES / "files").glob("*.zip")):
        with zipfile.ZipFile(archive) as members:
            for name in members.namelist():
                add(f"{archive.stem}-{name}", members.read(name))
    for folder in ("h5", "numpy", "keras"):
        for path in sorted((FIXTURES / folder).iterdir()):
            add(path.name, path.read_bytes())
    operations((FIXTURES / "keras/op_nodes.json").read_bytes())
    for target in sorted(CORPUS.iterdir()):
        print(f"{target.name}: {len(list(target.iterdir()))}")


main()
