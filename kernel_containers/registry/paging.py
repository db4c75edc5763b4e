"""Lists that come in pages, each naming the next in a `Link` header (RFC 8288)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.oci_json import read_object
from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.registry.addresses import follow

if TYPE_CHECKING:
    from kernel_containers.registry.answers import Answer, Call
    from kernel_containers.registry.client import Registry
    from kernel_containers.registry.stop import Stop

_LINK = re.compile(r'<(?P<url>[^>]*)>(?P<parameters>(?:\s*;\s*[^,;=]+=(?:"[^"]*"|[^,;]*))*)')
_NEXT = re.compile(r';\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:;|$)', re.IGNORECASE)


def next_page(answer: Answer) -> str | None:
    """Return the URL of the page after this one, None for the last."""
    for header in answer.headers.get_list("Link"):
        for link in _LINK.finditer(header):
            if _NEXT.search(link["parameters"]):
                return follow(answer.url, link["url"])
    return None


def list_all(registry: Registry, call: Call, member: str, stop: Stop) -> tuple[str, ...]:
    """Return the texts in `member` of all pages, beginning with what `call` asks for.

    Raises:
        Unavailable: a page is not the JSON it should be, or the pages go in a circle.
    """
    found: list[str] = []
    asked: set[str] = set()
    page: str | None = call.url
    while page:
        asked.add(page)
        answer = registry.ask(replace(call, url=page), stop, 200)
        try:
            names = read_object(answer.body, "The answer").get(member) or []  # null when empty
        except InvalidInput as error:
            raise Unavailable(
                f"{registry.host} was not able to {call.doing}.", why=error.what
            ) from error
        found += [str(name) for name in names]
        page = next_page(answer)
        if page in asked:
            raise Unavailable(f"{registry.host} repeats itself when asked to {call.doing}.")
    return tuple(found)
