"""Whether parameters have the values given where they are set, and still when a run ends.

What a notebook does with `exec`, `%store` or `globals()` can't be seen in its code. The kernel is
asked with the request that runs the cell, so that nothing comes between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_containers.runner import structure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.runner.inject import SetValue

# The same type, too: 1 is no True. Names are arguments, since a notebook may have a `type`.
_SAME = "(lambda held, given: (held.__class__, held) == (given.__class__, given))"
_SAME_TEXT = "(lambda held, given: held.__repr__() == given.__repr__())"


class HeldValues:
    """What the kernel is asked about parameters, by cell; what does not hold is warned of."""

    def __init__(
        self, notebook: Any, values: Mapping[str, SetValue], warn: Callable[[str], None]
    ) -> None:
        """Take the notebook and what was done to it; `values` are those of a Python notebook."""
        self._warn = warn
        self._known: dict[str, bool] = {}
        self._by_cell: dict[int, dict[str, str]] = {}
        self._at_end: dict[str, str] = {}
        sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for name, value in values.items():
            for index, given in value.given.items():
                question = _question(name, given, value)
                if not structure.refines(notebook["cells"][index]["source"], name):
                    self._by_cell.setdefault(index, {})[name] = question
                # A secret may be taken out of the environment, where the expression has it from.
                if not value.is_secret and not any(
                    structure.refines(text, name) for text in sources
                ):
                    self._at_end[name] = question

    def after(self, index: int) -> dict[str, str]:
        """Return expressions by name that are true if a cell has set what was given."""
        return self._by_cell.get(index, {})

    def at_end(self) -> dict[str, str]:
        """Return expressions by name that are true if the value is the one given.

        Not of names whose value visibly becomes another, and not of those that never had it.
        """
        return {name: text for name, text in self._at_end.items() if self._known.get(name, True)}

    def take(self, number: int, answers: Any) -> None:
        """Take the kernel's answers after cell `number`."""
        for name, answer in (answers or {}).items():
            self._known[name] = not _is_untrue(answer)
            if not self._known[name]:
                self._warn(f"After cell {number} {name!r} did not have the value given.")

    def take_last(self, answers: Any) -> None:
        """Take the kernel's answers at the end of the run."""
        for name, answer in (answers or {}).items():
            if _is_untrue(answer):
                had = "no longer had" if name in self._known else "did not have"
                self._warn(f"At the end of the run {name!r} {had} the value given.")


def _question(name: str, given: str, value: SetValue) -> str:
    # nan is equal to nothing; its text is.
    return f"{_SAME_TEXT if value.has_nan else _SAME}({name}, {given})"


def _is_untrue(answer: Any) -> bool:
    if answer.get("status") != "ok":
        return True
    return bool(answer.get("data", {}).get("text/plain") == "False")
