"""Where the table is in a file: titles, comments, units, row names, remarks below, separators."""

import pytest

from covstudio.data import ChoiceError, TableChoices, TableError, read_table, records
from covstudio.data.records import is_number
from covstudio.data.roles import explain_roles

PLAIN = {"gen": ["A", "B"], "rep": [1, 1], "yield": [4.1, 3.9]}


def columns(text: str, **said) -> dict[str, list]:
    return read_table(text.encode(), **said).to_columns()


@pytest.mark.parametrize(
    ("above", "note"),
    [
        ("Trial 12 harvested 2023,,\n,,\n", "Line 1 above the names of the columns was left out: 'Trial 12"),
        ("Trial 12 harvested 2023\n\n", "Line 1 above the names of the columns was left out: 'Trial 12"),
        ("Trial 12 harvested 2023\n", "Line 1 above the names of the columns was left out: 'Trial 12"),
        ("\ufeffTrial 12\n\n", "Line 1 above"),
        ("# exported by FieldBook\n", "'# exported by FieldBook'"),
        ("# exported, on 2023-05-01, v2\n# user: x\n", "2 lines from line 1 to 2 above the names"),
        ("// exported\n", "Line 1 above"),
        ("Trial 12, harvested in 2023, Kiel\n", "Line 1 above"),
        ("Station:,Kiel,\nAltitude:,12 m,\n\n", "2 lines from line 1 to 2 above"),
        ("\n\n", None),
    ],
)
def test_what_stands_above_the_names_is_left_out_and_said(above, note):
    table = read_table(f"{above}gen,rep,yield\nA,1,4.1\nB,1,3.9\n".encode())
    assert table.to_columns() == PLAIN
    assert (note is None and table.notes == ()) or any(note in said for said in table.notes)


def test_a_title_over_labels_alone_needs_an_empty_line_or_empty_cells():
    assert columns("Trial 12,\n,\ngen,rep\nA,x\nB,y\n") == {"gen": ["A", "B"], "rep": ["x", "y"]}
    assert columns("Trial 12\n\ngen,rep\nA,x\nB,y\n") == {"gen": ["A", "B"], "rep": ["x", "y"]}
    with pytest.raises(TableError, match=r"first line is a title.*delete the lines above.*'header'"):
        read_table(b"note\nfirst,second\nthird,fourth\n")
    assert columns("note\nfirst,second\nthird,fourth\n", choices=TableChoices(header=2)) == {
        "first": ["third"],
        "second": ["fourth"],
    }


def test_the_names_may_stand_in_a_comment():
    assert columns("# gen, rep, yield\nA,1,4.1\nB,1,3.9\n") == PLAIN
    # "#" and "%" may begin a name or a label, too.
    assert columns("#,yield\n1,4.1\n2,3.9\n") == {"#": [1, 2], "yield": [4.1, 3.9]}
    assert columns("% moisture,yield\n14.1,4.1\n13.2,3.9\n") == {
        "% moisture": [14.1, 13.2],
        "yield": [4.1, 3.9],
    }


def test_a_title_for_one_column():
    assert columns("Yields of 2023\n\nyield\n4.1\n3.9\n") == {"yield": [4.1, 3.9]}
    assert columns("yield\nlost\n4.1\n3.9\n") == {"yield": ["lost", "4.1", "3.9"]}


def test_two_lines_that_may_name_the_columns_are_asked_about():
    text = "Trial,Kiel,2x\ngen,rep,yield\nA,1,4.1\nB,2,3.9\n"
    table = read_table(text.encode())
    (question,) = table.questions
    assert "Line 1 or line 2 may name the columns" in question.text
    assert [answer.text for answer in question.answers] == ["line 1", "line 2"]
    again = read_table(text.encode(), choices=question.answers[1].choices)
    assert again.to_columns() == {"gen": ["A", "B"], "rep": [1, 2], "yield": [4.1, 3.9]}
    assert not again.questions
    # A cell with a word among numbers is no second line of names.
    assert not read_table(b"gen,rep,yield\nA,R1,lost\nB,R2,3.9\nC,R2,4.2\n").questions


def test_the_line_of_the_names_can_be_said():
    text = "a,b\nc,d\n1,2\n"
    assert columns(text, choices=TableChoices(header=2)) == {"c": [1], "d": [2]}
    with pytest.raises(ChoiceError, match="Line 9 is said to name the columns, and it is empty or not among"):
        read_table(text.encode(), choices=TableChoices(header=9))


@pytest.mark.parametrize(
    "units",
    ["-,-,t/ha", ",,[t/ha]", "(-),(no.),(t ha-1)", "text,integer,number", ",,dt/ha", "%,°C,kg m-2"],
)
def test_a_line_of_units_below_the_names(units):
    table = read_table(f"gen,rep,yield\n{units}\nA,1,4.1\nB,1,3.9\n".encode())
    assert table.to_columns() == PLAIN
    assert any("Line 2 below the names of the columns holds units" in note for note in table.notes)


@pytest.mark.parametrize("row", ["A,42%", "A,(5.2)", "A,lost", "A,<1", "A,NA", "A,m"])
def test_a_line_of_data_is_not_taken_for_units(row):
    assert read_table(f"g,y\n{row}\nB,0.37\n".encode()).n == 2


def test_units_can_be_said():
    text = "g,y\nA,kg\nB,2\nC,3\n"
    assert read_table(text.encode(), choices=TableChoices(units=False)).n == 3
    assert read_table(b"g,y\nA,1\nB,2\n", choices=TableChoices(units=True)).to_columns() == {
        "g": ["B"],
        "y": [2],
    }


@pytest.mark.parametrize("mark", ["sep=;", "sep=;\r", '"sep=;"', "SEP=;"])
def test_the_line_in_which_excel_names_the_separator(mark):
    table = read_table(f"{mark}\ngen;rep;yield\nA;1;4,1\nB;1;3,9\n".encode())
    assert table.to_columns() == PLAIN
    assert "names the separator of the fields and was left out" in table.notes[0]


def test_a_named_separator_decides():
    # By themselves the lines are as good with commas.
    assert columns("sep=;\na;b,c\n1;2,5\n") == {"a": [1], "b,c": [2.5]}
    assert columns("sep=\t\ng\ty\nA\t1,5\n") == {"g": ["A"], "y": [1.5]}


def test_decimal_commas_do_not_pass_for_separators():
    assert columns("g;y\nA;1,5\nB;2,5\n") == {"g": ["A", "B"], "y": [1.5, 2.5]}
    assert columns("a;b\n1,5;2,5\n3,5;4,5\n") == {"a": [1.5, 3.5], "b": [2.5, 4.5]}
    assert columns("g;y\nA;kr 1 250,50\nB;kr 980,00\n") == {"g": ["A", "B"], "y": [1250.5, 980]}


# ------------------------------------------------------------------ names of rows


@pytest.mark.parametrize(
    ("text", "names", "first"),
    [
        ('"","mpg","cyl"\n"Mazda RX4",21,6\n"Datsun 710",22.8,4\n', ("rowname", "mpg", "cyl"), "Mazda RX4"),
        ('"","y","g"\n"1",21,6\n"3",22.8,4\n"7",21.4,6\n', ("rowname", "y", "g"), "1"),
        (",y,g\n0,21,6\n2,22.8,4\n5,21.4,6\n", ("rowname", "y", "g"), "0"),
        ('"";"y";"g"\n"a1";4,1;"A"\n"b2";3,9;"B"\n', ("rowname", "y", "g"), "a1"),
        ('"mpg" "cyl"\n"Mazda RX4" 21 6\n"Datsun 710" 22.8 4\n', ("rowname", "mpg", "cyl"), "Mazda RX4"),
        ('"mpg"\t"cyl"\n"Mazda RX4"\t21\t6\n"Datsun 710"\t22.8\t4\n', ("rowname", "mpg", "cyl"), "Mazda RX4"),
        ("mpg,cyl\nMazda RX4,21,6\nDatsun 710,22.8,4\n", ("rowname", "mpg", "cyl"), "Mazda RX4"),
        (",rowname,y\nx,A,1\ny,B,2\n", ("rowname_2", "rowname", "y"), "x"),
    ],
)
def test_names_of_rows_are_kept_and_ignored(text, names, first):
    table = read_table(text.encode())
    assert table.columns == names
    assert table.labels(names[0])[0] == first
    assert any("The first column has no name and holds row names" in note for note in table.notes)
    guess = explain_roles(table)[names[0]]
    assert guess.role == "ignored"


@pytest.mark.parametrize(
    "text",
    [
        '"","y","g"\n"1",4.1,"A"\n"2",3.9,"B"\n',
        ",y,g\n0,4.1,A\n1,3.9,B\n",
        '"y" "g"\n"1" 4.1 "A"\n"2" 3.9 "B"\n',
        "y g\n1 4.1 A\n2 3.9 B\n",
        '"";"y";"g"\n"1";4,1;"A"\n"2";3,9;"B"\n',
        "y,g,\n4.1,A,\n3.9,B,\n",
        "y,g\n4.1,A,\n3.9,B,\n",
    ],
)
def test_row_numbers_and_empty_columns_are_left_out(text):
    table = read_table(text.encode())
    assert table.to_columns() == {"y": [4.1, 3.9], "g": ["A", "B"]}
    assert any("left out" in note for note in table.notes)


def test_a_first_column_without_a_name_that_repeats_is_called_something():
    table = read_table(b",year,y\nA,2019,1.5\nA,2020,2.5\nB,2019,2\n")
    assert table.columns == ("rowname", "year", "y")
    assert "holds labels that repeat; it is called 'rowname'" in table.notes[0]


@pytest.mark.parametrize(
    "name", ["X", "Unnamed: 0", "rownames", "row.names", "...1", "V1", "index", "Obs", "_row"]
)
@pytest.mark.parametrize("rows", [(1, 2, 3, 4), (0, 2, 5, 9)])
def test_columns_that_programs_number_rows_by_are_ignored(name, rows):
    text = f"{name},y,g\n" + "".join(f"{row},{row / 7:.3f},{'AB'[row % 2]}\n" for row in rows)
    guesses = explain_roles(read_table(text.encode()))
    assert guesses[name].role == "ignored"
    assert guesses["y"].role == "response"
    # A coordinate called X has decimals or goes up and down.
    wild = f"X,Y,zinc\n{''.join(f'{x},{x * 2 % 5},{x / 7:.3f}{chr(10)}' for x in (3, 1, 4, 2, 7))}"
    assert explain_roles(read_table(wild.encode()))["X"].role == "covariate"


# ------------------------------------------------------------------ below the table


@pytest.mark.parametrize(
    "below", ["Source: FAO 2023\n", "\nSource: FAO 2023\n", "Source: FAO 2023,,\n", "* sown late,,\n"]
)
def test_remarks_below_the_table_are_left_out_and_said(below):
    table = read_table(f"gen,rep,yield\nA,1,4.1\nB,1,3.9\n{below}".encode())
    assert table.to_columns() == PLAIN
    assert any("Below the table a line of one field was left out" in note for note in table.notes)


def test_a_row_without_values_is_no_remark():
    assert read_table(b"gen,rep,yield\nA,1,4.1\nB,,\n").n == 2


def test_comments_within_the_table():
    table = read_table(b"gen,rep,yield\nA,1,4.1\n# B was sown late\nB,1,3.9\n")
    assert table.to_columns() == PLAIN
    assert table.notes == ("1 comment (#) within the table was left out, in line 3.",)
    assert read_table(b"gen,rep,yield\nA,1,4.1\n#B,1,3.9\n").labels("gen") == ["A", "#B"]


# ------------------------------------------------------------------ forms of characters


def test_names_and_labels_that_look_the_same_are_the_same():
    text = (
        "Ho\u0308he,Ertrag\u00a0(dt/ha),gen\n1.5,4.1,G\u00a01\n2.5,3.9,G 1\n3,3,Ko\u0308ln\n4,4,K\u00f6ln\n"
    )
    table = read_table(text.encode())
    assert table.columns == ("H\u00f6he", "Ertrag (dt/ha)", "gen")
    assert table.levels("gen") == ("G 1", "K\u00f6ln")
    assert table.numbers("Ho\u0308he").tolist() == table.numbers("H\u00f6he").tolist()
    assert (
        "Column 'gen': 2 labels had characters that look like others and were given one form." in table.notes
    )
    with pytest.raises(TableError, match="'H\u00f6he' names columns 1 and 2"):
        read_table("Ho\u0308he,H\u00f6he\n1,2\n".encode())


@pytest.mark.parametrize(
    ("names", "body", "example"),
    [
        ("plot,y", "1,4,1\n2,3,9\n3,4,4\n", "4,1"),
        ("gen,rep,y", "A,1,4,1\nB,1,3,9\nC,2,4,4\n", "4,1"),
        ("gen,y", "A,-4,1\nB,-3,9\nC,0,25\n", "-4,1"),
        ("gen,x,y", "A,1,5,4,1\nB,1,7,3,9\nC,2,5,4,4\n", "4,1"),
        ("yield", "4,1\n3,9\n4,4\n", "4,1"),
    ],
)
def test_decimal_commas_between_commas_never_shift_the_columns(names, body, example):
    with pytest.raises(TableError, match=f"commas stand within numbers, as in '{example}', write decimal"):
        read_table(f"{names}\n{body}".encode())


@pytest.mark.parametrize(
    "text",
    [
        '"gen","rep","y"\n"r1","A",1,4\n"r2","B",1,3\n"r3","C",2,4\n',  # write.table(sep = ",")
        "gen,rep,y\nr1,A,1,4.5\nr2,B,1,3.5\nr3,C,2,4\n",
    ],
)
def test_names_of_rows_before_commas_are_no_decimals(text):
    table = read_table(text.encode())
    assert table.labels("rowname") == ["r1", "r2", "r3"]
    assert table.labels("gen") == ["A", "B", "C"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "above", [["Site|Cambridge", "Year|2023"], ["Site|Ely", "By|Smith", ""], ["Year|2023"]]
)
def test_pairs_of_words_above_the_names_are_no_names(separator, above):
    body = [f"P{k}|{k % 3}|{k}.5" for k in range(9)]
    text = "\n".join([*above, "plot|rep|yield", *body]).replace("|", separator)
    table = read_table(text.encode())
    assert table.columns == ("plot", "rep", "yield")
    assert table.numbers("yield").tolist() == [k + 0.5 for k in range(9)]


def test_a_year_above_numbers_is_part_of_a_title():
    table = read_table(b"Yield trial,Cambridge,2023\ngen,rep,yield\nA,1,4.1\nA,2,3.9\nB,1,4.4\n")
    assert table.columns == ("gen", "rep", "yield")
    (question,) = table.questions
    assert [answer.text for answer in question.answers] == ["line 2", "line 1"]
    assert read_table(b"gen,2021,2022\nA,1.5,2\nB,2,3\n").columns == ("gen", "2021", "2022")


def test_words_of_a_line_that_may_name_the_columns_are_no_fault_of_the_columns():
    table = read_table(b"gen,rep,yield\nGenotype,Replicate,Yield\nA,1,4.1\nA,2,3.9\nB,1,4.4\n")
    assert len(table.notes) == len(table.questions) == 1


@pytest.mark.parametrize("remark", ["Source: CIMMYT 2004", "* missing plot estimated"])
def test_a_remark_below_two_columns(remark):
    table = read_table(f"gen,yield\nA,4.1\nB,3.9\n{remark}\n".encode())
    assert table.n == 2
    assert any(remark in note for note in table.notes)
    with pytest.raises(TableError, match="line 4 has 1"):
        read_table(b"gen,yield\nA,4.1\nB,3.9\nC\n")


def test_a_wide_table_is_not_looked_through_for_its_line_of_names(monkeypatch):
    looked = 0

    def counted(text: str) -> bool:
        nonlocal looked
        looked += 1
        return is_number(text)

    monkeypatch.setattr(records, "is_number", counted)
    width = 3000
    lines = [",".join(f"m{place}" for place in range(width)), *(",".join("1" * width) for _ in range(120))]
    assert read_table("\n".join(lines).encode()).frame.shape == (120, width)
    assert looked < 250_000, "of 360,000 cells, looked at several times"
