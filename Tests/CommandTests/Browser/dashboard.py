"""Drives the dashboard as a person with a browser would, and prints what is wrong with it, a line each; 'done' at the end.

usage: dashboard.py PROGRAM FOLDER PAGE…, in a workspace whose target 'app:slow' ends when the file 'go' is there. Pictures of the
pages go into FOLDER.
"""

import pathlib
import subprocess
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

SECONDS = 30


def browser():
    options = Options()
    for word in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"]:
        options.add_argument(word)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def complain(*words):
    print(*words, flush=True)


def look(driver, base, page, width, folder):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    driver.get(base + page)
    name = f"{page.replace('/', '-').replace('.html', '')}-{width}.png"
    (folder / name).write_bytes(driver.get_screenshot_as_png())
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    if wide > width:
        complain(f"{page} at {width}: {wide} pixels wide")
    if not driver.title:
        complain(f"{page}: no title")
    for entry in driver.get_log("browser"):
        complain(f"{page} at {width}: console: {entry['message']}")


def wait(driver, wanted):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if wanted in driver.find_element(By.ID, "live").text:
            return
        time.sleep(0.05)
    complain(f"'{wanted}' was never seen: {driver.find_element(By.ID, 'live').text}")


def keyboard(driver, base):
    driver.get(base + "components.html")
    driver.find_element(By.TAG_NAME, "body").send_keys("/")
    field = driver.switch_to.active_element
    if field.get_attribute("type") != "search":
        complain("'/' does not lead to the filter")
    rows = len(driver.find_elements(By.CSS_SELECTOR, "tr[data-name]:not(.gone)"))
    field.send_keys("zzz")
    if driver.find_elements(By.CSS_SELECTOR, "tr[data-name]:not(.gone)") or not rows:
        complain("the filter leaves rows that it should not")
    driver.get(base + "index.html")
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    if driver.switch_to.active_element.get_attribute("class") != "skip":
        complain("the first stop of the keyboard is not the way past the navigation")


def run(driver, program):
    """A run is seen while it goes on, and when it has ended."""
    started = subprocess.Popen([program, "run", "-k", "--sandbox", "off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(driver, "app:slow")
        pathlib.Path("go").touch()
        wait(driver, "last run")
    finally:
        started.wait()


def main():
    program, folder, *pages = sys.argv[1:]
    folder = pathlib.Path(folder)
    server = subprocess.Popen([program, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    base = url[:url.index("?")]
    driver = browser()
    try:
        driver.get(url)
        if "token" in driver.current_url:
            complain("the token stays in the address")
        run(driver, program)
        last = driver.find_element(By.CSS_SELECTOR, "#live a").get_attribute("href")
        for width in [1280, 390]:
            for page in [*pages, last[len(base):]]:
                look(driver, base, page, width, folder)
        driver.get(last)
        if "taken over" in driver.title or "<script>" not in driver.find_element(By.TAG_NAME, "body").text:
            complain("a log is more, or less, than text")
        keyboard(driver, base)
    finally:
        driver.quit()
        server.terminate()
    if server.wait() != 128 + 15 and server.returncode != -15:
        complain(f"the dashboard ended with {server.returncode}")
    complain("done")


main()
