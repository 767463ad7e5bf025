-- Rights on this database and on what PostgreSQL gives to everybody. Run as superuser; safe to repeat, and
-- needed again after a major upgrade and after CREATE DATABASE … TEMPLATE (which does not copy database rights).
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO ws_user, ws_auditor, ws_executor, ws_courier, ws_notary, ws_reader', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Nobody writes code here. A DO block would forge lines of the server's log (RAISE LOG 'WS_DENY …') and burn transaction numbers by
-- the million; the rules' own functions need the language only when they are made.
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql, sql TO ws_owner, ws_gate;

-- A sort of somebody's does not fill the disk; only a superuser changes this setting. What an administrator has set stays.
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database(), unnest(s.setconfig) c
                  WHERE s.setrole = 0 AND c LIKE 'temp_file_limit=%') THEN
    EXECUTE format('ALTER DATABASE %I SET temp_file_limit = %L', current_database(), '256MB');
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'temp_file_limit could not be set for this database: set it for the server';
END $$;

-- Any login could otherwise fill the disk (large objects, WAL messages) or the shared lock table (advisory locks),
-- and so stop everybody else.
DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN
    SELECT oid FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace
       AND (proname ~ '^pg_(try_)?advisory_(xact_)?lock'
            OR proname ~ '^(lo_|be_lo_)'
            -- who works here now, what they hold, how much was written where and how large it is
            OR proname ~ '^pg_stat_get_' OR proname ~ '^pg_(table|relation|total_relation|indexes|database|tablespace)_size$'
            OR proname IN ('pg_lock_status', 'pg_blocking_pids', 'pg_safe_snapshot_blocking_pids', 'pg_isolation_test_session_is_blocked')
            OR proname IN ('lowrite', 'loread', 'pg_logical_emit_message', 'pg_export_snapshot', 'pg_notify'))
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    IF f::text ~ '^pg_(stat_get_|lock_status)' OR f::text ~ '_size\(' THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ws_owner, pg_monitor', f);
    END IF;
  END LOOP;
END $$;

-- No daemon waits long for a lock that a person's open transaction holds. In this database only, where the cluster has others; and
-- what an administrator has set for it stays.
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['ws_executor', 'ws_courier', 'ws_notary', 'ws_reader'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
                     JOIN pg_roles o ON o.oid = s.setrole AND o.rolname = r, unnest(s.setconfig) c WHERE c LIKE 'lock_timeout=%') THEN
      EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L', r, current_database(), '1s');
    END IF;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  -- roles that somebody else made and owns: every function of the rules has a lock_timeout of its own (90_rights.sql)
  RAISE WARNING 'lock_timeout could not be set for the daemons'' roles';
END $$;

CREATE SCHEMA IF NOT EXISTS wsd AUTHORIZATION ws_owner;
GRANT USAGE ON SCHEMA wsd TO ws_user, ws_auditor, ws_executor, ws_courier, ws_notary, ws_reader;
GRANT pg_read_all_stats, pg_signal_backend TO ws_owner;

-- The gate's functions. Only the rules (ws_owner) call them; they refuse everything that is not an ordinary person's login.
CREATE SCHEMA IF NOT EXISTS wsg;
REVOKE ALL ON SCHEMA wsg FROM PUBLIC;
GRANT USAGE ON SCHEMA wsg TO ws_owner, ws_gate;

CREATE OR REPLACE FUNCTION wsg.check_login(p_login text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_login IS NULL OR p_login !~ '^[a-z][a-z0-9._-]{0,39}$' OR p_login ~ '^(ws|pg)_' THEN
    RAISE EXCEPTION '% is not a name for a person''s login', p_login USING ERRCODE = '42602';
  END IF;
  IF EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = p_login
                AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
                     OR EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                                 WHERE m.member = r.oid AND g.rolname NOT IN ('ws_l1', 'ws_l2', 'ws_senior', 'ws_lead', 'ws_auditor')))) THEN
    RAISE EXCEPTION '% is more than a person''s login', p_login USING ERRCODE = '42501';
  END IF;
END $$;

-- The password comes as its SCRAM-SHA-256 verifier, made where it was typed.
CREATE OR REPLACE FUNCTION wsg.make_login(p_login text, p_verifier text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM wsg.check_login(p_login);
  IF p_verifier IS NULL OR p_verifier !~ '^SCRAM-SHA-256\$[0-9]{4,9}:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN
    RAISE EXCEPTION 'the password must come as a SCRAM verifier' USING ERRCODE = '28P01';
  END IF;
  EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT 8 PASSWORD %L', p_login, p_verifier);
END $$;

CREATE OR REPLACE FUNCTION wsg.let_in(p_login text, p_in boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM wsg.check_login(p_login);
  EXECUTE format('ALTER ROLE %I %s', p_login, CASE WHEN p_in THEN 'LOGIN' ELSE 'NOLOGIN' END);
END $$;

CREATE OR REPLACE FUNCTION wsg.set_group(p_login text, p_group text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE g text;
BEGIN
  PERFORM wsg.check_login(p_login);
  IF p_group IS NULL OR p_group NOT IN ('ws_l1', 'ws_l2', 'ws_senior', 'ws_lead', 'ws_auditor') THEN
    RAISE EXCEPTION '% is not a group of people', p_group USING ERRCODE = '42501';
  END IF;
  FOR g IN SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
            WHERE l.rolname = p_login AND r.rolname <> p_group LOOP
    EXECUTE format('REVOKE %I FROM %I', g, p_login);
  END LOOP;
  EXECUTE format('GRANT %I TO %I', p_group, p_login);
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'wsg'::regnamespace LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO ws_gate', f);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ws_owner', f);
  END LOOP;
END $$;
