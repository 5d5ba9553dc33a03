"""What every structure promises, as checks that run on any way to build one.

`CONTRACT` lists the checks of all files here; each takes a `Case`. A class gets all of them by being
declared, as `test_contract` runs them on the example of every declaration in the catalogue.
"""

from tests.covariance.contract import (
    compositions,
    declared,
    derivatives,
    entries,
    parameters,
    recall,
    sizes,
    structure,
    values,
    written,
)
from tests.covariance.contract.case import CONTRACT, Case, failed, keep

__all__ = [
    "CONTRACT",
    "Case",
    "compositions",
    "declared",
    "derivatives",
    "entries",
    "failed",
    "keep",
    "parameters",
    "recall",
    "sizes",
    "structure",
    "values",
    "written",
]
