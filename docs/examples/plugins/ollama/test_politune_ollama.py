import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from politune_ollama import Ollama

from politune_harness import ModelError, Prompt, ServiceError


class Stand(BaseHTTPRequestHandler):
    """Answers as Ollama does, in capitals, and knows one model."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = asked["model"] == "small"
        text = " / ".join(turn["content"] for turn in asked["messages"]).upper()
        said = {
            "message": {"role": "assistant", "content": text},
            "prompt_eval_count": 7,
            "eval_count": asked["options"]["num_predict"],
        }
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(said if known else {"error": "model not found"}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Stand) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_prompts_are_answered_in_order(url):
    prompts = [Prompt(id="a", prompt="trains?"), Prompt(id="b", prompt="roads?", system="be brief")]
    with Ollama(model="small", url=url, max_tokens=9).session() as answer:
        said = list(answer(prompts))
    assert [row.completion for row in said] == ["TRAINS?", "BE BRIEF / ROADS?"]
    assert [row.tokens for row in said] == [(7, 9), (7, 9)]


def test_a_model_that_is_not_there_and_a_server_that_is_not(url):
    with (
        Ollama(model="large", url=url).session() as answer,
        pytest.raises(ModelError, match=r"refused large: .*not found"),
    ):
        list(answer([Prompt(id="a", prompt="?")]))
    with (
        Ollama(model="small", url="http://127.0.0.1:9").session() as answer,
        pytest.raises(ServiceError, match="start it with `ollama serve`"),
    ):
        list(answer([Prompt(id="a", prompt="?")]))
