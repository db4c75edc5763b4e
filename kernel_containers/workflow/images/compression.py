"""How the layers of an image are compressed, and who can read them then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kernel_containers.core.reference import Destination, ToEngine
from kernel_containers.engine.client import engine_errors
from kernel_containers.errors import InvalidInput
from kernel_containers.image.compress import Compressor, fastest, zstd

if TYPE_CHECKING:
    from kernel_containers.engine import Engine

Compression = Literal["gzip", "zstd"]
_READS_ZSTD = 23  # the first major version of Docker Engine that does


def choose_compressor(name: Compression, to: Destination, engine: Engine) -> Compressor:
    """Return what compresses the layers of an image that goes to `to`.

    Raises:
        InvalidInput: the engine it goes to, or this program, can't read zstd.
    """
    if name == "gzip":
        return fastest()
    if isinstance(to, ToEngine):
        check_reads_zstd(engine)
    return zstd()


def check_reads_zstd(engine: Engine) -> None:
    """Refuse an engine that can't unpack layers of zstd.

    Raises:
        InvalidInput: Docker Engine before 23. Unavailable: it does not tell.
    """
    with engine_errors("The engine was not able to tell its version."):
        told = engine.api.version()
    for component in told.get("Components") or ():
        version = str(component.get("Version"))
        major = version.partition(".")[0]
        if component.get("Name") == "Engine" and major.isdigit() and int(major) < _READS_ZSTD:
            raise InvalidInput(
                f"This Docker Engine can't run an image with layers of zstd: it is {version}.",
                why=f"Docker reads them since version {_READS_ZSTD}",
                todo="leave --compression out, or send the image to a registry or folder only",
            )
