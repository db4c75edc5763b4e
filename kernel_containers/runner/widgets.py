"""Widgets as they stood at the end of the run, as HTML without scripts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
_DEEPEST = 20  # boxes within boxes
_MIME_ORDER = ("text/html", "image/svg+xml", "image/png", "image/jpeg", "text/plain")


def show_widgets(notebook: Any) -> None:
    """Give every output that shows a known widget an HTML of its state."""
    saved = notebook["metadata"].get("widgets", {}).get(STATE, {})
    states: Mapping[str, Any] = saved.get("state", {})
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            view = output.get("data", {}).get(VIEW)
            if isinstance(view, dict) and view.get("model_id") in states:
                shown = _show(view["model_id"], states, 0)
                if shown:
                    output["data"]["text/html"] = f'<div class="kc-widget">{shown}</div>'


def _show(model_id: str, states: Mapping[str, Any], depth: int) -> str:
    model = states.get(model_id)
    if model is None or depth > _DEEPEST:
        return ""
    name = str(model.get("model_name") or "").removesuffix("Model")
    state = model.get("state", {})
    if "children" in state:
        return _box(name, state, states, depth)
    if name == "Output":
        return "".join(_output(output) for output in state.get("outputs") or ())
    if name in ("HTML", "HTMLMath"):
        return f"<span>{_text(state, 'description')}{state.get('value', '')}</span>"
    if name == "Image":
        return _image(model, state)
    return _control(name, state)


def _box(name: str, state: Any, states: Mapping[str, Any], depth: int) -> str:
    titles = state.get("titles") or ()
    parts = []
    for number, child in enumerate(state["children"] or ()):
        shown = _show(str(child).removeprefix("IPY_MODEL_"), states, depth + 1)
        title = html.escape(str(titles[number])) if number < len(titles) else ""
        parts.append(f"{title and f'<b>{title}</b>'}<div>{shown}</div>")
    direction = "row" if name == "HBox" else "column"
    return f'<div style="display:flex;flex-direction:{direction};gap:8px">{"".join(parts)}</div>'


def _control(name: str, state: Any) -> str:
    if "Progress" in name:
        bounds = f'value="{_number(state, "value")}" max="{_number(state, "max")}"'
        return f"<span>{_text(state, 'description')}<progress {bounds}></progress></span>"
    if name in ("Button", "ToggleButton"):
        return f"<span>[{_text(state, 'description').strip()}]</span>"
    labels = state.get("_options_labels")
    index = state.get("index")
    value = state.get("value")
    if labels and isinstance(index, int) and 0 <= index < len(labels):
        value = labels[index]
    if value is None:
        return ""
    return f"<span>{_text(state, 'description')}{html.escape(str(value))}</span>"


def _number(state: Any, name: str) -> float:
    value = state.get(name)
    return value if isinstance(value, (int, float)) else 0.0


def _text(state: Any, name: str) -> str:
    text = str(state.get(name) or "")
    return f"{html.escape(text)} " if text else ""


def _image(model: Any, state: Any) -> str:
    for buffer in model.get("buffers") or ():
        if buffer.get("path") == ["value"] and buffer.get("encoding") == "base64":
            kind = html.escape(str(state.get("format") or "png"))
            return f'<img alt="" src="data:image/{kind};base64,{buffer["data"]}">'
    return ""


def _output(output: Any) -> str:
    if output.get("output_type") == "stream":
        return f"<pre>{html.escape(str(output.get('text', '')))}</pre>"
    if output.get("output_type") == "error":
        words = f"{output.get('ename')}: {output.get('evalue')}"
        return f"<pre>{html.escape(words)}</pre>"
    data = output.get("data", {})
    kind = next((name for name in _MIME_ORDER if name in data), None)
    if kind in ("text/html", "image/svg+xml"):
        return str(data[kind])
    if kind in ("image/png", "image/jpeg"):
        return f'<img alt="" src="data:{kind};base64,{data[kind]}">'
    return f"<pre>{html.escape(str(data[kind]))}</pre>" if kind else ""
