"""Keycloak 26 as the account system: accounts, events and control through its Admin REST API.

Two clients of the realm with as little as works: the *reader* has ``view-users`` and ``view-events``, the
*writer*, which only the broker holds, ``manage-users`` or, better, a group permission
(``docs/connectors.md``). What the server really does, and where that differs from its documentation, was
tried on 26.7.3 and is kept by the tests under ``tests/real``.
"""
