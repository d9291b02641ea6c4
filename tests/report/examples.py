"""Reports for tests: a small hand-written one, and any that hypothesis can think of."""

from fractions import Fraction

from hypothesis import strategies as st

from rfgraph.report import (
    BranchFacts,
    FieldFacts,
    InputFacts,
    ModuleFacts,
    NodeFacts,
    Report,
    WindowFacts,
)


def field(size=(7, 7), jump=(2, 2), start=(-3, -3), **others):
    """A field of an ordinary CNN, unless told otherwise."""
    half = Fraction(1, 2)
    usual = {
        "size": size,
        "size_min": size,
        "size_max": size,
        "jump": jump,
        "start": start,
        "center": tuple(
            None if a is None else _whole(a + (b - 1) * half)
            for a, b in zip(start, size, strict=True)
        ),
        "period": tuple(None if a is None else 1 for a in size),
        "support": size,
        "global_axes": (False,) * len(size),
        "covers_input": (False,) * len(size),
    }
    return FieldFacts(**{**usual, **others})


def node(name, fields, **others):
    """A node named after the module that it came from."""
    usual = {
        "name": name,
        "operator": "aten.convolution.default",
        "module": name,
        "module_type": "Conv2d",
        "is_module": True,
        "shape": (1, 64, 112, 112),
        "dtype": "float32",
        "status": "exact",
        "fields": fields,
        "path_count": 1,
    }
    return NodeFacts(**{**usual, **others})


def small_report():
    """Two inputs, a merge, a fraction, a global field and a doubtful one."""
    upsampled = field((4, 4), (Fraction(1, 2), Fraction(1, 2)), size_min=(3, 3), period=(2, 2))
    mixed = field(
        (None, None), (None, None), (None, None),
        global_axes=(True, True), global_origins=("pool",), mixes_batch=True,
    )  # fmt: skip
    unseen = field((None,), (None,), (None,), reaches=False)
    tabular = field((3,), (1,), (-1,), support=(2,), covers_input=(True,))
    branch = BranchFacts("conv", (7, 7), (2, 2), (-3, -3), (0, 0), aligned=True)
    return Report(
        inputs=(
            InputFacts("image", (1, 3, 224, 224), "float32", (2, 3)),
            InputFacts("signal", (1, 4, 50), "float32", (2,)),
        ),
        outputs={"output": "pool"},
        modules={
            "body": ModuleFacts("Sequential", ("body.conv",)),
            "body.conv": ModuleFacts("Conv2d", ("body.conv",)),
            "up": ModuleFacts("Upsample", ("up",)),
            "pool": ModuleFacts("AdaptiveAvgPool2d", ("pool",)),
        },
        nodes=(
            node("body.conv", {"image": field(), "signal": unseen}),
            node("up", {"image": upsampled, "signal": unseen}, shape=(1, 64, 224, 224)),
            node(
                "add",
                {"image": field((11, 7), (4, 2), (-5, -3)), "signal": tabular},
                operator="aten.add.Tensor",
                module="",
                module_type="Net",
                is_module=False,
                branches=(branch, branch),
                path_count=2,
            ),
            node(
                "pool",
                {"image": mixed, "signal": tabular},
                shape=(1, 64, 1, 1),
                status="bound",
                reasons=("pool: a reason",),
            ),
        ),
        provenance={"rfgraph": "0.1.0", "torch": "2.15", "target": "a:b # c"},
    )


def _whole(number):
    return number.numerator if number.denominator == 1 else number


NAMES = st.one_of(
    st.sampled_from(["layer1.0.conv1", "yes", "null", "1e3", "2.15", "0x10", "1_0", "a: b", "#"]),
    st.text(max_size=12),
)
WHOLE = st.integers(-(2**70), 2**70)
NUMBERS = st.one_of(WHOLE, st.fractions().map(_whole), st.none())
NAME_TUPLES = st.lists(NAMES, max_size=3).map(tuple)


def per_axis(axes, entries):
    """One entry for each of `axes` axes."""
    return st.tuples(*[entries] * axes)


def fields(axes):
    """Any field over `axes` axes, likely to repeat its numbers."""
    numbers = per_axis(axes, NUMBERS)
    flags = per_axis(axes, st.booleans())
    usual = st.just(None)

    def build(size, minimum, maximum, period, support, **others):
        ones = tuple(None if number is None else 1 for number in size)
        return FieldFacts(
            size=size,
            size_min=minimum or size,
            size_max=maximum or size,
            period=period or ones,
            support=support or size,
            **others,
        )

    return st.builds(
        build,
        size=numbers,
        minimum=usual | numbers,
        maximum=usual | numbers,
        period=usual | numbers,
        support=usual | numbers,
        jump=numbers,
        start=numbers,
        center=numbers,
        global_axes=flags,
        covers_input=flags,
        global_origins=NAME_TUPLES,
        reaches=st.booleans(),
        mixes_batch=st.booleans(),
    )


@st.composite
def reports(draw):
    """Any report."""
    shapes = st.lists(st.integers(0, 10**12), max_size=5).map(tuple)
    inputs = tuple(
        InputFacts(name, shape, draw(NAMES), tuple(range(len(shape)))[-2:])
        for name, shape in draw(st.dictionaries(NAMES, shapes, max_size=3)).items()
    )
    branches = st.integers(1, 3).flatmap(
        lambda axes: st.builds(
            BranchFacts,
            source=NAMES,
            size=per_axis(axes, NUMBERS),
            jump=per_axis(axes, NUMBERS),
            start=per_axis(axes, NUMBERS),
            center=per_axis(axes, NUMBERS),
            aligned=st.booleans(),
        )
    )
    extents = st.lists(st.integers(0, 99), max_size=3).map(tuple)
    windows = st.builds(
        WindowFacts,
        kernel=extents,
        stride=extents,
        padding=st.lists(st.integers(-9, 9), max_size=3).map(tuple),
        dilation=extents,
        transposed=st.booleans(),
    )
    nodes = tuple(
        NodeFacts(
            name=name,
            operator=draw(NAMES),
            module=draw(NAMES),
            module_type=draw(NAMES),
            is_module=draw(st.booleans()),
            shape=draw(shapes),
            dtype=draw(NAMES),
            status=draw(st.sampled_from(["exact", "bound", "unknown"])),
            fields={entry.name: draw(fields(len(entry.axes))) for entry in inputs},
            path_count=draw(st.integers(0, 2**200) | st.just(3**20000)),
            reasons=draw(NAME_TUPLES),
            branches=tuple(draw(st.lists(branches, max_size=2))),
            sources=draw(NAME_TUPLES),
            window=draw(st.none() | windows),
        )
        for name in draw(st.lists(NAMES, max_size=3, unique=True))
    )
    modules = st.builds(ModuleFacts, type=NAMES, nodes=NAME_TUPLES)
    return Report(
        inputs=inputs,
        outputs=draw(st.dictionaries(NAMES, NAMES, max_size=2)),
        modules=draw(st.dictionaries(NAMES, modules, max_size=3)),
        nodes=nodes,
        provenance=draw(st.dictionaries(NAMES, NAMES, max_size=3)),
    )
