"""Results of runs, wherever they were written: `<prefix>/<notebook>/<run id>/report.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kernel_containers.errors import NotFound, Refused, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.uris import Uri

REPORT = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One run's folder and what its report says; `report` is the JSON object as written."""

    uri: Uri
    notebook: str
    run_id: str
    report: dict[str, Any]

    @property
    def html(self) -> str | None:
        """Where the run's HTML is, as the report says."""
        outputs = self.report.get("outputs") or {}
        value = outputs.get("html")
        return str(value) if value else None


class _Files(Protocol):
    def folders(self, uri: Uri) -> list[str]: ...
    def read(self, uri: Uri) -> bytes | None: ...


def list_runs(prefix: Uri, notebook: str | None = None) -> list[StoredRun]:
    """Return the runs below a prefix, newest first; folders without a report are left out.

    Raises:
        NotFound: the prefix or its bucket does not exist.
        Unauthorized, Unavailable: the store's words are the cause.
    """
    files = _files(prefix)
    runs = list(_runs(files, prefix, notebook))
    return sorted(runs, key=lambda run: run.run_id, reverse=True)


def read_run(prefix: Uri, run_id: str) -> StoredRun:
    """Return one run; `latest` means the newest one below the prefix.

    Raises:
        NotFound: no such run.
    """
    runs = list_runs(prefix)
    for run in runs:
        if run_id in ("latest", run.run_id):
            return run
    raise NotFound(
        f"There is no run {run_id!r} below {prefix}.",
        todo="list them with `kernel-containers runs --prefix URI`",
    )


def read_file(uri: Uri) -> bytes:
    """Return the bytes of one output.

    Raises:
        NotFound: it does not exist.
    """
    data = _files(uri).read(uri)
    if data is None:
        raise NotFound(f"{uri} does not exist.")
    return data


def _runs(files: _Files, prefix: Uri, notebook: str | None) -> Iterator[StoredRun]:
    names = [notebook] if notebook else files.folders(prefix)
    for name in names:
        for run_id in files.folders(prefix.join(name)):
            uri = prefix.join(name, run_id)
            data = files.read(uri.join(REPORT))
            if data is None:
                continue
            try:
                report = json.loads(data)
            except ValueError:
                continue  # another program's file, or one that is being written
            if not isinstance(report, dict):
                continue
            yield StoredRun(uri=uri, notebook=name, run_id=run_id, report=report)


def _files(uri: Uri) -> _Files:
    return _Folder() if uri.scheme == "file" else _Bucket(uri.bucket)


class _Folder:
    def folders(self, uri: Uri) -> list[str]:
        path = Path(uri.path)
        try:
            return sorted(item.name for item in path.iterdir() if item.is_dir())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(
                f"The folder {path} does not exist.", todo="name another with --prefix"
            ) from error
        except OSError as error:
            raise Refused(f"The folder {path} can't be read.", why=str(error)) from error

    def read(self, uri: Uri) -> bytes | None:
        try:
            return Path(uri.path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refused(f"The file {uri.path} can't be read.", why=str(error)) from error


class _Bucket:
    def __init__(self, bucket: str) -> None:
        import boto3  # noqa: PLC0415 - 0.3 s, and only for s3
        from botocore.config import Config  # noqa: PLC0415

        # Servers other than AWS refuse the checksum trailers that newer boto3 sends.
        config = Config(request_checksum_calculation="when_required")
        # The default session would keep the first credentials it saw.
        with _store_errors(f"s3://{bucket}"):
            self._s3 = boto3.Session().client("s3", config=config)
        self._bucket = bucket

    def folders(self, uri: Uri) -> list[str]:
        start = f"{uri.path}/" if uri.path else ""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=start, Delimiter="/"
        )
        with _store_errors(str(uri)):
            found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
        return [name.removeprefix(start).rstrip("/") for name in found]

    def read(self, uri: Uri) -> bytes | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with _store_errors(str(uri)):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=uri.path)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                    return None
                raise
            return bytes(answer["Body"].read())


class _store_errors:  # noqa: N801 - used as a function
    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ("NoSuchBucket", "404"):
                raise NotFound(f"The bucket of {self._what} does not exist.") from error
            if code in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
                raise Unauthorized(
                    f"The store refused {self._what}.",
                    why=str(error),
                    todo="check the AWS credentials",
                ) from error
        if isinstance(error, (ClientError, BotoCoreError)):
            raise Unavailable(f"{self._what} can't be read.", why=str(error)) from error
