"""Ordinary ugly files: the right table, and the same again by the choices that were found.

Each is made after what people tell in the trackers of readr, data.table, pandas and readxl, or is what a
program writes.
"""

from __future__ import annotations

import gzip
from random import Random
from typing import Any

import pytest

from covstudio.data import TableError, inspect, read
from tests.data.test_files import archive
from tests.data.workbooks import Sheet, workbook

PLAIN: dict[str, list[Any]] = {"gen": ["A", "B", "C"], "rep": [1, 1, 2], "yield": [4.1, 3.9, 4.4]}

#: What is ugly -> the file and the table it means.
UGLY: dict[str, tuple[bytes, dict[str, list[Any]]]] = {
    "a byte order mark before quoted names": (
        b'\xef\xbb\xbf"gen","rep","yield"\n"A",1,4.1\n"B",1,3.9\n"C",2,4.4\n',
        PLAIN,
    ),
    "the separator named by Excel": (b"sep=;\r\ngen;rep;yield\r\nA;1;4,1\r\nB;1;3,9\r\nC;2;4,4\r\n", PLAIN),
    "a separator behind every line": (b"gen,rep,yield,\nA,1,4.1,\nB,1,3.9,\nC,2,4.4,\n", PLAIN),
    "a separator behind all lines but the first": (b"gen,rep,yield\nA,1,4.1,\nB,1,3.9,\nC,2,4.4,\n", PLAIN),
    "columns of nothing, as spreadsheets leave them": (
        b"gen,rep,yield,,,\nA,1,4.1,,,\nB,1,3.9,,,\nC,2,4.4,,,\n,,,,,\n",
        PLAIN,
    ),
    "row names without a name, by write.table": (
        b'"gen" "rep" "yield"\n"1" "A" 1 4.1\n"2" "B" 1 3.9\n"3" "C" 2 4.4\n',
        PLAIN,
    ),
    "line ends of an old Mac": (b"gen\trep\tyield\rA\t1\t4.1\rB\t1\t3.9\rC\t2\t4.4\r", PLAIN),
    "line ends of two kinds": (b"gen,rep,yield\r\nA,1,4.1\nB,1,3.9\r\nC,2,4.4\n", PLAIN),
    "the end of a file of DOS": (b"gen,rep,yield\r\nA,1,4.1\r\nB,1,3.9\r\nC,2,4.4\r\n\x1a", PLAIN),
    "Unicode text, by Excel": (
        "gen\trep\tyield\r\nA\t1\t4.1\r\nB\t1\t3.9\r\nC\t2\t4.4\r\n".encode("utf-16"),
        PLAIN,
    ),
    "a title, a date and an empty line above": (
        b"Trial 12,,\nSown:,2023-05-01,\n,,\ngen,rep,yield\nA,1,4.1\nB,1,3.9\nC,2,4.4\n",
        PLAIN,
    ),
    "comments above, and a source below": (
        b"# from the station\n# 2023\ngen,rep,yield\nA,1,4.1\nB,1,3.9\nC,2,4.4\nSource: our own data,,\n",
        PLAIN,
    ),
    "units below the names": (b"gen;rep;yield\n;;t/ha\nA;1;4,1\nB;1;3,9\nC;2;4,4\n", PLAIN),
    "spaces around everything": (b"gen , rep , yield\nA , 1 , 4.1\nB , 1 , 3.9\nC , 2 , 4.4\n", PLAIN),
    "columns lined up by spaces, with labels of two words": (
        b"gen           rep   yield\nNorth East      1     4.1\n"
        b"South           1     3.9\nWest Coast      2     4.4\n",
        {"gen": ["North East", "South", "West Coast"], "rep": [1, 1, 2], "yield": [4.1, 3.9, 4.4]},
    ),
    "separators, quotes and line breaks within values": (
        b'gen,note,y\nA,"dry, then ""wet""",1\nB,"two\nlines",2\n',
        {"gen": ["A", "B"], "note": ['dry, then "wet"', "two\nlines"], "y": [1, 2]},
    ),
    "leading zeros and numbers of nineteen digits": (
        b"plot,id,y\n007,1234567890123456789,1\n012,1234567890123456790,2\n",
        {"plot": ["007", "012"], "id": ["1234567890123456789", "1234567890123456790"], "y": [1, 2]},
    ),
    "many spellings of no value": (
        b"gen,a,b,c\nA,NA,1,#N/A\nB,,*,2\nC,NULL,3,NaN\nD,4,-,5\n",
        {
            "gen": ["A", "B", "C", "D"],
            "a": [None, None, None, 4],
            "b": [1, None, 3, None],
            "c": [None, 2, None, 5],
        },
    ),
    "thousands and decimals of Germany, with a sign of money": (
        "Sorte;Preis;Ertrag\nA;1.250,00 €;4,1\nB;980,50 €;3,9\n".encode("cp1252"),
        {"Sorte": ["A", "B"], "Preis": [1250.0, 980.5], "Ertrag": [4.1, 3.9]},
    ),
    "thousands of France": (
        "gen;pop;y\nA;1\u202f250;1,5\nB;12\u00a0480;2,5\n".encode(),
        {"gen": ["A", "B"], "pop": [1250, 12480], "y": [1.5, 2.5]},
    ),
    "percent signs and exponents of Fortran": (
        b"gen,cover,size\nA,42%,1.5D+03\nB,7%,2.5D-01\n",
        {"gen": ["A", "B"], "cover": [42, 7], "size": [1500.0, 0.25]},
    ),
    "dates of Germany and months in words": (
        b"gen;sown;cut\nA;01.05.2023;3 Aug 2023\nB;14.05.2023;21 Aug 2023\n",
        {"gen": ["A", "B"], "sown": ["2023-05-01", "2023-05-14"], "cut": ["2023-08-03", "2023-08-21"]},
    ),
    "a table packed twice": (
        archive({"out/d.csv.gz": gzip.compress(b"gen,rep,yield\nA,1,4.1\nB,1,3.9\nC,2,4.4\n")}),
        PLAIN,
    ),
    "a workbook with groups as merged cells and a column of nothing": (
        workbook(
            {
                "Data 2023": Sheet(
                    [
                        ["Trial", None, None, None],
                        ["gen", "rep", None, "yield"],
                        ["A", 1, None, 4.1],
                        ["B", None, None, 3.9],
                        ["C", 2, None, 4.4],
                    ],
                    ["A1:D1", "B3:B4"],
                )
            }
        ),
        PLAIN,
    ),
}


@pytest.mark.parametrize("name", list(UGLY))
def test_an_ugly_file_is_read_rightly_and_again_by_what_was_found(name: str):
    content, columns = UGLY[name]
    found = inspect(content, name="ugly")
    assert found.table.to_columns() == columns
    again = read(content, found.choices)
    assert again.frame.equals(found.table.frame)
    assert found.choices.from_dict(found.choices.to_dict()) == found.choices
    assert inspect(content, found.choices).choices == found.choices, "nothing is left to be found"
    assert all(one.reason for one in found.decisions)
    assert str(found).count("\n") > 10


#: Columns as people write them, some of which may be read in several ways.
CELLS = [
    ["1", "2", "3"],
    ["1.5", "2.25", "NA"],
    ["1,5", "2,25", ""],
    ["1.250", "3.125"],
    ["1.250", "3,5"],
    ["01.05.2023", "14.06.2023"],
    ["5/1/2023", "5/2/2023"],
    ["2023-05-01", ".", "2023-06-01"],
    ["A", "B", "."],
    ["007", "012"],
    ["20230501", "20230502"],
    ["1 250", "3 000"],
    ["5%", "7%"],
    ["-99", "1", "2"],
    ["Käse", "Weiß"],
    ["NA", ""],
    ["$4.10", "$5"],
    ["#N/A", "3"],
]


def test_whatever_is_found_in_a_file_is_read_again_by_it():
    random = Random(5)
    read_again = 0
    for _ in range(120):
        columns = random.choices(CELLS, k=random.randint(1, 5))
        separator = random.choice(",;\t|")
        rows = [[random.choice(cells) for cells in columns] for _ in range(random.randint(2, 7))]
        lines = [[f"c{place}" for place in range(len(columns))], *rows]
        text = "\n".join(separator.join(f'"{cell}"' for cell in line) for line in lines)
        content = text.encode(random.choice(["utf-8", "cp1252", "utf-16"]))
        try:
            found = inspect(content)
        except TableError:
            continue
        assert read(content, found.choices).frame.equals(found.table.frame)
        assert inspect(content, found.choices).choices == found.choices
        read_again += 1
    assert read_again > 100
