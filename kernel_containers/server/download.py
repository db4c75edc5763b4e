"""Files on their way to a client: however large, one block of each stands in memory."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from kernel_containers.errors import KernelContainersError, error_as_json
from kernel_containers.server.errors import error_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from concurrent.futures import Executor

    from jupyter_server.base.handlers import APIHandler

    from kernel_containers.server.services import Download
    from kernel_containers.workflow.runs.store import Opened

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


async def send(
    handler: APIHandler, download: Download, executor: Executor, longest: float | None
) -> None:
    """Answer with a file, or the part of it that is asked for, as fast as the client takes it.

    Raises:
        KernelContainersError: the file can't be read; nothing was sent yet.
        TimeoutError: nor within `longest` seconds.
    """
    file = download.file
    try:
        handler.set_header("Etag", _tag(file))
        if handler.check_etag_header():
            handler.set_status(304)
            await handler.finish()
            return
        part = _asked(handler, file)
        if part is not None and not part:
            handler.set_status(416)
            handler.set_header("Content-Range", f"bytes */{file.size}")
            await handler.finish(json.dumps(error_as_json(error_of(416))))
            return
        async with aclosing(_blocks(file, part or range(file.size), executor, longest)) as blocks:
            first = await anext(blocks, b"")
            _set_headers(handler, download, part)
            await _send_blocks(handler, first, blocks)
    finally:
        # In a thread, as it would wait for one that still reads.
        with suppress(RuntimeError):  # the server ends
            executor.submit(file.close)


def asked_part(header: str, size: int) -> range | None:
    """Return the bytes that a Range header asks for, none of those beyond the end.

    All of them, None, where it asks for nothing or in a way that servers may leave alone.
    """
    found = _RANGE.fullmatch(header)
    if not found:
        return None
    first, last, length = (int(text) if text else None for text in found.groups())
    if first is None:
        return range(max(size - (length or 0), 0), size)
    if last is not None and last < first:
        return None
    stop = size if last is None else min(last + 1, size)
    return range(min(first, size), stop)


def _asked(handler: APIHandler, file: Opened) -> range | None:
    headers = handler.request.headers
    if headers.get("If-Range", _tag(file)) != _tag(file):
        return None  # the client has the beginning of another version
    return asked_part(headers.get("Range", ""), file.size)


def _tag(file: Opened) -> str:
    return f'"{file.version}"'


def _set_headers(handler: APIHandler, download: Download, part: range | None) -> None:
    size = download.file.size
    own = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    for name, value in {**own, **download.headers, "Content-Type": download.type}.items():
        handler.set_header(name, value)
    if part is None:
        handler.set_header("Content-Length", str(size))
        return
    handler.set_status(206)
    handler.set_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{size}")
    handler.set_header("Content-Length", str(len(part)))


async def _blocks(
    file: Opened, part: range, executor: Executor, longest: float | None
) -> AsyncGenerator[bytes]:
    loop = asyncio.get_running_loop()
    blocks = file.blocks(part.start, part.stop)
    while block := await asyncio.wait_for(
        loop.run_in_executor(executor, next, blocks, b""), longest
    ):
        yield block


async def _send_blocks(handler: APIHandler, first: bytes, others: AsyncGenerator[bytes]) -> None:
    try:
        handler.write(first)
        await handler.flush()
        async for block in others:
            handler.write(block)
            await handler.flush()
    except StreamClosedError:
        return  # the client has gone
    except (KernelContainersError, TimeoutError) as error:
        # A status was sent; only an answer that breaks off can still say that this is not all.
        handler.log.warning("a download of kernel-containers broke off: %s", error)
        handler.detach().close()
        return
    await handler.finish()
