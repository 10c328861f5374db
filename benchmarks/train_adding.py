"""What training does to the gradient: an RNN and an LSTM on the adding task, before and after.

    python benchmarks/train_adding.py            the LSTM, one seed, beside what is stored
    python benchmarks/train_adding.py --store    both, five seeds: writes adding_gradients.npz

T = 50, H = 32, weights U(-1/sqrt(H), 1/sqrt(H)); Adam, learning rate 5e-3, 1500 steps of 64 fresh
sequences, no clipping. Gradients are measured in float64 on a batch of 64 that is not trained on.
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
from rnnlab import layers, tasks, twins  # noqa: E402
from rnnlab.params import Array, LSTMParams, RNNParams  # noqa: E402

FILE = Path(rnnlab.__file__).parent / "data" / "adding_gradients.npz"
T, B, H = 50, 64, 32
STEPS, EVERY, RATE, SEEDS = 1500, 20, 5e-3, range(5)


def gradients(p: RNNParams | LSTMParams, U: Array, c: float) -> dict[str, Array]:
    """Norms of the loss's gradients at each lag, relative to lag 0, each (T,); the LSTM's gates.

    h: dL/dh. C: dL/dC. direct: dL/dC at the last step times f at each step, no other path.
    f (H,): each unit's forget gate, mean over steps and batch.
    """
    task = tasks.adding(T, B, np.random.default_rng(10_000))
    zero = np.zeros((B, H))
    lags: dict[str, list[float]] = {"h": [], "C": [], "direct": []}
    if isinstance(p, RNNParams):
        trace = layers.rnn_forward(task.x, zero, p)
    else:
        full = trace = layers.lstm_forward(task.x, zero, zero, p)
        slope = full.o * (1 - full.tanh_C**2)  # dh/dC of each step
    y = trace.h[-1] @ U.T
    dh = dh_T = 2 / B * (y + c - task.y[0][:, None]) @ U
    for t in reversed(range(T)):
        if isinstance(p, RNNParams):
            if t < T - 1:
                later = layers.rnn_forward(task.x[t + 1 :], trace.h[t], p)
                dh = layers.rnn_backward(later, np.zeros_like(later.h), dh_T).h0
        else:
            dC = np.zeros_like(dh)
            if t < T - 1:
                rest = layers.lstm_forward(task.x[t + 1 :], full.h[t], full.C[t], p)
                grads = layers.lstm_backward(rest, np.zeros_like(rest.h), dh_T)
                dh, dC = grads.h0, grads.C0
            lags["C"].append(float(np.linalg.norm(dC + dh * slope[t])))
            kept = dh_T * slope[-1] * full.f[t + 1 :].prod(axis=0)
            lags["direct"].append(float(np.linalg.norm(kept)))
        lags["h"].append(float(np.linalg.norm(dh)))
    found = {name: np.array(norms) / norms[0] for name, norms in lags.items() if norms}
    if isinstance(p, LSTMParams):
        found["f"] = full.f.mean(axis=(0, 1))
    return found


def train(cell: str, seed: int) -> dict[str, Array]:
    """The loss of each 20 training steps, averaged, (75,); gradients before and after."""
    rng = np.random.default_rng(seed)
    p = RNNParams.init(2, H, rng) if cell == "rnn" else LSTMParams.init(2, H, rng)
    U = rng.uniform(-1, 1, (1, H)) / np.sqrt(H)
    before = gradients(p, U, 0.0)
    model: twins.RNN | twins.LSTM
    if isinstance(p, RNNParams):
        model = twins.RNN(p.astype(np.float32))
    else:
        model = twins.LSTM(p.astype(np.float32))
    U_t = torch.nn.Parameter(torch.tensor(U, dtype=torch.float32))
    c_t = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([*model.parameters(), U_t, c_t], lr=RATE)
    losses = np.empty(STEPS)
    for k in range(STEPS):
        task = tasks.adding(T, B, rng, dtype=np.float32)
        h, _ = model(torch.from_numpy(task.x))
        y = (h[-1] @ U_t.T + c_t)[:, 0]
        loss = torch.nn.functional.mse_loss(y, torch.from_numpy(task.y[0]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses[k] = loss.item()
    trained = model.to_params().astype(np.float64)
    after = gradients(trained, U_t.detach().numpy().astype(np.float64), c_t.item())
    return {
        f"{cell}_loss": losses.reshape(-1, EVERY).mean(axis=1),
        **{f"{cell}_{name}_before": array for name, array in before.items()},
        **{f"{cell}_{name}_after": array for name, array in after.items()},
    }


def factor(norms: Array) -> float:
    """The factor a step over the lags 10 to 40."""
    return float((norms[40] / norms[10]) ** (1 / 30))


def store() -> None:
    """Train everything, print each run, and write the arrays."""
    begin = perf_counter()
    arrays = {"step": np.arange(EVERY, STEPS + 1, EVERY)}
    for cell in ("rnn", "lstm"):
        runs = []
        for seed in SEEDS:
            runs.append(train(cell, seed))
            print(sentence(cell, seed, runs[-1]), flush=True)
        arrays |= {name: np.array([run[name] for run in runs], np.float32) for name in runs[0]}
    np.savez_compressed(FILE, **arrays)
    print(f"{perf_counter() - begin:.0f} s on one thread; {FILE.stat().st_size / 1e3:.0f} kB")


def sentence(cell: str, seed: int, run: dict[str, Array]) -> str:
    before, after = factor(run[f"{cell}_h_before"]), factor(run[f"{cell}_h_after"])
    last = run[f"{cell}_loss"][-1]
    return f"{cell} seed {seed}: factor {before:.3f} before, {after:.3f} after, loss {last:.4f}"


def compare() -> None:
    """Train the LSTM with the first seed again and print it beside what is stored."""
    begin = perf_counter()
    print(sentence("lstm", SEEDS[0], train("lstm", SEEDS[0])))
    with np.load(FILE) as stored:
        names = [name for name in stored if name.startswith("lstm")]
        print("stored:", sentence("lstm", SEEDS[0], {name: stored[name][0] for name in names}))
    print(f"{perf_counter() - begin:.0f} s on one thread")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="train all and write the data file")
    torch.set_num_threads(1)
    store() if parser.parse_args().store else compare()


if __name__ == "__main__":
    main()
