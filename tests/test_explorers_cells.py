"""Explorers of one cell without a browser: values, errors, a learner's own step, what stands in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlab.cells import gru_step, lstm_step, sigmoid
from rnnlab.explorers import CellAndHidden, GRUDial, LSTMStepExplorer, Saturation, TokenBelt
from rnnlab.explorers.explorer import fixed
from rnnlab.params import GRUParams, LSTMParams

VIEW = "application/vnd.jupyter.widget-view+json"


def check_stands_in(first: Any, again: Any, other: Any) -> None:
    """Text and picture depend on the values alone, and on all of them."""
    data, metadata = first._repr_mimebundle_()
    same, _ = again._repr_mimebundle_()
    changed, _ = other._repr_mimebundle_()
    for kind in ("text/plain", "image/png"):
        assert data[kind] == same[kind] != changed[kind]
    assert metadata["image/png"]["alt"] in data["text/plain"]
    assert data["text/plain"].startswith(first.question)
    assert data[VIEW]["model_id"]
    assert "0x" not in data["text/plain"] + repr(first)


def weights(rng: np.random.Generator, D: int = 1, H: int = 1) -> LSTMParams:
    """Weights without a zero, biases too."""
    drawn = LSTMParams.init(D, H, rng)
    return LSTMParams(**{name: rng.normal(size=array.shape) for name, array in drawn.items()})


def test_the_wires_carry_what_the_reference_cell_computes() -> None:
    p = weights(np.random.default_rng(30))
    step = LSTMStepExplorer(p=p, x=0.7, h_prev=-0.4, C_prev=1.3)
    v = step.values()
    h, C, f, i, C_tilde, o = lstm_step(np.array([0.7]), np.array([-0.4]), np.array([1.3]), p)
    for got, want in zip(
        (v.h, v.C, v.f, v.i, v.C_tilde, v.o), (h, C, f, i, C_tilde, o), strict=True
    ):
        assert got == want[0]
    assert v.f == pytest.approx(float(sigmoid(np.array(v.a_f))), abs=1e-15)
    assert (v.kept + v.written, v.o * v.tanh_C) == pytest.approx((v.C, v.h), abs=1e-15)


def test_the_presets_give_the_gates_that_they_speak_of() -> None:
    step = LSTMStepExplorer(p=weights(np.random.default_rng(31)))
    gates = {}
    for preset in step.presets:
        for name in step.moved:
            setattr(step, name, preset[name])
        gates[preset["name"]] = step.values()
    assert gates["Forget gate at 1"].f > 0.99 and gates["Forget gate at 1"].i < 0.01
    assert (gates["Half open"].f, gates["Half open"].i) == pytest.approx((0.5, 0.5), abs=1e-9)
    assert gates["Output gate shut"].o < 0.01 < abs(gates["Output gate shut"].C)
    assert abs(gates["One step"].C - 1) > 0.1


def test_each_stage_says_what_it_shows() -> None:
    step = LSTMStepExplorer()
    step.b_f = 1e2
    said = [step.sentence(stage) for stage in range(5)]
    assert "x = 0.50 comes in" in said[0] and "holds C = 1.00" in said[0]
    assert "f = 1.00, the valve is open, so 1.00 of the old C = 1.00 stays" in said[1]
    assert "i = 0.60, the valve is 60 % open, so 0.38 of the candidate 0.64 comes in" in said[2]
    assert "1.00 + 0.38 = 1.38" in said[3]
    assert "C stays 1.38" in said[4]
    assert step.sentence() == said[0]
    step.stage = 3
    assert step.sentence() == said[3]
    assert all(sentence in step.text() for sentence in said)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": 2.1}, "x must be a number from -2 to 2, got 2.1"),
        ({"h_prev": float("nan")}, "h_prev must be a number from -1 to 1, got nan"),
        ({"C_prev": "1"}, "C_prev must be a number from -2 to 2, got '1'"),
        ({"stage": 5}, "stage must be a whole number from 0 to 4, got 5"),
        ({"stage": True}, "stage must be a whole number from 0 to 4, got True"),
        ({"question": " "}, "question must be a text that says something, got ' '"),
        ({"cell": "lstm"}, "cell must be a function such as my_step, or None, got 'lstm'"),
        ({"p": [1]}, r"p must be an LSTMParams of input size 1 .* got \[1\]"),
        (
            {"p": weights(np.random.default_rng(32), 2, 3)},
            "p must be an LSTMParams of input size 1 and hidden size 1, .* got sizes 2 and 3",
        ),
    ],
)
def test_wrong_arguments_of_the_step(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^LSTMStepExplorer: {words}"):
        LSTMStepExplorer(**arguments)


def test_what_stands_in_for_the_step() -> None:
    check_stands_in(LSTMStepExplorer(), LSTMStepExplorer(), LSTMStepExplorer(C_prev=1.1))
    # what stands still shows the whole step, whichever stage the live one has reached
    a, b = LSTMStepExplorer(stage=1), LSTMStepExplorer(stage=4)
    assert a._repr_mimebundle_()[0]["image/png"] == b._repr_mimebundle_()[0]["image/png"]
    assert repr(LSTMStepExplorer()).startswith("LSTMStepExplorer(x=0.5, h_prev=0.2, C_prev=1.0")


def own_lstm_step(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    return tuple(lstm_step(x_t, h_prev, C_prev, p))


def forgets_the_product(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    step = lstm_step(x_t, h_prev, C_prev, p)
    C = step.f * C_prev + step.i + step.C_tilde
    return {**step._asdict(), "C": C, "h": step.o * np.tanh(C)}


def test_an_own_step_is_asked_at_each_move() -> None:
    own, course = LSTMStepExplorer(own_lstm_step), LSTMStepExplorer()
    assert own.own == "own_lstm_step"
    for name, value in (("x", -1.5), ("h_prev", 0.9), ("C_prev", -0.4), ("b_g", 0.7)):
        setattr(own, name, value)
        setattr(course, name, value)
        assert own.answer["given"][name] == value
        assert own.values() == course.values()
        assert own.whole() == course.whole()


def test_an_own_step_that_is_wrong_shows_where() -> None:
    step = LSTMStepExplorer(forgets_the_product)
    v = step.values()
    assert pytest.approx(v.f + v.i + v.C_tilde) == v.C
    assert step.sentence(3) == (
        "Update: 0.75 + 0.38 gives 1.13, but your forgets_the_product says C = 1.98."
    )
    assert "goes out" in step.sentence(4)  # h follows from its own C


def raises(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    print("so far")
    return p.W_q @ x_t


def unwritten(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    raise NotImplementedError


def in_place(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    C_prev *= 0.5
    return own_lstm_step(x_t, h_prev, C_prev, p)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (raises, "raises raised AttributeError: .*W_q.*, at: return p.W_q @ x_t"),
        (unwritten, "unwritten is not written yet: it raised NotImplementedError"),
        (in_place, "in_place changed its input C_prev in place"),
        (lambda x_t, C: x_t, r"<lambda> must take \(x_t, h_prev, C_prev, p\), but .* \(x_t, C\)"),
        (lambda *a: 3.0, r"must return \(h, C, f, i, C_tilde, o\), 6 values, got one value"),
        (lambda *a: (a[1], a[2]), "must return .* 6 values, got 2 values"),
        (lambda *a: {"h": a[1]}, "must return .* but C, f, i, C_tilde, o is missing"),
        (lambda *a: (a[1],) * 5 + ("x",), "o must be an array of shape .1, 1., got str"),
        (lambda *a: (np.ones(1),) * 6, r"h must have shape \(1, 1\), got \(1,\)"),
        (lambda *a: (a[1] * np.inf,) * 6, "h must hold finite numbers, got ..inf"),
    ],
)
def test_an_own_step_that_fails_says_so_in_the_widget(cell: Any, words: str) -> None:
    step = LSTMStepExplorer(cell)
    with pytest.raises(ValueError, match=words):
        step.values()
    assert "step" not in step.answer or "error" in step.answer
    assert step.answer["error"] in step.text()
    assert step.picture() is None
    assert "image/png" not in step._repr_mimebundle_()[0]
    if cell is raises:
        assert step.answer["printed"] == "so far\n"
    step.x = 0.9
    assert step.answer["given"]["x"] == 0.9


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0.125, 2, "0.13"), (-0.125, 2, "−0.13"), (-0.001, 2, "0.00"), (2.5, 0, "3"),
        (1e-9, 3, "0.000"), (-3, 1, "−3.0"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_browser_writes_them(
    value: float, digits: int, written: str
) -> None:
    assert fixed(value, digits) == written


def test_a_closed_output_gate_erases_nothing() -> None:
    gates = [1, 0.5, 0, 0, 0.25, 1, 0, 1, 0, 1]
    shown, hidden = CellAndHidden(gates, f=0.9, t=7), CellAndHidden([0.0] * 10, f=0.9, t=7)
    assert shown.states().C == hidden.states().C
    # solved: each write has shrunk by f at every step since
    C = [0.9 * 0.9 ** (t - 2) * (t >= 2) - 0.5 * 0.9 ** (t - 7) * (t >= 7) for t in range(1, 11)]
    np.testing.assert_allclose(shown.states().C, C, rtol=0, atol=1e-14)
    np.testing.assert_allclose(shown.states().h, np.array(gates) * np.tanh(C), rtol=0, atol=1e-14)
    assert hidden.states().h == [0.0] * 10
    assert hidden.sentence() == (
        "At step 7 the cell holds C = 0.03; its output gate is closed, o = 0.00, so h = 0.00 is "
        "seen. 10 of 10 output gates are closed; C would be the same if none were."
    )
    assert "No output gate is closed" in CellAndHidden().sentence()
    assert CellAndHidden().o is not CellAndHidden().o


def test_saturation_is_value_and_slope_apart() -> None:
    picture = Saturation(scale=4.0, C=5.0, unit=7)
    gates = picture.gates()
    wanted = sigmoid(4.0 * np.array(picture.sums))
    np.testing.assert_allclose(gates.f, wanted, rtol=0, atol=1e-15)
    step = 1e-5
    slope = (sigmoid(np.array(gates.a) + step) - sigmoid(np.array(gates.a) - step)) / (2 * step)
    np.testing.assert_allclose(gates.slope, slope, rtol=0, atol=1e-9)
    assert picture.sentence() == (
        "With the weights times 4.0, 2 of the 7 gates are closed, 2 partly open and 3 open. Unit 7 "
        "lets 1.000 of C and of its gradient pass; the slope left for its own learning is 0.000. "
        "C = 5.0 is seen as tanh(C) = 0.9999, with the slope 0.0002."
    )


def gru_weights(rng: np.random.Generator, D: int = 1, H: int = 2, **more: Any) -> GRUParams:
    """Weights without a zero, biases too."""
    drawn = GRUParams.init(D, H, rng, **more)
    return GRUParams(**{name: rng.normal(size=array.shape) for name, array in drawn.items()})


def test_the_gates_of_the_dial_are_those_of_its_inputs() -> None:
    rng = np.random.default_rng(33)
    dial = GRUDial(p=gru_weights(rng), z=0.35, r_1=0.9, r_2=0.2, h_1=-0.7)
    step = gru_step(**dial.arguments())
    np.testing.assert_allclose(step.z, [[0.35, 0.35]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(step.r, [[0.9, 0.2]], rtol=0, atol=1e-12)
    before, after = dial.blends().values()
    old = np.array([-0.7, 0.8])
    for blends in (before, after):
        new = np.array(blends.h_tilde)
        np.testing.assert_allclose(blends.takes, 0.65 * old + 0.35 * new, rtol=0, atol=1e-12)
        np.testing.assert_allclose(blends.keeps, 0.35 * old + 0.65 * new, rtol=0, atol=1e-12)
    dial.z, dial.r_1, dial.r_2 = 1.0, 1.0, 1.0
    before, after = dial.blends().values()
    np.testing.assert_allclose(before.h_tilde, after.h_tilde, rtol=0, atol=1e-9)
    np.testing.assert_allclose(before.keeps, old, rtol=0, atol=1e-9)


def own_gru_step(x_t: Any, h_prev: Any, p: Any) -> Any:
    return gru_step(x_t, h_prev, p)


@pytest.mark.torch
def test_the_dial_tells_torch_from_the_course() -> None:
    torch = pytest.importorskip("torch")

    def torch_step(x_t: Any, h_prev: Any, p: Any) -> Any:
        cell = torch.nn.GRUCell(1, 2, dtype=torch.float64)
        blocks = {"weight_ih": "W", "weight_hh": "V", "bias_ih": "b"}
        with torch.no_grad():
            for name, letter in blocks.items():
                stacked = np.concatenate([getattr(p, f"{letter}_{k}") for k in ("r", "z", "h")])
                getattr(cell, name).copy_(torch.from_numpy(stacked))
            cell.bias_hh.zero_()
            h = cell(torch.from_numpy(x_t), torch.from_numpy(h_prev)).numpy()
        return h, *gru_step(x_t, h_prev, p)[1:]

    dial = GRUDial(torch_step, z=0.3, r_2=0.1)
    assert dial.equal() == ["after keeps"]
    assert "z keeps the old" in dial.sentence() and "reset after V" in dial.sentence()
    course = GRUDial(own_gru_step, z=0.3, r_2=0.1)
    assert course.equal() == ["before takes"]
    course.r_1 = course.r_2 = 1.0
    assert course.equal() == ["before takes", "after takes"]
    course.z = 0.5
    assert len(course.equal()) == 4


def test_a_step_that_is_none_of_the_four_and_one_that_fails() -> None:
    dial = GRUDial(lambda x_t, h_prev, p: (h_prev * 0.5,) * 4)
    assert dial.equal() == []
    assert dial.sentence().endswith("Your <lambda> gives 0.40 (unit 2: 0.40): none of the four.")
    broken = GRUDial(lambda x_t, h_prev, p: h_prev[0, 7])
    assert "There is no value of yours to show: <lambda> raised IndexError" in broken.sentence()
    assert broken.picture() is not None


def test_the_belt_with_tokens_is_an_lstm_with_these_weights() -> None:
    tokens = ["write", "keep", "none", "keep", "write", "keep", "keep", "none", "write", "keep"]
    belt = TokenBelt(tokens, keep=5.0, write=7.0, V_f=2.0, b_f=-2.0, b_i=-4.0, t=4)
    h = C = 0.0
    for t, (value, token) in enumerate(zip(belt.values, tokens, strict=True)):
        f = sigmoid(np.array(5.0 * (token == "keep") + 2.0 * h - 2.0))
        i = sigmoid(np.array(7.0 * (token == "write") - 4.0))
        C = f * C + i * np.tanh(2 * value)
        h = sigmoid(np.array(3.0)) * np.tanh(C)
        got = [getattr(belt.states(), name)[t] for name in ("f", "i", "C", "h")]
        np.testing.assert_allclose(got, [f, i, C, h], rtol=0, atol=1e-14)
    assert belt.sentence().startswith("At step 4 the token is keep: the cell computes f = 0.9")
    belt.t = 3
    assert belt.sentence().startswith("At step 3 there is no token")


def test_what_the_presets_of_the_belt_ask_has_the_answer_that_teaches() -> None:
    hold = ["none", "write"] + ["keep"] * 8

    def last(tokens: Any = tuple(hold), **more: Any) -> float:
        return TokenBelt(tokens, **more).states().C[-1]

    missing = [*hold[:5], "none", *hold[6:]]
    assert last(keep=3.0) < 0.1 < 0.5 < last(keep=6.0)
    assert last(missing, keep=9.0) < 0.1 < 0.5 < last(keep=9.0)
    alone = ["none", "write"] + ["none"] * 8
    assert last(alone) < 0.05 and last(alone, V_f=12.0) > 0.5


@pytest.mark.parametrize(
    ("explorer", "arguments", "words"),
    [
        (CellAndHidden, {"o": [1.0] * 9}, "o must be 10 numbers, got"),
        (CellAndHidden, {"o": [1.5] * 10}, "each of o must be a number from 0 .closed. to 1"),
        (CellAndHidden, {"t": 0}, "t must be a whole number from 1 to 10, got 0"),
        (Saturation, {"scale": 0}, "scale must be a number from 0.1 to 4, got 0"),
        (Saturation, {"unit": 8}, "unit must be a whole number from 1 to 7, got 8"),
        (GRUDial, {"z": -0.1}, "z must be a number from 0 to 1, got -0.1"),
        (GRUDial, {"cell": 3}, "cell must be a function"),
        (GRUDial, {"p": 4}, "p must be a GRUParams of input size 1 and .* got 4"),
        (
            GRUDial,
            {"p": gru_weights(np.random.default_rng(34), reset="after")},
            "p must be .* without b_hv, got sizes 1 and 2 with b_hv",
        ),
        (TokenBelt, {"tokens": ["keep"] * 9}, "tokens must be 10 of"),
        (TokenBelt, {"tokens": ["hold"] * 10}, "tokens must be 10 of"),
        (TokenBelt, {"keep": 13}, "keep must be a number from 0 to 12, got 13"),
    ],
)
def test_wrong_arguments(explorer: Any, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{explorer.__name__}: {words}"):
        explorer(**arguments)


@pytest.mark.parametrize(
    ("explorer", "other"),
    [
        (CellAndHidden, {"f": 0.9}),
        (Saturation, {"scale": 2.0}),
        (GRUDial, {"z": 0.6}),
        (TokenBelt, {"V_f": 1.0}),
    ],
)
def test_what_stands_in(explorer: Any, other: dict[str, Any]) -> None:
    check_stands_in(explorer(), explorer(), explorer(**other))
