"""OCI values to and from JSON. What is written is canonical: sorted keys, no spaces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import Descriptor, ImageConfig, Manifest, Platform
from kernel_containers.errors import InvalidInput

Json = dict[str, Any]


def canonical(value: object) -> bytes:
    """Return the one JSON text of a value that every machine writes alike."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_object(data: bytes | str, what: str) -> Json:
    """Parse a JSON object.

    Raises:
        InvalidInput: not JSON, or not an object; `what` names it.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:  # too many brackets in each other
        raise InvalidInput(f"{what} is not JSON.", why=str(error)) from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} is not a JSON object.")
    return value


def descriptor_to_json(descriptor: Descriptor) -> Json:
    """Return the object of the specification; empty members are left out."""
    value: Json = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if descriptor.annotations:
        value["annotations"] = dict(descriptor.annotations)
    if descriptor.platform:
        value["platform"] = _platform_to_json(descriptor.platform)
    return value


def descriptor_from_json(value: Mapping[str, Any]) -> Descriptor:
    """Read a descriptor.

    Raises:
        InvalidInput: a member is missing or has a wrong type.
    """
    try:
        platform = value.get("platform")
        return Descriptor(
            media_type=str(value["mediaType"]),
            digest=Digest.parse(value["digest"]),
            size=int(value["size"]),
            annotations=dict(value.get("annotations") or {}),
            platform=_platform_from_json(platform) if platform else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("A descriptor in a manifest is malformed.", why=repr(error)) from error


def manifest_to_json(manifest: Manifest) -> Json:
    """Return the object of the specification."""
    value: Json = {
        "schemaVersion": 2,
        "mediaType": manifest.media_type,
        "config": descriptor_to_json(manifest.config),
        "layers": [descriptor_to_json(layer) for layer in manifest.layers],
    }
    if manifest.annotations:
        value["annotations"] = dict(manifest.annotations)
    if manifest.artifact_type:
        value["artifactType"] = manifest.artifact_type
    if manifest.subject:
        value["subject"] = descriptor_to_json(manifest.subject)
    return value


def manifest_from_json(value: Mapping[str, Any], media_type: str) -> Manifest:
    """Read an image manifest, OCI or Docker schema 2.

    Raises:
        InvalidInput: a member is missing or has a wrong type.
    """
    if "config" not in value or not isinstance(value.get("layers"), list):
        raise InvalidInput("The manifest has no config or no layers.")
    return Manifest(
        config=descriptor_from_json(value["config"]),
        layers=tuple(descriptor_from_json(layer) for layer in value["layers"]),
        annotations=dict(value.get("annotations") or {}),
        media_type=str(value.get("mediaType") or media_type),
    )


def config_to_json(config: ImageConfig) -> Json:
    """Return the object of the specification."""
    carried = _mapping(config.raw.get("config"))
    own = {
        "User": config.user,
        "Env": list(config.environment),
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "WorkingDir": config.working_directory,
        "Labels": dict(config.labels),
    }
    inner = {name: value for name, value in carried.items() if name not in own}
    inner |= {name: value for name, value in own.items() if value}
    value: Json = {
        **_platform_to_json(config.platform),
        "config": inner,
        "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in config.diff_ids]},
        "history": [dict(entry) for entry in config.history],
    }
    for name in ("author", "os.version", "os.features"):
        if name in config.raw:
            value[name] = config.raw[name]
    if config.created:
        value["created"] = config.created
    return value


def config_from_json(value: Mapping[str, Any]) -> ImageConfig:
    """Read an image config, OCI or Docker.

    Raises:
        InvalidInput: a member is missing or has a wrong type.
    """
    inner = _mapping(value.get("config"))
    diff_ids = _mapping(value.get("rootfs")).get("diff_ids")
    if not isinstance(diff_ids, list):
        raise InvalidInput("The image's config has no rootfs.diff_ids.")
    return ImageConfig(
        platform=_platform_from_json(value),
        diff_ids=tuple(Digest.parse(str(diff_id)) for diff_id in diff_ids),
        history=tuple(value.get("history") or ()),
        created=value.get("created"),
        user=str(inner.get("User") or ""),
        environment=_strings(inner.get("Env")),
        entrypoint=_strings(inner.get("Entrypoint")),
        command=_strings(inner.get("Cmd")),
        working_directory=str(inner.get("WorkingDir") or "/"),
        labels={str(k): str(v) for k, v in _mapping(inner.get("Labels")).items()},
        raw=value,
    )


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence):
        return tuple(str(item) for item in value)
    raise InvalidInput(f"An image's config has {value!r} where a list of strings belongs.")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _platform_to_json(platform: Platform) -> Json:
    value: Json = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        value["variant"] = platform.variant
    return value


def _platform_from_json(value: Mapping[str, Any]) -> Platform:
    return Platform(
        os=str(value.get("os") or "linux"),
        architecture=str(value.get("architecture") or "amd64"),
        variant=value.get("variant") or None,
    )
