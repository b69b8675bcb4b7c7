"""report.html: the whole report in one file that opens without a network.

Words and tables are the Markdown of report.md; charts are data for Plotly, and samples data for a
browser of them. Nothing from data is ever markup: Markdown is rendered without HTML and links,
data stands in blocks that do not run, and the page's policy lets no script run but its own two.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from politune_harness.report.page.chart import Chart, palettes

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

PLOTLY = "plotly-cartesian-4.1.1.min.js"


class Part(NamedTuple):
    """A section of the page."""

    words: str
    """Markdown that begins with its title."""
    charts: Sequence[Chart]


PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<nav id="top" aria-label="Sections">
<details id="sections" open><summary>Sections</summary>
{links}
</details>
<button id="theme" type="button">Light or dark</button>
</nav>
<main id="main">
{head}
<noscript><p>Charts and samples need JavaScript; every number is in the tables below.</p></noscript>
{parts}
{samples}
</main>
<script type="application/json" id="charts">{charts}</script>
<script type="application/json" id="samples">{browser}</script>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""

SAMPLES = """\
<section aria-labelledby="samples-title">
<h2 id="samples-title">Samples</h2>
<p>What was asked, and what every arm answered, side by side. Signs that cannot be seen are told by
their numbers. All samples are in the run's folder, under <code>samples/</code>.</p>
<form id="filters" autocomplete="off">
<label>Task <select id="task"></select></label>
<label>Topic <select id="topic"></select></label>
<label>Search <input id="search" type="search" autocomplete="off"></label>
<fieldset id="which" aria-label="Arms"></fieldset>
</form>
<p id="count" role="status"></p>
<div id="cards"></div>
<p id="pages"><button id="before" type="button">Earlier</button>
<button id="after" type="button">Later</button></p>
</section>
"""


def page(head: str, parts: Iterable[Part], samples: Mapping[str, Any], arms: Sequence[str]) -> str:
    """Return the page: its head and parts from Markdown, their charts, and the samples."""
    shown = [part for part in parts if part.words]
    charts = [chart for part in shown for chart in part.charts]
    titles = [_title(part.words) for part in shown]
    links = [(_anchor(title), title) for title in titles]
    links += [("samples-title", "Samples")] if samples["tasks"] else []
    plotly, script, style = _asset(PLOTLY), _asset("page.js"), _asset("page.css")
    return PAGE.format(
        policy=_policy(plotly, script),
        title=escape(head.splitlines()[0].removeprefix("# ").replace("\\", "")),
        style=style,
        links="\n".join(f'<a href="#{to}">{escape(title)}</a>' for to, title in links),
        head=_html(head),
        parts="\n".join(map(_part, shown)),
        samples=SAMPLES if samples["tasks"] else "",
        charts=_data({"charts": [_chart(each) for each in charts], "palettes": palettes(arms)}),
        browser=_data(samples),
        plotly=plotly,
        script=script,
    )


def _asset(name: str) -> str:
    return (files(__name__) / "assets" / name).read_text("utf-8")


def _policy(*scripts: str) -> str:
    """Return a policy under which these scripts run and nothing else, and nothing is fetched."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()) for text in scripts)
    allowed = " ".join(f"'sha256-{each.decode()}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _data(value: object) -> str:
    r"""Return JSON in which nothing can end the block that holds it.

    >>> print(_data("</script><!--"))
    "\u003c/script\u003e\u003c!--"
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    text = text.encode("utf-8", "backslashreplace").decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.name,
        "data": chart.data,
        "layout": chart.layout,
        "ratio": chart.ratio,
        "least": chart.least,
        "wide": chart.wide,
    }


def _title(words: str) -> str:
    return words.splitlines()[0].removeprefix("## ")


def _anchor(title: str) -> str:
    """Return a title as a place on the page.

    >>> _anchor("Do the channels agree?")
    'do-the-channels-agree'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _part(part: Part) -> str:
    title = _title(part.words)
    words = part.words.partition("\n")[2]
    to = _anchor(title)
    drawn = "\n".join(map(_figure, part.charts))
    charts = f'<div class="charts">\n{drawn}\n</div>\n' if drawn else ""
    return (
        f'<section aria-labelledby="{to}">\n<h2 id="{to}">{escape(title)}</h2>\n'
        f"{charts}{_html(words)}</section>"
    )


def _figure(chart: Chart) -> str:
    """Return where a chart is drawn, with what it shows for those who cannot see it."""
    name = escape(chart.name)
    kind = ' class="wide"' if chart.wide else ""
    return (
        f'<figure{kind}><figcaption id="title-{name}">{escape(chart.title)}</figcaption>\n'
        f'<div id="chart-{name}" role="img" aria-labelledby="title-{name}" '
        f'aria-describedby="alt-{name}"></div>\n'
        f'<p class="alt" id="alt-{name}">{escape(chart.alt)}</p></figure>'
    )


def _html(words: str) -> str:
    found: str = _markdown().render(words)
    return found


@cache
def _markdown() -> "MarkdownIt":
    """Return what renders Markdown: no HTML, no links, no pictures; tables that can be scrolled."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.disable(["link", "image", "autolink", "reference", "html_block", "html_inline"])
    around = '<div class="scroll" tabindex="0" role="region" aria-label="Table">\n<table>\n'
    made.add_render_rule("table_open", lambda *_: around)
    made.add_render_rule("table_close", lambda *_: "</table>\n</div>\n")
    return made
