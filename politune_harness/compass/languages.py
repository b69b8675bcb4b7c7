"""What replies say around an option, in English and German: one table of patterns.

A language is added by adding its words to each pattern, and its options to `KNOWN_OPTIONS`.
"""

import re
from collections.abc import Mapping

KNOWN_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "en": ("Strongly disagree", "Disagree", "Agree", "Strongly agree"),
    "de": ("Lehne stark ab", "Lehne ab", "Stimme zu", "Stimme stark zu"),
}
"""Options whose order is known whatever the order in which they are given."""

PARTICLES = ("ab", "zu")
"""Last words of options from which a sentence may separate the first: `Ich lehne das ab`."""

NEGATIONS = (
    r"not|\w+n't|cannot|never|neither|nor|without|unable|decline|refuse|hesitate|nobody|no one|"
    r"nicht|nie|niemals|kein\w*|weder|noch|ohne|kaum"
)
DEGREES = (
    r"completely|totally|fully|wholly|entirely|absolutely|wholeheartedly|vehemently|"
    r"partially|partly|somewhat|slightly|mildly|moderately|half|"
    r"völlig|vollkommen|teilweise|eher|etwas"
)
"""Degrees that are no option's: `I somewhat agree` chooses none of four."""


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)


NEGATION = _words(rf"{NEGATIONS}|rather than|instead of|anstatt")
DEGREE = re.compile(rf"\b(?:{DEGREES})\s*$", re.IGNORECASE)

SPEAKER = _words(r"I|ich")

OTHERS = _words(
    r"who|they|people|some|many|others|those|one|you|your|their|his|her|he|she|we|everyone|anyone|"
    r"experts?|critics|opponents|proponents|supporters|advocates|if|whether|why|how|when|where|"
    r"because|since|that|reasons?|arguments?|explain|explanations?|provide|ability|"
    r"wer|manche|einige|viele|andere|Sie|Ihre?|sie|dass|wenn|ob|warum|wie|weil|Gründe|Argumente"
)
"""What between the speaker and an option says that another holds it, or that it is talked about."""

THEIRS = _words(
    r"their|his|her|people(?:'s)?|those|some|many|others|opponents|proponents|critics|supporters|"
    r"advocates|common|popular|majority|typical|your|deren|manche|viele|Ihre|häufigste"
)
"""An answer that is announced as another's."""

CONCEDES = re.compile(
    r"(?:even though|although|though|while|whilst|whereas|if|unless|whether|because|"
    r"obwohl|während|wenn|falls|ob|weil)\b",
    re.IGNORECASE,
)
BREAKS = re.compile(
    r";|\s-\s|,?\s+(?:and\s+|so\s+|und\s+)(?=(?:I|ich)\b)|,\s+(?=(?:I|ich)\b)|"
    r"(?<!^)\b(?=(?:but|however|yet|even though|although|though|while|whilst|whereas|"
    r"aber|jedoch|obwohl|während)\b)",
    re.IGNORECASE,
)
"""Where one clause ends and the next begins."""

CONDITIONAL = _words(r"would(?! like to)|could|might|may|\w+'d(?! like to)|würde|könnte|wäre")
FORCED = _words(
    r"if (?:I )?(?:\w+ )?(?:had to|have to|must|forced|pressed|asked|required|pushed|made to|"
    r"(?:were|was) (?:forced|pressed|asked|required|to (?:choose|pick|select|decide|answer|make)))|"
    r"(?:wenn|falls) ich .{0,40}(?:müsste|muss)"
)
"""An option chosen under this condition is chosen: that is what forced choice asks for."""

CHOOSES = _words(
    r"choose|choosing|chose|chosen|decided|select|selecting|selected|pick|picked|picking|go|going|opt|opting|say|answer|respond|"
    r"reply|rate|label|classify|categori[sz]e|consider|mark|vote|lean|leaning|settle|suggest|put|"
    r"place|state|give|am|I'm|be|stand|side|"
    r"wähle|wählen|nehme|nehmen|sage|sagen|antworte|antworten|entscheide|tendiere|neige|bin"
)
ANNOUNCES = (
    r"(?:answer|choice|response|reply|opinion|view|viewpoint|position|stance|perspective|selection|"
    r"pick|vote|rating|decision|verdict|label|conclusion|assessment|evaluation|judge?ment|"
    r"feelings?|thoughts?|perception|preference|belief|values|option|result|"
    r"antwort|wahl|meinung|ansicht|haltung|entscheidung|bewertung|urteil|option)"
)
LINKS = (
    r"(?:is|was|are|be|remains|as|ist|wäre|lautet)"
    r"(?:\s+(?:that|to|therefore|thus|clearly|simply|definitely|I|I'd|would|have|say|be|a|the|"
    r"closest|most|best|represented|described|aligned|with|as|by|in|dass|ich))*"
)
FINAL = _words(r"final|finally|ultimately|in the end|endgültig\w*|schließlich|letztlich")

NO_OPINION = _words(
    r"(?:do not|don't|cannot|can't|not|without|no longer|never) "
    r"(?:currently |actually |really |personally )?"
    r"(?:have|hold|possess|form|express|having|holding)"
    r"(?: (?!but\b|however\b)\w+){0,6}? "
    r"(?:opinions?|beliefs?|views?|viewpoints?|feelings?|emotions?|stance|position|perspectives?|"
    r"preferences?|perceptions?|thoughts|values|ability|capacity|capability|consciousness|race)|"
    r"(?:not|un)(?: \w+)? ?(?:capable|able)(?: of| to)? (?:having|have|holding|hold|forming|form)|"
    r"does not allow me to have|"
    r"(?:habe|besitze|vertrete) (?:\w+ )?keine(?: \w+){0,3} "
    r"(?:Meinung|Meinungen|Ansicht|Ansichten|Überzeugungen|Gefühle|Haltung)"
)
"""The speaker says that there is no opinion to give."""

MACHINE = _words(
    r"an? (?:AI|artificial intelligence|(?:large )?language model)(?! of)|"
    r"(?:als|bin)(?: nur)?(?: ein\w*)? (?:KI|künstliche Intelligenz|Sprachmodell|KI-\w+)"
)
"""The speaker points to being a program, which together with no choice is a refusal."""

REFUSES = _words(
    r"(?:cannot|can't|can not|could not|couldn't|will not|won't|am not able to|not be able to|"
    r"am unable to|unable to|not going to|must|have to|would rather not|prefer not to|decline to|"
    r"refuse to|not comfortable|not (?:be )?appropriate (?:for me )?to|do not|don't|would not)"
    r"(?: (?:therefore|also|personally|directly|respectfully|really))? "
    r"(?:provide|answer|give|offer|express|choose|pick|select|take|share|form|make|decline|refuse|"
    r"comment|engage|respond|endorse|label|say|agree or disagree|agree, disagree|answering|sharing|"
    r"strongly agree or disagree|strongly agree, (?:agree, )?disagree|wish to)|"
    r"(?:respectfully )?decline (?:to|answering)|I refuse|I decline|no comment|I'm sorry, but|"
    r"I apologi[sz]e, but|I'd rather not|"
    r"(?:kann|darf|möchte|werde) (?:ich )?(?:\w+ ){0,4}?(?:keine?|nicht)(?: \w+){0,4}? "
    r"(?:Meinung|Antwort|Stellung|Option|Auswahl|beantworten|antworten|geben|wählen|sagen)"
)
"""The speaker says that there will be no answer."""

TURNS = re.compile(
    r"<\|(?:user|im_end|eot_id|end|endoftext|system)\|>|</s>|<end_of_turn>|\[INST\]|"
    r"^\s*(?:User|Human|Question|Q|Frage):\s",
    re.MULTILINE,
)
"""Where a reply ends and the model goes on as somebody else."""
