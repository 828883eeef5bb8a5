"""Makes the compressed MNIST files that the crate `cornu-mnist` carries.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install brotli==1.2.1
    /tmp/venv/bin/python xtask/mnist/compress.py DIR

DIR holds the four files as the authors of MNIST published them: `train-images-idx3-ubyte.gz`,
`train-labels-idx1-ubyte.gz`, `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`. Their contents are checked by MD5.

Writes `crates/mnist/data/*.br` and prints the CRC-32 of what each holds, for the constants in `crates/mnist/src/lib.rs`.
Takes about two minutes on two cores. The same input and the same brotli give the same bytes.

Each output is one standard brotli stream: the pixels of its images (28 x 28 bytes each), then their labels (one byte each).
The training set is cut in two so that two threads can decode it.
"""

import brotli
import gzip
import hashlib
import pathlib
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor

PIXELS = 28 * 28
OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/mnist/data"
# output, split, first image, end
PARTS = [
    ("train-0.br", "train", 0, 30_000),
    ("train-1.br", "train", 30_000, 60_000),
    ("test.br", "t10k", 0, 10_000),
]
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def idx(folder, name, header):
    """The bytes of an IDX file after its header."""
    data = gzip.decompress((folder / f"{name}.gz").read_bytes())
    if hashlib.md5(data).hexdigest() != MD5[name]:
        sys.exit(f"{name}: the MD5 is not that of the published file")
    return data[header:]


def part(job):
    """Compresses one part and tells its CRC-32 before, and its size after."""
    folder, (out, split, start, end) = job
    images = idx(folder, f"{split}-images-idx3-ubyte", 16)
    labels = idx(folder, f"{split}-labels-idx1-ubyte", 8)
    data = images[start * PIXELS : end * PIXELS] + labels[start:end]
    # brotli's strongest; its further hints (mode, lgblock) measured as no gain
    packed = brotli.compress(data, quality=11, lgwin=24)
    (OUT / out).write_bytes(packed)
    return f"{out}: crc32 {zlib.crc32(data):#010x}, {len(packed)} bytes"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    OUT.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        for line in pool.map(part, [(pathlib.Path(sys.argv[1]), p) for p in PARTS]):
            print(line)
