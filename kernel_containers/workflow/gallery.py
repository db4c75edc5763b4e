"""Published notebooks: `<gallery>/<card id>/` holds card.json, notebook, page and picture.

The card is written last, so that whatever is listed is whole.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.daemon_threads import DaemonThreads
from kernel_containers.core.runs import new_run_id
from kernel_containers.core.scratch import scratch
from kernel_containers.core.uris import CARD, NOTEBOOK, PAGE
from kernel_containers.errors import (
    CannotWrite,
    InvalidInput,
    KernelContainersError,
    NotFound,
    Refused,
    Unauthorized,
)
from kernel_containers.runner.places import Writer
from kernel_containers.workflow.jobs.job import utc_now
from kernel_containers.workflow.runs.stores import READERS, Pieces, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kernel_containers.core.uris import Uri
    from kernel_containers.runner.places import Content
    from kernel_containers.workflow.publication import Publication
    from kernel_containers.workflow.runs.store import Store

PREVIEW = "preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a gallery shows of a notebook. `picture` is the media type of its preview."""

    id: str
    title: str
    description: str
    notebook: str
    image: str | None
    published: str
    author: str
    picture: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the card as the API has it."""
        value = asdict(self)
        picture = value.pop("picture")
        return {**value, "thumbnail": picture is not None}


@dataclass(frozen=True, slots=True)
class Gallery:
    """What was published below one place."""

    place: Uri

    def page(self, limit: int, after: str | None) -> tuple[list[Card], str | None]:
        """Return up to `limit` cards, newest first, and where the next page begins.

        Raises:
            Refused, Unavailable: the store can't be listed.
        """
        store = open_store(self.place)
        try:
            paths = [path.split("/") for path in store.walk(self.place)]
        except NotFound:
            if self.place.scheme == "s3":
                raise
            paths = []  # nobody has published anything yet
        ids = sorted({path[0] for path in paths if path[1:] == [CARD]}, reverse=True)
        left = [card_id for card_id in ids if not after or card_id < after]
        shown = left[:limit]
        with DaemonThreads(READERS, "store") as pool:
            found = list(pool.map(lambda card_id: self._card_or_error(store, card_id), shown))
        cards = [card for card in found if isinstance(card, Card)]
        refused = [error for error in found if isinstance(error, Unauthorized)]
        if refused and not cards:
            raise refused[0]
        return cards, shown[-1] if len(left) > len(shown) else None

    def card(self, card_id: str) -> Card:
        """Return one card.

        Raises:
            NotFound: there is none.
            InvalidInput: it can't be used.
        """
        return self._card(open_store(self.place), card_id)

    def _card(self, store: Store, card_id: str) -> Card:
        data = store.read(self.file(card_id, CARD))
        if data is None:
            raise NotFound(f"There is no {card_id!r} in {self.place}.")
        try:
            value = json.loads(data)
            card = Card(**{**value, "id": card_id})
            _check(card)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"The card {card_id!r} can't be read.", why=str(error)) from error
        return card

    def file(self, card_id: str, name: str) -> Uri:
        """Return the place of a card's file."""
        return self.place.join(card_id, name)

    def publish(self, publication: Publication, author: str) -> Card:
        """Put a notebook and its page here, with a card.

        Raises:
            OutputsNotWritten: the gallery refused.
        """
        picture = publication.picture
        card = Card(
            id=new_run_id(),
            title=publication.title,
            description=publication.description,
            notebook=publication.name,
            image=publication.image,
            published=utc_now(),
            author=author,
            picture=picture.type if picture else None,
            parameters=publication.parameters,
        )
        files: list[tuple[str, Content, str]] = [
            (NOTEBOOK, publication.notebook, "application/x-ipynb+json"),
            (PAGE, publication.page, "text/html"),
            (CARD, (json.dumps(asdict(card)).encode(),), "application/json"),
        ]
        if picture:
            files.insert(0, (PREVIEW, (picture.data,), picture.type))
        try:
            self._write(card.id, files)
        except KernelContainersError:
            # A bucket that stopped to take files takes no deletions; unlisted, they harm nobody.
            if self.place.scheme == "file":
                shutil.rmtree(self.place.join(card.id).path, ignore_errors=True)
            raise
        return card

    def _write(self, card_id: str, files: Iterable[tuple[str, Content, str]]) -> None:
        with scratch() as folder:
            writer = Writer(folder)
            for name, data, kind in files:
                writer.write(self.file(card_id, name), data, kind)

    def clone(self, card_id: str, folder: Path) -> tuple[Path, Card]:
        """Copy a published notebook into a folder under a name that is free there.

        Raises:
            NotFound: there is no such card, or no folder.
            Refused, CannotWrite: this user can't write there.
        """
        card = self.card(card_id)
        if not folder.is_dir():
            raise NotFound(f"There is no folder {folder}.")
        name = _safe_name(card.notebook)
        for number in range(1, 1000):
            copy = folder / (name.name if number == 1 else f"{name.stem}-{number}{name.suffix}")
            try:
                _write_new(copy, Pieces(self.file(card_id, NOTEBOOK)))
            except FileExistsError:
                continue
            except OSError as error:
                raise CannotWrite(f"{copy} can't be written.", why=error.strerror) from error
            return copy, card
        raise Refused(f"{folder} has too many copies of {name} already.")

    def _card_or_error(self, store: Store, card_id: str) -> Card | KernelContainersError:
        try:
            return self._card(store, card_id)
        except (NotFound, InvalidInput, Refused) as error:
            return error  # removed meanwhile, another program's, or somebody else's


def _check(card: Card) -> None:
    """Anybody may have written a card; what is shown of it has the types that pages expect."""
    texts = (card.title, card.description, card.notebook, card.published, card.author)
    perhaps = (text for text in (card.image, card.picture) if text is not None)
    if not all(isinstance(text, str) for text in (*texts, *perhaps)):
        raise TypeError("a member is no text")
    if not isinstance(card.parameters, dict):
        raise TypeError("the parameters are no object")


def _write_new(path: Path, data: Content) -> None:
    """Write a file that must not exist yet; no half of it stays."""
    with path.open("xb") as file:
        try:
            file.writelines(data)
            file.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _safe_name(text: str) -> Path:
    """Return a notebook's name: a card must not choose a `.profile` to be written."""
    name = Path(text).name
    is_notebook = name.endswith(".ipynb") and not name.startswith(".") and "\0" not in name
    return Path(name if is_notebook else NOTEBOOK)
