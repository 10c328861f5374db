"""Saturation: what a gate lets pass, and what slope is left for it to learn by."""

from __future__ import annotations

from math import tanh
from typing import Any, NamedTuple

import numpy as np
import traitlets

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, PosedExplorer, Whole, fixed, openness
from rnnlab.plots import Picture, curves

# the sums W x + V h + b of seven units, with the weights as they are
SUMS = (-2.0, -1.1, -0.5, 0.2, 0.7, 1.2, 2.0)
REACH = 8.0

PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "Bigger weights",
        "question": "Make all weights four times as large: do the gates decide better, and what "
        "does it cost them? Say it, then move the scale to 4.",
        "scale": 1.0,
        "C": 1.0,
        "unit": 6,
    },
    {
        "name": "Open and steep?",
        "question": "Read unit 7, whose gate is all but open: how much of C passes, and how much "
        "slope is left? Say two numbers, then read unit 7.",
        "scale": 2.0,
        "C": 1.0,
        "unit": 4,
    },
    {
        "name": "A cell that counts",
        "question": "A cell that counts has reached 3, and goes on to 6. Can the output still tell "
        "5 from 6? Say it, then move C.",
        "scale": 1.0,
        "C": 3.0,
        "unit": 4,
    },
    {
        "name": "Weights of almost 0",
        "question": "Make all weights almost 0: where will all gates stand, and how steep are they "
        "there? Say two numbers, then move the scale to 0.1.",
        "scale": 1.5,
        "C": 0.5,
        "unit": 2,
    },
)


class Gates(NamedTuple):
    """The seven gates f = sigmoid(a) and their slopes f (1 - f)."""

    a: list[float]
    f: list[float]
    slope: list[float]


class Saturation(PosedExplorer):
    """Seven gates at sigmoid(scale * sum), and the output at tanh(C): value and slope, apart.

        f = sigmoid(a)       passes f of C, and f of the gradient along C
        df/da = f (1 - f)    is what the gate's own weights learn by
        tanh(C)              is seen, its slope 1 - tanh(C)^2 is what C learns by through h

    scale: of all weights, from 0.1 to 4. C: from -8 to 8. unit: the gate that is read, 1 to 7.
    question: what is asked at first. `.scale`, `.C` and `.unit` follow the inputs and can be set.
    Raises ValueError for a value outside these.
    """

    _esm = joined("saturation.js")
    moved = ("scale", "C", "unit")

    scale = Number(1.0, 0.1, 4).tag(sync=True)
    C = Number(1.0, -REACH, REACH).tag(sync=True)
    unit = Whole(6, 1, len(SUMS)).tag(sync=True)
    sums = traitlets.List(traitlets.Float(), list(SUMS)).tag(sync=True)

    def __init__(
        self, scale: float = 1.0, C: float = 1.0, *, unit: int = 6, question: str | None = None
    ) -> None:
        super().__init__(PRESETS, question, scale=scale, C=C, unit=unit)

    def gates(self) -> Gates:
        """The gates with the present scale."""
        a = self.scale * np.array(SUMS)
        f = 0.5 + 0.5 * np.tanh(0.5 * a)
        return Gates(a.tolist(), f.tolist(), (f * (1 - f)).tolist())

    def sentence(self) -> str:
        """What the picture says."""
        gates = self.gates()
        closed, opened = (sum(openness(f) == word for f in gates.f) for word in ("closed", "open"))
        f, slope = gates.f[self.unit - 1], gates.slope[self.unit - 1]
        out = tanh(self.C)
        return (
            f"With the weights times {fixed(self.scale, 1)}, {closed} of the {len(SUMS)} gates "
            f"are closed, {len(SUMS) - closed - opened} partly open and {opened} open. "
            f"Unit {self.unit} lets {fixed(f, 3)} of C and of its gradient pass; the slope left "
            f"for its own learning is {fixed(slope, 3)}. "
            f"C = {fixed(self.C, 1)} is seen as tanh(C) = {fixed(out, 4)}, with the slope "
            f"{fixed(1 - out * out, 4)}."
        )

    def picture(self) -> Picture:
        """The seven gates and their slopes, drawn by Matplotlib."""
        gates = self.gates()
        drawn = curves(
            {"f": gates.f, "slope f (1 - f)": gates.slope},
            title=f"Seven gates, the weights times {fixed(self.scale, 1)}",
            xlabel="sum a = W x + V h + b",
            ylabel="value f and its slope",
            x=gates.a,
            ylim=(-0.03, 1.03),
        )
        return Picture(drawn.figure, self.sentence())
