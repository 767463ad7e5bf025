"""The distinct values of every field, and what the codes of each encoder mean among them."""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.batch import CODED
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.working.arena import END
from workstation.services.timeline.working.encoder import Block, Coded
from workstation.services.timeline.working.frame import Codes
from workstation.services.timeline.working.growing import Growing
from workstation.services.timeline.working.values import Distinct

#: Bytes of a value of some twenty letters, its code and their place in a dict.
_ENTRY = 150


class Tables:
    """Takes the new values of blocks, and says what their codes are here.

    The codes of a single encoder are ours: nothing is translated. With a second one every encoder has a table for each
    field, from its codes to ours, and a value is looked up before it is added.
    """

    def __init__(self) -> None:
        #: The distinct values by field.
        self.values = {name: Distinct() for name in FIELDS}
        self._due: dict[int, int] = {}
        self._ours: dict[int, dict[str, Growing]] = {}
        self._codes: dict[str, dict[bytes, int]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, about: those of the look-up are what CPython needs for a short value and its code."""
        tables = sum(table.nbytes for ours in self._ours.values() for table in ours.values())
        looked_up = sum(map(len, self._codes.values())) * _ENTRY
        return sum(values.nbytes for values in self.values.values()) + tables + looked_up

    def take(self, block: Block) -> dict[str, Codes]:
        """Return each field's codes, one for every event or one for all, and take its new values in.

        Raises:
            ValueError: it is not the next block of its encoder, or makes no sense; nothing was taken.
        """
        due = self._due.get(block.stream, 0)
        if block.number != due:
            raise ValueError(f"block {block.number} of events where {due} was due")
        if block.stream not in self._due and self._due:
            self._translate(block.stream)
        codes = {name: self._checked(block, name, coded) for name, coded in block.columns.items()}
        for name, coded in block.columns.items():
            self._add(block.stream, name, coded)
        self._due[block.stream] = due + 1
        if not self._ours:
            return codes
        ours = self._ours[block.stream]
        return {name: ours[name].view()[numbers] for name, numbers in codes.items()}

    def _checked(self, block: Block, name: str, coded: Coded) -> Codes:
        if name not in CODED or coded.width not in (0, 1, 2, 4) or len(coded.codes) % (coded.width or 4):
            raise ValueError(f"a block with a field {name!r} of {coded.width} bytes")
        numbers = coded.numbers()
        known = len(self._ours[block.stream][name]) if self._ours else len(self.values[name])
        if len(numbers) != (block.count if coded.width else 1) or coded.values.count(END) != coded.count:
            raise ValueError(f"a block whose {name} has another length")
        if len(numbers) and int(numbers.max()) >= known + coded.count:
            raise ValueError(f"a block with a code of {name} that has no value")
        return numbers

    def _add(self, stream: int, name: str, coded: Coded) -> None:
        if not self._ours:
            self.values[name].extend(coded.values)
            return
        codes, new, ours = self._codes[name], [], []
        for value in coded.values.split(END)[:-1]:
            if value not in codes:
                codes[value] = len(codes)
                new.append(value + END)
            ours.append(codes[value])
        self.values[name].extend(b"".join(new))
        self._ours[stream][name].extend(np.array(ours, np.uint32))

    def _translate(self, stream: int) -> None:
        """Begin to translate, or add an encoder to those that are."""
        if not self._ours:
            for name in CODED:
                values = self.values[name]
                self._codes[name] = {values.bytes_of(code): code for code in range(len(values))}
            (first,) = self._due
            self._ours[first] = {name: _table(len(self.values[name])) for name in CODED}
        self._ours[stream] = {name: _table(1) for name in CODED}


def _table(count: int) -> Growing:
    table = Growing(np.uint32)
    table.extend(np.arange(count, dtype=np.uint32))
    return table
