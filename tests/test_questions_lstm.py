"""Exercises 08 and 09: the references against the package, and what learners are really told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, layers
from rnnlab.check import judge
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import q08_lstm, q09_lstm_backward, question
from rnnlab.questions.lstm import FORWARD, STEP, random_params, sequence_inputs, step_inputs
from rnnlab.questions.lstm_backward import (
    BACKWARD,
    STEP_BACKWARD,
    backward_inputs,
    step_backward_inputs,
)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_the_step_is_that_of_cells() -> None:
    for probe in step_inputs(np.random.default_rng(1)):
        for ours, theirs in zip(
            STEP(*probe.values()), cells.lstm_step(*probe.values()), strict=True
        ):
            close(ours, theirs)


def test_the_sequence_is_that_of_layers() -> None:
    for probe in sequence_inputs(np.random.default_rng(2)):
        h, C = FORWARD(*probe.values())
        trace = layers.lstm_forward(*probe.values())
        close(h, trace.h)
        close(C, trace.C)


def same_grads(dx: Array, dh0: Array, dC0: Array, dp: dict[str, Array], grads: Any) -> None:
    close(dx, grads.x)
    close(dh0, grads.h0)
    close(dC0, grads.C0)
    assert sorted(dp) == sorted(name for name, _ in grads.params.items())
    for name, array in grads.params.items():
        close(dp[name], array)


def test_the_backward_step_is_that_of_layers() -> None:
    for probe in step_backward_inputs(np.random.default_rng(3)):
        dh_t, dC_t, x_t, h_prev, C_prev, p = probe.values()
        dx_t, dh_prev, dC_prev, dp = STEP_BACKWARD(*probe.values())
        trace = layers.lstm_forward(x_t[None], h_prev, C_prev, p)
        grads = layers.lstm_backward(trace, dh_t[None], dC_T=dC_t)
        same_grads(dx_t[None], dh_prev, dC_prev, dp, grads)


def test_the_backward_sequence_is_that_of_layers() -> None:
    for probe in backward_inputs(np.random.default_rng(4)):
        dh, x, h0, C0, p = probe.values()
        dx, dh0, dC0, dp = BACKWARD(*probe.values())
        grads = layers.lstm_backward(layers.lstm_forward(x, h0, C0, p), dh)
        same_grads(dx, dh0, dC0, dp, grads)


def test_the_count_is_that_of_the_weights() -> None:
    rng = np.random.default_rng(5)
    for D, H in ((3, 5), (7, 2), (4, 4)):
        assert q08_lstm.COUNT_PARAMETERS.reference(D, H) == LSTMParams.init(D, H, rng).size


@pytest.mark.torch
def test_the_packed_step_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    for probe in q08_lstm.PACKED_STEP.inputs(np.random.default_rng(6)):
        x_t, h_prev, C_prev, W, V, b = map(torch.from_numpy, probe.values())
        cell = torch.nn.LSTMCell(x_t.shape[1], h_prev.shape[1], dtype=torch.float64)
        with torch.no_grad():
            for weight, value in (
                (cell.weight_ih, W),
                (cell.weight_hh, V),
                (cell.bias_ih, b),
                (cell.bias_hh, 0 * b),
            ):
                weight.copy_(value)
            theirs = cell(x_t, (h_prev, C_prev))
        for ours, other in zip(
            q08_lstm.PACKED_STEP.reference(*probe.values()), theirs, strict=True
        ):
            close(ours, other.numpy())


def test_the_cell_backward_is_the_central_difference() -> None:
    (dC, f, i, C_tilde, C0), *_ = (
        probe.values() for probe in q09_lstm_backward.CELL_BACKWARD.inputs(np.random.default_rng(7))
    )

    def loss(f: Array, i: Array, C_tilde: Array, C0: Array) -> float:
        C, total = C0, 0.0
        for t in range(len(f)):
            C = f[t] * C + i[t] * C_tilde[t]
            total += float(np.sum(dC[t] * C))
        return total

    given = [f, i, C_tilde, C0]
    grads = q09_lstm_backward.CELL_BACKWARD.reference(dC, *given)
    for k, grad in enumerate(grads):
        of_one = lambda a, k=k: loss(*given[:k], a, *given[k + 1 :])  # noqa: E731
        numeric = q09_lstm_backward.CENTRAL_DIFFERENCE.reference(of_one, given[k], 1e-5)
        np.testing.assert_allclose(grad, numeric, rtol=0, atol=1e-8)


def test_a_trace_read_step_by_step_is_right_too() -> None:
    def by_one_step(x: Array, h0: Array, C0: Array, p: LSTMParams, *trace: Array) -> str:
        f, i, C_tilde, C, o, h = trace
        for t in range(len(x)):
            h_prev, C_prev = (h[t - 1], C[t - 1]) if t else (h0, C0)
            step = cells.lstm_step(x[t], h_prev, C_prev, p)
            names = ("f", "i", "C_tilde", "C", "o", "h")
            for name, array in zip(names, (f, i, C_tilde, C, o, h), strict=True):
                if not np.allclose(getattr(step, name), array[t]):
                    return name
        return "none"

    def run_again(x: Array, h0: Array, C0: Array, p: LSTMParams, *trace: Array) -> str:
        right = layers.lstm_forward(x, h0, C0, p)
        names = ("f", "i", "C_tilde", "C", "o", "h")
        for t in range(len(x)):
            for name, array in zip(names, trace, strict=True):
                if not np.allclose(getattr(right, name)[t], array[t]):
                    return name
        return "none"

    for seed in range(5):
        assert judge("08.wrong_line", by_one_step, seed=seed).passed
        assert judge("08.wrong_line", run_again, seed=seed).passed


def test_an_exact_comparison_is_not_taken_for_a_run_of_ones_own_alone() -> None:
    def with_equals(x: Array, h0: Array, C0: Array, p: LSTMParams, *trace: Array) -> str:
        h_prev = np.concatenate([h0[None], trace[5][:-1]])
        a_f = x @ p.W_f.T + h_prev @ p.V_f.T + p.b_f
        if np.array_equal(1 / (1 + np.exp(-a_f)), trace[0]):
            return "i"
        return "f"

    for seed in range(20):
        assert "in the last digits" in str(judge("08.wrong_line", with_equals, seed=seed).hint)


def test_the_cell_of_the_same_step_is_not_taken_for_one_word_for_every_trace() -> None:
    def unshifted(x: Array, h0: Array, C0: Array, p: LSTMParams, *trace: Array) -> str:
        f, i, C_tilde, C, _, h = trace
        h_prev = np.concatenate([h0[None], h[:-1]])
        step = cells.lstm_step(*(a.reshape(-1, a.shape[-1]) for a in (x, h_prev, C)), p)
        for name, array in {"f": f, "i": i, "C_tilde": C_tilde}.items():
            if not np.allclose(getattr(step, name).reshape(array.shape), array):
                return name
        return "h" if np.allclose(f * C + i * C_tilde, C) else "C"

    for seed in range(5):
        hint = str(judge("08.wrong_line", unshifted, seed=seed).hint)
        assert "h and C of the step before" in hint


def test_right_gradients_in_other_forms_pass() -> None:
    def as_params(*given: Any) -> Any:
        *states, dp = BACKWARD(*given)
        return *states, LSTMParams(**dp)

    def with_d(*given: Any) -> Any:
        *states, dp = STEP_BACKWARD(*given)
        return *states, {f"d{name}": array for name, array in dp.items()}

    assert judge("09.lstm_backward", as_params, seed=1).passed
    assert judge("09.lstm_step_backward", with_d, seed=1).passed
    assert judge("08.lstm_step", cells.lstm_step, seed=1).passed


def test_probes_show_a_slope_made_from_C_and_not_from_its_tanh() -> None:
    for probe in step_inputs(np.random.default_rng(8)):
        assert np.all(np.abs(probe["C_prev"]) > 0.5)
    p = random_params(np.random.default_rng(9), 40, 60)
    assert 0.45 < np.std(p.W_f) < 0.55


# what learners write: the right code, with this put in the place of that

STEP_CODE = """
def lstm_step(x_t, h_prev, C_prev, p):
    f = sigmoid(x_t @ p.W_f.T + h_prev @ p.V_f.T + p.b_f)
    i = sigmoid(x_t @ p.W_i.T + h_prev @ p.V_i.T + p.b_i)
    g = np.tanh(x_t @ p.W_g.T + h_prev @ p.V_g.T + p.b_g)
    C = f * C_prev + i * g
    o = sigmoid(x_t @ p.W_o.T + h_prev @ p.V_o.T + p.b_o)
    h = o * np.tanh(C)
    return h, C, f, i, g, o
"""

FORWARD_CODE = f"""{STEP_CODE}
def lstm_forward(x, h0, C0, p):
    hs, Cs = [], []
    h, C = h0, C0
    for t in range(len(x)):
        h, C, *_ = lstm_step(x[t], h, C, p)
        hs.append(h)
        Cs.append(C)
    return np.array(hs), np.array(Cs)
"""

STEP_BACKWARD_CODE = f"""{STEP_CODE}
def lstm_step_backward(dh_t, dC_t, x_t, h_prev, C_prev, p):
    h_t, C_t, f_t, i_t, g_t, o_t = lstm_step(x_t, h_prev, C_prev, p)
    tanh_C = np.tanh(C_t)
    do = dh_t * tanh_C
    dC = dC_t + dh_t * o_t * (1 - tanh_C ** 2)
    df = dC * C_prev
    di = dC * g_t
    dg = dC * i_t
    dC_prev = dC * f_t
    da = dict(f=df * f_t * (1 - f_t), i=di * i_t * (1 - i_t), g=dg * (1 - g_t ** 2))
    da["o"] = do * o_t * (1 - o_t)
    dx_t, dh_prev, dp = 0, 0, dict()
    for k in "figo":
        dp["W_" + k] = da[k].T @ x_t
        dp["V_" + k] = da[k].T @ h_prev
        dp["b_" + k] = da[k].sum(0)
        dx_t = dx_t + da[k] @ getattr(p, "W_" + k)
        dh_prev = dh_prev + da[k] @ getattr(p, "V_" + k)
    return dx_t, dh_prev, dC_prev, dp
"""

BACKWARD_CODE = f"""{STEP_BACKWARD_CODE}
def lstm_backward(dh, x, h0, C0, p):
    T = len(x)
    h, C = [h0], [C0]
    for t in range(T):
        h_t, C_t, *_ = lstm_step(x[t], h[-1], C[-1], p)
        h.append(h_t)
        C.append(C_t)
    dx, dp = np.zeros_like(x), dict()
    dh_next, dC_next = np.zeros_like(h0), np.zeros_like(C0)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next
        dx[t], dh_next, dC_next, grads = lstm_step_backward(dh_t, dC_next, x[t], h[t], C[t], p)
        for k in grads:
            dp[k] = dp.get(k, 0) + grads[k]
    return dx, dh_next, dC_next, dp
"""

CODE = {
    "08.lstm_step": STEP_CODE,
    "08.lstm_forward": FORWARD_CODE,
    "09.lstm_step_backward": STEP_BACKWARD_CODE,
    "09.lstm_backward": BACKWARD_CODE,
}


def written(question_id: str, *changes: tuple[str, str]) -> Callable[..., Any]:
    code = CODE[question_id]
    for right, wrong in changes:
        assert code.count(right) == 1, right
        code = code.replace(right, wrong)
    names: dict[str, Any] = {"np": np, "sigmoid": lambda a: 1 / (1 + np.exp(-a))}
    exec(code, names)
    answer: Callable[..., Any] = names[question(question_id).name]
    return answer


@pytest.mark.parametrize("question_id", CODE)
def test_the_learners_code_without_a_mistake_passes(question_id: str) -> None:
    assert judge(question_id, written(question_id), seed=5).passed


STATES = "x[t], h[t], C[t], p)"
DC = "dC_t + dh_t * o_t * (1 - tanh_C ** 2)"

WRONG: list[tuple[str, list[tuple[str, str]], str, str | None]] = [
    (
        "08.lstm_step",
        [("f * C_prev + i * g", "i * C_prev + f * g")],
        "f_t, i_t and C_tilde are right. C_t is the first to differ",
        "f and i swapped",
    ),
    (
        "08.lstm_step",
        [("o * np.tanh(C)", "o * C")],
        "f_t, i_t, C_tilde, C_t and o_t are right. h_t is the first to differ",
        "tanh missing at the output",
    ),
    (
        "08.lstm_step",
        [("h_prev @ p.V_o.T", "h_prev @ p.V_o")],
        "o_t is right whenever h_prev is zero",
        "o_t: h @ V without the transpose",
    ),
    (
        "08.lstm_step",
        [("h_prev @ p.V_g", "C_prev @ p.V_g")],
        "h_prev changes nothing in C_tilde: look at the term V_g h_{t-1}",
        "C_prev fed to C_tilde",
    ),
    (
        "08.lstm_step",
        [("C = f * C_prev + i * g", "C = f @ C_prev + i @ g")],
        "these shapes cannot be multiplied",
        "@ for *",
    ),
    (  # raises on every probe: that proves no two ideas at once
        "08.lstm_step",
        [(f"x_t @ p.W_{k}.T", f"p.W_{k} @ x_t") for k in "fi"],
        "these shapes cannot be multiplied",
        None,
    ),
    (
        "08.lstm_step",
        [("f * C_prev + i * g", "np.tanh(f * C_prev + i * g)"), (" + p.b_i", "")],
        "i_t is right whenever b_i is zero",
        "i_t: bias missing + tanh stored in C",
    ),
    (
        "08.lstm_step",
        [("sigmoid(x_t @ p.W_f", "np.tanh(x_t @ p.W_f"), (" + p.b_f", "")],
        "f_t is the first to differ",
        "f_t: bias missing + f_t: tanh for sigmoid",
    ),
    (
        "08.lstm_step",
        [("i * g", "i * g ** 2")],
        "C_t is right whenever W_g, V_g and b_g are zero, and wrong when they are not",
        None,
    ),
    (
        "08.lstm_step",
        [("h, C, f, i, g, o", "f, i, g, C, o, h")],
        "Every value is right, but they come back as f_t, i_t, C_tilde, C_t, o_t, h_t",
        None,
    ),
    (
        "08.lstm_step",
        [("h, C, f, i, g, o", "h, C, i, f, g, o")],
        "Every value is right, but they come back as h_t, C_t, i_t, f_t, C_tilde, o_t",
        "f_t and i_t in each other's place",
    ),
    (
        "08.lstm_forward",
        [("lstm_step(x[t], h, C, p)", "lstm_step(x[t], h0, C0, p)")],
        "C is right at t = 0 and wrong from t = 1 on",
        "no state carried",
    ),
    (
        "08.lstm_forward",
        [("h, C, *_ =", "C, h, *_ =")],
        "C is",
        "h and C taken in the wrong order",
    ),
    (
        "08.lstm_forward",
        [("np.array(hs), np.array(Cs)", "np.array(Cs), np.array(hs)")],
        "Every value is right, but they come back as C, h",
        "h and C returned in the wrong order",
    ),
    (
        "08.lstm_forward",
        [("hs, Cs = [], []", "hs = Cs = []"), ("        hs.append(h)\n", "")],
        "What comes back as h is C",
        "C returned as h",
    ),
    (
        "08.lstm_forward",
        [("o * np.tanh(C)", "o * C")],
        "At t = 0 C is right, but h is not",
        "tanh missing at the output",
    ),
    (
        "09.lstm_step_backward",
        [(DC, "dC_t + dh_t * o_t")],
        "dC_prev is right whenever dh_t is zero",
        "tanh' of C missing",
    ),
    (
        "09.lstm_step_backward",
        [("dC * f_t", "dC_t * f_t")],
        "The gradients by the weights of f, i, g and o, dx_t and dh_prev are right. dC_prev",
        "dC_prev without the path through h",
    ),
    (
        "09.lstm_step_backward",
        [("da[k].sum(0)", "da[k].mean(0)")],
        "dh_prev are right. db_f differs (relative error 0.5 on this check's numbers); it is right "
        "for a batch of one",
        "batch mean for sum in db",
    ),
    (
        "09.lstm_step_backward",
        [("da[k].sum(0)", "da[k]")],
        "db_f has shape (2, 4), must be (4,): unit 4; one bias serves every example",
        "db without the batch sum",
    ),
    (
        "09.lstm_step_backward",
        [('getattr(p, "V_" + k)', 'getattr(p, "V_" + k).T')],
        "dC_prev, the gradients by the weights of f, i, g and o and dx_t are right. dh_prev",
        "V for V^T",
    ),
    (
        "09.lstm_step_backward",
        [(DC, "dC_t + dh_t * (1 - tanh_C ** 2)"), ("dC_prev = dC * f_t", "dC_prev = dC")],
        "dC_prev differs",
        "o missing in dC + dC not times f",
    ),
    (
        "09.lstm_step_backward",
        [("df = dC * C_prev", "df = dC * C_t"), ("da[k].T @ h_prev", "da[k].T @ h_t")],
        "db_f differs",
        "df with C_t + dV with h_t",
    ),
    (
        "09.lstm_step_backward",
        [("di = dC * g_t", "di = 0.3 * dC * g_t")],
        "dC_prev and the gradients by the weights of f, g and o are right. db_i differs",
        None,
    ),
    (
        "09.lstm_backward",
        [("dh[t] + dh_next", "dh[t]")],
        "dx is right at the last step, and wrong from t = 3 back to the first",
        "dh of the next step dropped",
    ),
    (
        "09.lstm_backward",
        [("dp.get(k, 0) + grads[k]", "grads[k]")],
        "dx, dC0 and dh0 are right. db_f differs",
        "overwritten, not added",
    ),
    (
        "09.lstm_backward",
        [(STATES, "x[t], h[t], C[t - 1], p)")],
        "already at the last step",
        "C a step too early, step run again",
    ),
    (
        "09.lstm_backward",
        [("for t in reversed(range(T))", "for t in range(T)")],
        "right for a sequence of one step and wrong for 5",
        "from the first step to the last",
    ),
    (
        "09.lstm_backward",
        [("dh[t] + dh_next", "dh[t]"), ("dp.get(k, 0) + grads[k]", "grads[k]")],
        "dx is right at the last step",
        "dh of the next step dropped + overwritten, not added",
    ),
]


@pytest.mark.parametrize(
    ("question_id", "changes", "difference", "misconception"),
    WRONG,
    ids=[f"{question_id}-{changes[0][1]}" for question_id, changes, *_ in WRONG],
)
def test_what_a_learner_is_told(
    question_id: str, changes: list[tuple[str, str]], difference: str, misconception: str | None
) -> None:
    verdict = judge(question_id, written(question_id, *changes), seed=5)
    assert not verdict.passed
    assert difference in verdict.difference
    assert verdict.misconception == misconception


def test_an_unknown_mistake_in_a_gradient_leads_to_central_differences() -> None:
    verdict = judge(
        "09.lstm_step_backward",
        written("09.lstm_step_backward", ("di = dC * g_t", "di = 0.3 * dC * g_t")),
        seed=5,
    )
    assert "central difference" in str(verdict.hint)


def test_a_list_where_a_word_is_asked_for_is_told_so() -> None:
    told = judge("08.wrong_line", lambda *trace: ["i", "f"], 1).difference
    assert told == "line must be one word, got a list."
    told = judge("08.wrong_line", lambda *trace: 3, 1).difference
    assert told == "line must be one word, got a number."
