"""The report page: one HTML file that holds everything it shows and needs no network."""

from rfgraph.html.finding import Finding
from rfgraph.html.page import report_page

__all__ = ["Finding", "report_page"]
