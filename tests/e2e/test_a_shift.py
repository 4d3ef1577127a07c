"""An operator's shift by keys alone, from photos to approved SVGs; what each key does is seen."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pytest
from textual.pilot import Pilot

from fototui.app import FototuiApp
from fototui.demo.orders import sample_orders
from fototui.demo.stack import DemoStack, open_stack
from fototui.domain.badges import Badge
from fototui.domain.statuses import JobKind, VersionType
from fototui.i18n import ngettext, set_language
from fototui.live.store import LiveStore
from fototui.runtime.compose import open_engine
from fototui.sandbox.outcomes import Latency
from fototui.sandbox.pictures.generator import GeneratorKind
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.services.ingest.imports import ImportService
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from tests.ui.pages import ReviewPage, lines
from tests.waiting import until_shown

MORE_KEYS = 7
"""For all but the pictures, each of which takes a key as a colouring and as an SVG."""

# In the other language only words differ: fewer photos do.
PHOTOS = {"en": (2, 1, 2), "cs": (2, 1)}
WORDS = {
    "en": {
        "newest": "#1003",
        "marked": "3 marked",
        "colourings": "5 colourings in 3 orders",
        "waiting": "2 Review 5",
        "nothing": "No picture is waiting for you.",
        "judged": "Approved {count}",
        "to vectorise": "To vectorise 3",
        "svgs": "5 SVGs in 3 orders",
        "to review": "To review 3",
        "to typeset": "To typeset 3",
    },
    "cs": {
        "newest": "#1002",
        "marked": "2 označeny",
        "colourings": "3 omalovánky ve 2 objednávkách",
        "waiting": "2 Kontrola 3",
        "nothing": "Žádný obrázek na vás nečeká.",
        "judged": "Schváleno {count}",
        "to vectorise": "K vektorizaci 2",
        "svgs": "3 SVG ve 2 objednávkách",
        "to review": "Ke kontrole 2",
        "to typeset": "K sazbě 2",
    },
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach too, which pytest's are not under root."""
    with tempfile.TemporaryDirectory(prefix="fototui-test-") as name:
        found = Path(name)
        found.chmod(0o711)
        yield found


@dataclass
class Operator:
    """Presses keys, and reads what each of them did."""

    app: FototuiApp
    pilot: Pilot[None]
    words: dict[str, str]
    pictures: int
    keys: list[str] = field(default_factory=list)

    @property
    def page(self) -> str:
        """The screen as it was painted last, its columns drawn together."""
        return re.sub(" +", " ", "\n".join(lines(self.app)))

    def reads(self, *words: str) -> bool:
        """Whether all this can be read on the screen."""
        return all(word in self.page for word in words)

    async def press(self, key: str, *effect: str) -> None:
        """Press a key, whose effect was not to be read before, and is now.

        Args:
            key: The key.
            effect: What is to be read.
        """
        assert not self.reads(*effect), f"{effect} was there before {key}:\n{self.page}"
        self.keys.append(key)
        await self.pilot.press(key)
        await self.sees(*effect)

    async def sees(self, *words: str) -> None:
        """Wait until something can be read."""
        try:
            await until_shown(self.pilot, lambda: self.reads(*words))
        except AssertionError:
            raise AssertionError(
                f"{words} after {self.keys[-1]} never came:\n{self.page}"
            ) from None

    async def judges(self, done: int) -> None:
        """Accept every picture that waits; how many are left tells of each.

        Args:
            done: How many were judged before.
        """
        review = ReviewPage(self.app)
        for left in range(self.pictures, 0, -1):
            words = ngettext("{count} left", "{count} left", left).format(count=left)
            await self.press("v" if left == self.pictures else "enter", words)
            await until_shown(self.pilot, lambda: review.is_ready)
        judged = self.words["judged"].format(count=done + self.pictures)
        await self.press("enter", self.words["nothing"], judged)


@asynccontextmanager
async def shop_with_photos(folder: Path, numbers: Sequence[int]) -> AsyncIterator[DemoStack]:
    """A shop whose orders have all their photos, and nothing else."""
    async with open_stack(
        folder,
        say=lambda _line: None,
        operator="jana",
        seed=1,
        latency=Latency(),
        durable=False,
        generator=GeneratorKind.QUICK,  # real ones are looked at in test_to_the_end.py
    ) as stack:
        samples = islice(sample_orders(seed=1), len(numbers))
        for sample, photos in zip(samples, numbers, strict=True):
            names = (sample.photos * 2)[:photos]
            replace(sample, photos=names).place(stack.shop, stack.cdn_url)
        runtime = stack.runtime
        async with runtime.database.session() as session:
            service = ImportService(session, operator="jana", shop=runtime.shopify)
            await service.import_recent()
        lanes = frozenset({JobKind.INGEST, JobKind.DOWNLOAD})
        async with open_engine(runtime, lanes=lanes) as engine:
            await engine.drain()
        yield stack


@asynccontextmanager
async def operator_in(stack: DemoStack, language: str) -> AsyncIterator[Operator]:
    """The app, with an engine beside it."""
    set_language(language)
    runtime = stack.runtime
    backend = Backend(runtime.database, runtime.storage, operator="jana")
    app = FototuiApp(
        backend,
        LiveStore(backend),
        AppSettings(runtime.settings.timezone),
        Preferences(language=language),
        home=OrdersScreen,
    )
    async with open_engine(runtime), app.run_test(size=(120, 36)) as pilot:
        await until_shown(
            pilot, lambda: len(app.store.orders) == len(PHOTOS[language]) and app.store.lanes
        )
        yield Operator(app, pilot, WORDS[language], sum(PHOTOS[language]))


@pytest.mark.parametrize("language", ["en", "cs"])
async def test_from_photos_to_approved_svgs_by_keys_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, forked_decoders: None, language: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    words = WORDS[language]
    async with (
        shop_with_photos(folder, PHOTOS[language]) as stack,
        operator_in(stack, language) as operator,
    ):
        await operator.sees(words["newest"])
        await operator.press("ctrl+a", words["marked"])
        await operator.press("full_stop", words["colourings"])
        await operator.sees(words["waiting"])
        await operator.judges(done=0)
        # The end of the review says what is next, and does it.
        await operator.sees(words["to vectorise"])
        await operator.press("full_stop", words["svgs"])
        await operator.sees(words["waiting"])
        await until_shown(operator.pilot, lambda: ReviewPage(operator.app).is_ready)
        await operator.press("escape", words["to review"])

        await operator.judges(done=operator.pictures)
        await operator.sees(words["to typeset"])

        assert len(operator.keys) <= 2 * operator.pictures + MORE_KEYS
        rows = operator.app.store.orders.values()
        badges = [image.badge(kind) for row in rows for image in row.images for kind in VersionType]
        assert badges == [Badge.APPROVED] * 2 * operator.pictures
