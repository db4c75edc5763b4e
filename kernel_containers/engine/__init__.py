"""The Docker Engine API: endpoint, containers, images and their streams.

Everything here blocks; call it from a thread where there is an event loop.
"""

from kernel_containers.engine.client import Engine, connect

__all__ = ["Engine", "connect"]
