"""Patches are the brightest positions of all pictures, cut to the pixel."""

import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import rfgraph
from rfgraph import plot
from rfgraph.errors import InputError, NodeNotFoundError
from tests.plot.looks import assert_looks_like


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(20, 3, 16, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 4, 3, padding=2, dilation=2),
    )


def truth(model, pictures, channel, k, per_image):
    """The same by keeping everything."""
    model.eval()
    with torch.no_grad():
        maps = model(pictures)[:, channel].flatten(1)
    scores, places = maps.topk(per_image)
    order = scores.flatten().argsort(descending=True, stable=True)[:k]
    width = model(pictures[:1]).shape[-1]
    found = []
    for n in order.tolist():
        image, place = n // per_image, places.flatten()[n].item()
        found.append((scores.flatten()[n].item(), image, divmod(place, width)))
    return found


@pytest.mark.parametrize("per_image", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_best_of_all(model, pictures, per_image, batch_size):
    """Streaming finds what keeping everything finds, for every channel."""
    found = rfgraph.top_patches(
        model, pictures, "3", [2, 0], k=5, per_image=per_image, batch_size=batch_size
    )
    assert list(found) == [2, 0]
    for channel, patches in found.items():
        expected = truth(model, pictures, channel, 5, per_image)
        assert [(p.source, p.index) for p in patches] == [(i, at) for _, i, at in expected]
        np.testing.assert_allclose([p.score for p in patches], [s for s, _, _ in expected], 1e-5)


def test_patches_are_what_the_element_reads(model, pictures):
    """NaN outside of `seen` leaves the activation as it is."""
    for patch in rfgraph.top_patches(model, pictures, "3", 1, k=4, per_image=2)[1]:
        picture = pictures[patch.source]
        rows, columns = patch.region.slices[2:]
        np.testing.assert_array_equal(
            patch.picture, picture[:, rows, columns].permute(1, 2, 0).numpy()
        )
        kept = torch.full_like(picture, torch.nan)
        inside = torch.zeros(picture.shape[1:], dtype=torch.bool)
        inside[rows, columns] = torch.tensor(patch.seen)
        kept[:, inside] = picture[:, inside]
        with torch.no_grad():
            value = model(kept[None])[0, 1][patch.index]
        assert value.item() == pytest.approx(patch.score, rel=1e-4)
        assert not patch.seen.all()  # dilation leaves holes


def test_the_model_is_as_it_was(model, pictures):
    """Training modes come back, module by module, and no hook stays."""
    model.train()
    model[1].eval()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    rfgraph.top_patches(model, pictures, "2", 0)
    assert [m.training for m in model] == [True, False, True, True]
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


class MapStyle(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k], 7


def test_whatever_holds_pictures(model, pictures, tmp_path):
    """Tensors, data sets, generators and folders give the same patches."""
    expected = rfgraph.top_patches(model, pictures, "3", 0)[0]
    for images in (
        MapStyle(pictures),
        TensorDataset(pictures),
        (p for p in pictures),
        list(pictures),
    ):
        found = rfgraph.top_patches(model, images, "3", 0)[0]
        assert [(p.source, p.index) for p in found] == [(p.source, p.index) for p in expected]
    bytes_of = (pictures * 255).round().byte()
    for k, picture in enumerate(bytes_of):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(tmp_path / f"{k:02}.png")
    found = rfgraph.top_patches(model, tmp_path, "3", 0)[0]
    again = rfgraph.top_patches(model, bytes_of.float() / 255, "3", 0)[0]
    assert [(p.source, p.index) for p in found] == [
        (str(tmp_path / f"{p.source:02}.png"), p.index) for p in again
    ]
    scaled = rfgraph.top_patches(model, tmp_path, "3", 0, size=(24, 24), k=2)[0]
    assert all(p.region.rank == 4 for p in scaled)


def test_pictures_of_several_shapes(model):
    """Each is cut by the field in a picture of its own shape."""
    mixed = [torch.rand(3, side, side + 2) for side in (8, 8, 16, 10, 16)]
    for patch in rfgraph.top_patches(model, mixed, "3", 0, k=5)[0]:
        node = rfgraph.analyze(model, (1, *mixed[patch.source].shape))["3"]
        assert patch.region == node.region(patch.index)


def test_transforms_change_values_only(model, pictures):
    """The patch shows the picture before it; moving pixels is refused."""
    found = rfgraph.top_patches(model, pictures, "3", 0, transform=lambda x: (x - 0.5) / 0.2)[0]
    assert found[0].picture.min() >= 0
    with pytest.raises(InputError, match="only values may change"):
        rfgraph.top_patches(model, pictures, "3", 0, transform=lambda x: x[..., 1:])


def test_channels_last_and_whole_pictures():
    """The channel axis is the one beside batch and space; a classifier's unit sees everything."""

    class Last(nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1)

    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 5, 3), Last()),
        nn.Flatten(),
        nn.Linear(5 * 36, 2),
    )
    images = torch.rand(6, 3, 8, 8)
    best = rfgraph.top_patches(model, images, "0", 4, k=1)[4][0]
    with torch.no_grad():
        maps = model[0](images)
    assert best.score == pytest.approx(maps[..., 4].max().item())
    assert maps[best.source][(*best.index, 4)].item() == pytest.approx(best.score)
    whole = rfgraph.top_patches(model, images, "2", 1, k=1)[1][0]
    assert whole.index == ()
    assert whole.picture.shape == (8, 8, 3)


def test_second_calls():
    """`path_1` is what the second call returned."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3)

        def forward(self, x):
            return self.conv(self.conv(x))

    images = torch.rand(3, 3, 9, 9)
    once = rfgraph.top_patches(Twice(), images, "conv", 0, k=1)[0][0]
    twice = rfgraph.top_patches(Twice(), images, "conv_1", 0, k=1)[0][0]
    assert once.picture.shape == (3, 3, 3)
    assert twice.picture.shape == (5, 5, 3)


def test_memory_is_bounded(model):
    """Of a stream of pictures, no more stay alive than two batches and the best."""
    alive = []

    def stream():
        for _ in range(60):
            picture = torch.rand(3, 8, 8)
            alive.append(weakref.ref(picture))
            yield picture
            assert sum(ref() is not None for ref in alive) <= 2 * 4 + 2 * 3 + 2

    rfgraph.top_patches(model, stream(), "3", [0, 1], k=3, batch_size=4)
    assert len(alive) == 60


def test_progress_goes_to_standard_error(model, pictures, capfd):
    """Only when asked."""
    rfgraph.top_patches(model, pictures, "3", 0)
    assert capfd.readouterr() == ("", "")
    rfgraph.top_patches(model, pictures, "3", 0, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "patches of 3" in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"channel": 4}, "3 has 4 channels, so there is no channel 4"),
        ({"channel": []}, "no channel is given"),
        ({"k": 0}, "k is a number of things, at least 1; got 0"),
        ({"images": torch.rand(3, 8, 8)}, r"a tensor \(N, C, H, W\); got shape \(3, 8, 8\)"),
        ({"images": []}, "there is no picture"),
        ({"images": [torch.rand(8, 8)]}, r"picture 0 is no tensor \(C, H, W\) but \(8, 8\)"),
        ({"images": 3}, "an? int is neither a folder"),
        ({"images": "nowhere"}, "nowhere is no folder"),
        ({"images": torch.full((2, 3, 8, 8), torch.nan)}, "3 is not finite"),
        ({"size": (8, 8)}, "size scales the files of a folder"),
    ],
)
def test_misuse_is_a_sentence(model, pictures, options, says):
    """What is wrong, and where."""
    arguments = {"images": pictures, "node": "3", "channel": 0, **options}
    with pytest.raises(InputError, match=says):
        rfgraph.top_patches(model, **arguments)


def test_nodes_that_no_module_returns(model, pictures):
    """Hooks see modules only."""
    with pytest.raises(NodeNotFoundError, match="No module is called 'add'"):
        rfgraph.top_patches(model, pictures, "add", 0)
    with pytest.raises(NodeNotFoundError, match="does not call '3_1'"):
        rfgraph.top_patches(model, pictures, "3_1", 0)


def test_the_figure(tmp_path):
    """Padding hatched, holes dark, scores below."""
    model = nn.Conv2d(1, 1, 3, padding=2, dilation=2, bias=False)
    with torch.no_grad():
        model.weight.fill_(1)
    row = torch.linspace(0, 1, 9)
    images = torch.stack([torch.outer(row, row), torch.outer(1 - row, row), torch.ones(9, 9) / 4])
    found = rfgraph.top_patches(nn.Sequential(model), images[:, None], "0", 0, k=4, per_image=2)
    figure = plot.patches(found[0], title="what channel 0 seeks")
    assert_looks_like(figure, "patches", tmp_path)
    with pytest.raises(InputError, match="no patch"):
        plot.patches([])
