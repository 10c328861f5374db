"""Who learns which of two far apart symbols came first: the LSTM or the plain RNN, at which rate?

    python benchmarks/train_temporal_order.py            the LSTM, one seed, beside what is stored
    python benchmarks/train_temporal_order.py --store    all settings that the file does not hold

Temporal order over T = 50 steps with two marks, loss at the last step, chance ln 4 = 1.386. The
LSTM has 16 units and 1600 weights, the RNN 36 units and 1620. Adam, 600 steps of 32 fresh
sequences, the gradient clipped to length 1: the loop of lecture 08.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # read once, when NumPy and torch load

import numpy as np  # noqa: E402
import torch  # noqa: E402

import rnnlab  # noqa: E402
from rnnlab import tasks, twins  # noqa: E402
from rnnlab.params import LSTMParams, RNNParams  # noqa: E402

FILE = Path(rnnlab.__file__).parent / "data" / "temporal_order.npz"
T, B, D, SEEDS = 50, 32, 8, 8
STEPS, MEAN_OVER = 600, 20

Model = twins.LSTM | twins.RNN
Draw = Callable[[np.random.Generator], Model]


def lstm(forget_bias: float | None = None) -> Draw:
    return lambda rng: twins.LSTM(
        LSTMParams.init(D, 16, rng, forget_bias=forget_bias, dtype=np.float32)
    )


def rnn(weights: str = "uniform") -> Draw:
    # "glorot" makes V orthogonal, the start that lets most of a plain RNN's gradient through
    return lambda rng: twins.RNN(RNNParams.init(D, 36, rng, weights=weights, dtype=np.float32))


def only_V_orthogonal(rng: np.random.Generator) -> Model:
    usual, orthogonal = (
        RNNParams.init(D, 36, rng, weights=weights, dtype=np.float32)
        for weights in ("uniform", "glorot")
    )
    return twins.RNN(RNNParams(usual.W, orthogonal.V, usual.b))


SETTINGS: dict[str, tuple[Draw, float]] = {  # the model and its learning rate
    "LSTM, b_f 3": (lstm(3.0), 5e-3),
    "LSTM, as torch draws it": (lstm(), 5e-3),
    "LSTM, as torch draws it, 0.01": (lstm(), 1e-2),
    "RNN, rate 0.001": (rnn(), 1e-3),
    "RNN, rate 0.002": (rnn(), 2e-3),
    "RNN, rate 0.005": (rnn(), 5e-3),
    "RNN, rate 0.01": (rnn(), 1e-2),
    "RNN, orthogonal V, rate 0.001": (rnn("glorot"), 1e-3),
    "RNN, orthogonal V, rate 0.005": (rnn("glorot"), 5e-3),
    "RNN, only V orthogonal, 0.001": (only_V_orthogonal, 1e-3),
}


def train(setting: str, seed: int) -> np.ndarray:
    """The loss in nats, averaged over each 20 training steps: (30,)."""
    draw, rate = SETTINGS[setting]
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = draw(rng)
    readout = torch.nn.Linear(model.hidden_size, 4)
    weights = [*model.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(weights, lr=rate)
    losses = np.zeros(STEPS)
    for step in range(STEPS):
        task = tasks.temporal_order(T, B, rng, dtype=np.float32)
        h, _ = model(torch.from_numpy(task.x))
        loss = torch.nn.functional.cross_entropy(readout(h[-1]), torch.from_numpy(task.y[0]))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        losses[step] = loss.item()
    return losses.reshape(-1, MEAN_OVER).mean(axis=1)


def store() -> None:
    """Train what is not stored yet, print each setting, and write the arrays after each."""
    arrays = dict(np.load(FILE)) if FILE.exists() else {}
    for setting in SETTINGS:
        if setting not in arrays:
            begin = perf_counter()
            curves = np.array([train(setting, seed) for seed in range(SEEDS)])
            arrays[setting] = curves.astype(np.float32)
            in_order = {name: arrays[name] for name in SETTINGS if name in arrays}
            np.savez_compressed(FILE, **in_order)
            ends = " ".join(f"{end:.3f}" for end in curves[:, -1])
            print(f"{setting:30} {ends}, {perf_counter() - begin:.0f} s on one thread", flush=True)


def compare() -> None:
    """Train the LSTM with the first seed again and print its end beside what is stored."""
    begin = perf_counter()
    again = train("LSTM, b_f 3", 0)[-1]
    there = np.load(FILE)["LSTM, b_f 3"][0, -1]
    seconds = perf_counter() - begin
    print(f"LSTM, b_f 3, seed 0: loss {again:.3f}, stored {there:.3f}; {seconds:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="train all and write the data file")
    torch.set_num_threads(1)
    store() if parser.parse_args().store else compare()


if __name__ == "__main__":
    main()
