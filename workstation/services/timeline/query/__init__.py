"""The query language of timelines: Lucene's syntax, asked of columns (``docs/query.md``).

``language.parse`` reads, ``evaluate.mask`` asks a working set, ``one.matches`` asks a single event, ``edit`` changes
what is asked a chip at a time, ``complete`` proposes, ``push`` says it in the language of a store.
"""
