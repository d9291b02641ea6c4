"""What a person may type as TARGET, and what is answered when it names nothing."""

import sys
import textwrap

import pytest
import torch
from torch import nn

from rfgraph.errors import InputError, TargetError
from rfgraph.targets import InputSpec, materialize, resolve

CODE = """
import torch
from torch import nn

def build():
    return nn.Conv2d(3, 4, 3)

def broken():
    raise ValueError("no such\\n  layer")

def leaving():
    raise SystemExit(3)

def needy(width, depth=2, *, height):
    return nn.Conv2d(3, 4, 3)

def number():
    return 7

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3))

class Box:
    inner = nn.Conv2d(3, 4, 5)

net = nn.Conv2d(3, 4, 3)
net.example_input_array = torch.zeros(2, 3, 20, 30, dtype=torch.float64)
answer = 42
"""


@pytest.fixture
def file(tmp_path):
    """A Python file with everything that a target may name."""
    path = tmp_path / "some_models.py"
    path.write_text(CODE)
    return path


@pytest.mark.parametrize("name", ["build", "Net", "net", "Box.inner"])
def test_files_name_functions_classes_modules_and_attributes(file, name):
    """Whatever makes or is a model will do."""
    assert isinstance(resolve(f"{file}:{name}").model, nn.Module)


def test_modules_are_imported_from_the_current_folder(file, monkeypatch):
    """`some_models:build` works where the file lies, and sys.path is left as it was."""
    monkeypatch.chdir(file.parent)
    before = list(sys.path)
    try:
        assert isinstance(resolve("some_models:build").model, nn.Conv2d)
    finally:
        sys.modules.pop("some_models", None)
    assert sys.path == before


def test_files_may_import_their_neighbours(file):
    """A script finds the modules beside it, as when it is run."""
    (file.parent / "script.py").write_text("from some_models import build\n")
    try:
        assert isinstance(resolve(f"{file.parent / 'script.py'}:build").model, nn.Conv2d)
    finally:
        sys.modules.pop("some_models", None)


REFUSALS = [
    ("resnet50", "'resnet50' is not a target; write torchvision:NAME, timm:NAME, package.module"),
    ("", "'' is not a target"),
    ("torchvision:", "'torchvision:' is not a target"),
    (":build", "':build' is not a target"),
    ("torchvision:resnet51", "torchvision has no 'resnet51'; close: resnet50"),
    ("timm:convnext_tinny", "timm has no 'convnext_tinny'; close: convnext_tiny"),
    ("timm:hf-hub:someone/model", "timm has no 'hf-hub:someone/model'"),
    ("no_such_package.models:build", "there is no Python module 'no_such_package' to import"),
    ("rfgraph.no_such_module:build", "there is no Python module 'rfgraph.no_such_module'"),
    ("rfgraph.errors:ReportErorr", "rfgraph.errors has no 'ReportErorr'; close: ReportError"),
    ("no/such/file.py:build", "there is no file no/such/file.py"),
    ("no/such/file.pt2", "there is no file no/such/file.pt2"),
    ("FILE:biuld", "some_models.py has no 'biuld'; close: build"),
    ("FILE:Box.iner", "some_models.py has no 'Box.iner'; close: inner"),
    ("FILE:broken", "broken' raised ValueError: no such layer"),
    ("FILE:leaving", "leaving' raised SystemExit: 3"),
    ("FILE:needy", "needy' needs arguments (width, height); name a function that needs none"),
    ("FILE:number", "number' returned an int, not a torch.nn.Module or ExportedProgram"),
    ("FILE:answer", "answer' is an int, not a model or something that returns one"),
]


@pytest.mark.parametrize(("text", "says"), REFUSALS)
def test_what_names_nothing_is_answered_in_one_sentence(file, text, says):
    """Every wrong target has its own sentence."""
    with pytest.raises(TargetError) as caught:
        resolve(text.replace("FILE", str(file)))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("1 / 0", "broken.py raised ZeroDivisionError: division by zero"),
        ("def (:", "broken.py raised SyntaxError"),
        ("import sys; sys.exit('usage: broken')", "broken.py raised SystemExit: usage: broken"),
        ("import no_such_dependency", "raised ModuleNotFoundError: No module named 'no_such"),
    ],
)
def test_files_that_fail_say_how(tmp_path, code, says):
    """A file that cannot be run is told by its own error."""
    path = tmp_path / "broken.py"
    path.write_text(textwrap.dedent(code))
    with pytest.raises(TargetError) as caught:
        resolve(f"{path}:build")
    assert says in str(caught.value)


def test_a_module_that_lacks_a_dependency_says_so(tmp_path, monkeypatch):
    """The missing package is named, not the module that was asked for."""
    (tmp_path / "needs_more.py").write_text("import no_such_dependency\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match="importing needs_more raised ModuleNotFoundError"):
        resolve("needs_more:build")


def test_timm_is_optional(monkeypatch):
    """Without timm the remedy is told."""
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(TargetError, match="needs the package timm: pip install timm"):
        resolve("timm:resnet50")


SIZES = [
    ("torchvision:resnet50", [(1, 3, 224, 224)]),
    ("torchvision:inception_v3", [(1, 3, 299, 299)]),
    ("torchvision:efficientnet_b4", [(1, 3, 380, 380)]),
    ("torchvision:fcn_resnet50", [(1, 3, 520, 520)]),
    ("torchvision:r3d_18", [(1, 3, 16, 112, 112)]),
    ("torchvision:mvit_v2_s", [(1, 3, 16, 224, 224)]),
    ("torchvision:raft_small", [(1, 3, 128, 128), (1, 3, 128, 128)]),
    ("torchvision:quantized_googlenet", [(1, 3, 224, 224)]),
    ("torchvision:ssdlite320_mobilenet_v3_large", [(3, 320, 320)]),
    ("timm:inception_v4", [(1, 3, 299, 299)]),
    ("timm:convnext_tiny.in12k", [(1, 3, 224, 224)]),
]


@pytest.mark.parametrize(("text", "shapes"), SIZES)
def test_libraries_know_their_sizes(text, shapes):
    """The default input is the size that the model was trained at."""
    target = resolve(text)
    assert [spec.shape for spec in target.inputs] == shapes
    assert target.axes == ((1, 2) if len(shapes[0]) == 3 else None)


def test_parameters_hold_no_data_and_buffers_do():
    """Big models cost no memory, but the constants that rules read are there."""
    model = resolve("torchvision:swin_t").model
    assert all(parameter.device.type == "meta" for parameter in model.parameters())
    assert all(buffer.device.type == "cpu" for buffer in model.buffers())
    assert isinstance(nn.Conv2d(1, 1, 1).weight, nn.Parameter)
    assert nn.Conv2d(1, 1, 1).weight.device.type == "cpu"  # building left no hook behind


def test_real_models_hold_data():
    """Where values are looked at, parameters have them."""
    model = resolve("torchvision:squeezenet1_1", real=True).model
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_exported_programs_bring_their_inputs(tmp_path):
    """A .pt2 file is called with what it was exported with."""
    program = torch.export.export(nn.Conv2d(3, 4, 3), (torch.zeros(1, 3, 9, 9),))
    torch.export.save(program, tmp_path / "conv.pt2")
    target = resolve(str(tmp_path / "conv.pt2"))
    arguments = materialize(target)
    assert [tuple(value.shape) for value in arguments.positional] == [(1, 3, 9, 9)]
    assert not arguments.named


def test_files_that_are_no_exported_programs(tmp_path):
    """A .pt2 file with something else inside is refused."""
    (tmp_path / "bad.pt2").write_bytes(b"PK nonsense")
    with pytest.raises(TargetError, match=r"bad\.pt2 as an ExportedProgram raised"):
        resolve(str(tmp_path / "bad.pt2"))


def test_arguments(file):
    """Shapes become tensors of the model's dtype, by position and by name, without data."""
    target = resolve(f"{file}:build")
    target.model.double()
    arguments = materialize(
        target,
        [InputSpec((1, 3, 9, 9)), InputSpec((4,), "int64", "ids"), InputSpec((3, 5), in_list=True)],
    )
    image, images = arguments.positional
    assert (image.dtype, image.device.type) == (torch.float64, "meta")
    assert [tuple(value.shape) for value in images] == [(3, 5)]
    assert arguments.named["ids"].dtype == torch.int64


def test_zero_sizes_are_refused(file):
    """An empty input is told before the model sees it."""
    with pytest.raises(InputError, match=r"The input ids has shape \(4, 0\)"):
        materialize(resolve(f"{file}:build"), [InputSpec((4, 0), "int64", "ids")])


def test_models_may_say_their_input(file):
    """`example_input_array` is taken as the default; without one, the remedy is told."""
    target = resolve(f"{file}:net")
    assert target.inputs == (InputSpec((2, 3, 20, 30), "float64"),)
    with pytest.raises(TargetError, match="no default input; give its shape, such as --input 1x3"):
        materialize(resolve(f"{file}:build"))
