"""What is captured of a container, compared with what the engine's own commit keeps."""

from __future__ import annotations

import os
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec, Mount
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.snapshot import FileKind
from kernel_containers.engine import containers
from kernel_containers.engine.changes import Kind, changes
from kernel_containers.image.base import import_base
from kernel_containers.image.layer import build_layers
from kernel_containers.image.load import load
from kernel_containers.image.store import BlobStore
from kernel_containers.snapshot.container_changes import capture
from kernel_containers.snapshot.container_files import members, parts
from tests.image.trees import image_of

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kernel_containers.engine import Engine

CHANGES = r"""
set -e
mkdir -p /w/dir /w/empty /w/deep/er; echo hi > /w/new; echo a > /w/dir/a; chown -R 1000:1000 /w/dir
chmod 600 /w/new; rm -f /etc/debian_version; rm -rf /usr/share/doc; mkdir /usr/share/doc
echo only > /usr/share/doc/only; mkdir /opt/own; chmod 711 /opt/own; chown 1000:100 /opt/own
ln -s new /w/symbolic; echo h > /w/hard1; ln /w/hard1 /w/hard2; cp /bin/true /w/able
chown -h 1000:1000 /w/symbolic; cp /bin/true /w/setuid; chmod 6755 /w/setuid
python3 -c "
import os, struct
value = struct.pack('<IIIII', 0x02000001, 1 << 13, 0, 0, 0)
os.setxattr('/w/able', 'security.capability', value)
open(b'/w/caf\xe9', 'w').close()
open('/w/' + 'long' * 40, 'w').close()
"
chmod 700 /srv; rm -rf /etc/apt; mkdir /etc/apt; echo new > /etc/apt/only.conf
rm /usr/share/misc -rf; echo file > /usr/share/misc
rm -f /bin/sh.distrib /usr/bin/perl; echo changed >> /etc/profile; touch -d 2001-02-03 /w/old
mkdir /var/lock.d; rm /var/lock; mkdir /var/lock; echo x > /var/lock/file
"""
# Of each path its type, mode, owner, size, content, link, time of files, and capability.
LIST = r"""
import hashlib, os, stat, sys
for top in ("/w", "/etc", "/opt", "/srv", "/usr/share", "/usr/bin", "/var"):
    for folder, folders, files in os.walk(os.fsencode(top)):
        folders.sort()
        for name in sorted([b"", *files, *folders]):
            path = os.path.join(folder, name)
            if path in (b"/etc/hosts", b"/etc/hostname", b"/etc/resolv.conf"):
                continue  # the engine's own
            status = os.lstat(path)
            file = stat.S_ISREG(status.st_mode)
            try:
                able = os.getxattr(path, "security.capability", follow_symlinks=False)
            except OSError:
                able = b""
            print(path, oct(status.st_mode), status.st_uid, status.st_gid,
                  file and (status.st_size, int(status.st_mtime), status.st_nlink),
                  file and hashlib.sha256(open(path, "rb").read()).hexdigest(),
                  os.path.islink(path) and os.readlink(path), able)
"""


@pytest.fixture
def container(engine: Engine, base_image: str, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Run a script in a container that then idles, with a folder of this machine mounted."""
    made: list[str] = []
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "theirs").write_text("x")

    def run(script: str) -> str:
        spec = ContainerSpec(
            image=base_image,
            entrypoint=("/bin/sh", "-c"),
            command=(f"({script}) && echo done || echo failed; exec sleep 600",),
            user="0:0",
            network="none",
            labels={labels.KIND: "build"},
            mounts=(Mount(source=f"{tmp_path}/mounted", target="/home/user/work"),),
            tmpfs={"/scratch": "mode=1777"},
        )
        made.append(containers.create(engine, spec))
        output = containers.output(engine, made[-1])
        containers.start(engine, made[-1])
        assert next(output) == ("stdout", b"done\n")
        return made[-1]

    yield run
    for one in made:
        containers.remove(engine, one)


def listing(image: str) -> list[str]:
    """Return a line for each file and folder that a container of an image sees."""
    command = ["/usr/bin/docker", "run", "--rm", "--network=none", "--entrypoint=python3", image]
    done = subprocess.run([*command, "-c", LIST], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_an_image_with_the_changes_equals_one_that_was_committed(
    engine: Engine,
    base_image: str,
    container: Callable[[str], str],
    shared_cache: Path,
    tmp_path: Path,
) -> None:
    changed = container(CHANGES)
    store = BlobStore(shared_cache / "store")
    base = import_base(engine, base_image, store, silent)
    (tmp_path / "spool").mkdir()

    captured = capture(engine, changed, tmp_path / "spool", (), silent)

    assert captured.files is not None
    (layer,) = build_layers([captured.files], base, store, silent)
    committed, ours = (f"tests/{name}:{uuid.uuid4().hex[:12]}" for name in ("commit", "capture"))
    engine.api.commit(changed, *committed.split(":"))
    try:
        load(engine, image_of(base, [layer], store), ImageReference.parse(ours), silent)
        theirs, here = listing(committed), listing(ours)
    finally:
        for name in (committed, ours):
            _remove(name)
    assert here == theirs
    assert any("security" not in line and "b'/w/able'" in line for line in here)


def test_one_by_one_the_same_is_read_as_out_of_all_files(
    engine: Engine, container: Callable[[str], str]
) -> None:
    changed = container(CHANGES)
    kinds = changes(engine, changed)
    there = [path for path, kind in kinds.items() if kind is not Kind.DELETED]
    apart = ("/home/user/work", "/scratch", "/etc/mtab", "/dev", "/proc", "/sys")
    wanted = parts(kinds, [path for path in there if path not in apart], apart)

    one_by_one = read(members(engine, changed, wanted, 10**15), kinds, apart)
    out_of_all = read(members(engine, changed, wanted, 0), kinds, apart)

    assert one_by_one == out_of_all
    assert len(wanted) < len(one_by_one)  # added folders come whole
    assert "/w/long" + "long" * 39 in one_by_one


def read(
    found: Iterable[tuple[str, str, tarfile.TarInfo, tarfile.TarFile]],
    kinds: Mapping[str, Kind],
    apart: Sequence[str],
) -> dict[str, tuple[object, ...]]:
    """Return what describes each member that was asked for."""
    seen = {}
    for path, parent, member, source in found:
        known = os.fsencode(path).decode("utf-8", "replace")
        if known in kinds and not path.startswith(apart):
            content = source.extractfile(member) if member.isreg() and not member.islnk() else None
            link = f"{parent}{member.linkname}" if member.islnk() else member.linkname
            seen[known] = (
                *(member.type, member.mode, member.uid, member.gid, member.size),
                *(int(member.mtime), link, content.read() if content else None),
                member.pax_headers.get("SCHILY.xattr.security.capability"),
            )
    return seen


def _remove(name: str) -> None:
    subprocess.run(["/usr/bin/docker", "rmi", name], check=False, capture_output=True)


def test_a_container_that_changed_nothing_gives_nothing(
    engine: Engine, container: Callable[[str], str], tmp_path: Path
) -> None:
    idle = container("echo x > /tmp/x; echo x > /scratch/x; echo x > /home/user/work/x")

    captured = capture(engine, idle, tmp_path, (), silent)

    assert captured.files is None
    assert captured.exclusions == ()


def test_mounts_caches_and_credentials_stay_behind(
    engine: Engine, container: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "spool").mkdir()
    changed = container(
        "mkdir -p /root/.aws /root/.cache/pip /w/.git /var/lib/apt/lists /var/cache/big\n"
        "for f in /root/.aws/credentials /root/.cache/pip/x /w/.git/config /w/.env /tmp/t"
        " /var/lib/apt/lists/x /var/cache/big/x /w/kept; do echo x > $f; done\n"
        "printf 'machine x password y' > /root/.netrc; mkfifo /w/pipe\n"
        "printf -- '-----BEGIN PRIVATE KEY-----' > /w/server.key; echo c > /w/public.key"
    )

    captured = capture(engine, changed, tmp_path / "spool", (), silent)

    assert captured.files is not None
    kept = [e.target for e in captured.files.entries if e.kind is not FileKind.FOLDER]
    assert kept == ["/w/kept", "/w/public.key"]
    left_out = {item.path for item in captured.exclusions}
    assert left_out >= {"/root/.aws", "/root/.netrc", "/w/.env", "/w/server.key", "/w/pipe"}
    copies = [path.name for path in (tmp_path / "spool").rglob("*") if path.is_file()]
    assert sorted(copies) == ["kept", "public.key"]
