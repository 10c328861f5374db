"""The words of a check, stage by stage, on answers that learners write."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from rnnlab.check import NotYet, Verdict, check, judge
from rnnlab.params import Array

ID = "04.forget_gate"
NAMES = "forget_gate(x_t, h_prev, W_f, V_f, b_f)"


def right(x_t: Array, h_prev: Array, W_f: Array, V_f: Array, b_f: Array) -> Array:
    gate: Array = 1 / (1 + np.exp(-(x_t @ W_f.T + h_prev @ V_f.T + b_f)))
    return gate


def says(answer: object) -> str:
    verdict = judge(ID, answer, seed=3)
    assert not verdict.passed
    return f"{verdict.difference} {verdict.hint or ''}"


@pytest.mark.parametrize(
    "answer",
    [
        right,
        lambda *a: right(*a),
        lambda x, h, W, V, b: 0.5 * (1 + np.tanh(0.5 * (W @ x.T + V @ h.T + b[:, None]))).T,
        lambda x, h, W, V, b: (
            1 / (1 + np.exp(-(np.hstack([x, h]) @ np.hstack([W, V]).T + b)))
        ),
        lambda x, h, W, V, b: right(x, h, W, V, b).tolist(),
        lambda *a: right(*(v.astype(np.float32) for v in a)),
        lambda x, h, W, V, b: np.array([[right(x[n], h[n], W, V, b)[k] for k in range(len(b))]
                                        for n in range(len(x))]),
        lambda x, h, W, V, b: np.asmatrix(right(x, h, W, V, b)),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_right_answers_in_odd_styles_pass(answer: Any) -> None:
    assert judge(ID, answer, seed=3) == Verdict(True)


def test_calling_comes_first() -> None:
    assert f"must be a function, {NAMES}; it is of type int" in says(3)
    assert f"must take 5 arguments, {NAMES}; yours takes (x, h)" in says(lambda x, h: x)


def test_stub_gets_a_kind_first_step() -> None:
    def stub(x_t: Array, h_prev: Array, W_f: Array, V_f: Array, b_f: Array) -> Array:
        raise NotImplementedError

    assert "still the empty stub" in says(stub)
    assert "weighted sum" in says(stub)


def test_none_and_print() -> None:
    assert "returns None: end it with a return statement" in says(lambda x, h, W, V, b: None)
    words = says(lambda x, h, W, V, b: print(right(x, h, W, V, b)))
    assert "prints its result but returns None" in words


def test_an_exception_shows_the_learners_line_and_what_came_in() -> None:
    def crash(x_t: Array, h_prev: Array, W_f: Array, V_f: Array, b_f: Array) -> Array:
        a_f = x_t @ W_f
        return a_f

    words = says(crash)
    assert "raised ValueError: these shapes cannot be multiplied (4 is not 3)" in words
    assert "at your line `a_f = x_t @ W_f`" in words
    assert "x_t (2, 3), h_prev (2, 4), W_f (4, 3)" in words
    assert "It runs with other sizes; in came x_t (3, 4)" in words


def test_sys_exit_and_recursion_are_answers_too() -> None:
    def leave(*a: Array) -> None:
        sys.exit(3)

    def deep(*a: Array) -> Array:
        return deep(*a)

    assert "raised SystemExit: 3" in says(leave)
    assert "raised RecursionError" in says(deep)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda f: f.T, "has shape (4, 2), must be (2, 4): batch 2, unit 4; it looks transposed"),
        (lambda f: f[None], "an axis of length 1 too many"),
        (lambda f: f[0], "the first axis is missing"),
        (lambda f: np.round(f).astype(int), "dtype int64, which cuts off fractions"),
        (lambda f: f * np.nan, "f_t holds NaN"),
        (lambda f: f / 0.0, "f_t holds inf"),
        (lambda f: f.astype(object), "must be an array of real numbers, got an array of object"),
        (lambda f: [[1.0], [1.0, 2.0]], "its rows differ in length"),
        (lambda f: f + 0j, "must be an array of real numbers, got an array of complex128"),
        (lambda f: "open", "must be an array of real numbers, got a str"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_form(wrong: Any, words: str) -> None:
    assert words in says(lambda *a: wrong(right(*a)))


@pytest.mark.torch
def test_a_torch_tensor_is_named() -> None:
    torch = pytest.importorskip("torch")
    assert "is a torch tensor; asked for is a NumPy array: .numpy() makes one" in says(
        lambda *a: torch.from_numpy(right(*a))
    )


def test_an_input_changed_in_place_is_named() -> None:
    def spoil(x_t: Array, h_prev: Array, W_f: Array, V_f: Array, b_f: Array) -> Array:
        f_t = right(x_t, h_prev, W_f, V_f, b_f)
        h_prev *= f_t
        return f_t

    assert "Your f_t is right, but h_prev is not what came in" in says(spoil)


def test_where_it_differs_first() -> None:
    def first_only(*a: Array) -> Array:
        f_t = right(*a)
        f_t[1:] = f_t[0]
        return f_t

    def belt_late(f: Array, C_0: Array) -> Array:
        C = np.cumprod(f, axis=0) * C_0
        C[2:] = 0.1
        return C

    assert "right for the first example of the batch only" in says(first_only)
    assert "right whenever b is zero, and wrong when it is not: look at the term b_f" in says(
        lambda x, h, W, V, b: right(x, h, W, V, 3 * b)
    )
    assert "right whenever h is zero" in says(lambda x, h, W, V, b: right(x, -h, W, V, b))
    assert "with every term zero" in says(lambda *a: right(*a) ** 2)
    assert "right at t = 0 and wrong from t = 2 on" in judge("04.belt", belt_late, 1).difference


def test_an_unknown_mistake_gets_a_ladder_and_no_guess() -> None:
    verdict = judge(ID, lambda x, h, W, V, b: right(x, h, W, V, b) ** 3, seed=1)
    assert verdict.misconception is None
    assert "I do not recognise the mistake" in str(verdict.hint)


def test_a_match_on_one_probe_only_is_no_match() -> None:
    calls: list[int] = []

    def fickle(x: Array, h: Array, W: Array, V: Array, b: Array) -> Array:
        calls.append(1)
        return right(x, h, W, V, 0 * b if len(calls) == 1 else 5 * b)

    assert judge(ID, fickle, seed=1).misconception is None


def test_judge_is_silent_and_same_seed_same_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(*a: Array) -> Array:
        print("hello")
        return right(*a) ** 2

    assert judge(ID, chatty, seed=8) == judge(ID, chatty, seed=8)
    assert capsys.readouterr().out == ""


def test_check_prints_a_pass_and_raises_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    check(ID, right)
    assert capsys.readouterr().out == "04.forget_gate: passed, 3 points.\n"
    with pytest.raises(AssertionError, match="right whenever b is zero"):
        check(ID, lambda x, h, W, V, b: right(x, h, W, V, 0 * b))
    with pytest.raises(AssertionError, match=r"Hint 1: (.|\n)*Hint 2: ") as caught:
        check(ID, lambda x, h, W, V, b: right(x, h, W, V, 0 * b), hint=2)
    assert "Hint 3" not in str(caught.value)


def test_check_shows_the_learners_own_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(*a: Array) -> Array:
        print(a[0].shape)
        return right(*a)

    check(ID, chatty)
    assert capsys.readouterr().out.startswith("(2, 3)\n04.forget_gate: passed")


def test_wrong_use_of_check_raises_value_error() -> None:
    with pytest.raises(ValueError, match="hint must be 1, 2 or 3, got 4"):
        check(ID, right, hint=4)
    with pytest.raises(ValueError, match="question: id must be one of"):
        judge("forget_gate", right)


def test_in_a_notebook_words_are_an_escaped_block() -> None:
    script = """
import json
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
cell = '''
from rnnlab.check import check
def forget_gate(x_t, h_prev, W_f, V_f, b_f):
    raise KeyError("<b>bold</b>")
check("04.forget_gate", forget_gate)
'''
with capture_output() as shown:
    result = shell.run_cell(cell)
assert isinstance(result.error_in_exec, AssertionError)
data = shown.outputs[0].data
assert "&lt;b&gt;" in data["text/html"] and "<b>" not in data["text/html"]
assert "not yet" in data["text/plain"] and 'raise KeyError("<b>' in data["text/plain"]
assert "Traceback" not in shown.stdout + shown.stderr, shown.stdout
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_not_yet_shows_no_frames() -> None:
    assert NotYet("words")._render_traceback_() == ["NotYet: words"]
