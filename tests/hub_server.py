"""A local server that speaks as much of the Hub's HTTP API as pushing needs, and notes it."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Repository:
    """One repository as the server holds it."""

    settings: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


def seen(asked: dict[str, Any]) -> dict[str, Any]:
    """Return settings, with who sees a repository in the words of newer clients."""
    private = asked.pop("private", None)
    known = {} if private is None else {"visibility": "private" if private else "public"}
    return known | {key: asked[key] for key in ("visibility", "gated") if key in asked}


@dataclass
class Hub:
    """A running server: where it is, what it holds, and what it was asked."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The files of base models that it has."""
    stored: dict[str, bytes] = field(default_factory=dict)
    """Large files by SHA-256."""
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    refuses: str = ""
    """A path for which it says no."""

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:  # noqa: PLR0911
        """Return status and reply to a request of the API."""
        if self.refuses and self.refuses in path:
            return 403, {"error": "you may not write there"}
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            known = name in self.repositories
            self.repositories.setdefault(name, Repository(seen(asked)))
            return 409 if known else 200, {"url": f"{self.url}/{name}"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if found := re.fullmatch(
            r"/api/models/([^/]+/[^/]+)/(settings|preupload|commit)(/.*)?", path
        ):
            return self._written(self.repositories[found[1]], found[1], found[2], body)
        if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return 200, {"transfer": "basic", "objects": self._places(json.loads(body))}
        if found := re.fullmatch(r"/large/(\w+)", path):
            assert hashlib.sha256(body).hexdigest() == found[1]
            self.stored[found[1]] = body
            return 200, {}
        if (found := re.fullmatch(r"/api/models/([^/]+/[^/]+)", path)) and found[1] in self.models:
            files = self.models[found[1]]
            licence = re.search(rb"license: (\S+)", files["README.md"])
            said = {"license": licence[1].decode()} if licence else {}
            siblings = [{"rfilename": name} for name in files]
            return 200, {"id": found[1], "cardData": said, "siblings": siblings, "tags": []}
        return 404, {"error": "there is no such thing"}

    def _places(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {**each, "actions": {"upload": {"href": f"{self.url}/large/{each['oid']}"}}}
            for each in asked["objects"]
        ]

    def _written(self, to: Repository, name: str, what: str, body: bytes) -> tuple[int, Any]:
        if what == "settings":
            to.settings |= seen(json.loads(body))
            return 200, {}
        if what == "preupload":
            modes = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for each in json.loads(body)["files"]
            ]
            return 200, {"files": modes}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                to.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                to.files[value["path"]] = self.stored[value["oid"]]
        return 200, {"commitUrl": f"{self.url}/{name}/commit/0", "commitOid": "0" * 40}

    def file(self, path: str) -> bytes | None:
        """Return a file of a base model."""
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path)
        return self.models.get(found[1], {}).get(found[2]) if found else None


@contextmanager
def serving() -> Iterator[Hub]:
    """Answer while inside, at `url`."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hub.asked.append(f"{self.command} {path}")
            hub.tokens.add(self.headers.get("Authorization", ""))
            held = hub.file(path)
            status, reply = (200, None) if held else hub.answer(path, body)
            content = held or json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            if held:
                self.send_header("ETag", f'"{hashlib.sha256(held).hexdigest()}"')
                self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = _do  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
