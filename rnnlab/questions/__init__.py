"""The questions of the exercises: one module a notebook, one list for check, grader and tests.

A question knows its inputs, its reference and the wrong functions that learners write. A
misconception is such a function: an answer that computes the same on every probe gets its hint.

    qNN_topic    the questions of one exercise notebook, 10 points together
    derivation   a function as its lines; a misconception puts another line in one's place
    gates        what can go wrong in sigmoid(W x + V h + b), for every gate of the course
    memory       what can go wrong in the cell update and in what is read of the cell
    gru, gru_backward  the GRU's step and sequence, forwards and backwards, and their mistakes
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

Probe = Mapping[str, Any]
Kind = Literal["function", "line", "repair", "trace", "number", "weights", "training"]

FRAMEWORKS = ("jax", "keras", "onnx", "onnxruntime", "tensorflow", "torch")
ANSWERS = ("rnnlab.cells", "rnnlab.layers", "rnnlab.interop", "rnnlab.twins", "rnnlab.questions")


@dataclass(frozen=True)
class Misconception:
    """A wrong idea as the function that follows from it, and the words that lead away from it."""

    name: str
    hint: str
    wrong: Callable[..., Any]


@dataclass(frozen=True)
class Question:
    """One thing to write, and all that is needed to judge it.

    id              "04.forget_gate": notebook and name
    kind, title     what sort of task; a short name for tables
    points          out of 10 for the notebook
    inputs          from a Generator, the probes: each a mapping of names to arrays
    reference       the right function
    returns         names of what comes back, in data-flow order: ("h_t", "C_t")
    axes            for each of these, its axes in words: ("time", "batch", "unit"). A set of
                    weights (what comes back may be a dict of their names) needs none: it is
                    compared array by array, as "dW_f", "dV_f", "db_f" when it is called "dp"
    hints           three, on request: where to look, what the equation says, the line in words
    parallel        a parallel problem and its solution, shown after the third hint
    misconceptions  the wrong functions that learners write; variants of one `Derivation` are also
                    tried two at a time
    flow            the order in which parts are compared; None: as they are returned
    arguments       which entries of a probe the function takes, in this order; None: all. Without
                    arguments, a value is as good as a function that returns it
    own             parts that the learner chooses, such as a seed: reference and misconceptions
                    take them as arguments (with a default) and return them among the others
    input_axes      axes of the inputs in words, so that the check may cut a sequence to one step
                    and a batch to one example: {"x": ("time", "batch", "input")}
    terms           for a part, the inputs or weights that zeros switch off, each with its term:
                    {"f_t": {"x_t": "W_f x_t", "W_g V_g b_g": "i_t * C~_t"}}
    observe         what is compared, from what came back and the probe; None: what came back.
                    For weights set by hand it is how the cell behaves with them
    complaints      for each observed part, the words when it is wrong; else a standard sentence
    gradients       what comes back are gradients: the words name those that are right and wrong
    tolerance       largest allowed difference, absolute and relative to the largest value
    forbidden       modules that hold the answer; the grader hides them from submissions. A
                    question that may be answered with torch names ANSWERS alone
    time_limit      seconds for all calls of this question together
    """

    id: str
    kind: Kind
    title: str
    points: int
    inputs: Callable[[np.random.Generator], Sequence[Probe]]
    reference: Callable[..., Any]
    returns: tuple[str, ...]
    axes: Mapping[str, tuple[str, ...]]
    hints: tuple[str, str, str]
    parallel: str
    misconceptions: tuple[Misconception, ...]
    flow: tuple[str, ...] | None = None
    arguments: tuple[str, ...] | None = None
    own: tuple[str, ...] = ()
    input_axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    terms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    observe: Callable[[Any, Probe], Mapping[str, Any]] | None = None
    complaints: Mapping[str, str] | None = None
    gradients: bool = False
    tolerance: float = 1e-8
    forbidden: tuple[str, ...] = ANSWERS + FRAMEWORKS
    time_limit: float = 10.0

    @property
    def name(self) -> str:
        """What the learner defines: the id after the dot."""
        return self.id.partition(".")[2]

    @property
    def notebook(self) -> str:
        """The number of the exercise notebook: the id before the dot."""
        return self.id.partition(".")[0]

    def given(self, probe: Probe) -> dict[str, Any]:
        """The part of a probe that the function is called with, in order."""
        names = probe if self.arguments is None else self.arguments
        return {name: probe[name] for name in names}


@cache
def all_questions() -> tuple[Question, ...]:
    """Every question of the course, by notebook and then in the notebook's order."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name.startswith("q"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(question for module in modules for question in module.QUESTIONS)


def question(question_id: str) -> Question:
    """The question of this id; ValueError with the ids that there are for an unknown one."""
    for candidate in all_questions():
        if candidate.id == question_id:
            return candidate
    ids = ", ".join(q.id for q in all_questions())
    raise ValueError(f"question: id must be one of {ids}, got {question_id!r}")


def load(path: Path) -> tuple[Question, ...]:
    """The questions of a teacher's own module: a Python file that defines QUESTIONS.

    It is run as any program is: load only what you trust. Raises ValueError for a file that does
    not define Questions with ids of their own, or that cannot be run.
    """
    spec = importlib.util.spec_from_file_location(f"rnnlab_questions_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ValueError(f"questions: must be a Python file that defines QUESTIONS, got {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"questions: {path} raised {type(error).__name__}: {error}") from error
    asked = tuple(getattr(module, "QUESTIONS", ()))
    if not asked or not all(isinstance(one, Question) for one in asked):
        raise ValueError(f"questions: QUESTIONS in {path} must list at least one Question")
    if len({one.id for one in asked}) < len(asked):
        raise ValueError(f"questions: the ids in {path} must differ from one another")
    return asked
