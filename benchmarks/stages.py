"""Where the time of a first containerization goes, beside what this machine can do at most.

    .venv/bin/python -m benchmarks.stages [--folder FOLDER]

Each stage alone, in one thread unless it says otherwise, on the files of the large environment;
page cache warm. Beside the wall clock stands the processor's time, which other work on the machine
changes less. The last lines compare a whole layer with the CPU time that its stages need, and say
whether it keeps within the limit: by the wall clock only where nobody else was at work.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.common import NO_BASE, Others, seconds
from benchmarks.environments import LARGE, make_environment
from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import FileSet
from kernel_containers.image import tar
from kernel_containers.image.compress import fastest
from kernel_containers.image.layer import build_layers
from kernel_containers.image.store import BlobStore
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel_containers.core.snapshot import FileEntry

REPEATS = 3
SAMPLE = 256 * 1024**2  # bytes of the environment's archive that are kept in memory
BLOCK = 4 * 1024**2
LIMIT = 1.5  # of the CPU time that the stages need, spread over all cores


class Took(NamedTuple):
    """Seconds by the wall clock, and of the processor in all threads."""

    wall: float
    cpu: float


def best(work: Callable[[], object]) -> Took:
    """Return the shortest of a few times: the others were disturbed."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        before = time.process_time()
        walls.append(seconds(work))
        cpus.append(time.process_time() - before)
    return Took(min(walls), min(cpus))


def read(entries: Sequence[FileEntry]) -> None:
    """Read all files once."""
    for entry in entries:
        if entry.source and entry.size:
            with open(entry.source, "rb", buffering=0) as file:  # noqa: PTH123 - half the time
                while file.read(BLOCK):
                    pass


def hash_all(blocks: list[bytes]) -> None:
    """Compute one digest."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)


def loopback(blocks: list[bytes]) -> None:
    """Send blocks over a connection to this machine itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        there, _ = server.accept()

        def receive() -> None:
            buffer = bytearray(BLOCK)
            while there.recv_into(buffer):
                pass

        receiver = threading.Thread(target=receive)
        receiver.start()
        for block in blocks:
            client.sendall(block)
        client.close()
        receiver.join()
        there.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    default = Path.home() / ".cache" / "kernel-containers-benchmarks"
    parser.add_argument("--folder", type=Path, default=default, help="keeps environments")
    prefix = make_environment(parser.parse_args().folder.absolute(), LARGE)

    def walked() -> tuple[FileEntry, ...]:
        return tuple(walk(prefix, IN_ENVIRONMENTS)[0])

    entries = walked()
    total = sum(entry.size for entry in entries)
    sample: list[bytes] = []
    for block in tar.blocks(entries):
        sample.append(bytes(block))
        if len(sample) * BLOCK >= SAMPLE:
            break
    size = sum(map(len, sample))
    members = [fastest().compress(block) for block in sample]

    compressed = sum(map(len, members))
    rows = [
        ("walk and fingerprint", best(lambda: fingerprint(walked())), total),
        ("read", best(lambda: read(entries)), total),
        ("tar, reading included", best(lambda: [None for _ in tar.blocks(entries)]), total),
        ("sha256 of the archive", best(lambda: hash_all(sample)), size),
        ("compress", best(lambda: list(map(fastest().compress, sample))), size),
        ("sha256 of the blob", best(lambda: hash_all(members)), compressed),
        ("limit: memcpy", best(lambda: list(map(bytearray, sample))), size),
        ("limit: loopback", best(lambda: loopback(members)), compressed),
    ]
    print(f"{total / 1e6:.0f} MB, {len(entries)} entries, load {os.getloadavg()[0]:.1f}")
    for name, taken, amount in rows:
        tell(name, taken, amount)
    with Others() as others:
        whole = best(lambda: _layer(FileSet(name="env", entries=tuple(entries))))
    tell("all of it as a layer", whole, total)
    needed = cpu_needed(
        {name: taken.cpu / amount for name, taken, amount in rows}, total, compressed / size
    )
    floor = needed / (os.cpu_count() or 1)
    print(
        f"the stages need {needed:.2f} s of CPU, on all cores {floor:.2f} s: a layer takes "
        f"{whole.wall / floor:.2f}x, and {whole.cpu / needed:.2f}x of the CPU"
    )
    judged = [f"processor {verdict(whole.cpu / needed)}"]
    if others.were_quiet:
        judged.append(f"wall clock {verdict(whole.wall / floor)}")
    else:
        judged.append(f"wall clock not judged, others took {others.share:.0%} of the processors")
    print(f"within {LIMIT}x: {'; '.join(judged)}")


def verdict(ratio: float) -> str:
    """Return whether a ratio keeps within the limit."""
    return f"{'yes' if ratio <= LIMIT else 'NO'} ({ratio:.2f}x)"


def tell(name: str, taken: Took, amount: int) -> None:
    """Print a row of the table."""
    rate = amount / taken.wall / 1e6
    print(f"{name:28} {taken.wall:7.2f} s  {rate:8.0f} MB/s  {taken.cpu:7.2f} s of CPU")


def cpu_needed(per_byte: dict[str, float], total: int, ratio: float) -> float:
    """Return the seconds that the stages of a layer take together."""
    archive = ("tar, reading included", "sha256 of the archive", "compress")
    return total * (
        sum(per_byte[name] for name in archive) + ratio * per_byte["sha256 of the blob"]
    )


def _layer(files: FileSet) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build_layers((files,), NO_BASE, BlobStore(Path(folder)), silent)


if __name__ == "__main__":
    main()
