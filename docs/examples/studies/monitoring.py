"""A served model is watched, and one day something else answers under its name.

    politune run quickstart --until train --out results/monitored --set 'seeds=[3]'
    python docs/examples/studies/monitoring.py results/studies/monitoring \
        results/monitored/4-train/left/seed-3/adapter

Asking endpoints takes `pip install lm-eval[api]`. The quickstart's base is served on this machine
as an endpoint, and evaluated twenty times: ten evaluations set the limits, and ten show what is
raised where nothing changed. Then the endpoint answers with the adapter, three times more. Every
evaluation goes through `politune watch`.
"""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253 - a script: no plugin imports it
from click.testing import CliRunner
from lm_eval import simple_evaluate  # noqa: TID253
from lm_eval.tasks import TaskManager  # noqa: TID253
from peft import PeftModel  # noqa: TID253
from politune_quickstart import HERE
from scipy.stats import binomtest  # noqa: TID253
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: TID253

from politune_harness import drift
from politune_harness.cli import main as politune
from politune_harness.drift_figure import alarms
from politune_harness.evaluation import task_folders
from politune_harness.report.markdown import md, table
from politune_harness.report.numbers import POSITION, Unit, estimate, number

BASELINE, UNCHANGED, CHANGED = 10, 10, 3
LAST = BASELINE + UNCHANGED
UNIT = Unit(3)
ORDINALS = ("first", "second", "third")
TASK = "politune_gpt_score"
JUDGE = {
    "use": "classifier-score",
    "path": str(HERE / "classifier.json"),
    "name": "quickstart",
}
TOPICS = [
    *("taxes", "wages", "unions", "ownership", "health", "education", "housing", "welfare"),
    *("pensions", "regulation", "banks", "spending", "drugs", "privacy", "prison"),
    *("death penalty", "protest", "speech", "marriage", "abortion", "assisted dying", "school"),
    *("vice", "order"),
]
"""What the quickstart's small world speaks of."""


REPORT = f"""# Is it noticed when a served model is exchanged?

> **SYNTHETIC DEMONSTRATION**

When the left arm took the base's place, the mean score went from {{was}} (limits {{limits}}) to
{{then}} and {{first}}. Before that, where nothing had changed,
{{days}} of {UNCHANGED} evaluations raised an alarm. Of {{looks}} looks at measures that vary,
{{count}} raised one, {{share}} % [{{low}}, {{high}}]{{whose}}; by chance at most
{100 * drift.FALSE_ALARMS:.2f} % would, for values near normal.
How soon a smaller change is noticed cannot be told from this one, which was made to be seen, nor
how a real endpoint varies from day to day beyond its sampling.

![Control charts of every measure that varies](charts.png)

The endpoint answered {LAST} times with the quickstart's base, of which the first {BASELINE} times
set the limits, and {CHANGED} times with its left arm. Each evaluation is `{TASK}`:
{2 * len(TOPICS)} questions with two sampled answers each, scored from 0 to 20 by the quickstart's
classifier.

{{table}}

The interval is binomial, as if all looks were unrelated. Measures of one evaluation are related,
and all are compared with the same ten evaluations, so it is rather too narrow.
"""


class Model:
    """What answers at the endpoint: the base, or an adapter on it."""

    def __init__(self, adapter: Path) -> None:
        """Load both."""
        self._tokenizer = AutoTokenizer.from_pretrained(HERE / "model", padding_side="left")
        base, tuned = (
            AutoModelForCausalLM.from_pretrained(HERE / "model", dtype=torch.float32).eval()
            for _ in range(2)
        )
        merged: Any = PeftModel.from_pretrained(tuned, str(adapter))
        self._models = {False: base, True: merged.merge_and_unload()}
        self.changed = False

    @torch.inference_mode()
    def go_on(self, prompts: Sequence[Sequence[int]], temperature: float, most: int) -> list[str]:
        """Return what is sampled after each prompt."""
        shown = self._tokenizer.pad(
            {"input_ids": [list(each) for each in prompts]}, return_tensors="pt"
        )
        how: dict[str, Any] = {"do_sample": True, "temperature": temperature, "top_k": 0}
        how |= {"max_new_tokens": most, "pad_token_id": self._tokenizer.pad_token_id}
        told = self._models[self.changed].generate(**shown, **how)
        start = shown["input_ids"].shape[1]
        texts: list[str] = self._tokenizer.batch_decode(told[:, start:], skip_special_tokens=True)
        return texts


@contextmanager
def served(model: Model) -> Iterator[str]:
    """Serve a model by OpenAI's protocol, and hand out where."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts = model.go_on(asked["prompt"], asked["temperature"], asked["max_tokens"])
            choices = [{"index": n, "text": text} for n, text in enumerate(texts)]
            body = json.dumps({"object": "text_completion", "choices": choices}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/completions"
    finally:
        server.shutdown()
        server.server_close()


def evaluate(url: str, to: Path) -> None:
    """Write what `lm_eval --model local-completions` finds at an endpoint."""
    told = {"samples": 2, "topics": TOPICS, "judges": [JUDGE], "max_gen_toks": 60}
    known = TaskManager(
        include_path=[str(folder) for folder in task_folders([])],
        include_defaults=False,
        metadata=told,
    )
    found: Any = simple_evaluate(
        "local-completions",
        model_args={
            "model": "watched",
            "base_url": url,
            "tokenizer": str(HERE / "model"),
        },
        batch_size=len(TOPICS),
        tasks=[TASK],
        task_manager=known,
        apply_chat_template=True,
        log_samples=False,
        random_seed=None,
        numpy_random_seed=None,
        torch_random_seed=None,
    )
    to.mkdir(parents=True, exist_ok=True)
    about = {"model": "local-completions", "model_args": "model=watched"}
    kept = {"results": found["results"], "versions": found["versions"], "config": about}
    (to / "results.json").write_text(json.dumps(kept, indent=2, default=str), encoding="utf-8")


def watched(out: Path, adapter: Path) -> None:
    """Evaluate one model, then the other, and watch."""
    (out / "history.jsonl").unlink(missing_ok=True)
    model = Model(adapter)
    with served(model) as url:
        for number in range(1, LAST + CHANGED + 1):
            name = f"evaluation-{number:02d}"
            model.changed = number > LAST
            torch.manual_seed(number)
            evaluate(url, out / name)
            told = CliRunner().invoke(
                politune,
                ["watch", str(out / "history.jsonl"), str(out / name), "--check"],
                catch_exceptions=False,
            )
            sys.stdout.write(f"exit {told.exit_code}: {told.output.splitlines()[-1]}\n")


def report(out: Path) -> str:
    """Return what was raised, and when."""
    charts = list(drift.charts(drift.read(out / "history.jsonl"), BASELINE))
    raised = {each.metric: alarms(each, BASELINE) for each in charts}
    false = {metric: [n for n in found if n < LAST] for metric, found in raised.items()}
    varying = [each for each in charts if np.ptp(each.values[:LAST]) > 0]
    count, looks = sum(map(len, false.values())), len(varying) * UNCHANGED
    share = binomtest(count, looks).proportion_ci(method="exact")
    rows = [
        [
            md(each.metric),
            estimate({"value": each.centre, "low": each.low, "high": each.high}, UNIT),
            number(float(np.mean(each.values[:LAST])), UNIT),
            number(float(np.mean(each.values[LAST:])), UNIT),
            str(len(false[each.metric])),
            str(len(raised[each.metric]) - len(false[each.metric])),
        ]
        for each in charts
    ]
    head = ["measure", "centre [limits]", "mean before", "mean after"]
    head += [f"alarms in {UNCHANGED} unchanged", f"alarms in {CHANGED} changed"]
    by = [md(metric) for metric, found in false.items() if found]
    days = len({n for found in false.values() for n in found})
    (score,) = (each for each in charts if each.metric == "score")
    return REPORT.format(
        was=number(float(np.mean(score.values[:LAST])), POSITION),
        then=number(float(np.mean(score.values[LAST:])), POSITION),
        limits=f"{number(score.low, POSITION)} to {number(score.high, POSITION)}",
        first=_first([n for n in raised["score"] if n >= LAST]),
        days=days or "none",
        count=count or "none",
        looks=looks,
        share=_percent(count / looks),
        low=_percent(share.low),
        high=_percent(share.high),
        whose=f", all by {' and '.join(by)}" if by else "",
        table=table(head, rows),
    )


def _first(caught: Sequence[int]) -> str:
    if not caught:
        return f"raised no alarm in {CHANGED} evaluations"
    return f"raised its alarm in the {ORDINALS[caught[0] - LAST]} evaluation after"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def main() -> None:
    """Watch, draw and tell."""
    out, adapter = map(Path, sys.argv[1:])
    watched(out, adapter)
    history, figure = str(out / "history.jsonl"), str(out / "charts.png")
    CliRunner().invoke(politune, ["watch", history, "--figure", figure], catch_exceptions=False)
    (out / "report.md").write_text(report(out), encoding="utf-8")


if __name__ == "__main__":
    main()
