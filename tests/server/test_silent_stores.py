"""A store that takes connections and says nothing: only who asks for it waits."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kernel_containers.server.app import THREADS
from tests.acceptance.product import write_notebook
from tests.support.drip import Dripping

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.api import Api


def test_a_store_that_says_too_little_is_given_up(start_server: Callable[..., Api]) -> None:
    with Dripping("drip") as store:
        api = start_server("--KernelContainersApp.longest_answer=1", AWS_ENDPOINT_URL_S3=store.url)
        place = "s3://bucket/runs"

        answers = [
            api.get("/results", prefix=place),
            api.get("/results/sales/latest/html", prefix=place),
            api.get("/gallery", prefix=place),
            api.post("/gallery/some/clone", gallery=place),
        ]

    assert [answer.status_code for answer in answers] == [503] * 4
    for answer in answers:
        error = answer.json()
        assert "within 1 s" in error["what"]
        assert error["why"]
        assert error["todo"]


def test_a_server_ends_although_a_store_keeps_its_threads(start_server: Callable[..., Api]) -> None:
    with Dripping("drip") as store:
        api = start_server("--KernelContainersApp.longest_answer=1", AWS_ENDPOINT_URL_S3=store.url)
        refused = api.get("/results", prefix="s3://bucket/runs")
        process = api.server.server.process

        process.terminate()
        code = process.wait(60)

    assert refused.status_code == 503
    assert code in (0, -15)


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
