"""What do other libraries' GRUs compute? Their weights, inputs and outputs, stored for lectures.

    python benchmarks/run_gru_libraries.py            compares with what is stored
    python benchmarks/run_gru_libraries.py --store    runs the libraries: writes gru_libraries.npz

Each library runs one GRU layer over the same sequence, T, B, D, H = 5, 2, 3, 4, in float64, with
random weights in its own layout: Keras as it comes and with reset_after=False, ONNX by its
reference evaluator with linear_before_reset 0 and 1. torch's autograd gives the gradients of both
places of the reset. A stranger's trace is drawn too: three steps of a GRU whose convention is for
the reader to find.

Keras is no dependency of the project: `pip install keras` beside torch, which is its backend here.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch

import rnnlab
from rnnlab import twins
from rnnlab.cells import sigmoid
from rnnlab.params import Array, GRUParams

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from onnx_oracle import onnx_run

FILE = Path(rnnlab.__file__).parent / "data" / "gru_libraries.npz"
T, B, D, H = 5, 2, 3, 4


def run_keras(rng: np.random.Generator, x: Array, h0: Array) -> dict[str, Array]:
    """Keras's layer as it comes, and with reset_after=False: weights as get_weights() and h."""
    import keras

    print(f"keras {keras.__version__}")
    found = {}
    for name, options in {"keras_default": {}, "keras_False": {"reset_after": False}}.items():
        layer = keras.layers.GRU(H, return_sequences=True, dtype="float64", **options)
        layer.build((B, T, D))
        weights = [rng.normal(0, 0.5, w.shape) for w in layer.get_weights()]
        layer.set_weights(weights)
        h = layer(torch.tensor(x.swapaxes(0, 1)), initial_state=torch.tensor(h0))
        names = ("kernel", "recurrent_kernel", "bias", "h")
        arrays = (*weights, h.detach().numpy().swapaxes(0, 1))
        found |= {f"{name}_{part}": a for part, a in zip(names, arrays, strict=True)}
    return found


def run_onnx(rng: np.random.Generator, x: Array, h0: Array) -> dict[str, Array]:
    """ONNX's GRU node with linear_before_reset 0 and 1: W, R, B and h."""
    found = {}
    for flag in (0, 1):
        shapes = {"W": (3 * H, D), "R": (3 * H, H), "B": (6 * H,)}
        weights = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
        h, _ = onnx_run("GRU", list(weights.values()), x, h0, linear_before_reset=flag)
        found |= {f"onnx_{flag}_{name}": a[None] for name, a in weights.items()}
        found[f"onnx_{flag}_h"] = h
    return found


def gradients(rng: np.random.Generator, x: Array, h0: Array) -> dict[str, Array]:
    """torch's gradients of L = sum(dh * h) by x, h0 and every weight, for both places of the reset.

    "after" is the kernel of torch.nn.GRU, with the weights' z blocks negated on the way.
    """
    found: dict[str, Array] = {"dh": rng.standard_normal((T, B, H))}
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    for reset in ("before", "after"):
        names = [f"{k}_{gate}" for gate in "zrh" for k in "WVb"]
        names += ["b_hv"] if reset == "after" else []
        p = GRUParams(**{name: rng.normal(0, 0.5, shapes[name[0]]) for name in names})
        model = twins.GRU(p, reset=reset)
        x_t, h0_t = (torch.tensor(a, requires_grad=True) for a in (x, h0))
        h, _ = model(x_t, h0_t)
        (torch.tensor(found["dh"]) * h).sum().backward()
        grads = {"x": x_t.grad, "h0": h0_t.grad}
        grads |= {name: getattr(model, name).grad for name in names}
        found |= {f"torch_{reset}_{name}": a for name, a in p.items()}
        found |= {f"torch_{reset}_d{name}": g.numpy() for name, g in grads.items()}
    return found


def stranger(rng: np.random.Generator) -> dict[str, Array]:
    """A trace of three steps from a zero state, T, D, H = 3, 2, 3, with gates and candidates."""
    steps, size, units = 3, 2, 3
    W, V, b = (rng.normal(0, 1, s) for s in ((3, units, size), (3, units, units), (3, units)))
    x, h = rng.normal(0, 1, (steps, size)), np.zeros((steps + 1, units))
    z, r, h_tilde = np.zeros((3, steps, units))
    for t in range(steps):
        z[t] = sigmoid(W[0] @ x[t] + V[0] @ h[t] + b[0])
        r[t] = sigmoid(W[1] @ x[t] + V[1] @ h[t] + b[1])
        h_tilde[t] = np.tanh(W[2] @ x[t] + V[2] @ (r[t] * h[t]) + b[2])
        h[t + 1] = z[t] * h[t] + (1 - z[t]) * h_tilde[t]
    seen = {"x": x, "h": h, "z": z, "r": r, "h_tilde": h_tilde, "W_h": W[2], "V_h": V[2]}
    return {f"stranger_{name}": a for name, a in (seen | {"b_h": b[2]}).items()}


def run() -> dict[str, Array]:
    rng = np.random.default_rng(13)
    x, h0 = rng.standard_normal((T, B, D)), rng.uniform(-1, 1, (B, H))
    found = {"x": x, "h0": h0}
    for part in (run_keras(rng, x, h0), run_onnx(rng, x, h0), gradients(rng, x, h0)):
        found |= part
    return found | stranger(rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="write what the libraries computed")
    store = parser.parse_args().store
    found = run()
    if store:
        np.savez_compressed(FILE, **found)
        print(f"{FILE.name}: {len(found)} arrays, {FILE.stat().st_size} bytes")
        return
    stored = np.load(FILE)
    assert set(stored) == set(found)
    off = max(float(np.abs(stored[name] - a).max()) for name, a in found.items())
    print(f"{len(found)} arrays, at most {off:.1e} from what is stored")


if __name__ == "__main__":
    main()
