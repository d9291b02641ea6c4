"""The pre-commit hook and the GitHub Action run commands that exist, as their definitions say."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from rfgraph.auditing.spellings import SPELLINGS

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


def on_path(tmp_path):
    """A folder with `rfgraph` and `python` in it, as after an installation."""
    for name, line in (("rfgraph", "-m rfgraph"), ("python", "")):
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {line} "$@"\n')
        script.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run_audit_step(tmp_path, **inputs):
    """Run the action's audit step in the example repository."""
    step = ACTION["runs"]["steps"][-1]
    values = {name: entry["default"] for name, entry in ACTION["inputs"].items()} | inputs
    given = {
        name: values[text.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, text in step["env"].items()
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step["run"]],  # noqa: S607 -- as the runner does
        cwd=ROOT / "examples" / "model_repo",
        env={**on_path(tmp_path), **given},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_annotates(tmp_path):
    """By default all models of the configuration are audited, and findings are annotations."""
    done = run_audit_step(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("::notice file=model.py,line=60,title=RF301")


def test_the_action_fails_and_writes(tmp_path):
    """A lower threshold fails the job; the log is written; a target is no shell."""
    log = tmp_path / "log.sarif"
    inputs = {"format": "sarif", "output": str(log), "fail-on": "note", "targets": "segmenter"}
    assert run_audit_step(tmp_path, **inputs).returncode == 1
    assert "RF301" in log.read_text()
    done = run_audit_step(tmp_path, targets="$(touch${IFS}hacked)")
    assert done.returncode == 2
    assert not (ROOT / "examples" / "model_repo" / "hacked").exists()


def test_the_action_is_well_formed():
    """A composite action whose inputs have descriptions and whose steps name their shell."""
    assert ACTION["runs"]["using"] == "composite"
    assert all(step["shell"] == "bash" for step in ACTION["runs"]["steps"])
    assert all(entry["description"] for entry in ACTION["inputs"].values())
    assert ACTION["inputs"]["format"]["default"] in SPELLINGS
    assert not any("inputs." in step["run"] for step in ACTION["runs"]["steps"])


def test_the_hook_runs(tmp_path):
    """The hook's entry audits the repository that it is run in."""
    (hook,) = HOOKS
    assert {"id", "name", "entry", "language"} <= set(hook)
    done = subprocess.run(
        shlex.split(hook["entry"]),
        cwd=ROOT / "examples" / "model_repo",
        env=on_path(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("segmenter: 1 note\n")
