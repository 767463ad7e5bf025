"""Queries in the languages of stores, as far as they go there without losing an event.

A store keeps fewer or more events than the query: it compares cases, times and addresses in its own way. So every
condition is pushed as two *bounds*: a lower one that keeps nothing the query would not keep, and an upper one that
keeps everything it would. A ``not`` changes them over. What is sent is the upper bound of the whole; the query itself
always runs on what came.
"""

from __future__ import annotations
