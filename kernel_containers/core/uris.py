"""Where outputs go: `file://` and `s3://` prefixes."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from kernel_containers.core.redaction import hide_user_info
from kernel_containers.errors import InvalidInput

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, as older
# buckets and other servers also allow upper case and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")

# The files of a run, in its folder, and the pointer beside the folders of its notebook's runs.
NOTEBOOK, PAGE = "notebook.ipynb", "notebook.html"
REPORT, LOG = "report.json", "log.jsonl"
CARD = "card.json"  # beside a notebook that was published
LATEST = "latest.json"


@dataclass(frozen=True, slots=True)
class Uri:
    """A place for outputs: `path` is absolute for `file`, a key without leading slash for `s3`."""

    scheme: Literal["file", "s3"]
    bucket: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read `file:///folder`, an absolute path, or `s3://bucket/key`.

        Raises:
            InvalidInput: another scheme, a relative path, or no bucket.
        """
        if text.startswith("/"):
            return cls("file", "", posixpath.normpath(text))
        parts = urlsplit(text)
        if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path[:1] == "/":
            return cls("file", "", posixpath.normpath(unquote(parts.path)))
        if parts.scheme == "s3":
            # A key may hold '?' and '#', which urlsplit would cut off.
            bucket, _, key = text.removeprefix("s3://").partition("/")
            if _BUCKET.fullmatch(bucket):
                return cls("s3", bucket, key.strip("/"))
        raise InvalidInput(
            f"{hide_user_info(text)!r} is not a place for outputs.",
            todo="give file:///absolute/folder or s3://bucket/prefix",
        )

    def join(self, *parts: str) -> Uri:
        """Return the place below this one."""
        return Uri(self.scheme, self.bucket, posixpath.join(self.path, *parts))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)

    def __str__(self) -> str:
        if self.scheme == "file":
            return f"file://{quote(self.path)}"
        return f"s3://{self.bucket}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputUris:
    """What one run writes. With a prefix all are set; explicit URIs may leave some out."""

    ipynb: Uri | None = None
    html: Uri | None = None
    report: Uri | None = None
    log: Uri | None = None
    latest: Uri | None = None

    @classmethod
    def below(cls, prefix: Uri, notebook_slug: str, run_id: str) -> OutputUris:
        """Return `<prefix>/<notebook slug>/<run id>/…` and the pointer to the latest run."""
        folder = prefix.join(notebook_slug, run_id)
        return cls(
            ipynb=folder.join(NOTEBOOK),
            html=folder.join(PAGE),
            report=folder.join(REPORT),
            log=folder.join(LOG),
            latest=prefix.join(notebook_slug, LATEST),
        )
