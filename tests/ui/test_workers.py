"""Work beside the keys: what ends before it began leaves nothing that warns."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest
from textual.app import App
from textual.worker import WorkerCancelled

import fototui
from fototui.ui.workers import begin


async def test_work_that_ends_before_its_first_step_warns_of_nothing() -> None:
    begun: list[bool] = []

    async def work() -> None:
        begun.append(True)

    app = App[None]()
    async with app.run_test():
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            worker = begin(app, work)
            worker.cancel()
            with pytest.raises(WorkerCancelled):
                await worker.wait()
            del worker
            gc.collect()
    # A collection also warns of what other tests left behind; that is a ResourceWarning.
    never_awaited = [each for each in warned if issubclass(each.category, RuntimeWarning)]
    assert [str(each.message) for each in never_awaited] == []
    assert not begun


def test_all_work_begins_there() -> None:
    root = Path(fototui.__file__).parent
    callers = [file for file in root.rglob("*.py") if ".run_worker(" in file.read_text()]
    assert [str(file.relative_to(root)) for file in callers] == ["ui/workers.py"]
