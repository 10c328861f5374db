"""The command: lab, doctor, grade, misconceptions; what it prints and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rnnlab
from rnnlab import cli, doctor, notebook
from rnnlab.questions import question


def test_python_m_rnnlab_is_the_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rnnlab", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"rnnlab {rnnlab.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["fly"], ["doctor", "--fast"], ["grade"], ["lab", "--port"]])
def test_wrong_arguments_exit_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2


def test_doctor_has_a_line_each_and_says_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for what in ("Python", "numpy", "jupyterlab", "torch", "course", "browser", "sandbox"):
        assert sum(f"  {what}: " in line for line in lines) == 1, what
    assert lines[-1] == "Ready."


def test_doctor_names_the_cure_and_exits_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = doctor.metadata.version

    def old(name: str) -> str:
        return "3.0.1" if name == "jupyterlab" else real(name)

    monkeypatch.setattr(doctor.metadata, "version", old)
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "MISSING  jupyterlab: must be <5,>=4.4, got 3.0.1; pip install" in out
    assert "Not ready yet" in out


def test_lab_copies_the_course_and_passes_options_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for part in ("notebooks", "exercises"):
        (tmp_path / part).mkdir()
    lecture = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook.write(lecture, tmp_path / "notebooks" / "00_start_here.ipynb")
    (tmp_path / "pyproject.toml").touch()
    started: list[list[str]] = []

    def fake(
        command: list[str], check: bool, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        started.append(command)
        quiet = Path(env["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0])
        assert (quiet / "labconfig" / "default_setting_overrides.json").exists()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(notebook, "course", lambda: tmp_path)
    monkeypatch.setattr(cli.subprocess, "run", fake)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert cli.main(["lab", "--port", "8899", "--ServerApp.token=secret"]) == 0
    assert (tmp_path / "work" / "notebooks" / "00_start_here.ipynb").exists()
    command = started[0]
    assert f"--ServerApp.root_dir={tmp_path / 'work'}" in command
    assert "--ServerApp.port=8899" in command and "--ServerApp.token=secret" in command
    if sys.platform == "linux":
        assert "--no-browser" in command


def test_errors_are_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["grade", "no/such/folder"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("rnnlab grade: ")
    assert captured.err.count("\n") == 1


def test_misconceptions_prints_a_table_and_what_a_learner_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    belt = question("04.belt")
    assert cli.main(["misconceptions", "--question", "04.belt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line[:4].strip().isdigit()]
    assert len(rows) == len(belt.misconceptions)
    for row, one in zip(rows, belt.misconceptions, strict=True):
        assert row.split(maxsplit=1)[1] == one.name  # equals no other, and is taken for itself
    assert lines[-1] == f"1 questions, {len(rows)} misconceptions."
    assert cli.main(["misconceptions", "--examples", "--question", "04.belt"]) == 0
    told = capsys.readouterr().out
    for one in belt.misconceptions:
        assert one.name in told and one.hint in told
    assert cli.main(["misconceptions", "--question", "99.none"]) == 1
    assert "id must be one of" in capsys.readouterr().err
