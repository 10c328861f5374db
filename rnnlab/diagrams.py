"""The cells as drawings that grow: each part where it stays, the one that is new set off.

    lstm("f", now="f")                       the forget gate on an empty belt
    lstm("f", "i", "C_tilde", now="i")       what is there so far, with the input gate set off
    gru(*GRU_PARTS, now="h")                 all of the GRU

The parts bear the names of `rnnlab.cells`; with values={"f": 0.88, ...} each shows its number, so
that label and value come from one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.plots import CARD, FAINT, INK, MARKS, Picture, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LSTM_PARTS = ("f", "i", "C_tilde", "C", "o", "h")
GRU_PARTS = ("z", "r", "h_tilde", "h")

_PALE = "#D5D5D5"
_SYMBOLS = {"h_prev": "$h_{t-1}$", "C_prev": "$C_{t-1}$", "x": "$x_t$"}
_SYMBOLS |= {name: mark.symbol for name, mark in MARKS.items()}
_LSTM_WORDS = {
    "f": "the forget gate f, a sigmoid of x_t and h_{t-1}, multiplies C_{t-1} on the belt",
    "i": "the input gate i, a sigmoid of x_t and h_{t-1}",
    "C_tilde": "the candidate C~, a tanh of x_t and h_{t-1}, is multiplied by the input gate i",
    "C": "i * C~ is added on the belt: C_t = f * C_{t-1} + i * C~",
    "o": "the output gate o, a sigmoid of x_t and h_{t-1}",
    "h": "tanh C_t times the output gate o leaves the cell as h_t",
}
_GRU_WORDS = {
    "z": "the update gate z, a sigmoid of x_t and h_{t-1}",
    "r": "the reset gate r, a sigmoid of x_t and h_{t-1}, multiplies h_{t-1} for the candidate",
    "h_tilde": "the candidate h~, a tanh of x_t and r * h_{t-1}",
    "h": "the blend on the belt: h_t = (1 - z) * h_{t-1} + z * h~",
}


def lstm(
    *parts: str, now: str | None = None, values: Mapping[str, float] | None = None, title: str = ""
) -> Picture:
    """The LSTM with these of its parts f, i, C_tilde, C, o, h; `now` is set off from the others.

    values: numbers of one unit, by the same names and x, h_prev, C_prev; they stand beside their
    part. Raises ValueError for a part that there is not.
    """
    _check("diagrams.lstm", parts, now, LSTM_PARTS)
    title = title or ("The LSTM" if set(parts) == set(LSTM_PARTS) else "The LSTM so far")
    with blank(title, 3.05) as (figure, ax):
        d = _Drawing(ax, parts, now, values)
        top, bus, box = 2.75, 0.45, 1.25
        d.label(0.45, top, "C_prev")
        d.label(0.45, bus + 0.32, "h_prev")
        d.label(0.45, bus - 0.14, "x")
        d.belt(top, "C")
        gates = [("f", "σ", 1.75), ("i", "σ", 2.75), ("C_tilde", "tanh", 3.65), ("o", "σ", 4.8)]
        d.bus(bus, 0.75, [x for name, _, x in gates if name in parts], box - 0.2)
        for name, squash, x in gates:
            d.gate(name, squash, x, box)
        if "f" in parts:
            d.wire("f", (1.75, box + 0.2), (1.75, top - 0.13))
            d.node("f", "×", 1.75, top)
        both = {"i", "C_tilde"} <= set(parts)
        if both:
            d.wire("i", (2.75, box + 0.2), (2.75, 2.05), (3.07, 2.05))
            d.wire("C_tilde", (3.65, box + 0.2), (3.65, 2.05), (3.33, 2.05))
            d.node("C_tilde", "×", 3.2, 2.05)
        if "C" in parts:
            d.wire("C", (3.2, 2.18), (3.2, top - 0.13))
            d.node("C", "+", 3.2, top)
            d.label(6.65, top, "C")
        if "h" in parts:
            d.wire("C", (5.9, top), (5.9, 2.4), arrow=False)
            d.squash("h", "tanh", 5.9, 2.25)
            d.wire("h", (5.9, 2.09), (5.9, 1.63))
            d.wire("o", (4.8, box + 0.2), (4.8, 1.5), (5.77, 1.5))
            d.node("h", "×", 5.9, 1.5)
            d.wire("h", (5.9, 1.37), (5.9, bus), (6.35, bus))
            d.label(6.65, bus, "h")
        return Picture(figure, d.words(title, _LSTM_WORDS))


def gru(
    *parts: str, now: str | None = None, values: Mapping[str, float] | None = None, title: str = ""
) -> Picture:
    """The GRU (reset before the product) with these of its parts z, r, h_tilde, h.

    values as in `lstm`, with the names x and h_prev for what comes in.
    """
    _check("diagrams.gru", parts, now, GRU_PARTS)
    title = title or ("The GRU" if set(parts) == set(GRU_PARTS) else "The GRU so far")
    with blank(title, 3.05) as (figure, ax):
        d = _Drawing(ax, parts, now, values)
        top, bus, box = 2.75, 0.45, 1.25
        d.label(0.45, top, "h_prev")
        d.label(0.45, bus, "x")
        d.belt(top, "h")
        gates = [("r", "σ", 1.75), ("z", "σ", 3.0), ("h_tilde", "tanh", 4.6)]
        d.bus(bus, 0.75, [x + 0.1 for name, _, x in gates if name in parts], box - 0.2)
        # the candidate sees h_{t-1} through the reset gate alone
        d.bus(0.75, 1.1, [x - 0.1 for name, _, x in gates[:2] if name in parts], box - 0.2)
        d.wire("h_prev", (1.1, top), (1.1, 0.75), arrow=False)
        for name, squash, x in gates:
            d.gate(name, squash, x, box)
        if "r" in parts:
            d.wire("r", (1.75, box + 0.2), (1.75, 1.92))
            d.wire("h_prev", (1.1, 2.05), (1.61, 2.05))
            d.node("r", "×", 1.75, 2.05)
        if {"r", "h_tilde"} <= set(parts):
            d.wire("r", (1.88, 2.05), (3.95, 2.05), (3.95, box), (4.27, box))
        if "h" in parts:
            d.wire("z", (3.0, box + 0.2), (3.0, top - 0.16))
            d.node("h", "×", 3.0, top, beside="1 − z")
            d.wire("z", (3.0, 1.85), (5.77, 1.85))
            d.wire("h_tilde", (4.93, box), (5.9, box), (5.9, 1.72))
            d.node("h", "×", 5.9, 1.85, beside="z")
            d.wire("h", (5.9, 1.98), (5.9, top - 0.13))
            d.node("h", "+", 5.9, top)
            d.label(6.65, top, "h")
        return Picture(figure, d.words(title, _GRU_WORDS))


def unrolled(
    steps: int = 3, *, losses: str = "last", backward: bool = False, title: str = ""
) -> Picture:
    """A plain RNN unrolled over `steps`, with the same weights W, V, b at each.

    losses: "last" for a loss on the last output, "every" for one on each, "none". backward: the way
    of the gradient, dashed, from the losses to the first step. Raises ValueError for other values.
    """
    if not 2 <= steps <= 6:
        raise ValueError(f"diagrams.unrolled: steps must be from 2 to 6, got {steps!r}")
    if losses not in ("last", "every", "none"):
        raise ValueError(
            f'diagrams.unrolled: losses must be "last", "every" or "none", got {losses!r}'
        )
    heading = title or ("The gradient's way back" if backward else "One cell, unrolled in time")
    with blank(heading, 2.9) as (figure, ax):
        pen = _Pen(ax)
        xs = [1.3 + (4.9 * t) / (steps - 1) for t in range(steps)]
        pen.text(0.35, 1.45, "$h_0$", INK)
        for t, x in enumerate(xs, 1):
            start = 0.55 if t == 1 else xs[t - 2] + 0.35
            pen.line([(start, 1.45), (x - 0.35, 1.45)], MARKS["h"].colour, 2.0)
            pen.text((start + x - 0.35) / 2, 1.6, "$V$", INK, size=10)
            pen.box(x, 1.45, 0.7, 0.44, f"$h_{t}$", MARKS["h"].colour, strong=True)
            pen.line([(x, 0.55), (x, 1.23)], INK, 1.4)
            pen.text(x + 0.14, 0.85, "$W$", INK, size=10)
            pen.text(x, 0.38, f"$x_{t}$", INK)
            if losses == "every" or (losses == "last" and t == steps):
                pen.line([(x, 1.67), (x, 2.3)], INK, 1.4)
                pen.text(x + 0.14, 1.95, "$U$", INK, size=10)
                pen.text(x, 2.45, f"$L_{t}$" if losses == "every" else "$L$", INK)
        if backward:
            colour = MARKS["C"].colour
            for t, x in enumerate(xs, 1):
                if losses == "every" or t == steps:
                    pen.line([(x - 0.14, 2.3), (x - 0.14, 1.7)], colour, 1.6, dashed=True)
                if t > 1:
                    pen.line([(x - 0.35, 1.33), (xs[t - 2] + 0.35, 1.33)], colour, 1.6, dashed=True)
    lost = {"last": "a loss on the last", "every": "a loss on every one", "none": "no loss"}[losses]
    back = " Dashed arrows run from the losses back through V to step 1." if backward else ""
    words = (
        f"{heading}. Hidden states h_1 to h_{steps} in a row, each from x_t through W and from the "
        f"state before through V; the weights are the same at every step; {lost}.{back}"
    )
    return Picture(figure, words)


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _check(where: str, parts: Sequence[str], now: str | None, known: Sequence[str]) -> None:
    unknown = [part for part in parts if part not in known]
    if unknown or not parts:
        raise ValueError(
            f"{where}: parts must be some of {', '.join(known)}, got {', '.join(unknown) or 'none'}"
        )
    if now is not None and now not in parts:
        raise ValueError(f"{where}: now must be one of the parts {', '.join(parts)}, got {now!r}")


@dataclass
class _Pen:
    """Boxes, wires and words on an axis in inches."""

    ax: Axes

    def line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        width: float,
        arrow: bool = True,
        dashed: bool = False,
    ) -> None:
        xs, ys = zip(*points, strict=True)
        style = (0, (3, 2)) if dashed else "-"
        self.ax.plot(xs, ys, color=colour, linewidth=width, linestyle=style, zorder=1,
                     solid_capstyle="butt", solid_joinstyle="round")  # fmt: skip
        if arrow:
            self.ax.annotate(
                "", points[-1], points[-2], zorder=1,
                arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 0, "mutation_scale": 11,
                            "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip

    def box(
        self, x: float, y: float, w: float, h: float, words: str, colour: str, strong: bool
    ) -> None:
        from matplotlib.patches import FancyBboxPatch

        shape = FancyBboxPatch(
            (x - w / 2 + 0.05, y - h / 2 + 0.05), w - 0.1, h - 0.1,
            boxstyle="round,pad=0.05", zorder=3, edgecolor=colour,
            facecolor=colour if strong else CARD, linewidth=2.0 if strong else 1.4,
        )  # fmt: skip
        self.ax.add_patch(shape)
        self.text(x, y, words, CARD if strong else INK)

    def circle(self, x: float, y: float, words: str, colour: str, strong: bool) -> None:
        from matplotlib.patches import Circle

        face = colour if strong else CARD
        self.ax.add_patch(Circle((x, y), 0.14, zorder=3, facecolor=face, edgecolor=colour, lw=1.6))
        self.text(x, y, words, CARD if strong else INK)

    def text(
        self, x: float, y: float, words: str, colour: str, size: float = 11.5, left: bool = False
    ) -> None:
        ha = "left" if left else "center"
        self.ax.text(x, y, words, color=colour, fontsize=size, ha=ha, va="center", zorder=4)


class _Drawing:
    """A cell on its way: knows which parts are there, which is new, and their numbers."""

    def __init__(
        self, ax: Axes, parts: Sequence[str], now: str | None, values: Mapping[str, float] | None
    ) -> None:
        self.pen, self.parts, self.now, self.values = _Pen(ax), parts, now, values or {}

    def words(self, title: str, does: Mapping[str, str]) -> str:
        """The text alternative: what each part does, and its numbers."""
        sentences = [
            f"{'New: ' if part == self.now else ''}{words}"
            for part, words in does.items()
            if part in self.parts
        ]
        numbers = [f"{name} = {value:.2f}" for name, value in self.values.items()]
        return f"{title}. {'; '.join([*sentences, *numbers])}."

    def _colour(self, name: str) -> str:
        return MARKS[name].colour if name in MARKS else INK

    def _is_new(self, name: str) -> bool:
        return name in self.parts and self.now in (None, name)

    def label(self, x: float, y: float, name: str) -> None:
        """What comes in or goes out, its number below."""
        self.pen.text(x, y, _SYMBOLS[name], self._colour(name))
        if name in self.values:
            self.pen.text(x, y - 0.19, _number(self.values[name]), INK, size=10)

    def belt(self, y: float, name: str) -> None:
        new = name in self.parts and self._is_new(name)
        colour = MARKS[name].colour if name in self.parts else FAINT
        self.pen.line([(0.75, y), (6.35, y)], colour, 4 if new else 3)

    def bus(self, y: float, start: float, xs: Sequence[float], up: float) -> None:
        """What comes in along the bottom, and up at each of these places."""
        if not xs:
            return
        self.pen.line([(start, y), (max(xs), y)], FAINT, 1.6, arrow=False)
        for x in xs:
            self.pen.line([(x, y), (x, up)], FAINT, 1.6)

    def gate(self, name: str, squash: str, x: float, y: float) -> None:
        if name not in self.parts:
            return
        new = self._is_new(name)
        self.pen.box(x, y, 0.66, 0.4, squash, self._colour(name), strong=new)
        words = _SYMBOLS[name]
        if name in self.values:
            words += f" = {_number(self.values[name])}"
        self.pen.text(x + 0.1, y + 0.36, words, self._colour(name), size=11, left=True)

    def wire(self, name: str, *points: tuple[float, float], arrow: bool = True) -> None:
        new = self._is_new(name)
        self.pen.line(points, self._colour(name), 2.4 if new else 1.4, arrow)

    def node(self, name: str, words: str, x: float, y: float, beside: str = "") -> None:
        self.pen.circle(x, y, words, self._colour(name), strong=self._is_new(name))
        if beside:
            self.pen.text(x + 0.18, y - 0.24, beside, INK, size=10, left=True)

    def squash(self, name: str, words: str, x: float, y: float) -> None:
        self.pen.box(x, y, 0.6, 0.32, words, self._colour(name), strong=self._is_new(name))
