"""A notebook as one HTML file in which its explorers move, without Python and without a network.

An explorer leaves its state in the metadata of its output (`Explorer._repr_mimebundle_`). The page
lays its module, that state and a model that only remembers (`page.js`) over the static picture; the
picture stays where JavaScript is off, and where only Python could compute the next one. Equations
become MathML, which browsers draw themselves, and pictures are laid into the file.

`rnnlab html` writes it, and so does JupyterLab: File, Save and Export Notebook As, Live_html.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor

from rnnlab import explorers
from rnnlab.explorers.explorer import KEPT, VIEW, Explorer

_FOLDER = Path(__file__).parent
_MODEL = (_FOLDER / "page.js").read_text(encoding="utf-8")
_CSS = (_FOLDER / "explorer.css").read_text(encoding="utf-8")

# nbconvert's own page, without the scripts that it would load from elsewhere
_TEMPLATE = """{% extends "lab/index.html.j2" %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block html_head_css %}<style>{{ resources.explorer_css }}</style>{% endblock %}
"""


class Page(HTMLExporter):
    """nbconvert's HTML with explorers that move: `Page().from_filename("04_forget_gate.ipynb")`.

    `resources["explorers"]` of what it returns says how many. Raises ValueError for an explorer
    that this version does not have.
    """

    export_from_notebook = "HTML with explorers that move"

    def __init__(self, **options: Any) -> None:
        super().__init__(raw_template=_TEMPLATE, embed_images=True, **options)  # type: ignore[no-untyped-call]
        self.register_preprocessor(_Alive(enabled=True))  # type: ignore[no-untyped-call]

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        given = {**(resources or {}), "explorer_css": _CSS, "explorers": 0}
        return super().from_notebook_node(nb, given, **options)

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        metadata = context.get("resources", {}).get("metadata", {})
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=metadata.get("path", ""),
            anchor_link_text=self.anchor_link_text,
            exclude_anchor_links=self.exclude_anchor_links,
        )
        return str(MarkdownWithMath(renderer=renderer).render(source))


class _Alive(Preprocessor):
    """Lay each explorer over the picture that stands in for it; give each picture its text."""

    def preprocess_cell(
        self, cell: Any, resources: dict[str, Any], index: int
    ) -> tuple[Any, dict[str, Any]]:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            # the answers of a Predict stand in its source: folded in the lab, left out here
            cell.metadata["transient"] = {"remove_source": True}
        for output in cell.get("outputs", []):
            data, metadata = output.get("data", {}), output.get("metadata", {})
            data.pop(VIEW, None)  # it names a widget of a kernel that is gone
            if KEPT in metadata:
                resources["explorers"] += 1
                name = f"explorer-{resources['explorers']}"
                data["text/html"] = _overlay(metadata[KEPT], _still(data, metadata), name)
            elif "image/png" in data:
                data["text/html"] = _still(data, metadata)
        return cell, resources


def _still(data: dict[str, Any], metadata: dict[str, Any]) -> str:
    """The picture with the text that nbconvert would leave out, or the words of what has none."""
    if "image/png" not in data:
        return f"<pre>{escape(data['text/plain'])}</pre>"
    source = f"data:image/png;base64,{data['image/png'].strip()}"
    about = metadata.get("image/png", {})
    kept = {name: about[name] for name in ("alt", "width", "height") if name in about}
    rest = " ".join(f'{name}="{escape(str(value))}"' for name, value in kept.items())
    return f'<img src="{source}" {rest}>'


def _overlay(kept: dict[str, Any], still: str, name: str) -> str:
    kind = _kind(kept["explorer"])
    state = dict(kept["state"])
    absent = [each for each in kind.shared if each not in state]
    if absent:
        default = kind()
        state |= {each: getattr(default, each) for each in absent}
    values = json.dumps(state, sort_keys=True, ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<div id="{name}">{still}</div>\n<script type="module">\n{kind._esm}\n{_MODEL}\n'
        f'live(render, {values}, document.getElementById("{name}"));\n</script>'
    )


def _kind(name: str) -> type[Explorer]:
    if name not in explorers.__all__:
        raise ValueError(
            f"html: an explorer must be one of {', '.join(explorers.__all__)}, got {name!r}; "
            "run the notebook again with this version of rnnlab"
        )
    kind: type[Explorer] = getattr(explorers, name)
    return kind


class _Renderer(IPythonRenderer):
    """Markdown whose equations the browser draws by itself."""

    def inline_math(self, body: str) -> str:
        return str(convert(body))

    def block_math(self, body: str) -> str:
        # the converter knows aligned equations by their other name alone
        return str(convert(body.replace("{aligned}", "{align*}"), display="block"))

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")
