-- Rights on this database and on what PostgreSQL gives to everybody. Run as superuser; safe to repeat, and
-- needed again after a major upgrade and after CREATE DATABASE … TEMPLATE (which does not copy database rights).
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO ws_user, ws_auditor, ws_executor, ws_courier, ws_notary', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

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
            OR proname IN ('lowrite', 'loread', 'pg_logical_emit_message', 'pg_export_snapshot', 'pg_notify'))
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
END $$;

CREATE SCHEMA IF NOT EXISTS wsd AUTHORIZATION ws_owner;
GRANT USAGE ON SCHEMA wsd TO ws_user, ws_auditor, ws_executor, ws_courier, ws_notary;
GRANT pg_read_all_stats, pg_signal_backend TO ws_owner;
