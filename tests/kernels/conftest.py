from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module", autouse=True)
def jupyter_folders() -> Iterator[Path]:
    """Jupyter folders of this module's own; pytest's temporary paths are too long for sockets."""
    with tempfile.TemporaryDirectory(prefix="kc-") as place, pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "RUNTIME", "CONFIG"):
            patch.setenv(f"JUPYTER_{name}_DIR", f"{place}/{name.lower()}")
        patch.setenv("IPYTHONDIR", f"{place}/ipython")
        patch.delenv("JUPYTER_PATH", raising=False)
        yield Path(place)
        assert not list(Path(place).glob("runtime/kernel-*-*/")), "socket folders were left behind"


@pytest.fixture(scope="module")
def install(kernel_image: str, jupyter_folders: Path) -> Callable[..., str]:
    """Install a kernelspec with some configuration and return its name."""

    def write(
        name: str,
        environment: dict[str, str] | None = None,
        language: str = "python",
        **config: Any,
    ) -> str:
        parsed = KernelConfig.parse({"image": kernel_image, **config})
        spec = kernelspecs.install(name, parsed, environment=environment, language=language)
        return spec.name

    return write


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that this module's kernels work in."""
    folder = tmp_path_factory.mktemp("workspace")
    folder.chmod(0o777)
    return folder
