"""Which environment variables an image is given.

Everybody who may pull an image can read them, so a variable passes because it is known to be
harmless and useful, not because it does not look secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kernel_containers.core.redaction import hide_user_info, is_secret_name
from kernel_containers.core.snapshot import Exclusion

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALLOWED = re.compile(
    r"LANG|LANGUAGE|LC_[A-Z]+|TZ"
    # How Python behaves, not where it looks for modules.
    r"|PYTHON(?:HASHSEED|UNBUFFERED|UTF8|IOENCODING|WARNINGS|OPTIMIZE|FAULTHANDLER|DEVMODE"
    r"|DONTWRITEBYTECODE|TRACEMALLOC|MALLOC|COERCECLOCALE)"
    # Threads and numerics.
    r"|(?:OMP|MKL|OPENBLAS|GOTO|BLIS|VECLIB_MAXIMUM|NUMEXPR|NUMEXPR_MAX|NUMBA|RAYON|POLARS_MAX"
    r"|TBB)_(?:NUM_)?THREADS|KMP_[A-Z_]+|MALLOC_ARENA_MAX|NUMBA_[A-Z_]+"
    # Libraries.
    r"|MPLBACKEND|TF_[A-Z0-9_]+|KERAS_BACKEND|TOKENIZERS_PARALLELISM|XLA_FLAGS|JAX_[A-Z0-9_]+"
    r"|CUBLAS_WORKSPACE_CONFIG|TORCH_[A-Z0-9_]+|PYTORCH_[A-Z0-9_]+|NCCL_DEBUG|HF_HUB_OFFLINE"
    r"|TRANSFORMERS_OFFLINE|PLOTLY_RENDERER|BOKEH_[A-Z_]+|PANDAS_[A-Z_]+|POLARS_[A-Z_]+"
    r"|PYDEVD_DISABLE_FILE_VALIDATION|IPYTHONDISABLE[A-Z_]*"
)
NOT_LISTED = "environment variables pass only when they are known to be harmless"
LOOKS_SECRET = "its name or value looks like a secret"  # noqa: S105 - a reason


def allowed_variables(
    variables: Mapping[str, str],
) -> tuple[tuple[tuple[str, str], ...], tuple[Exclusion, ...]]:
    """Return the variables that may enter an image, sorted, and those held back.

    Whatever its name, a variable that looks like a secret is held
    back, as is an address with a user and password in it.
    """
    passed: list[tuple[str, str]] = []
    held_back: list[Exclusion] = []
    for name, value in sorted(variables.items()):
        if is_secret_name(name) or hide_user_info(value) != value:
            held_back.append(Exclusion(path=f"${name}", reason=LOOKS_SECRET))
        elif _ALLOWED.fullmatch(name):
            passed.append((name, value))
        else:
            held_back.append(Exclusion(path=f"${name}", reason=NOT_LISTED))
    return tuple(passed), tuple(held_back)
