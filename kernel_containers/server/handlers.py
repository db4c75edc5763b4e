"""Answers to the front end's requests."""

from __future__ import annotations

import json

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from kernel_containers._version import __version__


class HealthHandler(ExtensionHandlerMixin, APIHandler):
    """Whether this extension is there, and which version of it."""

    auth_resource = "kernel-containers"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the version."""
        await self.finish(json.dumps({"version": __version__}))
