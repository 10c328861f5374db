"""Exercises 03, 05, 06, 07: their references against cells, layers and plain arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, layers, notebook
from rnnlab.check import judge
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import q03_two_memories as q03
from rnnlab.questions import q05_input_gate as q05
from rnnlab.questions import q06_cell_update as q06
from rnnlab.questions import q07_output_gate as q07
from rnnlab.questions import question

SOLUTIONS = Path(__file__).parent.parent / "solutions"
D, H = 3, 4


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def weights(rng: np.random.Generator) -> LSTMParams:
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    return LSTMParams(**{f"{k}_{g}": rng.normal(0, 0.5, shapes[k]) for g in "figo" for k in "WVb"})


def of(p: LSTMParams, *letters: str) -> list[Array]:
    return [getattr(p, f"{k}_{g}") for g in letters for k in "WVb"]


def reference(question_id: str) -> Any:
    return question(question_id).reference


# against the package's own references


def test_one_step_is_that_of_cells(rng: np.random.Generator) -> None:
    p = weights(rng)
    x_t, h_prev, C_prev = rng.normal(size=(2, D)), rng.normal(size=(2, H)), rng.normal(size=(2, H))
    step = cells.lstm_step(x_t, h_prev, C_prev, p)

    def same(question_id: str, given: list[Array], *right: Array) -> None:
        got = reference(question_id)(*given)
        got = got if isinstance(got, tuple) else (got,)
        for a, b in zip(got, right, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)

    same("03.erase_write_read", [C_prev, step.f, step.i, step.C_tilde, step.o], step.C, step.h)
    same("05.input_gate", [x_t, h_prev, *of(p, "i")], step.i)
    same("05.candidate", [x_t, h_prev, *of(p, "g")], step.C_tilde)
    same(
        "05.written",
        [x_t, h_prev, *of(p, "i", "g")],
        step.i,
        step.C_tilde,
        step.C - step.f * C_prev,
    )
    same("06.cell_update", [C_prev, step.f, step.i, step.C_tilde], step.C)
    same("07.hidden_state", [x_t, h_prev, step.C, *of(p, "o")], step.o, step.h)
    same("07.cell_behind", [step.h, step.o], step.C)


def test_sequences_are_those_of_layers(rng: np.random.Generator) -> None:
    p = weights(rng)
    x, h0, C0 = rng.normal(size=(5, 2, D)), rng.normal(size=(2, H)), rng.normal(size=(2, H))
    trace = layers.lstm_forward(x, h0, C0, p)
    C, h = reference("03.two_memories")(trace.f, trace.i, trace.C_tilde, trace.o, C0)
    np.testing.assert_allclose(C, trace.C, rtol=1e-12)
    np.testing.assert_allclose(h, trace.h, rtol=1e-12)
    C = reference("06.cell_states")(trace.f, trace.i, trace.C_tilde, C0)
    np.testing.assert_allclose(C, trace.C, rtol=1e-12)
    o, h = reference("07.read_out")(x, trace.C, h0, *of(p, "o"))
    np.testing.assert_allclose(o, trace.o, rtol=1e-12)
    np.testing.assert_allclose(h, trace.h, rtol=1e-12)


def test_slopes_are_the_derivatives() -> None:
    a = np.linspace(-6, 6, 13)
    slope_i, slope_g = reference("05.slopes")(cells.sigmoid(a), np.tanh(a))
    tiny = 1e-30j  # the complex step: exact to rounding
    np.testing.assert_allclose(slope_i, cells.sigmoid(a + tiny).imag / 1e-30, rtol=1e-9)
    np.testing.assert_allclose(slope_g, np.tanh(a + tiny).imag / 1e-30, rtol=1e-9)


# numbers for one's own seed, by plain loops


@pytest.mark.parametrize("seed", range(3, 40))
def test_follow_by_a_plain_loop(seed: int) -> None:
    f, i, C_tilde, o = q03.valves(seed)
    cell, seen = 0.0, 0
    for t in range(8):
        if not f[t]:
            cell = 0.0
        if i[t]:
            cell += C_tilde[t]
        seen += bool(o[t] and cell)
    assert reference("03.follow")(seed) == (seed, pytest.approx(cell), seen)


@pytest.mark.parametrize("seed", range(3, 40))
def test_steps_to_open_by_a_numeric_gradient(seed: int) -> None:
    def loss(b: float) -> float:
        return float((1 / (1 + np.exp(-b)) - 1) ** 2 / 2)

    b, steps = q05.start(seed), 0
    while b <= 0:
        b -= (loss(b + 1e-6) - loss(b - 1e-6)) / 2e-6
        steps += 1
    assert reference("05.steps_to_open")(seed) == (seed, steps)


@pytest.mark.parametrize("seed", range(3, 40))
def test_level_by_a_long_loop(seed: int) -> None:
    f, i, C_tilde = q06.leak(seed)
    C = [0.0]
    for _ in range(3000):
        C.append(f * C[-1] + i * C_tilde)
    steps = next(t for t, c in enumerate(C) if c >= C[-1] / 2)
    assert reference("06.level")(seed) == (seed, pytest.approx(C[-1], rel=1e-9), steps)


@pytest.mark.parametrize("seed", range(3, 40))
def test_blind_from_by_differences(seed: int) -> None:
    step, o = q07.counter(seed)
    h = o * np.tanh(step * np.arange(200))
    assert reference("07.blind_from")(seed) == (seed, int(np.argmax(np.diff(h) < 0.001)))


@pytest.mark.parametrize(
    ("name", "cell", "ours"),
    [
        ("03_two_memories", "valves", q03.valves),
        ("05_input_gate", "start", q05.start),
        ("06_cell_update", "leak", q06.leak),
        ("07_output_gate", "counter", q07.counter),
    ],
)
def test_the_notebook_draws_the_same_numbers(name: str, cell: str, ours: Any) -> None:
    book = notebook.read(SOLUTIONS / f"{name}.ipynb")
    source = next(notebook.source(c) for c in book["cells"] if c["id"] == cell)
    space: dict[str, Any] = {"np": np, "sigmoid": cells.sigmoid}
    exec(source, space)
    for seed in (0, 7, 12345):
        for a, b in zip(np.atleast_1d(space[cell](seed)), np.atleast_1d(ours(seed)), strict=True):
            np.testing.assert_array_equal(a, b)


# the wrong step


@pytest.mark.parametrize("what", ["erase", "write"])
def test_the_wrong_step_is_the_one_that_was_planted(what: str, rng: np.random.Generator) -> None:
    for wrong in range(5):
        f, i, C_tilde = rng.uniform(0.1, 0.9, (3, 6))
        C, before = [], 1.5
        for t in range(6):
            F = 1 if (t, what) == (wrong, "erase") else f[t]
            I = 1 if (t, what) == (wrong, "write") else i[t]  # noqa: E741
            before = F * before + I * C_tilde[t]
            C.append(before)
        assert reference("03.wrong_step")(f, i, C_tilde, 1.5, np.array(C)) == (wrong, what)


def test_the_logs_have_the_wrong_step_at_the_first_and_further_on() -> None:
    for seed in range(20):
        found = [
            q03.WRONG_STEP.reference(*log.values())
            for log in q03.WRONG_STEP.inputs(np.random.default_rng(seed))
        ]
        assert {what for t, what in found if t == 0} == {"erase", "write"}
        assert {what for t, what in found if t > 0} == {"erase", "write"}


@pytest.mark.parametrize("otherwise", [(0, "erase"), (0, "write"), None])
def test_who_never_looks_at_step_0_does_not_pass(otherwise: Any) -> None:
    def from_step_1(f: Array, i: Array, C_tilde: Array, C_0: float, C: Array) -> Any:
        for t in range(1, len(C)):
            if not np.isclose(C[t], f[t] * C[t - 1] + i[t] * C_tilde[t]):
                erase = np.isclose(C[t], C[t - 1] + i[t] * C_tilde[t])
                return t, "erase" if erase else "write"
        return otherwise

    for seed in range(20):
        assert not judge("03.wrong_step", from_step_1, seed).passed


def test_an_open_gate_is_not_taken_for_a_failure() -> None:
    def open_is_failed(f: Array, i: Array, C_tilde: Array, C_0: float, C: Array) -> Any:
        for t, before in enumerate([C_0, *C[:-1]]):
            if np.isclose(C[t], before + i[t] * C_tilde[t]):
                return t, "erase"
            if np.isclose(C[t], f[t] * before + C_tilde[t]):
                return t, "write"
        return None

    for seed in range(20):
        told = judge("03.wrong_step", open_is_failed, seed)
        assert not told.passed and told.misconception == "an open gate has failed"


# weights by hand: many answers are right, and each that is not is told why


def forget_weights(
    on_A: Any, on_B: Any, on_reset: Any, bias: float = 0.0, V: Any = 0.0
) -> tuple[Array, Array, Array]:
    """W_f by its columns, each a number or one a unit, V_f and b_f."""
    W_f = np.stack([np.broadcast_to(c, 2) for c in (on_A, on_B, on_reset)], axis=1).astype(float)
    return W_f, np.zeros((2, 2)) + V, np.full(2, bias)


def test_other_weights_forget_on_reset_too() -> None:
    for right in (
        forget_weights(5, 5, -5),
        forget_weights((0, 3), (1, 9), -20, 8.0),
        forget_weights(7, 7, -7, V=np.eye(2)),  # a say too small to matter
    ):
        assert judge("04.forget_on_reset", right, 1).passed


@pytest.mark.parametrize(
    ("weights", "words", "hint"),
    [
        (forget_weights(-6, -6, 6), "open (above 0.5) on A and B", "just the other way round"),
        (forget_weights(-4, -4, 4), "open (above 0.5) on A and B", "just the other way round"),
        (forget_weights(0, 0, -3, 5.0), "closed (below 0.5) on reset", "keeps whatever comes"),
        (forget_weights(-3, -3, -9), "open (above 0.5) on A and B", "clears whatever comes"),
        (forget_weights(0, 0, -9), "open (above 0.5) on A and B", "sigmoid(0) is only 0.5"),
        (forget_weights(0, 0, (-9, 0), 4.0), "closed (below 0.5) on reset", "Unit 2 is open"),
        (forget_weights(0, 0, (0, -9), 4.0), "closed (below 0.5) on reset", "Unit 1 is open"),
        (forget_weights(4, 4, -4), "does not keep well enough", "sigmoid(4.6)"),
        (forget_weights(3, 3, -3), "does not keep well enough", "sigmoid(4.6)"),
        (forget_weights(0, 0, -8, 4.0), "does not keep well enough", "sigmoid(4.6)"),
        (forget_weights(4, (9, 4), -9), "does not keep well enough", "sigmoid(4.6)"),
        (forget_weights(6, 6, -4), "does not clear well enough", "sigmoid(-4.6)"),
        (forget_weights(5, 5, -5, V=np.eye(2)), "wrong for some h_prev", "no say at all"),
        (forget_weights(5, 5, -5, V=0.5), "wrong for some h_prev", "no say at all"),
        (forget_weights(9, 9, -9, V=[[3, -3], [0, 0]]), "wrong for some h_prev", "no say at all"),
    ],
)
def test_the_first_thing_that_the_forget_gate_gets_wrong(
    weights: Any, words: str, hint: str
) -> None:
    for seed in range(3):
        verdict = judge("04.forget_on_reset", weights, seed)
        assert not verdict.passed and words in verdict.difference
        assert hint in (verdict.hint or "")


def test_units_that_go_two_other_ways_are_not_told_what_one_does() -> None:
    one_mirrored = forget_weights((9, -9), (9, -9), (-9, 9))
    verdict = judge("04.forget_on_reset", one_mirrored, 1)
    assert "closed (below 0.5) on reset" in verdict.difference and verdict.misconception is None


@pytest.mark.parametrize(
    ("belt", "mistake"),
    [
        (lambda f, C_0: np.stack([f[t] ** (t + 1) * C_0 for t in range(len(f))]), "to the power t"),
        (lambda f, C_0: f.cumprod(-1) * C_0, "along the units"),
        (lambda f, C_0: np.cumprod(f, 1) * C_0, "along the batch"),
    ],
)
def test_a_belt_with_the_gates_of_the_wrong_steps_is_told_so(belt: Any, mistake: str) -> None:
    for seed in range(5):
        assert mistake in (judge("04.belt", belt, seed).misconception or "")


def test_a_factor_of_the_gradient_left_out_is_not_called_the_slope_alone() -> None:
    def steps_to_open(seed: int = 3) -> tuple[int, int]:
        b, steps = q05.start(seed), 0
        while (i := 1 / (1 + np.exp(-b))) <= 0.5:
            b -= (i - 1) * i
            steps += 1
        return seed, steps

    assert "three factors" in (judge("05.steps_to_open", steps_to_open(), 1).hint or "")


def test_two_forms_of_one_mistake_are_told_once() -> None:
    # with this seed, reading that empties the cell leaves 0 whether or not the last one counts
    hint = judge("03.follow", lambda: (5, 0, 2), 1).hint or ""
    assert "fits more than one" in hint and hint.count("Reading makes a copy") == 1


def by_token(*sums: tuple[float, float, float]) -> tuple[Array, ...]:
    """W and b, a pair for each gate, with no bias at all."""
    return tuple(a for s in sums for a in (np.array([s]), np.zeros(1)))


def test_other_weights_count_too() -> None:
    assert judge(
        "06.count_weights", by_token((30, 17, -9), (25, -30, -9), (9, 0.3, -0.2)), 1
    ).passed
    # two wrongs that make a right: the gate is open on B, the candidate is nothing
    assert judge("06.count_weights", by_token((30, 30, -30), (30, 30, 30), (20, 0, 0)), 1).passed


def test_other_weights_count_on_demand_too() -> None:
    small = by_token((25, 25, 25), (-2.2, -30, -30), (20, 20, 20), (-6, -6, 6))
    assert judge("07.count_on_demand", small, 1).passed
    nothing_on_b = by_token((25, 25, 25), (30, 30, 30), (0.12, 0, 0), (-9, -9, 3))
    assert judge("07.count_on_demand", nothing_on_b, 1).passed


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (by_token((20, 20, -20), (20, -20, -20), (-0.3, 1, 1)), "one A should leave 1"),
        (by_token((2, 20, -20), (20, -20, -20), (20, 1, 1)), "five of them do not leave 5"),
        (by_token((20, 1, -20), (20, -20, -20), (20, 1, 1)), "B should leave the count"),
        (by_token((20, 20, 1), (20, -20, -20), (20, 1, 1)), "reset the cell should be empty"),
        (by_token((20, 9, -20), (20, -20, -20), (20, 1, 1)), "over 2000 tokens"),
    ],
)
def test_the_first_thing_that_the_counter_gets_wrong(answer: Any, words: str) -> None:
    verdict = judge("06.count_weights", answer, seed=1)
    assert not verdict.passed and words in verdict.difference


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (by_token((20, 20, 20), (20, -20, -20), (0.1, 1, 1), (-20, -20, 1)), "above 0.9"),
        (by_token((20, 20, 20), (20, -20, -20), (0.1, 1, 1), (-4, -4, 20)), "within 0.01"),
        (by_token((20, 20, 20), (20, -1, -20), (0.1, 1, 1), (-20, -20, 20)), "with B in it"),
        (by_token((20, 20, 20), (20, -20, -20), (-0.2, 1, 1), (-20, -20, 20)), "does not rise"),
        (by_token((20, 20, 20), (20, -20, -20), (0.3, 1, 1), (-20, -20, 20)), "at least 0.02"),
        (by_token((20, 20, 4), (20, -20, -20), (0.1, 1, 1), (-20, -20, 20)), "asking changes"),
        (by_token((20, 8, 20), (20, -20, -20), (0.1, 1, 1), (-20, -20, 20)), "some hundred B"),
    ],
)
def test_the_first_thing_that_the_silent_counter_gets_wrong(answer: Any, words: str) -> None:
    verdict = judge("07.count_on_demand", answer, seed=1)
    assert not verdict.passed and words in verdict.difference


# answers in other forms


def test_words_and_numbers_in_odd_forms_pass() -> None:
    assert judge("06.corners", lambda: (" Keep", "CLEAR", "replace", "Add "), 1).passed
    assert judge("03.follow", lambda: [7, 0, 1], 1).passed
    assert judge("07.blind_from", lambda: (7, 31.0), 1).passed


def test_weights_of_another_shape_are_told_their_shape() -> None:
    flat = (np.zeros(3), np.zeros(1))
    for question_id, gates in (("06.count_weights", 3), ("07.count_on_demand", 4)):
        verdict = judge(question_id, flat * gates, 1)
        assert "W_f has shape (3,), must be (1, 3): unit 1, token 3" in verdict.difference


def test_a_word_that_is_none_of_the_four_is_told_which_there_are() -> None:
    verdict = judge("06.corners", lambda: ("erase", "clear", "replace", "add"), 1)
    assert "keep, clear, replace, add" in verdict.difference


def test_two_mistakes_in_the_update_are_both_named() -> None:
    verdict = judge("06.cell_update", lambda C, f, i, g: (1 - f) * C + g, 1)
    assert verdict.misconception == "1 - f + no input gate"


def test_a_seed_that_is_none_is_told_kindly() -> None:
    assert "Your seed cannot be used" in judge("06.level", lambda: (-3, 1.0, 2), 1).difference


def test_a_number_that_two_mistakes_give_is_told_both() -> None:
    verdict = judge("07.blind_from", lambda: (7, 32))  # 31 is right
    assert verdict.misconception == "output gate left out or the n after"
    assert "gate were wide open" in str(verdict.hint) and "One too far" in str(verdict.hint)
    verdict = judge("07.blind_from", lambda: (2, reference("07.blind_from")(2)[1] + 1))
    assert verdict.misconception == "the n after"


def test_a_coincidence_on_one_log_is_no_answer() -> None:
    verdict = judge("03.wrong_step", lambda f, i, g, C_0, C: (2, "erase"), 1)
    assert not verdict.passed and verdict.misconception is None


@pytest.mark.parametrize(
    ("name", "cell", "question_id", "mistake"),
    [
        ("03_two_memories", "broken-memories", "03.two_memories", "h carried for C"),
        ("05_input_gate", "broken-write", "05.written", "squashes exchanged"),
        ("06_cell_update", "broken-states", "06.cell_states", "forget gate on the sum"),
        ("07_output_gate", "broken-read", "07.read_out", "the gate looks at the cell"),
    ],
)
def test_who_hands_in_the_broken_code_is_told_what_is_broken(
    name: str, cell: str, question_id: str, mistake: str
) -> None:
    book = notebook.read(SOLUTIONS / f"{name}.ipynb")
    source = next(notebook.source(c) for c in book["cells"] if c["id"] == cell)
    space: dict[str, Any] = {"np": np, "sigmoid": cells.sigmoid}
    exec(source, space)
    assert judge(question_id, space[cell.replace("-", "_")], 1).misconception == mistake
