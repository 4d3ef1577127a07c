"""What an operator does with a picture's file: opens it elsewhere, copies its address, saves it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from textual.app import App

from fototui.config.file import write_atomically
from fototui.domain.errors import FototuiError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.screens import addresses
from fototui.screens.dialogs import AskText, confirm
from fototui.services.verified_files import get_verified
from fototui.ui.context import AppContext


class SaveError(FototuiError):
    """A file could not be written."""

    code = "save"


async def browse(app: App[object], context: AppContext, ref: S3ObjectRefData) -> str:
    """Open a file in the browser, or copy its address where there is none.

    Args:
        app: The app.
        context: Its parts.
        ref: The file.

    Returns:
        What was done, in a sentence.
    """
    return await addresses.browse(app, await context.pictures.address(ref))


async def copy_address(app: App[object], context: AppContext, ref: S3ObjectRefData) -> str:
    """Copy a file's address.

    Args:
        app: The app.
        context: Its parts.
        ref: The file.

    Returns:
        What was done, in a sentence.
    """
    return addresses.copy(app, await context.pictures.address(ref))


async def save(
    app: App[object], context: AppContext, ref: S3ObjectRefData, *, name: str
) -> str | None:
    """Ask where to save a file, and save it; nothing is overwritten unasked. Call it in a worker.

    Args:
        app: The app.
        context: Its parts.
        ref: The file.
        name: What to call it, without an extension; may hold a stranger's text.

    Returns:
        What was done, in a sentence; None where the operator thought better of it.

    Raises:
        SaveError: The file cannot be written there.
        OutsideError: The storage did not give it.
    """
    default = Path.cwd() / (_file_name(name).lstrip(".-") + _file_name(Path(ref.key).suffix))
    answer = await app.push_screen_wait(AskText(_("Save as"), value=str(default)))
    if answer is None or not answer.strip():
        return None
    path = Path(answer.strip())
    data = await get_verified(context.backend.storage, ref)
    try:
        path = await asyncio.to_thread(path.expanduser)
        if not await asyncio.to_thread(write_atomically, path, data, overwrite=False):
            question = _("{path} is there already. Overwrite it?").format(
                path=clean_line(str(path))
            )
            if not await confirm(app, question, yes=_("Overwrite")):
                return None
            await asyncio.to_thread(write_atomically, path, data)
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SaveError(
            "{path} could not be written ({reason}); choose another place.",
            path=clean_line(str(path)),
            reason=str(reason),
        ) from error
    return _("Saved as {path}").format(path=clean_line(str(path)))


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-")
