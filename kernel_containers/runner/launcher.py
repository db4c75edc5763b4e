"""Starts ipykernel so that no output is lost; run by the notebook's own Python as a plain file.

ZeroMQ keeps 1,000 messages for a slow reader and drops the rest without a word: of 60,000 flushed
writes a third was lost. Nothing but the standard library and ipykernel may be imported here.
"""

import os
import sys

# This file's folder is not the notebook's business. With -I it is not there.
if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # noqa: PTH100, PTH120
    del sys.path[0]

# At the end: a package of this name that the notebook has itself comes first.
if os.environ.get("KERNEL_CONTAINERS_CLIENT"):
    sys.path.append(os.environ.pop("KERNEL_CONTAINERS_CLIENT"))

import zmq
from ipykernel.kernelapp import IPKernelApp


class KernelApp(IPKernelApp):
    """ipykernel's own application, but for one limit."""

    # Without annotations, as Python 3.6 reads this too.
    def init_iopub(self, context):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """Open the socket of the outputs without a limit on waiting messages."""
        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    KernelApp.launch_instance()
