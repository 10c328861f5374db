"""A real browser, a loopback page that serves the explorers' own files, and a JupyterLab."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers import Lab, NoBrowser, chromium, jupyterlab

import rnnlab

FILES = Path(rnnlab.__file__).parent / "explorers"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; where there is none, its tests are skipped and say why."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(chromium())
        except NoBrowser as error:
            pytest.skip(str(error))
        yield opened


class _Files(http.server.SimpleHTTPRequestHandler):
    """The explorers' files; any other address is a blank page."""

    def do_GET(self) -> None:
        if (FILES / self.path.strip("/")).is_file():
            return super().do_GET()
        page = b"<!doctype html><html lang=en><title>blank</title><link rel=icon href='data:,'>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def guess_type(self, path: Any) -> str:
        return "text/javascript" if str(path).endswith(".js") else "text/css"

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the explorers' files are served from, on this machine alone."""
    handler = functools.partial(_Files, directory=str(FILES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A blank page; a script error on it fails the test."""
    with browser.new_context(viewport={"width": 1000, "height": 1000}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))
        page.goto(address)
        yield page
        assert errors == []


@pytest.fixture(scope="session")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab of its own."""
    with jupyterlab(tmp_path_factory.mktemp("lab")) as running:
        yield running
