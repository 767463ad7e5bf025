"""Named, explained findings over events: rules as data (Sigma) and coded detectors. ``docs/marks.md`` says more.

:func:`~workstation.services.timeline.marks.rulebook.load` reads the rules,
:func:`~workstation.services.timeline.marks.finder.find` asks them of a frame. Nothing here is imported before somebody
wants marks: it loads numpy and pySigma.
"""
