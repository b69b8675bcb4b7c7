"""What MkDocs does beside its own: it makes the reference, and keeps links true."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from reference import PAGES

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<to>[^)#:\s]+)(?:#[^)\s]*)?\)")
ROOT = Path(__file__).parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code."""
    for place, made in PAGES.items():
        files.append(File.generated(config, place, content=made()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links that leave the site to the repository, or leave their text where there is none.

    A link to what is not there stays, for MkDocs to complain of.
    """

    def kept(found: re.Match[str]) -> str:
        target = (Path(config.docs_dir, page.file.src_uri).parent / found["to"]).resolve()
        inside = target.is_relative_to(config.docs_dir) and files.get_file_from_path(
            target.relative_to(config.docs_dir).as_posix()
        )
        if inside or not target.exists():
            return found[0]
        place = target.relative_to(ROOT).as_posix()
        url = f"{config.repo_url}/blob/main/{place}"
        return f"[{found['text']}]({url})" if config.repo_url else found["text"]

    return LINK.sub(kept, markdown)
