"""Dates: the forms of several countries and programs, as days since 1970; never a wrong month in silence."""

import pytest

from covstudio.data import ChoiceError, ColumnChoice, Table, TableChoices, TableError, read_table
from covstudio.data.dates import days, iso_date
from covstudio.data.design import design_matrix
from covstudio.data.roles import explain_roles


def column(*cells: str, **said) -> Table:
    rows = "".join(f"{number};{cell}\n" for number, cell in enumerate(cells))
    return read_table(f"n;when\n{rows}".encode(), **said)


@pytest.mark.parametrize(
    ("text", "expected"),
    # R: as.numeric(as.Date(x)), and as.numeric(as.POSIXct(x, tz = "UTC")) / 86400
    [
        ("1970-01-01", 0),
        ("2023-05-01", 19478),
        ("1969-07-20", -165),
        ("2024-02-29", 19782),
        ("2023-05-01 12:00", 19478.5),
        ("2023-05-01T12:00:00Z", 19478.5),
        ("2023-05-01T14:00:00+02:00", 19478.5),
        ("2023-05-01T06:00:00.0", 19478.25),
        ("2023-02-30", None),
        ("2023-13-01", None),
        ("2023-05-01 25:00", None),
        ("01.05.2023", None),
        ("2023", None),
    ],
)
def test_days_since_1970(text, expected):
    assert days(text) == expected


@pytest.mark.parametrize(
    "cells",
    [
        ("2023-05-01", "2023-05-15"),
        ("2023/05/01", "2023/05/15"),
        ("2023/5/1", "2023/5/15"),
        ("2023.05.01", "2023.05.15"),
        ("01.05.2023", "15.05.2023"),
        ("1.5.2023", "15.5.2023"),
        ("5/1/2023", "5/15/2023"),
        ("01/05/2023", "15/05/2023"),
        ("01-05-2023", "15-05-2023"),
        ("01MAY2023", "15MAY2023"),
        ("01-May-2023", "15-May-2023"),
        ("1-May-23", "15-May-23"),
        ("1 May 2023", "15 May 2023"),
        ("May 1, 2023", "May 15, 2023"),
        ("1. Mai 2023", "15. Mai 2023"),
    ],
)
def test_every_form_of_dates_becomes_that_of_iso(cells):
    table = column(*cells, "NA")
    assert table.labels("when") == ["2023-05-01", "2023-05-15", None]
    assert table.is_time("when")
    assert table.numbers("when")[:2].tolist() == [19478, 19492]
    said = [note for note in table.notes if "dates were read" in note]
    assert bool(said) == (cells[0] != "2023-05-01")
    assert all(f"{cells[0]} is 2023-05-01" in note for note in said)


def test_month_and_day_that_cannot_be_told_apart_are_asked_about():
    table = column("5/1/2023", "6/2/2023")
    (question,) = table.questions
    assert question.text == (
        "Column 'when': '5/1/2023' may be the date 2023-01-05 (day/month/year) or 2023-05-01 "
        "(month/day/year); it is kept as text."
    )
    assert not table.is_time("when")
    with pytest.raises(TableError, match="These are dates: write them as 2023-05-01, or say which"):
        table.numbers("when")
    found = [column("5/1/2023", "6/2/2023", choices=a.choices).labels("when") for a in question.answers]
    assert found == [["5/1/2023", "6/2/2023"], ["2023-01-05", "2023-02-06"], ["2023-05-01", "2023-06-02"]]


def test_points_say_which_is_which_and_short_years_do_not():
    assert column("01.02.2023", "02.03.2023").labels("when") == ["2023-02-01", "2023-03-02"]
    assert column("10.02.23", "02.03.23").labels("when") == ["10.02.23", "02.03.23"]
    said = TableChoices().with_column("when", order="dmy")
    assert column("10.02.23", "02.03.68", "01.01.69", choices=said).labels("when") == [
        "2023-02-10",
        "2068-03-02",
        "1969-01-01",
    ]


@pytest.mark.parametrize(
    "cells", [("1.2.3", "1.2.4"), ("10-1-2", "3-1-2"), ("2023-05", "2023-06"), ("12:30", "1:10")]
)
def test_labels_that_resemble_dates_are_labels(cells):
    table = column(*cells)
    assert table.labels("when") == list(cells)
    assert not table.questions


def test_times_of_day():
    assert iso_date("5/1/2023 4:30 PM", "mdy") == "2023-05-01T16:30"
    assert iso_date("1.5.2023 16:30:15", "dmy") == "2023-05-01T16:30:15"
    assert iso_date("5/1/2023 12:05 AM", "mdy") == "2023-05-01T00:05"
    assert iso_date("5/1/2023 13:05 AM", "mdy") is None


def test_numbers_that_may_be_dates_are_asked_about():
    text = b"date,y\n20230501,1\n20230508,2\n20230601,3\n"
    table = read_table(text)
    (question,) = table.questions
    assert "20230501 may be the date 2023-05-01, and is read as a number" in question.text
    assert read_table(text, choices=question.answers[1].choices).numbers("date").tolist() == [
        19478,
        19485,
        19509,
    ]
    assert read_table(text, choices=question.answers[0].choices).questions == ()


def test_what_is_said_to_be_a_date_and_is_none():
    said = TableChoices(columns={"when": ColumnChoice(kind="date")})
    with pytest.raises(ChoiceError, match="Column 'when' is said to hold dates, and 'soon' is none"):
        column("2023-05-01", "soon", choices=said)
    with pytest.raises(ChoiceError, match=r"said to hold dates \(month/day/year\), and '15/05/2023' is none"):
        column("01/05/2023", "15/05/2023", choices=said.with_column("when", order="mdy"))


def test_a_date_is_a_covariate_that_counts_days():
    text = b"d,y\n2023-05-01,1\n2023-05-08,2.5\n2023-05-15,3\n2023-05-22,4.4\n2023-05-22,4\n"
    table = read_table(text)
    assert explain_roles(table)["d"].role == "covariate"
    assert explain_roles(table)["y"].role == "response"
    for roles in (None, {"d": "covariate"}, {"d": "ignored"}):
        x = design_matrix(table, "1 + d", roles).x[:, 1]
        assert (x - x[0]).tolist() == [0, 7, 14, 21, 21]
    assert design_matrix(table, "1 + d", {"d": "factor"}).names == (
        "(Intercept)",
        "d[2023-05-08]",
        "d[2023-05-15]",
        "d[2023-05-22]",
    )


def test_levels_that_are_dates_come_in_the_order_of_time():
    table = column("02.06.2023", "01.10.2023", "15.05.2023")
    assert table.levels("when") == ("2023-05-15", "2023-06-02", "2023-10-01")
