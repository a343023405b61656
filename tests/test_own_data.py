"""A reader's own file: what is read of it, what is mended and said, and what is refused."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

import mixedwidgets as mw
from mixedwidgets.widgets.own_columns import date_formats
from mixedwidgets.widgets.own_data import OwnData, plain_name
from mixedwidgets.widgets.own_table import mended_names, read_own
from tests.widget_tools import HOSTILE, Seen, check_html

ROWS = "g,y\na,1\na,2\nb,3\nb,5\n"


def read_again(own: OwnData, tmp_path: Any, content: bytes) -> pd.DataFrame:
    """What the script of the explorer reads, from the file itself."""
    (tmp_path / own.name).write_bytes(content)
    reading = own.explorer.code.split("data = ", 1)[1].split("fit = ")[0]
    reading = reading.replace(repr(own.name), repr(str(tmp_path / own.name)))
    space: dict[str, Any] = {"pd": pd}
    exec(f"data = {reading}", space)  # our own script, as a reader would run it
    return space["data"]


def taken(content: bytes | str, name: str = "own.csv", **options: Any) -> OwnData:
    own = mw.OwnData(**options)
    own.take(name, content)
    assert own.problem == ""
    assert own.error is None
    return own


def shown(own: OwnData) -> str:
    """What was read, with its tables folded."""
    return own.read.value.replace("<details open>", "<details>")


def refusal(content: bytes | str, name: str = "own.csv", **options: Any) -> str:
    own = mw.OwnData(**options)
    with pytest.raises(mw.DataError) as caught:
        own.take(name, content)
    sentence = str(caught.value)
    assert own.problem == sentence
    assert own.data is None
    assert own.explorer is None
    assert name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert 'role="alert"' in own._alert.value
    return sentence


# ---- files as the world writes them


MACHINES = mw.load("machines").astype({"Machine": str, "Worker": int})

DIALECTS = {
    "English": MACHINES.to_csv(index=False).encode(),
    "German": MACHINES.to_csv(index=False, sep=";", decimal=",").encode("utf-8-sig"),
    "tabs": MACHINES.to_csv(index=False, sep="\t").encode(),
    "tabs and commas": MACHINES.to_csv(index=False, sep="\t", decimal=",").encode("cp1252"),
    "bars": MACHINES.to_csv(index=False, sep="|").encode(),
    "blanks": MACHINES.to_string(index=False).encode(),
    "Excel's Unicode text": MACHINES.to_csv(index=False, sep="\t").encode("utf-16"),
    "Windows line ends": MACHINES.to_csv(index=False, lineterminator="\r\n").encode(),
    "old Mac line ends": MACHINES.to_csv(index=False, lineterminator="\r").encode(),
    "all in quotes": MACHINES.to_csv(index=False, quoting=1, sep=";", decimal=",").encode(),
    "blanks after commas": MACHINES.to_csv(index=False).replace(",", ", ").encode(),
    "a comma at each end": MACHINES.to_csv(index=False).replace("\n", ",\n").encode(),
    "the same, not in the first line": "\n".join(
        line + "," * (i > 0) for i, line in enumerate(MACHINES.to_csv(index=False).splitlines())
    ).encode(),
}


@pytest.mark.parametrize("ending", ["csv", "txt", "tsv"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_any_dialect_gives_the_same_data(dialect: str, ending: str, tmp_path: Any) -> None:
    own = taken(DIALECTS[dialect], f"machines.{ending}")
    data = own.data
    if dialect == "a comma at each end":
        assert data.pop("column 4").isna().all()
    assert list(data.columns) == ["Worker", "Machine", "score"]
    for name in data:
        assert data[name].tolist() == MACHINES[name].tolist()
    again = read_again(own, tmp_path, DIALECTS[dialect])
    if dialect == "a comma at each end":
        again = again.drop(columns="column 4")
    pd.testing.assert_frame_equal(data, again)


def test_a_table_of_r_has_its_row_names() -> None:
    own = taken(
        '"g" "y"\n"1" "New York" 3\n"2" "New York" 4\n"3" "Rome" 5\n"4" "Rome" 7\n', "r.txt"
    )
    assert list(own.data.columns) == ["row", "g", "y"]
    assert own.data["g"].tolist() == ["New York", "New York", "Rome", "Rome"]
    assert "row names" in own.notes[0]


def test_a_file_that_is_not_utf_8_is_read_and_said() -> None:
    own = taken("schüler;größe\nä;1,5\nä;2,5\nö;3,1\nö;4,2\n".encode("cp1252"))
    assert own.data["schüler"].tolist() == ["ä", "ä", "ö", "ö"]
    assert "Windows-1252" in own.notes[0]
    own = taken(b"g,y\n\x81,1\n\x81,2\nb,3\nb,5\n")  # no character of Windows-1252
    assert own.data["g"].tolist() == ["\x81", "\x81", "b", "b"]
    assert "Latin-1" in own.notes[0]


def test_numbers_in_the_first_line_are_no_names(tmp_path: Any) -> None:
    own = taken("1,2\n1,3\n2,5\n2,4\n")
    assert own.data.to_numpy().tolist() == [[1, 2], [1, 3], [2, 5], [2, 4]]
    assert list(own.data.columns) == ["column 1", "column 2"]
    assert "first line holds numbers" in own.notes[0]
    pd.testing.assert_frame_equal(own.data, read_again(own, tmp_path, b"1,2\n1,3\n2,5\n2,4\n"))


def test_names_are_mended_and_said(tmp_path: Any) -> None:
    content = b"g,y,y,, y ,.\na,1,2,3,4,5\na,3,4,5,6,7\nb,5,6,7,9,8\nb,1,9,9,9,8\n"
    own = taken(content)
    assert list(own.data.columns) == ["g", "y", "y (2)", "column 4", "y (3)", "column 6"]
    assert own.data["y (3)"].tolist() == [4, 6, 9, 9]
    assert "column 4, column 6" in own.notes[0]
    assert "y (2), y (3)" in own.notes[1]
    pd.testing.assert_frame_equal(own.data, read_again(own, tmp_path, content))


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["a", "a", "a (2)"], ["a", "a (3)", "a (2)"]),
        (["", "column 1"], ["column 1 (2)", "column 1"]),
        (["a\n b", "a b"], ["a b", "a b (2)"]),
    ],
)
def test_mended_names_are_distinct(header: list[str], names: list[str]) -> None:
    assert mended_names(header)[0] == names


def test_short_lines_are_filled_and_counted() -> None:
    own = taken("g,y,z\na,1,2\na,3\nb,4,1\nb\nb,7,1\n")
    assert own.data["z"].isna().tolist() == [False, True, False, True, False]
    assert own.notes[0].startswith("2 lines (the first is line 3) have fewer values")


def test_marks_of_missing_values_dates_and_lookalikes() -> None:
    own = taken(
        "g,y,day,when,share,amount,code\n"
        'a,.,2024-01-31,03/04/2024,12 %,"1,234.5",3\n'
        'a,1.5,2024-02-01,04/04/2024,13 %,"2,234.5",n/x\n'
        'b,2.5,2024-02-03,05/04/2024,14 %,"3,234.5",4\n'
        'b,3.5,2024-02-04,06/04/2024,15 %,"4,234.5",5\n'
    )
    assert own.data["y"].isna().tolist() == [True, False, False, False]
    assert own.data["day"].dt.day.tolist() == [31, 1, 3, 4]
    assert {
        name
        for name in own.data
        if own.data[name].dtype.kind in "OU" or "str" in str(own.data[name].dtype)
    } == {"g", "when", "share", "amount", "code"}
    said = " ".join(own.notes)
    assert "In y, '.' was taken as missing." in said
    assert "when holds dates, such as '03/04/2024', in which day and month cannot be" in said
    assert "share was read as text because something stands beside its numbers" in said
    assert "amount was read as text because of separators between thousands" in said
    assert "1 of its 4 distinct values is no number, such as 'n/x'" in said
    assert "1 value is missing, in 1 row." in Seen(shown(own)).text


def test_a_thousand_with_a_comma_is_not_one_point_something() -> None:
    own = taken('g,y,z\na,"1,234",1\na,"2,345",2\nb,"3,456",3\nb,"4,567",4\n')
    assert own.data["y"].tolist() == ["1,234", "2,345", "3,456", "4,567"]
    own = taken("g;y\na;1,234\na;2,345\nb;3,456\nb;4,567\n")
    assert own.data["y"].tolist() == [1.234, 2.345, 3.456, 4.567]


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["31.12.2024", "01.02.2024"], ["%d.%m.%Y"]),
        (["12/31/2024", "01/02/2024"], ["%m/%d/%Y"]),
        (["01/02/2024"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["2024-05-31 10:00"], ["%Y-%m-%d %H:%M"]),
        (["2024-05-31", "then"], []),
        (["1-2"], []),
        ([], []),
    ],
)
def test_formats_of_dates(values: list[str], formats: list[str]) -> None:
    assert date_formats(values) == formats


def test_numbers_and_text_in_one_long_column_are_text_throughout(tmp_path: Any) -> None:
    n = 120_000
    content = "g,y,c\n" + "".join(f"g{i % 50},{i % 977},{i}\n" for i in range(n)) + "g1,3,x\n"
    own = taken(content)
    assert {type(value) for value in own.data["c"]} == {str}
    assert "is no number, such as 'x'" in " ".join(own.notes)
    pd.testing.assert_frame_equal(own.data, read_again(own, tmp_path, content.encode()))


# ---- files that are none


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "own.csv", "is empty"),
        (b"\n \r\n\t", "own.csv", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "own.csv", "no text but a picture"),
        (b"%PDF-1.7 ...", "own.csv", "PDF"),
        (b"\x1f\x8b\x08\x00", "own.csv", "compressed"),
        (b"PK\x03\x04rest", "own.csv", "workbook"),
        (b"\xd0\xcf\x11\xe0rest", "own.csv", "old Excel"),
        (b"a,b\n\x00\x00,1\n", "own.csv", "zero bytes"),
        (bytes(range(1, 256)), "own.csv", "control characters"),
        (b"\xff\xfea", "own.csv", "UTF-16"),
        (b"<!DOCTYPE html><html><p>a,b", "own.csv", "page of the web"),
        (b"y\n1\n2\n", "own.csv", "one column only"),
        (b"y\n", "own.csv", "one column only"),
        (b"g,y\n", "own.csv", "no rows below it"),
        (b"g,y\na,1\na,2,3\n", "own.csv", "Line 3 of own.csv has 3 values"),
        (b'g,y\n"a\nb",1\na,2,3\n', "own.csv", "Line 4 of own.csv has 3 values"),
        (b"Exported by X\ng,y\na,1\n", "own.csv", "'Exported by X', is no line of column names"),
        (b"class;score\na;1,5\na;2,5;9\n", "own.csv", "Line 3 of own.csv has 3 values"),
        (b"Exported, 2024\ng;y\na;1\nb;2\n", "own.csv", "is no line of column names"),
        (b"Exported\n\ng,y,z\na,1,2\n", "own.csv", "is no line of column names"),
        (b'g,y\na,1\n"a,2\nb,3\n', "own.csv", "quotation mark that is never closed"),
        (b'g,y\na,1\n"' + b"a,2\n" * 60_000, "own.csv", "Line 3 of own.csv opens a quotation"),
        (",".join(f"v{i}" for i in range(301)) + "\n" + ",".join("1" * 301), "own.csv", "301 col"),
        (ROWS, "own.docx", "ends in .docx"),
        (ROWS, "own", "has no ending"),
        (ROWS, "own.xlsx", "called a workbook and is none"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(
    content: bytes | str, name: str, words: str
) -> None:
    assert words in refusal(content, name)


def test_a_file_that_is_too_large_is_refused_by_its_size() -> None:
    assert "has 1.2 MB and at most 1 are read" in refusal(b"g,y\n" + b"a,1\n" * 300_000, most=1)


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b"0" * 30_000_000)
    assert "30 MB once unpacked" in refusal(packed.getvalue(), "own.xlsx")


def test_a_workbook_is_read_where_pandas_can() -> None:
    frame = pd.DataFrame({"g": ["a", "a", "b", "b"], "y": [1.5, 2.5, 3.0, 5.0]})
    packed = io.BytesIO()
    try:
        frame.to_excel(packed, index=False)
    except ImportError:
        with zipfile.ZipFile(packed, "w") as book:
            book.writestr("[Content_Types].xml", "<Types/>")
            book.writestr("xl/workbook.xml", "<workbook/>")
        assert "openpyxl" in refusal(packed.getvalue(), "own.xlsx")
    else:
        own = taken(packed.getvalue(), "own.xlsx")
        pd.testing.assert_frame_equal(own.data, frame)
        assert "pd.read_excel('own.xlsx')" in own.explorer.code


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes_are_read_or_refused(seed: int) -> None:
    random = np.random.default_rng(seed)
    alphabet = b'ab12.,;\t|" \n\r' if seed % 2 else bytes(range(1, 256))
    content = bytes(random.choice(list(alphabet), size=int(random.integers(1, 400))).tolist())
    own = mw.OwnData()
    with contextlib.suppress(mw.DataError):
        own.take("own.csv", content)
    assert "unexpected" not in own.problem
    assert (own.data is None) == (own.problem != "")
    if own.data is not None:
        assert own.data.shape[1] >= 2
        check_html(shown(own))


def test_after_a_mistake_the_good_data_stay() -> None:
    own = taken(ROWS, "good.csv")
    data, explorer = own.data, own.explorer
    with pytest.raises(mw.DataError):
        own.take("bad.csv", b"")
    assert own.problem.startswith("bad.csv is empty")
    assert "What is below is still good.csv." in own._alert.value
    assert own.data is data
    assert own.explorer is explorer
    assert own.children[-1] is explorer
    own.take("good.csv", ROWS)
    assert own.problem == own._alert.value == ""


# ---- hostile names and values


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_values_are_text(name: str, tmp_path: Any) -> None:
    if "\x00" in name:
        return  # such a file is refused as binary
    frame = pd.DataFrame({name: [name, name, "b", "b"], "y": [1.5, 2.0, 3.0, 5.0]})
    content = frame.to_csv(index=False).encode()
    own = taken(content, "own.csv")
    clean = " ".join(name.split())
    assert list(own.data.columns) == [clean, "y"]
    check_html(shown(own))
    assert clean[:30] in Seen(shown(own)).text
    assert own.data[clean].tolist() == frame[name].tolist()
    pd.testing.assert_frame_equal(own.data, read_again(own, tmp_path, content))


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("../../etc/own.csv", "own.csv"),
        ("C:\\fakepath\\own.csv", "own.csv"),
        ("o\nw\x00n.csv", "own.csv"),
        ("", "the file"),
    ],
)
def test_a_name_has_no_folders(given: str, plain: str) -> None:
    assert plain_name(given) == plain


def test_a_hostile_file_name_is_text() -> None:
    own = taken(ROWS, "<img src=x onerror=alert(1)>.csv")
    check_html(shown(own))
    own.upload._refuse(mw.DataError("<script>alert(1)</script> is wrong"))
    check_html(own._alert.value)


# ---- the widget


def test_traits_tell_what_was_read() -> None:
    own = mw.OwnData()
    seen: list[str] = []
    own.observe(lambda change: seen.append(change["name"]))
    own.take("own.csv", ROWS)
    assert {"data", "name", "explorer"} <= set(seen)
    assert own.name == "own.csv"
    assert own.explorer.formula == "y ~ 1 + (1 | g)"
    assert repr(own) == "<OwnData own.csv: 4 rows, 2 columns>"
    assert "4 rows and 2 columns: 1 of numbers, 1 of categories." in Seen(own.static_html()).text


def test_arguments_are_checked() -> None:
    for most in (0, -1, True, "20", 501, float("nan")):
        with pytest.raises(mw.DataError, match="largest size of a file in MB"):
            mw.OwnData(most=most)
    with pytest.raises(mw.ModelError, match="no option 'max'"):
        mw.OwnData(max=3)


class Wire:
    """What the browser does: sends parts when it is asked for them."""

    def __init__(self, own: OwnData, size: int | None = None):
        self.own, self.size = own, size
        self.sent: list[dict[str, Any]] = []
        own.upload.send = self.sent.append

    def post(self, message: dict[str, Any], *buffers: bytes) -> None:
        self.own.upload._on_message(self.own.upload, message, [memoryview(b) for b in buffers])

    def upload(self, name: str, content: bytes, id: str = "1", part: int = 7) -> None:
        size = len(content) if self.size is None else self.size
        self.post({"kind": "begin", "id": id, "name": name, "size": size})
        while self.sent and self.sent[-1]["kind"] == "next":
            start = self.sent[-1]["start"]
            message = {"kind": "part", "id": id, "start": start}
            self.sent.clear()
            self.post(message, content[start : start + part])


def test_a_file_comes_in_parts() -> None:
    own = mw.OwnData()
    wire = Wire(own)
    wire.upload("C:\\fakepath\\own.csv", ROWS.encode())
    assert wire.sent == [{"kind": "end", "id": "1"}]
    assert own.name == "own.csv"
    assert own.data["y"].tolist() == [1, 2, 3, 5]


def test_a_file_that_is_not_wanted_is_never_asked_for() -> None:
    own = mw.OwnData(most=0.001)
    wire = Wire(own)
    wire.post({"kind": "begin", "id": "1", "name": "own.csv", "size": 2000})
    assert wire.sent == [{"kind": "end", "id": "1"}]
    assert "at most 0.001 are read" in own.problem
    wire.post({"kind": "part", "id": "1", "start": 0}, ROWS.encode())
    assert own.data is None


def test_parts_of_another_file_or_place_are_dropped() -> None:
    own = mw.OwnData()
    wire = Wire(own)
    wire.post({"kind": "begin", "id": "1", "name": "own.csv", "size": len(ROWS)})
    wire.post({"kind": "begin", "id": "2", "name": "own.csv", "size": len(ROWS)})
    wire.post({"kind": "part", "id": "1", "start": 0}, b"nonsense")
    wire.post({"kind": "part", "id": "2", "start": 5}, b"nonsense")
    wire.post({"kind": "part", "id": "2", "start": 0}, ROWS.encode())
    assert own.data["y"].tolist() == [1, 2, 3, 5]


def test_a_file_that_changes_or_cannot_be_read_is_said() -> None:
    own = mw.OwnData()
    Wire(own, size=1000).upload("own.csv", ROWS.encode())
    assert "has changed while it was read (1,000 bytes were announced" in own.problem
    wire = Wire(own)
    wire.post({"kind": "begin", "id": "1", "name": "own.csv", "size": 10})
    wire.post({"kind": "failed", "id": "1", "why": "NotReadableError"})
    assert own.problem.startswith("The browser could not read own.csv (NotReadableError)")


def test_what_is_saved_can_be_run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = DIALECTS["German"]
    own = taken(content, "machines.csv")
    (tmp_path / "machines.csv").write_bytes(content)
    own.explorer.save_notebook(tmp_path / "analysis.ipynb")
    written = nbformat.read(tmp_path / "analysis.ipynb", as_version=4)
    assert "sep=';'" in json.dumps(written)
    client = NotebookClient(written, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()


def test_read_own_says_how() -> None:
    table = read_own("machines.csv", DIALECTS["German"])
    assert table.how == "divided by semicolons, with decimal commas"
    assert repr(table) == "<OwnTable machines.csv: 54 rows, 3 columns>"
    assert [(c.name, c.kind, c.distinct, c.missing) for c in table.columns] == [
        ("Worker", "number", 6, 0),
        ("Machine", "category", 3, 0),
        ("score", "number", 49, 0),
    ]
    assert table.columns[2].shows == "43 to 72.1"
