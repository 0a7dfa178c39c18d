"""Nothing serious is found on any page in the dark theme; a file for each theme, so that two workers share them."""

import pytest
from auditing import faults
from playwright.sync_api import Browser
from serving import Server

pytestmark = pytest.mark.browser


def test_no_page_has_a_serious_fault(browser: Browser, server: Server) -> None:
    assert not (found := faults(browser, server, "dark", 1440)), "\n".join(found)
