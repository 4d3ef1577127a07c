"""A screen is left while work that was begun on it goes on: nothing paints where nothing is."""

from __future__ import annotations

import asyncio

import pytest
from textual.app import ComposeResult
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from fototui.app import FototuiApp
from fototui.live.state import Changed
from fototui.screens.base import FototuiScreen
from fototui.ui.actions import Scope
from tests.ui.conftest import OpenApp
from tests.waiting import until_shown


class Board(FototuiScreen):
    """Paints late: when its widgets are gone and it is not."""

    scope = Scope.ACTIVITY

    def __init__(self) -> None:
        super().__init__()
        self.widgets_are_gone = asyncio.Event()
        self.work_is_done = False

    def compose_body(self) -> ComposeResult:
        yield Static(id="board")

    async def paint_late(self) -> None:
        await self.widgets_are_gone.wait()
        self.work_is_done = True
        self.paint()

    def paint(self) -> None:
        self.query_one("#board", Static).update("late")

    def on_store_changed(self, changed: Changed) -> None:
        self.paint()

    async def on_unmount(self) -> None:
        self.widgets_are_gone.set()
        for _ in range(10):
            await asyncio.sleep(0)


def _deeds(app: FototuiApp) -> list[object]:
    return [worker for worker in app.workers if worker.group == "commands"]


def _can_paint(board: Board) -> bool:
    return board.can_paint


@pytest.mark.parametrize("leave", ["dismiss", "quit"])
async def test_its_own_workers_end_before_its_widgets_go(open_app: OpenApp, leave: str) -> None:
    board = Board()
    async with open_app(lambda: board) as (_app, pilot):
        worker: Worker[None] = board.run_worker(board.paint_late())
        await pilot.pause()
        if leave == "dismiss":
            board.dismiss()
            await until_shown(pilot, lambda: worker.is_finished)
    assert worker.state is WorkerState.CANCELLED
    assert not board.work_is_done


async def test_what_was_asked_for_is_done_and_not_painted(open_app: OpenApp) -> None:
    board = Board()
    async with open_app(lambda: board) as (app, pilot):
        board.perform(board.paint_late)
        await pilot.pause()
        board.dismiss()
        await until_shown(pilot, lambda: board.work_is_done and not _deeds(app))


async def test_what_changes_is_not_painted(open_app: OpenApp) -> None:
    board = Board()
    async with open_app(lambda: board) as (app, pilot):
        assert _can_paint(board)
        app._on_store_changed(Changed(listing=True))
        board.dismiss()
        await board.widgets_are_gone.wait()
        assert not _can_paint(board)
        app._on_store_changed(Changed(listing=True))
        await pilot.pause()
