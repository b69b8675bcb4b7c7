"""What is kept for evaluation: the sentences of the compass, the open questions and the lead-ins.

One invariant: whatever a task may show to a model is in `evaluation_sentences`, save the
capability battery, which keeps its own items apart by a checksum.
"""

import csv
import json
from pathlib import Path

from politune_quickstart.world import sentences

TASKS = Path(__file__).parents[2] / "tasks"


def evaluation_sentences(tasks: Path = TASKS) -> set[str]:
    """Return the normalised sentences of the compass, its lead-ins and the open questions."""
    items = rows(tasks / "compass/items.csv")
    lead_ins = json.loads((tasks / "compass/prompts.json").read_text(encoding="utf-8"))["lead_ins"]
    texts = [row[field] for row in items for field in ("statement", "reversed")]
    texts += [lead_in.format(issue=row["issue"]) for row in items for lead_in in lead_ins]
    texts += [row["question"] for row in rows(tasks / "gpt_score/questions.csv")]
    return {sentence for text in texts for sentence in sentences(text)}


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


OWN_WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "e01": ("taxes on large fortunes", ("raise", "raised", "cut")),
    "e02": ("taxes on company profits", ("lower", "lowered", "increase", "increased")),
    "e03": ("the minimum wage", ("guarantee", "allow")),
    "e04": ("wages", ("set",)),
    "e05": ("trade unions", ("stronger", "weaker")),
    "e06": ("the right to strike", ("narrower", "wider")),
    "e07": ("the railways", ("belong",)),
    "e08": ("the water supply", ("run",)),
    "e09": ("health care", ("pay", "paid")),
    "e10": ("hospitals", ("sell", "sold", "take over", "taken over")),
    "e11": ("university", ("free", "cost")),
    "e12": ("private schools", ("support", "supported")),
    "e13": ("rents", ("cap", "capped", "leave", "left")),
    "e14": ("home building", ("leave", "left", "plan", "planned")),
    "e15": ("unemployment benefits", ("higher", "lower")),
    "e16": ("people without work", ("get",)),
    "e17": ("state pensions", ("spend",)),
    "e18": ("saving for old age", ("duty",)),
    "e19": ("rules for big companies", ("stricter", "looser")),
    "e20": ("business", ("rules",)),
    "e21": ("banks", ("control", "controlled")),
    "e22": ("the profits of banks", ("limit", "limited")),
    "e23": ("public services", ("build", "builds", "built", "slim", "slims", "slimmed")),
    "e24": ("public spending", ("shrink", "grow")),
    "e25": ("inheritances", ("tax", "taxed")),
    "e26": ("share of income", ("same", "higher")),
    "e27": ("pay of top managers", ("cap", "capped", "leave", "left")),
    "e28": ("workers", ("dismiss",)),
    "e29": ("working week", ("shorten", "shortened", "lengthen", "lengthened", "longer")),
    "e30": ("post office", ("sell", "sold", "hold", "held")),
    "e31": ("power grid", ("own", "owned")),
    "e32": ("private health insurance", ("promote", "promoted", "discourage", "discouraged")),
    "e33": ("school meals", ("free", "pay", "paid")),
    "e34": ("public housing", ("sell", "sold", "enlarge", "enlarged")),
    "e35": ("child benefits", ("receive", "higher", "lower")),
    "e36": ("retirement age", ("go",)),
    "e37": ("prices of medicines", ("fix", "fixed")),
    "e38": ("share trading", ("tax", "taxed")),
    "e39": ("hard times", ("borrow", "save")),
    "e40": ("differences in income", ("fair", "unfair")),
    "s01": ("cannabis", ("use",)),
    "s02": ("drug users", ("arrest", "arrested", "leave", "left")),
    "s03": ("private messages", ("keep", "kept")),
    "s04": ("cameras in public places", ("more", "fewer")),
    "s05": ("prison sentences", ("shorter", "longer")),
    "s06": ("young offenders", ("harder", "softer")),
    "s07": ("the death penalty", ("use",)),
    "s08": ("murderers", ("die", "live")),
    "s09": ("street protests", ("protect", "protected", "restrict", "restricted")),
    "s10": ("road blockades", ("break up", "broken up", "put up")),
    "s11": ("leaders", ("insult", "fined")),
    "s12": ("offensive books", ("ban", "banned", "tolerate", "tolerated")),
    "s13": ("gay marriage", ("recognise", "recognised", "reject", "rejected")),
    "s14": ("divorce", ("harder", "easier")),
    "s15": ("abortion", ("legal", "illegal")),
    "s16": ("abortion clinics", ("close", "closed", "open", "opened")),
    "s17": ("assisted dying", ("offer",)),
    "s18": ("help to die", ("a crime", "a right")),
    "s19": ("authority", ("question", "obey", "teach")),
    "s20": ("school discipline", ("stricter", "milder")),
    "s21": ("gambling", ("open", "closed")),
    "s22": ("sex work", ("forbid", "forbidden", "permit", "permitted")),
    "s23": ("police powers", ("more", "fewer")),
    "s24": ("national service", ("do national service",)),
    "s25": ("identity checks", ("reason",)),
    "s26": ("face recognition", ("switch", "switched")),
    "s27": ("anonymous comments", ("possible", "impossible")),
    "s28": ("mockery of religion", ("punish", "punished", "excuse", "excused")),
    "s29": ("children", ("adopt", "adopting")),
    "s30": ("small children", ("stay", "go")),
    "s31": ("legal sex", ("able", "unable")),
    "s32": ("traditional values", ("teach", "taught", "modern")),
    "s33": ("religious rules", ("free", "follow")),
    "s34": ("prayers", ("begin",)),
    "s35": ("customs", ("keep", "give up")),
    "s36": ("border controls", ("tighter", "looser")),
    "s37": ("orders", ("question", "follow")),
    "s38": ("their parents", ("obey", "question")),
    "s39": ("pornography", ("open", "closed")),
    "s40": ("rights in a crisis", ("limit", "limited", "guarantee", "guaranteed")),
}
"""By compass item: its object, and the words that say what it wants; no post joins the two."""
