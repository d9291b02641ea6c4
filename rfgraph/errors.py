"""The typed exceptions of rfgraph: every one carries a sentence meant for a person."""


class RfgraphError(Exception):
    """Anything that rfgraph itself reports; its text is one sentence for a person."""


class TargetError(RfgraphError):
    """A TARGET string that names no model that can be built."""


class ReportError(RfgraphError):
    """A report that cannot be read, selected from or written."""


class RuleError(RfgraphError):
    """A rule that does not fit its operator, or a set with two rules for one or none to replace."""


class UnknownOperatorError(RfgraphError):
    """An operator without a rule on a path from an input, under ``strict=True``."""


class NodeNotFoundError(RfgraphError, KeyError):
    """A name that is neither a node nor a module path of the analysis."""

    def __str__(self) -> str:
        # KeyError would show the message quoted.
        return str(self.args[0])


class NoPathError(RfgraphError):
    """A model of which no output depends on any input."""


class IndexRangeError(RfgraphError, IndexError):
    """A position with the wrong number of axes, or outside the node."""


class TilingError(RfgraphError):
    """A node that tiles cannot compute exactly, or a tile that does not fit."""


class AlignmentError(RfgraphError):
    """A node whose elements lie on no regular grid of the input."""


class StreamingError(RfgraphError):
    """A node that cannot be computed chunk by chunk, or a stream that is used wrongly."""


class DesignError(RfgraphError):
    """A wanted field, or a change towards it, that makes no sense for the model."""


class InputError(RfgraphError):
    """Inputs that do not describe a call of the model: shape, count or type."""


class ModelError(RfgraphError):
    """Something that cannot be captured because it is not a model that runs."""


class CaptureError(RfgraphError):
    """A model that could not be run while its operators were being recorded."""


class ConfigError(RfgraphError):
    """A configuration, an option or an expectation that says nothing that can be done."""


class MissingExtraError(RfgraphError, ImportError):
    """A library of an optional extra that is not installed.

    Args:
        what: What needs it, as the subject of a sentence.
        library: The library's name.
        extra: The extra of rfgraph that brings it.
    """

    def __init__(self, what: str, library: str, extra: str = "plot") -> None:
        super().__init__(f"{what} needs {library}: pip install 'rfgraph[{extra}]'")
