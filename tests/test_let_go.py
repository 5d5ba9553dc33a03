"""What is kept of an object ends with it: what was made of it must not hold it in turn."""

from __future__ import annotations

import gc
from collections.abc import Callable
from weakref import ref

import pytest

from covstudio.covariance.structures.relationship.pedigree import Pedigree
from covstudio.covariance.structures.relationship.relationship import henderson
from covstudio.data.choices import TableChoices
from covstudio.data.relation import Relation
from covstudio.data.tables import Table
from covstudio.document.build.relation_values import _AS_IT_IS, _AS_MATRIX, _MADE
from covstudio.document.build.table_facts import facts_of

PARENTS = [("a", None, None), ("b", None, None), ("c", "a", "b")]


def table() -> Table:
    return Table.from_columns({"y": [1.0, 4.0, 5.0], "g": ["a", "b", "a"]}, "t")


def steps() -> object:
    one = table()
    derived = one.with_choices(TableChoices(steps=[{"keep": "y > 2"}]))
    assert derived.base is one
    assert one.with_choices(TableChoices(steps=[{"keep": "y > 2"}])) is derived
    return one


def facts() -> object:
    one = table()
    facts_of(one)
    return one


def pedigree() -> object:
    one = Pedigree(PARENTS)
    henderson(one)
    return one


def relation() -> object:
    one = Relation.of_pedigree(PARENTS)
    for uses in (_AS_IT_IS, _AS_MATRIX):
        use = uses["pedigree"]
        _MADE.setdefault(one, {})[use.code] = use.make(one)
    return one


@pytest.mark.parametrize("make", [steps, facts, pedigree, relation])
def test_nothing_is_kept_alive_by_what_was_made_of_it(make: Callable[[], object]) -> None:
    ended = ref(make())
    gc.collect()
    assert ended() is None
