"""What a function of a question gives on a probe, as named arrays in data-flow order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.calls import FUNCTIONS, Known
from rnnlab.params import Array
from rnnlab.questions import Probe, Question

Parts = Mapping[str, Array]

_AXES = {"W": ("unit", "input"), "V": ("unit", "unit"), "b": ("unit",)}


_NOTHING: Parts = {}


def parts(
    question: Question, function: Callable[..., Any], probe: Probe, own: Parts = _NOTHING
) -> dict[str, Array]:
    """What `function`, the reference or a wrong one, returns: each part an array.

    `own` holds the parts that the learner chose; the function gets them as arguments.
    """
    given = [
        FUNCTIONS[v.name] if isinstance(v, Known) else v for v in question.given(probe).values()
    ]
    value = function(*given, *(_chosen(own[name]) for name in question.own if name in own))
    values = (value,) if len(question.returns) == 1 else tuple(value)
    named: dict[str, Array] = {}
    for name, part in zip(question.returns, values, strict=True):
        if name in question.axes:
            named[name] = np.asarray(part)
        else:  # a set of weights, or a dict of them
            named |= {part_name(name, weight): np.asarray(array) for weight, array in part.items()}
    return named


def _chosen(part: Array) -> int | float:
    """A seed or a size; a whole one is whole even where an array made it a float."""
    value: int | float = part.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def run(
    question: Question, function: Callable[..., Any], probe: Probe, own: Parts = _NOTHING
) -> Parts | None:
    """What is compared, as `function` has it; None where the probe, or what the learner chose,
    does not fit it."""
    try:
        with np.errstate(all="ignore"):
            return observed(question, parts(question, function, probe, own), probe)
    except ValueError:
        return None
    except (TypeError, OverflowError):
        if not question.own:
            raise
        return None


def part_name(name: str, weight: str) -> str:
    """What the array `weight` of the set `name` is called: "dW_f" in "dp"."""
    return name.removesuffix("p") + weight


def observed(question: Question, named: Parts, probe: Probe) -> Parts:
    """What is compared: the parts in data-flow order, or what the question observes of them."""
    if question.observe is not None:
        seen = question.observe(tuple(named.values()), probe)
        return {name: np.asarray(value) for name, value in seen.items()}
    flow = question.flow or question.returns
    order = [part for name in flow for part in members(name, named)]
    return {name: named[name] for name in order}


def members(name: str, named: Parts) -> list[str]:
    """The part of this name, or the arrays of the set of weights: biases, then W, then V."""
    if name in named:
        return [name]
    stem = part_name(name, "")
    members = [part for part in named if part.startswith(stem) and part[len(stem)] in _AXES]
    return sorted(members, key=lambda part: "bWV".index(part[len(stem)]))


def axes(question: Question, part: str) -> tuple[str, ...]:
    """The axes of a part, in words; () where nothing is known of them."""
    if part in question.axes:
        return question.axes[part]
    for name in question.returns:
        stem = part_name(name, "")
        if name not in question.axes and part.startswith(stem):
            return _AXES.get(part[len(stem)], ())
    return ()


def close(question: Question, a: Array, b: Array) -> bool:
    """Are two parts equal, to the question's tolerance, or to float32's for who computes in it?"""
    if a.shape != b.shape:
        return False
    if b.dtype.kind not in "fc" or a.dtype.kind not in "fiubc":
        return bool(np.array_equal(a, b))
    finite = b[np.isfinite(b)]
    scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
    allowed = max(question.tolerance, 1e-5 if a.dtype in (np.float32, np.float16) else 0.0)
    if finite.size == b.size:  # as below, and much quicker
        return bool(np.all(np.abs(a - b) <= allowed * scale))
    return bool(np.allclose(a, b, rtol=0, atol=allowed * scale, equal_nan=True))
