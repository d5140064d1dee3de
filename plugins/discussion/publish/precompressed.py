"""Precompressed copies (`index.html.gz`, `index.html.br`) of text files, for web servers."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from ...shared.files import replace

TEXT = frozenset({".html", ".xml", ".atom", ".css", ".svg", ".js", ".json", ".txt"})
# Higher levels take longer without smaller results.
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 5


def write(path: Path, data: bytes, kinds: tuple[str, ...]) -> None:
    """Write the precompressed copies of a text file with these bytes; other files have none."""
    if path.suffix in TEXT:
        for kind in kinds:
            replace(_twin(path, kind), _squeeze(data, kind))


def mend(path: Path, data: bytes, kinds: tuple[str, ...]) -> bool:
    """Write the copies that differ from the file; return whether there were any.

    A killed publisher may have written the file without its copy.
    """
    mended = False
    if path.suffix in TEXT:
        for kind in kinds:
            twin = _twin(path, kind)
            if not _in_step(twin, data, kind):
                replace(twin, _squeeze(data, kind))
                mended = True
    return mended


def remove(path: Path, kinds: tuple[str, ...]) -> None:
    """Remove the copies of a file that is gone."""
    for kind in kinds:
        with suppress(FileNotFoundError):
            _twin(path, kind).unlink()


def _twin(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}.{kind}")


def _squeeze(data: bytes, kind: str) -> bytes:
    if kind == "gz":
        # The time in gzip's header would make every build differ.
        return gzip.compress(data, _GZIP_LEVEL, mtime=0)
    squeezed: bytes = import_module("brotli").compress(data, quality=_BROTLI_QUALITY)
    return squeezed


def _in_step(twin: Path, data: bytes, kind: str) -> bool:
    try:
        squeezed = twin.read_bytes()
    except OSError:
        return False
    if kind == "gz":
        # Gzip ends with checksum and length of its content: no need to decompress.
        ends = zlib.crc32(data).to_bytes(4, "little") + (len(data) % 2**32).to_bytes(4, "little")
        return squeezed.endswith(ends)
    brotli = import_module("brotli")
    try:
        return bool(brotli.decompress(squeezed) == data)
    except brotli.error:
        return False
