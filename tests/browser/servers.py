"""A Chromium and a JupyterLab, started for a while, and a notebook opened in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat

import rnnlab

NAMES = ("chromium", "chromium-browser", "google-chrome")
ROOT = Path(rnnlab.__file__).parents[1]


class NoBrowser(RuntimeError):
    """Why there is no browser to test with."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, from Debian or wherever the PATH finds one; NoBrowser where there is none."""
    if find_spec("playwright") is None:
        raise NoBrowser("playwright is not installed")
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowser(f"no browser is installed: looked for {', '.join(NAMES)}")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=[*quiet, *root])
        yield browser
        browser.close()


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


@contextmanager
def jupyterlab(home: Path) -> Iterator[Lab]:
    """JupyterLab on loopback, with folders of its own: nobody's settings, nobody's sessions."""
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
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
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
    end = time.monotonic() + 60
    while True:
        try:
            lab.api("status")
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.1)


def notebook(*cells: str) -> Any:
    """A notebook of these code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


@contextmanager
def ran_in_lab(browser: Any, lab: Lab, name: str, cells: Sequence[str]) -> Iterator[Any]:
    """A page with a notebook of these cells, all run; a script error on it raises in the end."""
    nbformat.write(notebook(*cells), lab.folder / name)
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{lab.address}/lab/tree/{name}?token={lab.token}")
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(
            """(n) => {
              const prompts = [...document.querySelectorAll(".jp-InputArea-prompt")];
              return prompts.at(-1).innerText.includes(`[${n}]`);
            }""",
            arg=len(cells),
            timeout=120_000,
        )
        yield page
        if errors:
            raise RuntimeError(f"{name}: scripts failed in JupyterLab: {errors}")


# a watch on an element: `taken` gets the milliseconds from each key event to the frame after the
# picture has changed, `frames` counts the frames that show another picture than the one before
WATCH = """(element) => {
  const look = () => element.querySelector("img")?.src ?? element.innerHTML;
  let start = null;
  let seen = look();
  let asked = false;
  window.taken = [];
  window.frames = 0;
  addEventListener("keydown", (event) => { start ??= event.timeStamp; }, { capture: true });
  const drawn = () => {
    asked = false;
    const now = look();
    if (now === seen) return;
    seen = now;
    window.frames++;
    const pressed = start;
    start = null;
    if (pressed !== null) setTimeout(() => taken.push(performance.now() - pressed));
  };
  const watch = new MutationObserver(() => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(drawn);
  });
  watch.observe(element, { childList: true, subtree: true, attributes: true, characterData: true });
  window.unwatch = () => watch.disconnect();
}"""
