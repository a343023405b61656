"""Answers to a homework in JupyterLab, Notebook 7 and Voila: given, saved, and there again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from explorer_page import CLIPPED, Picture, wait_for
from test_places import FAINT, complaints

from mixedwidgets.homework import questions
from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.record import MIME, Answer, from_sidecar

SEEN = ".mixedwidgets-keepsake:visible"
RESTART = """async () => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget;
  await sessionContext.session.kernel.restart();
}"""


def homework(name: str) -> Homework:
    return Homework(
        name,
        [
            questions.ShrunkenMean(feedback="range"),
            questions.WhichIntervalFails(feedback="check"),
            questions.Information(),
            questions.PlacePoint(),
            questions.PredictThenReveal(),
        ],
        salt="known to all who read these tests",
    )


def written(folder: Path, name: str) -> Path:
    return homework(name).write(folder / f"{name}.ipynb", student="anna")


class Question:
    """One question on the page."""

    def __init__(self, lab: Any, number: int):
        self.lab = lab
        self.inside = f"work.ask('q{number}')"
        self.root = lab.page.locator(".mixedwidgets-question").nth(number - 1)
        self.root.wait_for()
        self.root.scroll_into_view_if_needed()

    def picture(self, part: str) -> Picture:
        """Its picture, once it has the width of the page."""
        element = self.root.locator(".mixedwidgets-picture")
        picture = Picture(self.lab, element, f"{self.inside}.parts['{part}'].picture")
        wait_for(lambda: int(element.get_attribute("data-seq") or 0) > 0, "a picture")
        picture.settled()
        element.scroll_into_view_if_needed()
        return picture

    def type(self, label: str, text: str) -> None:
        """Type into a box and press Enter."""
        box = self.root.get_by_label(label)
        box.fill(text)
        box.press("Enter")

    def says(self, words: str) -> None:
        """Wait until the question says something."""
        wait_for(lambda: words in self.root.inner_text(), words)

    def values(self) -> dict[str, Any]:
        """What is recorded of it, in the kernel."""
        return self.lab.ask(f"dict({self.inside}.values)")


def bundles(path: Path) -> dict[str, tuple[Answer, str]]:
    """The answer in the saved outputs of each cell, and its text, by question."""
    found = {}
    for cell in json.loads(path.read_text())["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if MIME in data:
                answer = Answer.from_bundle(data[MIME])
                found[answer.question] = answer, "".join(data["text/plain"])
    return found


def test_answers_of_every_kind_are_saved_and_come_back(
    open_lab: Any, lab_server: Any, artifacts: Path, tmp_path: Path
) -> None:
    lab = open_lab(written(tmp_path, "lab"), width=1200, height=1400)
    lab.hide_sidebar()
    page, key = lab.page, homework("lab").key("anna")

    first = Question(lab, 1)
    first.type("Weight w", "0.8 of it")
    first.says("'0.8 of it' is no number")
    first.type("Weight w", "0,8")
    first.type("Shrunken mean", "512")
    first.says("where no sensible answer is")
    first.says("Recorded")

    second = Question(lab, 2)
    asked = homework("lab").sheet("anna").question("q2")
    (before, _), (after, words), *_ = asked.part("which").options
    second.root.get_by_label(words, exact=True).check()
    page.keyboard.press("ArrowUp")  # a command of the notebook would go to another cell
    wait_for(lambda: second.values() == {"which": before}, f"{before} instead of {after}")
    second.root.get_by_role("radiogroup", name="Why an interval").wait_for()
    reasons = asked.part("why").options
    second.root.get_by_label(dict(reasons)[key["q2"]["why"].value]).check()
    second.root.get_by_role("button", name="Check").click()
    second.says("Right")

    third = Question(lab, 3)
    curve = third.picture("interval")
    low, high = lab.ask(f"list({third.inside}.parts['interval'].held)")
    aim = low + 0.1 * (high - low)
    height = lab.ask(f"{third.inside}.parts['interval'].table.height({low})")
    drag(page, curve.place(low, height), curve.place(aim, height))
    wait_for(lambda: "interval" in third.values(), "an interval")
    assert third.values()["interval"] == [pytest.approx(aim, abs=0.002), high]
    page.keyboard.press("ArrowRight")
    wait_for(lambda: third.values()["interval"][0] > aim + 0.0005, "a step of the handle")

    fourth = Question(lab, 4)
    surface = fourth.picture("point")
    page.mouse.click(*surface.place(*key["q4"]["point"].value))
    wait_for(lambda: "point" in fourth.values(), "a point")
    assert fourth.values()["point"] == pytest.approx(key["q4"]["point"].value, rel=0.01)

    fifth = Question(lab, 5)
    fifth.root.get_by_label("towards the overall mean").check()
    mean = key["q5"]["place"].value[0]
    fifth.picture("place")
    fifth.type("Prediction", f"{mean:.2f}")
    fifth.says("Recorded")
    fifth.root.get_by_role("button", name="Submit").click()
    fifth.root.get_by_role("button", name="Submit for good").click()
    fifth.says("Your answer is right. The key: ")
    assert fifth.root.get_by_label("Prediction").is_disabled()

    for question in (first, second, third, fourth, fifth):
        assert question.root.evaluate(CLIPPED) == []
        assert question.root.evaluate(FAINT) == []
    assert page.locator(SEEN).count() == 0
    page.screenshot(path=artifacts / "homework-lab.png")

    path = lab_server.notebooks / lab.save(widgets=False)
    sidecar = lab_server.notebooks / "answers.json"
    kept = from_sidecar(sidecar.read_text())[0]["lab"]
    saved = bundles(path)
    assert {name: answer for name, (answer, _) in saved.items()} == kept
    assert set(kept) == {"q1", "q2", "q3", "q4", "q5"}
    assert kept["q1"].values == {"weight": 0.8, "mean": 512.0}
    assert "= 0.8; shrunken mean of" in saved["q1"][1]
    assert kept["q5"].submitted

    sidecar.unlink()  # what the notebook holds is enough
    page.evaluate(RESTART)
    lab.run_all()
    again = Question(lab, 1)
    wait_for(lambda: again.root.get_by_label("Weight w").input_value() == "0.8", "the answer")
    assert lab.ask("{q: a.count for q, a in work.answers.items()}") == {
        name: answer.count for name, answer in kept.items()
    }
    Question(lab, 5).says("Your answer is right. The key: ")
    assert lab.errors == []

    lab.save(widgets=False)
    unopened = open_lab(path, run=False, width=1200, height=1400)
    shown = unopened.page.locator(SEEN)
    wait_for(lambda: shown.count() > 0, "the answers without a kernel")
    assert "= 0.8; shrunken mean of" in shown.first.inner_text()


def drag(page: Any, start: tuple[float, float], stop: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*stop, steps=8)
    page.mouse.up()


@pytest.mark.parametrize("app", ["notebook", "voila"])
def test_an_answer_is_kept_in_the_other_apps(
    open_lab: Any, lab_server: Any, artifacts: Path, tmp_path: Path, app: str
) -> None:
    lab = open_lab(written(tmp_path, app), width=1000, height=1000, app=app)
    first = Question(lab, 1)
    first.type("Weight w", "0.75")
    first.says("Recorded")
    sidecar = lab_server.notebooks / "answers.json"
    kept = from_sidecar(sidecar.read_text())[0][app]
    assert kept["q1"].values == {"weight": 0.75}
    if app == "notebook":
        lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        (path,) = lab_server.notebooks.glob("*other_apps_notebook*.ipynb")
        wait_for(lambda: "q1" in bundles(path), "the answer in the notebook")
        assert bundles(path)["q1"][0] == kept["q1"]
        lab.page.reload()  # which forgets the output that the kernel would renew
        Question(lab, 1).says("Run the cell again")
    assert lab.page.locator(SEEN).count() == 0
    lab.page.screenshot(path=artifacts / f"homework-{app}.png")
    fonts = ".woff"  # of mathematics, which Notebook 7 asks for without its token
    assert [text for text in complaints(lab, app) if fonts not in text] == []
