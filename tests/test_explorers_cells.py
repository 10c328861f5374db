"""Explorers of one cell without a browser: values, errors, a learner's own step, what stands in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlab.cells import lstm_step, sigmoid
from rnnlab.explorers import LSTMStepExplorer
from rnnlab.params import LSTMParams

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
        (lambda *a: (a[1],) * 5 + ("x",), "o must be an array of shape .1,., got str"),
        (lambda *a: (np.ones((2, 1)),) * 6, r"h must have shape \(1,\), got \(2, 1\)"),
        (lambda *a: (a[1] * np.inf,) * 6, "h must hold finite numbers, got .inf"),
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
