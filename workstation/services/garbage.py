"""Fewer looks for garbage, in processes whose objects live as long as they do or come by the hundred thousand."""

from __future__ import annotations

import gc

#: Objects made before a look for garbage among the youngest, and how many such looks before the older are looked at.
THRESHOLDS = (50_000, 20, 50)
#: Seconds between two looks at a time when nobody waits, and from how many new objects on: a look at 50,000 takes up
#: to 70 ms, and would come in the midst of a dialog that opens.
TIDY_S, TIDY = 1.0, 5_000


def look_less() -> None:
    """Leave what was loaded so far out of every look for garbage, and look less often."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def tidy() -> bool:
    """Look for garbage now that nobody waits, as far back as :data:`THRESHOLDS` say; False where there is little."""
    young, middle, old = gc.get_count()
    if young < TIDY:
        return False
    gc.collect(2 if old > THRESHOLDS[2] else 1 if middle > THRESHOLDS[1] else 0)
    return True
