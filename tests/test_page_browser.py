"""The page in a real Chromium: what it shows, and that nothing in it but its own scripts runs."""

import io
import shutil
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from politune_harness import report
from politune_harness.report.told import tell
from tests.hostile_runs import ATTACKS, TASK, hostile_run

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("Debian's chromium and chromium-driver are not installed", allow_module_level=True)

SECTIONS = (
    "what-happened",
    "positions",
    "ability",
    "shifts-as-shares-of-the-persona-range",
    "do-the-channels-agree",
    "topic-by-topic",
    "do-the-judges-agree",
    "data",
    "how-training-went",
    "what-this-cannot-show",
    "samples-title",
)
CHARTS = {
    "positions": 3,
    "ability": 3,
    "do-the-channels-agree": 1,
    "topic-by-topic": 3,
    "do-the-judges-agree": 1,
    "data": 3,
    "how-training-went": 2,
}
"""By section: how many charts it has."""
WIDTHS = (1280, 390)

Driver = Any
"""A selenium WebDriver, which is imported where it is used."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    folder = hostile_run(tmp_path_factory.mktemp("page") / "run")
    path = folder / "report.html"
    path.write_text(report.html(tell(folder), folder), "utf-8")
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        driver.get(f"file://{path}")
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def page(browser: Driver) -> Driver:
    """Return the page, at its full width and in a light theme."""
    _look(browser, WIDTHS[0], "light")
    return browser


def _look(browser: Driver, width: int, theme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < WIDTHS[0]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wanted = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)
    browser.refresh()
    for _ in range(100):
        if browser.execute_script("return document.documentElement.dataset.drawn"):
            return
        time.sleep(0.1)
    pytest.fail(f"the page was not drawn: {browser.get_log('browser')}")


def count(page: Driver, selector: str) -> int:
    found: int = page.execute_script(
        "return document.querySelectorAll(arguments[0]).length", selector
    )
    return found


def choose(page: Driver, control: str, value: str) -> None:
    page.execute_script(
        "const [id, value] = arguments, e = document.getElementById(id); e.value = value;"
        "e.dispatchEvent(new Event(e.type === 'search' ? 'input' : 'change'))",
        control,
        value,
    )


def test_no_text_from_data_runs_or_is_markup(page: Driver) -> None:
    for task in (TASK, "politune_compass"):
        choose(page, "task", task)
        while page.execute_script(
            "const b = document.getElementById('after'), more = !b.disabled; b.click(); return more"
        ):
            assert count(page, "article") > 0
    assert page.execute_script("return typeof window.pwned") == "undefined"
    assert (
        count(page, "main script, main img, main iframe, main style, main b, main i, main u") == 0
    )
    assert count(page, "a:not([href^='#']), [onerror], [onclick], [onload]") == 0
    assert count(page, "body > script") == 4


def test_the_policy_lets_nothing_else_run_or_load(page: Driver) -> None:
    page.get_log("browser")
    page.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.pwned = 99';"
        "document.body.append(s); s.remove();"
        "const i = new Image(); i.src = 'http://localhost:9/x.png'; document.body.append(i);"
        "i.remove();"
    )
    assert page.execute_script("return typeof window.pwned") == "undefined"
    said = [entry["message"] for entry in page.get_log("browser")]
    assert sum("Content Security Policy" in message for message in said) >= 2


def test_it_loads_nothing_and_breaks_no_rule_of_its_own(page: Driver) -> None:
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_hidden_signs_are_told_and_long_texts_are_cut(page: Driver) -> None:
    choose(page, "task", TASK)
    text = page.execute_script("return document.getElementById('cards').textContent")
    assert "⟨U+202E⟩turned⟨U+202C⟩ ⟨U+2066⟩apart" in text
    assert "characters more)" in text
    assert ATTACKS[0] in text
    whole = page.execute_script("return document.documentElement.outerHTML")
    assert not set(whole) & {"\u202e", "\u202c", "\u2066"}


def test_text_of_charts_is_shown_as_it_is(page: Driver) -> None:
    labels = page.execute_script(
        "return [...document.querySelectorAll('#chart-judges-0 .ytick')].map(e => e.textContent)"
    )
    assert set(labels) - {""} == {"1. <b>judge</b>", "2. judge @ink <img src=x o…"}
    topics = page.execute_script("return document.getElementById('chart-topics-0').textContent")
    assert "<i>0</i>" in topics


def test_samples_are_searched_filtered_and_put_side_by_side(page: Driver) -> None:
    choose(page, "task", TASK)
    assert page.find_element("id", "count").text == "1 to 10 of 20 prompts"
    choose(page, "search", "answer 12")
    assert count(page, "article") == 1
    columns = page.execute_script(
        "return [...document.querySelectorAll('article h4')].map(e => e.textContent)"
    )
    assert columns == ["base", "left", "right", "control"]
    page.find_element("id", "arm-1").click()
    assert count(page, "article h4") == len(columns) - 1
    choose(page, "search", "")
    choose(page, "topic", "<i>1</i>")
    assert page.find_element("id", "count").text == "1 to 5 of 5 prompts"
    choose(page, "task", "politune_compass")
    assert count(page, "article dl") > 0


def test_everything_is_reached_by_keyboard(page: Driver) -> None:
    from selenium.webdriver.common.keys import Keys

    reached = []
    page.execute_script("document.body.tabIndex = -1; document.body.focus()")
    for _ in range(200):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.execute_script("return document.activeElement.id || 'other'"))
        if reached[-1] == "after":
            break
    controls = ["theme", "task", "topic", "search", "arm-0", "arm-3", "after"]
    assert [name for name in reached if name in controls] == controls
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.find_element("id", "count").text.startswith("11 to ")


def test_every_chart_says_in_words_what_it_shows(page: Driver) -> None:
    told = page.execute_script(
        "return [...document.querySelectorAll('figure [role=img]')].map(e => "
        "document.getElementById(e.getAttribute('aria-describedby')).textContent)"
    )
    assert len(told) == sum(CHARTS.values())
    assert all(len(text) > 40 for text in told)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_legible(browser: Driver, theme: str) -> None:
    _look(browser, WIDTHS[0], theme)
    light = [
        _luminance(colour)
        for colour in browser.execute_script(
            "const c = (q, p) => getComputedStyle(document.querySelector(q))[p];"
            "return [c('body', 'backgroundColor'), c('body', 'color'),"
            " c('#chart-compass-0 .xtick text', 'fill'), c('.where', 'color')]"
        )
    ]
    assert (light[0] > 0.5) is (theme == "light")
    for other in light[1:]:
        high, low = max(light[0], other), min(light[0], other)
        assert (high + 0.05) / (low + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    parts = colour.partition("(")[2].rstrip(")").split(",")[:3]
    linear = [((c + 0.055) / 1.055) ** 2.4 for c in (int(part) / 255 for part in parts)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("width", WIDTHS)
def test_each_section_is_drawn_and_stays_within_the_page(browser: Driver, width: int) -> None:
    import matplotlib.image

    _look(browser, width, "light")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    for name in SECTIONS:
        section = browser.find_element("css selector", f"section[aria-labelledby='{name}']")
        picture = matplotlib.image.imread(io.BytesIO(section.screenshot_as_png))
        assert picture[..., :3].std() > 0.02, f"{name} is blank"
        drawn = section.find_elements("css selector", "figure .main-svg:first-of-type")
        assert len(drawn) == CHARTS.get(name, 0), name
    assert browser.execute_script(OUTSIDE) == []


OUTSIDE = """
const out = [];
for (const figure of document.querySelectorAll('figure')) {
  const box = figure.getBoundingClientRect();
  for (const text of figure.querySelectorAll('svg text')) {
    const { left, right, width } = text.getBoundingClientRect();
    if (width && (left < box.left - 2 || right > box.right + 2)) out.push(text.textContent);
  }
}
return out;
"""
"""Texts in charts that reach out of their figures."""
