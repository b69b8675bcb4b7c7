"""A local server that speaks OpenAI's chat completions, answering by a rule that a test gives."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: Message
    body: dict[str, Any]
    number: int
    """How many requests came before it."""

    @property
    def prompt(self) -> str:
        """What the user's turn says."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Reply:
    """What goes back; without a status, nothing does: the connection is cut."""

    status: int | None = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def saying(text: str | None, **message: str) -> Reply:
    """Answer with a text."""
    choice = {"message": {"role": "assistant", "content": text, **message}, "index": 0}
    return Reply(body=json.dumps({"object": "chat.completion", "choices": [choice]}).encode())


def failing(status: int, message: str = "no", **headers: str) -> Reply:
    """Answer with an error."""
    body = json.dumps({"error": {"message": message}}).encode()
    return Reply(status, body, {k.replace("_", "-"): v for k, v in headers.items()})


@dataclass
class Served:
    """A running server: where it is, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


Rule = Callable[[Asked], Reply]


@contextmanager
def serving(rule: Rule) -> Iterator[Served]:
    """Answer every chat request by `rule` while inside, at `url`, and list the model `m`."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True
        protocol_version = "HTTP/1.1"
        """Connections are kept, as real endpoints do."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                asked = Asked(self.path, self.headers, body, len(served.asked))
                served.asked.append(asked)
            self._send(rule(asked))

        def do_GET(self) -> None:
            with lock:
                asked = Asked(self.path, self.headers, {}, len(served.asked))
            self._send(rule(asked))

        def _send(self, reply: Reply) -> None:
            if reply.status is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            with suppress(ConnectionError):  # a client that has given up
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
