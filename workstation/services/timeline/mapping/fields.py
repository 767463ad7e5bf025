"""Reading the same paths out of very many decoded records, by straight Python that is compiled once.

``text(record, "client.ipAddress")`` walks a path anew at every call; a mapper asks for thirty of them in every record.
:func:`reader` writes the walk out, every name on the way looked up once, and compiles it, as the standard library does
for dataclasses. What it finds is what :func:`~workstation.services.timeline.mapping.records.text` finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from workstation.services.timeline.mapping.records import ABSENT, plain, text

#: What a name leads to where it leads to no object.
_NOTHING: dict[str, Any] = {}


def reader(**wanted: str | tuple[str, ...]) -> Callable[[Any], Any]:
    """Return what reads a decoded record into an object with one text for each name.

    Args:
        wanted: name → dotted path, or several of which the first that holds something counts. Names and paths are
            ours, never a record's: they become code.

    Returns:
        A function of a record (of any shape) that gives an object with a ``str`` attribute for each name, ``""`` where
        there is nothing.
    """
    paths = {name: (said,) if isinstance(said, str) else said for name, said in wanted.items()}
    nodes: dict[tuple[str, ...], str] = {(): "n0"}
    lines = ["def read(record):", "    n0 = record if record.__class__ is dict else NOTHING"]
    for some in paths.values():
        for path in some:
            lines += _nodes(path, nodes)
    for name, some in paths.items():
        for number, path in enumerate(some):
            lines += _leaf(f"v_{name}", path, nodes, number)
    lines.append(f"    return Said({', '.join(f'v_{name}' for name in paths)})")
    said = msgspec.defstruct("Said", [(name, str) for name in paths], gc=False)
    known = {"Said": said, "NOTHING": _NOTHING, "ABSENT": ABSENT, "plain": plain, "text": text}
    exec("\n".join(lines), known)  # noqa: S102 - made above of our own names alone
    read: Callable[[Any], Any] = known["read"]  # type: ignore[assignment]
    return read


def _nodes(path: str, nodes: dict[tuple[str, ...], str]) -> list[str]:
    """Return the lines that look up the objects on the way of `path` that are not there yet."""
    parts, lines = path.split("."), []
    if _counts(parts):
        return []
    for depth in range(1, len(parts)):
        here = tuple(parts[:depth])
        if here not in nodes:
            above, node = nodes[here[:-1]], f"n{len(nodes)}"
            nodes[here] = node
            lines += [
                *_get(node, above, here[-1]),
                f"    if {node}.__class__ is not dict:",
                f"        {node} = NOTHING",
            ]
    return lines


def _leaf(variable: str, path: str, nodes: dict[tuple[str, ...], str], number: int) -> list[str]:
    """Return the lines that set `variable` to the text at `path`, the later ones of several only where it is empty."""
    parts = path.split(".")
    if _counts(parts):
        lines = [
            *_get(variable, "n0", parts[0]),
            f"    {variable} = '' if {variable} is None else text(n0, {path!r})",
        ]
    else:
        lines = [
            *_get(variable, nodes[tuple(parts[:-1])], parts[-1]),
            f"    if {variable}.__class__ is str:",
            f"        {variable} = {variable}.strip()",
            f"        if {variable} in ABSENT:",
            f"            {variable} = ''",
            "    else:",
            f"        {variable} = '' if {variable} is None else plain({variable})",
        ]
    return [f"    if not {variable}:", *(f"    {line}" for line in lines)] if number else lines


def _get(variable: str, node: str, name: str) -> list[str]:
    lines = [f"    {variable} = {node}.get({name!r})"]
    if name != name.lower():
        # Some stores fold the case of names.
        lines += [f"    if {variable} is None:", f"        {variable} = {node}.get({name.lower()!r})"]
    return lines


def _counts(parts: list[str]) -> bool:
    """Return whether a path leads through a place of a list; such ones are rare and read the general way."""
    return any(part.isdigit() for part in parts)
