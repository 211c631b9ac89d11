"""Writes a small network of the form of UVDoc in Paddle's two forms, and what Paddle computes.

    python make_unwarping_networks.py FOLDER

Run by the tests in a process of its own, so that theirs stays without Paddle's Python package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

FORMS = {"json": "1", "pdmodel": "0"}
SIZES = ((90, 70), (61, 140), (1, 9))


def unwarping():
    """Return a network that bends pages a little, depending on what is on them."""
    import paddle
    from paddle.nn import functional

    class Unwarping(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            rows, columns = 12, 8
            y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
            grid = np.stack([0.95 * x + 0.1 * np.sin(2 * y), 0.9 * y - 0.15 * np.cos(2 * x)])
            self.grid = self.create_parameter([1, 2, rows, columns])
            self.grid.set_value(grid[None].astype(np.float32))
            self.bend = paddle.nn.Conv2D(3, 2, 59, stride=59)

        def forward(self, image):
            kept = {"mode": "bilinear", "align_corners": True}
            size = paddle.shape(image)[2:]
            page = functional.interpolate(image, size=[712, 488], **kept)
            grid = self.grid + 0.2 * paddle.tanh(self.bend(page))
            grid = functional.interpolate(grid, size=size, **kept)
            places = paddle.transpose(grid, [0, 2, 3, 1])
            return functional.grid_sample(image, places, align_corners=True)

    paddle.seed(3)
    network = Unwarping()
    network.eval()
    return network


def write(folder: Path, form: str) -> None:
    import paddle

    network = unwarping()
    shape = paddle.static.InputSpec([None, 3, None, None], "float32", "image")
    paddle.jit.save(network, str(folder / form / "inference"), input_spec=[shape])
    random = np.random.default_rng(0)
    arrays = {}
    for i, (height, width) in enumerate(SIZES):
        page = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        x = (page * np.float32(1 / 255)).transpose(2, 0, 1)[None]
        arrays[f"page{i}"] = page
        arrays[f"output{i}"] = network(paddle.to_tensor(x)).numpy()[0].transpose(1, 2, 0)
    np.savez(folder / form / "expected.npz", **arrays)


def main() -> None:
    if len(sys.argv) == 3:
        return write(Path(sys.argv[1]), sys.argv[2])
    for form, representation in FORMS.items():
        environment = {**os.environ, "FLAGS_enable_pir_api": representation}
        subprocess.run([sys.executable, __file__, sys.argv[1], form], check=True, env=environment)
    return None


if __name__ == "__main__":
    main()
