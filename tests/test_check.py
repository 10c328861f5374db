"""The words of a check, stage by stage, on answers that learners write."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from rnnlab.cells import lstm_step, rnn_step
from rnnlab.check import NotYet, Verdict, check, judge
from rnnlab.check.judging import Judgement
from rnnlab.params import Array, RNNParams
from rnnlab.questions import Misconception, Question, question
from rnnlab.questions.derivation import Derivation, Mistake, made_in

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


def test_none_for_some_inputs_only() -> None:
    def never_looks_at_step_0(f: Array, i: Array, C_tilde: Array, C_0: float, C: Array) -> object:
        for t in range(1, len(C)):
            kept, written = f[t] * C[t - 1], i[t] * C_tilde[t]
            if not np.isclose(C[t], kept + written):
                return t, "erase" if np.isclose(C[t], C[t - 1] + written) else "write"
        return None

    words = judge("03.wrong_step", never_looks_at_step_0, 1).difference
    assert "returns a value for one input and None for another" in words


def test_an_exception_shows_the_learners_line_and_what_came_in() -> None:
    def crash(x_t: Array, h_prev: Array, W_f: Array, V_f: Array, b_f: Array) -> Array:
        a_f = x_t @ W_f
        return a_f

    words = says(crash)
    assert "raised ValueError: these shapes cannot be multiplied: 3 meets 4" in words
    assert "at your line `a_f = x_t @ W_f`" in words
    assert "in came x_t (2, 3), W_f (4, 3). It runs with x_t (3, 4), W_f (4, 4): equal si" in words
    assert "Look for a .T that is missing" in words
    assert "Print the shapes of what meets there" in words


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


@pytest.mark.parametrize(
    ("question_id", "answer"),
    [
        ("04.half_life", lambda f: ["a"] * 2_000 + ["x" * 50_000]),
        ("04.half_life", lambda f: [np.zeros(2**14, "i1")] * 300 + [np.zeros(2**14, complex)]),
        ("10.chrono_biases", lambda *_: (np.zeros((10_000, 1)), np.zeros(10_000))),
    ],
)
def test_a_small_answer_never_grows_large(question_id: str, answer: Any) -> None:
    tracemalloc.start()
    try:
        assert not judge(question_id, answer, 1).passed
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_a_shape_without_named_axes_is_not_called_one_number() -> None:
    def a_row(f: Any, x: Array, step: float) -> Array:
        return np.zeros(len(x))

    words = judge("09.central_difference", a_row, seed=3).difference
    assert "gradient has shape (2,), must be (2, 3); in came x (2, 3)" in words


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
    assert "look at what happens to the sum" in verdict.difference
    assert "Start from there." in str(verdict.hint)
    none = judge("04.half_life", lambda f: np.log(0.5) / np.log(f) + np.sin(9 * f), seed=1)
    assert none.misconception is None and "not the right values" in none.difference
    assert "I do not recognise the mistake" in str(none.hint)


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


# a small question of several parts, to see how the words are put together

_TWO_GATES = Derivation(
    ("x_t", "h_prev", "C_prev", "f", "i"),
    {
        "u": lambda s: np.tanh(s.x_t + s.h_prev),
        "kept": lambda s: s.f * s.C_prev,
        "C_t": lambda s: s.kept + s.i * s.u,
    },
    returns=("C_t", "kept", "u"),
)


def _two_gates_inputs(rng: np.random.Generator) -> list[dict[str, Array]]:
    return [
        {name: rng.uniform(0.2, 0.9, (B, H)) for name in _TWO_GATES.arguments}
        for B, H in ((2, 3), (3, 4), (1, 2))
    ]


PARTS = Question(
    id="99.two_gates",
    kind="function",
    title="two gates",
    points=1,
    inputs=_two_gates_inputs,
    reference=_TWO_GATES,
    returns=("C_t", "kept", "u"),
    flow=("u", "kept", "C_t"),
    axes=dict.fromkeys(("C_t", "kept", "u"), ("batch", "unit")),
    input_axes=dict.fromkeys(_TWO_GATES.arguments, ("batch", "unit")),
    terms={"C_t": {"f": "f * C_{t-1}", "i": "i * u"}},
    hints=("one", "two", "three"),
    parallel="a parallel problem",
    misconceptions=made_in(
        _TWO_GATES,
        (
            Mistake("no tanh", "What squashes?", {"u": lambda s: s.x_t + s.h_prev}),
            Mistake("f + C", "A gate multiplies.", {"kept": lambda s: s.f + s.C_prev}),
            Mistake("no input gate", "What holds u back?", {"C_t": lambda s: s.kept + s.u}),
        ),
    ),
)


def on_parts(answer: object) -> Verdict:
    return Judgement(PARTS, answer, 3).verdict()


def two_gates(x: Array, h: Array, C: Array, f: Array, i: Array) -> tuple[Array, Array, Array]:
    u = np.tanh(x + h)
    return f * C + i * u, f * C, u


def test_parts_are_compared_in_the_order_of_the_data() -> None:
    assert on_parts(two_gates).passed
    verdict = on_parts(
        lambda x, h, C, f, i: (f * C + i * np.tanh(x + h) ** 2, f * C, np.tanh(x + h))
    )
    assert verdict.difference.startswith("u and kept are right. C_t is the first to differ.")
    assert "right whenever i is zero, and wrong when it is not: look at the term i * u" in (
        verdict.difference
    )


def test_two_mistakes_at_once_are_both_named() -> None:
    verdict = on_parts(lambda x, h, C, f, i: (f + C + i * (x + h), f + C, x + h))
    assert verdict.misconception == "no tanh + f + C"
    assert verdict.hint == ("Two things at once. First: What squashes? Then: A gate multiplies.")
    assert verdict.difference.startswith("u is the first to differ")


def test_a_known_mistake_before_an_unknown_one_is_named() -> None:
    verdict = on_parts(lambda x, h, C, f, i: ((f * C) ** 2, f * C, x + h))
    assert verdict.misconception == "no tanh"
    assert verdict.hint == "What squashes? Then run the check again: there is more."


def test_named_results_come_in_any_order_and_extra_ones_are_refused() -> None:
    class Result(NamedTuple):
        u: Array
        C: Array
        kept: Array

    def named(*a: Array) -> Result:
        C, kept, u = two_gates(*a)
        return Result(u=u, C=C, kept=kept)

    assert on_parts(named).passed
    assert on_parts(lambda *a: dict(zip(("C_t", "kept", "u"), two_gates(*a), strict=True))).passed
    more = on_parts(lambda *a: (*two_gates(*a), 1.0))
    assert "returns 4 values, 1 value more than asked for. Return only C_t, kept and u" in (
        more.difference
    )
    assert "must return C_t, kept and u, in this order; got 2 values" in (
        on_parts(lambda *a: two_gates(*a)[:2]).difference
    )
    swapped = on_parts(lambda *a: two_gates(*a)[::-1])
    assert swapped.difference == (
        "Every value is right, but they come back as u, kept, C_t; please return C_t, kept, u, in "
        "this order."
    )


def test_the_words_use_the_learners_names() -> None:
    def mine(x: Array, hidden: Array, cell: Array, forget: Array, write: Array) -> Any:
        cell *= forget
        return two_gates(x, hidden, cell, 1.0, write)

    assert on_parts(mine).difference.startswith(
        "Your result is right, but cell is not what came in"
    )

    def crash(x: Array, hidden: Array, cell: Array, forget: Array, write: Array) -> Any:
        raise KeyError("gate")

    assert "in came x (2, 3), hidden (2, 3), cell" in on_parts(crash).difference


def test_a_pattern_is_named_where_no_term_is() -> None:
    def scaled(factor: float) -> str:
        return on_parts(
            lambda *a: (two_gates(*a)[0], factor * two_gates(*a)[1], two_gates(*a)[2])
        ).difference

    assert "Every value of kept has the other sign." in scaled(-1.0)
    assert "Every value of kept is 0.5 times what it must be." in scaled(0.5)


_GRADS = Question(
    id="99.dense_backward",
    kind="function",
    title="backward of h = tanh(W x + V h + b), before the tanh",
    points=1,
    inputs=lambda rng: [
        {name: rng.normal(size=(T, B, n)) for name, n in (("da", H), ("x", D), ("h", H))}
        for T, B, D, H in ((5, 2, 3, 4), (4, 3, 2, 2))
    ],
    reference=lambda da, x, h: RNNParams(
        np.einsum("tbh,tbd->hd", da, x), np.einsum("tbh,tbk->hk", da, h), da.sum((0, 1))
    ),
    returns=("dp",),
    axes={},
    input_axes=dict.fromkeys(("da", "x", "h"), ("time", "batch", "unit")),
    gradients=True,
    hints=("one", "two", "three"),
    parallel="a parallel problem",
    misconceptions=(),
)


def test_gradients_by_weights_say_which_are_right_and_what_makes_the_difference() -> None:
    def told(change: Any, keys: str = "W V b") -> str:
        def answer(da: Array, x: Array, h: Array) -> dict[str, Array]:
            p = dict(_GRADS.reference(da, x, h).items())
            return {name: change(name, p[name], len(da), da.shape[1]) for name in keys.split()}

        return Judgement(_GRADS, answer, 4).verdict().difference

    assert told(lambda name, d, T, B: d) == ""
    words = told(lambda name, d, T, B: d / B if name == "b" else d)
    assert "dW and dV are right. db differs (relative error 0.5 on this check's numbers)" in words
    assert "right for a batch of one and wrong for 2: look at what happens over the batch" in words
    words = told(lambda name, d, T, B: d / T if name == "V" else d)
    assert "dV differs" in words and "right for a sequence of one step and wrong for 5" in words
    assert "dp lacks dV: a gradient has the key of its weight" in told(
        lambda name, d, T, B: d, "W b"
    )
    as_names = Judgement(
        _GRADS, lambda da, x, h: {f"d{k}": v for k, v in _GRADS.reference(da, x, h).items()}, 4
    )
    assert as_names.verdict().passed
    assert Judgement(_GRADS, _GRADS.reference, 4).verdict().passed


_GUESS = Question(
    id="99.die",
    kind="number",
    title="the first throw",
    points=1,
    inputs=lambda rng: [{}],
    reference=lambda seed=3: (seed, int(np.random.default_rng(seed).integers(6))),
    returns=("seed", "throw"),
    own=("seed",),
    axes={"seed": (), "throw": ()},
    hints=("one", "two", "three"),
    parallel="a parallel problem",
    misconceptions=(
        Misconception(
            "counted from 1",
            "A die here shows 0 to 5.",
            lambda seed=3: (seed, int(np.random.default_rng(seed).integers(6)) + 1),
        ),
    ),
)


def test_a_value_is_an_answer_where_nothing_goes_in() -> None:
    throw = int(np.random.default_rng(71).integers(6))
    assert Judgement(_GUESS, (71, throw), None).verdict().passed
    assert Judgement(_GUESS, lambda: (71, throw), None).verdict().passed
    verdict = Judgement(_GUESS, (71, throw + 1), None).verdict()
    assert (verdict.misconception, verdict.hint) == ("counted from 1", "A die here shows 0 to 5.")
    assert "Your seed cannot be used" in Judgement(_GUESS, (-1, 3), None).verdict().difference
    assert Judgement(_GUESS, (71.0, throw), None).verdict().passed
    exchanged = Judgement(_GUESS, (0.5, 71), None).verdict().difference
    assert "must be a whole number, and is 0.5. What is asked for is seed and throw" in exchanged
    for seed, seen in (
        (np.zeros((2, 3)), "of shape (2, 3)"),
        ([7, 1], "of shape (2,)"),
        ("7", "'7'"),
    ):
        said = Judgement(_GUESS, (seed, throw), None).verdict().difference
        assert f"must be a whole number, and is {seen}. What is asked for" in said
    assert "must be a function, die(); it is of type NoneType" in (
        Judgement(_GUESS, None, None).verdict().difference
    )


def test_time_is_limited_even_for_who_catches_everything() -> None:
    quick = replace(PARTS, time_limit=0.2)

    def endless(*a: Array) -> None:
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    begin = time.monotonic()
    verdict = Judgement(quick, endless, 3).verdict()
    assert "gave no answer: it took longer than 0.2 s" in verdict.difference
    assert time.monotonic() - begin < 5


def test_after_the_third_hint_comes_a_parallel_problem() -> None:
    with pytest.raises(
        AssertionError, match=r"Hint 3: (.|\n)*A parallel problem, solved:\n"
    ) as told:
        check(ID, lambda x, h, W, V, b: right(x, h, W, V, 0 * b), hint=3)
    assert question(ID).parallel in str(told.value)
    with pytest.raises(AssertionError) as told:
        check(ID, lambda x, h, W, V, b: right(x, h, W, V, 0 * b), hint=2)
    assert "parallel" not in str(told.value)


def test_a_step_of_one_named_result_passes_as_it_is() -> None:
    assert judge("01.rnn_step", rnn_step, seed=2).passed


@pytest.mark.parametrize("name", ["08.lstm_step", "08.lstm_forward", "14.gru_backward"])
def test_a_slip_of_the_pen_is_no_misconception(name: str) -> None:
    def slip(*a: object) -> None:
        raise NameError("name 'sigmiod' is not defined")

    def four(a: Any, b: Any, c: Any, d: Any) -> None:
        slip()

    def five(a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
        slip()

    takes = {4: four, 5: five}
    given = question(name).given(question(name).inputs(np.random.default_rng(0))[0])
    verdict = judge(name, takes[len(given)], seed=0)
    assert "raised NameError: name 'sigmiod' is not defined" in verdict.difference
    assert verdict.misconception is None


def _packed(x: Array, h: Array, C: Array, p: Any) -> tuple[Array, ...]:
    W, V, b = p.packed("gofi")
    g, o, f, i = np.split(x @ W.T + h @ V.T + b, 4, axis=-1)
    f, i, o = (1 / (1 + np.exp(-a)) for a in (f, i, o))
    new = f * C + i * np.tanh(g)
    return o * np.tanh(new), new, f, i, np.tanh(g), o


def _einsum(x: Array, h: Array, C: Array, p: Any) -> dict[str, Array]:
    def a(gate: str) -> Array:
        W, V, b = (getattr(p, f"{k}_{gate}") for k in "WVb")
        return np.einsum("...d,hd->...h", x, W) + np.einsum("hk,...k->...h", V, h) + b

    f, i, o = (0.5 + 0.5 * np.tanh(a(gate) / 2) for gate in "fio")
    new = f * C + i * np.tanh(a("g"))
    return {"C": new, "h": o * np.tanh(new), "o": o, "C_tilde": np.tanh(a("g")), "i": i, "f": f}


def _joined(x: Array, h: Array, C: Array, p: Any) -> list[Array]:
    both = np.concatenate([x, h], axis=1).astype(np.float32)
    joined = {g: np.hstack([getattr(p, f"W_{g}"), getattr(p, f"V_{g}")]) for g in "figo"}
    a = {g: both @ M.T.astype(np.float32) + getattr(p, f"b_{g}") for g, M in joined.items()}
    f, i, o = ((1 / (1 + np.exp(-a[g]))).astype(np.float32) for g in "fio")
    new = (f * C + i * np.tanh(a["g"])).astype(np.float32)
    return [(o * np.tanh(new)).astype(np.float32), new, f, i, np.tanh(a["g"]).astype("f4"), o]


def _loops(x: Array, h: Array, C: Array, p: Any) -> list[Any]:
    out = [np.zeros_like(C) for _ in range(6)]
    for n in range(len(C)):
        for k in range(C.shape[1]):
            a = {
                g: sum(getattr(p, f"W_{g}")[k, d] * x[n, d] for d in range(x.shape[1]))
                + sum(getattr(p, f"V_{g}")[k, m] * h[n, m] for m in range(h.shape[1]))
                + getattr(p, f"b_{g}")[k]
                for g in "figo"
            }
            f, i, o = (1 / (1 + np.exp(-a[g])) for g in "fio")
            new = f * C[n, k] + i * np.tanh(a["g"])
            for array, value in zip(
                out, (o * np.tanh(new), new, f, i, np.tanh(a["g"]), o), strict=True
            ):
                array[n, k] = value
    return [array.tolist() for array in out]


@pytest.mark.parametrize("answer", [lstm_step, _packed, _einsum, _joined, _loops])
def test_a_whole_step_passes_in_any_style(answer: Any) -> None:
    for seed in range(3):
        assert judge("08.lstm_step", answer, seed=seed) == Verdict(True)


def test_a_known_mistake_is_not_searched_for_around_its_terms() -> None:
    def swapped(x: Array, h: Array, C: Array, p: Any) -> tuple[Array, ...]:
        _, _, f, i, C_tilde, o = lstm_step(x, h, C, p)
        new = i * C + f * C_tilde
        return o * np.tanh(new), new, f, i, C_tilde, o

    verdict = judge("08.lstm_step", swapped, seed=1)
    assert verdict.difference == "f_t, i_t and C_tilde are right. C_t is the first to differ."
    assert "what does f_t multiply" in str(verdict.hint)
