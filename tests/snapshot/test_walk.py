"""The files below a folder come out as they are, and alike on every machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.errors import NotFound
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS, IN_FILES, compile_rules
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.walk import UNREADABLE, ByteCode, walk

NO_RULES = compile_rules(())


def make(root: Path, *names: str) -> None:
    """Make files, and folders for names that end with a slash."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)


def targets(root: Path, entries: list[FileEntry]) -> list[str]:
    return [os.path.relpath(entry.target, root) for entry in entries]


def test_a_missing_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        walk(tmp_path / "absent", NO_RULES)


def test_entries_come_sorted_with_parents_first(tmp_path: Path) -> None:
    make(tmp_path, "a/b", "a-b", "a.b", "a/b.c", "z/", "Z")

    entries, left_out = walk(tmp_path, NO_RULES)

    assert targets(tmp_path, entries) == [".", "Z", "a", "a-b", "a.b", "a/b", "a/b.c", "z"]
    assert left_out == []


def test_a_file_keeps_size_time_and_source(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))

    [_, entry], _ = walk(tmp_path, NO_RULES)

    assert entry == FileEntry(
        str(path), FileKind.FILE, 0o644, 5, 1_700_000_000_123_456_789, str(path)
    )


def test_links_stay_links_and_are_never_followed(tmp_path: Path) -> None:
    make(tmp_path, "folder/file")
    for name, target in {
        "folder/loop": "..",
        "to-folder": "folder",
        "dangling": "nowhere",
        "absolute": "/etc",
    }.items():
        (tmp_path / name).symlink_to(target)

    entries, _ = walk(tmp_path, NO_RULES)

    links = {entry.target: entry.link for entry in entries if entry.kind is FileKind.LINK}
    assert links == {
        str(tmp_path / "absolute"): "/etc",
        str(tmp_path / "dangling"): "nowhere",
        str(tmp_path / "folder/loop"): "..",
        str(tmp_path / "to-folder"): "folder",
    }
    assert len(entries) == 7


def test_a_named_link_is_what_it_leads_to(tmp_path: Path) -> None:
    make(tmp_path, "real/file")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").symlink_to("real/file")

    folder, _ = walk(tmp_path / "link", NO_RULES)
    [file], _ = walk(tmp_path / "other", NO_RULES)

    assert targets(tmp_path, folder) == ["link", "link/file"]
    assert (file.target, file.source) == (str(tmp_path / "other"), str(tmp_path / "real/file"))
    assert file.kind is FileKind.FILE


def test_everybody_may_read_what_the_owner_may_and_set_ids_are_dropped(tmp_path: Path) -> None:
    make(tmp_path, "plain", "program", "private", "setuid", "shared", "folder/")
    modes = {"plain": 0o600, "program": 0o700, "setuid": 0o6755, "shared": 0o664, "folder": 0o700}
    for name, mode in modes.items():
        (tmp_path / name).chmod(mode)

    entries, _ = walk(tmp_path, NO_RULES)

    found = {Path(entry.target).name: oct(entry.mode) for entry in entries}
    assert {name: found[name] for name in modes} == {
        "plain": "0o644",
        "program": "0o755",
        "setuid": "0o755",
        "shared": "0o664",
        "folder": "0o755",
    }


def test_names_of_one_file_share_its_inode(tmp_path: Path) -> None:
    make(tmp_path, "one", "alone")
    (tmp_path / "two").hardlink_to(tmp_path / "one")

    entries, _ = walk(tmp_path, NO_RULES)

    inodes = {Path(entry.target).name: entry.inode for entry in entries}
    assert inodes["one"] == inodes["two"] is not None
    assert inodes["alone"] is None


def test_what_is_no_file_is_left_out_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        entries, left_out = walk(tmp_path, NO_RULES)

    assert len(entries) == 1
    assert {Path(item.path).name: item.reason for item in left_out} == {
        "pipe": "a named pipe",
        "socket": "a socket",
    }


def test_odd_names_are_kept(tmp_path: Path) -> None:
    names = [b"new\nline", b"\xff\xfe", "é😀".encode(), b"x" * 255, b" ", b"-rf"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()

    entries, _ = walk(tmp_path, NO_RULES)

    assert {os.fsencode(Path(entry.target).name) for entry in entries[1:]} == set(names)
    assert len(fingerprint(entries)) == 64


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_what_this_user_may_not_read_is_named(open_folder: Path) -> None:
    make(open_folder, "open", "closed", "folder/inside")
    (open_folder / "closed").chmod(0o600)
    (open_folder / "folder").chmod(0o700)
    script = (
        "import os, sys; os.setgid(65534); os.setuid(65534)\n"
        "from pathlib import Path\n"
        "from kernel_containers.snapshot.walk import walk\n"
        "from kernel_containers.snapshot.exclusions import IN_FILES\n"
        "entries, left = walk(Path(sys.argv[1]), IN_FILES)\n"
        "print([Path(entry.target).name for entry in entries[1:]],\n"
        "      [(Path(item.path).name, item.reason) for item in left])"
    )
    # The interpreter may lie in a home that others can't enter, so it starts as root.
    done = subprocess.run(
        [sys.executable, "-c", _imported_first(script), str(open_folder)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == (
        f"['open'] [('closed', '{UNREADABLE}'), ('folder', '{UNREADABLE}')]"
    )


def _imported_first(script: str) -> str:
    head, rest = script.split("\n", 1)
    imports, work = rest.split("entries, left", 1)
    return f"{imports}\n{head}\nentries, left{work}"


CREDENTIALS = [
    ".aws/credentials",
    ".aws/config",
    ".ssh/known_hosts",
    "id_rsa",
    "id_ed25519",
    ".netrc",
    ".pypirc",
    ".docker/config.json",
    ".git-credentials",
    ".kube/config",
    ".env",
    ".env.production",
    ".envrc",
    "kaggle.json",
    ".config/gcloud/credentials.db",
    "application_default_credentials.json",
    ".azure/accessTokens.json",
    ".gnupg/private-keys-v1.d/x",
    ".config/gh/hosts.yml",
    "huggingface/token",
    ".streamlit/secrets.toml",
    ".terraform.d/credentials.tfrc.json",
    ".pgpass",
    ".databrickscfg",
    "client_secret_1.json",
    "share/jupyter/runtime/kernel-1.json",
    "profile_default/history.sqlite",
    ".vault-token",
    ".git/config",
    ".git/HEAD",
    ".hg/x",
    ".ipynb_checkpoints/n-checkpoint.ipynb",
    ".pytest_cache/x",
    ".mypy_cache/x",
    ".cache/pip/x",
    ".DS_Store",
]
KEPT = [
    "aws/credentials.py",
    "config.json",
    "docker/config.json",
    "env.py",
    ".env.example",
    "environment.yml",
    "id_map.py",
    "identity.csv",
    "id_rsa.pub",
    "keys.py",
    "gcloud/__init__.py",
    "git/config",
    "token",
    "secrets.py",
    "history.py",
    "package.json",
    "keyrings/__init__.py",
    "runtime/kernel.py",
    "kube/config",
]


@pytest.mark.parametrize("rules", [IN_ENVIRONMENTS, IN_FILES], ids=["environment", "files"])
def test_credentials_caches_and_version_control_stay_out_with_a_reason(
    tmp_path: Path, rules: object
) -> None:
    make(tmp_path, *(f"secret/{name}" for name in CREDENTIALS), *(f"kept/{name}" for name in KEPT))

    entries, left_out = walk(tmp_path, rules)  # type: ignore[arg-type]

    files = {entry.target for entry in entries if entry.kind is FileKind.FILE}
    assert files == {str(tmp_path / "kept" / name) for name in KEPT}
    assert all(item.reason for item in left_out)
    covered = [item.path for item in left_out]
    for name in CREDENTIALS:
        path = str(tmp_path / "secret" / name)
        assert any(path == item or path.startswith(f"{item}/") for item in covered), name


@pytest.mark.parametrize("rules", [IN_ENVIRONMENTS, IN_FILES], ids=["environment", "files"])
def test_names_that_would_remove_other_files_in_an_image_stay_out(
    tmp_path: Path, rules: object
) -> None:
    make(tmp_path, ".wh.a", ".wh..wh..opq", ".wh.folder/b", "a", ".whale")

    entries, left_out = walk(tmp_path, rules)  # type: ignore[arg-type]

    assert targets(tmp_path, entries) == [".", ".whale", "a"]
    assert [Path(item.path).name for item in left_out] == [".wh..wh..opq", ".wh.a", ".wh.folder"]


def test_the_sizes_of_what_is_left_out_are_counted(tmp_path: Path) -> None:
    make(tmp_path, ".git/objects/ab", ".git/HEAD", ".netrc")

    _, left_out = walk(tmp_path, IN_FILES)

    assert {Path(item.path).name: item.size for item in left_out} == {
        ".git": len(".git/objects/ab") + len(".git/HEAD"),
        ".netrc": len(".netrc"),
    }


def test_files_that_decide_by_their_content(tmp_path: Path) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMII\n"
    certificate = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
    secret = {
        "a.pem": certificate + key,
        "b.key": "-----BEGIN PRIVATE KEY-----\n",
        "id_work": "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "pip.conf": "[global]\nindex-url = https://me:hunter2@host/simple\n",
        ".condarc": "channels:\n- https://host/t/ab-1234567/main\n",
        ".npmrc": "//registry/:_authToken=abc123\n",
        "conda-meta/x-1.json": '{"url": "https://u:p@host/x.conda"}',
        "conda-meta/large-1.json": f'{{"files": "{"f" * 900_000}", "url": "//h/t/ab-12345/x"}}',
        "x-1.dist-info/direct_url.json": '{"url": "git+https://me:hunter2@host/x"}',
        "conda-meta/history": "# cmd: conda install -c https://host/t/ab-12345/x y",
        "uv.toml": 'url = "https://me:hunter2@host"',
    }
    kept = {
        "site-packages/certifi/cacert.pem": certificate,
        "test/keycert.pem": certificate,
        "letters.key": "A B C",
        "id_columns": "a,b",
        "other/pip.conf": "[global]\nindex-url = https://host/simple\n",
        "other/.condarc": "channels:\n- https://host/main\n- https://host/t/$TOKEN/x\n",
        "other/.npmrc": "//registry/:_authToken=${NPM_TOKEN}\n",
        "conda-meta/y-1.json": '{"url": "https://host/y.conda"}',
        "other/pip.ini": "index-url = https://${USER}:${PASSWORD}@host/simple\n",
    }
    for name, text in {**secret, **kept}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    entries, left_out = walk(tmp_path, IN_ENVIRONMENTS)

    files = {os.path.relpath(e.target, tmp_path) for e in entries if e.kind is FileKind.FILE}
    assert files == set(kept)
    assert {os.path.relpath(item.path, tmp_path) for item in left_out} == set(secret)


def test_environments_in_a_users_folder_stay_out_but_one_can_be_the_root(tmp_path: Path) -> None:
    make(tmp_path, ".env/pyvenv.cfg", ".env/bin/python", "conda/conda-meta/x.json", "a.py")

    files, left_out = walk(tmp_path, IN_FILES)
    environment, _ = walk(tmp_path / ".env", IN_FILES)

    assert targets(tmp_path, files) == [".", "a.py"]
    assert [item.reason for item in left_out] == ["a virtual environment", "a conda environment"]
    assert len(environment) == 4


def test_byte_code_can_be_passed_by_and_looked_at_later(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "__pycache__/a.pyc", "sub/__pycache__/b.pyc", "sub/__pycache__/.env")
    byte_code = ByteCode()

    entries, _ = walk(tmp_path, IN_ENVIRONMENTS, byte_code)

    assert targets(tmp_path, entries) == [".", "a.py", "sub"]
    everything, _ = walk(tmp_path, IN_ENVIRONMENTS)
    assert sorted([*entries, *byte_code.entries()]) == everything
    assert fingerprint(entries) == fingerprint(everything)


class TestFingerprint:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        make(
            tmp_path, "pkg/__init__.py", "pkg/a.py", "bin/run", "pkg/__pycache__/a.cpython-311.pyc"
        )
        (tmp_path / "link").symlink_to("pkg")
        return tmp_path

    def of(self, tree: Path) -> str:
        return fingerprint(walk(tree, IN_ENVIRONMENTS)[0])

    def test_it_stays_when_nothing_changes(self, tree: Path) -> None:
        assert self.of(tree) == self.of(tree)

    def test_compiled_files_and_names_elsewhere_do_not_count(self, tree: Path) -> None:
        before = self.of(tree)

        make(tree, "pkg/__pycache__/b.pyc", "bin/__pycache__/c.pyc")
        (tree.parent / "elsewhere").hardlink_to(tree / "pkg/a.py")

        assert self.of(tree) == before
        (tree.parent / "elsewhere").unlink()

    @pytest.mark.parametrize(
        "change",
        [
            "echo >> pkg/a.py",
            "touch pkg/a.py",
            "touch pkg/b.py",
            "rm pkg/a.py",
            "chmod +x pkg/a.py",
            "ln -sfn bin link",
            "mv pkg/a.py pkg/c.py",
            "mkdir pkg/empty",
            "cp bin/run run2; mv run2 bin/run",
            "rm link; mkdir link",
        ],
    )
    def test_it_sees_changes(self, tree: Path, change: str) -> None:
        before = self.of(tree)

        subprocess.run(["sh", "-c", change], cwd=tree, check=True)

        assert self.of(tree) != before

    def test_content_in_an_entry_counts_instead_of_its_time(self) -> None:
        entry = FileEntry("/n", FileKind.FILE, 0o644, 1, 5, content=b"a")

        assert fingerprint([entry]) == fingerprint([entry._replace(mtime_ns=6)])
        assert fingerprint([entry]) != fingerprint([entry._replace(content=b"b")])
        assert fingerprint([entry]) != fingerprint([entry._replace(group_writable=True)])
        assert fingerprint([entry]) != fingerprint([entry._replace(owner=(1, 1))])


names = st.text(st.sampled_from("/a\n0 f"), max_size=6)
entries_of_all_kinds = st.tuples(
    names,
    st.sampled_from(FileKind),
    st.sampled_from([0o644, 0o755]),
    st.integers(0, 3),
    st.integers(0, 3),
    names,
).map(lambda drawn: FileEntry(*drawn[:5], link=drawn[5]))


def _seen(entry: FileEntry) -> tuple[object, ...]:
    return (entry.target, entry.kind, entry.mode, entry.size, entry.mtime_ns, entry.link)


@given(st.lists(entries_of_all_kinds, max_size=3), st.lists(entries_of_all_kinds, max_size=3))
def test_equal_fingerprints_mean_equal_entries(
    one: list[FileEntry], other: list[FileEntry]
) -> None:
    same = list(map(_seen, one)) == list(map(_seen, other))

    assert (fingerprint(one) == fingerprint(other)) == same
