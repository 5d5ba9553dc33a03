"""Every structure of the palette works from its declaration alone: it builds, draws, exports and is saved."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from covstudio.covariance import Declaration, catalogue
from covstudio.document.build.build import build
from covstudio.document.changes.all import SetFixed
from covstudio.document.files.write import dumps, loads
from covstudio.export.python import missing, python_source
from covstudio.studio.matrix.pictures import Pictures, Snapshot
from covstudio.studio.session.store import Store
from tests.export.catalogue_models import model_of, on_a_table
from tests.export.export_programs import executed_v, expected_v

PALETTE = [declared for declared in catalogue() if declared.palette]


def own_parameters(declared: Declaration) -> bool:
    return any("/" not in name for name in declared.example().param_names)


def of_columns(declared: Declaration) -> bool:
    return any(argument.kind in ("factors", "coordinates") for argument in declared.arguments)


EVERY = pytest.mark.parametrize("declared", PALETTE, ids=lambda declared: declared.name)


@EVERY
def test_it_builds_at_its_default_arguments(declared: Declaration) -> None:
    document = model_of(declared)
    built = build(document)
    assert built.v is not None, built.problems
    assert not [problem for problem in built.problems if problem.severity == "error"]
    assert type(built.matrices["s"]) is declared.cls
    assert bool(torch.isfinite(expected_v(document)).all())
    own = {ref.name for ref in built.parameters if ref.node_id == "s"}
    assert own == {name for name in built.matrices["s"].param_names if "/" not in name}


@EVERY
def test_it_draws_with_every_derivative(declared: Declaration) -> None:
    store = Store(model_of(declared))
    keys = ["V", "node:s", *(f"slice:{ref.path}" for ref in store.build.parameters)]
    snapshot = Snapshot(1, store.document, store.build, dict.fromkeys(keys, 96))
    pictures = Pictures()
    pictures.begin(snapshot)
    tiles = {key: pictures.tile(key) for key in pictures.order()}
    assert tiles.keys() == set(keys)
    for key, tile in tiles.items():
        # What an operator does not look at (off the diagonal of the variances) has a derivative of zero.
        assert tile is not None
        assert (tile.limit > 0) == bool(np.abs(pictures.matrix(key)).max() > 0), key
    moving = [key for key, tile in tiles.items() if tile is not None and tile.limit > 0]
    assert {"V", "node:s"} <= set(moving)
    assert len(moving) > 2 or not store.build.parameters


@EVERY
def test_its_program_gives_the_same_v(declared: Declaration) -> None:
    document = model_of(declared)
    assert missing(document) == ()
    source = python_source(document)
    assert re.search(rf"\b{declared.name}\(", source)
    torch.testing.assert_close(executed_v(source), expected_v(document), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("declared", [d for d in PALETTE if of_columns(d)], ids=lambda d: d.name)
def test_columns_of_a_table_give_what_written_values_give(declared: Declaration) -> None:
    document = model_of(declared)
    bound = on_a_table(document)
    assert bound is not None
    torch.testing.assert_close(expected_v(*bound), expected_v(document), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        executed_v(python_source(*bound)), expected_v(document), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("declared", [d for d in PALETTE if own_parameters(d)], ids=lambda d: d.name)
def test_its_program_keeps_what_is_fixed(declared: Declaration) -> None:
    document = model_of(declared)
    own = [ref.name for ref in build(document).parameters if ref.node_id == "s"]
    fixed = SetFixed("s", own[0], True).apply(document)
    assert [ref.name for ref in build(fixed).parameters if ref.fixed] == [own[0]]
    source = python_source(fixed)
    assert "fixed=True" in source
    torch.testing.assert_close(executed_v(source), expected_v(document), rtol=1e-12, atol=1e-12)


@EVERY
def test_it_is_read_back_as_it_was_saved(declared: Declaration) -> None:
    document = model_of(declared)
    text = dumps(document)
    read, table = loads(text)
    assert (read, table) == (document, None)
    assert dumps(read) == text
    assert torch.equal(expected_v(read), expected_v(document))
