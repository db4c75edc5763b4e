"""A secret reaches the kernel and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from kernel_containers.core.contract import SECRETS_FOLDER
from tests.runner.image import edit_of, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.image import Image

SECRET = 'p4ss "w0rd" é/key'
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


def test_no_output_holds_the_secret(make_image: Callable[..., Image]) -> None:
    image = make_image(
        "key = None\npin = 0",
        f"import hashlib\nassert hashlib.sha256(key.encode()).hexdigest() == {HASH!r}\n"
        "assert pin // 10 == 1357",
        "print('key is', key)\nfor c in key: print(c, end='', flush=True)",
        "import sys, json; print(json.dumps({'k': key}), repr(key), file=sys.stderr)",
        "from IPython.display import HTML, display\ndisplay(HTML(f'<b>{key}</b>'))\n{key: [pin]}",
        "import os; os.write(2, key.encode()); print(os.environ)",
        "raise ValueError(f'bad key {key}')",
    )
    image.parameters = (
        parameter("key", "str", secret=True, edits=(edit_of(image.cells, 0, "None"),)),
        parameter("pin", "int", secret=True, edits=(edit_of(image.cells, 0, "0"),)),
    )
    image.environment = {"AWS_SECRET_ACCESS_KEY": "abcdEFGH12345678"}
    image.place(f"{SECRETS_FOLDER}/key", SECRET)
    image.place(f"{SECRETS_FOLDER}/pin", "13579\n")

    run = image.run()

    assert run.code == 1
    assert run.statuses == ["succeeded"] * 6 + ["failed"], run.report["message"]
    written = {path.name: path.read_text(encoding="utf-8") for path in run.run_folder.iterdir()}
    written |= {"stdout": run.stdout, "stderr": run.stderr}
    for name, text in written.items():
        assert "w0rd" not in text, name
        assert "13579" not in text, name
        assert "EFGH1234" not in text, name
    assert run.report["parameters"] == {"key": "********", "pin": "********"}
    assert run.report["message"] == "Cell 7 failed: ValueError: bad key ********"
    assert "os" in run.source(0)
    assert "environ" in run.source(0)


def test_other_languages_read_secrets_too(make_image: Callable[..., Image]) -> None:
    """The kernel is Python's; what counts is the injected text and the environment."""
    image = make_image("print(1)", language="bash")
    image.parameters = (parameter("key", "json", secret=True, required=True),)
    image.place(f"{SECRETS_FOLDER}/key", json.dumps("hunter2"))

    run = image.run()

    assert "$KERNEL_CONTAINERS_SECRET_key" in run.source(0)
    assert "hunter2" not in run.stdout
