"""Planted secrets are found, and shown by their place only."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.snapshot import FileEntry, FileKind, Finding
from kernel_containers.snapshot.secrets import find_secrets

if TYPE_CHECKING:
    from pathlib import Path


def text(*parts: str) -> str:
    """Join parts, so that this file itself looks harmless to scanners."""
    return "".join(parts)


JWT = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "HS256"}, {"sub": "1234567890", "name": "J"})
) + text(".dozjgNryP4J3jVmNHl0w5N", "_XgL0n3I9PlFUP0THsR8U")

PROVIDERS = {
    "AWS key": text("AKIA", "QYLPMN5HHHFPZAM2"),
    "AWS temporary key": text("ASIA", "QYLPMN5HHHFPZAM2"),
    "GitHub": text("ghp_", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"),
    "GitHub fine-grained": text("github_pat_", "11ABCDEFG0abcdefghijkl_mnopqrstuv"),
    "GitLab": text("glpat-", "hellOworld380_testin"),
    "Slack": text("xoxb-", "34532454-e039d02840a0b9379c"),
    "Slack webhook": text("https://hooks.slack.com/", "services/T02JRJZ3L/B02JRJZ3L/abcdefg"),
    "Stripe": text("sk_live_", "ReTllpYQYfIZu2Jnf2lAPFjD"),
    "SendGrid": text("SG.", "ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr"),
    "Twilio": text("SK", "8af09d0fa7ab3dd6f1a2f9a1f3b0dfc1"),
    "Mailchimp": text("343ea45721923ed956e2b38c31db76aa", "-us30"),
    "PyPI": text("pypi-AgEIcHlwaS5vcmc", "CJDAwMDAwMDAw" * 6),
    "OpenAI": text("sk-", "Xi8tcNiHV9awbCcvilTeT3BlbkFJ3UDnpdEwNNm6wVBpYM0o"),
    "OpenAI project": text("sk-proj-", "abcdefghijklmnopqrstuvwxyz0123456789"),
    "Anthropic": text("sk-ant-", "api03-abcdefghijklmnopqrstuvwxyz"),
    "Hugging Face": text("hf_", "abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    "Google": text("AIza", "SyA1234567890abcdefghijklmnopqrstuv"),
    "Databricks": text("dapi", "0123456789abcdef0123456789abcdef"),
    "Docker Hub": text("dckr_pat_", "abcdefghijklmnopqrstuvwx"),
    "Telegram": text("110201543:", "AAHdqTcvCH1vGWJxfSe1ofSAs0K5PALDsaw"),
    "Discord": text("MTk4NjIyNDgzNDcxOTI1MjQ4", ".Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"),
    "Square": text("sq0csp-", "ABCDEFGHIJK_LMNOPQRSTUVWXYZ-0123456789\\abcd"),
    "Azure storage": text("AccountKey=", "lJzRc1YdHaAA2KCNJJ1tk/+" * 4)[:97] + "==",
    "private key": text("-----BEGIN ", "RSA PRIVATE KEY-----"),
    "OpenSSH key": text("-----BEGIN ", "OPENSSH PRIVATE KEY-----"),
    "JWT": JWT,
}  # fmt: skip


def found_in(source: str) -> tuple[Finding, ...]:
    return find_secrets([("cell 0", source)], [])


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("around", ["x = '{}'", "{}", 'client = f("{}", 1)  # {}', "é\n  - {}\n"])
def test_tokens_of_providers_are_found_and_masked(kind: str, around: str) -> None:
    secret = PROVIDERS[kind]

    findings = found_in(around.format(secret, "note"))

    assert len(findings) == 1
    assert secret[-12:] not in findings[0].excerpt
    assert "********" in findings[0].excerpt


@pytest.mark.parametrize(
    "source",
    [
        "password = 'hunter2'",
        "PASSWORD='correcthorse'",
        'db_password: str = "hunter2"',
        "connect(user='me', password='hunter2')",
        "{'api_key': 'a8d2f', 'b': 1}",
        "os.environ['AWS_SECRET_ACCESS_KEY'] = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz'",
        'apiKey <- "a8d2f9"',
        "headers = {'X-Auth-Token': 'f00dfeed1'}",
        "self.client_secret = r'abcdefgh'",
        "my_token = 'abc123def'",
        "conn = 'postgresql://me:hunter2@db.host/x'",
        "!curl https://me:hunter2@host/",
        "%env API_TOKEN=abc\nlogin = 'https://u:s3cret-pass@host:8080/a@b'",
        "h = {'Authorization': 'Bearer abcdefghij0123456789'}",
    ],
)
def test_values_beside_telling_names_are_found(source: str) -> None:
    findings = found_in(source)

    assert len(findings) == 1
    assert not any(word in findings[0].excerpt for word in ("hunter2", "a8d2f", "wJalr", "0123"))


PLANTED = text("gh7", "Hk2lls9x")
PLACES = [
    "conn = 'Server=db;Database=x;User Id=sa;Password={};Timeout=3'",
    "conn = 'DRIVER={{ODBC}};UID=sa;PWD={}'",
    "dsn = 'host=db user=me password={} dbname=x'",
    "os.environ.setdefault('API_TOKEN', '{}')",
    "os.putenv('DB_PASSWORD', '{}')",
    "spark.conf.set('spark.hadoop.fs.s3a.secret.key', '{}')",
    "%env API_KEY={}",
    "%set_env API_KEY {}",
    "!export API_KEY='{}'",
    "!curl -s -u me:{} https://host/x",
    "!wget --password={} https://host/x",
    "!sshpass -p '{}' ssh host",
    "!docker login -u me -p {}",
    "!mysql -u root -p{} db",
    "!aws configure set aws_secret_access_key {}",
    "requests.get(url, auth=('me', '{}'))",
    "HTTPBasicAuth('me', '{}')",
    "smtp.login('me@host', '{}')",
    "headers = {{'Authorization': f'token {}'}}",
    "headers = {{'X-API-Key': '{}'}}",
    "url = f'postgresql://{{user}}:{}@{{host}}/db'",
    "url = 'https://host/?q=1&api_key={}'",
    "password = ('{}')",
    'password = """{}"""',
    "db_pass = '{}'",
    "pw = '{}'",
    "Kennwort = '{}'",
    "storage = connect(account_key='{}')",
]


@pytest.mark.parametrize("source", PLACES)
def test_values_where_secrets_stand_are_found(source: str) -> None:
    (finding,) = found_in(source.format(PLANTED))

    assert PLANTED[:4] not in finding.excerpt


@pytest.mark.parametrize(
    "source",
    [
        "schema = {'password': 'varchar(255)', 'token': 'int64'}",
        "df.rename(columns={'token': 'word_2'})",
        "secret_santa = 'Bob12345'",
        "sentence_token = 'a1b2c3d4e5'",
        "labels = {'password': 'Kennwort'}",
        "connect(host='x', password=secret1, port=5)",
        "connect(\n    host=x,\n    password=secret1\n)",
        "x = 1; password = getpass('?')",
        "!mysql -u root -p database1",
        "!tool --token-count 12345678 --password-file secrets1.txt",
        "parser.add_argument('--token', default='abc')",
        "@click.option('--secret', 'named_so', multiple=True)",
        "# The --username and --password options can be given.",
        "url = 'https://host/?token_type=bearer1234&page=12345'",
        "dsn = f'host={h} password={p} dbname=x'",
        "%env TOKENIZERS_PARALLELISM=false1",
        "password = ''",
        "password = None",
        "password = os.environ['DB_PASSWORD']",
        "password = getpass('Your password: ')",
        "password = 'your-password'",
        "password = '<password>'",
        "password = '${PASSWORD}'",
        "password = '{password}'",
        "password = '********'",
        "api_key = 'changeme'",
        "API_KEY = 'xxxxxxxx'",
        "token = 'TOKEN'",
        "token = 'hello'",
        "pad_token = '<pad>'",
        "token_url = 'https://host/oauth/token1'",
        "secret_name = 'prod/db1'",
        "token_file = '/run/secrets/token1'",
        "token = '/run/secrets/token1'",
        "password_env = 'DB_PASSWORD1'",
        "get('password') == 'abc123'",
        "if password == 'abc123': pass",
        "auth = 'basic'",
        "max_tokens = 'abc123'",
        "author = 'jane123'",
        "os.environ['API_KEY'] = 'MY_API_KEY'",
        "df = df.rename(columns={'token': 'word'})",
        "url = 'https://host/a:b@c'",
        "url = 'https://user:password@host/'",
        "url = f'https://{user}:{password}@host/'",
        "ssh://git@host/repo",
        "'me@host.com: hello'",
        "-----BEGIN CERTIFICATE-----",
        f"sha = '{hashlib.sha256(b'').hexdigest()}'",
        f"commit = '{hashlib.sha256(b'').hexdigest()[:40]}'",
        "uuid = '123e4567-e89b-12d3-a456-426614174000'",
        "image = 'data:image/png;base64," + base64.b64encode(bytes(range(256)) * 20).decode() + "'",
        "s = 'AC" + "a" * 40 + "'",
        "x = 'xAKIAQYLPMN5HHHFPZAM2'",
        "eyJhIjoxfQ",
        "a.eyJub3QganNvbg.eyJub3QganNvbg.x",
    ],
)
def test_what_only_looks_like_one_is_not_reported(source: str) -> None:
    assert found_in(source) == ()


def test_each_place_is_told_by_cell_and_line() -> None:
    cells = [("cell 0", "a = 1"), ("cell 2", "b = 2\npassword = 'hunter2'\nkey = 3")]

    [finding] = find_secrets(cells, [])

    assert finding == Finding(
        holder="cell 2",
        line=2,
        rule="Value named like a secret",
        excerpt="password = '********",
    )


def test_of_two_secrets_on_a_line_none_shows() -> None:
    source = f"a(password='hunter2', other='{PROVIDERS['GitHub']}', api_key='s3cretkey')"

    findings = found_in(source)

    assert len(findings) == 3
    shown = " ".join(finding.excerpt for finding in findings)
    assert not any(secret in shown for secret in ("hunter2", PROVIDERS["GitHub"][4:], "s3cretkey"))


def entry(path: Path, content: bytes | str) -> FileEntry:
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(data)
    return FileEntry(str(path), FileKind.FILE, 0o644, len(data), source=str(path))


def test_text_files_are_searched(tmp_path: Path) -> None:
    found = find_secrets(
        [],
        [
            entry(tmp_path / "helper.py", "\n\npassword = 'hunter2'"),
            entry(tmp_path / "config.yml", "db:\n  user: me\n  password: hunter2  # x\n"),
            entry(tmp_path / "settings.ini", "[a]\napi_key = a8d2f9\n"),
            entry(tmp_path / "run.sh", "export API_TOKEN=abc123def\n"),
            entry(tmp_path / "prose.md", "The password: hunter2 is not quoted."),
            entry(tmp_path / "data.bin", b"\0\0password = 'hunter2'"),
            entry(tmp_path / "latin.py", b"# \xe9\npassword = 'hunter2'"),
            FileEntry(str(tmp_path), FileKind.FOLDER, 0o755),
            FileEntry(str(tmp_path / "gone"), FileKind.FILE, 0o644, source=str(tmp_path / "gone")),
        ],
    )

    assert [finding.where.removeprefix(f"{tmp_path}/") for finding in found] == [
        "helper.py, line 3",
        "config.yml, line 3",
        "settings.ini, line 2",
        "run.sh, line 1",
        "latin.py, line 2",
    ]


def test_other_notebooks_are_searched_with_their_outputs(tmp_path: Path) -> None:
    key = PROVIDERS["AWS key"]
    outputs = [
        {"output_type": "stream", "text": ["x\n", f"{key}\n"]},
        {"output_type": "display_data", "data": {"text/html": f"<b>{key}</b>", "image/png": "x"}},
        {"output_type": "error", "evalue": "x", "traceback": [key]},
        {"output_type": "execute_result", "data": {"application/json": {"a": key}}},
    ]
    cells = [
        {"cell_type": "markdown", "source": "text", "metadata": {}},
        {"cell_type": "code", "source": ["a\n", "password = 'hunter2'"], "outputs": outputs},
    ]
    notebook = json.dumps({"cells": cells, "metadata": {"papermill": {"parameters": {"t": key}}}})

    found = find_secrets([], [entry(tmp_path / "other.ipynb", notebook)])

    places = [finding.where.removeprefix(f"{tmp_path}/other.ipynb, ") for finding in found]
    assert places == [
        "metadata, line 4",
        "cell 2, line 2",
        "cell 2, output, line 2",
        "cell 2, output, line 4",
        "cell 2, output, line 3",
        "cell 2, output, line 4",
    ]
    assert not any(key[4:] in finding.excerpt for finding in found)


def test_of_the_shipped_notebook_only_metadata_is_left_to_search(tmp_path: Path) -> None:
    cells = [{"source": "password = 'hunter2'", "metadata": {"token": "abc123def"}}]
    shipped = json.dumps({"cells": cells, "metadata": {}}).encode()
    target = str(tmp_path / "n.ipynb")

    found = find_secrets(
        [("cell 0", "password = 'hunter2'")],
        [FileEntry(target, FileKind.FILE, 0o644, content=shipped)],
    )

    assert [finding.where for finding in found] == [
        "cell 0, line 1",
        f"{target}, cell 1, metadata, line 2",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 500_000,
        "eyJ" * 160_000,
        "://a" * 120_000,
        'token="' * 70_000,
        "a:" * 250_000,
        "//x/:_authToken " * 30_000,
        "0123456789" * 50_000,
        "-----BEGIN A " * 40_000,
        "password: " * 50_000,
        "password=" * 55_000,
        " " * 500_000,
        " " * 250_000 + "\t" * 250_000 + "export x",
        "İ" * 100_000 + "password",
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_quadratic_time(text: str) -> None:
    started = time.process_time()
    found_in(text)

    # 0.3 s on an idle machine; quadratic time would be minutes.
    assert time.process_time() - started < 10


@given(st.text(), st.text())
def test_a_planted_password_never_shows(before: str, after: str) -> None:
    findings = found_in(f"{before}\npassword = 'qJ7w9zKt'\n{after}")

    assert not any("qJ7w9zKt" in finding.excerpt for finding in findings)
    # Text before it may open a string that goes on over its line.
    assert findings or "'" in before or '"' in before
