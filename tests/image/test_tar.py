"""Archives: exact, readable by others, the same each time, and never half old and half new."""

from __future__ import annotations

import io
import multiprocessing
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.errors import Refused, TryAgain
from kernel_containers.image import tar
from tests.image.trees import entries_of, expected, folder, link, members_of, odd_tree, text

if TYPE_CHECKING:
    from collections.abc import Iterable


def archive(entries: Iterable[FileEntry]) -> io.BytesIO:
    return io.BytesIO(b"".join(tar.blocks(tuple(entries))))


def file_entry(path: Path, target: str = "/file") -> FileEntry:
    info = path.lstat()
    return FileEntry(
        target,
        FileKind.FILE,
        0o644,
        size=info.st_size,
        mtime_ns=info.st_mtime_ns,
        source=str(path),
    )


def test_python_reads_back_every_name_mode_time_link_and_byte(tmp_path: Path) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")

    found = members_of(archive(entries))

    assert found == expected(entries)


def test_gnu_tar_extracts_the_same_tree(tmp_path: Path) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/odd")
    (tmp_path / "extracted").mkdir()

    done = subprocess.run(
        ["tar", "--extract", "--preserve-permissions", "--directory", tmp_path / "extracted"],
        input=archive(entries).getvalue(),
        capture_output=True,
        check=False,
    )

    assert done.stderr == b""
    again = entries_of(tmp_path / "extracted" / "odd", "/odd")
    assert expected(again) == expected(entries)
    assert (tmp_path / "extracted/odd/hard-1").stat().st_nlink == 3


def test_a_tree_made_again_in_another_order_gives_the_same_bytes(tmp_path: Path) -> None:
    first = odd_tree(tmp_path / "one")
    second = tmp_path / "two"
    second.mkdir()
    for path in sorted(first.rglob("*"), reverse=True):
        copy = second / path.relative_to(first)
        if path.is_dir() and not path.is_symlink():
            copy.mkdir(parents=True, exist_ok=True)
        elif path.stat(follow_symlinks=False).st_nlink == 1:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy, follow_symlinks=False)
    (second / "hard-2").write_text("one inode")
    shutil.copystat(first / "hard-2", second / "hard-2")
    for other in ("hard-1", "empty/hard-3"):
        (second / other).hardlink_to(second / "hard-2")
    (second / "empty").chmod(0o711)

    assert (
        archive(entries_of(first, "/t")).getvalue() == archive(entries_of(second, "/t")).getvalue()
    )


def test_blocks_have_the_same_bounds_each_time_and_do_not_grow_with_a_file(tmp_path: Path) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/odd")

    sizes = [[len(block) for block in tar.blocks(entries)] for _ in range(2)]

    assert sizes[0] == sizes[1]
    assert len(sizes[0]) > 3
    assert max(sizes[0]) < 2 * tar.BLOCK


def test_owners_are_root_and_times_whole_seconds(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.utime(tmp_path / "file", ns=(0, 1_699_999_999_999_999_999))
    if os.geteuid() == 0:
        os.chown(tmp_path / "file", 1000, 1000)

    with tarfile.open(fileobj=archive([file_entry(tmp_path / "file")])) as found:
        member = found.getmember("file")

    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.mtime == 1_699_999_999


@pytest.mark.parametrize("seconds", [-5, 0, 8**11 - 1, 8**11, 2**40])
def test_times_out_of_range_are_kept(seconds: int) -> None:
    with tarfile.open(fileobj=archive([text("/file", mtime_ns=seconds * 10**9 + 1)])) as found:
        assert found.getmember("file").mtime == seconds


def test_modes_are_those_of_the_entries() -> None:
    entries = [folder("/shared", 0o1777), folder("/team", 0o2775), text("/tool", mode=0o6755)]

    found = members_of(archive(entries))

    assert [found[name].mode for name in ("shared", "team", "tool")] == [0o1777, 0o2775, 0o6755]


@pytest.mark.parametrize("owner", [(0, 0), (1000, 100), (8**7 - 1, 1), (8**7, 2**32 - 2)])
def test_owners_of_a_base_are_kept(owner: tuple[int, int]) -> None:
    entries = [folder("/home")._replace(owner=owner), text("/x", owner=owner)]

    with tarfile.open(fileobj=archive(entries)) as found:
        assert {(member.uid, member.gid) for member in found} == {owner}


def test_a_group_writable_entry_gives_the_group_what_the_owner_has() -> None:
    entries = [
        folder("/home", 0o700)._replace(group_writable=True),
        text("/home/notes", mode=0o600, group_writable=True),
        text("/home/run", mode=0o755, group_writable=True),
    ]

    found = members_of(archive(entries))

    assert [found[name].mode for name in ("home", "home/notes", "home/run")] == [
        0o770,
        0o660,
        0o775,
    ]


def test_names_of_one_inode_become_hard_links_to_the_first(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/b").write_text("content")
    (tmp_path / "tree/a").hardlink_to(tmp_path / "tree/b")

    with tarfile.open(fileobj=archive(entries_of(tmp_path / "tree", "/t"))) as found:
        kinds = {member.name: (member.type, member.linkname) for member in found}

    assert kinds["t/a"] == (tarfile.REGTYPE, "")
    assert kinds["t/b"] == (tarfile.LNKTYPE, "t/a")


def test_a_size_over_8_gib_is_readable() -> None:
    size = 9 * 1024**3 + 7

    member = tarfile.TarInfo.frombuf(
        tar.header(b"huge", kind=b"0", mode=0o644, size=size), "utf-8", "surrogateescape"
    )

    assert member.size == size


@pytest.mark.full
def test_a_sparse_file_of_9_gib_streams_through(tmp_path: Path) -> None:
    size = 9 * 1024**3
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(size)

    total = largest = 0
    for block in tar.blocks([file_entry(tmp_path / "sparse")]):
        total += len(block)
        largest = max(largest, len(block))

    assert total == 512 + size + 1024
    assert largest < 2 * tar.BLOCK


NAME = st.binary(min_size=1, max_size=255).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)


@given(
    st.lists(NAME, min_size=1, max_size=6),
    st.lists(NAME, min_size=1, max_size=4),
    st.integers(0, 0o1777),
    st.integers(-(2**33), 2**40),
)
def test_any_name_is_read_back(
    parts: list[bytes], to: list[bytes], mode: int, seconds: int
) -> None:
    target = "/" + os.fsdecode(b"/".join(parts))
    entries = [
        text(target, "content", mode=mode, mtime_ns=seconds * 10**9),
        link(f"{target}-link", os.fsdecode(b"/".join(to))),
        folder(f"{target}-folder", mode),
    ]

    assert members_of(archive(entries)) == expected(entries)


def test_a_small_file_that_grew_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("line\n")
    entries = [file_entry(tmp_path / "log", "/log"), text("/other", "x")]
    with (tmp_path / "log").open("a") as file:
        file.write("another line\n")

    with pytest.raises(TryAgain, match="log"):
        archive(entries)


@pytest.mark.parametrize("size", [100, tar.BLOCK + 100])
def test_a_file_that_shrank_is_named(tmp_path: Path, size: int) -> None:
    (tmp_path / "data").write_bytes(b"x" * size)
    entry = file_entry(tmp_path / "data")
    os.truncate(tmp_path / "data", size - 10)

    with pytest.raises(TryAgain, match="data"):
        archive([entry])


def test_a_same_sized_edit_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("one")
    entry = file_entry(tmp_path / "data")
    (tmp_path / "data").write_text("two")
    os.utime(tmp_path / "data", ns=(0, entry.mtime_ns + 1))

    with pytest.raises(TryAgain, match="data"):
        archive([entry])


@pytest.mark.parametrize("change", ["shrink", "grow", "edit"])
def test_a_large_file_that_changes_while_it_is_read_is_named(tmp_path: Path, change: str) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 5 * tar.BLOCK)
    blocks = tar.blocks([file_entry(path)])
    next(blocks)

    if change == "shrink":
        os.truncate(path, 2 * tar.BLOCK)
    elif change == "grow":
        os.truncate(path, 6 * tar.BLOCK)
    else:
        with path.open("r+b") as file:
            file.write(b"y")
        os.utime(path, ns=(0, time.time_ns() + 10**9))

    with pytest.raises(TryAgain, match="large"):
        list(blocks)


def test_all_changed_files_are_named_at_once(tmp_path: Path) -> None:
    names = [f"file-{number}" for number in range(12)]
    for name in names:
        (tmp_path / name).write_text("before")
    entries = [file_entry(tmp_path / name, f"/{name}") for name in names]
    for name in names[1:]:
        (tmp_path / name).write_text("afterwards")

    with pytest.raises(TryAgain, match=r"file-1, .*file-2, .* and 1 more") as raised:
        archive(entries)

    assert "file-0" not in raised.value.what


@pytest.mark.parametrize("replacement", ["nothing", "fifo", "link", "folder", "another file"])
def test_a_file_replaced_by_something_else_is_named_and_does_not_block(
    tmp_path: Path, replacement: str
) -> None:
    path = tmp_path / "data"
    path.write_text("content")
    entry = file_entry(path)
    path.unlink()
    if replacement == "fifo":
        os.mkfifo(path)
    elif replacement == "link":
        path.symlink_to("/etc/hostname")
    elif replacement == "folder":
        path.mkdir()
    elif replacement == "another file":
        path.write_text("content")
        os.utime(path, ns=(0, 1))

    with pytest.raises(TryAgain, match="data"):
        archive([entry])


def test_an_unreadable_file_is_refused_by_name() -> None:
    # Not below pytest's folder, which a plain user could not enter.
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        path = Path(parent, "private")
        path.write_text("secret")
        path.chmod(0o000)
        entry = file_entry(path)

        with multiprocessing.get_context("fork").Pool(1, _become_plain_user) as pool:
            outcome = pool.apply(_archive_outcome, (entry,))

    assert outcome == f"Refused: {path} can't be read."


def _become_plain_user() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def _archive_outcome(entry: FileEntry) -> str:
    try:
        archive([entry])
    except Refused as error:
        return f"Refused: {error.what}"
    return "read"
