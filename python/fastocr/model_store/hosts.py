"""The official hosts: where each keeps a package, and what it says of the files in it."""

from __future__ import annotations

import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from fastocr.model_store import transfer
from fastocr.model_store.transfer import RemoteFile, TransferError

__all__ = ["Host", "in_order", "unreachable"]

_PROBE_TIMEOUT_S = 1
_MOST_LISTING_BYTES = 16 << 20

_log = logging.getLogger("fastocr")
# Addresses that answered, for the life of the process.
_answered: set[str] = set()


class Host(ABC):
    """A host of official models; `endpoint` is its address, without a slash at the end.

    `archives` says that each package is an archive.
    """

    archives = False
    alias: str
    default_endpoint: str
    # The first one that is set counts.
    variables: tuple[str, ...]

    def __init__(self) -> None:
        given = next(filter(None, map(os.environ.get, self.variables)), None)
        self.endpoint = (given or self.default_endpoint).rstrip("/")

    @property
    def title(self) -> str:
        """Return alias and address."""
        return f"{self.alias} {self.endpoint}"

    @property
    def probed(self) -> str:
        """Return the address that is asked whether the host can be reached."""
        return self.endpoint

    @abstractmethod
    def address(self, package: str) -> str:
        """Return where people find a package."""

    @abstractmethod
    def files(self, package: str) -> list[RemoteFile]:
        """Return the files of a package; of a host with archives, the archive.

        Raises:
            NotThereError: the host has no such package.
            TransferError: it could not be asked, or its answer makes no sense.

        """


class HuggingFace(Host):
    """Repositories with large files beside git."""

    alias = "huggingface"
    default_endpoint = "https://huggingface.co"
    variables = ("PADDLE_PDX_HUGGING_FACE_ENDPOINT", "HF_ENDPOINT")

    def address(self, package: str) -> str:
        """Return where people find a package."""
        return f"{self.endpoint}/PaddlePaddle/{package}"

    def files(self, package: str) -> list[RemoteFile]:
        """Return the files of a package."""
        url = f"{self.endpoint}/api/models/PaddlePaddle/{package}/tree/main?recursive=true"
        with _understood(url):
            return [
                RemoteFile(
                    str(entry["path"]),
                    f"{self.address(package)}/resolve/main/{quote(entry['path'])}",
                    size=int(entry["size"]),
                    sha256=entry["lfs"]["oid"] if entry.get("lfs") else None,
                    # Of a large file this is the hash of the pointer to it.
                    git_oid=None if entry.get("lfs") else entry.get("oid"),
                )
                for entry in _json(url)
                if entry["type"] == "file"
            ]


class AIStudio(Host):
    """A Gitea server; what it tells of a large file is about the pointer to it."""

    alias = "aistudio"
    default_endpoint = "https://git.aistudio.baidu.com"
    variables = ("FASTOCR_AISTUDIO_ENDPOINT",)

    @property
    def probed(self) -> str:
        """Return the address that is asked whether the host can be reached."""
        own = self.endpoint == self.default_endpoint
        return "https://aistudio.baidu.com" if own else self.endpoint

    def address(self, package: str) -> str:
        """Return where people find a package."""
        return f"{self.endpoint}/PaddleX/{package}"

    def files(self, package: str) -> list[RemoteFile]:
        """Return the files of a package."""
        repository = f"{self.endpoint}/api/v1/repos/PaddleX/{package}"
        url = f"{repository}/git/trees/master?recursive=true&page=1&per_page=1000"
        with _understood(url):
            return [
                RemoteFile(
                    str(entry["path"]),
                    f"{repository}/media/{quote(entry['path'], safe='')}",
                    git_oid=entry.get("sha"),
                )
                for entry in _json(url)["tree"]
                if entry["type"] == "blob"
            ]


class ModelScope(Host):
    """Repositories whose files all have a SHA-256."""

    alias = "modelscope"
    default_endpoint = "https://modelscope.cn"
    variables = ("FASTOCR_MODELSCOPE_ENDPOINT",)

    def address(self, package: str) -> str:
        """Return where people find a package."""
        return f"{self.endpoint}/models/PaddlePaddle/{package}"

    def files(self, package: str) -> list[RemoteFile]:
        """Return the files of a package."""
        repository = f"{self.endpoint}/api/v1/models/PaddlePaddle/{package}/repo"
        url = f"{repository}/files?Revision=master&Recursive=True"
        with _understood(url):
            return [
                RemoteFile(
                    str(entry["Path"]),
                    f"{repository}?{urlencode({'Revision': 'master', 'FilePath': entry['Path']})}",
                    size=int(entry["Size"]),
                    sha256=entry.get("Sha256") or None,
                )
                for entry in _json(url)["Data"]["Files"]
                if entry["Type"] == "blob"
            ]


class Bos(Host):
    """Archives, of which nothing is known before they are fetched."""

    archives = True
    alias = "bos"
    default_endpoint = "https://paddle-model-ecology.bj.bcebos.com"
    variables = ("FASTOCR_BOS_ENDPOINT",)

    def address(self, package: str) -> str:
        """Return where people find a package."""
        folder = f"{self.endpoint}/paddlex/official_inference_model/paddle3.0.0"
        return f"{folder}/{package}_infer.tar"

    def files(self, package: str) -> list[RemoteFile]:
        """Return the archive."""
        return [RemoteFile(f"{package}_infer.tar", self.address(package))]


_HOSTS: tuple[type[Host], ...] = (HuggingFace, AIStudio, ModelScope, Bos)


def in_order() -> list[Host]:
    """Return the hosts in the order in which they are asked."""
    hosts = [host() for host in _HOSTS]
    first = os.environ.get("PADDLE_PDX_MODEL_SOURCE", "").lower()
    aliases = [host.alias for host in hosts]
    if first and first not in aliases:
        _log.warning(
            "PADDLE_PDX_MODEL_SOURCE=%s names no host; known are %s", first, ", ".join(aliases)
        )
    return sorted(hosts, key=lambda host: host.alias != first)


def unreachable(host: Host) -> str | None:
    """Say why a host cannot be reached, if so; one that could is not asked again.

    Nothing is asked where PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK is set.
    """
    if os.environ.get("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK") or host.probed in _answered:
        return None
    why = transfer.silence(host.probed, timeout=_PROBE_TIMEOUT_S)
    if why is None:
        _answered.add(host.probed)
    return why


def _json(url: str) -> Any:
    return json.loads(transfer.fetch_bytes(url, _MOST_LISTING_BYTES))


@contextmanager
def _understood(url: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise TransferError(
            f"{url} answers in an unknown form: {type(error).__name__}: {error}"
        ) from error
