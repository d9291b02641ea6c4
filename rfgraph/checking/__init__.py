"""The empirical check: predicted fields against the eager model, by gradients and by NaN."""

from rfgraph.checking.check import check
from rfgraph.checking.finding import CheckFinding, Verdict
from rfgraph.checking.result import CheckResult

__all__ = ["CheckFinding", "CheckResult", "Verdict", "check"]
