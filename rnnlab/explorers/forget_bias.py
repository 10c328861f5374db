"""Forget bias: what b_f and b_i decide before training, and what training makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from math import exp, log
from typing import Any

import numpy as np
import traitlets

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import PosedExplorer, Whole, fixed, share
from rnnlab.params import Array
from rnnlab.plots import Picture, learning_curves

# the settings that were trained
TRAINED = {"b_f": (-3, 0, 1, 3, 5), "b_i": (-5, -3, 0, 3, 5)}
CHANCE = log(4)
SOLVED = CHANCE / 4

PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "Open a little",
        "question": "The task: hold one of four symbols through 100 steps of noise. With both "
        "biases 0 no seed learns it. Is a forget bias of 1, the usual advice, enough? Say yes or "
        "no, then set the forget bias.",
        "b_f": 0,
        "b_i": 0,
    },
    {
        "name": "Open wide",
        "question": "Set b_f to 5: f starts at 0.99, and the gradient arrives. How many of the "
        "four seeds learn the task now? Say a number, then set the forget bias.",
        "b_f": 1,
        "b_i": 0,
    },
    {
        "name": "Shut the input",
        "question": "Leave the forget gate at 0.5 and shut the input gate instead, b_i = -5, so "
        "that no noise comes in. How many seeds learn it? Say a number, then set the input bias.",
        "b_f": 0,
        "b_i": 0,
    },
    {
        "name": "Both",
        "question": "The forget gate is open. Set b_i to -5 as well, which shuts the input gate "
        "to the symbol too: do more seeds learn, or fewer? Say it, then set the input bias.",
        "b_f": 5,
        "b_i": 0,
    },
)


class _Trained(traitlets.TraitType[int, int]):
    """A bias of which there is a stored training."""

    def validate(self, obj: Any, value: Any) -> int:
        trained = TRAINED[self.name or ""]
        if isinstance(value, bool) or value not in trained:
            raise ValueError(
                f"ForgetBias: {self.name} must be one of {', '.join(map(str, trained))}, for "
                f"which there are stored trainings, got {value!r}"
            )
        return int(value)


class ForgetBias(PosedExplorer):
    """b_f and b_i of an untrained LSTM, and stored learning curves of its training.

        f = sigmoid(b_f)    i = sigmoid(b_i)    half-life = log(1/2) / log(f)

    Gradients and curves were measured: latch task with noise 0.3 over 100 steps, H = 32, 600
    training steps, four seeds (`rnnlab/data/SOURCES.md`, `benchmarks/train_forget_bias.py`).
    b_f: -3, 0, 1, 3 or 5. b_i: -5, -3, 0, 3 or 5. whole: 1 shows all settings at once, and
    chrono initialisation beside them, else 0. Raises ValueError for a value outside these.
    """

    _esm = joined("forget_bias.js")
    shared: tuple[str, ...] = ("runs",)
    moved = ("b_f", "b_i", "whole")

    b_f = _Trained(0).tag(sync=True)
    b_i = _Trained(0).tag(sync=True)
    whole = Whole(0, 0, 1).tag(sync=True)
    trained = traitlets.Dict().tag(sync=True)
    runs = traitlets.Dict().tag(sync=True)

    def __init__(
        self, b_f: int = 0, b_i: int = 0, *, whole: int = 0, question: str | None = None
    ) -> None:
        presets = [{"whole": 0, **preset} for preset in PRESETS]
        super().__init__(
            presets, question, b_f=b_f, b_i=b_i, whole=whole,
            trained={name: list(values) for name, values in TRAINED.items()},
            runs={name: part.tolist() for name, part in stored().items()},
        )  # fmt: skip

    def run(self) -> dict[str, Any]:
        """What was measured at the present biases: loss (seeds, N), solved, and the gradients."""
        at = TRAINED["b_f"].index(self.b_f), TRAINED["b_i"].index(self.b_i)
        runs = stored()
        loss = runs["loss"][at]
        return {
            "loss": loss,
            "solved": int(np.sum(loss[:, -1] < SOLVED)),
            "total": float(10 ** runs["total"][at]),
            "direct": float(10 ** runs["direct"][at]),
        }

    @property
    def half_life(self) -> float:
        """Steps until half of C is left, with f as it starts."""
        return log(0.5) / log(_sigmoid(self.b_f))

    def sentence(self) -> str:
        """What the picture says."""
        run = self.run()
        seeds = len(run["loss"])
        return (
            f"Untrained, with b_f = {fixed(self.b_f, 0)} and b_i = {fixed(self.b_i, 0)}: f is "
            f"{fixed(_sigmoid(self.b_f), 3)}, half of C is left after {fixed(self.half_life, 1)} "
            f"steps, and i is {fixed(_sigmoid(self.b_i), 3)}. After 100 steps "
            f"{share(run['total'])} of the gradient arrives, by the product of f alone "
            f"{share(run['direct'])}. Trained: {run['solved']} of {seeds} seeds solve the task "
            "within 600 steps."
        )

    def picture(self) -> Picture:
        """The learning curves at the present biases, and those of chrono, drawn by Matplotlib."""
        runs = stored()
        drawn = learning_curves(
            {
                f"b_f = {self.b_f}, b_i = {self.b_i}": self.run()["loss"],
                "a b_f for each unit\n(chrono)": runs["chrono"],
            },
            x=runs["step"],
            chance=CHANCE,
            title="Latch task, 100 steps of noise",
            ylabel="loss (nats)",
        )
        return Picture(drawn.figure, self.sentence())


def _sigmoid(a: float) -> float:
    return 1 / (1 + exp(-a))


@cache
def stored() -> Mapping[str, Array]:
    """The stored runs: loss (5, 5, seeds, 30), chrono (seeds, 30), step (30,), and of the untrained
    nets log10 of the gradient that arrives, total and direct, mean over the seeds (5, 5)."""
    file = resources.files("rnnlab").joinpath("data/forget_bias.npz")
    with file.open("rb") as opened, np.load(opened) as arrays:
        return {
            "step": arrays["step"],
            "loss": arrays["loss"].astype(float).round(4),
            "chrono": arrays["chrono"].astype(float).round(4),
            "total": arrays["total_before"].astype(float).mean(axis=-1),
            "direct": arrays["direct_before"].astype(float).mean(axis=-1),
        }
