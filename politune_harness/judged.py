"""Where a run keeps its answers, and where what judges say of them."""

from pathlib import Path

from politune_harness.artifacts import Artifact

EVALUATED, JUDGED, ANCHORS = "5-evaluate", "6-judge", "6-anchors"


def judged_if_it_is(run: Path, name: str) -> Path:
    """Return the folder of an evaluation such as `left/seed-0`: with scores, if judges gave any.

    What was judged before the answers changed is not taken.
    """
    evaluated, judged = Artifact(run / EVALUATED / name), Artifact(run / JUDGED / name)
    answers, scores = evaluated.manifest, judged.manifest
    if answers is None or scores is None or not (judged.path / "results.json").is_file():
        return evaluated.path
    same = scores.inputs.get(f"{EVALUATED}/{name}") == answers.content
    return judged.path if same else evaluated.path
