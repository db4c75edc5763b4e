"""A store that takes connections and says nothing: only who asks for it waits."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kernel_containers.server.app import THREADS
from tests.acceptance.product import write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.api import Api


def test_a_silent_store_keeps_nobody_waiting_for_anything_else(
    start_server: Callable[..., Api],
) -> None:
    users = THREADS + 1
    with ThreadPoolExecutor(users) as pool:
        with socket.create_server(("127.0.0.1", 0), backlog=users) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            api = start_server(AWS_ENDPOINT_URL_S3=url)
            write_notebook(api.server.root / "n.ipynb", "a = 1")
            asked = [
                pool.submit(api.get, "/results", prefix="s3://bucket/runs") for _ in range(users)
            ]
            held = [silent.accept()[0] for _ in range(THREADS)]  # all threads wait in here

            others = [
                api.get("/jobs"),
                api.get("/kernels"),
                api.get("/images"),
                api.get("/registries"),
                api.post("/inspect", path="n.ipynb"),
            ]
            waiting = [future for future in asked if not future.done()]
            for connection in held:
                connection.close()
        answers = [future.result() for future in asked]

    assert [answer.status_code for answer in others] == [200] * len(others)
    assert len(waiting) == users
    assert {answer.status_code for answer in answers} == {503}
    assert all("s3://bucket/runs" in answer.json()["what"] for answer in answers)
