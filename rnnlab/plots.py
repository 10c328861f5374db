"""Arrays to a Matplotlib figure that says in words what it shows.

Each function returns a `Picture`: the last line of a notebook cell shows it, once. One quantity
keeps one colour, line and marker through the whole course (`MARKS`), colour is never the only mark,
and lines are named where they end. Importing this module does not import Matplotlib.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.params import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 700  # pixels on the page; figures are WIDTH / 100 inches wide, so 10 points are 14 pixels
MOST_LINES = 10

INK, FAINT, CARD = "#222222", "#6B6B6B", "#FFFFFF"


class Mark(NamedTuple):
    """How one line is told from the others: by its name, and by colour, line and marker."""

    symbol: str
    words: str
    colour: str
    line: Any
    marker: Any


# At least 3:1 against white and against #111111, and apart from each other within the LSTM and
# within the GRU for normal vision, protanopia, deuteranopia and tritanopia: a test measures it.
_BAR = [(-0.4, -1.0), (0.4, -1.0), (0.4, 1.0), (-0.4, 1.0), (-0.4, -1.0)]
MARKS: dict[str, Mark] = {
    "f": Mark("$f_t$", "forget gate f", "#067BC9", "-", "s"),
    "i": Mark("$i_t$", "input gate i", "#2D7352", (0, (3.5, 1.5)), "^"),
    "C_tilde": Mark(r"$\tilde{C}_t$", "candidate C~", "#C3861D", (0, (1, 1.5)), "v"),
    "o": Mark("$o_t$", "output gate o", "#A3618E", (0, (4, 1.5, 1, 1.5)), "D"),
    "C": Mark("$C_t$", "cell state C", "#AE4304", "-", _BAR),
    "h": Mark("$h_t$", "hidden state h", "#099DDB", (0, (2, 1.5)), "o"),
    "z": Mark("$z_t$", "update gate z", "#6A559D", (0, (5, 2)), "P"),
    "r": Mark("$r_t$", "reset gate r", "#8E6E2A", (0, (1, 1, 3, 1)), "*"),
    "h_tilde": Mark(r"$\tilde{h}_t$", "candidate h~", "#C3861D", (0, (1, 1.5)), "v"),
}
PALETTE: dict[str, str] = {name: mark.colour for name, mark in MARKS.items()}

_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)), (0, (6, 2)))
_MARKERS = "osD^vPX<>p"


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its text alternative; as the last line of a cell, it shows itself.

    Notebook front ends give an image no text of its own, so the words follow it, folded away but
    there for a screen reader; `alt` also goes into the image's metadata, which exports to HTML use.
    The card is opaque white: dark ink on it is readable in a light and in a dark theme.
    """

    figure: Figure
    alt: str

    def __repr__(self) -> str:
        return self.alt

    def png(self) -> bytes:
        """The figure as a PNG, 1.5 times as wide as shown; the same bytes each time."""
        buffer = io.BytesIO()
        with _style():
            self.figure.savefig(
                buffer, format="png", dpi=150, facecolor=CARD, metadata={"Software": None}
            )
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        from IPython.display import publish_display_data

        publish: Callable[..., None] = publish_display_data

        image = base64.b64encode(self.png()).decode("ascii")
        about = {"image/png": {"width": WIDTH, "alt": self.alt}}
        publish({"image/png": image, "text/plain": self.alt}, about)
        words = f"<details><summary>Figure in words</summary>{html.escape(self.alt)}</details>"
        publish({"text/html": words})


def curves(
    lines: Mapping[str, npt.ArrayLike],
    *,
    title: str,
    ylabel: str,
    xlabel: str = "step t",
    x: npt.ArrayLike | None = None,
    level: tuple[str, float] | None = None,
    ylim: tuple[float, float] | None = None,
) -> Picture:
    """Lines of equal length (T,) over x (T,), by default the steps 0 to T-1.

    A line named as in `MARKS` ("f", "C_tilde", ...) is drawn as the course always draws it.
    level: a name and a height, drawn as a thin line across. NaN leaves a gap.
    """
    arrays, at = _check_lines("plots.curves", lines, x)
    with _axes(title, xlabel, ylabel) as (figure, ax):
        ends = [
            _draw(ax, at, array, mark, k)
            for k, (array, mark) in enumerate(zip(arrays.values(), _marks(arrays), strict=True))
        ]
        ax.set_xlim(at[0], at[-1])
        if np.all(at == np.round(at)):
            ax.locator_params(axis="x", integer=True)  # there is no step 2.5
        if ylim is not None:
            ax.set_ylim(*ylim)
        _finish(figure, ax, ends, level)
    words = [f"{_words(name)}: {_course(at, array, xlabel)}" for name, array in arrays.items()]
    return Picture(figure, _alt(title, _span(xlabel, at), ylabel, words, level))


def gates_over_time(
    lines: Mapping[str, npt.ArrayLike],
    *,
    title: str = "Gates over time",
    xlabel: str = "step t",
    ylabel: str = "value (0 closed, 1 open)",
) -> Picture:
    """Gates f, i, o or z, r of one unit over time, each (T,) and between 0 and 1."""
    for name, array in _check_lines("plots.gates_over_time", lines, None)[0].items():
        if np.nanmin(array) < 0 or np.nanmax(array) > 1:
            raise ValueError(
                f"plots.gates_over_time: {name} must lie between 0 and 1, got values from "
                f"{_say(np.nanmin(array))} to {_say(np.nanmax(array))}; plots.curves draws states "
                "and candidates"
            )
    return curves(lines, title=title, xlabel=xlabel, ylabel=ylabel, ylim=(-0.03, 1.03))


def state_belt(
    lines: Mapping[str, npt.ArrayLike],
    *,
    title: str = "What the cell keeps",
    xlabel: str = "step t",
    ylabel: str = "cell state C",
    level: tuple[str, float] | None = None,
) -> Picture:
    """The cell state along the belt, one line (T,) for each setting, such as "f = 0.9"."""
    return curves(lines, title=title, xlabel=xlabel, ylabel=ylabel, level=level)


def gradient_against_lag(
    total: Mapping[str, npt.ArrayLike],
    *,
    direct: Mapping[str, npt.ArrayLike] | None = None,
    title: str = "How much of the gradient arrives",
    xlabel: str = "lag k (steps back)",
    ylabel: str = "gradient norm, relative to lag 0",
) -> Picture:
    """Gradient norms over the lags 0 to K-1, each (K,), on a logarithmic scale.

    direct: for some of the same names the direct path alone, such as the product of f; it is drawn
    dashed and hollow in the colour of its total. A norm of 0 has no logarithm: it is left out.
    """
    where = "plots.gradient_against_lag"
    totals, lag = _check_lines(where, total, None)
    directs, _ = _check_lines(where, direct, lag) if direct else ({}, lag)
    if unknown := sorted(set(directs) - set(totals)):
        raise ValueError(f"{where}: direct must name lines of total, got {', '.join(unknown)}")
    for name, array in [*totals.items(), *directs.items()]:
        if not np.all(array >= 0):
            raise ValueError(f"{where}: {name} must hold norms of at least 0, got negative or NaN")
        if not np.any(array > 0):
            raise ValueError(f"{where}: {name} must hold a norm above 0, got none")
    marks = dict(zip(totals, _marks(totals), strict=True))
    ends, words = [], []
    with _axes(title, xlabel, ylabel) as (figure, ax):
        ax.set_yscale("log")
        for path, arrays in (("total", totals), ("direct", directs)):
            for k, (name, array) in enumerate(arrays.items()):
                spoken = f"{_words(name)}, {path}" if name in directs else _words(name)
                line = "-" if path == "total" else (0, (4, 2))
                mark = marks[name]._replace(line=line)
                if name in directs:
                    mark = mark._replace(symbol=f"{mark.symbol}, {path}")
                seen = np.where(array > 0, array, np.nan)
                ends.append(_draw(ax, lag, seen, mark, k, hollow=path == "direct"))
                words.append(f"{spoken}: {_fall(array)}")
        ax.set_xlim(lag[0], lag[-1])
        _finish(figure, ax, ends, None)
    scale = f"{ylabel}, logarithmic"
    return Picture(figure, _alt(title, _span(xlabel, lag), scale, words, None))


def learning_curves(
    runs: Mapping[str, npt.ArrayLike],
    *,
    x: npt.ArrayLike | None = None,
    chance: float | None = None,
    log: bool = False,
    title: str = "Learning curves",
    xlabel: str = "training step",
    ylabel: str = "loss",
) -> Picture:
    """Losses of several seeds: runs[name] is (seeds, N), measured at x (N,).

    The line is the median over the seeds, the band reaches from the lowest to the highest; chance
    is drawn as a level. log: a logarithmic loss axis.
    """
    where = "plots.learning_curves"
    seeds = {name: np.asarray(array, dtype=float) for name, array in runs.items()}
    for name, array in seeds.items():
        if array.ndim != 2 or array.size == 0:
            raise ValueError(
                f"{where}: {name} must have shape (seeds, N), got {array.shape}; a single run "
                "is still a row of its own"
            )
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{where}: {name} must be finite, got NaN or infinity")
    medians = {name: np.median(array, axis=0) for name, array in seeds.items()}
    _, at = _check_lines(where, medians, x)
    ends, words = [], []
    with _axes(title, xlabel, ylabel) as (figure, ax):
        if log:
            ax.set_yscale("log")
        for k, (name, mark) in enumerate(zip(medians, _marks(medians), strict=True)):
            low, high = seeds[name].min(axis=0), seeds[name].max(axis=0)
            ax.fill_between(at, low, high, color=mark.colour, alpha=0.18, linewidth=0)
            ends.append(_draw(ax, at, medians[name], mark, k))
            median, n = medians[name], len(seeds[name])
            words.append(
                f"{_words(name)}, {n} seeds: median from {_say(median[0])} to {_say(median[-1])}, "
                f"at the end between {_say(low[-1])} and {_say(high[-1])}"
            )
        ax.set_xlim(at[0], at[-1])
        level = None if chance is None else ("chance", chance)
        _finish(figure, ax, ends, level)
    scale = f"{ylabel}, median and full range over the seeds"
    return Picture(figure, _alt(title, _span(xlabel, at), scale, words, level))


def bars(
    rows: Mapping[str, tuple[str, float, float]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
) -> Picture:
    """Horizontal bars, the first on top: rows[name] is a quantity of `MARKS`, and where the bar
    starts and ends. A bar to the right is filled, one to the left hollow; its length, with its
    sign, stands beside it.
    """
    where = "plots.bars"
    if not rows:
        raise ValueError(f"{where}: rows must hold at least one bar, got none")
    for name, (quantity, start, end) in rows.items():
        if quantity not in MARKS or not np.all(np.isfinite([start, end])):
            raise ValueError(
                f"{where}: {name} must be a quantity of MARKS and two finite numbers, got "
                f"{(quantity, start, end)!r}"
            )
    with _style():
        figure = _figure(0.9 + 0.3 * len(rows))
        ax = figure.add_subplot()
        ax.set_title(title, pad=10)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.axvline(0, color=FAINT, linewidth=1.2)
        for at, (quantity, start, end) in enumerate(rows.values()):
            colour = MARKS[quantity].colour
            fill = colour if end >= start else CARD
            ax.barh(at, end - start, left=start, height=0.6, color=fill, edgecolor=colour, lw=1.8)
            number = f"{end - start:z.2f}".replace("-", "\N{MINUS SIGN}")
            ax.annotate(
                number, (max(start, end), at), (5, 0), textcoords="offset points", va="center"
            )
        ax.set_yticks(range(len(rows)), labels=list(rows))
        ax.invert_yaxis()
        ends = [end for _, *both in rows.values() for end in (0.0, *both)]
        room = 0.12 * (max(ends) - min(ends) or 1.0)
        ax.set_xlim(min(ends) - (room if min(ends) < 0 else 0.0), max(ends) + room)
        low, high = ax.get_xlim()
        ax.set_xticks([tick for tick in ax.get_xticks() if low <= tick <= high])
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        _settle(figure)
    words = [f"{name}: {end - start:z.2f}" for name, (_, start, end) in rows.items()]
    alt = f"{title}. Across: {xlabel}. Down: {ylabel}. {'; '.join(words)}."
    return Picture(figure, _plain(alt))


def seeds(
    groups: Mapping[str, Mapping[str, Sequence[float | None]]],
    *,
    most: Mapping[str, float],
    title: str,
    xlabel: str = "training step",
    ylabel: str = "task and cell",
    like: Sequence[str] = (),
) -> Picture:
    """One mark for each seed: after how many steps it got there, on a logarithmic scale.

    groups[task][name] holds a number above 0 for each seed, or None for one that did not get there
    in most[task] steps: its mark is hollow and stands where its training ended. Rows share a mark
    up to a comma: "LSTM" and "LSTM, b_f 3". like: the names of another picture, in its order, so
    that each has the mark that it has there.
    """
    where = "plots.seeds"
    rows = [(task, name) for task, named in groups.items() for name in named]
    if not rows:
        raise ValueError(f"{where}: groups must hold at least one row, got none")
    for task, name in rows:
        steps = groups[task][name]
        if not steps or any(n is not None and not 0 < n <= most[task] for n in steps):
            raise ValueError(
                f"{where}: {task}, {name} must hold a number above 0 and at most {most[task]}, or "
                f"None, for each seed, got {list(steps)}"
            )
    names = dict.fromkeys([*like, *(name.partition(",")[0] for _, name in rows)])
    marks = dict(zip(names, _marks(names), strict=True))
    with _style():
        lines = len(rows) + len(groups)
        from matplotlib.ticker import LogLocator, NullLocator

        figure = _figure(0.9 + 0.25 * lines)
        ax = figure.add_subplot()
        ax.set_title(title, pad=10)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.set_xscale("log")
        at, ticks = 0, {}
        for task, named in groups.items():
            ticks[at] = task
            for name, steps in named.items():
                at += 1
                ticks[at] = name
                ax.axhline(at, color="#E3E3E3", linewidth=0.8, zorder=0)
                _row(
                    ax,
                    at,
                    [(n or most[task], n is not None) for n in steps],
                    marks[name.partition(",")[0]],
                )
            at += 1
        ax.set_yticks(list(ticks), labels=list(ticks.values()))
        for label in ax.get_yticklabels():
            if label.get_text() in groups:
                label.set_fontweight("bold")
        ax.set_ylim(lines - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ends = [n or most[task] for task, name in rows for n in groups[task][name]]
        ax.set_xlim(0.75 * min(ends), 1.35 * max(ends))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter("{x:g}")
        _settle(figure)
    words = [
        f"{task}: "
        + "; ".join(
            f"{name} " + ", ".join("not yet" if n is None else _say(n) for n in steps)
            for name, steps in named.items()
        )
        for task, named in groups.items()
    ]
    across = f"Across: {xlabel}, logarithmic. Down: {ylabel}. One number a seed."
    alt = f"{title}. {across} {'. '.join(words)}."
    return Picture(figure, _plain(alt))


def heat_maps(
    maps: Mapping[str, npt.ArrayLike],
    *,
    title: str,
    rows: str,
    columns: str,
    unit: str,
    centre: float = 0.0,
    reach: float | None = None,
) -> Picture:
    """Matrices side by side on one scale, each (R, N): weights by gate, or gates by unit and step.

    rows, columns, unit: what is counted along the two axes and what the colour means, with its
    unit. The scale is diverging and reaches equally far to both sides of `centre` (0 for weights,
    0.5 for gates), by default as far as the largest value. Small matrices also show their numbers.
    """
    where = "plots.heat_maps"
    arrays = {name: np.asarray(array, dtype=float) for name, array in maps.items()}
    if not 1 <= len(arrays) <= 4:
        raise ValueError(f"{where}: maps must hold 1 to 4 matrices, got {len(arrays)}")
    for name, array in arrays.items():
        if array.ndim != 2 or array.size == 0 or not np.all(np.isfinite(array)):
            raise ValueError(f"{where}: {name} must be a finite matrix (R, N), got {array.shape}")
    far = max(float(np.abs(array - centre).max()) for array in arrays.values())
    reach = reach or far or 1.0
    across = len(arrays) if len(arrays) < 4 else 2
    high = max(array.shape[0] for array in arrays.values())
    numbers = max(array.shape[1] for array in arrays.values()) * across <= 12 and high <= 8
    with _style():
        figure = _figure(3.4 if len(arrays) < 4 else 5.6)
        grid = figure.subplots(-(-len(arrays) // across), across, squeeze=False)
        panels: list[Axes] = grid.ravel().tolist()
        for ax, (name, array) in zip(panels, arrays.items(), strict=True):
            image = ax.imshow(
                array, cmap="PuOr", vmin=centre - reach, vmax=centre + reach, aspect="auto"
            )
            mark = MARKS.get(name)
            heading = f"{mark.words.rpartition(' ')[0]} {mark.symbol}" if mark else name
            ax.set_title(heading, fontsize=10.5, fontweight="normal")
            ax.set(xlabel=columns, ylabel=rows)
            ax.label_outer()
            for axis, n in ((ax.xaxis, array.shape[1]), (ax.yaxis, array.shape[0])):
                axis.set_ticks(range(0, n, max(1, -(-n // 8))))
            for r, c in np.ndindex(array.shape if numbers else (0, 0)):
                number = f"{array[r, c]:.2f}".replace("-", "\N{MINUS SIGN}")
                ink = CARD if abs(array[r, c] - centre) > 0.6 * reach else INK
                ax.text(c, r, number, ha="center", va="center", fontsize=9, color=ink)
        figure.colorbar(image, ax=panels, label=unit, pad=0.02)
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        _settle(figure)
    words = [
        f"{_words(name)}, {array.shape[0]} by {array.shape[1]}: from {_say(array.min())} to "
        f"{_say(array.max())}, mean {_say(array.mean())}"
        for name, array in arrays.items()
    ]
    alt = f"{title}. Across: {columns}. Down: {rows}. Colour: {unit}. {'; '.join(words)}."
    return Picture(figure, _plain(alt))


@contextmanager
def _style() -> Iterator[None]:
    """The course's own look, whatever the reader's matplotlibrc says."""
    try:
        import matplotlib.style
    except ImportError as error:
        raise ImportError(
            "rnnlab.plots: drawing needs Matplotlib; pip install matplotlib installs it"
        ) from error
    look: dict[str, Any] = {
        "font.size": 10.5,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "axes.edgecolor": FAINT,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "grid.color": "#E3E3E3",
        "figure.constrained_layout.h_pad": 0.08,
        "figure.constrained_layout.w_pad": 0.08,
        "lines.linewidth": 2.0,
        "lines.markersize": 5.5,
    }
    with matplotlib.style.context(["default", look]):
        yield


def _figure(height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / 100, height), layout="constrained", facecolor=CARD)
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def _axes(title: str, xlabel: str, ylabel: str) -> Iterator[tuple[Figure, Axes]]:
    with _style():
        figure = _figure(3.6)
        ax = figure.add_subplot()
        ax.set_title(title, pad=10)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.grid(axis="y")
        ax.set_axisbelow(True)
        yield figure, ax


@contextmanager
def blank(title: str, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure without axes for a drawing of its own: x from 0 to 7, y to `height`, in inches."""
    with _style():
        figure = _figure(height + 0.35)
        figure.set_layout_engine("none")
        share = height / (height + 0.35)
        ax = figure.add_axes((0, 0, 1, share), xlim=(0, WIDTH / 100), ylim=(0, height))
        ax.set_axis_off()
        figure.text(0.02, (1 + share) / 2, title, fontsize=12, fontweight="bold", va="center")
        yield figure, ax


def _settle(figure: Figure) -> None:
    """Lay the figure out now and for good: a layout made anew moves by a hair at each drawing."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _row(ax: Axes, at: float, marks: list[tuple[float, bool]], mark: Mark) -> None:
    """Marks in a row, filled or hollow; equal ones stand one above the other, as far as it goes."""
    for x, filled in dict.fromkeys(marks):
        n = marks.count((x, filled))
        up = np.linspace(-0.3, 0.3, n) if n > 1 else np.zeros(1)
        fill = mark.colour if filled else CARD
        ax.plot(
            np.full(n, x), at + up, color=mark.colour, linestyle="", marker=mark.marker,
            markerfacecolor=fill, markersize=4.5, clip_on=False,
        )  # fmt: skip


class _End(NamedTuple):
    """Where a line ends, in data units, and what is to be written there."""

    label: str
    y: float
    colour: str
    fill: str
    marker: Any


def _marks(names: Mapping[str, object]) -> list[Mark]:
    """The marks of gates and states; other names share a scale from dark to light."""
    import matplotlib

    others = [name for name in names if name not in MARKS]
    shades = matplotlib.colormaps["plasma"](np.linspace(0.0, 0.6, max(2, len(others))))
    free = {
        name: Mark(name, name, _hex(shade), _LINES[k % len(_LINES)], _MARKERS[k])
        for k, (name, shade) in enumerate(zip(others, shades, strict=False))
    }
    return [MARKS[name] if name in MARKS else free[name] for name in names]


def _hex(rgba: Array) -> str:
    return "#" + "".join(f"{round(255 * float(v)):02X}" for v in rgba[:3])


def _draw(ax: Axes, x: Array, y: Array, mark: Mark, k: int, hollow: bool = False) -> _End:
    fill = CARD if hollow else mark.colour
    every = max(1, len(x) // 8)
    ax.plot(
        x, y, color=mark.colour, linestyle=mark.line, marker=mark.marker,
        markerfacecolor=fill, markevery=(k * every // 4 % every, every), clip_on=False,
    )  # fmt: skip
    seen = y[np.isfinite(y)]
    return _End(mark.symbol, float(seen[-1]), mark.colour, fill, mark.marker)


def _finish(figure: Figure, ax: Axes, ends: list[_End], level: tuple[str, float] | None) -> None:
    """Name each line where it ends, moved apart where names would meet."""
    if level is not None:
        name, y = level
        ax.axhline(y, color=FAINT, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        ends = [*ends, _End(f"{name} {_say(y)}", y, FAINT, FAINT, "")]
    ends = sorted(ends, key=lambda end: end.y)
    labels = [
        ax.annotate(end.label, (1.0, 0.5), (31, 0), "axes fraction", "offset points", va="center")
        for end in ends
    ]
    _settle(figure)
    box = ax.get_window_extent()
    to_axes = ax.transData + ax.transAxes.inverted()
    gap = max(text.get_window_extent().height for text in labels) * 1.12 / box.height
    wanted = [min(1.0, max(0.0, float(to_axes.transform((0.0, end.y))[1]))) for end in ends]
    places = _spread(wanted, gap)
    bend, tip = (1.0 + points * figure.dpi / 72 / box.width for points in (12, 23))
    for end, text, start, place in zip(ends, labels, wanted, places, strict=True):
        text.xy = (1.0, place)
        ax.plot(
            [1.0, bend, tip], [start, place, place], transform=ax.transAxes, color=end.colour,
            linewidth=1.2, marker=end.marker, markevery=[2], markerfacecolor=end.fill,
            clip_on=False,
        )  # fmt: skip


def _spread(wanted: list[float], gap: float) -> list[float]:
    """The places nearest to the wanted ones, in order and at least `gap` apart, within 0 to 1."""
    gap = min(gap, 1.0 / max(1, len(wanted) - 1))
    # with k * gap taken off, "gap apart" becomes "not falling": pool neighbours that fall
    blocks: list[list[float]] = []
    for k, y in enumerate(wanted):
        blocks.append([y - k * gap])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    room = 1.0 - (len(wanted) - 1) * gap
    flat = [min(room, max(0.0, float(np.mean(block)))) for block in blocks for _ in block]
    return [y + k * gap for k, y in enumerate(flat)]


def _check_lines(
    where: str, lines: Mapping[str, npt.ArrayLike], x: npt.ArrayLike | None
) -> tuple[dict[str, Array], Array]:
    arrays = {name: np.asarray(line, dtype=float) for name, line in lines.items()}
    if not 1 <= len(arrays) <= MOST_LINES:
        raise ValueError(f"{where}: there must be 1 to {MOST_LINES} lines, got {len(arrays)}")
    first = next(iter(arrays.values()))
    at = np.arange(first.size, dtype=float) if x is None else np.asarray(x, dtype=float)
    for name, array in arrays.items():
        if array.ndim != 1 or array.shape != at.shape or array.size < 2:
            raise ValueError(
                f"{where}: {name} must have shape ({at.size},), at least 2 points and as many as "
                f"the others, got {array.shape}; pick one example and one unit, such as f[:, 0, 0]"
            )
        if not np.any(np.isfinite(array)):
            raise ValueError(f"{where}: {name} must hold a finite number, got none")
    return arrays, at


def _say(value: float) -> str:
    """Three significant digits, as read aloud; whole numbers such as years in full."""
    value = float(value)
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}"


def _words(name: str) -> str:
    return MARKS[name].words if name in MARKS else name


def _plain(text: str) -> str:
    return text.replace("$", "")


def _span(xlabel: str, x: Array) -> str:
    return f"{xlabel}, {_say(x[0])} to {_say(x[-1])}"


def _course(x: Array, y: Array, xlabel: str) -> str:
    seen = np.flatnonzero(np.isfinite(y))
    first, last, low, high = seen[0], seen[-1], np.nanargmin(y), np.nanargmax(y)
    if y[low] == y[high]:
        return f"stays at {_say(y[low])}"
    words = f"from {_say(y[first])} to {_say(y[last])}"
    what = re.sub(r" \w$", "", _plain(xlabel).split(" (")[0])
    if low not in (first, last) and y[low] < min(y[first], y[last]):
        words += f", lowest {_say(y[low])} at {what} {_say(x[low])}"
    if high not in (first, last) and y[high] > max(y[first], y[last]):
        words += f", highest {_say(y[high])} at {what} {_say(x[high])}"
    return words


def _fall(norms: Array) -> str:
    seen = np.flatnonzero(norms > 0)
    first, last = seen[0], seen[-1]
    words = f"from {_say(norms[first])} to {_say(norms[last])}"
    if last > first:
        factor = (norms[last] / norms[first]) ** (1 / (last - first))
        words += f", a factor of {_say(factor)} a step"
    if last < norms.size - 1:
        words += f"; 0 from lag {last + 1} on"
    return words


def _alt(
    title: str, across: str, up: str, words: list[str], level: tuple[str, float] | None
) -> str:
    if level is not None:
        words = [*words, f"{level[0]}: {_say(level[1])}"]
    return _plain(f"{title}. Across: {across}. Up: {up}. {'; '.join(words)}.")
