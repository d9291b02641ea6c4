"""The documentation builds as a site, and its navigation leads to every page."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def leaves(nav):
    """Every page that a navigation names."""
    for entry in nav:
        for value in entry.values():
            yield from leaves(value) if isinstance(value, list) else [value]


def test_the_navigation_leads_to_every_page():
    """Each page once."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    pages = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").glob("**/*.md")]
    assert sorted(leaves(nav)) == sorted(pages)


@pytest.mark.skipif(not find_spec("material"), reason="mkdocs-material is not installed")
def test_the_site_builds_without_a_warning(tmp_path):
    """Every link and anchor leads somewhere, pictures are there, and pages fetch nothing."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gallery" / "fields.png").is_file()
    for page in tmp_path.glob("**/index.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert 'rel="stylesheet" href="http' not in text
