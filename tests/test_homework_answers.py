"""Widgets for answers: what is typed, recorded, taken up, fed back, and refused in words."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as ipw
import pytest

from mixedwidgets.errors import DataError, MixedWidgetsWarning
from mixedwidgets.homework.record import MIME, Answer, from_sidecar, to_sidecar
from mixedwidgets.homework.sheet import Part
from mixedwidgets.widgets.answers import outputs
from mixedwidgets.widgets.answers.base import tolerance_words
from mixedwidgets.widgets.answers.typed import typed
from mixedwidgets.widgets.answers.words import heading, value_words
from mixedwidgets.widgets.answers.worksheet import Worksheet
from tests.answer_sheet import CSV, NAMES, PARTS, TOKEN, asked, groups_picture, sheet
from tests.widget_tools import HOSTILE, at, check_html, key, tree


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def work(tmp_path: Path) -> Worksheet:
    return Worksheet(sheet().to_json(), tmp_path)


def again(work: Worksheet) -> Worksheet:
    """The same sheet after a restart."""
    return Worksheet(work.sheet.to_json(), work.folder)


def only(widget: Any) -> Any:
    """The one part of a question."""
    (part,) = widget.parts.values()
    return part


def type_in(widget: Any, text: str, box: int = 0) -> None:
    """Type into a box of the only part of a question."""
    part = only(widget)
    (part.boxes[box] if hasattr(part, "boxes") else part.box).text.value = text


def status(widget: Any) -> str:
    return str(widget._status.value)


def kept(folder: Path, question: str) -> dict[str, Any]:
    """The bundle in ``answers.json``."""
    return json.loads((folder / "answers.json").read_text())["homeworks"]["hw1"][question]


# ---- numbers as typed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("3.14", 3.14), ("3,14", 3.14), ("1e-3", 0.001), ("-0.5", -0.5), (" +2 ", 2.0)),
        *(("−0,5", -0.5), (".5", 0.5), ("5.", 5.0), ("1,5E+2", 150.0), ("", None), ("  ", None)),
    ],
)
def test_numbers_are_read_as_students_type_them(text, value):
    assert typed(text) == value


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("5%", "percent sign"),
        ("3.2 points", "without the units"),
        ("1/3", "nothing is worked out"),
        ("1,234.5", "thousands"),
        ("abc", "write it as 3.14"),
        ("nan", "write it as 3.14"),
        ("1e999", "too large"),
        ("9" * 50, "is no number"),
        ("1_000", "is no number"),
        ("٣", None),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text, advice):
    if advice is None:  # digits of another script are digits
        assert typed(text) == 3.0
        return
    with pytest.raises(DataError, match=advice) as refused:
        typed(text, "points")
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("fixed effect of hours", "Fixed effect of hours"),
        ("log-likelihood at the maximum", "Log-likelihood at the maximum"),
        ("σ within", "σ within"),
        ("k ones", "k ones"),
        ("mean_ses by school", "mean_ses by school"),
        ("SD of the schools, τ", "SD of the schools, τ"),
        ("a", "a"),
    ],
)
def test_labels_begin_with_a_capital_unless_it_would_change_a_name(label, shown):
    assert heading(label) == shown


# ---- recording


def test_a_number_is_recorded_and_comes_back(work):
    question = work.ask("q1")
    type_in(question, "3,2")
    assert work.answers["q1"].values == {"tau": 3.2}
    assert kept(work.folder, "q1") == work.answers["q1"].to_bundle()
    assert "Recorded 3.2, " in status(question)
    assert only(again(work).ask("q1")).box.text.value == "3.2"
    type_in(question, "4")
    assert work.answers["q1"].count == 2
    assert again(work).answers == work.answers


def test_a_text_that_is_no_number_stays_and_so_does_the_answer(work):
    question = work.ask("q1")
    type_in(question, "3.2")
    type_in(question, "3.2 points")
    part = only(question)
    assert part.box.text.value == "3.2 points"
    assert 'role="alert"' in part._alert.value
    assert "stays recorded" in part._alert.value
    assert work.answers["q1"].values == {"tau": 3.2}
    type_in(question, "3.3")
    assert part.problem == ""
    assert part._alert.layout.display == "none"
    type_in(question, "")
    assert work.answers["q1"].values == {}
    assert "No answer is recorded" in status(question)


def test_a_choice_is_recorded_and_comes_back(work):
    only(work.ask("q2")).buttons.index = 1
    assert kept(work.folder, "q2")["values"] == {"fails": "profile"}
    assert only(again(work).ask("q2")).buttons.value == "profile"


def test_an_interval_is_dragged_by_the_nearest_handle_and_typed(work):
    part = only(question := work.ask("q3"))
    assert work.answers == {}
    part.picture.pointer = at("down", 0.10, -1.0)
    part.picture.pointer = at("move", 0.08, -1.0)
    assert part.boxes[0].text.value == "0.08"
    assert "q3" not in work.answers
    part.picture.pointer = at("up", 0.066, -1.0)
    assert work.answers["q3"].values == {"ci": (0.066, 0.4275)}
    part.picture.pointer = key("ArrowRight")
    assert part.value[0] == pytest.approx(0.066 + 0.45 / 200, abs=1e-3)
    part.picture.pointer = key("End")
    part.picture.pointer = key("ArrowLeft", shift=True)
    assert part.value[1] == pytest.approx(0.4275 - 0.45 / 20, abs=1e-3)
    type_in(question, "0,31", box=1)
    assert part.value[1] == 0.31
    lines = {line.get_gid(): line for line in part.picture.figure.axes[0].lines}
    assert lines["upper"].get_xdata()[0] == 0.31
    type_in(question, "0.5", box=0)
    assert "above the upper limit" in part.problem
    assert again(work).ask("q3").values == question.values


def test_handles_stop_at_each_other_and_a_handle_grabbed_is_the_one_that_goes(work):
    part = only(work.ask("q3"))
    part.picture.pointer = at("down", 0.25, 0.0, artist="lower")
    part.picture.pointer = at("up", 0.44, 0.0, artist="lower")
    assert part.value == (0.4275, 0.4275)


def test_limits_outside_the_picture_are_typed_and_one_alone_is_no_answer(work):
    part = only(question := work.ask("q3"))
    type_in(question, "-0.2", box=0)
    assert part.value is None
    assert "Not answered" in status(question)
    type_in(question, "0.9", box=1)
    assert work.answers["q3"].values == {"ci": (-0.2, 0.9)}
    assert part.problem == ""


def test_a_point_is_placed_on_a_surface(work):
    part = only(question := work.ask("q4"))
    part.picture.pointer = at("down", 9.0, 3.0)
    part.picture.pointer = at("up", 9.1004, 3.2)
    assert part.value == pytest.approx((9.1, 3.2), abs=0.002)
    assert [box.text.value for box in part.boxes] == [f"{v:g}" for v in part.value]
    part.picture.pointer = key("ArrowUp")
    assert part.value[1] == pytest.approx(3.275, abs=0.01)
    type_in(question, "2.5", box=0)
    assert part.value[0] == 2.5
    assert kept(work.folder, "q4")["values"]["top"] == list(part.value)
    assert only(again(work).ask("q4")).held == part.value


def test_a_point_on_a_row_stays_on_it(work):
    part = only(work.ask("q5"))
    part.picture.pointer = at("up", 51.5, 3.0)
    assert part.value == (51.5, 11.0)
    part.picture.pointer = key("ArrowUp")
    assert part.value == (51.5, 11.0)
    assert value_words(part.part, part.value) == "51.5 points"


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [(5e-05, "± 0.00005 points"), (5.0, "± 5 points"), (0.25, "± 0.25 points"), (0.0, "")],
)
def test_the_tolerance_is_said_in_plain_decimals(tolerance, words):
    part = Part("p", "number", "p", "points", tolerance)
    assert words in tolerance_words(part)
    assert bool(words) == bool(tolerance_words(part))


# ---- feedback


def test_range_is_told_and_recorded_all_the_same(work):
    question = work.ask("q7")
    type_in(question, "33")
    assert "33 points is above 20 points" in only(question)._verdict.value
    assert work.answers["q7"].values == {"tau": 33.0}
    type_in(question, "3.3")
    assert only(question)._verdict.value == ""


def test_who_is_right_at_once_may_check_again_to_be_told(work):
    question = work.ask("q6")
    number, choice = question.parts.values()
    number.box.text.value, choice.buttons.index = "3,23", 0
    question.press()
    assert number._verdict.value == ""
    question.press()
    assert question.tries == 2
    assert "Right" in number._verdict.value


def test_right_or_wrong_is_told_after_the_tries(work):
    question = work.ask("q6")
    number, choice = question.parts.values()
    question.press()
    assert "no answer yet" in question.problem
    assert question.tries == 0
    number.box.text.value, choice.buttons.index = "3.5", 0
    question.press()
    assert question.tries == 1
    assert number._verdict.value == ""
    assert "told at check 2; 1 to go" in status(question)
    number.box.text.value = "3,23"
    question.press()
    assert "Right" in number._verdict.value
    assert "Right" in choice._verdict.value
    number.box.text.value = "3.5"
    assert number._verdict.value == ""  # not before it is checked
    question.press()
    assert "Not right" in number._verdict.value
    assert again(work).ask("q6").tries == work.answers["q6"].tries == 3
    number.box.text.value = "three"
    question.press()
    assert "mend it first" in question.problem


def test_submitting_is_asked_twice_locks_and_shows_the_key(work):
    part = only(question := work.ask("q5"))
    part.picture.pointer = at("up", 45.0, 11.0)
    question.press()
    assert question.button.description == "Submit for good"
    assert not question.submitted
    part.picture.pointer = at("up", 46.0, 11.0)
    assert question.button.description == "Submit"
    question.press()
    question.press()
    assert work.answers["q5"].submitted
    assert work.answers["q5"].tries == 1
    for widget in (question, again(work).ask("q5")):
        shown = only(widget)
        assert "not right. The key: 52 points" in shown._verdict.value
        assert shown.key == (52.0, 11.0)
        assert widget.button.disabled
        assert shown.boxes[0].text.disabled
        shown.picture.pointer = at("up", 50.0, 11.0)
        assert shown.value == (46.0, 11.0)
        assert widget.error is None
    assert json.loads((work.folder / "answers.json").read_text())["homeworks"]["hw1"]["q5"] == (
        work.answers["q5"].to_bundle()
    )


def test_a_seal_that_was_tampered_with_becomes_a_sentence(tmp_path):
    broken = asked("q1", "number", "check")
    broken = replace(broken, parts=(replace(broken.parts[0], seal={"kind": "check"}),))
    question = Worksheet(sheet(broken).to_json(), tmp_path).ask("q1")
    type_in(question, "3")
    question.press()
    assert "cannot be checked" in question.problem


# ---- files


def test_other_answers_in_the_sidecar_stay(work):
    other = Answer("hw0", "f" * 16, "q1", {"tau": 1.0}, count=4, time="2026-01-01T00:00:00+00:00")
    (work.folder / "answers.json").write_text(to_sidecar({"hw0": {"q1": other}}))
    type_in(work.ask("q1"), "3")
    answers, wrong = from_sidecar((work.folder / "answers.json").read_text())
    assert wrong == []
    assert set(answers) == {"hw0", "hw1"}
    assert answers["hw0"]["q1"] == other
    assert [path.name for path in work.folder.iterdir()] == ["answers.json"]


def test_two_worksheets_of_one_folder_count_on(work):
    second = again(work)
    type_in(work.ask("q1"), "3")
    type_in(second.ask("q1"), "4")
    type_in(work.ask("q1"), "5")
    assert kept(work.folder, "q1")["count"] == 3
    assert again(work).answers["q1"].values == {"tau": 5.0}


def test_a_folder_that_cannot_be_written_becomes_a_sentence(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    work = Worksheet(sheet().to_json(), folder)
    question = work.ask("q1")
    folder.rmdir()
    type_in(question, "3")
    assert "answers.json cannot be written" in question.problem
    assert "save the notebook" in question.problem
    assert work.answers["q1"].values == {"tau": 3.0}
    assert "Recorded" in status(question)
    folder.mkdir()
    type_in(question, "4")
    assert question.problem == ""
    assert kept(folder, "q1")["count"] == 2


def test_a_sidecar_that_cannot_be_read_is_kept_and_said(tmp_path):
    (tmp_path / "answers.json").write_text("{")
    with pytest.warns(MixedWidgetsWarning, match=r"answers\.json is left out"):
        work = Worksheet(sheet().to_json(), tmp_path)
    type_in(work.ask("q1"), "3")
    assert (tmp_path / "answers.broken.json").read_text() == "{"
    assert kept(tmp_path, "q1")["values"] == {"tau": 3.0}


def notebook(*bundles: Any) -> str:
    outputs = [
        {"output_type": "display_data", "data": {MIME: b, "text/plain": ""}, "metadata": {}}
        for b in bundles
    ]
    return json.dumps({"cells": [{"cell_type": "code", "outputs": outputs}, "?"], "nbformat": 4})


def bundle(value: Any, count: int = 1, token: str = TOKEN, question: str = "q1") -> dict[str, Any]:
    answer = Answer("hw1", token, question, {"tau": 0.0}, count=count, time="2026-01-01T00:00:00")
    return {**answer.to_bundle(), "values": {"tau": value}}


def test_saved_outputs_of_notebooks_are_taken_up_the_latest_first(tmp_path):
    (tmp_path / "a.ipynb").write_text(notebook(bundle(3, 2), bundle(9.0, 7, token="0" * 16)))
    (tmp_path / "b.ipynb").write_text(notebook(bundle(2.0, 1), bundle(5.0, 9, question="q0")))
    (tmp_path / "c.ipynb").write_text(notebook(bundle("text", 8)))  # answers no part of its kind
    assert Worksheet(sheet().to_json(), tmp_path).answers["q1"].values == {}
    (tmp_path / "c.ipynb").unlink()
    work = Worksheet(sheet().to_json(), tmp_path)
    assert {name: answer.values for name, answer in work.answers.items()} == {"q1": {"tau": 3.0}}
    type_in(work.ask("q1"), "4")
    assert kept(tmp_path, "q1")["count"] == 3


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '"x"', f'{{"cells": 3, "x": "{MIME} {TOKEN}"}}'),
        notebook({"version": 99, "token": TOKEN}, [TOKEN], None, bundle(1e400)),
        "[" * 50_000 + f'"{MIME} {TOKEN}"',
        notebook({**bundle(3), "count": -1}),
    ],
)
def test_malformed_notebooks_are_left_out_with_a_sentence(tmp_path, text):
    (tmp_path / "odd.ipynb").write_text(text)
    (tmp_path / "fine.ipynb").write_text(notebook(bundle(3.0)))
    (tmp_path / "folder.ipynb").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work = Worksheet(sheet().to_json(), tmp_path)
    assert work.answers["q1"].values == {"tau": 3.0}
    for warning in caught:
        assert "odd.ipynb" in str(warning.message)
        assert "\n" not in str(warning.message)


# ---- outputs of the cell


class Shell:
    """What is displayed, by display id."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.outputs: dict[str, dict[str, Any]] = {}
        self.updates = 0
        monkeypatch.setattr(outputs, "get_ipython", lambda: self)
        monkeypatch.setattr(outputs, "display", self.display)

    def display(self, data: Any, raw: bool, display_id: str, update: bool = False) -> None:
        assert raw
        assert (display_id in self.outputs) >= update
        self.updates += update
        self.outputs[display_id] = data


def test_the_output_of_the_cell_holds_text_and_bundle(work, monkeypatch):
    shell = Shell(monkeypatch)
    question = work.ask("q1")
    question._repr_mimebundle_()
    question._repr_mimebundle_()  # the cell was run again
    (data,) = shell.outputs.values()
    assert data["text/plain"] == "hw1 | Question 1: not answered yet"
    assert MIME not in data
    type_in(question, "3.21")
    (data,) = shell.outputs.values()
    answer = work.answers["q1"]
    stamp = answer.time[:16].replace("T", " ")
    words = f"hw1 | Question 1: SD of the schools, τ = 3.21 points (recorded {stamp} UTC)"
    assert data["text/plain"] == words
    assert words in data["text/html"]
    assert "mixedwidgets-keepsake" in data["text/html"]
    assert Answer.from_bundle(json.loads(json.dumps(data[MIME]))) == answer
    assert shell.updates == 1


def test_the_output_is_renewed_also_where_no_file_can_be_written(work, monkeypatch):
    shell = Shell(monkeypatch)
    question = work.ask("q1")
    question._repr_mimebundle_()
    (work.folder / "answers.json").mkdir()
    type_in(question, "3.21")
    assert "cannot be written" in question.problem
    assert MIME in next(iter(shell.outputs.values()))


def test_on_a_page_loaded_later_the_question_asks_to_run_its_cell_again(work, monkeypatch):
    Shell(monkeypatch)
    question = work.ask("q1")
    question._repr_mimebundle_()
    for page in (1.0, 1.0):
        question._ground._handle_custom_msg({"page": page}, [])
        assert question._notice.layout.display == "none"
    question._ground._handle_custom_msg({"page": 2.0}, [])
    assert "Run the cell again" in question._notice.value
    question._repr_mimebundle_()
    question._ground._handle_custom_msg({"page": 2.0}, [])
    assert question._notice.layout.display == "none"


def test_the_summary_follows(work, monkeypatch):
    shell = Shell(monkeypatch)
    work.summary()._ipython_display_()
    type_in(work.ask("q1"), "3")
    type_in(work.ask("q7"), "2")
    (data,) = shell.outputs.values()
    assert "2 of 7 questions are answered" in data["text/plain"]
    assert "SD of the schools, τ = 3 points" in data["text/html"]
    work.ask("q6").parts["tau"].box.text.value = "1"
    assert "(in part)" in next(iter(shell.outputs.values()))["text/plain"]


# ---- the worksheet


def test_data_are_a_copy_and_the_worksheet_says_what_is_done(work):
    mine = work.data
    mine["score"] = 0.0
    assert work.data["score"].tolist() == [12.25, 9.5, 11.125, 10.0]
    assert repr(work) == "<Worksheet hw1: 0 of 7 questions answered>"
    assert work.ask("q1") is work.ask("q1")


def test_what_cannot_be_asked_is_refused(work, tmp_path):
    with pytest.raises(DataError, match="'q9' is no question of hw1"):
        work.ask("q9")
    for text in (None, "", "{", "[]", '{"version": 1}'):
        with pytest.raises(DataError, match=r"worksheet|first cell"):
            Worksheet(text, tmp_path)
    changed = replace(sheet(), csv=CSV.replace("12.25", "13.25"))
    with pytest.warns(MixedWidgetsWarning, match="not those that were handed out"):
        Worksheet(changed.to_json(), tmp_path)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup(tmp_path, name):
    part = Part("p", "number", name, name, 0.1, (0.0, 1.0))
    choice = Part("c", "choice", name, options=(("a", name), ("b", "b")))
    curve = replace(PARTS["interval"][0], label=name, units=name)
    names = [*NAMES[:15], name]
    rows = {**groups_picture(), "names": names, "pick": name, "xlabel": name}
    place = replace(PARTS["row"][0], label=name, picture=rows)
    parts = (part, choice, curve, place)
    question = replace(asked("q1", "number"), title=name, parts=parts, feedback="range")
    work = Worksheet(sheet(question).to_json(), tmp_path)
    widget = work.ask("q1")
    widget.parts["p"].box.text.value = "7"
    widget.parts["c"].buttons.index = 0
    widget.parts["ci"].picture.pointer = at("up", 0.1, 0.0)
    widget.parts["shrunk"].picture.pointer = at("up", 45.0, 3.0)
    for each in tree(widget):
        if isinstance(each, ipw.HTML):
            check_html(each.value)
        elif getattr(each, "description_allow_html", False):
            check_html(each.description)
    check_html(work.summary()._repr_html_())
    check_html(work._recorder._data(question)["text/html"])
    assert widget.error is None
