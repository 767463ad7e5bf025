"""Where in a YAML file something stands, so that a refusal can name its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

#: A file of rules is written by people: a larger one is no file of rules.
LIMIT_BYTES = 256 * 1024


class RuleProblem(msgspec.Struct, frozen=True):
    """Why a rule cannot be used: the file, the line (from 1), what is wrong, and what to do."""

    file: str
    line: int
    what: str
    hint: str = ""

    def sentence(self) -> str:
        """Return all of it as one line."""
        return f"{self.file}:{self.line}: {self.what} {self.hint}".strip()


class Refusal(Exception):
    """Something in a rule cannot be used; `path` is where it stands below the document, or `line` its line."""

    def __init__(self, path: Sequence[str], what: str, hint: str = "", line: int = 0) -> None:
        super().__init__(what)
        self.path, self.what, self.hint, self.line = tuple(path), what, hint, line


class Document:
    """One YAML document: its value, and the line of everything in it."""

    def __init__(self, node: yaml.Node, value: Any) -> None:
        self._node = node
        self.value = value

    def line(self, path: Sequence[str] = ()) -> int:
        """Return the line of the deepest part of `path` that is there, from 1."""
        node, line = self._node, self._node.start_mark.line
        for name in path:
            found = _below(node, name)
            if found is None:
                break
            line, node = found
        return int(line) + 1


def documents(text: str) -> list[Document]:
    """Return the documents of a YAML text.

    Raises:
        Refusal: it is too large, no YAML, nested too deep, names a key twice, or uses anchors, which can grow without
            bound; it says the line.
    """
    if len(text.encode("utf-8", "replace")) > LIMIT_BYTES:
        raise Refusal((), "The file is too large.", f"Keep it below {LIMIT_BYTES // 1024} KiB; make several.", 1)
    try:
        return _documents(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it is not understood"
        raise Refusal((), f"It is no YAML: {said}.", line=mark.line + 1 if mark else 1) from error
    except yaml.YAMLError as error:
        raise Refusal((), f"It is no YAML: {error}.", line=1) from error
    except RecursionError as error:
        raise Refusal((), "It is nested too deep.", line=1) from error


def _documents(text: str) -> list[Document]:
    for token in yaml.scan(text, yaml.SafeLoader):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
            line = token.start_mark.line + 1
            raise Refusal((), "Anchors and aliases are not read here.", "Write the value out where it belongs.", line)
    loader, out = yaml.SafeLoader(text), []
    while loader.check_node():
        node = loader.get_node()
        assert node is not None
        _refuse_twice(node)
        out.append(Document(node, loader.construct_document(node)))
    return out


def _refuse_twice(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise Refusal((), f"“{key.value}” is there twice.", "Leave one.", key.start_mark.line + 1)
            seen.add(str(key.value))
            _refuse_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(item)


def _below(node: yaml.Node, name: str) -> tuple[int, yaml.Node] | None:
    """Return the line and node of a key of a mapping, or of an item of a list by its place."""
    if isinstance(node, yaml.MappingNode):
        found = ((key.start_mark.line, value) for key, value in node.value if str(key.value) == name)
        return next(found, None)
    if isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        item = node.value[int(name)]
        return item.start_mark.line, item
    return None
