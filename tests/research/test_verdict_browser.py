"""The verdict page in a real browser: every figure is drawn, nothing scrolls sideways, the console is empty."""

import pytest

from research.report import WalkFacts, write_verdict
from research.verdict import Demands, verdict_of
from tests.research.browsing import a_browser, resize
from tests.research.walks import a_planned, a_walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_S = 30


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_drawn_and_fits(tmp_path, width, dark):
    from selenium.webdriver.support.ui import WebDriverWait

    walk = a_walk(a_planned(tmp_path))
    page = write_verdict(walk, verdict_of(walk, Demands()), WalkFacts("trifecta walkforward", 1.0), tmp_path / "p.html")
    with a_browser(tmp_path / "browser") as driver:
        resize(driver, width, dark=dark)
        driver.get(page.as_uri())
        drawn = "return [...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg.main-svg'))"
        WebDriverWait(driver, WAIT_S, poll_frequency=0.05).until(lambda one: one.execute_script(drawn))
        assert len(driver.find_elements("css selector", ".plot")) == 4
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert driver.get_log("browser") == []
