"""Structured answers: valid against a JSON schema, then field by field against the reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

import jsonschema  # type: ignore[import-untyped]
import referencing

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Example, Grader, Parameters, extra, plain
from steelyard.weigh.graders.jsontext import NoJson, first_json
from steelyard.weigh.graders.patterns import BadPattern, is_found

_SHOWN_CHARS = 1000
_REASON_CHARS = 200
_REFERENCES_MAX = 20_000
"""Followed for one answer."""
_Check = Callable[[object, str, object, object], Iterable[jsonschema.ValidationError]]


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """The share of the reference's fields that are right; 0 without valid JSON.

    The schema is the task's parameter or the item's field ``schema``. Without fields in the
    reference valid is all that is asked. Texts are compared without case, width and spacing; a
    number may stand where the reference has its text.
    """
    schema = _schema(sample, parameters)
    try:
        value = first_json(answer)
    except NoJson as error:
        return Grade(Fraction(0), str(error))
    shown = json.dumps(value, ensure_ascii=False)[:_SHOWN_CHARS]
    try:
        if reason := _invalid(value, schema):
            return Grade(Fraction(0), reason, shown)
        gold = _fields(sample)
        if not gold:
            return Grade(Fraction(1), extracted=shown)
        said = value if isinstance(value, Mapping) else {}
        missed = [k for k, want in gold.items() if k not in said or not _same(said[k], want)]
    except RecursionError:
        return Grade(Fraction(0), "nested too deeply", shown)
    except (referencing.exceptions.Unresolvable, BadPattern) as error:
        return Grade.unscored(f"the schema cannot be used: {type(error).__name__}")
    reason = f"wrong or missing: {', '.join(missed)}" if missed else ""
    return Grade(Fraction(len(gold) - len(missed), len(gold)), reason, shown)


def fits(sample: Sample) -> str:
    """Needs a sound schema where the item brings its own, and fields as an object."""
    own = extra(sample, "schema")
    if own is not None and (reason := _unsound(own)):
        return reason
    if isinstance(sample.reference, str) and sample.reference.strip():
        try:
            gold = json.loads(sample.reference)
        except (ValueError, RecursionError):
            return "the reference is no JSON"
        return "" if isinstance(gold, dict) else "the reference is no JSON object"
    return "" if isinstance(sample.reference, Mapping) or own else "a schema or fields are needed"


def check(parameters: Parameters) -> str:
    """``schema`` is a JSON schema that refers to nothing outside itself."""
    schema = parameters["schema"]
    return "" if schema is None else _unsound(schema)


def _schema(sample: Sample, parameters: Parameters) -> object:
    own = extra(sample, "schema")
    return own if own is not None else parameters["schema"]


def _unsound(schema: object) -> str:
    if not isinstance(schema, dict):
        return "schema is a JSON schema, an object"
    try:
        if '"patternProperties":' in json.dumps(schema):
            return "schema: patternProperties is not supported"
        if any(map(_names_dialect, schema.values())):
            return "schema: only the whole may name a $schema"
        jsonschema.Draft202012Validator.check_schema(schema)
        _invalid({}, schema)
    except jsonschema.SchemaError as error:
        return f"schema: {error.message}"[:_REASON_CHARS]
    except referencing.exceptions.Unresolvable:
        return "schema: refers to something that is not in it"
    except RecursionError:
        return "schema: nested too deeply"
    return ""


def _invalid(value: object, schema: object) -> str:
    """The first thing wrong with the value, in the order of its fields; empty when it is valid."""
    if not isinstance(schema, dict):
        return ""
    checks = jsonschema.validators.extend(
        jsonschema.Draft202012Validator,
        validators={"pattern": _check_pattern, "$ref": _counted("$ref")},
    )
    # A part that names a dialect would be checked by that one's own rules, patterns among them.
    schema = {name: part for name, part in schema.items() if name != "$schema"}
    # An empty registry: nothing is ever fetched.
    validator = checks(schema, registry=referencing.Registry())
    error = min(validator.iter_errors(value), key=lambda e: e.json_path, default=None)
    if error is None:
        return ""
    return f"invalid at {error.json_path}: {error.validator} is not met"[:_REASON_CHARS]


def _names_dialect(part: object) -> bool:
    """Whether a part of a schema names a dialect."""
    if isinstance(part, list):
        return any(map(_names_dialect, part))
    if not isinstance(part, dict):
        return False
    return isinstance(part.get("$schema"), str) or any(map(_names_dialect, part.values()))


def _counted(keyword: str) -> _Check:
    """A keyword's check that gives up: a few references that double each other have no end."""
    check: _Check = jsonschema.Draft202012Validator.VALIDATORS[keyword]
    left = [_REFERENCES_MAX]

    def counted(
        validator: object, part: str, value: object, schema: object
    ) -> Iterator[jsonschema.ValidationError]:
        left[0] -= 1
        if left[0] < 0:
            raise RecursionError("too many references")
        yield from check(validator, part, value, schema) or ()

    return counted


def _check_pattern(
    validator: object, pattern: str, value: object, schema: object
) -> Iterator[jsonschema.ValidationError]:
    # RE2 instead of Python's expressions, some of which take for ever on some texts.
    if isinstance(value, str):
        if not is_found(pattern, value):
            yield jsonschema.ValidationError("the pattern does not match")


def _fields(sample: Sample) -> Mapping[str, object]:
    if isinstance(sample.reference, Mapping):
        return sample.reference
    if isinstance(sample.reference, str) and sample.reference.strip():
        gold = json.loads(sample.reference)
        return gold if isinstance(gold, dict) else {}
    return {}


def _same(said: object, want: object) -> bool:
    if isinstance(want, Mapping):
        return (
            isinstance(said, Mapping)
            and set(said) == set(want)
            and all(_same(said[key], want[key]) for key in want)
        )
    if isinstance(want, list):
        return (
            isinstance(said, list)
            and len(said) == len(want)
            and all(_same(a, b) for a, b in zip(said, want, strict=True))
        )
    if isinstance(want, str):
        is_text = isinstance(said, str | int | float)
        text = said if isinstance(said, str) else json.dumps(said)
        return is_text and plain(str(text)) == plain(want)
    # True equals 1 in Python, not in JSON.
    return isinstance(said, bool) == isinstance(want, bool) and said == want


_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "nights": {"type": "integer", "minimum": 1}},
    "required": ["city", "nights"],
}
_GOLD = '{"city": "Lyon", "nights": 2}'
_WITH = {"schema": _SCHEMA}

GRADER = Grader(
    name="json_schema",
    grade=grade,
    fits=fits,
    check=check,
    parameters={"schema": None},
    examples=(
        Example(
            'Here: {"city": "LYON", "nights": 2}',
            _GOLD,
            Grade(Fraction(1), extracted='{"city": "LYON", "nights": 2}'),
            parameters=_WITH,
        ),
        Example(
            '{"city": "Lyon", "nights": 3}',
            _GOLD,
            Grade(Fraction(1, 2), "wrong or missing: nights", '{"city": "Lyon", "nights": 3}'),
            extras=_WITH,
        ),
        Example(
            '{"city": "Lyon", "nights": 0}',
            _GOLD,
            Grade(
                Fraction(0),
                "invalid at $.nights: minimum is not met",
                '{"city": "Lyon", "nights": 0}',
            ),
            parameters=_WITH,
        ),
        Example("two nights in Lyon", _GOLD, Grade(Fraction(0), "no JSON in the answer")),
        Example("", _GOLD, Grade.unscored("the answer holds nothing")),
    ),
)
