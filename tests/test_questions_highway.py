"""Exercise 10: its references against layers, params and plain loops, its twins by their words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, interop, layers, notebook, params
from rnnlab.check import judge
from rnnlab.params import LSTMParams
from rnnlab.questions import q10_gradient_highway as q10
from rnnlab.questions import question

SOLUTIONS = Path(__file__).parent.parent / "solutions"


def reference(name: str) -> Any:
    return question(f"10.{name}").reference


def test_the_bias_gives_the_gate_that_halves() -> None:
    n = np.array([0.5, 1.0, 7.0, 69.0])
    f = cells.sigmoid(reference("forget_bias_for_half_life")(n))
    np.testing.assert_allclose(f**n, 0.5, rtol=1e-12)


def test_direct_path_is_the_gradient_of_an_lstm_whose_gates_do_not_listen() -> None:
    rng = np.random.default_rng(3)
    T, B, D, H = 6, 2, 3, 4
    p = LSTMParams.init(D, H, rng, forget_bias=1.0)
    p = LSTMParams(**{name: 0 * w if name[0] == "V" else w for name, w in p.items()})
    x, zero = rng.standard_normal((T, B, D)), np.zeros((B, H))
    dC_T = rng.standard_normal((B, H))
    trace = layers.lstm_forward(x, zero, zero, p)
    direct = reference("direct_path")(trace.f)
    for k in range(T - 1):
        rest = layers.lstm_forward(x[k + 1 :], trace.h[k], trace.C[k], p)
        arrives = layers.lstm_backward(rest, np.zeros_like(rest.h), dC_T=dC_T).C0
        np.testing.assert_allclose(direct[k] * dC_T, arrives, rtol=1e-12)
    assert np.all(direct[-1] == 1)


@pytest.mark.parametrize("seed", range(3, 30))
def test_reach_by_a_plain_loop(seed: int) -> None:
    f = q10.gates(seed)
    share, reach = 1.0, 0
    while share * f[len(f) - 1 - reach] >= 0.01:
        share *= f[len(f) - 1 - reach]
        reach += 1
    _, got, equal = reference("reach")(seed)
    assert got == reach < len(f)
    assert equal**reach == pytest.approx(share)


def test_chrono_biases_are_those_of_params_in_torchs_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    D, H, T_max = 2, 3, 50
    u = np.array([0.1, 0.5, 0.8])
    rng = np.random.default_rng(0)
    p = LSTMParams.init(D, H, rng)
    there = interop.to_torch(p)
    ih, hh = reference("chrono_biases")(there["bias_ih_l0"], np.full(4 * H, 0.3), u, T_max)

    class Drawn:
        def uniform(self, low: float, high: float, size: int) -> Any:
            return low + (high - low) * u

    b_f = params._chrono("here", T_max, H, Drawn())  # type: ignore[arg-type]
    back = interop.from_torch({**there, "bias_ih_l0": ih, "bias_hh_l0": hh}, "lstm")
    assert isinstance(back, LSTMParams)
    np.testing.assert_allclose(back.b_f, b_f)
    np.testing.assert_allclose(back.b_i, -b_f)
    np.testing.assert_allclose(back.b_o, p.b_o + 0.3)


def test_weights_that_latch_do_so_in_cells() -> None:
    p = LSTMParams(*reference("latch_weights")())
    rng = np.random.default_rng(8)
    for symbol in (0, 1):
        h = C = np.zeros(2)
        for t in range(101):
            x_t = np.eye(2)[symbol] if t == 0 else rng.standard_normal(2)
            step = cells.lstm_step(x_t, h, C, p)
            h, C = step.h, step.C
        np.testing.assert_allclose(h, 0.7616 * np.eye(2)[symbol], atol=0.01)


ONES, OWN = np.ones((2, 2)), np.eye(2)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"b_g": np.zeros(2)}, "nothing is written"),
        ({"b_o": np.zeros(2)}, "nothing is written"),
        ({"b_i": np.full(2, 10.0)}, "any symbol opens the input gates"),
        ({"W_i": 20 * ONES}, "any symbol opens the input gates"),
        ({"W_i": 0 * ONES, "b_i": np.zeros(2)}, "input gates half open to any symbol"),
        ({"W_i": 20 * OWN[::-1]}, "units swapped"),
        ({"V_i": 0 * ONES, "b_i": np.full(2, -5.0)}, "input gates open in silence"),
        (
            {"V_i": 0 * ONES, "b_i": np.full(2, -5.0), "b_f": np.full(2, 3.0)},
            "input gates open in silence",
        ),
        ({"W_o": 40 * OWN, "b_o": np.zeros(2)}, "output gate opened by the symbol"),
        (
            {"W_o": 40 * OWN, "b_o": np.zeros(2), "b_f": np.full(2, 3.0)},
            "forgets half at each step",
        ),
        ({"b_f": np.full(2, 3.0)}, "forgets half at each step"),
        ({"V_f": -200 * ONES}, "forgets half at each step"),
        ({"V_i": -200 * OWN}, "noise opens the input gates"),
        ({"V_i": -20 * ONES}, "noise opens the input gates"),
        (
            {"b_i": np.full(2, 5.0), "V_i": -5 * ONES, "b_g": np.zeros(2), "W_g": 5 * OWN},
            "noise opens the input gates",
        ),
        ({"W_o": 40 * OWN}, "noise moves the forget gate"),
        ({"W_o": 15 * OWN}, "noise moves the forget gate"),
        ({"W_f": 15 * ONES}, "noise moves the forget gate"),
    ],
)
def test_weights_that_behave_alike_get_the_words_that_fit_them(changed: Any, name: str) -> None:
    for seed in range(5):
        verdict = judge("10.latch_weights", q10._latch(**changed), seed=seed)
        assert verdict.misconception == name


def test_other_weights_that_latch_pass_too() -> None:
    """A candidate that x turns, a softer door, integers: judged by behaviour alone."""
    softer = q10._latch(
        b_f=np.full(2, 9), b_i=np.full(2, -6), W_i=12 * OWN, V_i=-120 * ONES, W_g=5 * OWN
    )
    assert judge("10.latch_weights", softer, seed=1).passed
    named = dict(zip(question("10.latch_weights").returns, softer(), strict=True))
    assert judge("10.latch_weights", lambda: dict(reversed(named.items())), seed=1).passed


def test_the_planted_mistakes_are_named() -> None:
    cells_of = notebook.read(SOLUTIONS / "10_gradient_highway.ipynb")["cells"]
    scope: dict[str, Any] = {"np": np, "sigmoid": cells.sigmoid}
    exec(next(notebook.source(c) for c in cells_of if c["id"] == "broken-chrono"), scope)
    for seed in range(5):
        verdict = judge("10.chrono_biases", scope["broken_chrono"], seed=seed)
        assert verdict.misconception == "set in both biases + sign of b_i lost"
