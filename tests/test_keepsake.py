import asyncio
import contextlib

import pytest

from mixedwidgets.widgets import keepsake
from mixedwidgets.widgets.keepsake import Keepsake


class Handle:
    def __init__(self):
        self.shown = []

    def update(self, html):
        self.shown.append(html.data)


@pytest.fixture
def handle(monkeypatch):
    handle = Handle()
    monkeypatch.setattr(keepsake, "get_ipython", lambda: object())
    monkeypatch.setattr(keepsake, "display", lambda html, display_id: handle)
    monkeypatch.setattr(keepsake, "SETTLED", 0.02)
    return handle


def test_outside_a_notebook_nothing_is_placed():
    assert not Keepsake(lambda: "x", contextlib.nullcontext).place()


def test_it_is_renewed_once_when_things_have_settled(handle):
    async def main():
        kept = Keepsake(lambda: "now", contextlib.nullcontext)
        kept.changed()
        assert kept.place()
        for _ in range(3):
            kept.changed()
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert handle.shown == ['<div class="mixedwidgets-keepsake">now</div>']


def test_what_fails_is_told(handle):
    told = []

    @contextlib.contextmanager
    def guarded():
        try:
            yield
        except ZeroDivisionError as error:
            told.append(error)

    async def main():
        text = ["1"]
        kept = Keepsake(lambda: str(1 / int(text[0])), guarded)
        kept.place()
        text[0] = "0"
        kept.changed()
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert len(told) == 1
    assert handle.shown == []
