from tests.site.conftest import environ, wire

__all__ = ["environ", "wire"]
