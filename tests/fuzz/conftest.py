from tests.clients.conftest import service, services

__all__ = ["service", "services"]
