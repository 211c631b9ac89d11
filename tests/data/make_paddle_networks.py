"""Writes small networks in Paddle's two forms, and what Paddle itself computes with them.

    python make_paddle_networks.py FOLDER

Run by the tests in a process of its own, so that theirs stays without Paddle's Python package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

FORMS = {"json": "1", "pdmodel": "0"}
THREADS = 2
SIZES = {"detection": [(64, 96), (32, 32), (96, 64)], "recognition": [(48, 320), (48, 8)]}


def networks():
    """Return a network that finds dark pixels, and one that reads them as class 1."""
    import paddle
    from paddle.nn import functional

    class Detection(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.reduce = paddle.nn.Conv2D(3, 16, 3, stride=2, padding=1)
            self.spread = paddle.nn.Conv2D(16, 16, 3, padding=1, groups=16)
            self.join = paddle.nn.Conv2D(16, 1, 1)
            self.darkness = paddle.nn.Conv2D(3, 1, 1)
            self.darkness.weight.set_value(np.full((1, 3, 1, 1), -3, np.float32))

        def forward(self, x):
            noise = functional.hardswish(self.reduce(x))
            noise = functional.relu(self.spread(noise))
            noise = functional.interpolate(self.join(noise), scale_factor=2, mode="nearest")
            return functional.hardsigmoid(self.darkness(x) + 0.01 * noise)

    class Recognition(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.classify = paddle.nn.Conv2D(3, 4, (48, 8), stride=(48, 8))
            weights = np.zeros((4, 3, 48, 8), np.float32)
            weights[0], weights[1] = 0.01, -0.01
            self.classify.weight.set_value(weights)
            self.classify.bias.set_value(np.array([0, 16, 0, 0], np.float32))

        def forward(self, x):
            scores = paddle.squeeze(self.classify(x), axis=2)
            return functional.softmax(paddle.transpose(scores, [0, 2, 1]), axis=2)

    paddle.seed(7)
    height = {"detection": None, "recognition": 48}
    for name, network in (("detection", Detection()), ("recognition", Recognition())):
        network.eval()
        shape = [None, 3, height[name], None]
        yield name, network, [paddle.static.InputSpec(shape, "float32", "x")]


def results(
    model: Path, form: str, sizes: list[tuple[int, int]], one_dnn: bool
) -> dict[str, np.ndarray]:
    """Return inputs and outputs of Paddle's own Python interface, set as PaddleOCR sets it."""
    from paddle import inference

    config = inference.Config(f"{model}.{form}", f"{model}.pdiparams")
    config.disable_gpu()
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(THREADS)
    if one_dnn:
        config.enable_mkldnn()
        config.set_mkldnn_cache_capacity(10)
    else:
        config.disable_mkldnn()
    if form == "json":
        config.enable_new_ir(True)
        config.enable_new_executor()
    config.set_optimization_level(3)
    config.enable_memory_optim()
    predictor = inference.create_predictor(config)
    source = predictor.get_input_handle(predictor.get_input_names()[0])
    random = np.random.default_rng(0)
    arrays = {}
    for i, size in enumerate(sizes):
        x = random.standard_normal((1, 3, *size)).astype(np.float32)
        source.reshape(x.shape)
        source.copy_from_cpu(x)
        predictor.run()
        output = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
        arrays[f"input{i}"], arrays[f"output{i}"] = x, output
    return arrays


def write(folder: Path, form: str) -> None:
    import paddle

    for name, network, inputs in networks():
        model = folder / form / name / "inference"
        paddle.jit.save(network, str(model), input_spec=inputs)
        for file, one_dnn in (("expected.npz", False), ("expected_onednn.npz", True)):
            arrays = results(model, form, SIZES[name], one_dnn)
            np.savez(model.with_name(file), **arrays)


def main() -> None:
    if len(sys.argv) == 3:
        return write(Path(sys.argv[1]), sys.argv[2])
    for form, representation in FORMS.items():
        environment = {**os.environ, "FLAGS_enable_pir_api": representation}
        subprocess.run([sys.executable, __file__, sys.argv[1], form], check=True, env=environment)
    return None


if __name__ == "__main__":
    main()
