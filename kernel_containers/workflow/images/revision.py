"""Which commit of which repository a notebook is of, as git tells."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 10.0  # seconds; a status of one file takes milliseconds
_SCHEMES = frozenset({"https", "http", "ssh", "git"})
_SCP = re.compile(r"(?:[^@/:\s]+@)?([^@/:\s]+):([^\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit; `dirty` says that the notebook differs from it, `source` is the remote's URL."""

    commit: str
    dirty: bool
    source: str = ""

    def __str__(self) -> str:
        return f"{self.commit}-dirty" if self.dirty else self.commit


def find_revision(notebook: Path) -> Revision | None:
    """Return the revision of a notebook; None outside of a repository, or without git.

    Nothing of the repository's own configuration is run, and no credential is in `source`.
    """
    if not any((folder / ".git").exists() for folder in notebook.parents):
        return None
    # One program for both questions: the branch's commit, and the state of one file.
    status = _git(notebook, "status", "--porcelain=v2", "--branch", "--", notebook.name)
    if status is None:
        return None
    lines = status.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return None  # nothing is committed yet
    return Revision(
        commit=commit,
        dirty=any(not line.startswith("#") for line in lines),
        source=public_url(_git(notebook, "config", "--get", "remote.origin.url") or ""),
    )


def public_url(text: str) -> str:
    """Return a remote's URL without user, password, query and fragment; empty for a folder."""
    text = text.strip()
    parts = urlsplit(text)
    if parts.scheme in _SCHEMES and parts.hostname:
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
    if "://" not in text and (found := _SCP.fullmatch(text)):
        return f"ssh://{found[1]}/{found[2].lstrip('/')}"
    return ""


def _git(notebook: Path, *arguments: str) -> str | None:
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=notebook.parent,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else None
