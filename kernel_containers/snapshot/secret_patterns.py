"""What secrets look like: the formats of providers, and values beside telling names.

The formats are those of detect-secrets, of which only the patterns are used: its scanner keeps
its settings in the process, and reports less of a line than has to be masked. Its detectors of
random-looking text are left out, as they report hashes and pictures.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from kernel_containers.core.redaction import is_secret_name, names_secret
from kernel_containers.snapshot.logins import placed

if TYPE_CHECKING:
    from collections.abc import Iterator

_DETECTORS = (
    AWSKeyDetector,
    AzureStorageKeyDetector,
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    GitLabTokenDetector,
    MailchimpDetector,
    OpenAIDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SquareOAuthDetector,
    StripeDetector,
    TwilioKeyDetector,
)
# Formats that detect-secrets 1.5 does not know, or takes quadratic time to look for.
_FORMATS = {
    "Private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|AGE-SECRET-KEY-1\w+",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,}",
    "Anthropic API key": r"sk-ant-[\w-]{20,}",
    "OpenAI API key": r"sk-(?:proj|svcacct|admin)-[\w-]{20,}|sk-[A-Za-z0-9]{48}",
    "Google API key": r"AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{28}",
    "GitHub token": r"github_pat_\w{22,}",
    "Databricks token": r"dapi[0-9a-f]{32}",
    "Docker Hub token": r"dckr_pat_[\w-]{20,}",
    "Slack token": r"xapp-\d-[\w-]{20,}|xoxe[.-][\w.-]{20,}",
    "Azure shared access signature": r"[?&]sig=[A-Za-z0-9%/+]{40,}",
    "Bearer token": r"(?i:bearer)[ ]+[\w.~+/-]{20,}=*",
    "NPM token": r"_authToken[ \t]{0,9}=[ \t]{0,9}[^\s${]{8,}",
    "Discord webhook": r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{40,}",
    "Telegram bot token": r"(?<!\d)\d{8,10}:[\w-]{35}(?![\w-])",
    "Conda channel token": r"/t/[A-Za-z]{2}-[0-9a-f-]{20,}/",
}
# What a text must hold, in lower case, to be worth a search: most texts hold none of it, and
# searching them for it takes a hundredth of the time.
_HINTS = {
    "AWS Access Key": ("akia", "asia", "abia", "acca", "a3t", "aws"),
    "Mailchimp Access Key": ("-us",),
    "Slack Token": ("xox", "hooks.slack.com"),
    "Slack token": ("xapp-", "xoxe"),
    "Stripe Access Key": ("k_live_",),
    "Private key": ("private key", "age-secret-key"),
    "Google API key": ("aiza", "ya29.", "gocspx-"),
    "Azure shared access signature": ("sig=",),
    "Bearer token": ("bearer ",),
    "Anthropic API key": ("sk-ant-",),
    "Twilio API Key": ("ac", "sk"),
}
_WORDS = re.compile(r"secret|token|pass|pwd|pw\b|kennwort|key|cred|auth|identified")
_JWT = re.compile(r"(?<![\w-])eyJ[\w=-]{8,4000}\.[\w=-]{8,8000}(?:\.[\w=-]{0,2000})?")
# https://token@host; a short word before the host is a user's name.
_LONE = re.compile(r"://(?P<value>[\w.~%-]{16,200})@")
_BASE64 = re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{32,8192}={0,2}(?![\w+/=])")
# name = "value", name: "value", "name" => 'value', name <- "value", environ["name"] = "value"
_QUOTED = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]{0,80})[\"']?\]?[ \t]*"
    r"(?::[ \t]*[\w.\[\]| ]{1,40}=(?!=)|=>|<-|:=|=(?!=)|:)[ \t(]*[rRbBuU]{0,2}"
    r"(?P<quote>\"{3}|'{3}|[\"'])(?P<value>(?:(?!(?P=quote))[^\\\n]|\\.){4,500})(?P=quote)"
)
# The same in SQL and XML.
_SQL = re.compile(
    r"(?i)\b(?P<name>identified[ \t]+by|password)[ \t]+(?P<quote>['\"])"
    r"(?P<value>[^'\"\s]{4,200})(?P=quote)"
)
_XML = re.compile(r"<(?P<name>[\w.-]{1,80})>(?P<value>[^<>\s]{4,500})</(?P=name)>")
# name = value, in files where values need no quotes.
_BARE = re.compile(
    r"^[ \t]*(?:export[ \t]+|-[ \t]+|ENV[ \t]+|ARG[ \t]+)?(?P<name>[A-Za-z_][\w.-]{0,80})"
    r"[ \t]*[:=][ \t]*"
    r"(?P<value>[^\s\"'#][^\s#]{3,500})[ \t]*(?:#.*)?$",
    re.MULTILINE,
)

_TOKEN_CHARACTERS = re.compile(r"[\w+/=.~%-]*")
_WEAK_NAME = re.compile(r"token|auth|credential", re.IGNORECASE)
_SHORTEST_TOKEN = 8  # characters; what is called a token may be a word
_PLACEHOLDER = re.compile(
    r"(?:x{3,}|\*+|\.+|-+|_+|\?+|0+|1234\d*|abc\w{0,3}|"
    r"(?:your|enter|insert|replace|change|example|dummy|fake|todo|redacted|placeholder)\b.*|"
    r"(?:your|enter|insert|replace|change)[_-]?.*|test|none|null|true|false|default|undefined|"
    r"user|username|pass|passwd|passwords?|pwd|secrets?|tokens?|key|apikey|api[_-]key|foo|bar|"
    r"basic|bearer|digest|oauth2?|kerberos|ntlm|jwt|iam|sso|saml|ldap|optional|required|str|"
    r"string|hidden|auto|masked|passwort|kennwort|"
    r"u?int\d+|float\d+|(?:var)?char\(\d+\)|object|category|datetime64.*)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"[$<%\[].*|.*(?:\$\{|\{\{|\}\}).*|\{[^{}]*\}|\{[^{}]*\}[:@].*")
# A regular expression describes values and is none.
_EXPRESSION = re.compile(r".*(?:\\[wdsS][{+*]|\[[^\]]*(?:\\w|\\d|A-Z|a-z|0-9)[^\]]*\][{+*]).*")
_PLACE = re.compile(r"(?:\.{0,2}/|~/|[A-Za-z]:\\|https?://|s3://|file://|arn:).*|.*\.\w{2,4}")


class Match(NamedTuple):
    """A likely secret: what it is, and the characters to mask."""

    rule: str
    start: int
    end: int


def matches(text: str, *, bare: bool = False) -> Iterator[Match]:
    """Yield likely secrets in a text; `bare` also looks at values without quotes."""
    lowered = text.lower()
    for rule, pattern in _formats():
        if any(hint in lowered for hint in _HINTS.get(rule, ("",))):
            for found in pattern.finditer(text):
                if _stands_alone(text, found):
                    yield _whole(text, rule, found.start(), found.end())
    if "eyj" in lowered:
        yield from _tokens(text)
    always = _QUOTED, _SQL, _XML
    yield from _named(text, lowered, (*always, _BARE) if bare else always)
    yield from _placed(text, lowered)
    yield from _encoded(text)


def _named(text: str, lowered: str, patterns: tuple[re.Pattern[str], ...]) -> Iterator[Match]:
    for start, end in _lines_with_words(text, lowered):
        for pattern in patterns:
            for found in pattern.finditer(text, start, end):
                telling = pattern is _SQL or names_secret(found["name"])
                if telling and not _is_harmless(found["name"], found["value"]):
                    span = found.span("value")
                    yield Match("Value named like a secret", *span)


def _lines_with_words(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    if len(lowered) != len(text):  # "İ" has two characters in lower case
        yield 0, len(text)
        return
    end = -1
    while word := _WORDS.search(lowered, end + 1):
        start = text.rfind("\n", 0, word.start()) + 1
        end = text.find("\n", word.start())
        end = len(text) if end < 0 else end
        yield start, end


def _placed(text: str, lowered: str) -> Iterator[Match]:
    for rule, name, start, end in placed(text, lowered):
        dotted = "." in name and is_secret_name(name)  # fs.s3a.secret.key
        telling = not name or names_secret(name) or dotted
        if telling and not _is_harmless(name, text[start:end]):
            yield Match(rule, start, end)
    for found in _LONE.finditer(text):
        if not _is_harmless("token", found["value"]) and any(map(str.isdigit, found["value"])):
            yield Match("Login in an address", *found.span("value"))


def _encoded(text: str) -> Iterator[Match]:
    """Yield what has the format of a secret when it is decoded."""
    for found in _BASE64.finditer(text):
        try:
            inside = base64.b64decode(found[0], validate=True).decode("ascii")
        except ValueError:  # as good as always: other text, hashes, pictures
            continue
        for rule, pattern in _formats():
            if any(hint in inside.lower() for hint in _HINTS.get(rule, ("",))) and (
                pattern.search(inside)
            ):
                yield Match(f"{rule} in base64", *found.span())
                break


@cache
def _formats() -> tuple[tuple[str, re.Pattern[str]], ...]:
    known = [
        (str(detector.secret_type), pattern)
        for detector in _DETECTORS
        for pattern in detector().denylist
    ]
    own = [(rule, re.compile(pattern)) for rule, pattern in _FORMATS.items()]
    return (*known, *own)


def _stands_alone(text: str, found: re.Match[str]) -> bool:
    """Whether the format is a word of its own, and not some characters of a longer text."""
    before = text[found.start() - 1 : found.start()]
    after = text[found.end() : found.end() + 1]
    first, last = text[found.start()], text[found.end() - 1]
    return not (
        (first.isalnum() and (before.isalnum() or before in ("_", "+")))
        or (last.isalnum() and after.isalnum())
    )


def _whole(text: str, rule: str, start: int, end: int) -> Match:
    rest = _TOKEN_CHARACTERS.match(text, end)
    return Match(rule, start, rest.end() if rest else end)


def _tokens(text: str) -> Iterator[Match]:
    for found in _JWT.finditer(text):
        if JwtTokenDetector.is_formally_valid(found[0]):
            yield _whole(text, "JSON Web Token", found.start(), found.end())


def _is_harmless(name: str, value: str) -> bool:
    """Whether a value is a placeholder, a reference or a place, and no secret."""
    if any(character.isspace() for character in value) or len(value) < 4:
        return True
    if any(kind.fullmatch(value) for kind in (_PLACEHOLDER, _REFERENCE, _EXPRESSION)):
        return True
    if name and (_PLACE.fullmatch(value) or value.lower() == name.lower()):
        return True
    if value.isupper() and value.isidentifier() and is_secret_name(value):
        return True  # the name of an environment variable
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    if not name or not _WEAK_NAME.search(name):
        return False
    return len(value) < _SHORTEST_TOKEN or not (mixed or len(value) >= 20)
