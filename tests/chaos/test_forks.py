"""A fork of the program is as good as the program."""

import signal
import sys
from pathlib import Path

from tests import forks
from tests.forks import fork
from tests.waiting import in_time, until


def _miss(modules: tuple[str, ...]) -> None:
    sys.exit(", ".join(set(modules) - sys.modules.keys()) or None)


def test_what_commands_need_is_imported_before() -> None:
    process = forks.CONTEXT.Process(target=_miss, args=(forks.IMPORTED,))
    process.start()
    process.join()
    assert process.exitcode == 0


async def test_it_has_its_own_environment_folder_and_exit_code(tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {"HOME": str(tmp_path), "DATABASE_URL": "no address"}
    process = fork("orders", "import", environment=environment, folder=tmp_path, output=output)
    async with in_time():
        assert await process.wait() == process.returncode == 2
    assert "DATABASE_URL" in output.read_text()


async def test_it_can_be_killed(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    process = fork("sandbox", "--port", "0", environment=environment, folder=tmp_path)
    process.kill()
    async with in_time():
        assert await process.wait() == -signal.SIGKILL
    process.kill()
    await until(lambda: not Path(f"/proc/{process.pid}").exists())
