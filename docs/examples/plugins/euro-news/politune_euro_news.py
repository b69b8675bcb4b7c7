"""News articles of European outlets, each on the side that a table gives its outlet."""

import csv
import json

from politune_harness import Document, Dropped, InputPath, Source, hookimpl


class EuroNews(Source):
    """Articles of the outlets on one side."""

    articles: InputPath
    """JSON lines with url, outlet and text."""
    outlets: InputPath
    """CSV with outlet, country and side; whose judgement that is belongs in `terms`."""
    side: str
    """The side whose outlets are read."""

    def load(self):
        table = csv.DictReader(self.outlets.read_text(encoding="utf-8").splitlines())
        outlets = {row["outlet"]: row for row in table}
        for row in map(json.loads, self.articles.read_text(encoding="utf-8").splitlines()):
            outlet = outlets.get(row["outlet"], {"side": "not listed"})
            if outlet["side"] == self.side:
                about = {"platform": row["outlet"], "country": outlet["country"]}
                yield Document(id=row["url"], text=row["text"], metadata=about)
            else:
                yield Dropped(id=row["url"], reason=f"outlet: {outlet['side']}")


@hookimpl
def politune_sources():
    return {"euro-news": EuroNews}
