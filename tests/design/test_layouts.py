"""Designs without data: who stands where, how often two meet, and what cannot be."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from covstudio.data import read_table
from covstudio.design import (
    ImpossibleDesign,
    alpha,
    augmented,
    completely_randomised,
    incomplete_blocks,
    latin_square,
    missing,
    nested,
    randomised_blocks,
    repeated_measures,
    row_column,
    split_plot,
    trials,
)

MADE = {
    "completely_randomised": lambda seed: completely_randomised(5, 20, columns=4, seed=seed),
    "randomised_blocks": lambda seed: randomised_blocks(6, 4, columns=3, seed=seed),
    "latin_square": lambda seed: latin_square(5, 2, seed=seed),
    "alpha": lambda seed: alpha(24, 3, 4, seed=seed),
    "incomplete_blocks": lambda seed: incomplete_blocks(12, 3, 4, seed=seed),
    "row_column": lambda seed: row_column(12, 3, 3, seed=seed),
    "augmented": lambda seed: augmented(3, 20, 5, seed=seed),
    "split_plot": lambda seed: split_plot(3, 4, 5, seed=seed),
    "repeated_measures": lambda seed: repeated_measures(8, 4, 2, seed=seed),
    "trials": lambda seed: trials(alpha, 2, treatments=24, replicates=2, block_size=4, seed=seed),
    "missing": lambda seed: missing(randomised_blocks(6, 4), 0.25, seed=seed),
}


def groups(table, *columns):
    """Treatments by the combinations of some columns."""
    found: dict[tuple[str, ...], list[str]] = {}
    for key, treatment in zip(
        zip(*(table.labels(c) for c in columns), strict=True), table.labels("treatment"), strict=True
    ):
        found.setdefault(key, []).append(treatment)
    return found


def meetings(table, *columns):
    """How often two treatments stand in one group."""
    return Counter(
        pair
        for members in groups(table, *columns).values()
        for pair in itertools.combinations(sorted(members), 2)
    )


@pytest.mark.parametrize("name", MADE)
def test_a_seed_is_one_randomisation(name):
    one, same, other = MADE[name](1), MADE[name](1), MADE[name](2)
    assert one.to_columns() == same.to_columns() != other.to_columns()
    assert one.n == other.n


@pytest.mark.parametrize("name", MADE)
def test_a_design_is_a_file(name):
    table = MADE[name](1)
    assert read_table(table.to_csv().encode(), name="design.csv").to_columns() == table.to_columns()


@pytest.mark.parametrize(
    "name", [name for name in MADE if name not in ("repeated_measures", "trials", "missing")]
)
def test_a_plot_is_one_place_of_the_field(name):
    table = MADE[name](1)
    places = set(zip(table.labels("row"), table.labels("column"), strict=True))
    assert len(places) == table.n
    assert table.labels("plot") == [str(i) for i in range(1, table.n + 1)]


def test_every_block_has_every_treatment_once():
    for members in groups(randomised_blocks(7, 5, seed=3), "block").values():
        assert sorted(members) == [f"T{i}" for i in range(1, 8)]


def test_treatments_are_repeated_as_equally_as_goes():
    counts = Counter(completely_randomised(5, 23, seed=2).labels("treatment"))
    assert sorted(counts.values()) == [4, 4, 5, 5, 5]


def test_a_square_has_every_treatment_in_every_row_and_column():
    table = latin_square(6, 3, seed=4)
    for line in ("row", "column"):
        for members in groups(table, "square", line).values():
            assert len(set(members)) == len(members) == 6


@pytest.mark.parametrize(
    ("treatments", "replicates", "size"),
    [
        (24, 3, 4),
        (24, 2, 4),
        (30, 3, 5),
        (25, 5, 5),
        (36, 3, 4),
        (15, 3, 3),
        (49, 7, 7),
        (42, 3, 6),
        (20, 3, 4),
    ],
)
def test_treatments_of_an_alpha_design_meet_at_most_once(treatments, replicates, size):
    table = alpha(treatments, replicates, size, seed=5)
    assert max(meetings(table, "replicate", "block").values()) == 1
    for members in groups(table, "replicate").values():
        assert len(set(members)) == len(members) == treatments
    assert {len(members) for members in groups(table, "replicate", "block").values()} == {size}


def test_incomplete_blocks_are_balanced_where_they_can_be():
    """A lattice of 9 treatments in 4 replicates of 3 blocks has every pair once; others come close."""
    lattice = meetings(incomplete_blocks(9, 4, 3, seed=1), "replicate", "block")
    assert len(lattice) == 36
    assert set(lattice.values()) == {1}
    met = meetings(incomplete_blocks(24, 4, 6, seed=1), "replicate", "block")
    # 4 x 4 blocks of 15 pairs; by chance the squares come to 240 + 240 * 239 / 276 * 15 / 16 or so, 435.
    assert sum(met.values()) == 240
    assert sum(times**2 for times in met.values()) < 360


def test_rows_and_columns_are_both_balanced():
    table = row_column(20, 3, 4, seed=1)
    for line in ("row", "column"):
        assert max(meetings(table, "replicate", line).values()) <= 2
    for members in groups(table, "replicate").values():
        assert len(set(members)) == len(members) == 20


def test_checks_stand_in_every_block_and_the_new_ones_once():
    table = augmented(["A", "B"], 23, 4, seed=1)
    counts = Counter(table.labels("treatment"))
    assert counts.pop("A") == counts.pop("B") == 4
    assert set(counts.values()) == {1}
    assert sorted(len(members) for members in groups(table, "block").values()) == [7, 8, 8, 8]


def test_whole_plots_have_one_level_and_all_of_the_other():
    table = split_plot(3, 4, 5, seed=1)
    by_plot: dict[str, set[tuple[str, str]]] = {}
    for plot, outer, inner in zip(
        table.labels("whole_plot"), table.labels("whole"), table.labels("sub"), strict=True
    ):
        by_plot.setdefault(plot, set()).add((outer, inner))
    assert len(by_plot) == 15
    for pairs in by_plot.values():
        assert len({outer for outer, _ in pairs}) == 1
        assert len({inner for _, inner in pairs}) == 4


def test_subjects_keep_their_treatment():
    table = repeated_measures(10, [0.0, 0.5, 2.0], ["placebo", "drug"], seed=1)
    kept = dict(zip(table.labels("subject"), table.labels("treatment"), strict=True))
    assert Counter(kept.values()) == {"placebo": 5, "drug": 5}
    assert groups(table, "subject").keys() == {(name,) for name in kept}
    assert [set(members) for members in groups(table, "subject").values()] == [{t} for t in kept.values()]
    assert sorted(set(table.numbers("time").tolist())) == [0.0, 0.5, 2.0]


def test_levels_of_a_nested_design_lie_within_each_other():
    table = nested(sire=4, dam=3, record=2)
    pairs = set(zip(table.labels("sire"), table.labels("dam"), strict=True))
    assert (table.n, len(pairs), len(table.levels("dam"))) == (24, 12, 12)


def test_trials_are_randomised_one_by_one():
    table = trials(randomised_blocks, ["a", "b"], treatments=8, blocks=2, seed=1)
    first, second = (
        [t for t, s in zip(table.labels("treatment"), table.labels("site"), strict=True) if s == site]
        for site in ("a", "b")
    )
    assert sorted(first) == sorted(second)
    assert first != second


def test_plots_are_lost_by_the_rate():
    table = missing(randomised_blocks(10, 10), 0.13, seed=3)
    assert table.n == 87
    assert missing(table, 0.0).to_columns() == table.to_columns()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: completely_randomised(24, 20), "24 treatments cannot stand on 20 plots.*24 plots or more"),
        (lambda: completely_randomised(4, 22, columns=4), "22 plots in rows of 4 leave 2 over.*1, 2, 11, 22"),
        (lambda: randomised_blocks(6, 3, columns=4), "blocks of 6 plots in rows of 4 leave 2 over"),
        (lambda: randomised_blocks(1, 3), "treatments must be a whole number of at least 2, and is 1"),
        (lambda: randomised_blocks(["A", "B", "A"], 3), "'A' stands twice"),
        (lambda: randomised_blocks(["A"], 3), "treatments must be at least 2, and are 1"),
        (lambda: randomised_blocks(4, 0), "blocks must be a whole number of at least 1, and is 0"),
        (lambda: randomised_blocks(4, 2.5), "blocks must be a whole number of at least 1, and is 2.5"),
        (lambda: randomised_blocks(4, 3, seed=-1), "seed must be a whole number of at least 0"),
        (lambda: alpha(24, 3, 5), "24 treatments in blocks of 5 leave 4 over: 24 is divided by 1, 2, 3, 4"),
        (lambda: alpha(24, 4, 4), "There is one for 3 replicates"),
        (lambda: alpha(24, 3, 6), "no generating array.*Ask incomplete_blocks"),
        (lambda: alpha(24, 1, 4), "replicates must be a whole number of at least 2"),
        (lambda: alpha(24, 2, 24), "that is randomised_blocks"),
        (lambda: alpha(24, 2, 1), "block_size must be a whole number of at least 2"),
        (lambda: incomplete_blocks(10, 2, 4), "10 treatments in blocks of 4 leave 2 over"),
        (lambda: row_column(10, 2, 4), "10 treatments in rectangles of 4 rows leave 2 over"),
        (lambda: augmented(["A", "B"], ["B", "C"], 3), "'B' is a check and a new treatment"),
        (lambda: augmented(1, 20, 4), "take two checks or more"),
        (lambda: augmented(2, 20, 1), "blocks must be a whole number of at least 2, and is 1"),
        (lambda: split_plot(2, 2, 1), "Take two blocks or more"),
        (lambda: repeated_measures(5, 3, 2), "5 subjects under 2 treatments leave 1 over"),
        (lambda: repeated_measures(3, 3, 4), "4 treatments need as many subjects, and there are 3"),
        (lambda: repeated_measures(4, [1, 1.0]), "times must be different"),
        (lambda: repeated_measures(4, []), "times must be different"),
        (lambda: nested(sire=4), "needs two levels or more"),
        (lambda: nested(sire=4, dam=0, record=2), "dam must be a whole number of at least 1, and is 0"),
        (lambda: missing(randomised_blocks(4, 3), 1.0), "at least 0 and below 1"),
        (lambda: missing(randomised_blocks(2, 1), 0.9), "leaves none of 2 plots"),
        (lambda: trials(alpha, 0, treatments=24, replicates=2, block_size=4), "sites must be a whole number"),
    ],
)
def test_a_design_that_cannot_be_says_why_and_what_could(make, said):
    with pytest.raises(ImpossibleDesign, match=said) as raised:
        make()
    assert re.search(r"\.$", str(raised.value))


def test_designs_do_not_depend_on_the_random_state_of_the_program():
    np.random.seed(1)
    one = alpha(24, 3, 4, seed=7).to_columns()
    np.random.seed(2)
    assert alpha(24, 3, 4, seed=7).to_columns() == one
