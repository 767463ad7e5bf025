"""Where checkpoints go: each sink keeps what it was given once, and says when it knows something else."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from workstation.services.audit import disk
from workstation.services.errors import WorkstationError


class Forked(WorkstationError):
    """History is not what was signed, or somebody else signed in our name: people have to look before anything else."""


class Sink(Protocol):
    """One place."""

    @property
    def name(self) -> str:
        """What sentences call it."""
        ...

    def largest(self) -> int:
        """Return the largest size that is there, 0 where there is none. Raises OSError."""
        ...

    def put(self, size: int, content: str) -> None:
        """Keep a checkpoint; the same one again is no error. Raises Forked, OSError."""
        ...


class DirectorySink:
    """Write-once files in a directory, a folder for a thousand. A WORM bucket or another machine is mounted there.

    Args:
        directory: made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def name(self) -> str:
        """What sentences call it."""
        return str(self._directory)

    def largest(self) -> int:
        """Return the largest size that is there, 0 where there is none. Raises OSError."""
        folders = sorted((f for f in self._directory.glob("*") if f.name.isdigit()), reverse=True)
        for folder in folders:
            if sizes := [int(f.stem) for f in folder.glob("*.checkpoint") if f.stem.isdigit()]:
                return max(sizes)
        return 0

    def put(self, size: int, content: str) -> None:
        """Write the file of this size, read-only, on the disk when this returns.

        Raises:
            Forked: there is another one of this size.
            OSError: the disk says no.
        """
        path = self._directory / f"{size // 1000:06}" / f"{size:09}.checkpoint"
        try:
            disk.write_once(path, content.encode())
        except FileExistsError as error:
            raise Forked(
                f"{self.name} holds another checkpoint {size} than the one that would be signed.",
                "Keep both files: they show that the notary's disk or key is in other hands.",
            ) from error
