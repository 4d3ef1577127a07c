"""The site can be built, its links lead somewhere, and the README's do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import PAGES, ROOT

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def _build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = _build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    keys = (tmp_path / "site/reference/keys/index.html").read_text("utf-8")
    assert "<code>order.choose</code>" in keys
    guide = (tmp_path / "site/operators/en/index.html").read_text("utf-8")
    (picture, *_) = re.findall(r'src="\.\./\.\./(screens/snapshots/[^"]+)"', guide)
    assert (tmp_path / "site" / picture).read_text("utf-8").startswith("<svg")


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/ui/snapshots/svg", copy / "tests/ui/snapshots/svg")
    shutil.copy(ROOT / "mkdocs.yml", copy)
    with (copy / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write("\n[a](reference/no-such-page.md) [b](reference/keys.md#no-such-place)\n")
    done = _build(copy, tmp_path / "site")
    assert done.returncode != 0
    assert "no-such-page" in done.stderr
    assert "no-such-place" in done.stderr


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_a_page_at_the_top_lead_somewhere(name: str) -> None:
    links = _LINK.findall((ROOT / name).read_text("utf-8"))
    near = [link for link in links if "://" not in link]
    assert near or name != "README.md"
    assert [link for link in near if not (ROOT / link).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere_in_the_checkout_too(page: Path) -> None:
    """So that the pages can be read where the code is, without the site."""
    links = [link for link in _LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
