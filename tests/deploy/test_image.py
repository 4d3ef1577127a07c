"""What the image leaves out is there, and nothing that the program opens is among it.

The image's own build runs `deploy/try_image.py` in the image; this finds what a change of a package
breaks before somebody builds one.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from deploy import slim

_SITE = Path(sysconfig.get_path("purelib")).resolve()
_ROOT = Path(__file__).parents[2]

# What it imports, and what it reads: locales, models of services, fonts.
_TELLING = """
import sys
opened = set()
sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
from deploy import try_image
try_image.try_the_program()
files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
print(*opened, *filter(None, files), sep="\\n")
"""


def _is_missed_by_none(path: Path) -> bool:
    """A part of the demo, which the image does not have, or what Pillow goes on without."""
    extras = {"cv2", "graphql", "numpy", "vtracer"}
    return path.relative_to(_SITE).parts[0] in extras or path.match("PIL/_imagingft.*")


@pytest.mark.parametrize("entry", slim.LEFT_OUT, ids=lambda entry: entry.pattern)
def test_each_line_finds_something(entry: slim.LeftOut) -> None:
    assert entry.find(_SITE)


def test_a_line_that_finds_nothing_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "babel").mkdir()
    done = subprocess.run(
        [sys.executable, slim.__file__, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "Nothing is there to be left out as babel/locale-data/*.dat." in done.stderr


def test_what_is_kept_stays(tmp_path: Path) -> None:
    for name in ("cs.dat", "cs_CZ.dat", "en_GB.dat", "root.dat", "csb.txt", "de.dat", "tlh.dat"):
        (tmp_path / name).touch()
    found = slim.LeftOut("*.dat", keep=("cs*.dat", "en*.dat", "root.dat")).find(tmp_path)
    assert [path.name for path in found] == ["de.dat", "tlh.dat"]


def test_nothing_that_the_program_opens_is_left_out() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _TELLING], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    opened = {Path(line).resolve() for line in told.stdout.splitlines()}
    used = {path for path in opened if _SITE in path.parents and not _is_missed_by_none(path)}
    assert len(used) > 500, told.stderr
    left_out = set(slim.left_out(_SITE))
    missed = sorted(path for path in used if {path, *path.parents} & left_out)
    assert not missed
