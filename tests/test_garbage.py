import asyncio
import gc

import pytest

from mixedwidgets.widgets import garbage
from mixedwidgets.widgets.garbage import uncollected


@pytest.fixture(autouse=True)
def collector_on():
    yield
    gc.enable()


def test_without_a_loop_the_collector_goes_on_at_once():
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_on_a_loop_it_goes_on_later(monkeypatch):
    monkeypatch.setattr(garbage, "PATIENCE", 0.01)

    async def main():
        with uncollected(), uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
        await asyncio.sleep(0.05)
        assert gc.isenabled()

    asyncio.run(main())


def test_an_exception_does_not_leave_it_off():
    with pytest.raises(ValueError, match="broken"), uncollected():
        raise ValueError("broken")
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()
