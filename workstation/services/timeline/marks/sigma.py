"""Sigma rules as data: read with pySigma, refused where this product cannot keep their meaning, never half understood.

A rule is a YAML document of Sigma 2.1 (sigmahq.io/sigma-specification) with what this product needs besides under
``x-workstation``: ``why``, a sentence with ``{count}``, ``{span}`` and ``{field}`` of the events found; ``innocent``;
``tests``, examples with which a rule proves itself; and ``fold``, within which events are one finding. Its ``name`` is
its id here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationTimespan
from sigma.exceptions import SigmaError
from sigma.modifiers import modifier_mapping
from sigma.rule import SigmaRule

from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.imported import ORIGIN
from workstation.services.timeline.marks.matching import TIME, Question, compiled, question
from workstation.services.timeline.marks.places import Document, Refusal, RuleProblem, documents
from workstation.services.timeline.marks.ruled import Correlated, Plain, Texts
from workstation.services.timeline.working.frame import Check, Frame, Mask
from workstation.services.timeline.working.lookup import rows_where

#: Modifiers whose meaning is kept.
MODIFIERS = frozenset(
    {
        "all", "any", "cased", "cidr", "contains", "dotall", "endswith", "exists", "fieldref", "gt", "gte", "i",
        "ignorecase", "lt", "lte", "m", "multiline", "neq", "re", "s", "startswith",
    }
)  # fmt: skip
#: Modifiers of a time; they go with ``@timestamp`` alone.
PARTS = frozenset(("minute", "hour", "day", "month", "year"))
_HINTS = {
    "expand": "Write the values out.",
    "base64": "Write the encoded text.",
    "base64offset": "Write the encoded text.",
    "week": "Use day, month or hour.",
}
#: Log sources by product and service, and the dataset of their events; ``""`` means every event.
LOGSOURCES: dict[tuple[str, str], str] = {
    ("account", ""): "",
    ("aws", "cloudtrail"): "cloudtrail",
    ("okta", "okta"): "okta",
    ("azure", "signinlogs"): "entra",
    ("azure", "auditlogs"): "entra",
    ("gcp", "google_workspace.admin"): "google",
    ("m365", "audit"): "o365",
    ("cisco", "duo"): "duo",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{2,63}")
_HOLE = re.compile(r"\{([^{}]*)\}")
_OURS = frozenset(("why", "innocent", "tests", "fold"))
_LEVELS = {"informational": "low", "low": "low", "medium": "medium", "high": "high", "critical": "high"}
_FOLD = "1h"


class Example(msgspec.Struct, frozen=True):
    """An example that a rule carries: events as dotted ECS names, and whether the rule must find something in them.

    ``at`` of an event is the time after the first one (``90s``, ``5m``, ``2h``, ``3d``).
    """

    name: str
    fires: bool
    events: tuple[dict[str, str], ...]


class Loaded(msgspec.Struct, frozen=True):
    """What a file gave: rules, their examples, and what could not be used."""

    rules: tuple[Plain | Correlated, ...]
    examples: Mapping[str, tuple[Example, ...]]
    problems: tuple[RuleProblem, ...]


def read(text: str, file: str) -> Loaded:
    """Return the rules of a file. A rule that cannot be used is a problem and stops none of the others.

    Args:
        text: YAML, any number of documents.
        file: what the file is called in what is said of it.
    """
    reader = _Reader(file)
    try:
        for document in documents(text):
            reader.add(document)
    except Refusal as refusal:
        reader.refuse(None, refusal)
        return Loaded((), {}, tuple(reader.problems))
    return reader.finish()


class _Reader:
    """Reads the documents of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[RuleProblem] = []
        self._documents: dict[str, Document] = {}
        self._parsed: dict[str, SigmaRule | SigmaCorrelationRule] = {}
        self._questions: dict[str, Question] = {}

    def refuse(self, document: Document | None, refusal: Refusal) -> None:
        line = refusal.line or (document.line(refusal.path) if document else 1)
        self.problems.append(RuleProblem(self.file, line, refusal.what, refusal.hint))

    def add(self, document: Document) -> None:
        try:
            name = _name(document)
            if name in self._documents:
                raise Refusal(("name",), f"There are two rules “{name}”.", "Give one another name.")
            self._documents[name] = document
            self._parsed[name] = _parse(document, Path(self.file))
            rule = self._parsed[name]
            if isinstance(rule, SigmaRule):
                _logsource(rule)
                self._questions[name] = _of_source(_logsource(rule), _condition(rule))
        except Refusal as refusal:
            self.refuse(document, refusal)

    def finish(self) -> Loaded:
        used = self._used()
        rules: list[Plain | Correlated] = []
        examples: dict[str, tuple[Example, ...]] = {}
        for name, rule in self._parsed.items():
            document = self._documents[name]
            if name in used or (isinstance(rule, SigmaRule) and (name not in self._questions or _is_part(document))):
                continue
            try:
                texts, examples[name] = _texts(name, document, self.file), _examples(document)
                rules.append(self._made(name, rule, texts))
            except Refusal as refusal:
                self.refuse(document, refusal)
        return Loaded(tuple(rules), examples, tuple(self.problems))

    def _used(self) -> set[str]:
        """Return the rules that only serve correlations of this file."""
        out: set[str] = set()
        for rule in self._parsed.values():
            if isinstance(rule, SigmaCorrelationRule) and not rule.generate:
                out |= {reference.reference for reference in rule.rules or ()}
        return out

    def _made(self, name: str, rule: SigmaRule | SigmaCorrelationRule, texts: Texts) -> Plain | Correlated:
        if isinstance(rule, SigmaRule):
            return Plain(texts, self._questions[name])
        missing = [ref.reference for ref in rule.rules or () if ref.reference not in self._questions]
        if missing:
            hint = "It must be a plain rule of the same file, and a usable one."
            raise Refusal(("correlation", "rules"), f"The rule “{missing[0]}” is not there.", hint)
        return Correlated.of(texts, rule, self._questions)


def _is_part(document: Document) -> bool:
    """Return whether a rule only serves correlations: it has no level and explains nothing."""
    return not {"level", "x-workstation"} & set(document.value)


def _name(document: Document) -> str:
    value = document.value
    if not isinstance(value, dict):
        raise Refusal((), "It is no rule: it must be a mapping.", "See docs/marks.md for a rule to start from.")
    name = value.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = "Lower-case letters, digits and _, 3 to 64, as in “trail_stopped”."
        raise Refusal(("name",), "A rule needs a name, by which it is known ever after.", hint)
    return name


def _parse(document: Document, path: Path) -> SigmaRule | SigmaCorrelationRule:
    rule: Any = document.value
    if "filter" in rule or "action" in rule:
        raise Refusal(("filter",), "Sigma filters and actions are not read.", "Write the condition into the rule.")
    for name, detection in _mappings(rule.get("detection")):
        _check_keys(name, detection)
    kind = SigmaCorrelationRule if "correlation" in rule else SigmaRule
    try:
        parsed: SigmaRule | SigmaCorrelationRule = kind.from_dict(rule)
        SigmaCollection([parsed], resolve_references=False)
    except SigmaError as error:
        raise Refusal((_part_of(error),), f"It is no Sigma rule: {_plain(error)}.") from error
    except (TypeError, ValueError, AttributeError, KeyError) as error:  # what pySigma does not foresee in a shape
        raise Refusal((), f"It is no Sigma rule: {error}.", "See docs/marks.md for a rule to start from.") from error
    return parsed


def _mappings(detection: Any, path: tuple[str, ...] = ("detection",)) -> list[tuple[tuple[str, ...], dict[Any, Any]]]:
    """Return the mappings of fields in a detection, and where each stands."""
    out = []
    pairs = detection.items() if isinstance(detection, dict) else ()
    for name, value in pairs:
        here = (*path, str(name))
        if isinstance(value, dict):
            out.append((here, value))
        elif isinstance(value, list):
            out += [((*here, str(n)), item) for n, item in enumerate(value) if isinstance(item, dict)]
    return out


def _check_keys(path: tuple[str, ...], mapping: dict[Any, Any]) -> None:
    for key, value in mapping.items():
        field, *modifiers = str(key).split("|")
        here = (*path, str(key))
        if field not in FIELDS and field not in ("", TIME):
            hint = "The fields are those of docs/mapping.md, by their ECS names."
            raise Refusal(here, f"No event has a field “{field}”.", hint)
        for modifier in modifiers:
            if modifier in MODIFIERS or (modifier in PARTS and field == TIME):
                continue
            known = "is not supported" if modifier in modifier_mapping else "is no modifier of Sigma"
            hint = _HINTS.get(modifier, "Supported are " + ", ".join(sorted(MODIFIERS)) + ".")
            raise Refusal(here, f"The modifier “{modifier}” {known} here.", hint)
        if "re" in modifiers:
            _check_expressions(here, value if isinstance(value, list) else [value])


def _check_expressions(path: tuple[str, ...], sources: list[Any]) -> None:
    for source in sources:
        try:
            compiled(str(source))
        except Refusal as refusal:
            raise Refusal(path, refusal.what, refusal.hint) from refusal


def _part_of(error: SigmaError) -> str:
    name = type(error).__name__
    for part in ("Correlation", "Timespan", "Logsource", "Level", "Status", "Tag", "Title", "Date"):
        if part in name:
            return {"Timespan": "correlation", "Tag": "tags"}.get(part, part.lower())
    return "detection"


def _plain(error: SigmaError) -> str:
    return str(error.args[0] if error.args else error).rstrip(".")


def _logsource(rule: SigmaRule) -> str:
    """Return the dataset of a rule's events, ``""`` for all of them. Raises Refusal."""
    source = rule.logsource
    dataset = LOGSOURCES.get((source.product or "", source.service or ""))
    if dataset is None or source.category:
        named = " / ".join(filter(None, (source.product, source.service, source.category)))
        known = ", ".join(f"{product}/{service}" if service else product for product, service in LOGSOURCES)
        raise Refusal(("logsource",), f"There is no log source “{named}” here.", f"There is: {known}.")
    return dataset


def _of_source(dataset: str, asked: Question) -> Question:
    if not dataset:
        return asked

    def ask(frame: Frame, check: Check) -> Mask:
        values = frame.values("event.dataset")
        there = values.equal(dataset) | values.equal(ORIGIN + dataset)
        rows = rows_where(frame.codes("event.dataset"), there)
        return rows & asked(frame, check) if rows.any() else rows

    return ask


def _condition(rule: SigmaRule) -> Question:
    if len(rule.detection.parsed_condition) != 1:
        raise Refusal(("detection", "condition"), "A rule has one condition here.", "Join them with “or”.")
    try:
        tree = rule.detection.parsed_condition[0].parsed
    except SigmaError as error:
        raise Refusal(("detection", "condition"), f"The condition is not understood: {_plain(error)}.") from error
    return question(tree)


def _texts(name: str, document: Document, file: str) -> Texts:
    rule, ours = document.value, document.value.get("x-workstation")
    if not isinstance(ours, dict) or not ours.get("why") or not ours.get("innocent"):
        hint = "Say in “why” what was found and in “innocent” what would explain it harmlessly."
        raise Refusal(("x-workstation",), "A rule must explain itself.", hint)
    if unknown := sorted(set(map(str, ours)) - _OURS):
        raise Refusal(("x-workstation", unknown[0]), f"“{unknown[0]}” means nothing here.", "Leave it out.")
    level = str(rule.get("level", ""))
    if level not in _LEVELS:
        raise Refusal(("level",), "A rule needs a level.", "low, medium or high; high would hold up a withdrawal.")
    for hole in _HOLE.findall(str(ours["why"])):
        if hole not in ("count", "span") and hole not in FIELDS:
            hint = "There are {count}, {span} and every field of an event."
            raise Refusal(("x-workstation", "why"), f"“{{{hole}}}” stands for nothing.", hint)
    techniques = [tag[7:].upper() for tag in map(str, rule.get("tags") or ()) if re.fullmatch(r"attack\.t[0-9.]+", tag)]
    return Texts(
        id=name,
        title=str(rule.get("title", name)),
        severity=_LEVELS[level],
        why=" ".join(str(ours["why"]).split()),
        innocent=" ".join(str(ours["innocent"]).split()),
        technique=", ".join(techniques),
        where=f"{file}:{document.line()}",
        fold_us=span_us(str(ours.get("fold", _FOLD)), ("x-workstation", "fold")),
    )


def span_us(spec: str, path: Sequence[str]) -> int:
    """Return a span of time such as ``15m`` in microseconds. Raises Refusal."""
    try:
        return SigmaCorrelationTimespan(spec).seconds * 1_000_000
    except SigmaError as error:
        raise Refusal(path, f"“{spec}” is no span of time.", "As in 90s, 15m, 2h or 3d.") from error


def _examples(document: Document) -> tuple[Example, ...]:
    given = document.value["x-workstation"].get("tests") or ()
    try:
        examples = msgspec.convert(given, tuple[Example, ...])
    except msgspec.ValidationError as error:
        hint = "Each has name, fires (true or false) and events."
        raise Refusal(("x-workstation", "tests"), f"The examples are not understood: {error}.", hint) from error
    if {example.fires for example in examples} != {True, False}:
        hint = "Give at least one that it must find and one that it must not."
        raise Refusal(("x-workstation", "tests"), "A rule proves itself by examples.", hint)
    for example in examples:
        for event in example.events:
            if unknown := set(event) - set(FIELDS) - {"at"}:
                raise Refusal(("x-workstation", "tests"), f"No event has a field “{min(unknown)}”.")
    return examples
