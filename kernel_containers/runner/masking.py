"""Keeps the values of secrets out of everything that leaves the container."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from kernel_containers.core.redaction import MASK, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Of a variable that is called like a secret; `AUTH=basic` is none.
_SHORTEST_VARIABLE = 12
# Shorter ones are in every text; masking them would hide the output and not the secret.
SHORTEST = 4


class Masker:
    """Replaces secrets, as they are and as other text usually carries them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: one form may be a part of another.
        self._forms = sorted(forms, key=len, reverse=True)
        pattern = "|".join(map(re.escape, self._forms))
        self._pattern = re.compile(pattern) if pattern else None

    @property
    def longest(self) -> int:
        """Characters of the longest form; 0 without secrets."""
        return len(self._forms[0]) if self._forms else 0

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def is_in(self, data: bytes) -> bool:
        """Whether a secret stands in bytes that are no text, and so can't be masked there."""
        return any(form.encode(errors="surrogatepass") in data for form in self._forms)

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets in any string or name: a copy if there are any."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def open_end(self, text: str) -> int:
        """Return how many last characters of `text` may be the start of a secret."""
        for length in range(min(len(text), self.longest - 1), 0, -1):
            end = text[-length:]
            if any(form.startswith(end) for form in self._forms):
                return length
        return 0


def _forms(secret: str) -> set[str]:
    if len(secret) < SHORTEST:
        return set()
    lines = [line for line in secret.splitlines() if len(line) >= 2 * SHORTEST]
    as_json = [json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    forms = {secret, repr(secret)[1:-1], *as_json, html.escape(secret)}
    encoded = secret.encode(errors="surrogatepass")
    forms |= {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
    forms.add(base64.b64encode(encoded).decode())
    # A key of several lines is often printed line by line.
    return forms | (set(lines) if len(lines) > 1 else set())


def secrets_in(environ: Mapping[str, str]) -> list[str]:
    """Return the values of variables that are called like secrets, such as AWS's."""
    return [
        text
        for name, text in environ.items()
        if is_secret_name(name) and len(text) >= _SHORTEST_VARIABLE and not text.startswith("/")
    ]


class StreamMasker:
    """Masks text that comes in pieces; a secret may be cut between two of them."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what can be shown now."""
        text = self._held + text
        held = self._masker.open_end(text)
        self._held = text[len(text) - held :]
        return self._masker.text(text[: len(text) - held])

    def finish(self) -> str:
        """Return what was still held back."""
        rest, self._held = self._held, ""
        return self._masker.text(rest)
