-- Roles of the whole cluster. Run as superuser, in any database; safe to repeat.
-- Nobody signs in as ws_owner and nobody is a member of it: what it owns changes by migration only.
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['ws_owner', 'ws_user', 'ws_l1', 'ws_l2', 'ws_senior', 'ws_lead', 'ws_auditor'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    END IF;
  END LOOP;
  -- Daemons sign in with passwords of their own, set by the installer (SCRAM, hashed on the client).
  FOREACH r IN ARRAY ARRAY['ws_executor', 'ws_courier', 'ws_notary', 'ws_reader'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT 8', r);
    END IF;
  END LOOP;
END $$;

GRANT ws_user TO ws_l1, ws_l2, ws_senior, ws_lead;
GRANT ws_l2 TO ws_senior;
-- Without it backend_start reads NULL inside SECURITY DEFINER, and an elevation could not be bound to a backend.
GRANT pg_read_all_stats TO ws_owner;
-- For ws.reap(): a role's time-outs are only defaults that the role itself may set to 0.
GRANT pg_signal_backend TO ws_owner;

-- The gate: makes logins, lets people in and out, and changes their level. It owns three functions (01_database.sql), each
-- for ordinary people's logins only, and nothing else; nobody is a member of it.
DO $$
DECLARE g text; how text;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'ws_gate') THEN
    CREATE ROLE ws_gate NOLOGIN NOINHERIT CREATEROLE;
  END IF;
  -- From 16 on, who may grant a role is written for each role, and does not follow from CREATEROLE.
  how := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'WITH ADMIN TRUE, INHERIT FALSE, SET FALSE' ELSE 'WITH ADMIN OPTION' END;
  FOREACH g IN ARRAY ARRAY['ws_l1', 'ws_l2', 'ws_senior', 'ws_lead', 'ws_auditor'] LOOP
    EXECUTE format('GRANT %I TO ws_gate %s', g, how);
  END LOOP;
END $$;
