"""Who is in the demo, without anything that takes time to import: the first frame needs the names only."""

from __future__ import annotations

LOGINS: tuple[str, ...] = ("ana.k", "joao.m", "mira.t", "sam.o", "yuki.h", "olga.p", "lea.w", "aud.r")
