"""The order of levels: R's where nobody says anything, a person's where they do; and who is the reference."""

from pathlib import Path

import numpy as np
import pytest

from covstudio.data import (
    ChoiceError,
    ColumnChoice,
    DesignError,
    Table,
    TableChoices,
    ordering,
    read_table,
    sorted_labels,
)
from covstudio.data.design import design_matrix
from covstudio.data.ordering import first_distinct, ordered_labels

#: 547 random labels as R 4.2 with ICU 72 sorts them: icuSetCollate(locale = "en_US"); levels(factor(x))
IN_R = (Path(__file__).parent / "reference" / "levels_in_R.txt").read_text(encoding="utf-8").splitlines()
CARS = b"Price,Origin\n15.9,non-USA\n33.9,USA\n29.1,non-USA\n37.7,USA\n"


def test_labels_are_sorted_as_in_R():
    shuffled = np.random.default_rng(1).permutation(IN_R).tolist()
    assert list(sorted_labels(shuffled)) == IN_R


def test_many_labels_are_sorted_in_pieces_to_the_same_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ordering, "_PIECE", 7)
    shuffled = np.random.default_rng(1).permutation(IN_R).tolist()
    assert list(sorted_labels(shuffled)) == IN_R
    assert sorted_labels([str(number) for number in range(40)]) == tuple(map(str, range(40)))


def test_labels_of_ascii_are_sorted_as_among_others():
    draw = np.random.default_rng(2)
    characters = [*map(chr, range(128)), *"aAbB01 -_" * 5]
    for _ in range(30):
        labels = ["".join(draw.choice(characters, draw.integers(0, 5))) for _ in range(60)]
        assert [one for one in sorted_labels([*labels, "é"]) if one != "é"] == list(sorted_labels(labels))


@pytest.mark.parametrize("wanted", [(), ("mid", "never", "not there")])
def test_the_first_levels_are_the_first_of_all(wanted: tuple[str, ...]):
    labels = ["late", "early", "mid", "never", "Mid", "10", "9"]
    whole = ordered_labels(labels, wanted)
    assert [first_distinct(labels, wanted, most) for most in (0, 3, 9)] == [whole[:0], whole[:3], whole]


def test_the_reference_is_that_of_R():
    # MASS::Cars93 in R: OriginUSA
    assert design_matrix(read_table(CARS), "1 + Origin").names == ("(Intercept)", "Origin[USA]")
    assert design_matrix(read_table(CARS), "1 + Origin").references == {"Origin": "non-USA"}


def test_the_reference_can_be_chosen():
    table = read_table(CARS, reference={"Origin": "USA"})
    design = design_matrix(table, "1 + Origin")
    assert design.names == ("(Intercept)", "Origin[non-USA]")
    assert design.x[:, 1].tolist() == [1, 0, 1, 0]
    assert design.references == {"Origin": "USA"}
    # The order of the levels is another matter.
    assert table.levels("Origin") == ("non-USA", "USA")


DOSES = Table.from_columns(
    {"dose": ["low", "high", "none", "mid"] * 2 + ["low"], "site": list("aaaabbbba")},
    "t",
)


def test_levels_come_in_the_order_that_is_chosen():
    said = TableChoices().with_column("dose", levels=["none", "low", "mid"])
    table = DOSES.with_choices(said)
    assert table.levels("dose") == ("none", "low", "mid", "high")
    assert design_matrix(table, "dose").names == ("(Intercept)", "dose[low]", "dose[mid]", "dose[high]")
    both = said.with_column("dose", reference="mid")
    design = design_matrix(DOSES.with_choices(both), "dose*site")
    assert design.names[:4] == ("(Intercept)", "dose[none]", "dose[low]", "dose[high]")
    assert design_matrix(DOSES.with_choices(both), "0 + dose").names == (
        "dose[none]",
        "dose[low]",
        "dose[mid]",
        "dose[high]",
    )


@pytest.mark.parametrize("reference", ["none", "low", "mid", "high"])
def test_whatever_the_reference_the_columns_span_the_same(reference):
    plain = design_matrix(DOSES, "dose + site", drop_dependent=True).x.numpy()
    table = DOSES.with_choices(TableChoices(columns={"dose": ColumnChoice(reference=reference)}))
    chosen = design_matrix(table, "dose + site", drop_dependent=True).x.numpy()
    assert (
        np.linalg.matrix_rank(np.hstack([plain, chosen])) == np.linalg.matrix_rank(plain) == chosen.shape[1]
    )


def test_a_reference_that_is_not_there():
    table = read_table(CARS, reference={"Origin": "US"})
    with pytest.raises(
        DesignError, match=r"'US' is said to be the reference of 'Origin', .* Did you mean 'USA'"
    ):
        design_matrix(table, "Origin")
    with pytest.raises(ChoiceError, match="holds texts"):
        ColumnChoice(reference=True)


def test_choices_survive_leaving_rows_out():
    table = read_table(CARS, reference={"Origin": "USA"}).rows(np.array([True, True, True, False]))
    assert design_matrix(table, "Origin").names == ("(Intercept)", "Origin[non-USA]")
