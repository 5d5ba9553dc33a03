"""Numbers as people write them: marks between thousands, decimal commas, currencies, percent, minus signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covstudio.data import ChoiceError, ColumnChoice, TableChoices, TableError, read_table
from covstudio.data.numerals import numeral
from covstudio.data.roles import explain_roles


def numbers(text: str, column: str, **said) -> list[float]:
    table = read_table(text.encode(), **said)
    assert table.is_numeric(column), table.notes
    return table.numbers(column).tolist()


def notes(text: str, **said) -> str:
    return "\n".join(read_table(text.encode(), **said).notes)


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("1'234.5", 1234.5, None),
        ("1\u2019234\u2019567", 1234567, 1234567),
        ("1 000,92", None, 1000.92),
        ("1\u202f000,92", None, 1000.92),
        ("1\u2009000.92", 1000.92, None),
        ("1\u00a0250", 1250, 1250),
        ("1,5E+17", None, 1.5e17),
        ("1.5D+03", 1500, None),
        ("\u22121.5", -1.5, None),
        ("\u20132", -2, -2),
        ("-$4.10", -4.1, None),
        ("$ -4.10", -4.1, None),
        ("\u20ac 1.250,00", None, 1250),
        ("1.250 \u20ac", 1.25, 1250),
        ("CHF 1'234.50", 1234.5, None),
        ("kr 1 250", 1250, 1250),
        ("42 %", 42, 42),
        (" 67,311,748".strip(), 67311748, None),
        ("67.311.748,5", None, 67311748.5),
        ("1,23,456", 123456, None),
        ("1.250", 1.25, 1250),
        ("1,250", 1250, 1.25),
        ("0.125", 0.125, None),
        (",5", None, 0.5),
    ],
)
def test_a_number_in_both_readings(text, point, comma):
    one = numeral(text)
    assert one is not None
    assert (one.value("."), one.value(",")) == (point, comma)


@pytest.mark.parametrize(
    "text",
    [
        *("", "G1", "1.2.3", "1.23.456", "1,234,56", "1 234 5", "12 34", "1'23", "2023-05-01", "5 kg", "(5)"),
        *("5-", "$", "%", "$5\u20ac", "１", "\u0663", "1_000", "0x10", "12e", "1 - 2", "4,1 5", "EUROPA 5"),
    ],
)
def test_what_is_no_number(text):
    assert numeral(text) is None


def test_thousands_beside_decimal_commas_are_thousands_and_that_is_said():
    text = "plot;area;yield\n1;1.250;4,1\n2;2.340;3,9\n3;1.125;4,45\n4;3.500;4,0\n"
    assert numbers(text, "area") == [1250, 2340, 1125, 3500]
    assert numbers(text, "yield") == [4.1, 3.9, 4.45, 4.0]
    said = (
        "points between thousands were left out, as column 'yield' has decimal commas: 1.250 is read as 1250"
    )
    assert said in notes(text)
    assert numbers("area\tyield\n1,250\t4.1\n2,340\t3.9\n", "area") == [1250, 2340]


def test_a_column_shows_by_itself_which_mark_is_which():
    assert numbers("g;y\nA;1.041,5\nB;939,25\nC;1.002\n", "y") == [1041.5, 939.25, 1002]
    assert numbers('g,y\nA,"1,041.5"\nB,939.25\nC,"1,002"\n', "y") == [1041.5, 939.25, 1002]
    assert numbers("g;y\nA;1'234\nB;980\nC;12'050\n", "y") == [1234, 980, 12050]
    # Who marks thousands marks all of them: 2340 shows that 1.250 is no thousand.
    assert numbers("g;y\nA;1.250\nB;2340\n", "y") == [1.25, 2340]
    assert numbers("g;y\nA;0.250\nB;2.340\n", "y") == [0.25, 2.34]


@pytest.mark.parametrize(
    ("text", "now", "small", "large"),
    [
        ("g;y\nA;1.250\nB;2.340\n", [1.25, 2.34], [1.25, 2.34], [1250, 2340]),
        ("g;y\nA;1,250\nB;2,340\n", [1.25, 2.34], [1.25, 2.34], [1250, 2340]),
        ('g,y\nA,"1,250"\nB,"2,340"\n', None, [1.25, 2.34], [1250, 2340]),
        ("g\ty\nA\t1,250\nB\t2,340\n", None, [1.25, 2.34], [1250, 2340]),
    ],
)
def test_what_may_be_decimal_or_thousand_is_asked(text, now, small, large):
    table = read_table(text.encode())
    (question,) = table.questions
    assert question.column == "y"
    assert "may be 1.25 or 1250, and nothing in the file shows which" in question.text
    assert question.text in table.notes
    if now is None:
        assert table.labels("y")[0] == "1,250"
        with pytest.raises(TableError, match=r"row 1 holds '1,250' in line 2.*may be 1\.25 or 1250"):
            table.numbers("y")
    else:
        assert table.numbers("y").tolist() == now
    answers = {answer.text: answer.choices for answer in question.answers}
    mark = next(mark for mark in ".," if f"1{mark}250 is 1.25" in answers)
    for answer, expected in ((f"1{mark}250 is 1.25", small), (f"1{mark}250 is 1250", large)):
        again = read_table(text.encode(), choices=answers[answer])
        assert again.numbers("y").tolist() == expected
        assert not again.questions
    # The first answer confirms how it is read now.
    first = read_table(text.encode(), choices=question.answers[0].choices)
    assert first.to_columns() == table.to_columns()
    assert not first.questions


def test_a_comma_file_with_points_of_three_digits_is_read_as_every_program_reads_it():
    table = read_table(b"g,y\nA,1.250\nB,2.340\n")
    assert table.numbers("y").tolist() == [1.25, 2.34]
    assert table.notes == ()


def test_the_decimal_mark_can_be_said():
    text = "g;y\nA;1.250\nB;2.340\n"
    assert numbers(text, "y", choices=TableChoices(decimal=",")) == [1250, 2340]
    with pytest.raises(ChoiceError, match=r"said to have decimal commas, and '4\.1' has another mark"):
        read_table(b"g;y\nA;4.1\n", choices=TableChoices().with_column("y", decimal=","))
    with pytest.raises(ChoiceError, match=r"The decimal can be '\.' or ','"):
        TableChoices(decimal="'")


def test_percent_and_currency():
    text = 'Region,Churn,Sales\nN,42%," 67,311,748 "\nS,3.5%," $125,580,891 "\n'
    assert numbers(text, "Churn") == [42, 3.5]
    assert numbers(text, "Sales") == [67311748, 125580891]
    assert "percent signs were left out: 42% is read as 42" in notes(text)
    assert "currency sign '$' was left out" in notes(text)
    assert numbers("g,y\nA,$4.10\nB,2\nC,3\n", "y") == [4.1, 2, 3]
    assert numbers("g;y\nA;1.250,00 \u20ac\nB;980,50 \u20ac\n", "y") == [1250, 980.5]


def test_typographic_minus_signs_and_exponents():
    assert numbers("g,y\nA,\u22121.5\nB,2\n", "y") == [-1.5, 2]
    assert "minus signs of typography were read as minus: \u22121.5 is read as -1.5" in notes(
        "g,y\nA,\u22121.5\nB,2\n"
    )
    assert numbers("g;y\nA;1,5E+17\nB;2,25\n", "y") == [1.5e17, 2.25]


@pytest.mark.parametrize(
    ("cells", "cause"),
    [
        (["4.1", "3,9"], "Decimal points and decimal commas are mixed: '4.1' and '3,9'"),
        (["42%", "0.37"], "'42%' has a percent sign and '0.37' has none"),
        (["$5", "\u20ac7"], "Amounts in '$' and in '\u20ac' stand in one column"),
        (["0.7", "<0.5"], "'<0.5' is a limit, not a value"),
        (["5 kg", "7"], "'kg' stands behind the number in '5 kg'"),
        (["4.2*", "7"], "'*' stands behind the number in '4.2*'"),
        (["(5.2)", "7.1"], "'(5.2)' has brackets, as accountants write a minus: write -5.2 if it is one"),
        (["5.2-", "7.1"], "'5.2-' has its minus sign behind it"),
        (["Inf", "7.1"], "'Inf' is no finite number"),
        (["1e999", "7.1"], "'1e999' is no finite number"),
        (["1_000", "7.1"], "Write '1_000' as a number such as -1234.5"),
        (["lost", "7.1"], "Leave a cell empty, or write NA, where there is no value"),
        (["5/1/2023", "6/2/2023"], "These are dates: write them as 2023-05-01, or say"),
        (["5/1/2023", "3.2"], "These are dates"),
    ],
)
def test_the_cause_that_is_there_is_named_with_its_line(cells, cause):
    text = "g;y\n" + "".join(f"{letter};{cell}\n" for letter, cell in zip("AB", cells, strict=True))
    table = read_table(text.encode())
    with pytest.raises(TableError) as caught:
        table.numbers("y")
    message = str(caught.value)
    assert cause in message
    row = 2 if "row 2 holds" in message else 1
    assert f"row {row} holds {cells[row - 1]!r} in line {row + 1} of the file" in message
    assert ("Leave a cell empty" in message) == ("Leave" in cause)


def test_a_column_that_is_text_for_one_cell_says_so_when_it_is_read():
    table = read_table(b"g,y\nA,4.1\nB,lost\nC,3.9\n")
    assert table.notes == (
        "Column 'y': 'lost' in line 3 is why it is text and not numbers. Leave a cell empty, or write NA, "
        "where there is no value.",
    )
    again = read_table(b"g,y\nA,4.1\nB,lost\nC,3.9\n", missing={"y": ["lost"]})
    assert again.to_columns()["y"] == [4.1, None, 3.9]
    # A column of labels is not one of numbers that went wrong.
    assert read_table(b"g,y\n1a,1\n2,2\n3b,3\n4c,4\n").notes == ()


def test_lines_are_counted_past_titles_and_line_breaks_in_quotes():
    text = 'Trial 12,,\n\ngen,note,y\nA,"two\nlines",4.1\nB,x,lost\nC,x,3\n'
    with pytest.raises(TableError, match="row 2 holds 'lost' in line 6 of the file"):
        read_table(text.encode()).numbers("y")


def test_a_column_can_be_said_to_be_text_or_numbers():
    text = b"plot,code\n1,007\n2,010\n"
    said = TableChoices(columns={"code": ColumnChoice(kind="number"), "plot": ColumnChoice(kind="text")})
    assert read_table(text, choices=said).to_columns() == {"plot": ["1", "2"], "code": [7, 10]}
    with pytest.raises(ChoiceError, match="Column 'g' is said to hold numbers"):
        read_table(b"g,y\nA,1\n", choices=TableChoices(columns={"g": ColumnChoice(kind="number")}))


@given(
    st.lists(st.floats(-1e9, 1e9).map(lambda value: round(value, 2)), min_size=2, max_size=8),
    st.sampled_from([(",", "."), (".", ","), (",", " "), (",", "\u202f"), (".", "'")]),
)
def test_whatever_marks_a_column_is_written_with_it_is_read_to_the_same_numbers(values, marks):
    decimal, thousands = marks
    cells = [f"{value:,.2f}".translate({ord("."): decimal, ord(","): thousands}) for value in values]
    text = "g;y\n" + "".join(f"A;{cell}\n" for cell in cells)
    assert read_table(text.encode()).numbers("y").tolist() == values


def test_a_minus_of_typography_in_the_exponent():
    table = read_table("g,y\nA,\u22121.5e\u22123\nB,2.5e\u22123\nC,3e-3\n".encode())
    assert table.numbers("y").tolist() == [-0.0015, 0.0025, 0.003]


@pytest.mark.parametrize(
    ("cells", "cause"),
    [
        (["08:00", "09:30", "10:15"], "'08:00' is a time of day or a duration"),
        (["1.5 kg", "2 kg", "2.5 kg"], "'kg' stands behind the number in '1.5 kg'"),
        (["<0.5", "<1", "<2"], "'<0.5' is a limit"),
        (["($5.00)", "($4.10)", "($3)"], "has brackets, as accountants write a minus"),
    ],
)
def test_a_column_of_which_no_cell_is_a_number_by_itself_says_why(cells, cause):
    table = read_table("\n".join(["g,y", *(f"{k},{cell}" for k, cell in enumerate(cells))]).encode())
    (note,) = (one for one in table.notes if "'y'" in one)
    assert "in line 2 is why it is text" in note
    assert cause in note
    assert cause in explain_roles(table)["y"].reason


def test_names_of_digits_are_labels_like_others():
    table = read_table(b"ward,plot,y\n01,001,1.5\n02,002,2.5\n01,010,3.5\n")
    roles = explain_roles(table)
    assert roles["ward"].role == "factor"
    assert roles["plot"].reason == "Every row has a label of its own, so it groups nothing."
    assert not table.notes


def test_the_mark_between_thousands_settles_what_a_single_mark_is():
    text = b"gen;area\nA;1.250\nB;2.340\n"
    assert read_table(text, choices=TableChoices(thousands=".")).to_columns()["area"] == [1250, 2340]
    for mark in ("", "'", ","):
        table = read_table(text, choices=TableChoices(thousands=mark))
        assert table.to_columns()["area"] == [1.25, 2.34]
        assert table.questions == ()
    with pytest.raises(ChoiceError, match="cannot be the decimal mark and stand between thousands"):
        TableChoices(thousands=".", decimal=".")
