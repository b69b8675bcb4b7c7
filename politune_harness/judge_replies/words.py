"""What judges say around a label, in English: patterns, and a reply without its markup."""

import re
import unicodedata

from politune_harness.judge_replies.scores import DECODER

NOUNS = (
    r"(?:label|answer|stance|score|rating|choice|category|class|classification|verdict|response|"
    r"reply|judge?ment|decision|conclusion|result|assessment|evaluation|position|option|number|"
    r"output|grade|annotation|value|code|sentiment|leaning|final)"
)
SUBJECTS = rf"(?:{NOUNS}|text|essay|article|post|passage|document|it|this|that|which)"
VERBS = (
    r"(?:label|rate|score|classify|categori[sz]e|code|mark|grade|consider|judge|choose|select|"
    r"pick|say|answer|assign|give|deem|call|go with|opt for|describe|annotate|classified|"
    r"labell?ed|rated|scored|categori[sz]ed|coded|marked|graded|judged|assigned|given|considered|"
    r"described|gets?|receives?|scores|earns?|deserves?|merits?|warrants?|falls?|belongs?|corresponds?|fits?|aligns?|choosing|selecting|leans?|leaning)"
)
FILLERS = (
    r"(?:\s+(?:a|an|the|as|to|be|is|of|in|into|under|with|by|best|most|closest|likely|probably|"
    r"clearly|therefore|thus|it|this|text|overall|stance|label|option|number|category|class|score|"
    r"rating|value|primarily|mainly|a?\s*clear))*"
)
END = r"\s*[:=]?\s*[\"'(\[#<]*(?:(?:option|label|number|category)\s+[\"'(\[#]*)?$"
ANNOUNCED = re.compile(rf"\b{NOUNS}\b[^.:=!?\n]*(?:[:=]|->|→|⇒){END}", re.IGNORECASE)
NAMED = re.compile(rf"^\W*(?:the\s+)?{NOUNS}(?:\s+(?:label|number|is|of))*{END}", re.IGNORECASE)
LINKED = re.compile(
    rf"\b{SUBJECTS}\b[^.:\n]*\b(?:is|was|be|would be|should be|remains|seems|appears)\b"
    rf"{FILLERS}{END}",
    re.IGNORECASE,
)
CHOSEN = re.compile(
    rf"\b{VERBS}\b(?:[^.:\n]*\b(?:as|is|with|to|into|under|be)\b)?{FILLERS}{END}", re.IGNORECASE
)
POINTS = re.compile(rf"(?:->|→|⇒)\s*{END}")
DENIED = re.compile(
    r"\b(?:not|never|neither|nor|cannot|\w+n't|rather than|instead of|unlike|if|whether|unless|"
    r"would have been|could (?:also )?be|might be|may be|between)\b"
    r"(?:(?!\b(?:but|so)\b)[^.,;:\n])*$",
    re.IGNORECASE,
)
BARE = re.compile(r"\W*(?:(?:thus|hence|therefore|so|overall|then)\b\W*)?", re.IGNORECASE)
"""What may stand before a label that is the whole of its sentence."""
PRAISED = re.compile(
    r"[\"')\]]*\s+(?:is|seems|would be|fits|appears|describes)\b(?:(?!\bnot\b|n't\b)[^.\n]){0,50}?"
    r"\b(?:label|best|right|appropriate|correct|choice|fit|fitting)\b",
    re.IGNORECASE,
)
"""What after a label says that it is the one."""
FINAL = re.compile(r"\b(?:final(?:ly)?|ultimately|in the end|revised|corrected)\b", re.IGNORECASE)
STOPS = re.compile(
    r"[\"')\]]*\s*(?:$|[.,;:!?()\[\]=\"'\n]|-\s|(?:because|since|as|for|given|due|which|based|on|"
    r"in|overall|here|to|that|meaning|indicating|representing|reflecting|and|but|with|about)\b)"
)
"""What may follow a label: nothing more of its sentence, or the start of a reason."""
CUTS = re.compile(
    r"[\"')\]]*(?:\s*(?:$|[.;:!?(\[=|>\n]|->?\s|,|(?:because|since|as|for|to)\b)|"
    r"\s+(?-i:The|This|It|Explanation|Reason\w*|Rationale|Justification|Based|Because|Since|While|"
    r"Although|Given|Overall|Here)\b)",
    re.IGNORECASE,
)
"""What may follow a label at the head of a reply."""

QUOTES = dict(
    zip(map(ord, "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019`"), '"""""\'\'"', strict=True)
)
DASHES = {0x2013: " - ", 0x2014: " - "}
UNSEEN = dict.fromkeys((0x200B, 0xFEFF, 0xFE0F, 0x20E3))
MARKUP = re.compile(
    r"\*+|~~|^\s*(?:#+|>+|[-•*+](?=\s))\s*|(?<!\w)_+|_+(?!\w)|</?[a-z]\w{0,20}/?>", re.MULTILINE
)
BOXED = re.compile(r"\$*\\boxed\{(?:\\text\{)?([^{}]*)\}+\$*")
FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
OBJECT = re.compile(r"\{[^{}]*\}")
LATER_TURN = re.compile(
    r"<\|[^<>|]*\|>|</s>|\[/?INST\]|^(?:user|human|assistant):", re.IGNORECASE | re.MULTILINE
)


def plain(text: str) -> str:
    r"""Return a reply's first turn without markup; a JSON object as lines `key: value`.

    >>> plain('**Label:** \u201c3\u201d</s>')
    'Label: "3"'
    """
    turns = [turn for turn in LATER_TURN.split(text) if turn.strip()]
    text = BOXED.sub(r"answer: \1", FENCE.sub("", turns[0] if turns else ""))
    text = MARKUP.sub("", unicodedata.normalize("NFKC", text).translate(QUOTES | DASHES | UNSEEN))
    return OBJECT.sub(lambda found: _lines(found[0]), text).strip()


def _lines(text: str) -> str:
    try:
        fields = DECODER.decode(text)
    except ValueError:
        return text
    return "\n".join(["", *(f"{key}: {value}" for key, value in fields.items()), ""])
