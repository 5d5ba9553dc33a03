"""What is set before a fit: what the view's messages do to the document, and what it draws of it."""

from __future__ import annotations

import pytest

from covstudio.data.examples import load_example
from covstudio.document.changes.all import SetMethod
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps, loads
from covstudio.estimate import estimate
from covstudio.estimate.inferred import WORDS
from covstudio.export.python import python_source
from covstudio.studio.fit.messages import ChooseDegrees, ChooseMethod
from covstudio.studio.fit.setup import FitSetup
from covstudio.studio.session.store import Store

TABLE = load_example("john_alpha")


@pytest.fixture
def store() -> Store:
    return Store(templates()[0].document(TABLE), [TABLE])


@pytest.fixture
def setup(store: Store) -> FitSetup:
    return FitSetup(store, lambda: None)


@pytest.mark.parametrize("degrees", sorted(WORDS))
def test_every_way_to_test_fixed_effects_may_be_chosen(store: Store, setup: FitSetup, degrees: str) -> None:
    setup.handlers()[ChooseDegrees](ChooseDegrees(degrees=degrees))
    assert store.document.degrees_used == degrees
    assert setup.state()["degrees"] == degrees
    assert loads(dumps(store.document))[0].degrees_used == degrees
    assert f'"{degrees}"' in python_source(store.document, TABLE)
    # Nothing is changed by what is chosen already.
    version = store.version
    setup.handlers()[ChooseDegrees](ChooseDegrees(degrees=degrees))
    assert store.version == version


def test_kenward_roger_by_observed_information_is_a_test_of_its_own(store: Store, setup: FitSetup) -> None:
    inferred = {}
    for degrees in ("kenward-roger", "kenward-roger-observed"):
        setup.handlers()[ChooseDegrees](ChooseDegrees(degrees=degrees))
        inferred[degrees] = estimate(store.document, TABLE).inferred
        assert inferred[degrees].degrees == WORDS[degrees]
    # Expected information: the 12.5 of the fit tab; observed is near it, and another number.
    expected, observed = (one.tests[-1].denominator_df for one in inferred.values())
    assert expected == pytest.approx(12.5, abs=0.05)
    assert observed != pytest.approx(expected, rel=1e-4)
    assert observed == pytest.approx(expected, rel=0.2)


def test_kenward_roger_waits_for_reml(store: Store, setup: FitSetup) -> None:
    setup.handlers()[ChooseDegrees](ChooseDegrees(degrees="kenward-roger-observed"))
    setup.handlers()[ChooseMethod](ChooseMethod(method="ML"))
    assert setup.state()["method"] == "ML"
    assert setup.state()["degrees"] == "satterthwaite"
    store.dispatch(SetMethod("REML"))
    assert setup.state()["degrees"] == "kenward-roger-observed"
    store.undo()
    assert setup.state()["degrees"] == "satterthwaite"
