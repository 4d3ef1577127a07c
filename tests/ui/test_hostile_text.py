"""Whatever customers, files and services are called, no screen falls and nothing forges it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.domain.text import clean_line
from fototui.storage.directory import DirectoryStorage
from tests.ui.pages import lines
from tests.ui.scenes import SCENES, begin, settle
from tests.ui.shop import shop_app

_MARKUP = "[bold red]x[/] [/foo] [@click=app.quit]y[/] [link=https://e.example]z[/link] ["
# C0 with OSC and DCS, C1, and what only looks like a new line.
_CONTROLS = (
    "\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]52;c;QQ==\x1b\\ \x1bP+q\x1b\\ "
    "a\x9b31mb\x9d0;t\x9cc\x85d\x90q\x9c one\ntwo\r\nthree\ttab\x0b\x0c\x7f\x08\x08"
)
# Bidi, zero width, and signs of more than one cell.
_UNICODE = (
    "\u202egnp.exe\u202c \u2066x\u2069 \u200f\u200e שלום مرحبا "
    "a\u200bb\u2060c\ufeffd\u00ade\u0301\u0301\u0301 \u2028\u2029 \ufff9 "
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇿 👍🏽 小林さくら 한국어 ｆｕｌｌ"
)
_TEXTS = {
    # A narrow column shows one of each.
    "signs": f"\x1b[2J[/foo]\x9b\n\u202e林\u200b👍🏽\x85 {_MARKUP} {_CONTROLS} {_UNICODE}",
    "long": "nekonečné" * 1200,
    "empty": "",
}
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_PLACES = (
    "UPDATE orders SET customer_name = :t, customer_email = :t, shipping_method = :t",
    "UPDATE orders SET payment_status = :t",
    "UPDATE line_items SET title = :t, dedication = :t, layout = :t",
    "UPDATE images SET original_url = :t",
    "UPDATE coloring_versions SET requested_by = :t, error = :t, error_code = :t",
    "UPDATE svg_versions SET requested_by = :t, error = :t, error_code = :t",
    "UPDATE engines SET operator = :t, host = :t, version = :t, paused_at = now(), paused_by = :t",
    "UPDATE lanes SET paused_at = now(), paused_by = :t, paused_reason = :t",
    "UPDATE activity SET operator = :t, detail = :t",
    "UPDATE presence SET operator = :t, host = :t, screen = :t",
    "UPDATE reviews SET note = :t",
)
_SIZE = (160, 40)
_SHOWN = (
    "orders",
    "order-failed",
    "order-options",
    "picture",
    "compare",
    "review",
    "engines",
    "activity",
    "help",
    "confirm",
)
_TELLING = ("orders", "order-failed", "review", "engines", "activity")


@pytest.mark.parametrize("kind", _TEXTS)
async def test_no_text_forges_a_screen(
    kind: str, shop: Database, files: DirectoryStorage, tmp_path: Path
) -> None:
    async with shop.engine.begin() as connection:
        for statement in _PLACES:
            await connection.execute(text(statement), {"t": _TEXTS[kind]})
    app = shop_app(shop, files, tmp_path / "cache")
    async with app.run_test(size=_SIZE) as pilot:
        await begin(app, pilot)
        for name in _SHOWN:
            await SCENES[name].go(app, pilot)
            await settle(app, pilot)
            shown = lines(app)
            assert not [line for line in shown if _FORBIDDEN.search(line)], name
            if name in _TELLING:
                begins = clean_line(_TEXTS[kind])[:3].partition("\u200d")[0]
                assert begins in "\n".join(shown), f"{name} does not show the text at all"
            while len(app.screen_stack) > 2:
                app.pop_screen()
            await pilot.pause()
