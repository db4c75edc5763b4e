"""Packaging of kernel_containers.

The front end in `labextension/` is compiled into `kernel_containers/labextension` before anything
is packaged. Wheels and source distributions carry the result, so installing them needs no Node.js.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import ExecError

HERE = Path(__file__).parent.resolve()
SOURCE = HERE / "labextension"
INPUTS = ("package.json", "yarn.lock", "tsconfig.json", "src", "style", "schema")
OUTPUT = HERE / "kernel_containers" / "labextension"
SKIP = "KERNEL_CONTAINERS_SKIP_FRONT_END"

LABEXTENSION = "share/jupyter/labextensions/kernel-containers"
SERVER_CONFIG = "etc/jupyter/jupyter_server_config.d"


def newest(path: Path) -> float:
    """Return the latest time of change at or below `path`, 0 where there is nothing."""
    files = [path, *path.rglob("*")] if path.exists() else []
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def is_built() -> bool:
    """Whether the compiled front end is there and no source is newer."""
    if not (OUTPUT / "package.json").exists() or not (OUTPUT / "static").is_dir():
        return False
    # An unpacked source distribution carries what was current; unpacking may change times.
    if (HERE / "PKG-INFO").exists():
        return True
    built = (OUTPUT / "package.json").stat().st_mtime
    return all(newest(SOURCE / name) <= built for name in INPUTS)


def why_not_buildable() -> str | None:
    """Return what is missing to compile the front end, or None."""
    node = shutil.which("node")
    if not node:
        return "Node.js is not installed"
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", shown)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if not ((20, 19) <= version < (21, 0) or version >= (22, 12)):
        return f"Node.js is {shown.strip() or 'broken'}"
    return None if shutil.which("jlpm") else "jupyter-builder is not installed"


def build_front_end(*, required: bool) -> None:
    """Compile the front end unless that is done.

    Where it can't be compiled and is not required, say so and leave it out: the command line
    and the kernels work without it.
    """
    if is_built() or os.environ.get(SKIP):
        return
    missing = why_not_buildable()
    if missing:
        message = (
            f"The front end of kernel_containers was not compiled: {missing}. Install Node.js "
            "20.19 or 22.12 or newer and install again, or use a released package, which needs "
            "no Node.js."
        )
        if required:
            raise ExecError(message)
        print(
            f"warning: {message} Until then JupyterLab and Notebook have no Containerize button; "
            "kernels and the command line work.",
            file=sys.stderr,
        )
        return
    environment = {**os.environ, "YARN_ENABLE_TELEMETRY": "0"}
    for command in (["jlpm", "install", "--immutable"], ["jlpm", "build:prod"]):
        done = subprocess.run(command, cwd=SOURCE, env=environment, check=False)
        if done.returncode:
            raise ExecError(
                f"`{' '.join(command)}` failed in labextension/. To install without the front "
                f"end, set {SKIP}=1."
            )


def long_description() -> str:
    """Return the README without its picture and with names for links: indexes have no files."""
    text = (HERE / "README.md").read_text("utf-8") if (HERE / "README.md").exists() else ""
    text = re.sub(r"^!\[.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)([^)]+)\)", r"\1 (`\2`)", text)


def data_files() -> list[tuple[str, list[str]]]:
    """Return what belongs outside of the package, from what exists now: target, then files."""
    found = {
        SERVER_CONFIG: ["kernel_containers/etc/jupyter_server_config.d/kernel_containers.json"],
    }
    if OUTPUT.exists():
        found[LABEXTENSION] = ["labextension/install.json"]
        for path in sorted(file for file in OUTPUT.rglob("*") if file.is_file()):
            target = Path(LABEXTENSION, path.parent.relative_to(OUTPUT)).as_posix()
            found.setdefault(target, []).append(path.relative_to(HERE).as_posix())
    return sorted(found.items())


class KernelContainersDistribution(Distribution):
    """A distribution whose editable installs have data files too."""

    def has_data(self) -> bool:
        """Setuptools asks this before it installs data files, and defines it nowhere."""
        return bool(self.data_files)


class BuildPy(build_py):
    """Compile the front end first; the names of its files are hashes, known only then."""

    def run(self) -> None:
        """Build the package."""
        build_front_end(required=False)
        self.distribution.data_files = data_files()
        super().run()


class Sdist(sdist):
    """A source distribution is what others install without Node.js: it must be whole."""

    def run(self) -> None:
        """Make the archive."""
        build_front_end(required=True)
        self.distribution.data_files = data_files()
        super().run()


version: dict[str, str] = {}
exec((HERE / "kernel_containers" / "_version.py").read_text(), version)

setup(
    name="kernel_containers",
    version=version["__version__"],
    description="Jupyter kernels inside Docker containers, and notebooks as container images",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords=["jupyter", "jupyterlab", "notebook", "docker", "oci", "container", "papermill"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Jupyter",
        "Framework :: Jupyter :: JupyterLab",
        "Framework :: Jupyter :: JupyterLab :: 4",
        "Framework :: Jupyter :: JupyterLab :: Extensions :: Prebuilt",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Scientific/Engineering",
        "Topic :: System :: Software Distribution",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["kernel_containers", "kernel_containers.*"]),
    package_data={
        "kernel_containers": ["py.typed"],
        "kernel_containers.kernels": ["logos/*"],
        "kernel_containers.runner": ["*.j2", "requirements.*"],
        "kernel_containers.server": ["*.yaml"],
    },
    include_package_data=False,
    data_files=data_files(),
    python_requires=">=3.11",
    install_requires=[
        "asttokens>=2.4",
        "boto3>=1.36",
        "certifi",
        "click>=8.2",
        "detect-secrets>=1.5",
        "docker>=7.1",
        "httpx>=0.27",
        "ipython>=8.18",
        "isal>=1.7",
        "jinja2>=3.1",
        "jsonschema>=4.18",
        "jupyter_client>=8.6",
        "jupyter_core>=5.7",
        "jupyter_events>=0.9",
        "jupyter_server>=2.14,<3",
        "latex2mathml>=3.77",
        "nbclient>=0.10",
        "nbconvert>=7.16",
        "nbformat>=5.10",
        "notebook>=7.2",
        "packaging>=22",
        "pillow>=10",
        "pip>=22.3",
        "pyyaml>=6",
        "pyzmq>=25",
        "requests>=2.31",
        "rich>=13",
        "tornado>=6.4",
        "traitlets>=5.14",
        "urllib3>=2",
    ],
    extras_require={
        "zstd": ["zstandard>=0.22"],
    },
    entry_points={
        "console_scripts": ["kernel-containers = kernel_containers.cli.main:main"],
        "jupyter_client.kernel_provisioners": [
            "kernel-containers = kernel_containers.kernels.provisioner:ContainerProvisioner"
        ],
    },
    distclass=KernelContainersDistribution,
    cmdclass={"build_py": BuildPy, "sdist": Sdist},
    zip_safe=False,
)
