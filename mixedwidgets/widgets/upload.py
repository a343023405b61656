"""A file from the reader's computer: its bytes, in parts that every server lets pass."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from mixedwidgets.errors import DataError

MB = 1_000_000


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


class Upload(anywidget.AnyWidget):
    """A field to choose a file with, or to drop one on.

    ``ipywidgets.FileUpload`` sends a file in one message, and Jupyter's server closes the
    connection, without a word, on a message of more than 10 MB. This one asks first, so that a
    file that is too large is never sent, and then sends parts of 1 MB.

    Parameters
    ----------
    check : callable
        Is given a file's name and size in bytes before it is sent; raises where it is not wanted.
    take : callable
        Is given the name and the bytes of a file that has arrived.
    refuse : callable
        Is given whatever was raised in between.
    description : str
        What is asked for.
    accept : str
        Endings of names that the browser offers, divided by commas.
    """

    # Read as text: anywidget would keep every instance alive through a watched path.
    _esm = _file("upload.js")
    _css = _file("upload.css")

    description = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        check: Callable[[str, int], None],
        take: Callable[[str, bytes], None],
        refuse: Callable[[Exception], None],
        **options: Any,
    ):
        super().__init__(**options)
        self._check, self._take, self._refuse = check, take, refuse
        self._coming: tuple[str, str, int] | None = None
        self._received = bytearray()
        self.on_msg(self._on_message)

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        try:
            if content["kind"] == "begin":
                self._begin(content["id"], str(content["name"]), int(content["size"]))
            elif content["kind"] == "part":
                self._add(content["id"], content["start"], buffers)
            elif content["kind"] == "failed":
                self._fail(content["id"], str(content["why"]))
        except Exception as error:
            self._end(content.get("id"))
            self._refuse(error)

    def _begin(self, id: str, name: str, size: int) -> None:
        self._check(name, size)
        self._coming, self._received = (id, name, size), bytearray()
        self._ask(id)

    def _add(self, id: str, start: int, buffers: Any) -> None:
        """Add a part, where it belongs to the file that was begun last and comes in its order."""
        if self._coming is None or self._coming[0] != id or start != len(self._received):
            return
        _, name, size = self._coming
        for part in buffers:
            self._received += part
        if start < len(self._received) < size:
            self._ask(id)
            return
        content = bytes(self._received)
        self._end(id)
        if len(content) != size:
            raise DataError(
                f"{name} has changed while it was read ({size:,} bytes were announced and "
                f"{len(content):,} came); choose it again."
            )
        self._take(name, content)

    def _fail(self, id: str, why: str) -> None:
        if self._coming is None or self._coming[0] != id:
            return
        name = self._coming[1]
        self._end(id)
        raise DataError(f"The browser could not read {name} ({why}); choose it again.")

    def _ask(self, id: str) -> None:
        self.send({"kind": "next", "id": id, "start": len(self._received)})

    def _end(self, id: Any) -> None:
        self._coming, self._received = None, bytearray()
        self.send({"kind": "end", "id": id})
