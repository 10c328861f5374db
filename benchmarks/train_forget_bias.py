"""Does the initialisation decide what an LSTM can learn? The latch task over a grid of b_f and b_i.

    python benchmarks/train_forget_bias.py            four settings again, one seed
    python benchmarks/train_forget_bias.py --store    train the whole grid, write forget_bias.npz

One symbol of four at step 0, noise 0.3 after it, the class is asked for at step 100. LSTM with
H = 32, weights U(-1/sqrt(H), 1/sqrt(H)), all b_f and all b_i set; Adam, learning rate 5e-3, 600
steps of 64 fresh sequences, no clipping. A seed solves the task when its loss over the last 20
steps is below a quarter of chance (ln 4 = 1.386). Beside the training: gates and gradients of the
untrained nets, from rnnlab.layers in float64.
"""

from __future__ import annotations

import argparse
import os
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # read once, when NumPy and torch load

import numpy as np  # noqa: E402
import torch  # noqa: E402

import rnnlab  # noqa: E402
from rnnlab import layers, tasks, twins  # noqa: E402
from rnnlab.params import Array, LSTMParams  # noqa: E402

FILE = Path(rnnlab.__file__).parent / "data" / "forget_bias.npz"
LAG, B, D, H = 100, 64, 4, 32
STEPS, EVERY, RATE = 600, 20, 5e-3
SEEDS = (0, 1, 2, 3)
B_F, B_I = (-3, 0, 1, 3, 5), (-5, -3, 0, 3, 5)
SOLVED = np.log(4) / 4


def start(seed: int, **biases: float) -> tuple[LSTMParams, Array, np.random.Generator]:
    """An untrained LSTM, its readout U (4, H), and the Generator that draws the rest."""
    rng = np.random.default_rng(seed)
    p = LSTMParams.init(D, H, rng, **biases)
    return p, rng.uniform(-1, 1, (4, H)) / np.sqrt(H), rng


def train(seed: int, **biases: float) -> Array:
    """The loss of each 20 training steps, averaged: (30,)."""
    p, U, rng = start(seed, **biases)
    model = twins.LSTM(p.astype(np.float32))
    U_t = torch.nn.Parameter(torch.tensor(U, dtype=torch.float32))
    c_t = torch.nn.Parameter(torch.zeros(4))
    optimiser = torch.optim.Adam([*model.parameters(), U_t, c_t], lr=RATE)
    losses = np.empty(STEPS)
    for k in range(STEPS):
        task = tasks.latch(LAG + 1, B, rng, dtype=np.float32)
        h, _ = model(torch.from_numpy(task.x))
        y = h[-1] @ U_t.T + c_t
        loss = torch.nn.functional.cross_entropy(y, torch.from_numpy(task.y[0]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses[k] = loss.item()
    return losses.reshape(-1, EVERY).mean(axis=1)


def untrained(seed: int, **biases: float) -> dict[str, float]:
    """Mean gates, and log10 of how much of the loss's gradient by C arrives 100 steps earlier.

    total: through all paths. direct: times f at each step, no other path. Both are norms over the
    units, averaged over the batch, relative to the norm at the last step.
    """
    p, U, rng = start(seed, **biases)
    task = tasks.latch(LAG + 1, B, rng)
    zero = np.zeros((B, H))
    trace = layers.lstm_forward(task.x, zero, zero, p)
    y = trace.h[-1] @ U.T
    probability = np.exp(y - y.max(axis=-1, keepdims=True))
    probability /= probability.sum(axis=-1, keepdims=True)
    dh_T = (probability - np.eye(4)[task.y[0]]) @ U
    dC_T = dh_T * trace.o[-1] * (1 - trace.tanh_C[-1] ** 2)
    # the gradient by C_0, the cell after the symbol, is what the steps from 1 on send back
    rest = layers.lstm_forward(task.x[1:], trace.h[0], trace.C[0], p)
    dh = np.zeros_like(rest.h)
    arrives = layers.lstm_backward(rest, dh, dh_T=dh_T).C0
    kept = dC_T * trace.f[1:].prod(axis=0)
    ratio = {"total": arrives, "direct": kept}
    logs = {
        name: float(np.mean(np.log10(np.linalg.norm(d, axis=1) / np.linalg.norm(dC_T, axis=1))))
        for name, d in ratio.items()
    }
    return {**logs, "f": float(trace.f.mean()), "i": float(trace.i.mean())}


def settings() -> list[tuple[str, dict[str, float]]]:
    """All of the grid, then chrono initialisation for T_max = 100."""
    grid = [(f"b_f {f:+d}, b_i {i:+d}", biases(f, i)) for f, i in product(B_F, B_I)]
    return [*grid, ("chrono 100", {"chrono": 100.0})]


def biases(b_f: int, b_i: int) -> dict[str, float]:
    return {"forget_bias": float(b_f), "input_bias": float(b_i)}


def store() -> None:
    """Train all settings with all seeds, print each, and write the arrays."""
    curves, before = [], []
    begin = perf_counter()
    for name, kwargs in settings():
        runs = np.array([train(seed, **kwargs) for seed in SEEDS])
        curves.append(runs)
        before.append([list(untrained(seed, **kwargs).values()) for seed in SEEDS])
        solved = int(np.sum(runs[:, -1] < SOLVED))
        ends = " ".join(f"{loss:.3f}" for loss in runs[:, -1])
        print(f"{name:18} solved {solved} of {len(SEEDS)}   last losses {ends}", flush=True)
    seconds = perf_counter() - begin
    print(f"seeds {SEEDS}, {seconds:.0f} s on one thread")
    loss = np.array(curves, np.float32)
    first = np.array(before, np.float32)
    grid = (len(B_F), len(B_I))
    arrays: dict[str, Any] = {
        "b_f": np.array(B_F),
        "b_i": np.array(B_I),
        "seeds": np.array(SEEDS),
        "step": np.arange(EVERY, STEPS + 1, EVERY),
        "loss": loss[:-1].reshape(*grid, *loss.shape[1:]),
        "chrono": loss[-1],
        "seconds": np.array(seconds),
    }
    for k, name in enumerate(("total", "direct", "f", "i")):
        arrays[f"{name}_before"] = first[:-1, :, k].reshape(*grid, len(SEEDS))
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE.name}: {FILE.stat().st_size / 1e3:.0f} kB")


def compare() -> None:
    """Train four corners with the first seed again and print them beside what is stored."""
    stored = np.load(FILE)
    begin = perf_counter()
    for b_f, b_i in ((5, 0), (0, -5), (5, -5), (1, 0)):
        again = train(SEEDS[0], **biases(b_f, b_i))[-1]
        there = stored["loss"][B_F.index(b_f), B_I.index(b_i), 0, -1]
        print(f"b_f {b_f:+d}, b_i {b_i:+d}: last loss {again:.3f}, stored {there:.3f}")
    print(f"seed {SEEDS[0]}, {perf_counter() - begin:.0f} s on one thread; chance {np.log(4):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="train all and write the data file")
    torch.set_num_threads(1)
    store() if parser.parse_args().store else compare()


if __name__ == "__main__":
    main()
