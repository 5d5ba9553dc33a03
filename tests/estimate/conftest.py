"""The alpha design, its model and its fit."""

import pytest

from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.estimate import estimate
from covstudio.estimate.fitted import Estimate
from tests.estimate.estimate_cases import ALPHA


@pytest.fixture(scope="module")
def table() -> Table:
    return load_example("john_alpha")


@pytest.fixture(scope="module")
def document(table: Table) -> Document:
    return ALPHA.document(table)


@pytest.fixture(scope="module")
def found(document: Document, table: Table) -> Estimate:
    return estimate(document, table)
