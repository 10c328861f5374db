"""What a figure says in words and in ink; colours are measured, labels may not touch."""

from __future__ import annotations

import io
import itertools
import json
import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

from rnnlab import plots

matplotlib = pytest.importorskip("matplotlib")

k = np.arange(21)
rng = np.random.default_rng(7)

PICTURES = {
    "curves": lambda: plots.curves(
        {
            "f": 0.3 + 0.02 * k,
            "C_tilde": np.sin(k),
            "h_tilde": np.cos(k),
            "C": k / 7,
            "mine": k / 9,
        },
        title="All parts",
        ylabel="value (no unit)",
        level=("half", 0.5),
    ),
    "gates_over_time": lambda: plots.gates_over_time({"f": 0.9**k, "i": 0.9**k, "o": 0.91**k}),
    "state_belt": lambda: plots.state_belt(
        {f"f = {f}": f**k for f in (0.3, 0.4, 0.5, 0.6, 0.9, 0.99)}, level=("half", 0.5)
    ),
    "gradient_against_lag": lambda: plots.gradient_against_lag(
        {"RNN": 0.5**k, "LSTM": 0.9**k}, direct={"LSTM": 0.8**k}
    ),
    "learning_curves": lambda: plots.learning_curves(
        {"LSTM": rng.uniform(0.1, 0.2, (5, 21)), "GRU": rng.uniform(0.1, 0.2, (3, 21))},
        chance=1 / 6,
    ),
    "heat_maps": lambda: plots.heat_maps(
        {name: rng.standard_normal((3, 4)) for name in ("f", "i", "C_tilde", "o")},
        title="Recurrent weights",
        rows="unit (to)",
        columns="unit (from)",
        unit="weight (no unit)",
    ),
    "bars": lambda: plots.bars(
        {
            "stays": ("C", 0.0, -1.25),
            "comes in": ("C_tilde", -1.25, 0.5),
            "nothing": ("f", 0.0, -0.001),
        },
        title="Two parts of a sum",
        xlabel="value (no unit)",
        ylabel="in order",
    ),
    "seeds": lambda: plots.seeds(
        {"adding": {"RNN": [None, None], "GRU": [175, 200]}, "copy": {"GRU": [600, 600, None]}},
        most={"adding": 1500, "copy": 4000},
        title="When each seed gets there",
    ),
}


@pytest.fixture(scope="module", params=PICTURES)
def picture(request: pytest.FixtureRequest) -> plots.Picture:
    return PICTURES[request.param]()


def test_importing_plots_does_not_import_matplotlib() -> None:
    code = (
        "import sys, rnnlab.plots as p; assert p.PALETTE; "
        "sys.exit(any(m.split('.')[0] in ('matplotlib', 'IPython') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


SIMULATED = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
LSTM, GRU = ["f", "i", "C_tilde", "o", "C", "h"], ["z", "r", "h_tilde", "h"]


class TestColours:
    """Contrast by WCAG 2; distance in OKLab (Ottosson 2020) after Machado et al. (2009)."""

    @staticmethod
    def linear(colour: str) -> np.ndarray:
        rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)

    def contrast(self, one: str, other: str) -> float:
        low, high = sorted(float(self.linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
        return (high + 0.05) / (low + 0.05)

    def oklab(self, colour: str, vision: str) -> np.ndarray:
        rgb = np.clip(np.array(SIMULATED[vision]) @ self.linear(colour), 0, 1)
        lms = np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        lab = np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        return 100 * lab @ np.cbrt(lms @ rgb)

    @pytest.mark.parametrize("name", plots.PALETTE)
    @pytest.mark.parametrize("ground", ["#FFFFFF", "#111111"])
    def test_each_is_seen_on_a_light_and_on_a_dark_page(self, name: str, ground: str) -> None:
        assert self.contrast(plots.PALETTE[name], ground) >= 3

    @pytest.mark.parametrize("vision", SIMULATED)
    @pytest.mark.parametrize("cell", [LSTM, GRU])
    def test_those_of_one_cell_are_told_apart(self, cell: list[str], vision: str) -> None:
        for one, other in itertools.combinations(cell, 2):
            apart = self.oklab(plots.PALETTE[one], vision) - self.oklab(
                plots.PALETTE[other], vision
            )
            assert np.linalg.norm(apart) >= 9, (one, other)

    @pytest.mark.parametrize("cell", [LSTM, GRU])
    def test_colour_is_never_the_only_mark(self, cell: list[str]) -> None:
        assert len({str(plots.MARKS[name].marker) for name in cell}) == len(cell)

    def test_the_explorers_draw_in_the_same_colours(self) -> None:
        script = resources.files("rnnlab").joinpath("explorers/drawing.js").read_text("utf-8")
        block = script.partition("export const PALETTE = {")[2].partition("};")[0]
        assert dict(re.findall(r'(\w+): "(#\w+)"', block)) == plots.PALETTE

    def test_other_lines_are_seen_on_the_card(self) -> None:
        for n in range(1, plots.MOST_LINES + 1):
            marks = plots._marks({f"line {j}": None for j in range(n)})
            assert len({(mark.colour, mark.line, mark.marker) for mark in marks}) == n
            assert min(self.contrast(mark.colour, plots.CARD) for mark in marks) >= 3


class TestEveryPicture:
    def test_writing_lies_within_the_figure_and_nowhere_on_other_writing(self, picture) -> None:
        picture.figure.draw_without_rendering()
        page = picture.figure.bbox
        annotations = [
            (t.get_text(), t.get_window_extent())
            for ax in picture.figure.axes
            for t in [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels()]
            if t.get_text().strip() and t.get_visible()
        ]
        for words, box in annotations:
            inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0
            assert inside and box.y1 <= page.y1, words
        for (one, a), (other, b) in itertools.combinations(annotations, 2):
            assert not a.overlaps(b), (one, other)

    def test_title_and_axis_labels_are_there_and_in_the_words(self, picture) -> None:
        titles = [ax.get_title(loc="left") for ax in picture.figure.axes]
        title = picture.figure.get_suptitle() or titles[0]
        assert title and picture.alt.startswith(title + ". ")
        assert any(ax.get_xlabel() for ax in picture.figure.axes)
        assert any(ax.get_ylabel() for ax in picture.figure.axes)
        assert repr(picture) == picture.alt and "$" not in picture.alt

    def test_the_card_is_opaque_white(self, picture) -> None:
        from matplotlib.image import imread

        pixels = imread(io.BytesIO(picture.png()))
        assert np.all(pixels[..., 3] == 1) and np.all(pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 1)

    def test_shown_once_with_its_words(self, picture, monkeypatch: pytest.MonkeyPatch) -> None:
        display = pytest.importorskip("IPython.display")
        shown: list[tuple] = []
        monkeypatch.setattr(display, "publish_display_data", lambda *data: shown.append(data))
        picture._ipython_display_()
        (image, about), (words,) = shown
        assert set(image) == {"image/png", "text/plain"} and image["text/plain"] == picture.alt
        assert about["image/png"] == {"width": plots.WIDTH, "alt": picture.alt}
        assert set(words) == {"text/html"} and "<details>" in words["text/html"]
        json.dumps(shown)


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_bytes_each_time(name: str) -> None:
    picture = PICTURES[name]()
    places = [ax.get_position().bounds for ax in picture.figure.axes]
    png = picture.png()
    assert [ax.get_position().bounds for ax in picture.figure.axes] == places
    assert png.startswith(b"\x89PNG") and png == picture.png()
    assert b"Software" not in png and b"tIME" not in png


def test_bars_say_how_long_they_are() -> None:
    assert PICTURES["bars"]().alt == (
        "Two parts of a sum. Across: value (no unit). Down: in order. "
        "stays: -1.25; comes in: 1.75; nothing: 0.00."
    )


def test_seeds_are_named_one_by_one() -> None:
    assert PICTURES["seeds"]().alt == (
        "When each seed gets there. Across: training step, logarithmic. Down: task and cell. "
        "One number a seed. adding: RNN not yet, not yet; GRU 175, 200. copy: GRU 600, 600, "
        "not yet."
    )


def test_a_seed_that_did_not_get_there_is_hollow_where_its_training_ended() -> None:
    (ax,) = PICTURES["seeds"]().figure.axes
    drawn = [
        (float(x), round(float(y)), line.get_markerfacecolor() == plots.CARD)
        for line in ax.lines
        if line.get_marker() not in ("None", "")
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]
    rows = {label.get_text(): at for at, label in enumerate(ax.get_yticklabels())}
    assert rows == {"adding": 0, "RNN": 1, "copy": 3, "GRU": 4}
    assert sorted(drawn) == sorted(
        [(1500, 1, True)] * 2 + [(175, 2, False), (200, 2, False)]
        + [(600, 4, False)] * 2 + [(4000, 4, True)]
    )  # fmt: skip
    heights = [y for line in ax.lines for y in line.get_ydata() if abs(y - 4) < 0.5]
    assert len(set(heights)) > 2  # equal ones are seen apart


def test_a_cell_keeps_its_mark_from_picture_to_picture() -> None:
    cells = ("RNN", "LSTM", "GRU")
    one = plots.seeds({"copy": {name: [5] for name in cells}}, most={"copy": 9}, title="t")
    two = plots.seeds(
        {"copy": {"GRU": [5], "GRU, b_z -3": [6]}}, most={"copy": 9}, title="t", like=cells
    )
    drawn = [
        [(line.get_color(), line.get_marker()) for line in ax.lines if line.get_marker() in "osD"]
        for ax in (one.figure.axes[0], two.figure.axes[0])
    ]
    assert len(set(drawn[0])) == 3 and drawn[1] == [drawn[0][2]] * 2


def test_words_are_escaped_in_html(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    shown: list[tuple] = []
    monkeypatch.setattr(display, "publish_display_data", lambda *data: shown.append(data))
    plots.curves({"a": k}, title="a < b & c", ylabel="y")._ipython_display_()
    assert "a &lt; b &amp; c" in shown[1][0]["text/html"]


class TestWords:
    def test_curves(self) -> None:
        picture = plots.curves(
            {"f": [0.25, 0.125, 0.5], "same": [2.0, 2.0, 2.0], "C": [np.nan, 1.0, 3.0]},
            x=[1957, 1958, 1959],
            xlabel="year",
            title="Parts of $x$",
            ylabel="value (no unit)",
            level=("chance", 1 / 6),
        )
        assert picture.alt == (
            "Parts of x. Across: year, 1957 to 1959. Up: value (no unit). "
            "forget gate f: from 0.25 to 0.5, lowest 0.125 at year 1958; same: stays at 2; "
            "cell state C: from 1 to 3; chance: 0.167."
        )

    def test_gates_over_time_counts_the_steps(self) -> None:
        assert plots.gates_over_time({"o": [0.1, 0.9, 0.2]}).alt == (
            "Gates over time. Across: step t, 0 to 2. Up: value (0 closed, 1 open). "
            "output gate o: from 0.1 to 0.2, highest 0.9 at step 1."
        )

    def test_gradient_against_lag_gives_the_factor_of_a_step(self) -> None:
        picture = plots.gradient_against_lag(
            {"RNN": [1.0, 0.5, 0.25, 0.0], "LSTM": [2.0, 2.0, 2.0, 2.0]},
            direct={"LSTM": [2.0, 0.2, 0.02, 0.002]},
        )
        assert picture.alt.endswith(
            "relative to lag 0, logarithmic. RNN: from 1 to 0.25, a factor of 0.5 a step; "
            "0 from lag 3 on; LSTM, total: from 2 to 2, a factor of 1 a step; "
            "LSTM, direct: from 2 to 0.002, a factor of 0.1 a step."
        )

    def test_gradient_against_lag_counts_from_the_first_norm_above_zero(self) -> None:
        assert plots.gradient_against_lag({"h": [0.0, 4.0, 2.0, 1.0]}).alt.endswith(
            "hidden state h: from 4 to 1, a factor of 0.5 a step."
        )

    def test_learning_curves_give_median_and_range(self) -> None:
        picture = plots.learning_curves({"GRU": [[4, 1], [8, 2], [5, 7]]}, chance=0.25)
        assert picture.alt.endswith(
            "loss, median and full range over the seeds. GRU, 3 seeds: median from 5 to 2, at the "
            "end between 1 and 7; chance: 0.25."
        )

    def test_heat_maps_give_range_and_mean(self) -> None:
        picture = plots.heat_maps(
            {"r": [[0.5, -1.5], [0.25, 0.75]]}, title="V", rows="to", columns="from", unit="weight"
        )
        assert picture.alt == (
            "V. Across: from. Down: to. Colour: weight. "
            "reset gate r, 2 by 2: from -1.5 to 0.75, mean 0."
        )


class TestInk:
    def test_curves_draw_what_they_were_given_in_the_marks_of_the_course(self) -> None:
        (ax,) = PICTURES["curves"]().figure.axes
        line = ax.lines[0]
        assert np.array_equal(line.get_xdata(), k)
        assert np.array_equal(line.get_ydata(), 0.3 + 0.02 * k)
        assert line.get_color() == plots.PALETTE["f"] and line.get_marker() == "s"

    def test_steps_are_counted_in_whole_numbers(self) -> None:
        drawn = plots.curves({"C": [1.0, 2.0, 0.5, 0.2, 0.1]}, title="C", ylabel="C", x=range(1, 6))
        ticks = drawn.figure.axes[0].get_xticks()
        assert np.array_equal(ticks, np.round(ticks))

    def test_a_name_stands_at_the_end_of_its_line(self) -> None:
        picture = plots.curves({"low": k / 20, "high": 1 - k / 40}, title="Ends", ylabel="y")
        (ax,) = picture.figure.axes
        for label, y in (("low", 1.0), ("high", 0.5)):
            (text,) = [t for t in ax.texts if t.get_text() == label]
            box = text.get_window_extent()
            middle = ax.transData.inverted().transform((0, (box.y0 + box.y1) / 2))[1]
            assert middle == pytest.approx(y, abs=0.02)

    def test_the_band_reaches_from_the_lowest_to_the_highest_seed(self) -> None:
        runs = np.array([[4.0, 1.0], [8.0, 2.0], [5.0, 7.0]])
        (ax,) = plots.learning_curves({"GRU": runs}).figure.axes
        assert np.array_equal(ax.lines[0].get_ydata(), [5, 2])
        corners = ax.collections[0].get_paths()[0].vertices
        assert {tuple(v) for v in corners.tolist()} >= {(0, 4), (0, 8), (1, 1), (1, 7)}

    def test_gradients_and_losses_on_a_logarithmic_scale(self) -> None:
        (ax,) = PICTURES["gradient_against_lag"]().figure.axes
        assert ax.get_yscale() == "log"
        total, direct = ax.lines[1], ax.lines[2]
        assert total.get_color() == direct.get_color()
        assert (total.is_dashed(), direct.is_dashed()) == (False, True)
        (ax,) = plots.learning_curves({"a": [[1.0, 0.1]]}, log=True).figure.axes
        assert ax.get_yscale() == "log"

    @pytest.mark.parametrize("centre", [0.0, 0.5])
    def test_the_colour_scale_is_centred(self, centre: float) -> None:
        picture = plots.heat_maps(
            {"f": [[0.2, 0.9]], "i": [[0.1, -0.4]]},
            title="Gates",
            rows="unit",
            columns="step t",
            unit="gate",
            centre=centre,
        )
        images = [image for ax in picture.figure.axes[:2] for image in ax.images]
        reach = 0.9
        for image in images:
            assert image.get_clim() == pytest.approx((centre - reach, centre + reach))

    def test_small_matrices_show_their_numbers(self) -> None:
        picture = plots.heat_maps(
            {"f": [[0.25, -1.5]]}, title="W", rows="unit", columns="input", unit="weight"
        )
        assert [text.get_text() for text in picture.figure.axes[0].texts] == ["0.25", "−1.50"]

    def test_the_readers_own_style_does_not_leak_in_and_ours_not_out(self) -> None:
        before = PICTURES["state_belt"]().png()
        own = {"savefig.transparent": True, "font.size": 30, "axes.facecolor": "black"}
        with matplotlib.rc_context(own):
            assert PICTURES["state_belt"]().png() == before
            assert matplotlib.rcParams["font.size"] == 30

    def test_no_figure_is_left_with_pyplot(self) -> None:
        import matplotlib.pyplot as plt

        PICTURES["curves"]().png()
        assert plt.get_fignums() == []


@pytest.mark.parametrize("wanted", [[0.5], [0.1, 0.9], [0.0, 0.0, 0.0], [0.2, 0.5, 0.51, 1.0, 1.0]])
def test_spread_keeps_order_distance_and_page(wanted: list[float]) -> None:
    places = plots._spread(wanted, 0.1)
    assert all(b - a >= 0.1 - 1e-12 for a, b in itertools.pairwise(places))
    assert min(places) >= 0 and max(places) <= 1 + 1e-12
    if len(wanted) < 3:
        assert places == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: plots.curves({"f": np.ones((5, 2, 4))}, title="t", ylabel="y"),
            r"plots.curves: f must have shape .* got \(5, 2, 4\); pick one example and one unit",
        ),
        (
            lambda: plots.curves({"f": k, "i": k[1:]}, title="t", ylabel="y"),
            r"i must have shape \(21,\), .* got \(20,\)",
        ),
        (
            lambda: plots.curves({"f": k}, x=k[1:], title="t", ylabel="y"),
            r"f must have shape \(20,\), .* got \(21,\)",
        ),
        (lambda: plots.curves({}, title="t", ylabel="y"), "there must be 1 to 10 lines, got 0"),
        (
            lambda: plots.curves({str(n): k for n in range(11)}, title="t", ylabel="y"),
            "there must be 1 to 10 lines, got 11",
        ),
        (
            lambda: plots.curves({"f": np.full(5, np.nan)}, title="t", ylabel="y"),
            "f must hold a finite number, got none",
        ),
        (
            lambda: plots.gates_over_time({"f": [0.5, 1.5]}),
            "gates_over_time: f must lie between 0 and 1, got values from 0.5 to 1.5",
        ),
        (
            lambda: plots.gradient_against_lag({"RNN": [1.0, -0.5]}),
            "gradient_against_lag: RNN must hold norms of at least 0, got negative",
        ),
        (
            lambda: plots.gradient_against_lag({"RNN": [0.0, 0.0]}),
            "gradient_against_lag: RNN must hold a norm above 0, got none",
        ),
        (
            lambda: plots.gradient_against_lag({"RNN": [1.0, 0.5]}, direct={"GRU": [1.0, 0.5]}),
            "gradient_against_lag: direct must name lines of total, got GRU",
        ),
        (
            lambda: plots.learning_curves({"GRU": [1.0, 0.5]}),
            r"learning_curves: GRU must have shape \(seeds, N\), got \(2,\); a single run",
        ),
        (
            lambda: plots.learning_curves({"GRU": [[1.0, np.nan]]}),
            "learning_curves: GRU must be finite, got NaN or infinity",
        ),
        (
            lambda: plots.bars({}, title="t", xlabel="x", ylabel="y"),
            "bars: rows must hold at least one bar, got none",
        ),
        (
            lambda: plots.bars({"a": ("g", 0, 1)}, title="t", xlabel="x", ylabel="y"),
            r"bars: a must be a quantity of MARKS and two finite numbers, got \('g', 0, 1\)",
        ),
        (
            lambda: plots.seeds({"copy": {}}, most={"copy": 5}, title="t"),
            "seeds: groups must hold at least one row, got none",
        ),
        (
            lambda: plots.seeds({"copy": {"GRU": [3, 9]}}, most={"copy": 5}, title="t"),
            r"seeds: copy, GRU must hold a number above 0 and at most 5, or None, .* got \[3, 9\]",
        ),
        (
            lambda: plots.heat_maps({}, title="t", rows="r", columns="c", unit="u"),
            "heat_maps: maps must hold 1 to 4 matrices, got 0",
        ),
        (
            lambda: plots.heat_maps({"f": k}, title="t", rows="r", columns="c", unit="u"),
            r"heat_maps: f must be a finite matrix \(R, N\), got \(21,\)",
        ),
    ],
)
def test_mistakes(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_without_matplotlib_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="drawing needs Matplotlib; pip install matplotlib"):
        plots.state_belt({"f = 0.9": 0.9**k})
