"""What can go wrong in a gate, sigmoid(W x_t + V h_{t-1} + b), or in a candidate's tanh of it.

For every gate of the course: the exercise that writes one gate, the step that computes them all,
and the sequence of such steps make the same mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Probe
from rnnlab.questions.derivation import Derivation, Line, Mistake

Given = Callable[[Any], tuple[Array, Array, Array, Array, Array]]


def gate(letter: str, result: str, squash: Callable[[Array], Array] = sigmoid) -> Derivation:
    """The exercise of one gate: (x_t, h_prev, W_f, V_f, b_f) -> f_t, with a_f on the way."""
    names = [f"{k}_{letter}" for k in "WVb"]
    given = explicit(letter)
    return Derivation(
        ("x_t", "h_prev", *names),
        {f"a_{letter}": pre_activation(given), result: squashed(letter, squash)},
        returns=(result,),
    )


def gate_inputs(letter: str) -> Callable[[np.random.Generator], Sequence[Probe]]:
    """Probes of one gate: D and H once different, once equal, once a batch of one."""

    def inputs(rng: np.random.Generator) -> list[Probe]:
        return [
            {
                "x_t": rng.standard_normal((B, D)),
                "h_prev": rng.uniform(-1, 1, (B, H)),
                f"W_{letter}": rng.normal(0, 0.5, (H, D)),
                f"V_{letter}": rng.normal(0, 0.5, (H, H)),
                f"b_{letter}": rng.normal(0, 0.5, H),
            }
            for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2))
        ]

    return inputs


INPUT_AXES = {"x_t": ("batch", "input"), "h_prev": ("batch", "unit")}


def gate_terms(letter: str) -> dict[str, str]:
    """The three terms of the sum, by the inputs that switch them off."""
    return {
        "x_t": f"W_{letter} x_t",
        "h_prev": f"V_{letter} h_{{t-1}}",
        f"b_{letter}": f"b_{letter}",
    }


def explicit(letter: str) -> Given:
    """x_t, h_prev, W, V, b of a gate, where the weights are arguments."""
    return lambda s: (
        s.x_t,
        s.h_prev,
        getattr(s, f"W_{letter}"),
        getattr(s, f"V_{letter}"),
        getattr(s, f"b_{letter}"),
    )


def of_params(letter: str) -> Given:
    """x_t, h_prev, W, V, b of a gate, where the weights are in p."""
    return lambda s: (
        s.x_t,
        s.h_prev,
        getattr(s.p, f"W_{letter}"),
        getattr(s.p, f"V_{letter}"),
        getattr(s.p, f"b_{letter}"),
    )


def pre_activation(given: Given) -> Line:
    """a = W x_t + V h_{t-1} + b"""
    return _sum(given, lambda x, h, W, V, b: x @ W.T + h @ V.T + b)


def squashed(letter: str, squash: Callable[[Array], Array]) -> Line:
    """The gate from its pre-activation."""
    return lambda s: squash(getattr(s, f"a_{letter}"))


def _sum(given: Given, f: Callable[..., Array]) -> Line:
    return lambda s: f(*given(s))


def sum_mistakes(letter: str, given: Given, name: str = "gate") -> tuple[Mistake, ...]:
    """Wrong ideas about the sum before the squashing; `name` is what the sum is for.

    The plain RNN has one sum and no letter: "" stands for W, V, b and a.
    """
    W, V, b, a = (f"{k}_{letter}" if letter else k for k in "WVba")

    def mistake(title: str, hint: str, f: Callable[..., Array]) -> Mistake:
        return Mistake(title, hint, {a: _sum(given, f)})

    return (
        mistake(
            "W and V swapped",
            f"Which matrix belongs to the input? {W} acts on x_t, {V} on h_prev; when D == H "
            "nothing but the values tells you.",
            lambda x, h, W, V, b: x @ V.T + h @ W.T + b,
        ),
        mistake(
            "bias missing",
            "The sum has three terms. Which one is there even when x_t and h_prev are zero?",
            lambda x, h, W, V, b: x @ W.T + h @ V.T,
        ),
        mistake(
            "bias twice",
            f"Count how often {b} enters your sum. (torch keeps two biases that add up; the "
            "equation here has one.)",
            lambda x, h, W, V, b: x @ W.T + h @ V.T + 2 * b,
        ),
        mistake(
            "bias subtracted",
            f"All three terms of the sum are added. Which sign does {b} have in yours?",
            lambda x, h, W, V, b: x @ W.T + h @ V.T - b,
        ),
        mistake(
            "recurrent term missing",
            f"Your {name} looks at the input alone. What else does the equation let it see?",
            lambda x, h, W, V, b: x @ W.T + b,
        ),
        mistake(
            "recurrent term subtracted",
            "All three terms of the sum are added. Which sign does the one with h_prev have in "
            "yours?",
            lambda x, h, W, V, b: x @ W.T - h @ V.T + b,
        ),
        mistake(
            "input term missing",
            f"Your {name} looks at the past alone. What else does the equation let it see?",
            lambda x, h, W, V, b: h @ V.T + b,
        ),
        mistake(
            "terms multiplied",
            "The terms of the sum are added: each adds its say. Multiplied, one of them near zero "
            "would silence the other.",
            lambda x, h, W, V, b: (x @ W.T) * (h @ V.T) + b,
        ),
        mistake(
            "h @ V without the transpose",
            f"{V} is square, so h_prev @ {V} runs; but row j of {V} belongs to unit j. In code "
            "V h is h @ V.T.",
            lambda x, h, W, V, b: x @ W.T + h @ V + b,
        ),
        mistake(
            "x @ W without the transpose",
            f"{W} has shape (H, D): one row a unit. In code W x is x @ W.T; without the "
            "transpose it runs only when D == H.",
            lambda x, h, W, V, b: x @ W + h @ V.T + b,
        ),
        mistake(
            "x @ W and h @ V without the transpose",
            f"Neither product is transposed. {W} and {V} have one row a unit: in code W x is "
            "x @ W.T and V h is h @ V.T.",
            lambda x, h, W, V, b: x @ W + h @ V + b,
        ),
    )


def sigmoid_mistakes(letter: str, result: str) -> tuple[Mistake, ...]:
    """Wrong ideas about turning the sum into a gate."""

    def mistake(title: str, hint: str, f: Callable[[Array], Array]) -> Mistake:
        return Mistake(title, hint, {result: squashed(letter, f)})

    return (
        mistake(
            "tanh for sigmoid",
            "Some of your values are negative. A gate says how much to let through: which "
            "function stays between 0 and 1?",
            np.tanh,
        ),
        mistake(
            "no squashing",
            "Some of your values lie outside 0 to 1: this is the pre-activation. What turns it "
            "into a gate?",
            lambda a: a,
        ),
        mistake(
            "softmax over the units",
            "Your values add up to 1 over the units, as if they had to share. Each unit's gate "
            "opens and closes by itself.",
            softmax,
        ),
        mistake(
            f"1 - {letter}",
            f"Your gate is the mirror image: it is open where it should be closed. {result} near "
            "1 lets through. Which sign stands in the exponent?",
            lambda a: sigmoid(-a),
        ),
    )


def split_mistakes(letter: str, result: str, given: Given) -> tuple[Mistake, ...]:
    """Wrong ideas about what goes into the sigmoid together."""

    def mistake(title: str, hint: str, f: Callable[..., Array]) -> Mistake:
        return Mistake(title, hint, {result: _sum(given, f)})

    return (
        mistake(
            "bias outside the sigmoid",
            "The bias joins the sum before it is squashed; added afterwards it can push a gate "
            "out of 0 to 1.",
            lambda x, h, W, V, b: sigmoid(x @ W.T + h @ V.T) + b,
        ),
        mistake(
            "two sigmoids",
            "The terms are added first and squashed once, together.",
            lambda x, h, W, V, b: sigmoid(x @ W.T) + sigmoid(h @ V.T + b),
        ),
    )


def tanh_mistakes(letter: str, result: str) -> tuple[Mistake, ...]:
    """Wrong ideas about turning the sum into a candidate."""

    def mistake(title: str, hint: str, f: Callable[[Array], Array]) -> Mistake:
        return Mistake(title, hint, {result: squashed(letter, f)})

    return (
        mistake(
            "sigmoid on the candidate",
            "None of your values is negative, so this candidate could only ever add. It has to be "
            "able to take away as well: which function gives both signs?",
            sigmoid,
        ),
        mistake(
            "no tanh",
            "Some of your values lie outside -1 to 1: this is the pre-activation. What keeps a "
            "candidate between -1 and 1?",
            lambda a: a,
        ),
        mistake(
            "ReLU candidate",
            "Your candidate is never negative and has no upper bound. Which function stays "
            "between -1 and 1?",
            lambda a: np.maximum(a, 0.0),
        ),
        mistake(
            "tanh of the negative",
            "Every value has the wrong sign. What stands inside your tanh?",
            lambda a: np.tanh(-a),
        ),
    )


def softmax(a: Array) -> Array:
    """exp(a) over its sum along the last axis."""
    e = np.exp(a - a.max(-1, keepdims=True))
    result: Array = e / e.sum(-1, keepdims=True)
    return result
