"""Who may do what in the tests of access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth import Authorizer

if TYPE_CHECKING:
    from jupyter_server.auth import User
    from jupyter_server.base.handlers import JupyterHandler

HEADER = "X-Allowed"
KERNELS = "X-No-Kernels"


class ByHeader(Authorizer):
    """Lets a request of the extension do what its own header names."""

    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> bool:
        """Compare the action that is asked about with the header."""
        del user
        if resource == "kernels":
            return KERNELS not in handler.request.headers
        if resource != "kernel-containers":
            return True
        return handler.request.headers.get(HEADER) == action
