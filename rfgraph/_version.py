"""The version of rfgraph, read by the build and by `rfgraph --version`."""

__version__ = "0.1.0"
