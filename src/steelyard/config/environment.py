"""``${NAME}`` in configuration texts: values from the environment, mostly secrets.

``${NAME:-text}`` has a default, ``$${`` is a plain ``${``. A variable that is not set is an error
with its name; a value never enters a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from steelyard.config.document import Document, Finding, Path

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{[^}]*\}?")


def substitute(document: Document, env: Mapping[str, str]) -> list[Finding]:
    """Puts the environment's values into the document's texts; returns what is missing."""
    findings: list[Finding] = []

    def walk(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, i)) for i, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _REFERENCE.sub(lambda match: resolve(match, path), value)
        return value

    def resolve(match: re.Match[str], path: Path) -> str:
        name, default = match.groups()
        if match[0] == "$${":
            return "${"
        if name is None:
            findings.append(document.finding(path, "write ${NAME} or ${NAME:-default}"))
            return ""
        value = env.get(name) or default
        if value is None:
            message = f"environment variable {name} is not set; export it or remove this key"
            findings.append(document.finding(path, message))
            return ""
        return value

    document.value = walk(document.value, ())
    return findings
