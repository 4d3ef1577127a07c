"""A job's details: read again while they are looked at."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from fototui.i18n import _
from fototui.live.refresher import Refresher
from fototui.screens.addresses import copy
from fototui.screens.dialogs import Reading
from fototui.services.operations.job_details import JobDetails, JobDetailsService
from fototui.services.views.operations import JobView
from fototui.ui.context import AppContext
from fototui.ui.messages import OpenOrder
from fototui.ui.prospects import why_waiting
from fototui.ui.workers import begin
from fototui.widgets.job_facts import job_facts, job_title
from fototui.widgets.tables.job_rows import Looks

_REFRESH_SECONDS = 2.0
# Lines of the border, the padding, the heading and the keys.
_AROUND = 8


class JobScreen(Reading, inherit_bindings=False):
    """Tells all that is known of a job.

    Args:
        context: The parts of the app.
        job: The job, as a list showed it.
    """

    DEFAULT_CSS = """
    JobScreen Vertical {
        width: 90%; max-width: 96; height: auto; max-height: 90%; padding: 1 2;
        border: round $accent; background: $surface;
    }
    JobScreen Vertical > VerticalScroll {
        width: 100%; height: auto; padding: 0; border: none;
        scrollbar-size-vertical: 1;
    }
    JobScreen .heading { margin-bottom: 1; text-style: bold; color: $accent; }
    JobScreen .hint { margin-top: 1; color: $text-muted; }
    JobScreen .row .name { width: 15; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("enter,o", "open_order", show=False),
        Binding("y", "copy_command", show=False),
        Binding("Y", "copy_all", show=False),
        *Reading.BINDINGS[1:],
    ]

    def __init__(self, context: AppContext, job: JobView) -> None:
        super().__init__()
        self._parts = context
        self._job = job
        self._details: JobDetails | None = None
        settings = context.settings
        self._looks = Looks(settings.timezone, settings.ascii_badges, settings.now)
        self.refresher = Refresher(
            self._load,
            on_failure=self._say_failure,
            is_wanted=lambda: self.is_current,
            every=_REFRESH_SECONDS,
            spacing=_REFRESH_SECONDS / 4,
        )

    def compose(self) -> ComposeResult:
        """A heading, the facts, and what the keys do."""
        with Vertical():
            yield Static(_("Reading…"), classes="heading", markup=False)
            yield VerticalScroll(id="facts")
            yield Static(
                _("enter order, y copies the log's command, Y everything, esc closes"),
                classes="hint",
                markup=False,
            )

    def on_resize(self, event: Resize) -> None:
        """Keep the heading and the keys in sight, however much there is to scroll."""
        most = event.size.height * 9 // 10 - _AROUND
        self.query_one("#facts").styles.max_height = max(most, 1)

    def on_mount(self) -> None:
        """Begin to read."""
        begin(self, self.refresher.run, name="job")

    @property
    def facts(self) -> list[tuple[str, Content]]:
        """What is shown."""
        if self._details is None:
            return []
        held_up = why_waiting(self._parts, self._job.kind)
        prices = self._parts.settings.prices
        return list(job_facts(self._details, self._looks, prices, held_up=held_up))

    async def _load(self) -> None:
        async with self._parts.backend.autocommit(JobDetailsService) as jobs:
            details = await jobs.read(self._job)
        if not self.is_mounted:
            return
        if details is None:
            self._head(_("This job is gone."))
            return
        self._details = details
        self._head(job_title(details))
        await self._show()

    async def _show(self) -> None:
        """Put the facts there; where they are the same ones, only what changed."""
        facts, box = self.facts, self.query_one("#facts", VerticalScroll)
        rows = list(box.query(Horizontal))
        if [str(row.query_one(".name", Static).content) for row in rows] != [n for n, _v in facts]:
            async with self.batch():
                await box.remove_children()
                await box.mount_all(
                    Horizontal(Static(Content(name), classes="name"), Static(value), classes="row")
                    for name, value in facts
                )
            return
        for row, (_name, value) in zip(rows, facts, strict=True):
            row.query(Static).last().update(value)

    def _head(self, words: str) -> None:
        self.query_one(".heading", Static).update(Content(words))

    def _say_failure(self) -> None:
        if self._details is None and self.is_mounted:
            self._head(_("The job cannot be read now; it is tried again."))

    def action_open_order(self) -> None:
        """Leave for the job's order."""
        self.dismiss()
        self.app.post_message(OpenOrder(self._job.order_id))

    def action_copy_command(self) -> None:
        """Copy the command that prints the job's log lines."""
        if self._details is not None:
            self.notify(copy(self.app, self._details.log_command))

    def action_copy_all(self) -> None:
        """Copy all facts, for whoever is asked for help."""
        if self._details is not None:
            lines = [f"{name}: {value.plain}" for name, value in self.facts]
            self.app.copy_to_clipboard("\n".join([job_title(self._details), *lines]))
            self.notify(_("The job's details are copied."))
