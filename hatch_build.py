"""What is made when the package is built: the compiled catalogues of the languages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # nothing of its settings is used
    """Compiles the catalogues: into the wheel, or beside their sources for an editable install."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Compile them.

        Args:
            version: "standard" or "editable".
            build_data: Told what belongs into the wheel beside the sources.
        """
        sources = Path(self.root) / "fototui" / "i18n"
        folder = sources if version == "editable" else Path(tempfile.mkdtemp())
        included = build_data["force_include"]
        assert isinstance(included, dict)
        for source in sources.glob("*.po"):
            compiled = folder / f"{source.stem}.mo"
            with source.open("rb") as text, compiled.open("wb") as file:
                write_mo(file, read_po(text, locale=source.stem))
            if version != "editable":
                included[str(compiled)] = f"fototui/i18n/{compiled.name}"
