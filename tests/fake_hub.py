"""Local stand-ins for the Hugging Face Hub and for ModelScope, with one repository and the calls of this project."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from huggingface_hub import close_session, constants
from modelscope_hub import config

TOKEN = "hf_a-token-of-the-stand-in"  # noqa: S105
LFS = (".safetensors", ".bin")  # files that the Hub keeps outside git, by their SHA-256


class FakeHub:
    """The repository, of a `kind`, at its last commit; None for files: it does not exist yet.

    `refusal` is a status and an X-Error-Code with which everything is answered; `broken` are files that are not given
    out, `card_errors` what is wrong with every README.md; `uploads` holds what came with each commit, as bytes by
    file, `requests` what was asked. `gated` asks for TOKEN before it gives a file out; `damaged` files arrive with
    another first byte, and connections for files of `cuts` break off after that many bytes, one number a time.
    """

    def __init__(
        self, repo_id: str, files: dict[str, bytes] | None = None, private: bool = False, kind: str = "datasets"
    ) -> None:
        self.repo_id, self.files, self.private, self.kind = repo_id, files, private, kind
        self.gated = False
        self.damaged: set[str] = set()
        self.cuts: dict[str, list[int]] = {}
        self.refusal: tuple[int, str] | None = None
        self.broken: set[str] = set()
        self.card_errors: list[str] = []
        self.uploads: list[dict[str, bytes]] = []
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (self.handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def handler(self) -> type["_Handler"]:
        return _Handler

    def __enter__(self) -> "FakeHub":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def commit(self) -> str:
        """The commit's hash; it follows from the files."""
        return _hash(json.dumps({name: _hash(content) for name, content in (self.files or {}).items()}).encode())

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead huggingface_hub of this process here."""
        monkeypatch.setattr(constants, "ENDPOINT", self.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", self.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        close_session()  # the next one reads NO_PROXY

    def environment(self, home: Path) -> dict[str, str]:
        """Variables that lead a new process of huggingface_hub here and keep its caches in a folder."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}


class FakeModelScope(FakeHub):
    """ModelScope's part that downloads use."""

    @property
    def handler(self) -> type["_Handler"]:
        return _ModelScopeHandler

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead modelscope_hub of this process here."""
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", self.url)
        monkeypatch.delenv("MODELSCOPE_API_TOKEN", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(config, "_default_config", None)  # the next one reads the variables


def _hash(content: bytes) -> str:
    """Return git's hash of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _lfs(name: str, content: bytes) -> dict[str, Any]:
    if not name.endswith(LFS):
        return {}
    sha256 = hashlib.sha256(content).hexdigest()
    return {"lfs": {"oid": sha256, "sha256": sha256, "size": len(content), "pointerSize": 134}}


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), Content_Type="application/json")

    def _refuse(self, status: int, code: str = "") -> None:
        self._send(status, b"", X_Error_Code=code, X_Error_Message=f"refused with {status}")

    def _answer(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hub.requests.append(f"{self.command} {path}")
        repository = f"/api/{hub.kind}/{hub.repo_id}"
        file = f"/{hub.repo_id}/resolve" if hub.kind == "models" else f"/{hub.kind}/{hub.repo_id}/resolve"
        if hub.refusal:
            self._refuse(*hub.refusal)
        elif self.command == "POST" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401)
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            errors = [{"message": message} for message in hub.card_errors]
            self._json({"errors": errors, "warnings": []}, 400 if errors else 200)
        elif hub.files is None or not path.startswith((repository, file)):
            self._refuse(404, "RepoNotFound")
        elif path.endswith("/auth-check"):
            self._json({}) if self._may_read() else self._refuse(403, "GatedRepo")
        elif path in (repository, f"{repository}/revision/{hub.commit}"):
            files = [
                {"rfilename": name, "size": len(content), "blobId": _hash(content)} | _lfs(name, content)
                for name, content in hub.files.items()
            ]
            self._json({"id": hub.repo_id, "sha": hub.commit, "private": hub.private, "siblings": files})
        elif path.startswith(f"{repository}/revision/"):
            self._refuse(404, "RevisionNotFound")
        elif match := re.fullmatch(f"(?:{repository}/tree|{file})/([0-9a-f]+)(?:/(.+))?", path):
            self._at(*match.groups())
        elif path == f"{repository}/preupload/main":
            files = [entry["path"] for entry in json.loads(body)["files"]]
            self._json({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in files]})
        elif path == f"{repository}/commit/main":
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._refuse(404)

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_GET  # noqa: N815

    def _may_read(self) -> bool:
        return not self.hub.gated or self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _send_file(self, name: str, **headers: str) -> None:
        """Send a file, or the rest of it that a Range asks for."""
        content = self.hub.files[name]
        if name in self.hub.damaged:
            content = b"?" + content[1:]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        body, cuts = content[start:], self.hub.cuts.get(name)
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.hub.requests[-1] += f" from {start}"
        if cuts and self.command == "GET":
            headers["Content_Length"] = str(len(body))
            body, self.close_connection = body[: cuts.pop(0)], True
        self._send(206 if start else 200, body, **headers)

    def _create(self, request: dict[str, Any]) -> None:
        url = f"{self.hub.url}/datasets/{self.hub.repo_id}"
        if self.hub.files is not None:
            self._json({"error": "You already created this dataset repo", "url": url}, 409)
            return
        assert [request["type"], f"{request['organization']}/{request['name']}"] == ["dataset", self.hub.repo_id]
        self.hub.files, self.hub.private = {}, request["visibility"] == "private"
        self._json({"url": url})

    def _at(self, revision: str, name: str | None) -> None:
        """Answer with a file of a commit, or with the list of its files."""
        if revision != self.hub.commit:
            self._refuse(404, "RevisionNotFound")
        elif name is None:
            files = self.hub.files.items()
            listed = [
                {"type": "file", "path": name, "size": len(c), "oid": _hash(c)} | _lfs(name, c) for name, c in files
            ]
            self._json(listed)
        elif name in self.hub.broken:
            self._refuse(403)
        elif not self._may_read():
            self._refuse(403, "GatedRepo")
        else:
            content = self.hub.files[name]
            etag = _lfs(name, content)["lfs"]["oid"] if name.endswith(LFS) else _hash(content)
            self._send_file(name, ETag=f'"{etag}"', X_Repo_Commit=revision)

    def _commit(self, operations: list[dict[str, Any]]) -> None:
        values = [operation["value"] for operation in operations if operation["key"] == "file"]
        files = {value["path"]: base64.b64decode(value["content"]) for value in values}
        self.hub.uploads.append(files)
        self.hub.files |= files
        url = f"{self.hub.url}/datasets/{self.hub.repo_id}/commit/{self.hub.commit}"
        self._json({"commitUrl": url, "commitOid": self.hub.commit})


class _ModelScopeHandler(_Handler):
    def _answer(self) -> None:
        hub, url = self.hub, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        hub.requests.append(f"{self.command} {url.path} {query.get('FilePath', '')}".rstrip())
        repository = f"/api/v1/models/{hub.repo_id}/repo"
        if hub.refusal:
            self._refuse(*hub.refusal)
        elif hub.files is None or not url.path.startswith(repository) or query.get("Revision") != hub.commit:
            self._json({"Code": 10010205001, "Message": "not found", "Success": False}, 404)
        elif url.path == f"{repository}/files":
            files = [
                {"Path": name, "Type": "blob", "Size": len(content), "Sha256": hashlib.sha256(content).hexdigest()}
                for name, content in hub.files.items()
            ]
            self._json({"Code": 200, "Success": True, "Data": {"Files": files}})
        else:
            self._send_file(query["FilePath"])
