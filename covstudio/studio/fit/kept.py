"""A fit as a session keeps it, to be shown again without fitting."""

from __future__ import annotations

from dataclasses import dataclass

from covstudio.document.model.document import Document
from covstudio.estimate import Estimate


@dataclass(frozen=True, eq=False)
class KeptFit:
    """The latest fit of a session.

    Attributes:
        estimate: everything that was estimated, and what was asked beyond it.
        seconds: how long it took.
        number: of the fit in its session.
        document: the one that it belongs to.
    """

    estimate: Estimate
    seconds: float
    number: int
    document: Document
