"""RNN, LSTM, GRU or minGRU, with as many weights each: who learns which of four tasks, how fast?

    python benchmarks/train_lstm_or_gru.py            one task, one seed, beside what is stored
    python benchmarks/train_lstm_or_gru.py --store    all that the file does not hold

Parity over 16 bits, the adding task over 50 steps, a copy of 5 symbols out of 3 over 20 blanks, the
latch over 50 steps. Adam, batches of 32 fresh sequences, the gradient clipped to length 1, two
rates for each cell. Each cell has as many weights as an LSTM of 32 units, or a few less. A learning
curve for each seed; for parity also how many answers are right on longer rows. Weights as torch
draws them; and, at the larger rate, with biases that keep (`KEEPING`). Half an hour in all.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # read once, when NumPy and torch load

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import rnnlab  # noqa: E402
from rnnlab import tasks, twins  # noqa: E402
from rnnlab.params import GRUParams, LSTMParams, RNNParams  # noqa: E402
from rnnlab.tasks import Task  # noqa: E402

FILE = Path(rnnlab.__file__).parent / "data" / "lstm_or_gru.npz"
BATCH, SEEDS, MEAN_OVER, UNITS = 32, 4, 25, 32
RATES = (2e-3, 1e-2)
CELLS = ("RNN", "LSTM", "GRU", "minGRU")
LONGER = (16, 64, 256)
# a start that keeps: the task, the cell, and its biases, at the larger rate
KEEPING: dict[str, tuple[str, str, dict[str, float]]] = {
    "adding, LSTM, b_f 3": ("adding", "LSTM", {"forget_bias": 3.0}),
    "adding, GRU, b_z -3": ("adding", "GRU", {"keep_bias": 3.0}),
    "copy, LSTM, b_f 3": ("copy", "LSTM", {"forget_bias": 3.0}),
    "copy, GRU, b_z -3": ("copy", "GRU", {"keep_bias": 3.0}),
    "latch, LSTM, b_f 5, b_i -5": ("latch", "LSTM", {"forget_bias": 5.0, "input_bias": -5.0}),
    "latch, GRU, b_z -3": ("latch", "GRU", {"keep_bias": 3.0}),
    "latch, minGRU, b_z -3": ("latch", "minGRU", {"keep_bias": 3.0}),
}


@dataclass(frozen=True)
class Experiment:
    """How a batch is drawn, and for how many steps a model is trained on it."""

    draw: Callable[[np.random.Generator], Task]
    steps: int


EXPERIMENTS = {
    "parity": Experiment(lambda rng: tasks.parity(16, BATCH, rng, np.float32), 1000),
    "adding": Experiment(lambda rng: tasks.adding(50, BATCH, rng, np.float32), 1500),
    "copy": Experiment(
        lambda rng: tasks.copy(20, BATCH, rng, symbols=3, length=5, dtype=np.float32), 4000
    ),
    "latch": Experiment(lambda rng: tasks.latch(50, BATCH, rng, dtype=np.float32), 1000),
}


class MinGRU(nn.Module):
    """minGRU (Feng et al. 2024): z_t = sigmoid(W_z x_t + b_z), h~_t = W_h x_t + b_h, the GRU's
    blend. x (T, B, D) -> h (T, B, H)."""

    def __init__(self, D: int, H: int, keep_bias: float | None = None) -> None:
        super().__init__()
        self.hidden_size = H
        self.to_z, self.to_h = nn.Linear(D, H), nn.Linear(D, H)
        if keep_bias is not None:
            nn.init.constant_(self.to_z.bias, -keep_bias)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor]]:
        z, h_tilde = torch.sigmoid(self.to_z(x)), self.to_h(x)
        h, states = torch.zeros_like(h_tilde[0]), []
        for z_t, h_tilde_t in zip(z.unbind(), h_tilde.unbind(), strict=True):
            h = torch.lerp(h, h_tilde_t, z_t)
            states.append(h)
        return torch.stack(states), (h,)


def weights(cell: str, D: int, H: int) -> int:
    """The number of weights of a cell, as the course writes it: one bias a gate."""
    of_a_gate = H * (D + H + 1)
    return {"RNN": of_a_gate, "LSTM": 4 * of_a_gate, "GRU": 3 * of_a_gate,
            "minGRU": 2 * H * (D + 1)}[cell]  # fmt: skip


def units(cell: str, D: int) -> int:
    """The most units with which a cell has no more weights than an LSTM of 32."""
    budget = weights("LSTM", D, UNITS)
    return next(H for H in range(4096, 0, -1) if weights(cell, D, H) <= budget)


def model(cell: str, D: int, rng: np.random.Generator, **biases: float) -> nn.Module:
    """A fresh cell, its weights drawn as torch draws them, but for the biases that are given."""
    H = units(cell, D)
    match cell:
        case "RNN":
            return twins.RNN(RNNParams.init(D, H, rng, dtype=np.float32))
        case "LSTM":
            return twins.LSTM(LSTMParams.init(D, H, rng, dtype=np.float32, **biases))
        case "GRU":
            params = GRUParams.init(D, H, rng, reset="after", dtype=np.float32, **biases)
            return twins.GRU(params, reset="after")
    return MinGRU(D, H, **biases)


def loss_of(task: Task, said: Tensor) -> Tensor:
    """said (S, B, outputs)."""
    right = torch.from_numpy(task.y)
    if task.loss == "squared error":
        return ((said[..., 0] - right) ** 2).mean()
    return nn.functional.cross_entropy(said.flatten(0, 1), right.flatten())


def train(
    task: str, cell: str, rate: float, seed: int, **biases: float
) -> tuple[np.ndarray, nn.Module, nn.Module]:
    """The loss, averaged over each 25 steps, and the trained cell and readout."""
    experiment = EXPERIMENTS[task]
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    first = experiment.draw(rng)
    cell_ = model(cell, first.x.shape[2], rng, **biases)
    readout = nn.Linear(cell_.hidden_size, first.outputs)
    trained = [*cell_.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(trained, lr=rate)
    losses = np.zeros(experiment.steps)
    for step in range(experiment.steps):
        batch = experiment.draw(rng)
        h, _ = cell_(torch.from_numpy(batch.x))
        loss = loss_of(batch, readout(h[batch.steps]))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        losses[step] = loss.item()
    return losses.reshape(-1, MEAN_OVER).mean(axis=1), cell_, readout


def right_on_longer(cell: nn.Module, readout: nn.Module) -> list[float]:
    """Of the last answers to 500 rows of 16, 64 and 256 bits, how many are right."""
    shares = []
    for T in LONGER:
        task = tasks.parity(T, 500, np.random.default_rng(T), np.float32)
        with torch.no_grad():
            h, _ = cell(torch.from_numpy(task.x))
            said = readout(h[-1]).argmax(dim=1).numpy()
        shares.append(float((said == task.y[-1]).mean()))
    return shares


def store() -> None:
    """Train what is not stored yet, print each setting, and write the arrays after each."""
    arrays = dict(np.load(FILE)) if FILE.exists() else {}
    for task in EXPERIMENTS:
        for cell in CELLS:
            for rate in RATES:
                name = f"{task}, {cell}, {rate:g}"
                if name in arrays:
                    continue
                begin = perf_counter()
                runs = [train(task, cell, rate, seed) for seed in range(SEEDS)]
                arrays[name] = np.array([curve for curve, _, _ in runs], np.float32)
                if task == "parity":
                    shares = [right_on_longer(*trained) for _, *trained in runs]
                    arrays[f"{name}, right"] = np.array(shares, np.float32)
                np.savez_compressed(FILE, **arrays)
                ends = " ".join(f"{end:.3f}" for end in arrays[name][:, -1])
                print(f"{name:24} {ends}, {perf_counter() - begin:.0f} s on one thread", flush=True)

    for name, (task, cell, biases) in KEEPING.items():
        if name not in arrays:
            curves = [train(task, cell, RATES[1], seed, **biases)[0] for seed in range(SEEDS)]
            arrays[name] = np.array(curves, np.float32)
            np.savez_compressed(FILE, **arrays)
            print(f"{name:26} " + " ".join(f"{end:.3f}" for end in arrays[name][:, -1]), flush=True)


def compare() -> None:
    """Train the GRU on parity with the first seed again; print its curve beside what is stored."""
    begin = perf_counter()
    again = train("parity", "GRU", RATES[1], 0)[0]
    there = np.load(FILE)[f"parity, GRU, {RATES[1]:g}"][0]
    print(f"parity, GRU, seed 0, one run: {perf_counter() - begin:.0f} s")
    for when, curve in (("now", again), ("stored", there)):
        print(f"{when:7} loss at the start " + " ".join(f"{loss:.3f}" for loss in curve[:8]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="train all and write the data file")
    torch.set_num_threads(1)
    store() if parser.parse_args().store else compare()


if __name__ == "__main__":
    main()
