-- The simulated exchange's state. Everything that has an effect is one transaction.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- body: the account as the contract shows it, but its version; head: secrets and people, never shown.
CREATE TABLE account (
  id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, body BLOB NOT NULL, head BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE handle (value TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (value, account)) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  account TEXT NOT NULL, time_us INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, dataset TEXT NOT NULL, action TEXT NOT NULL, body BLOB NOT NULL,
  -- What other accounts may have too; '' where the event has none.
  device TEXT NOT NULL, ip TEXT NOT NULL, asn TEXT NOT NULL, target TEXT NOT NULL
) STRICT;
CREATE INDEX event_in_order ON event (account, time_us, id);
CREATE INDEX event_of_a_log ON event (account, dataset, time_us, id);
CREATE INDEX event_device ON event (device, account, time_us) WHERE device <> '';
CREATE INDEX event_ip ON event (ip, account, time_us) WHERE ip <> '';
CREATE INDEX event_asn ON event (asn, account, time_us) WHERE asn <> '';
CREATE INDEX event_target ON event (target, account, time_us) WHERE target <> '';

CREATE TABLE session (id TEXT PRIMARY KEY, account TEXT NOT NULL, ended_us INTEGER) STRICT, WITHOUT ROWID;
-- An act's key and what was answered; request is the SHA-256 of account and body.
CREATE TABLE receipt (key TEXT PRIMARY KEY, request BLOB NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- Mails and short messages of the exchange to its clients; written to their mailboxes after the transaction.
CREATE TABLE letter (
  id INTEGER PRIMARY KEY, channel TEXT NOT NULL, address TEXT NOT NULL, raw BLOB NOT NULL, delivered INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX letter_of ON letter (channel, address, id);
CREATE TABLE reset_link (token TEXT PRIMARY KEY, account TEXT NOT NULL, until_us INTEGER NOT NULL, used_us INTEGER) STRICT, WITHOUT ROWID;

-- Links of support's notices that were used on the exchange's page, as they came: support alone can tell which are real.
CREATE TABLE veto (id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;

-- What people are about to do by themselves, and who answers mail at which address.
CREATE TABLE errand (
  id INTEGER PRIMARY KEY, account TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, due_us INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX errand_due ON errand (done, due_us);
CREATE TABLE correspondent (address TEXT PRIMARY KEY, account TEXT NOT NULL, who TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE story (account TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- A mail that the courier put into `outgoing`: seen once, answered at most once.
CREATE TABLE seen_mail (
  file TEXT PRIMARY KEY, account TEXT NOT NULL, thread TEXT NOT NULL, who TEXT NOT NULL, due_us INTEGER, answered INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_due ON seen_mail (answered, due_us);
CREATE INDEX seen_thread ON seen_mail (account, thread);
