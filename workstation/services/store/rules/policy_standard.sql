-- The policy of a team's installation (docs/security.md, "Tiers"). Cool-down of tier 3: 24 h, the client's own minimum elsewhere.
INSERT INTO wsd.policy(act, tier, approvals, cooldown, min_level, approver_level, title, effect, reversible, param) VALUES
  ('lock', 0, 0, '0', 1, 2, 'Lock the account', 'Nobody can sign in until it is unlocked.', true, ''),
  ('end_sessions', 0, 0, '0', 1, 2, 'End all sessions', 'Every device is signed out at once.', false, ''),
  ('freeze_withdrawals', 0, 0, '0', 1, 2, 'Freeze withdrawals', 'Nothing can leave the account until the hold is lifted.', true, ''),
  ('unlock', 2, 1, '0', 2, 3, 'Unlock the account', 'Whoever has the password and a factor can sign in again.', true, ''),
  ('lift_hold', 2, 1, '0', 2, 3, 'Lift a withdrawal hold', 'Funds can leave the account again.', false, 'hold'),
  ('send_password_reset', 2, 1, '0', 2, 3, 'Send a password reset', 'A reset link goes to the address on record.', false, ''),
  ('remove_factor', 3, 1, '24 h', 3, 3, 'Remove a second factor', 'The account can be signed in to without this factor.', false, 'factor'),
  ('remove_client_lock', 4, 2, '0', 3, 3, 'Remove the client''s own lock', 'Not possible for anybody: the client set it for a time and it binds staff too.', false, '')
ON CONFLICT (act) DO UPDATE SET tier = excluded.tier, approvals = excluded.approvals, cooldown = excluded.cooldown, min_level = excluded.min_level,
  approver_level = excluded.approver_level, title = excluded.title, effect = excluded.effect, reversible = excluded.reversible, param = excluded.param;
INSERT INTO wsd.store_meta VALUES ('policy', 'standard') ON CONFLICT (key) DO UPDATE SET value = excluded.value;
