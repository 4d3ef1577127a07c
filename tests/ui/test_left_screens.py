"""A screen is left while work that was begun on it goes on: nothing paints where nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from textual.app import ComposeResult
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from fototui.app import FototuiApp
from fototui.live.state import Changed
from fototui.screens.base import FototuiScreen
from fototui.ui.actions import Scope, in_scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from tests.ui.conftest import OpenApp
from tests.waiting import until_shown


class Board(FototuiScreen):
    """Paints late: when its widgets are gone and it is not."""

    scope = Scope.ACTIVITY

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.widgets_are_gone = asyncio.Event()
        self.work_is_done = False

    def compose_body(self) -> ComposeResult:
        yield Static(id="board")

    def declare_commands(self) -> Mapping[str, Command]:
        return {action.id: Command(lambda: None) for action in in_scope(self.scope)}

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


def _commands(app: FototuiApp) -> list[object]:
    return [worker for worker in app.workers if worker.group == "commands"]


def _board(app: FototuiApp) -> Board:
    assert isinstance(app.screen, Board)
    return app.screen


def _can_paint(board: Board) -> bool:
    return board.can_paint


@pytest.mark.parametrize("leave", ["dismiss", "quit"])
async def test_its_own_workers_end_before_its_widgets_go(open_app: OpenApp, leave: str) -> None:
    async with open_app(Board) as (app, pilot):
        board = _board(app)
        worker: Worker[None] = board.run_worker(board.paint_late())
        await pilot.pause()
        if leave == "dismiss":
            board.dismiss()
            await until_shown(pilot, lambda: worker.is_finished)
    assert worker.state is WorkerState.CANCELLED
    assert not board.work_is_done


async def test_what_was_asked_for_is_done_and_not_painted(open_app: OpenApp) -> None:
    async with open_app(Board) as (app, pilot):
        board = _board(app)
        board.perform(board.paint_late)
        await pilot.pause()
        board.dismiss()
        await until_shown(pilot, lambda: board.work_is_done and not _commands(app))


async def test_what_changes_is_not_painted(open_app: OpenApp) -> None:
    async with open_app(Board) as (app, pilot):
        board = _board(app)
        assert _can_paint(board)
        app._on_store_changed(Changed(listing=True))
        board.dismiss()
        await board.widgets_are_gone.wait()
        assert not _can_paint(board)
        app._on_store_changed(Changed(listing=True))
        await pilot.pause()
