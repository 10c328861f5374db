"""The questions on the plain RNN: their references are the package's own, their bars mean it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, layers, notebook
from rnnlab.check import judge
from rnnlab.params import Array, RNNParams
from rnnlab.questions import q01_plain_rnn as q01
from rnnlab.questions import q02_backpropagation_through_time as q02
from rnnlab.questions import question
from rnnlab.questions.rnn import (
    BACKWARD,
    BACKWARD_MISTAKES,
    FORWARD,
    STEP,
    STEP_BACKWARD,
    STEP_BACKWARD_MISTAKES,
    weights,
)

SOLUTIONS = Path(__file__).parent.parent / "solutions"


def close(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=1e-12)


@pytest.fixture(params=[(5, 2, 3, 4), (4, 3, 2, 2), (1, 1, 2, 3)], ids=str)
def sequence(request: pytest.FixtureRequest) -> tuple[Array, Array, Array, RNNParams]:
    """dh, x, h0, p"""
    T, B, D, H = request.param
    rng = np.random.default_rng(17)
    dh, x = rng.standard_normal((T, B, H)), rng.standard_normal((T, B, D))
    return dh, x, rng.uniform(-1, 1, (B, H)), weights(D, H, rng)


def test_forward_references_are_the_packages(sequence: Any) -> None:
    _, x, h0, p = sequence
    assert close(STEP(x[0], h0, p), cells.rnn_step(x[0], h0, p).h)
    assert close(FORWARD(x, h0, p), layers.rnn_forward(x, h0, p).h)


def test_backward_references_are_the_packages(sequence: Any) -> None:
    dh, x, h0, p = sequence
    right = layers.rnn_backward(layers.rnn_forward(x, h0, p), dh)
    dx, dh0, dp = BACKWARD(dh, x, h0, p)
    assert close(dx, right.x) and close(dh0, right.h0)
    assert all(close(dp[name], array) for name, array in right.params.items())

    right = layers.rnn_backward(layers.rnn_forward(x[:1], h0, p), dh[:1])
    dx_t, dh_prev, dp = STEP_BACKWARD(dh[0], x[0], h0, p)
    assert close(dx_t, right.x[0]) and close(dh_prev, right.h0)
    assert all(close(dp[name], array) for name, array in right.params.items())


def test_readout_reads_each_state() -> None:
    rng = np.random.default_rng(3)
    h, U, c = rng.standard_normal((5, 2, 4)), rng.standard_normal((3, 4)), rng.standard_normal(3)
    right = np.einsum("kh,tbh->tbk", U, h) + c
    assert close(question("01.readout").reference(h, U, c), right)


def test_parameters_are_those_that_the_package_holds() -> None:
    T, D, H, K = 6, 3, 7, 2
    held = sum(a.size for _, a in RNNParams.init(D, H, np.random.default_rng(1)).items())
    assert q01.PARAMETERS.reference(T, D, H, K) == (T, D, H, K, held + K * H + K)


@pytest.mark.parametrize(
    "sizes", [(5, 5, 3, 2), (5, 1, 3, 2), (5, 4, 3, 1001), (5, 4, 3, 2.5), (5, -4, 3, 2)]
)
def test_sizes_that_hide_a_mistake_are_refused(sizes: tuple[float, ...]) -> None:
    verdict = judge("01.parameters", (*sizes, 60))
    assert not verdict.passed
    whole = all(isinstance(n, int) for n in sizes)
    said = "they must be four different whole numbers" if whole else "it must be a whole number"
    assert f"cannot be used: {said}" in verdict.difference


def test_echo_needs_training_but_any_training_will_do() -> None:
    for seed in range(5):
        assert judge("01.echo", partial(q01._trained, steps=100), seed=seed).passed
        assert not judge("01.echo", partial(q01._trained, steps=10), seed=seed).passed


def test_a_silent_echo_is_like_no_lag() -> None:
    for seed in range(8):
        for lag in (-1, -2, -3):
            told = judge("01.echo", partial(q01._trained, lag), seed=seed)
            assert "nearly the same" in told.difference and told.hint == q01._HARDLY
        for lag in (5, 6):
            told = judge("01.echo", partial(q01._trained, lag), seed=seed)
            assert "does echo" in told.difference and "pairs teach nothing" not in str(told.hint)


def test_echo_needs_the_network_that_the_notebook_gives() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (60, 3, 1))
    p = given("01_plain_rnn", "network")["network"]
    h0 = np.zeros((3, 20))
    assert close(q01._heard(x), layers.rnn_forward(x, h0, p).h)
    # without V nothing is left after three steps, and no readout comes near the bar of 0.05
    p = RNNParams(p.W, 0 * p.V, p.b)
    F, target = layers.rnn_forward(x, h0, p).h[3:].reshape(-1, 20), x[:-3].reshape(-1)
    w = np.linalg.lstsq(F, target, rcond=None)[0]
    assert np.mean((F @ w - target) ** 2) > 0.25


@pytest.mark.torch
def test_clip_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    for probe in q02.CLIP.inputs(np.random.default_rng(8)):
        grads = [probe[name] for name in ("dW", "dV", "db")]
        tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads]
        for tensor, grad in zip(tensors, grads, strict=True):
            tensor.grad = torch.from_numpy(grad.copy())
        torch.nn.utils.clip_grad_norm_(tensors, probe["limit"])
        for tensor, mine in zip(tensors, q02.CLIP.reference(*grads, probe["limit"]), strict=True):
            # torch adds 1e-6 to the norm
            assert np.allclose(tensor.grad.numpy(), mine, rtol=3e-6, atol=0)


@pytest.mark.parametrize("seed", [0, 3, 2**40])
def test_factor_is_what_the_packages_gradient_says(seed: int) -> None:
    x, h0, p = given("02_backpropagation_through_time", "network")["network"](seed)
    dh = np.zeros((40, 1, 16))
    dh[-1] = 1
    dh0 = layers.rnn_backward(layers.rnn_forward(x, h0, p), dh).h0
    chosen, factor = q02.FACTOR.reference(seed)
    assert chosen == seed and 0.3 < factor < 0.8
    assert factor**40 * 4 == pytest.approx(np.linalg.norm(dh0), rel=1e-9)


def test_a_trace_is_wrong_at_one_step_and_inherits_it() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        for probe in q02.WRONG_STEP.inputs(rng):
            dh, h, V, da = probe.values()
            right = q02._going_back(dh, h, V)
            off = np.flatnonzero(~np.isclose(da, right).all(axis=(1, 2)))
            assert list(off) == list(range(off[-1] + 1))
            assert q02.WRONG_STEP.reference(**probe) == off[-1]


def test_a_trace_without_a_mistake_is_the_layers(sequence: Any) -> None:
    dh, x, h0, p = sequence
    trace = layers.rnn_forward(x, h0, p)
    da = q02._going_back(dh, np.array(trace.h), p.V)
    right = layers.rnn_backward(trace, dh)
    assert close(da @ p.W, right.x) and close(da.sum(axis=(0, 1)), right.params.b)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("dh from the next step dropped", "overwritten, not added"),
        ("tanh' missing", "dV with h_t"),
        ("V for V^T", "db without the batch sum"),
        ("dx in reverse order", "dh0 zero"),
        ("1 - a^2", "h[-1] for h0"),
    ],
)
def test_two_mistakes_at_once_are_both_named(one: str, two: str) -> None:
    lines = {m.name: m.lines for m in (*BACKWARD_MISTAKES, *STEP_BACKWARD_MISTAKES)}
    verdict = judge("02.rnn_backward", BACKWARD.but(**lines[one], **lines[two]), seed=6)
    assert set(str(verdict.misconception).split(" + ")) == {one, two}


def from_h0_to_the_second_input(x: Array, h0: Array, p: RNNParams) -> Array:
    h = np.zeros((len(x), *h0.shape))
    h[0] = h0
    for t in range(1, len(x)):
        h[t] = STEP(x[t], h[t - 1], p)
    return h


def back_from_the_wrong_row(dh: Array, x: Array, h0: Array, p: RNNParams) -> tuple[Any, ...]:
    """h[t + 1] of the exercise's `states` handed to each step, where h[t] went in."""
    h = [h0, *FORWARD(x, h0, p)]
    dx, dh_next, dp = np.zeros_like(x), np.zeros_like(h0), {"W": 0.0, "V": 0.0, "b": 0.0}
    for t in reversed(range(len(x))):
        dx[t], dh_next, dp_t = STEP_BACKWARD(dh[t] + dh_next, x[t], h[t + 1], p)
        dp = {name: dp[name] + dp_t[name] for name in dp}
    return dx, dh_next, dp


def back_from_the_row_before(dh: Array, x: Array, h0: Array, p: RNNParams) -> tuple[Any, ...]:
    """h[t - 1] of the exercise's `states` handed to each step, where h[t] went in."""
    h = [h0, *FORWARD(x, h0, p)]
    dx, dh_next, dp = np.zeros_like(x), np.zeros_like(h0), {"W": 0.0, "V": 0.0, "b": 0.0}
    for t in reversed(range(len(x))):
        dx[t], dh_next, dp_t = STEP_BACKWARD(dh[t] + dh_next, x[t], h[t - 1], p)
        dp = {name: dp[name] + dp_t[name] for name in dp}
    return dx, dh_next, dp


def clip_by_norm_over_limit(dW: Array, dV: Array, db: Array, limit: float) -> tuple[Array, ...]:
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in (dW, dV, db)]))
    return tuple(g * min(1, norm / limit) for g in (dW, dV, db))


def farthest_off_with_V_forwards(dh: Array, h: Array, V: Array, da: Array) -> int:
    sent_back = np.concatenate([da[1:] @ V.T, np.zeros((1, *da.shape[1:]))])
    return int(np.abs((dh + sent_back) * (1 - h**2) - da).max(axis=(1, 2)).argmax())


def first_fault_with_V_forwards(dh: Array, h: Array, V: Array, da: Array) -> int:
    sent_back = np.concatenate([da[1:] @ V.T, np.zeros((1, *da.shape[1:]))])
    return int(np.argmax(np.abs((dh + sent_back) * (1 - h**2) - da).max(axis=(1, 2)) > 1e-6))


def farthest_off_without_the_own_part(dh: Array, h: Array, V: Array, da: Array) -> int:
    sent_back = np.concatenate([da[1:] @ V, np.zeros((1, *da.shape[1:]))])
    return int(np.abs(sent_back * (1 - h**2) - da).max(axis=(1, 2)).argmax())


@pytest.mark.parametrize(
    ("asked", "slip", "named"),
    [
        ("01.rnn_forward", from_h0_to_the_second_input, "h0 for the first step"),
        ("02.rnn_backward", back_from_the_wrong_row, "the step's own state for the one before"),
        ("02.wrong_step", farthest_off_with_V_forwards, "test with V for V^T, by size"),
        ("02.wrong_step", first_fault_with_V_forwards, "first in time"),
        (
            "02.wrong_step",
            farthest_off_without_the_own_part,
            "test without the own part, by size",
        ),
        ("02.rnn_backward", back_from_the_row_before, "a state too early"),
        ("02.clip", clip_by_norm_over_limit, "norm over limit"),
        ("02.factor", lambda: (11, 0.577), "what a fresh V leaves on the average"),
        ("02.factor", lambda: (7, 0.57), "rounded to 2 digits"),
    ],
)
def test_slips_that_a_reader_of_the_lecture_made_are_named(
    asked: str, slip: Any, named: str
) -> None:
    for seed in range(5):
        assert judge(asked, slip, seed=seed).misconception == named


def search_without_the_last_step(dh: Array, h: Array, V: Array, da: Array) -> int:
    t = q02.WRONG_STEP.reference(dh, h, V, da)
    return t if t < len(dh) - 1 else -1


def test_a_step_below_the_first_is_not_called_too_high() -> None:
    for seed in range(5):
        told = judge("02.wrong_step", search_without_the_last_step, seed=seed)
        assert "from 0 to T - 1" in told.difference and told.misconception is None


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("01.parameters", lambda: (9, 2, 4, 3, "43")),
        ("01.echo", lambda: ("U", "c")),
        ("02.factor", lambda: (11, "0.59")),
        ("02.wrong_step", lambda dh, h, V, da: "2"),
    ],
)
def test_a_word_for_a_number_is_called_one(asked: str, answer: object) -> None:
    told = judge(asked, answer, seed=0)
    assert not told.passed and "got a str" in told.difference


def concatenated_step(x_t: Array, h_prev: Array, p: RNNParams) -> Array:
    both: Array = np.hstack([x_t, h_prev]) @ np.hstack([p.W, p.V]).T
    return np.tanh(both + p.b)


def all_at_once(dh: Array, x: Array, h0: Array, p: RNNParams) -> tuple[Array, Array, RNNParams]:
    """BPTT with the weights' products after the loop, as `layers` does it."""
    grads = layers.rnn_backward(layers.rnn_forward(x, h0, p), dh)
    return grads.x, grads.h0, grads.params


def with_d_names(dh: Array, x: Array, h0: Array, p: RNNParams) -> dict[str, Any]:
    dx, dh0, dp = BACKWARD(dh, x, h0, p)
    return {"dp": {f"d{name}": a for name, a in dp.items()}, "dx": dx.tolist(), "dh0": dh0}


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("01.rnn_step", concatenated_step),
        ("01.rnn_forward", lambda x, h0, p: list(FORWARD(x, h0, p))),
        ("01.readout", lambda h, U, c: np.einsum("kh,tbh->tbk", U, h) + c),
        ("01.parameters", (9, 2, 4, 3, 4 * 7 + 3 * 5)),
        ("02.rnn_backward", all_at_once),
        ("02.rnn_backward", with_d_names),
        ("02.wrong_step", lambda *a: np.int32(q02.WRONG_STEP.reference(*a))),
    ],
)
def test_right_answers_in_odd_styles_pass(asked: str, answer: object) -> None:
    for seed in range(3):
        assert judge(asked, answer, seed=seed).passed


@pytest.mark.parametrize(
    ("name", "broken", "asked", "misconception"),
    [
        ("01_plain_rnn", "broken_rnn_forward", "01.rnn_forward", "one array for all steps"),
        (
            "02_backpropagation_through_time",
            "broken_clip",
            "02.clip",
            "each array by its own norm",
        ),
    ],
)
def test_what_is_to_be_repaired_is_broken_as_its_text_says(
    name: str, broken: str, asked: str, misconception: str
) -> None:
    answer = given(name, broken.replace("_", "-"))[broken]
    assert judge(asked, answer, seed=1).misconception == misconception


def given(name: str, cell_id: str) -> dict[str, Any]:
    """The names that a notebook's first code cell and the cell of this id define."""
    cells_of = notebook.read(SOLUTIONS / f"{name}.ipynb")["cells"]
    names: dict[str, Any] = {}
    for cell in cells_of:
        if cell["id"] in ("setup", cell_id):
            exec(notebook.source(cell), names)
    return names
