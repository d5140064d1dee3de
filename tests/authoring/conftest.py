from tests.discussion.conftest import environ, wire

__all__ = ["environ", "wire"]
