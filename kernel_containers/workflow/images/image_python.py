"""What the Pythons in images say about themselves, asked once of each image."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from kernel_containers.engine import images
from kernel_containers.errors import CannotWrite
from kernel_containers.image.store import BlobStore
from kernel_containers.snapshot.interpreter import inspect_image, interpreter_from_json

if TYPE_CHECKING:
    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.settings import Settings

_FORMAT = 1  # of the records: raise it when what is asked changes


def image_python(engine: Engine, image: str, python: str | None, settings: Settings) -> Interpreter:
    """Return what `inspect_image` does.

    To ask takes a container, 0.5 s, so the store keeps the answer by the image's id.

    Raises:
        NotFound, InvalidInput, Unavailable: as from `inspect_image`.
    """
    store = BlobStore(settings.store)
    found = images.inspect(engine, image)
    key = f"python {_FORMAT} {python or ''} of {found.id if found else ''}"
    known = store.recall_record(key) if found else None
    if known:
        return interpreter_from_json(known)
    answer = inspect_image(engine, image, python)
    if found:
        with suppress(CannotWrite):  # who only adds a kernel needs no store
            store.remember_record(key, asdict(answer), [])
    return answer
