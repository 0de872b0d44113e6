"""A local stand-in for the Hugging Face Hub: one data set repository, as far as downloads and uploads ask for it."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import close_session, constants

TOKEN = "hf_a-token-of-the-stand-in"  # noqa: S105


class FakeHub:
    """The repository at its last commit; None for files: it does not exist yet.

    `refusal` is a status and an X-Error-Code with which everything is answered; `broken` are files that are not given
    out, `card_errors` what is wrong with every README.md; `uploads` holds what came with each commit, as bytes by
    file, `requests` what was asked.
    """

    def __init__(self, repo_id: str, files: dict[str, bytes] | None = None, private: bool = False) -> None:
        self.repo_id, self.files, self.private = repo_id, files, private
        self.refusal: tuple[int, str] | None = None
        self.broken: set[str] = set()
        self.card_errors: list[str] = []
        self.uploads: list[dict[str, bytes]] = []
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

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


def _hash(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
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
        repository, file = f"/api/datasets/{hub.repo_id}", f"/datasets/{hub.repo_id}/resolve"
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
        elif path == repository:
            self._json({"id": hub.repo_id, "sha": hub.commit, "private": hub.private})
        elif match := re.fullmatch(f"(?:{repository}/tree|{file})/([0-9a-f]+)(?:/(.+))?", path):
            self._at(*match.groups())
        elif path == f"{repository}/preupload/main":
            files = [entry["path"] for entry in json.loads(body)["files"]]
            self._json({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in files]})
        elif path == f"{repository}/commit/main":
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._refuse(404)

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815

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
            self._json([{"type": "file", "path": name, "size": len(c), "oid": _hash(c)} for name, c in files])
        elif name in self.hub.broken:
            self._refuse(403)
        else:
            content = self.hub.files[name]
            self._send(200, content, ETag=f'"{_hash(content)}"', X_Repo_Commit=revision)

    def _commit(self, operations: list[dict[str, Any]]) -> None:
        values = [operation["value"] for operation in operations if operation["key"] == "file"]
        files = {value["path"]: base64.b64decode(value["content"]) for value in values}
        self.hub.uploads.append(files)
        self.hub.files |= files
        url = f"{self.hub.url}/datasets/{self.hub.repo_id}/commit/{self.hub.commit}"
        self._json({"commitUrl": url, "commitOid": self.hub.commit})
