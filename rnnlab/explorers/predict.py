"""A prediction to make before the run, and an answer to each choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Explorer, check_text


class Predict(Explorer):
    """A question with choices: one click records the prediction and shows that choice's answer.

        Predict(
            "After how many steps is half left, with `f = 0.5`?",
            {"1": "0.5 of it after each step.", "2": "That would be a quarter."},
            correct="1",
        )

    question: what is asked. choices: each choice's text with the answer to whoever takes it; a
    choice that is not `correct` explains why not. Text between backticks is shown as code, all else
    as it stands. `.choice` is the choice last taken, None before. Raises ValueError for an empty
    text, fewer than two choices, a `correct` or a `.choice` that is not one of them.
    """

    _esm = joined("predict.js")

    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    correct = traitlets.Unicode().tag(sync=True)
    choice = traitlets.Unicode(None, allow_none=True).tag(sync=True)

    def __init__(self, question: str, choices: Mapping[str, str], correct: str) -> None:
        check_text("Predict", "question", question)
        if not isinstance(choices, Mapping) or len(choices) < 2:
            raise ValueError(
                f"Predict: choices must map at least two choices to their answers, got {choices!r}"
            )
        for choice, answer in choices.items():
            check_text("Predict", "each choice", choice)
            check_text("Predict", f"the answer to {choice!r}", answer)
        _check_choice("correct", correct, choices)
        pairs = [[choice, answer] for choice, answer in choices.items()]
        super().__init__(question=question, choices=pairs, correct=correct)

    @traitlets.validate("choice")
    def _check(self, proposal: dict[str, Any]) -> str | None:
        choice: str | None = proposal["value"]
        if choice is not None:
            _check_choice("choice", choice, [name for name, _ in self.choices])
        return choice

    def text(self) -> str:
        """The question and its choices, without the answer."""
        return "\n".join([self.question, *(f"( ) {choice}" for choice, _ in self.choices)])

    def __repr__(self) -> str:
        return f"Predict({self.question!r}, choice={self.choice!r})"


def _check_choice(name: str, choice: object, choices: Any) -> None:
    if choice not in list(choices):
        known = ", ".join(repr(known) for known in choices)
        raise ValueError(f"Predict: {name} must be one of the choices {known}, got {choice!r}")
