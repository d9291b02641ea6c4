"""The rules of the audit: one file per idea, its docstring the explanation that a person reads."""
