from __future__ import annotations

import io
import os
from pathlib import Path

from rich.console import Console

from steelyard.cli.terminal import Terminal, _Console


def make(is_terminal: bool) -> tuple[Terminal, io.StringIO]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=is_terminal, width=60, soft_wrap=True)
    return Terminal(console), written


def test_text_to_copy_is_neither_wrapped_nor_read_as_markup() -> None:
    terminal, written = make(False)
    line = "curl -d '[bold]" + "x" * 200 + "'"
    terminal.show(line)
    assert written.getvalue() == line + "\n"


def test_progress_without_a_terminal_is_a_few_plain_lines() -> None:
    terminal, written = make(False)
    for done in range(0, 101):
        terminal.progress("small", done * 10**6, 100 * 10**6, "download")
    lines = written.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[5].endswith("fetching small: 50 % (50 of 100 MB)")


def test_bars_go_away_when_all_is_fetched() -> None:
    terminal, written = make(True)
    terminal.progress("small", 1, 10, "download")
    terminal.progress("medium", 1, 10, "download")
    terminal.progress("small", 10, 10, "download")
    terminal.progress("medium", 10, 10, "download")
    assert "fetching small" in written.getvalue()
    terminal.warn("after")
    terminal.close()
    assert "after" in written.getvalue()


def test_how_things_stand_is_one_line_over_the_last_and_never_wraps() -> None:
    terminal, written = make(True)
    terminal.now("local/small and another " * 9)
    terminal.now("done")
    first, second, rest = written.getvalue().split("\r")
    assert len(first) == len(second) == 59
    assert first.endswith("…") and second.rstrip() == "done"
    assert rest == ""
    terminal, written = make(False)
    terminal.now("nobody reads this in a log")
    assert written.getvalue() == ""


def test_a_reader_who_is_gone_ends_nothing_and_leaves_nothing_to_fail_later() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w") as file:
        terminal = Terminal(_Console(file=file, width=60))
        terminal.say("heard")
        assert os.read(ours, 100).endswith(b"heard\n")
        os.close(ours)
        for tell in (terminal.say, terminal.warn, terminal.show):
            tell("unheard")
        terminal.progress("small", 10, 10, "download")
        terminal.close()
        file.flush()


def test_what_no_disk_takes_is_dropped_and_the_next_line_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        terminal = Terminal(Console(file=file, width=60))
        usual = os.dup(file.fileno())
        with open("/dev/full", "w") as full:
            os.dup2(full.fileno(), file.fileno())
        terminal.say("lost")
        os.dup2(usual, file.fileno())
        os.close(usual)
        terminal.say("kept")
        terminal.close()
    assert log.read_text().endswith("kept\n")
    assert "lost" not in log.read_text()
