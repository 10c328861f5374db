"""The cells as drawings that grow: each part where it stays, the one that is new set off.

    lstm("f", now="f")                       the forget gate on an empty belt
    lstm("f", "i", "C_tilde", now="i")       what is there so far, with the input gate set off
    gru(*GRU_PARTS, now="h")                 all of the GRU
    lstm_backward(gradients)                 the LSTM's step backwards, a number on each wire

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
# what arrives and what leaves on the way back through one LSTM step
_GRADIENTS = {
    "dh": "$dh_t$", "dC": "$dC$", "do": "$do_t$", "down": "via $h_t$", "dC_t": "$dC_t$",
    "dC_prev": "$dC_{t-1}$", "df": "$df_t$", "di": "$di_t$", "dC_tilde": r"$d\tilde{C}_t$",
    "da_f": "$da_f$", "da_i": "$da_i$", "da_g": "$da_g$", "da_o": "$da_o$",
    "dh_prev": "$dh_{t-1}$",
}  # fmt: skip
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


def lstm_backward(gradients: Mapping[str, float], *, title: str = "") -> Picture:
    """One step of the LSTM backwards: the gradient on each wire, and the two places where they add.

    gradients: one unit's numbers under the names that `explorers.BackwardPath.gradients` uses: dh
    and dC as they arrive, do and down (to the output gate and through the tanh), dC_t, dC_prev, df,
    di, dC_tilde, da_f, da_i, da_g, da_o, dh_prev. Raises ValueError if they are not just these.
    """
    if set(gradients) != set(_GRADIENTS):
        wrong = sorted(set(gradients) ^ set(_GRADIENTS))
        raise ValueError(
            f"diagrams.lstm_backward: gradients must be {', '.join(_GRADIENTS)}, got too many or "
            f"too few: {', '.join(wrong)}"
        )
    title = title or "One LSTM step, backwards"
    said = {name: f"{symbol} = {_number(gradients[name])}" for name, symbol in _GRADIENTS.items()}
    with blank(title, 3.75) as (figure, ax):
        pen, top, bus, box, tie, read = _Pen(ax), 3.2, 0.45, 1.5, 2.35, 1.8
        colour = {name: MARKS[name].colour for name in LSTM_PARTS}

        def back(name: str, *points: tuple[float, float], arrow: bool = True) -> None:
            pen.line(points, colour[name], 1.8, arrow, dashed=True)

        def say(x: float, y: float, name: str, part: str, left: bool = True) -> None:
            pen.text(x, y, said[name], colour[part], size=10.5, left=left)

        back("C", (6.9, top), (6.04, top))
        back("C", (5.76, top), (3.21, top))
        back("C", (2.93, top), (1.64, top))
        back("C", (1.36, top), (0.3, top))
        back("h", (6.9, bus), (5.9, bus), (5.9, read - 0.14))
        back("h", (5.9, read + 0.14), (5.9, top - 0.14))
        back("o", (5.76, read), (4.8, read), (4.8, box + 0.2))
        back("f", (1.5, top - 0.14), (1.5, box + 0.2))
        back("C", (3.07, top - 0.14), (3.07, tie + 0.14))
        back("i", (2.94, tie), (2.55, tie), (2.55, box + 0.2))
        back("C_tilde", (3.2, tie), (3.6, tie), (3.6, box + 0.2))
        for part, gate, x in (
            ("f", "f", 1.5), ("i", "i", 2.55), ("C_tilde", "g", 3.6), ("o", "o", 4.8)
        ):  # fmt: skip
            pen.box(x, box, 0.66, 0.4, "tanh" if gate == "g" else "σ", colour[part], strong=False)
            back(part, (x, box - 0.2), (x, bus), arrow=False)
            say(x + 0.08, 0.95, f"da_{gate}", part)
        pen.line([(4.8, bus), (1.24, bus)], FAINT, 1.8, dashed=True)
        pen.line([(0.96, bus), (0.3, bus)], FAINT, 1.8, dashed=True)
        pen.text(3.2, bus - 0.19, "each times its own $V$", FAINT, size=10)
        pen.box(5.9, 2.45, 0.6, 0.32, "tanh", colour["h"], strong=False)
        for x, y, words, part, strong in (
            (5.9, top, "+", "C", True), (3.07, top, "=", "C", False), (1.5, top, "×", "f", False),
            (3.07, tie, "×", "C_tilde", False), (5.9, read, "×", "h", False),
            (1.1, bus, "+", "h", True),
        ):  # fmt: skip
            pen.circle(x, y, words, colour[part], strong=strong)
        say(6.5, top + 0.2, "dC", "C", left=False)
        say(4.55, top + 0.2, "dC_t", "C", left=False)
        say(0.7, top + 0.2, "dC_prev", "C", left=False)
        say(6.45, bus + 0.18, "dh", "h", left=False)
        say(0.72, bus + 0.29, "dh_prev", "h", left=False)
        say(5.3, 2.85, "down", "h", left=False)
        say(4.84, read + 0.17, "do", "o")
        say(1.57, 2.0, "df", "f")
        say(2.62, 2.0, "di", "i")
        say(3.67, 2.0, "dC_tilde", "C_tilde")
    numbers = "; ".join(f"{name} = {value:.2f}" for name, value in gradients.items())
    words = (
        f"{title}. dh splits at h = o * tanh(C): a part to the output gate, a part through the "
        "tanh up to the belt, where it is added to dC from the next step. The sum dC_t goes left "
        "along the belt, times f, and down, to the gates and the candidate. Below, what comes "
        f"through the four V adds up to dh_prev. {numbers}."
    )
    return Picture(figure, words)


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
