"""Makes the two small fonts that pictures are measured and drawn with.

    npm pack @fontsource/inter@5.3.0 && tar xzf fontsource-inter-5.3.0.tgz
    python3 -m venv .venv && .venv/bin/pip install fonttools brotli
    .venv/bin/python xtask/fonts/subset.py package crates/cornu/src/viz/fonts

Inter 4.001 (SIL Open Font License 1.1, no reserved font name), without hints and layout features: Latin with its accents, the
Greek letters of formulas, and the signs of prose.
"""

import os
import shutil
import sys
import tempfile

from fontTools import merge, subset
from fontTools.ttLib import TTFont

LETTERS = (
    set(range(0x20, 0x7F))
    | set(range(0xA0, 0x180))
    | {ord(c) for c in "–—‘’“”„•…′€™−" + "αβγδεηθλμπρστφωΔΣ"}
)
WEIGHTS = {400: "Regular", 600: "SemiBold"}


def options() -> subset.Options:
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.drop_tables += ["GDEF", "GPOS", "GSUB", "STAT", "gasp", "prep"]
    options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
    return options


def subset_font(font: TTFont) -> TTFont:
    subsetter = subset.Subsetter(options())
    subsetter.populate(unicodes=LETTERS)
    subsetter.subset(font)
    return font


def main(package: str, out: str) -> None:
    for weight, name in WEIGHTS.items():
        with tempfile.TemporaryDirectory() as folder:
            parts = []
            for script in ("latin", "latin-ext", "greek"):
                font = TTFont(os.path.join(package, "files", f"inter-{script}-{weight}-normal.woff2"))
                font.flavor = None
                parts.append(os.path.join(folder, f"{script}.ttf"))
                subset_font(font).save(parts[-1])
            subset_font(merge.Merger().merge(parts)).save(os.path.join(out, f"Inter-{name}.ttf"))
    shutil.copy(os.path.join(package, "LICENSE"), os.path.join(out, "OFL.txt"))


if __name__ == "__main__":
    main(*sys.argv[1:])
