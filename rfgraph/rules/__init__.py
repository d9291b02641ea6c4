"""Operator rules: how each ATen operator reads its inputs, one family per file."""
