"""The site can be built, its links lead somewhere, and the README's do."""

from __future__ import annotations

import os
import re
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
    # The site's own settings, and two pages: all others would take as long as the whole site.
    (tmp_path / "docs").mkdir()
    settings = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(settings.replace("hooks: [docs/hooks.py]", ""), "utf-8")
    (tmp_path / "docs/style.css").touch()
    (tmp_path / "docs/keys.md").write_text("# Keys\n", "utf-8")
    links = ("keys.md#keys", "none.md", "keys.md#none")
    (tmp_path / "docs/index.md").write_text("".join(f"[a]({link})\n" for link in links), "utf-8")
    done = _build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert [link for link in links if f"'{link}'" in done.stderr] == ["none.md", "keys.md#none"]
    assert "2 warnings in strict mode" in done.stdout + done.stderr


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
