"""A Chromium without a window, and the page in it in the terms of its tests: dropping, pasting, what is in
the queue and the gallery, networks that are slow or gone, and axe's judgement."""

import base64
import json
import os
import shutil
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from account import BUILD, ROOT
from support import wait_for

AXE = ROOT / "tests/node_modules/axe-core/axe.min.js"
SHOTS = Path(os.environ.get("TINTYPE_SCREENSHOTS", BUILD / "screenshots"))
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}

# This builds a DataTransfer with the files, as a drop or a paste has it.
TRANSFER = """
const transfer = new DataTransfer();
for (const [name, type, data] of arguments[0])
  transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
"""


def start_chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--lang=en-GB",
                     "--disable-dev-shm-usage", "--no-proxy-server",
                     # Otherwise a page that was left would go on uploading during the next test.
                     "--disable-features=BackForwardCache"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.execute_cdp_cmd("Network.enable", {})
    return driver


class Page:
    """The upload page, which open() loads. Each question waits until its answer is what the test expects."""

    def __init__(self, driver, server):
        self.driver, self.server = driver, server
        self.script, self.cdp = driver.execute_script, driver.execute_cdp_cmd

    # ---- the window and the world around it ----

    def reset(self):
        self.emulate(width=1280, height=900, deviceScaleFactor=1, mobile=False)
        self.dark(False)
        self.network()
        self.run_scripts(True)
        self.cdp("Storage.clearDataForOrigin", {"origin": self.server.root_url, "storageTypes": "all"})

    def open(self, root_url=None, before=""):
        """Opens the page. before is a script that runs ahead of the page's own."""
        added = self.cdp("Page.addScriptToEvaluateOnNewDocument", {"source": before})
        self.driver.get((root_url or self.server.root_url) + "/")
        self.cdp("Page.removeScriptToEvaluateOnNewDocument", added)
        self.wait("the gallery", lambda: self.one("#cards").get_attribute("aria-busy") == "false")
        return self

    def emulate(self, **metrics):
        self.cdp("Emulation.setDeviceMetricsOverride", metrics)
        self.cdp("Emulation.setTouchEmulationEnabled", {"enabled": metrics["mobile"]})

    def dark(self, on=True):
        self.cdp("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if on else "light"}]})

    def network(self, up=-1, offline=False):
        """Sets the network's speed. up is in bytes a second, and -1 is unlimited."""
        self.cdp("Network.emulateNetworkConditions", {
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": up})

    def run_scripts(self, on):
        """Switches scripts on or off in documents that are opened from now on."""
        self.cdp("Emulation.setScriptExecutionDisabled", {"value": not on})

    def console(self):
        """Returns the errors in the browser's console since it was last asked."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    # ---- looking ----

    def wait(self, what, condition):
        def is_so():
            try:
                return condition()
            except (NoSuchElementException, StaleElementReferenceException):
                return False  # The page is changing.
            except WebDriverException as error:
                # chromedriver says this of an element that goes while it is asked about.
                if "does not belong to the document" not in str(error):
                    raise
                return False
        return wait_for(what, is_so)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        """Reads all texts in one step, so that nothing changes between two of them."""
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)",
                           selector)

    def wait_text(self, selector, *words):
        self.wait(f"{words} in {selector}: {self.texts(selector)}",
                  lambda: any(all(w in text for w in words) for text in self.texts(selector)))

    def states(self):
        """Returns the states of the queue's entries, from the top."""
        return self.script("return [...document.querySelectorAll('.entry')].map((e) => e.dataset.state)")

    def wait_states(self, *states):
        self.wait(f"the queue to be {states}; it is {self.states()}", lambda: self.states() == list(states))

    def cards(self):
        return self.texts("#cards h3")

    def wait_cards(self, *names):
        self.wait(f"the gallery to be {names}", lambda: self.cards() == list(names))

    def focus(self):
        """Returns the accessible name of the element that has the focus."""
        return self.driver.switch_to.active_element.accessible_name

    def said(self):
        return self.one("#said").get_attribute("textContent")

    def fits(self):
        """Says whether nothing is wider than the window."""
        return self.script("return document.documentElement.scrollWidth <= innerWidth")

    # ---- doing ----

    def choose(self, *paths):
        self.one("#file").send_keys("\n".join(map(str, paths)))

    def drop(self, *files):
        """Drops files, each of them (name, media type, bytes)."""
        self.script(TRANSFER + """
            for (const kind of ["dragenter", "dragover", "drop"])
              document.getElementById("drop").dispatchEvent(
                new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            """, packed(files))

    def paste(self, *files):
        self.script(TRANSFER + """
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
            """, packed(files))

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def button(self, name):
        """Waits for the button that is shown and whose name begins so, and returns it."""
        return self.wait(f"a button {name}", lambda: next(
            (b for b in self.all("button, .actions a")
             if b.is_displayed() and b.accessible_name.startswith(name)), None))

    def click(self, name):
        self.button(name).click()

    def set(self, name, value):
        """Sets a field of the form or the filter, as if it had been typed in or picked."""
        self.script("""
            const field = document.getElementById(arguments[0]);
            field.value = arguments[1];
            for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
            """, name, value)

    # ---- judging ----

    def check_access(self):
        """Checks that axe finds nothing, by all rules of WCAG 2.2 AA and by good practice."""
        assert AXE.exists(), "axe-core is not installed: make deps"
        self.run_scripts(True)  # axe is a script.
        if not self.script("return !!window.axe"):
            self.script(AXE.read_text() + "; window.axe = axe;")
        found = self.driver.execute_async_script("""
            const [tags, done] = arguments;
            axe.run({ runOnly: tags, rules: { "target-size": { enabled: true } } })
              .then((all) => done(all.violations), (error) => done(String(error)));
            """, WCAG)
        assert found == [], json.dumps(
            [(v["id"], [(n["html"][:200], n["failureSummary"]) for n in v["nodes"]]) for v in found], indent=1)

    def wait_pictures(self):
        """Waits until all pictures that the window shows are there."""
        self.wait("pictures", lambda: self.script("""
            return [...document.images].every((i) => !i.src || i.naturalWidth > 0 ||
              i.getBoundingClientRect().top > innerHeight)"""))

    def shoot(self, name):
        """Takes a screenshot for people."""
        self.wait_pictures()
        SHOTS.mkdir(parents=True, exist_ok=True)
        shot = self.cdp("Page.captureScreenshot", {"format": "png"})
        (SHOTS / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def packed(files):
    return [(name, kind, base64.b64encode(data).decode()) for name, kind, data in files]


__all__ = ["By", "Keys", "PHONE", "Page", "start_chromium"]
