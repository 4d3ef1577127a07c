"""Servers that say exactly what a test wants: those that the clients' tests have."""

from tests.clients.conftest import raw_server, service, services

__all__ = ["raw_server", "service", "services"]
