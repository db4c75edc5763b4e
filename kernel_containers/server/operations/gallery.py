"""Notebooks that people share: published, looked at, cloned."""

from __future__ import annotations

from kernel_containers.core.uris import PAGE
from kernel_containers.errors import NotFound, UsageError
from kernel_containers.server.operations.results import KEPT_OUT, html_page, prefix_of
from kernel_containers.server.services import Answer, Call, Download
from kernel_containers.workflow.gallery import PREVIEW, Gallery
from kernel_containers.workflow.publication import Publication, of_notebook, of_run
from kernel_containers.workflow.runs.results import Results
from kernel_containers.workflow.runs.stores import open_file


def list_cards(call: Call) -> Answer:
    """List one page of cards."""
    gallery = _gallery(call, call.query["prefix"])
    cards, following = gallery.page(call.query["limit"], call.query["after"])
    shown = [card.as_json() for card in cards]
    return Answer(200, {"prefix": str(gallery.place), "cards": shown, "next": following})


def publish(call: Call) -> Answer:
    """Put a run, or a notebook, into the gallery."""
    body = call.body
    publication = _publication(call).worded(body.get("title"), body.get("description"))
    gallery = _gallery(call, body.get("gallery"))
    return Answer(201, gallery.publish(publication, call.user).as_json())


def get_page(call: Call) -> Download:
    """Hand out a published page."""
    gallery = _gallery_of_card(call, call.query["prefix"])
    return html_page(gallery.file(call.path["id"], PAGE))


def get_thumbnail(call: Call) -> Download:
    """Hand out a card's picture."""
    gallery = _gallery_of_card(call, call.query["prefix"])
    card = gallery.card(call.path["id"])
    if card.picture not in ("image/png", "image/jpeg"):
        raise NotFound("The card has no picture.")
    return Download(open_file(gallery.file(card.id, PREVIEW)), card.picture, KEPT_OUT)


def clone(call: Call) -> Answer:
    """Copy a notebook into a folder of this user."""
    places = call.services.places
    folder = places.file(call.body.get("folder", ""))
    gallery = _gallery_of_card(call, call.body.get("gallery"))
    copy, card = gallery.clone(call.path["id"], folder)
    path = places.relative(str(copy)) or str(copy)
    return Answer(201, {"path": path, "image": card.image})


def _publication(call: Call) -> Publication:
    body = call.body
    match body:
        case {"path": text} if not {"notebook", "run", "prefix"} & set(body):
            path = call.services.places.file(text)
            image = _image_of(call, call.services.places.relative(str(path)))
            return of_notebook(path, image, allow_secrets=body.get("allow_secrets", False))
        case {"notebook": notebook, "run": run} if not {"path", "allow_secrets"} & set(body):
            results = Results(prefix_of(call, body.get("prefix")))
            call.services.places.check(results.folder(notebook, run))
            return of_run(results, notebook, run)
    raise UsageError(
        "It is not clear what to publish.", todo="name a notebook and its run, or a file's path"
    )


def _image_of(call: Call, notebook: str | None) -> str | None:
    """Return the image that was made last of a notebook, as far as this server knows."""
    made = (
        job.result
        for job in call.services.jobs.all()
        if job.head.kind == "containerize" and notebook and job.head.notebook == notebook
    )
    return next(
        (str(result["reference"]) for result in made if result and "reference" in result), None
    )


def _gallery_of_card(call: Call, text: str | None) -> Gallery:
    gallery = _gallery(call, text)
    call.services.places.check(gallery.place.join(call.path["id"]))  # which may be a link
    return gallery


def _gallery(call: Call, text: str | None) -> Gallery:
    place = text or call.services.gallery
    if place is None:
        raise UsageError(
            "There is no gallery.", todo="name one, or set KernelContainersApp.gallery"
        )
    return Gallery(call.services.places.uri(place))
