"""The status page in a real browser: what it shows after its own policy has had its say."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from newcomer_rig import Place, chat, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
QUIET = (
    "--headless",
    "--no-sandbox",  # root in a container has no other way
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


def browse(folder: Path, url: str, *options: str) -> tuple[str, str]:
    """What Chromium prints, and what it complains about."""
    assert CHROMIUM is not None
    ran = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}", *options, url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return ran.stdout, "\n".join(console)


def test_page_shows_the_bill_and_breaks_no_rule_of_its_own(place: Place, tmp_path: Path) -> None:
    with place.serving():
        chat(place)
        until(lambda: place.json("ledger"))
        (line,) = place.json("ledger", "--lines")
        url = place.told(r"listening on (http://\S+)")
        picture = tmp_path / "page.png"
        shot = ("--window-size=1280,900", f"--screenshot={picture}")
        html, complaints = browse(tmp_path, f"{url}/?lang=en", "--dump-dom")
        _, more = browse(tmp_path, f"{url}/?lang=zh", *shot)
    assert not complaints and not more
    assert line["cost"] in html and "Costs by account" in html and "near/scripted" in html
    content = picture.read_bytes()
    assert struct.unpack(">II", content[16:24]) == (1280, 900)
    assert len(content) > 30_000, "the picture is all but empty: was the style sheet refused?"
