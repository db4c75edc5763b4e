"""The Jupyter server extension."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from kernel_containers.server.handlers import HealthHandler

API = "/kernel-containers/api"


class KernelContainersApp(ExtensionApp):
    """What the front end talks to, below `/kernel-containers/api/`."""

    name = "kernel_containers"
    description = "Notebooks as container images."
    extension_url = API
    open_browser = False
    load_other_extensions = True

    def initialize_handlers(self) -> None:
        """Add this extension's routes; the server adds its base URL."""
        self.handlers.append((f"{API}/health", HealthHandler))
