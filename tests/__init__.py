"""The tests of rfgraph; a package, so that no other `tests` can take its place."""
