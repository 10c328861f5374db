"""A real browser, a loopback page that serves the explorers' own files, and a JupyterLab."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rnnlab

FILES = Path(rnnlab.__file__).parent / "explorers"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, from Debian or wherever the PATH finds one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser is installed: looked for {', '.join(NAMES)}")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=[*quiet, *root])
        yield chromium
        chromium.close()


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


class Lab:
    """A JupyterLab that is running: its address, its folder and its token."""

    def __init__(self, folder: Path, port: int, token: str) -> None:
        self.folder, self.token = folder, token
        self.address = f"http://127.0.0.1:{port}"

    def api(self, path: str, method: str = "GET") -> Any:
        """What the server answers to this request."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(
            f"{self.address}/api/{path}", headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=5) as reply:
            return json.loads(reply.read() or b"null")


@pytest.fixture(scope="session")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on loopback, with folders of its own: nobody's settings, nobody's sessions."""
    home = tmp_path_factory.mktemp("lab")
    (home / "notebooks").mkdir()
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True})
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    path = os.pathsep.join(filter(None, [str(FILES.parents[1]), os.environ.get("PYTHONPATH")]))
    env = {
        **os.environ,
        **{name: str(home / at) for name, at in places.items()},
        "PYTHONPATH": path,
    }
    running = Lab(home / "notebooks", port, "loopback")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={running.token}", f"--ServerApp.root_dir={running.folder}"),
        "--LabApp.extension_manager=readonly",
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=home)
    try:
        _wait(running, server, home / "log")
        yield running
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 40
    while True:
        try:
            lab.api("status")
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
            time.sleep(0.1)
