"""What all explorers share: a live widget, and what stands in for it where none can live.

A code host, an untrusted notebook and a printed page show the picture or the text instead. Both
depend on the values alone, so that an executed notebook is the same each time.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from rnnlab.plots import WIDTH, Picture

VIEW = "application/vnd.jupyter.widget-view+json"
KEPT = "rnnlab"  # the key of an output's metadata under which an explorer leaves its state


class Explorer(anywidget.AnyWidget):
    """A widget with a text and, if `picture` draws one, a static picture to stand in for it."""

    _css = Path(__file__).parent / "explorer.css"
    shared: tuple[str, ...] = ()  # synced values that are the same in every one, so not kept

    def text(self) -> str:
        """The explorer in words."""
        raise NotImplementedError

    def picture(self) -> Picture | None:
        """The explorer's present picture; None where words are enough."""
        return None

    def kept(self) -> dict[str, Any] | None:
        """The state from which it moves again without Python (`page.py`); None where only Python
        computes its picture."""
        known = {*anywidget.AnyWidget.class_trait_names(sync=True), *self.shared}
        names = [name for name in self.keys if name[0] != "_" and name not in known]
        state: dict[str, Any] = self.get_state(sorted(names))
        return state

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        live = super()._repr_mimebundle_(**kwargs)
        if live is None:  # a widget without a view
            return None
        data, metadata = live
        data["text/plain"] = self.text()
        picture = self.picture()
        if picture is not None:
            data["image/png"] = b64encode(picture.png()).decode("ascii")
            metadata["image/png"] = {"width": WIDTH, "alt": picture.alt}
        state = self.kept()
        if state is not None:
            metadata[KEPT] = {"explorer": type(self).__name__, "state": state}
        return data, metadata


class PosedExplorer(Explorer):
    """An explorer that opens with a question to predict: presets pose more, and reset returns.

    A subclass names in `moved` the traits that its inputs move, and says in `sentence` what the
    picture says.
    """

    moved: ClassVar[tuple[str, ...]]

    question = traitlets.Unicode().tag(sync=True)
    presets = traitlets.List(traitlets.Dict()).tag(sync=True)
    start = traitlets.Dict().tag(sync=True)

    def __init__(
        self, presets: Sequence[Mapping[str, Any]], question: str | None = None, **values: Any
    ) -> None:
        """presets: "name", "question" and values of `moved` each; the first asks at first."""
        if question is None:
            question = presets[0]["question"]
        check_text(type(self).__name__, "question", question)
        super().__init__(question=question, presets=[dict(each) for each in presets], **values)
        self.start = {name: getattr(self, name) for name in (*self.moved, "question")}

    def sentence(self) -> str:
        """What the picture says."""
        raise NotImplementedError

    def text(self) -> str:
        """The question, and what the picture says."""
        return f"{self.question}\n{self.sentence()}"

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.moved)
        return f"{type(self).__name__}({values})"


class Number(traitlets.TraitType[float, float]):
    """A number from `low` to `high`; `span` says so in words where the ends have names."""

    def __init__(self, default: float, low: float, high: float, span: str = "") -> None:
        super().__init__(default)
        self.low, self.high, self.span = low, high, span or f"{low:g} to {high:g}"

    def validate(self, obj: Any, value: Any) -> float:
        return self.checked(obj, self.name, value)

    def checked(self, obj: Any, name: str | None, value: Any) -> float:
        """The value as a float; ValueError unless it is a number within the bounds."""
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high:
            raise ValueError(
                f"{type(obj).__name__}: {name} must be a number from {self.span}, got {value!r}"
            )
        return float(value)


class Numbers(traitlets.TraitType[list[float], Sequence[float]]):
    """A list of as many numbers as the default has, from `low` to `high`."""

    def __init__(self, default: Sequence[float], low: float, high: float, span: str = "") -> None:
        super().__init__(list(default))
        self.n, self.each = len(default), Number(low, low, high, span)

    def make_dynamic_default(self) -> list[float]:
        return list(self.default_value)  # not one list for all widgets

    def validate(self, obj: Any, value: Any) -> list[float]:
        if not isinstance(value, (list, tuple)) or len(value) != self.n:
            raise ValueError(
                f"{type(obj).__name__}: {self.name} must be {self.n} numbers, got {value!r}"
            )
        return [self.each.checked(obj, f"each of {self.name}", number) for number in value]


class Whole(traitlets.TraitType[int, int]):
    """A whole number from `low` to `high`."""

    def __init__(self, default: int, low: int, high: int) -> None:
        super().__init__(default)
        self.low, self.high = low, high

    def validate(self, obj: Any, value: Any) -> int:
        return self.checked(obj, self.name, value)

    def checked(self, obj: Any, name: str | None, value: Any) -> int:
        """The value as an int; ValueError unless it is a whole number within the bounds."""
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not self.low <= value <= self.high:
            raise ValueError(
                f"{type(obj).__name__}: {name} must be a whole number from {self.low} to "
                f"{self.high}, got {value!r}"
            )
        return int(value)


class OneOf(traitlets.TraitType[str, str]):
    """One of a few words."""

    def __init__(self, default: str, words: Sequence[str]) -> None:
        super().__init__(default)
        self.words = tuple(words)

    def validate(self, obj: Any, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(
                f"{type(obj).__name__}: {self.name} must be one of "
                f"{', '.join(map(repr, self.words))}, got {value!r}"
            )
        return value


def fixed(value: float, digits: int = 2) -> str:
    """The number as `fixed` of drawing.js writes it: a true minus, and no -0.00."""
    # not f"{value:.2f}": JavaScript rounds a tie away from 0
    number = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{number:z}".replace("-", "\N{MINUS SIGN}")


def openness(gate: float) -> str:
    """How far a gate stands open, in words."""
    if gate < 0.1:
        return "closed"
    return "open" if gate > 0.9 else f"{fixed(100 * gate, 0)} % open"


def check_text(where: str, name: str, words: object) -> None:
    """Raise ValueError unless `words` is a text with something in it."""
    if not isinstance(words, str) or not words.strip():
        raise ValueError(f"{where}: {name} must be a text that says something, got {words!r}")


def share(part: float) -> str:
    """A share as `share` of drawing.js writes it: 0.25, 3.1·10⁻⁷, nothing."""
    if part == 0:
        return "nothing"
    if 0.01 <= part < 1000:
        return f"{part:.2f}"
    digits, power = f"{part:.1e}".split("e")
    return f"{digits}·10{str(int(power)).translate(_RAISED)}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
