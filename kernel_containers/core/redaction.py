"""Names and addresses that give secrets away."""

from __future__ import annotations

import re
import traceback

# images.md's rule for environment variables, and what parameters are called in notebooks.
_SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:secret|token|password|passwd|passphrase|pwd|api_?key|access_?key|"
    r"private_?key|credentials?|auth)(?:$|[_\-.\d])|(?:apikey|secretkey|accesskey|authtoken)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_USER_INFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s:]*(?::[^/@\s]*)?@", re.IGNORECASE)
MASK = "********"


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is likely to hold a secret: `DB_PASSWORD`, `apiKey`."""
    return bool(_SECRET_NAME.search(_CAMEL.sub("_", name)))


def hide_user_info(text: str) -> str:
    """Return `text` with `user:password@` masked in every URL."""
    return _USER_INFO.sub(lambda match: f"{match['scheme']}{MASK}@", text)


def trace_of(error: BaseException) -> str:
    """Return where an unexpected error came up, for a log; its own words may hold a secret."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__])
