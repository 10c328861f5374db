"""How fast are `rnnlab.layers` beside torch.nn? CPU-time ratios, forward and backward, one thread.

    python benchmarks/layers.py [--dtype float64]

Ours and torch's runs alternate, so that a slow spell of the machine meets both; each time is the
median of its runs. A ratio below 1 means that NumPy is faster. The geometric means are over the
four sequences; one step (T = B = 1) stands apart.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from statistics import geometric_mean, median
from time import process_time

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # read once, when NumPy and torch load

import numpy as np  # noqa: E402
import torch  # noqa: E402

from rnnlab import layers, params  # noqa: E402

SEQUENCES = [(35, 32, 32, 32), (35, 32, 128, 256), (100, 64, 64, 128), (500, 20, 2, 128)]
ONE_STEP = (1, 1, 32, 64)
GOALS = {"RNN": None, "LSTM": 1.40, "GRU": 0.70}
ONE_STEP_GOAL = 0.25
SECONDS = 3.0


def ours(cell: str, T: int, B: int, D: int, H: int, dtype: str) -> Callable[[], object]:
    """A call that runs our layer forward and backward; "GRU" is the "after" form, torch's."""
    rng = np.random.default_rng(7)
    x, h0, C0, dh = (
        rng.standard_normal(shape).astype(dtype) for shape in ((T, B, D), (B, H), (B, H), (T, B, H))
    )
    if cell == "RNN":
        p = params.RNNParams.init(D, H, rng, dtype=dtype)
        return lambda: layers.rnn_backward(layers.rnn_forward(x, h0, p), dh)
    if cell == "LSTM":
        p = params.LSTMParams.init(D, H, rng, dtype=dtype)
        return lambda: layers.lstm_backward(layers.lstm_forward(x, h0, C0, p), dh)
    p = params.GRUParams.init(D, H, rng, reset="after", dtype=dtype)
    return lambda: layers.gru_backward(layers.gru_forward(x, h0, p, "after"), dh)


def theirs(cell: str, T: int, B: int, D: int, H: int, dtype: str) -> Callable[[], object]:
    """A call that runs torch.nn's layer forward and backward, for the same gradients as ours."""
    torch.manual_seed(7)
    options = {"dtype": getattr(torch, dtype)}
    layer = getattr(torch.nn, cell)(D, H, **options)
    x = torch.randn(T, B, D, **options, requires_grad=True)
    h0, C0 = (torch.randn(1, B, H, **options, requires_grad=True) for _ in range(2))
    dh = torch.randn(T, B, H, **options)
    leaves = [x, h0, *([C0] if cell == "LSTM" else []), *layer.parameters()]

    def run() -> object:
        h, _ = layer(x, (h0, C0) if cell == "LSTM" else h0)
        return torch.autograd.grad(h, leaves, dh)

    return run


def compare(cell: str, sizes: tuple[int, int, int, int], dtype: str) -> tuple[float, float]:
    """Median CPU seconds of one run of ours and of torch's."""
    pair = ours(cell, *sizes, dtype), theirs(cell, *sizes, dtype)
    for run in pair * 3:
        run()
    times: tuple[list[float], list[float]] = ([], [])
    until = process_time() + SECONDS
    while process_time() < until or len(times[0]) < 5:
        for run, seconds in zip(pair, times, strict=True):
            start = process_time()
            run()
            seconds.append(process_time() - start)
    return median(times[0]), median(times[1])


def row(*cells: object) -> None:
    print("{:<6}{:>22}{:>12}{:>12}{:>8}  {}".format(*cells).rstrip())


def verdict(ratio: float, goal: float | None) -> str:
    return "" if goal is None else f"goal {goal:.2f}: {'reached' if ratio <= goal else 'missed'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    dtype = parser.parse_args().dtype
    torch.set_num_threads(1)
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, torch {torch.__version__}, "
        f"{dtype}, one thread, {platform.machine()}\n"
    )
    row("cell", "(T, B, D, H)", "ours ms", "torch ms", "ratio", "")
    for cell, goal in GOALS.items():
        ratios = []
        for sizes in (*SEQUENCES, ONE_STEP):
            a, b = compare(cell, sizes, dtype)
            ratios.append(a / b)
            note = verdict(a / b, ONE_STEP_GOAL) if sizes == ONE_STEP else ""
            row(cell, str(sizes), f"{1e3 * a:.3f}", f"{1e3 * b:.3f}", f"{a / b:.2f}", note)
        mean = geometric_mean(ratios[: len(SEQUENCES)])
        row(cell, "geometric mean", "", "", f"{mean:.2f}", verdict(mean, goal))


if __name__ == "__main__":
    main()
