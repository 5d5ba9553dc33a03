"""The alpha design with changes."""

import pytest

from covstudio.data.examples import load_example
from covstudio.document.changes.all import Batch
from covstudio.document.files.templates import templates
from covstudio.estimate import ModelError, assemble

ALPHA = templates()[0]


def alpha(*changes):
    table = load_example("john_alpha")
    return Batch(changes).apply(ALPHA.document(table)), table


def node(document, name):
    return document.named(name).id


def refused(document, table):
    with pytest.raises(ModelError) as caught:
        assemble(document, table)
    return caught.value
