"""Pictures come out of files and arrays as they are."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from rfgraph.errors import InputError
from rfgraph.pictures import as_array, chart, list_pictures, load_picture


def test_a_photograph_comes_back(tmp_path):
    """A lossless file holds the pixels of scikit-learn's flower."""
    pixels = load_sample_image("flower.jpg")
    path = tmp_path / "flower.png"
    Image.fromarray(pixels).save(path)
    tensor = load_picture(path)
    assert tensor.shape == (3, *pixels.shape[:2])
    assert torch.equal((tensor * 255).round().byte(), torch.tensor(pixels).permute(2, 0, 1))
    assert load_picture(path, (50, 80), channels=1).shape == (1, 50, 80)


def test_cameras_that_were_turned(tmp_path):
    """The orientation mark is obeyed."""
    image = Image.fromarray(np.zeros((4, 9, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert load_picture(tmp_path / "turned.jpg").shape == (3, 9, 4)


def test_files_that_are_no_pictures(tmp_path):
    """A sentence with the file's name."""
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(InputError, match=r"text\.png is no picture that Pillow can read"):
        load_picture(tmp_path / "text.png")
    with pytest.raises(InputError, match=r"cannot read the picture .*missing\.png: No such file"):
        load_picture(tmp_path / "missing.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        tmp_path / "cut.png"
    )
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot read the picture .*cut\.png"):
        load_picture(tmp_path / "cut.png")
    (tmp_path / "good.png").write_bytes(whole)
    with pytest.raises(InputError, match="the model takes 4"):
        load_picture(tmp_path / "good.png", channels=4)


def test_folders(tmp_path):
    """Pictures below a folder, sorted; others are left alone."""
    (tmp_path / "sub").mkdir()
    for name in ("b.png", "sub/a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [p.name for p in list_pictures(tmp_path)] == ["b.png", "a.JPG"]
    with pytest.raises(InputError, match="is no folder"):
        list_pictures(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture is in"):
        list_pictures(tmp_path / "empty")


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (np.zeros((5, 7)), (5, 7, 1)),
        (np.zeros((5, 7, 3)), (5, 7, 3)),
        (np.zeros((3, 5, 7)), (5, 7, 3)),
        (torch.zeros(1, 3, 5, 7), (5, 7, 3)),
        (torch.zeros(3, 5, 3), (5, 3, 3)),
        (np.zeros((5, 7, 4), np.uint8), (5, 7, 3)),
    ],
)
def test_layouts(given, shape):
    """Channels first or last, with or without a batch axis."""
    assert as_array(given).shape == shape


def test_ranges():
    """Bytes, unit floats and normalised tensors all come out from 0 to 1."""
    assert as_array(np.full((2, 2), 255, np.uint8)).max() == 1
    assert as_array(torch.full((1, 2, 2), 51, dtype=torch.uint8)).max() == 0.2
    assert as_array(np.full((2, 2), 0.3)).max() == 0.3
    stretched = as_array(np.array([[-2.0, 0], [1, 2]]))
    assert (stretched.min(), stretched.max()) == (0, 1)


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 2)), np.zeros(3), np.zeros((0, 3, 3)), "text"])
def test_arrays_that_are_no_pictures(bad):
    """A sentence, not a traceback from numpy."""
    with pytest.raises(InputError, match="is no picture"):
        as_array(bad)
    with pytest.raises(InputError, match="not finite"):
        as_array(np.full((2, 2), np.nan))


def test_the_chart():
    """Any size, in range, with more than one colour."""
    for size in ((1, 1), (7, 5), (64, 96)):
        picture = chart(*size)
        assert picture.shape == (*size, 3)
        assert picture.min() >= 0
        assert picture.max() <= 1
    assert chart(64, 64).std() > 0.1
