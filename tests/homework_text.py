"""Code that reads, checks and records a homework as text, for places without numpy."""

# A homework as text: handed out, answered, checked against its seal, kept and read again.
HOMEWORK = """
from dataclasses import replace
from mixedwidgets.homework.cells import question_text
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.record import Answer, from_sidecar, to_sidecar
from mixedwidgets.homework.seals import is_right, sealed
from mixedwidgets.homework.sheet import Asked, Part, Sheet

part = Part("tau", "number", "SD of the schools", "points", 0.01)
part = replace(part, seal=sealed(part, Key(4.93, 0.01), "check", "0" * 16))
asked = Asked("q1", "Schools", "What is tau?", 2, (part,), "check")
sheet = Sheet("hw1", "Groups", "ann", "0" * 16, "y\\n1\\n", "f" * 64, (asked,))
assert Sheet.from_json(sheet.to_json()) == sheet
assert is_right(part, 4.935) and not is_right(part, 4.95)
answer = Answer("hw1", sheet.token, "q1", {"tau": 4.935})
assert from_sidecar(to_sidecar({"hw1": {"q1": answer}})) == ({"hw1": {"q1": answer}}, [])
print(question_text(sheet.question("q1")).splitlines()[0])
"""
