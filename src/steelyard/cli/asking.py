"""``ask``: one question through the gateway, as any client would put it."""
# ruff: noqa: PLC0415 - a command imports what it needs, so that --help is quick

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli import place
from steelyard.domain.errors import ConfigError, SteelyardError

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S = 600.0


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="What to ask; '-' reads standard input.")],
    *,
    model: Annotated[
        str | None, typer.Option(help="A model, offer:NAME, task:NAME or auto.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    task: Annotated[
        str | None, typer.Option(help="Kind of work: the cheapest proven offer.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar="STEELYARD_API_KEY", help="API key; by default the demo key."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole answer as JSON.")
    ] = False,
) -> None:
    """Ask a model; says on standard error who answered and what it cost."""
    import httpx

    content = sys.stdin.read() if question == "-" else question
    body = {
        "model": model or ("auto" if task else _smallest()),
        "messages": [{"role": "user", "content": content}],
        "stream": stream and not as_json,
    }
    headers = {"authorization": f"Bearer {key or _demo_key()}"}
    if task:
        headers["x-steelyard-task"] = task
    url = f"{place.address()}/v1/chat/completions"
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        with client.stream("POST", url, json=body, headers=headers) as answer:
            if answer.status_code != 200:
                raise _refused(answer)
            if body["stream"]:
                cost = _print_stream(answer)
            else:
                cost = _print_whole(answer, as_json)
    facts = [answer.headers.get(f"x-steelyard-{name}") for name in ("offer", "call")]
    typer.echo(" · ".join(fact for fact in (*facts, cost) if fact), err=True)


def _print_whole(answer: httpx.Response, as_json: bool) -> str:
    value = json.loads(answer.read())
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
    else:
        typer.echo(value["choices"][0]["message"]["content"])
    return str(answer.headers.get("x-steelyard-cost", ""))


def _print_stream(answer: httpx.Response) -> str:
    """Prints the text as it comes; returns the cost, which the stream's last comment tells."""
    cost = ""
    for line in answer.iter_lines():
        if line.startswith(":"):
            cost = line.partition("cost=")[2].strip() or cost
        for text in _texts(line):
            sys.stdout.write(text)
            sys.stdout.flush()
    sys.stdout.write("\n")
    return cost


def _texts(line: str) -> Iterator[str]:
    """The pieces of text in one line of an event stream.

    Raises:
        SteelyardError: the line tells of an error.
    """
    data = line.removeprefix("data:").strip()
    if not line.startswith("data:") or data == "[DONE]":
        return
    event: dict[str, Any] = json.loads(data)
    if "error" in event:
        raise SteelyardError(str(event["error"].get("message", "the answer broke off")))
    for choice in event.get("choices", []):
        if text := choice.get("delta", {}).get("content"):
            yield text


def _refused(answer: httpx.Response) -> SteelyardError:
    from steelyard.supervisor.api import refusal

    return refusal(answer.status_code, answer.read())


def _demo_key() -> str:
    from steelyard.supervisor.greeter import KEY_FILE

    try:
        return (place.home() / KEY_FILE).read_text("ascii").strip()
    except OSError as error:
        raise ConfigError("no demo key here; give one: --key sk-… or STEELYARD_API_KEY") from error


def _smallest() -> str:
    """The local model that is likeliest to answer at once."""
    from steelyard.supervisor.engines import STATE_FILE
    from steelyard.supervisor.home import read_state

    states = read_state(place.runtime() / STATE_FILE) or {}
    up = [name for name, state in states.items() if state.get("state") == "up"]
    if not up:
        raise ConfigError("no local model is up; name one of yours: --model NAME")
    return str(up[0])
