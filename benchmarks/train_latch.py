"""How many training steps does the latch task take, and how far apart are the seeds?

    python benchmarks/train_latch.py            chrono, one seed, beside what is stored
    python benchmarks/train_latch.py --store    all settings that latch_steps.npz does not hold yet

One symbol of four at step 0, noise 0.3 after it, the class is asked for at step 100. H = 32,
weights U(-1/sqrt(H), 1/sqrt(H)), biases as the setting says; Adam, learning rate 5e-3, batches of
64 fresh sequences, no clipping. Solved: the loss of the last 20 steps is below a quarter of chance
(ln 4 = 1.386). With "lags 1 to 100" each batch has a lag of its own, and the loss that counts is
that of the last 20 batches with a lag above 80. The same seed draws the same weights and sequences
as in train_forget_bias.py, which keeps whole learning curves over a grid of biases.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # read once, when NumPy and torch load

import numpy as np  # noqa: E402
import torch  # noqa: E402

import rnnlab  # noqa: E402
from rnnlab import tasks, twins  # noqa: E402
from rnnlab.params import GRUParams, LSTMParams  # noqa: E402

FILE = Path(rnnlab.__file__).parent / "data" / "latch_steps.npz"
LAG, B, D, H = 100, 64, 4, 32
RATE = 5e-3
SOLVED = np.log(4) / 4


Draw = Callable[[np.random.Generator], LSTMParams | GRUParams]


def lstm(**biases: float) -> Draw:
    return lambda rng: LSTMParams.init(D, H, rng, dtype=np.float32, **biases)


def lstm_without_b_g(**biases: float) -> Draw:
    def draw(rng: np.random.Generator) -> LSTMParams:
        p = LSTMParams.init(D, H, rng, dtype=np.float32, **biases)
        return replace(p, b_g=np.zeros_like(p.b_g))

    return draw


def gru(**biases: float) -> Draw:
    return lambda rng: GRUParams.init(D, H, rng, reset="after", dtype=np.float32, **biases)


SETTINGS: dict[str, tuple[Draw, int, int]] = {  # what draws the weights; seeds; most steps
    "LSTM, b_f 5, b_i -5": (lstm(forget_bias=5.0, input_bias=-5.0), 10, 1000),
    "LSTM, b_f 5, b_i -3": (lstm(forget_bias=5.0, input_bias=-3.0), 10, 1000),
    "LSTM, b_f 5, b_i 0": (lstm(forget_bias=5.0, input_bias=0.0), 10, 1000),
    "LSTM, b_f 0, b_i -5": (lstm(forget_bias=0.0, input_bias=-5.0), 10, 1000),
    "LSTM, b_f 5, b_i 0, b_g 0": (lstm_without_b_g(forget_bias=5.0, input_bias=0.0), 10, 1000),
    "LSTM, chrono": (lstm(chrono=100.0), 10, 1000),
    "GRU, chrono": (gru(chrono=100.0), 5, 1000),
    "LSTM, as drawn": (lstm(), 5, 3000),
    "LSTM, as drawn, lags 1 to 100": (lstm(), 5, 3000),
    "GRU, b_z -5": (gru(keep_bias=5.0), 5, 1000),
    "GRU, as drawn": (gru(), 3, 1000),
}


def steps_to_solve(setting: str, seed: int) -> int:
    """After how many training steps the task is solved; 0 where the most are not enough."""
    rng = np.random.default_rng(seed)
    most = SETTINGS[setting][2]
    p = SETTINGS[setting][0](rng)
    model = twins.LSTM(p) if isinstance(p, LSTMParams) else twins.GRU(p, "after")
    U = torch.nn.Parameter(torch.tensor(rng.uniform(-1, 1, (4, H)) / np.sqrt(H)).float())
    c = torch.nn.Parameter(torch.zeros(4))
    optimiser = torch.optim.Adam([*model.parameters(), U, c], lr=RATE)
    losses: list[float] = []
    for step in range(1, most + 1):
        lag = int(rng.integers(1, LAG + 1)) if setting.endswith("lags 1 to 100") else LAG
        task = tasks.latch(lag + 1, B, rng, dtype=np.float32)
        h, _ = model(torch.from_numpy(task.x))
        loss = torch.nn.functional.cross_entropy(h[-1] @ U.T + c, torch.from_numpy(task.y[0]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if lag > 80:
            losses.append(loss.item())
        if len(losses) >= 20 and np.mean(losses[-20:]) < SOLVED:
            return step
    return 0


def store() -> None:
    """Train what is not stored yet, print each setting, and write the arrays after each."""
    arrays = dict(np.load(FILE)) if FILE.exists() else {}
    for setting, (_, seeds, _) in SETTINGS.items():
        if setting not in arrays:
            begin = perf_counter()
            steps = [steps_to_solve(setting, seed) for seed in range(seeds)]
            arrays[setting] = np.array(steps, np.int16)
            np.savez_compressed(FILE, **arrays)
            print(f"{setting:24} {steps}, {perf_counter() - begin:.0f} s on one thread", flush=True)


def compare() -> None:
    """Train chrono with the first seed again and print it beside what is stored."""
    begin = perf_counter()
    again = steps_to_solve("LSTM, chrono", 0)
    there = np.load(FILE)["LSTM, chrono"][0]
    seconds = perf_counter() - begin
    print(f"LSTM, chrono, seed 0: {again} steps, stored {there}; {seconds:.0f} s on one thread")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="train all and write the data file")
    torch.set_num_threads(1)
    store() if parser.parse_args().store else compare()


if __name__ == "__main__":
    main()
