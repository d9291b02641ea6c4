"""Files are written wholly or not at all."""

import os
import stat
from pathlib import Path

import pytest

from rfgraph.errors import ReportError
from rfgraph.report import save, write_text
from tests.report.examples import small_report


def test_a_failing_run_leaves_the_old_file(tmp_path, monkeypatch):
    """If the disk fails half-way, the old content stays and no partial file is left."""
    path = tmp_path / "fields.yaml"
    path.write_text("old")

    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ReportError, match=r"cannot write .*fields\.yaml: No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_kept_and_links_followed(tmp_path):
    """The new file is as readable as the old one, and a link still points to it."""
    path, link = tmp_path / "fields.yaml", tmp_path / "link.yaml"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_devices_are_written_directly():
    """What is no regular file, such as /dev/null, is not replaced."""
    write_text(os.devnull, "text")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize("name", ["missing/fields.yaml", "."])
def test_places_that_cannot_be_written(tmp_path, name):
    """A missing folder and a folder are told, not traced."""
    with pytest.raises(ReportError, match="cannot write"):
        write_text(tmp_path / name, "text")


def test_unknown_endings(tmp_path):
    """A file name whose ending stands for no format is refused before anything is written."""
    with pytest.raises(ReportError, match=r"known endings: \.txt, \.yaml, \.yml, \.json, \.md"):
        save(small_report(), tmp_path / "fields.xml")
    assert not list(tmp_path.iterdir())
