"""All rules together: those that come with the product, and a team's own directory beside them.

A rulebook has a hash, which is kept with every judgement: a rule that was changed is another rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from workstation.services.timeline.marks.coded import CODED
from workstation.services.timeline.marks.model import Rule
from workstation.services.timeline.marks.places import RuleProblem
from workstation.services.timeline.marks.sigma import Example, read

SHIPPED = Path(__file__).with_name("rules")
#: Files of one directory; more is a mistake in the settings.
LIMIT_FILES = 1_000


class Rulebook(msgspec.Struct, frozen=True):
    """Rules in the order in which they are asked, the examples of those that have some, and what could not be used.

    ``digest`` is the SHA-256 of everything that decides what they find: the files and the code of the detectors.
    """

    rules: tuple[Rule, ...]
    examples: Mapping[str, tuple[Example, ...]]
    problems: tuple[RuleProblem, ...]
    digest: bytes

    @property
    def version(self) -> str:
        """A short name for :attr:`digest`."""
        return self.digest.hex()[:12]


def load(own: Path | None = None) -> Rulebook:
    """Return the shipped rules and, where `own` is given, the ``.yml`` files below that directory.

    A team's rule of a shipped rule's name takes its place. What cannot be read or used is a problem, never silence.
    """
    digest = hashlib.sha256()
    problems: list[RuleProblem] = []
    rules: dict[str, Rule] = {rule.about.id: rule for rule in CODED}
    examples: dict[str, tuple[Example, ...]] = {}
    for source in _code():
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    for directory in (SHIPPED, own):
        named: dict[str, str] = {}
        for path in _files(directory, problems) if directory else ():
            text = _text(path, problems)
            digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
            found = read(text, path.name)
            problems += found.problems
            for rule in found.rules:
                name = rule.about.id
                if name in named:
                    what = f"There is a rule “{name}” in {named[name]} too."
                    problems.append(RuleProblem(path.name, _line(rule), what, "Give one another name."))
                    continue
                named[name] = path.name
                rules[name], examples[name] = rule, found.examples[name]
    return Rulebook(tuple(rules.values()), examples, tuple(problems), digest.digest())


def _code() -> Sequence[Path]:
    """Return the files that decide what detectors find."""
    here = Path(__file__).parent
    return sorted((*here.glob("*.py"), *here.glob("coded/*.py")))


def _files(directory: Path, problems: list[RuleProblem]) -> Sequence[Path]:
    try:
        if not directory.is_dir():
            hint = "Make it, or leave the setting out."
            problems.append(RuleProblem(str(directory), 1, "There is no such directory of rules.", hint))
            return ()
        found = sorted(
            path for path in directory.rglob("*.y*ml") if path.is_file() and path.suffix in (".yml", ".yaml")
        )
    except OSError as error:
        problems.append(RuleProblem(str(directory), 1, f"The directory cannot be read: {error.strerror}."))
        return ()
    if len(found) > LIMIT_FILES:
        what = f"There are {len(found):,} files; only {LIMIT_FILES:,} are read."
        problems.append(RuleProblem(str(directory), 1, what, "Put several rules into one file."))
    return found[:LIMIT_FILES]


def _text(path: Path, problems: list[RuleProblem]) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        problems.append(RuleProblem(path.name, 1, f"The file cannot be read: {said}."))
        return ""


def _line(rule: Rule) -> int:
    return int(rule.about.where.rpartition(":")[2] or 1)
