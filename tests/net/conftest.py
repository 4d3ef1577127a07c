"""Servers that say exactly what a test wants: those that the clients' tests have."""

from tests.clients.conftest import elsewhere, raw_server, service, services

__all__ = ["elsewhere", "raw_server", "service", "services"]
