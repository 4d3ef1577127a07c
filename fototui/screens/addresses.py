"""Addresses of what is shown: opened in the operator's browser, or copied."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser

from textual.app import App

from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.ui.context import AppContext


def can_browse() -> bool:
    """Whether a browser would open before the operator's eyes, and not take the terminal over."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


async def browse(app: App[object], address: str) -> str:
    """Open an address in the browser, or copy it where there is none.

    Args:
        app: The app.
        address: The address.

    Returns:
        What was done, in a sentence.
    """
    if can_browse() and await asyncio.to_thread(webbrowser.open, address):
        return _("Opened in the browser.")
    app.copy_to_clipboard(address)
    return _("There is no browser here; the address is copied: {address}").format(address=address)


def copy(app: App[object], address: str) -> str:
    """Copy an address.

    Args:
        app: The app.
        address: The address.

    Returns:
        What was done, in a sentence.
    """
    app.copy_to_clipboard(address)
    return _("Copied: {address}").format(address=address)


def shop_page(context: AppContext, shopify_id: int | None) -> str | None:
    """An order's address in Shopify's admin; None where it is not known.

    Args:
        context: The parts of the app.
        shopify_id: Shopify's id of the order.
    """
    admin = context.settings.shop_admin
    return None if admin is None or shopify_id is None else f"{admin}/orders/{shopify_id}"


def why_no_shop_page(context: AppContext, shopify_id: int | None) -> str | None:
    """Why an order's address in Shopify's admin is not known; None where it is."""
    if shopify_id is None:
        return _("This order was made by hand; Shopify does not know it.")
    if context.settings.shop_admin is None:
        return _("Shopify's admin is not known here: set SHOPIFY_STORE_HANDLE.")
    return None


def why_no_email(email: str | None) -> str | None:
    """Why a customer's e-mail address cannot be copied; None where it can."""
    return None if clean_line(email or "") else _("No e-mail address of this customer is known.")


def copy_email(app: App[object], email: str | None) -> str:
    """Copy a customer's e-mail address.

    Args:
        app: The app.
        email: The address, as it was typed by a stranger.

    Returns:
        What was done, in a sentence.
    """
    return copy(app, clean_line(email or ""))
