"""The report of a real run in a real browser: everything is drawn, nothing is fetched, and every control works."""

import json
from pathlib import Path

import pytest

from tests.cli.running import trifecta
from tests.research.browsing import a_browser, resize, take_screenshot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDE, NARROW, PAPER = 1280, 400, 718
WAIT_S = 30


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> tuple[Path, dict]:
    """The report of a backtest of the packaged sample, and what the command said of the run."""
    folder = tmp_path_factory.mktemp("report")
    ended = trifecta("backtest", "--home", folder, "--json", "--out", folder / "report.html")
    assert ended.code == 0
    return folder / "report.html", ended.document


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with a_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def page(driver, report):
    """The report, freshly opened at a desk, by day."""
    resize(driver, WIDE)
    driver.get(report[0].as_uri())
    until(driver, "return [...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg.main-svg'))")
    return driver


def until(driver, script):
    """Wait until a script returns something true; return it."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, WAIT_S, poll_frequency=0.05).until(lambda one: one.execute_script(script))


def width_of_plots(driver):
    return driver.execute_script("return [...document.querySelectorAll('.plot')].map((plot) => plot._fullLayout.width)")


def test_every_plot_is_drawn_and_the_console_is_empty(page, report):
    kinds = page.execute_script("return [...document.querySelectorAll('.plot')].map((plot) => plot.dataset.figure)")
    assert kinds == [
        "equity", "outcomes", "reasons", "fills-0", "thresholds-0-trades", "thresholds-0-gain", "probabilities-0",
    ]  # fmt: skip
    marks = page.execute_script(
        "return [...document.querySelectorAll('.plot')].map((p) => p.querySelectorAll('svg path, svg rect').length)"
    )
    assert min(marks) > 10
    assert page.get_log("browser") == []


def test_nothing_is_fetched(page):
    fetched = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in fetched if not name.startswith(("data:", "blob:"))] == []
    blocked = page.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('fetched'), () => done('refused'))"
    )
    assert blocked == "refused"
    (said, *_) = page.get_log("browser")
    assert "Content Security Policy" in said["message"]


def test_the_numbers_are_those_of_the_run(page, report):
    document = report[1]
    cards = {
        card.find_element("class name", "name").text: card.find_element("class name", "value").text
        for card in page.find_elements("css selector", ".cards li")
    }
    assert cards["Final equity"] == f"{document['final_equity']:,.2f} USD"
    assert cards["Trades"] == f"{len(document['trades']):,}"
    assert cards["Sharpe"] == f"{document['metrics']['sharpe']:,.2f}"
    rows = page.execute_script("return document.querySelectorAll('#trade-list tbody tr').length")
    assert rows == len(document["trades"])


def test_the_chooser_shows_every_traded_instrument(page, report):
    from selenium.webdriver.support.ui import Select

    chooser = Select(page.find_element("id", "instrument"))
    traded = {trade["instrument"] for trade in report[1]["trades"]}
    assert {option.text.split(":")[0] for option in chooser.options} >= traded
    seen = set()
    for option in chooser.options:
        chooser.select_by_value(option.get_attribute("value"))
        name = option.text.split(":")[0]
        plot = f"document.getElementById('plot-fills-0').dataset.figure === '{option.get_attribute('value')}'"
        until(page, f"return {plot} && document.getElementById('shown').textContent.includes('{name}')")
        seen.add(page.execute_script("return document.getElementById('plot-fills-0')._fullLayout.yaxis.title.text"))
    assert len(seen) > 1
    assert page.get_log("browser") == []


def test_view_buttons_change_the_range_and_say_which_is_on(page):
    ranges = "return document.getElementById('plot-equity')._fullLayout.yaxis.range.map(Number)"
    floors = page.execute_script(ranges)
    floor_button, close_button = page.find_elements("css selector", "#account .views button")
    close_button.click()
    until(page, f"{ranges.replace('return', 'return String(')}) !== '{','.join(map(str, floors))}'")
    near = page.execute_script(ranges)
    assert near[1] - near[0] < floors[1] - floors[0]
    assert [button.get_attribute("aria-pressed") for button in (floor_button, close_button)] == ["false", "true"]
    floor_button.click()
    until(page, f"{ranges.replace('return', 'return String(')}) === '{','.join(map(str, floors))}'")


def test_a_header_sorts_the_trades_and_sorts_them_back(page, report):
    column = page.execute_script(
        "return [...document.querySelectorAll('#trade-list th')].findIndex((header) => header.textContent === 'PnL')"
    )
    values = f"return [...document.querySelectorAll('#trade-list tbody tr')].map((r) => r.cells[{column}].textContent)"
    made = sorted(round(trade["pnl"], 2) for trade in report[1]["trades"])
    button = page.find_elements("css selector", "#trade-list th button")[column]
    for expected, order in ((made, "ascending"), (made[::-1], "descending")):
        page.execute_script("arguments[0].click()", button)
        assert [float(value.replace(",", "")) for value in page.execute_script(values)] == expected
        header = page.find_elements("css selector", "#trade-list th")[column]
        assert header.get_attribute("aria-sort") == order


def test_the_dark_page_is_dark_and_its_plots_are_drawn_anew(page, tmp_path):
    ink = "return getComputedStyle(document.querySelector('#plot-equity .xtick text')).fill"
    paper = "return getComputedStyle(document.body).backgroundColor"
    by_day = page.execute_script(ink)
    assert page.execute_script(paper) == "rgb(255, 255, 255)"
    resize(page, WIDE, dark=True)
    until(page, f"return ({ink.replace('return ', '')}) !== {json.dumps(by_day)}")
    assert page.execute_script(paper) == "rgb(13, 17, 23)"
    assert page.execute_script(ink) == "rgb(230, 237, 243)"
    assert take_screenshot(page, tmp_path / "dark.png").stat().st_size > 50_000


def test_a_narrow_page_does_not_scroll_sideways(page, tmp_path):
    resize(page, NARROW)
    until(page, f"return [...document.querySelectorAll('.plot')].every((plot) => plot._fullLayout.width <= {NARROW})")
    assert page.execute_script("return document.documentElement.scrollWidth") == NARROW
    titles = page.execute_script("return document.getElementById('plot-equity')._fullLayout.yaxis.title.text")
    assert titles == ""
    assert take_screenshot(page, tmp_path / "narrow.png").stat().st_size > 50_000


def test_the_trades_fit_a_desk_without_scrolling(page):
    wide = page.execute_script("const box = document.querySelector('#trades .scroll'); return box.scrollWidth")
    assert wide <= page.execute_script("return document.querySelector('#trades .scroll').clientWidth")


def test_paper_gets_light_plots_of_its_own_width_and_everything_unfolded(page):
    folded = page.execute_script("return document.querySelectorAll('details:not([open])').length")
    assert folded > 0
    resize(page, PAPER, dark=True)
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert set(width_of_plots(page)) == {700}
    assert page.execute_script("return document.querySelectorAll('details:not([open])').length") == 0
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert page.execute_script("return document.querySelectorAll('details:not([open])').length") == folded
    assert max(width_of_plots(page)) < 700
    printed = page.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert len(printed["data"]) > 100_000


def test_the_floors_of_an_account_are_drawn_by_day_and_by_night(driver, tmp_path):
    profile = "ftmo_2step,ftmo_1step"
    words = ("--home", tmp_path, "--desk", "forex", "--profile", profile, "--out", tmp_path / "floors.html")
    assert trifecta("backtest", *words).code == 0
    resize(driver, WIDE)
    driver.get((tmp_path / "floors.html").as_uri())
    until(driver, "return document.querySelector('#plot-floors svg.main-svg') !== null")
    names = driver.execute_script("return document.getElementById('plot-floors').data.map((trace) => trace.name)")
    assert names == [
        "Worst-price low", "Equity", "ftmo_2step daily loss", "ftmo_2step total loss", "ftmo_1step daily loss",
        "ftmo_1step total loss", "Reset",
    ]  # fmt: skip
    color = "return document.getElementById('plot-floors')._fullData[2].line.color"
    by_day = driver.execute_script(color)
    resize(driver, WIDE, dark=True)
    until(driver, f"return ({color.replace('return ', '')}) !== {json.dumps(by_day)}")
    assert take_screenshot(driver, tmp_path / "dark.png").stat().st_size > 50_000
    assert driver.get_log("browser") == []
