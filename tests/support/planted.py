"""Credentials of many kinds, as they lie in homes and projects. None of them was ever valid."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def value_of(name: str) -> str:
    """Return the secret part of what is planted in a file."""
    return f"Qm9v{hashlib.sha256(name.encode()).hexdigest()[:16]}xK8vTz4"


def _key(value: str, kind: str = "OPENSSH ") -> str:
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{value}\n-----END {kind}PRIVATE KEY-----\n"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# What lies in places of its own never enters, asked for or not. `{}` stands for the secret.
LEFT_OUT = {
    ".aws/credentials": "[default]\naws_secret_access_key = {}\n",
    ".azure/accessTokens.json": '[{{"accessToken": "{}"}}]',
    ".config/gcloud/credentials.db": "{}",
    ".pgpass": "host:5432:db:me:{}\n",
    ".netrc": "machine example.org login me password {}\n",
    ".docker/config.json": '{{"auths": {{"r.example": {{"auth": "{}"}}}}}}',
    ".pypirc": "[pypi]\nusername = __token__\npassword = {}\n",
    "venvs/pip.conf": "[global]\nindex-url = https://me:{}@pypi.example/simple\n",
    ".condarc": "channels:\n  - https://conda.example/t/tk-{}/main\n",
    ".continuum/anaconda-client/tokens/https.token": "{}",
    ".git/config": '[remote "origin"]\nurl = https://me:{}@example.org/a.git\n',
    "nested/.git/config": '[remote "origin"]\nurl = https://{}@example.org/a.git\n',
    ".env": "KEY={}\n",
    ".env.production": "KEY={}\n",
    "prod.env": "DATABASE={}\n",
    ".kube/config": "token: {}\n",
    "kubeconfig.yaml": "users:\n- user:\n    client-key-data: {}\n",
    ".ssh/odd_name": "{}",
    "id_work": _key("{}"),
    "server.pem": _key("{}", "RSA "),
    ".jupyter/jupyter_cookie_secret": "{}",
    ".local/share/jupyter/runtime/kernel-1.json": '{{"key": "{}"}}',
    ".ipython/profile_default/history.sqlite": "{}",
    ".m2/settings.xml": "<password>{}</password>",
    ".cargo/credentials.toml": 'token = "{}"',
    ".config/rclone/rclone.conf": "[s3]\nsecret_access_key = {}\n",
    ".cdsapirc": "url: https://cds.example\nkey: 1:{}\n",
    ".dbt/profiles.yml": "pass: {}\n",
    ".password-store/a.gpg": "{}",
    ".Renviron": "DB={}\n",
    "terraform.tfstate": '{{"outputs": {{"db": {{"value": "{}"}}}}}}',
    "terraform.tfstate.backup": '{{"outputs": {{"db": {{"value": "{}"}}}}}}',
}
# What can lie anywhere is found, and stops the build. In each of these is a secret once.
FOUND = {
    "project-1a2b3c.json": json.dumps({"private_key": _key("MIIEvQ", "")}),
    "settings.json": json.dumps(
        {"connection": f"AccountName=a;AccountKey={('Qm9vxK8vTz4' * 8)[:86]}==;Endpoint=x"}
    ),
    "notes.txt": "push with ghp_016C7e8d9f0a1b2c3d4e5f6a7b8c9d0e1f2a please",
    "bot.py": "client = Client('xoxb-123456789012-1234567890123-Qm9vxK8vTz4Lw7Rj2PQm9v')\n",
    "deploy": _key("b3BlbnNzaC1rZXktdjE"),
    "backup.txt": f"my key:\n{_key('b3BlbnNzaC1rZXktdjE')}",
    "jupyter_server_config.py": f"c.IdentityProvider.token = '{value_of('jupyter')}'\n",
    "jpserver-1.json": json.dumps({"token": value_of("server")}),
    "pyproject.toml": f"dependencies = ['x @ git+https://oauth2:{value_of('git')}@h.example/b']\n",
    "requirements.txt": f"--extra-index-url https://{value_of('index')}@pypi.example/simple\n",
    "encoded.txt": f"blob: {_encoded('token ghp_316C7e8d9f0a1b2c3d4e5f6a7b8c9d0e1f2a')}\n",
    "users": f"users:\n- user:\n    token: {value_of('users')}\n",
    "connect.py": f"create_engine('postgresql://scott:{value_of('engine')}@db/prod')\n",
    "config.yaml": f"db:\n  password: {value_of('yaml')}\n",
    "app.ini": f"[app]\napi_key={value_of('ini')}\n",
    "token.json": json.dumps({"refresh_token": f"1//0g{value_of('refresh')}"}),
    "keys.csv": "User,Access key ID\nme,AKIAZZ2OSFODNN7QWERT\n",
    "analysis.R": f'Sys.setenv(DB_PASSWORD = "{value_of("r")}")\n',
    "run.sh": f"curl -H 'Authorization: Bearer {value_of('bearer')}' https://example.org\n",
    "Dockerfile": f"FROM x\nENV API_TOKEN={value_of('docker')}\n",
    "users.sql": f"CREATE USER me IDENTIFIED BY '{value_of('sql')}';\n",
    "utf16.py": f"password = '{value_of('utf16')}'\n",
    "old.ipynb": json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "source": "1",
                    "metadata": {},
                    "outputs": [
                        {
                            "output_type": "execute_result",
                            "data": {
                                "text/html": "<td>ghp_116C7e8d9f0a1b2c3d4e5f6a7b8c9d0e1f2a</td>"
                            },
                        }
                    ],
                }
            ],
            "metadata": {},
        }
    ),
}


def plant(folder: Path) -> Mapping[str, str]:
    """Write all of them below a folder; return the secrets of those that never enter."""
    for name, text in {
        **{name: text.format(value_of(name)) for name, text in LEFT_OUT.items()},
        **FOUND,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-16" if name.startswith("utf16") else "utf-8"))
    return {name: value_of(name) for name in LEFT_OUT}
