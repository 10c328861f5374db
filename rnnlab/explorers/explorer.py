"""What all explorers share: a live widget, and what stands in for it where none can live.

A code host, an untrusted notebook and a printed page show the picture or the text instead. Both
depend on the values alone, so that an executed notebook is the same each time.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import anywidget

from rnnlab.plots import WIDTH, Picture


class Explorer(anywidget.AnyWidget):
    """A widget with a text and, if `picture` draws one, a static picture to stand in for it."""

    _css = Path(__file__).parent / "explorer.css"

    def text(self) -> str:
        """The explorer in words."""
        raise NotImplementedError

    def picture(self) -> Picture | None:
        """The explorer's present picture; None where words are enough."""
        return None

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
        return data, metadata


def check_text(where: str, name: str, words: object) -> None:
    """Raise ValueError unless `words` is a text with something in it."""
    if not isinstance(words, str) or not words.strip():
        raise ValueError(f"{where}: {name} must be a text that says something, got {words!r}")
