"""Content digests as in the OCI image specification."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from kernel_containers.errors import InvalidInput

_HEX_LENGTHS = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and the lower-case hexadecimal hash of some bytes."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `algorithm:hex`.

        Raises:
            InvalidInput: the algorithm is not sha256 or sha512, or the hash is malformed.
        """
        algorithm, _, value = text.partition(":")
        length = _HEX_LENGTHS.get(algorithm)
        if length is None or len(value) != length or not _HEX.fullmatch(value):
            raise InvalidInput(
                f"{text!r} is not a digest.", todo="give it as sha256: and 64 hexadecimal digits"
            )
        return cls(algorithm, value)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Return the sha256 digest of `data`."""
        return cls("sha256", hashlib.sha256(data).hexdigest())

    @property
    def short(self) -> str:
        """The first twelve digits, for people."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
