"""What never enters an image: credentials, caches and version control, with a reason each.

A pattern is a file's name, with a slash behind it a folder's, with a slash inside a name in a
folder of that name. `*` stands at an end only: 40,000 files are compared with all patterns.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOOKED_AT = 256 * 1024  # bytes at each end of a file that decides by its content

_LOGIN = re.compile(
    rb"://[^/\s:@\"'$<>{}]+:(?!\$|%\(|<|\{)[^/\s@\"']+@"  # https://user:password@host
    rb"|/t/(?!\$|<|\{)[A-Za-z0-9-]{6,}/"  # conda's token in a channel
    rb"|:?_(?:authToken|auth|password)[ \t]*=[ \t]*(?!\$)[^\s$]"  # npm
)
_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File")


def holds_login(data: bytes) -> bool:
    """Whether a configuration has a user and password, or a token, for some server in it."""
    return bool(_LOGIN.search(data))


def holds_private_key(data: bytes) -> bool:
    """Whether there is a private key and not only certificates."""
    return bool(_KEY.search(data))


SILENTLY = ""  # the reason of a rule whose files nobody misses


class Rule(NamedTuple):
    """Why files and folders of some names are left out; `only_if` looks at a file's bytes."""

    reason: str
    patterns: tuple[str, ...]
    only_if: Callable[[bytes], bool] | None = None


def _rule(reason: str, patterns: str, only_if: Callable[[bytes], bool] | None = None) -> Rule:
    return Rule(reason, tuple(patterns.split()), only_if)


CREDENTIALS = (
    _rule("credentials of AWS", ".aws/ .boto .s3cfg"),
    _rule("keys of SSH", ".ssh/ id_rsa id_dsa id_ecdsa id_ed25519 *.ppk"),
    _rule("a private key", "id_* *.pem *.key", holds_private_key),
    _rule("keys of GnuPG", ".gnupg/"),
    _rule("logins to servers", ".netrc _netrc .git-credentials .htpasswd .vault-token"),
    _rule("credentials of Git hosts", ".config/gh/ .config/hub .config/glab-cli/"),
    _rule("a login in a package index's address", "pip.conf pip.ini .condarc uv.toml", holds_login),
    _rule("a login to a package registry", ".npmrc .yarnrc .yarnrc.yml .gitconfig", holds_login),
    _rule("a channel's token", "conda-meta/*.json conda-meta/history", holds_login),
    _rule("a token of Anaconda", ".continuum/ anaconda-client/"),
    _rule("variables of a conda environment, often secret", "conda-meta/state"),
    _rule("a login in a package's address", "direct_url.json", holds_login),
    _rule("credentials of PyPI", ".pypirc"),
    _rule("credentials of image registries", ".docker/config.json .docker/contexts/ .dockercfg"),
    _rule("credentials of Kubernetes", ".kube/ kubeconfig kubeconfig.* *.kubeconfig"),
    _rule(
        "credentials of Google Cloud",
        ".config/gcloud/ .gcloud/ application_default_credentials.json client_secret*.json",
    ),
    _rule("credentials of Azure", ".azure/"),
    _rule("credentials of Kaggle", "kaggle.json .kaggle/"),
    _rule("a token of Hugging Face", "huggingface/token huggingface/stored_tokens .huggingface/"),
    _rule("credentials of a database", ".pgpass .my.cnf .mylogin.cnf .snowsql/ .databrickscfg"),
    _rule("credentials of a database", ".odbc.ini .snowflake/ .dbt/ .config/snowflake/"),
    _rule("credentials of a store of data", ".cdsapirc .ecmwfapirc .ngc/ .config/rclone/ .mc/"),
    _rule("credentials of a package manager", ".cargo/credentials .cargo/credentials.toml"),
    _rule("credentials of a package manager", ".gem/credentials .m2/ pypoetry/auth.toml"),
    _rule("a store of passwords", ".password-store/ share/keyrings/ .config/op/"),
    _rule("credentials of Terraform", ".terraformrc .terraform.d/"),
    _rule("the state of Terraform, with secrets in it", "*.tfstate *.tfvars terraform.tfstate*"),
    _rule("values for the environment, often secret", ".env .envrc .env.* .env-* *.env .Renviron"),
    _rule("secrets of an application", ".streamlit/secrets.toml .oci/"),
    _rule("keys of running kernels", "jupyter/runtime/ jupyter_cookie_secret notebook_secret"),
    _rule("a history of commands", "history.sqlite .bash_history .zsh_history .python_history"),
    _rule("a history of commands", ".psql_history .mysql_history .sqlite_history"),
)
# Packages may ship such files for their own tests; those of a user are the real ones.
KEY_STORES = (_rule("a store of keys", "*.p12 *.pfx *.keytab *.kdbx *.jks"),)
# Nothing secret: what people copy to begin with.
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")

VERSION_CONTROL = (_rule("version control", ".git .git/ .hg/ .svn/ .bzr/ .jj/"),)
CACHES = (
    _rule("copies that Jupyter keeps", ".ipynb_checkpoints/ .virtual_documents/"),
    _rule(
        "a cache",
        ".cache/ .pytest_cache/ .mypy_cache/ .ruff_cache/ .hypothesis/ .tox/ .nox/ .eggs/",
    ),
    _rule("a trace of a desktop", ".DS_Store Thumbs.db .Trash/ .Trash-*/"),
)
# Unpacked layers of images have such files; in a layer of ours they would remove others.
WHITEOUTS = (_rule("a name that removes another file in an image", ".wh.* .wh.*/"),)
COMPILED = (_rule("compiled again where it is imported", "__pycache__/"),)
# What makes a folder something else than a part of the user's files.
ENVIRONMENT_MARKERS = {"pyvenv.cfg": "a virtual environment", "conda-meta": "a conda environment"}


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules by what they look at, so that one file costs three look-ups."""

    files: dict[str, list[tuple[str, Rule]]]
    folders: dict[str, list[tuple[str, Rule]]]
    endings: dict[str, list[tuple[str, str, Rule]]]
    beginnings: list[tuple[str, str, Rule]]
    folder_beginnings: list[tuple[str, Rule]]
    first_characters: tuple[str, ...]
    markers: dict[str, str]

    def may_match_file(self, name: str) -> bool:
        """Whether it is worth to ask `for_file`; almost always not."""
        return (
            name in self.files
            or name[name.rfind(".") :] in self.endings
            or name.startswith(self.first_characters)
        )

    def for_folder(self, parent: str, name: str) -> str | None:
        """Return why the folder `name` in `parent` is left out; None where it is not."""
        for above, rule in self.folders.get(name, ()):
            if not above or parent.endswith(above):
                return rule.reason
        for beginning, rule in self.folder_beginnings:
            if name.startswith(beginning):
                return rule.reason
        return None

    def for_file(self, parent: str, name: str) -> str | None:
        """Return why the file `name` in `parent` is left out; None where it is not."""
        for above, rule in self.files.get(name, ()):
            if (not above or parent.endswith(above)) and _applies(rule, parent, name):
                return rule.reason
        for above, beginning, rule in self.endings.get(name[name.rfind(".") :], ()):
            if (
                (not above or parent.endswith(above))
                and name.startswith(beginning)
                and _applies(rule, parent, name)
            ):
                return rule.reason
        if name.startswith(self.first_characters):
            for above, beginning, rule in self.beginnings:
                if (
                    name.startswith(beginning)
                    and name not in _HARMLESS
                    and (not above or parent.endswith(above))
                    and _applies(rule, parent, name)
                ):
                    return rule.reason
        return None


def compile_rules(rules: Iterable[Rule], markers: dict[str, str] | None = None) -> Rules:
    """Return rules ready for many files; a folder with a marker in it is left out as well."""
    compiled = Rules({}, {}, {}, [], [], (), markers or {})
    for rule in rules:
        for pattern in rule.patterns:
            _add(compiled, pattern, rule)
    first = tuple(dict.fromkeys(beginning for _, beginning, _ in compiled.beginnings))
    return Rules(
        compiled.files,
        compiled.folders,
        compiled.endings,
        compiled.beginnings,
        compiled.folder_beginnings,
        first,
        compiled.markers,
    )


def _add(rules: Rules, pattern: str, rule: Rule) -> None:
    above, _, name = pattern.rstrip("/").rpartition("/")
    above = f"/{above}" if above else ""
    beginning, star, ending = name.partition("*")
    if pattern.endswith("/"):
        if star:
            rules.folder_beginnings.append((beginning, rule))
        else:
            rules.folders.setdefault(name, []).append((above, rule))
    elif ending:
        rules.endings.setdefault(ending, []).append((above, beginning, rule))
    elif star:
        rules.beginnings.append((above, beginning, rule))
    else:
        rules.files.setdefault(name, []).append((above, rule))


def _applies(rule: Rule, parent: str, name: str) -> bool:
    if rule.only_if is None:
        return True
    try:
        with Path(parent, name).open("rb") as file:
            if rule.only_if(file.read(_LOOKED_AT)):
                return True
            # conda writes where a package came from behind the names of its files.
            size = file.seek(0, os.SEEK_END)
            file.seek(max(_LOOKED_AT, size - _LOOKED_AT))
            return rule.only_if(file.read())
    except OSError:
        return False  # the walk reports what can't be read


def credential_reason(path: Path) -> str | None:
    """Return why a path that somebody named holds credentials, or lies in a folder of such."""
    for part in (path, *path.parents):
        is_folder = part != path or path.is_dir()
        look = NEVER.for_folder if is_folder else NEVER.for_file
        if (reason := look(str(part.parent), part.name)) is not None:
            return reason
    return None


EVERYWHERE = (*CREDENTIALS, *VERSION_CONTROL, *CACHES, *WHITEOUTS)
NEVER = compile_rules((*CREDENTIALS, *KEY_STORES, *WHITEOUTS))
IN_ENVIRONMENTS = compile_rules(EVERYWHERE)
IN_FILES = compile_rules((*EVERYWHERE, *KEY_STORES, *COMPILED), ENVIRONMENT_MARKERS)
