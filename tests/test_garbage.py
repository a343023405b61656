import asyncio
import gc
from types import SimpleNamespace

import pytest

from mixedwidgets.widgets import garbage
from mixedwidgets.widgets.garbage import uncollected


@pytest.fixture(autouse=True)
def collector_on():
    yield
    gc.enable()


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setattr(garbage, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(garbage, "PATIENCE", 0.05)


def test_outside_a_kernel_the_collector_goes_on_at_once():
    async def main():
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled()

    asyncio.run(main())


def test_in_a_kernel_it_goes_on_later(kernel):
    async def main():
        with uncollected(), uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
        await asyncio.sleep(0.15)
        assert gc.isenabled()

    asyncio.run(main())


def test_a_further_click_puts_it_off_further(kernel):
    async def main():
        with uncollected():
            pass
        await asyncio.sleep(0.03)
        with uncollected():
            await asyncio.sleep(0.05)
            assert not gc.isenabled()
        await asyncio.sleep(0.15)
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
