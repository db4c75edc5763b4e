"""The image's entrypoint: `<python> -I -S bootstrap.py ARGS`.

Only the runner's own packages are importable, whatever the image has installed, and the kernel
inherits none of this: the path is changed in this process alone.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent / "site"))
    # Not writing .pyc files: the folder may be read-only, and is shared by all runs.
    sys.dont_write_bytecode = True

    from kernel_containers.runner.stopping import Stop

    # Before anything else is imported: to a container's first process, a signal that it does not
    # listen for was never sent.
    stop = Stop()
    stop.listen()

    from kernel_containers.runner.__main__ import main

    sys.exit(main(sys.argv[1:], stop))
