"""What MkDocs is told beside `mkdocs.yml`: tables made from the code, pictures from the tests.

A page holds `<!-- made: keys -->` where the table of keys is to stand. So nothing that is made is
committed, and nothing that is committed can be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from docs.reference import api, commands, events, keys, settings, statuses, tables

ROOT = Path(__file__).parent.parent
SNAPSHOTS = ROOT / "tests/ui/snapshots/svg"
_FROM_PAGES = "../../tests/ui/snapshots/svg/"
_IN_SITE = "screens/snapshots/"

MADE: Mapping[str, Callable[[], str]] = {
    "commands": commands.page,
    "settings": settings.page,
    "proxies": settings.proxies,
    "keys": keys.page,
    "statuses": statuses.page,
    "flags": statuses.flags,
    "events": events.page,
    "triggers": events.triggers,
    "api": api.page,
    "tables": tables.page,
}
MARK = re.compile(r"<!-- made: ([a-z]+) -->")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Have the screens' snapshots in the site: what tests compare with is how they look."""
    for picture in SNAPSHOTS.glob("*-120x36-*.svg"):
        source = File.generated(config, _IN_SITE + picture.name, abs_src_path=str(picture))
        files.append(source)
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put in what is made, and find the snapshots where the site has them."""
    return filled(markdown).replace(_FROM_PAGES, "../" + _IN_SITE)


def filled(markdown: str) -> str:
    """A page with what is made from the code."""
    return MARK.sub(lambda mark: MADE[mark[1]](), markdown)
