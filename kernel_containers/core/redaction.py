"""Names and addresses that give secrets away."""

from __future__ import annotations

import re
import traceback

# What environment variables with secrets are called, and parameters in notebooks.
_SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:secret|token|password|passwd|passphrase|passwort|kennwort|pwd|creds|credentials?|"
    r"auth|(?:api|access|private|account|encryption|signing|subscription|session)[_\-.]?key)"
    r"(?:$|[_\-.\d])|(?:apikey|secretkey|accesskey|authtoken|password|passwd)$|(?:^|[_\-.])pw$|"
    r"(?:^|[_\-.])(?:db|pg|mysql|smtp|ftp|sftp|ssh|mail|user|login|admin|root)_?pass$",
    re.IGNORECASE,
)
# Names that only speak of a secret: `token_url`, `secret_name`, `password_field`.
_ABOUT = re.compile(
    r"(?:^|[_.-])(?:name|names|url|uri|type|mode|path|file|filename|folder|dir|field|column|ids?|arn|"
    r"endpoint|host|region|expiry|length|len|lengths|count|counts|header|prefix|suffix|env|var|label|"
    r"index|regex|pattern|class|method|policy|version|hint|help|prompt|message|scope|scopes|used|"
    r"date|at|encoding|format|source|style|keyword|provider|store|manager|required|enabled|limit|"
    r"size|dim|ratio|price|cost|budget|overlap|freq|level|rounds|strength|rate|ttl|lifetime|timeout|"
    r"list|dict|map|df|position|weight|santa|sauce)$|"
    r"^(?:is|has|use|show|require|with|without|no|n|num|max|min|total|check|hide|allow|"
    # Parts of a text, to models of languages.
    r"(?:.*_)?(?:pad|eos|bos|mask|unk|sep|cls|start|end|stop|special|vocab|word|sub|sentence))_(?:"
    r"auth|password|secret|token|credentials?)|token2[a-z]|[a-z]2token",
    re.IGNORECASE,
)
# Formats that say what they are. Finding secrets is not what they are for: see snapshot/secrets.py.
# Repetitions have ends: a picture in base64 is one word of 100 kB, and took minutes without them.
_SECRET_VALUE = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{36}|"
    r"\bgithub_pat_\w{22}|\bglpat-[\w-]{20}|\bxox[abeoprs]-[\w-]{10}|\bhf_[A-Za-z0-9]{30}|"
    r"\bsk-[\w-]{20}|\bAIza[\w-]{35}|\bdapi[0-9a-f]{32}|\beyJ[\w-]{8,2000}\.[\w-]{8,}\.|"
    r"[a-zA-Z][\w+.-]{0,40}://[^\s/:@]*:[^\s/@{}]+@|"
    r"(?i:(?:;[ \t]*|\w=[^\s;]{1,300}[ ]{1,40})(?:password|pwd|accountkey|sharedaccesskey)"
    r"[ \t]*=[ \t]*[^\s;{}]{4})"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_USER_INFO = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,40}://)[^/@\s:]*(?::[^/@\s]*)?@", re.IGNORECASE
)
MASK = "********"


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is likely to hold a secret: `DB_PASSWORD`, `apiKey`."""
    return bool(_SECRET_NAME.search(_CAMEL.sub("_", name)))


def names_secret(name: str) -> bool:
    """Whether what has this name holds a secret, rather than tells about one: `token_url`."""
    last = name.rpartition(".")[2]
    return is_secret_name(last) and not _ABOUT.search(_CAMEL.sub("_", last))


def is_secret_value(text: str) -> bool:
    """Whether a text is known by its form to be a secret, or to hold one, as a URL may."""
    return bool(_SECRET_VALUE.search(text))


def hide_user_info(text: str) -> str:
    """Return `text` with `user:password@` masked in every URL."""
    return _USER_INFO.sub(lambda match: f"{match['scheme']}{MASK}@", text)


def trace_of(error: BaseException) -> str:
    """Return where an unexpected error came up, for a log; its own words may hold a secret."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__])
