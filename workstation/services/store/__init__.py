"""PostgreSQL: the embedded server, migrations, rules, and one session for each signed-in person."""
