"""Answers to the front end's requests."""

from __future__ import annotations

import json

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from kernel_containers._version import __version__


class HealthHandler(ExtensionHandlerMixin, APIHandler):
    """Which version of this extension is there, and whose folder it serves."""

    auth_resource = "kernel-containers"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the version and the absolute path that notebooks' paths are relative to."""
        answer = {"version": __version__, "rootDir": self.settings["server_root_dir"]}
        await self.finish(json.dumps(answer))
