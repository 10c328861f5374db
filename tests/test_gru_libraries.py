"""What Keras, ONNX and torch computed once, stored: our conversions and gradients agree with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rnnlab
from rnnlab import interop, layers
from rnnlab.params import GRUParams

STORED = np.load(Path(rnnlab.__file__).parent / "data" / "gru_libraries.npz")
KERAS = ("kernel", "recurrent_kernel", "bias")


def off(p, reset, h):
    return np.abs(layers.gru_forward(STORED["x"], STORED["h0"], p, reset).h - h).max()


# Keras's loop for reset_after=False rounds its states to single precision on the way
@pytest.mark.parametrize(
    ("name", "reset", "precision"), [("default", "after", 1e-14), ("False", "before", 1e-7)]
)
def test_keras(name, reset, precision):
    arrays = [STORED[f"keras_{name}_{part}"] for part in KERAS]
    assert off(interop.from_keras(arrays, "gru"), reset, STORED[f"keras_{name}_h"]) < precision


@pytest.mark.parametrize(
    ("flag", "reset", "other"), [(0, "before", "after"), (1, "after", "before")]
)
def test_onnx(flag, reset, other):
    arrays = [STORED[f"onnx_{flag}_{part}"] for part in "WRB"]
    h = STORED[f"onnx_{flag}_h"]
    assert off(interop.from_onnx(arrays, "gru", reset=reset), reset, h) < 1e-14
    assert off(interop.from_onnx(arrays, "gru", reset=other), other, h) > 0.1


@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_gradients_of_torch(reset):
    names = [f"{k}_{gate}" for gate in "zrh" for k in "WVb"] + ["b_hv"] * (reset == "after")
    p = GRUParams(**{name: STORED[f"torch_{reset}_{name}"] for name in names})
    trace = layers.gru_forward(STORED["x"], STORED["h0"], p, reset)
    grads = layers.gru_backward(trace, STORED["dh"])
    found = {"x": grads.x, "h0": grads.h0, **dict(grads.params.items())}
    assert set(found) == {"x", "h0", *names}
    for name, grad in found.items():
        np.testing.assert_allclose(grad, STORED[f"torch_{reset}_d{name}"], rtol=0, atol=1e-13)
