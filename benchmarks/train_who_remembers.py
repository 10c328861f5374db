"""Train an RNN, an LSTM and a GRU to hold the last marked number, for `WhoRemembers` to look into.

    python benchmarks/train_who_remembers.py            train seed 0 of each, beside the stored
    python benchmarks/train_who_remembers.py --store    train three seeds, write seed 0

At each of 24 steps comes a number from U(-1, 1) and a mark, 1 with probability 1/4 and always at
the first step; the output is to say the number at the last mark. H = 4; squared error, Adam,
learning rate 1e-2 on a cosine to 0, 2500 steps of 32 fresh sequences, gradient norm clipped at 1,
one thread. RNN with orthogonal V, LSTM with forget bias 1, GRU ("before") with keep bias 1.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # read once, when NumPy and torch load

import numpy as np  # noqa: E402
import torch  # noqa: E402

import rnnlab  # noqa: E402
from rnnlab import twins  # noqa: E402
from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams  # noqa: E402

FILE = Path(rnnlab.__file__).parent / "data" / "who_remembers.npz"
T, D, H = 24, 2, 4
B, STEPS, RATE = 32, 2500, 1e-2
SEEDS = (0, 1, 2)
CLOSE = 0.1  # an output is right when it is no further off
LONG = 8  # steps since the mark


def hold(B: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """x (T, B, 2): numbers and marks; y (T, B): the number at the last mark; steps since it."""
    numbers, marks = rng.uniform(-1, 1, (T, B)), rng.random((T, B)) < 0.25
    marks[0] = True
    steps = np.arange(T)[:, None]
    last = np.maximum.accumulate(np.where(marks, steps, 0))
    y = np.take_along_axis(numbers, last, axis=0)
    return np.stack([numbers, marks], axis=-1).astype(np.float32), y, steps - last


def untrained(cell: str, rng: np.random.Generator) -> twins.RNN | twins.LSTM | twins.GRU:
    f32 = np.float32
    if cell == "rnn":
        return twins.RNN(RNNParams.init(D, H, rng, weights="glorot", dtype=f32))
    if cell == "lstm":
        return twins.LSTM(LSTMParams.init(D, H, rng, forget_bias=1.0, dtype=f32))
    return twins.GRU(GRUParams.init(D, H, rng, keep_bias=1.0, dtype=f32))


def train(cell: str, seed: int) -> tuple[dict[str, Array], float, float]:
    """The trained weights with the readout's U and c, and how often the output is right: at all
    steps of 2000 new sequences, and where the mark lies at least LONG steps back."""
    rng = np.random.default_rng(seed)
    model = untrained(cell, rng)
    U = torch.nn.Parameter(torch.tensor(rng.uniform(-1, 1, (1, H)) / 2, dtype=torch.float32))
    c = torch.nn.Parameter(torch.zeros(1))
    weights = [*model.parameters(), U, c]
    optimiser = torch.optim.Adam(weights, lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        x, y, _ = hold(B, rng)
        h, _ = model(torch.from_numpy(x))
        loss = torch.mean(((h @ U.T + c)[..., 0] - torch.from_numpy(y)) ** 2)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
    x, y, since = hold(2000, rng)
    with torch.no_grad():
        h, _ = model(torch.from_numpy(x))
        right = np.abs((h @ U.T + c)[..., 0].numpy() - y) <= CLOSE
    arrays = {name: array.astype(np.float32) for name, array in model.to_params().items()}
    arrays |= {"U": U.detach().numpy(), "c": c.detach().numpy()}
    return arrays, float(right.mean()), float(right[since >= LONG].mean())


def run(seeds: tuple[int, ...]) -> dict[str, Array]:
    """Train all, print each, and return what is stored: the first seed of each cell."""
    kept: dict[str, Array] = {}
    for cell in ("rnn", "lstm", "gru"):
        for seed in seeds:
            begin = perf_counter()
            arrays, all_steps, long_ago = train(cell, seed)
            seconds = perf_counter() - begin
            print(
                f"{cell:5} seed {seed}: right at {all_steps:.1%} of all steps, at {long_ago:.1%} "
                f"where the mark is {LONG} or more steps back; {seconds:.0f} s",
                flush=True,
            )
            if seed == seeds[0]:
                kept |= {f"{cell}_{name}": array for name, array in arrays.items()}
                kept[f"{cell}_right"] = np.array([all_steps, long_ago])
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="train all and write the data file")
    torch.set_num_threads(1)
    if parser.parse_args().store:
        np.savez_compressed(FILE, **run(SEEDS))
        print(f"{FILE.name}: {FILE.stat().st_size / 1e3:.0f} kB, one thread")
        return
    again, stored = run(SEEDS[:1]), np.load(FILE)
    for cell in ("rnn", "lstm", "gru"):
        now, then = again[f"{cell}_right"][0], stored[f"{cell}_right"][0]
        print(f"{cell:5} right at {now:.1%} of all steps now, {then:.1%} stored")


if __name__ == "__main__":
    main()
