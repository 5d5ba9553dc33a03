"""Reports: a fit as one page of HTML, which prints well and needs no network, or as a notebook."""

from covstudio.reporting.reports import Report, report

__all__ = ["Report", "report"]
