-- The ground: canonical encoding, the audit chain, who is asking. Run as ws_owner inside the migration's transaction.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Length-prefixed fields: no value can imitate a separator, and NULL is not ''.
CREATE OR REPLACE FUNCTION wsd.lp(VARIADIC f text[]) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT convert_to(coalesce(string_agg(CASE WHEN x IS NULL THEN '-1:' ELSE octet_length(x) || ':' || x END, '' ORDER BY i), ''), 'UTF8')
    FROM unnest(f) WITH ORDINALITY t(x, i)
$$;

-- Hashed times never depend on anybody's TimeZone or DateStyle.
CREATE OR REPLACE FUNCTION wsd.iso(t timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
$$;

CREATE OR REPLACE FUNCTION wsd.append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['audit', 'approval', 'evidence', 'note', 'imported_event'] LOOP
    EXECUTE format('CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.%I FOR EACH ROW EXECUTE FUNCTION wsd.append_only()', t);
    EXECUTE format('CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.%I FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only()', t);
  END LOOP;
END $$;

-- A stale snapshot would let a rule see the world as it was: REPEATABLE READ and SERIALIZABLE are refused.
CREATE OR REPLACE FUNCTION wsd.must_read_committed() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'read committed required' USING ERRCODE = '25001';
  END IF;
END $$;

-- Nobody's own work makes more than 20,000 records in ten minutes: a login that does fills the disk that the others write to. At
-- half of that leads are told; at the end it is refused, which the server's log keeps. Daemons and installers are not bound.
CREATE OR REPLACE FUNCTION wsd.not_a_flood(h wsd.audit_head) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff; ago interval;
BEGIN
  SELECT clock_timestamp() - a.ts INTO ago FROM wsd.audit a WHERE a.chain = h.chain AND a.seq = h.seq - 19999;
  IF ago >= interval '10 min' AND h.seq % 500 <> 0 THEN RETURN; END IF;
  SELECT * INTO s FROM wsd.staff WHERE login = h.chain;
  IF s.login IS NULL THEN RETURN; END IF;
  IF ago < interval '10 min' THEN
    RAISE LOG 'WS_ALERT user=% kind=audit_flood account=', h.chain;
    RAISE EXCEPTION 'too many records in ten minutes' USING ERRCODE = '53400';
  END IF;
  SELECT clock_timestamp() - a.ts INTO ago FROM wsd.audit a WHERE a.chain = h.chain AND a.seq = h.seq - 9999;
  IF ago < interval '10 min' THEN PERFORM wsd.view_alert(s, 'audit_flood', '', NULL, 'fills the audit: ten thousand records in ten minutes, most likely by a program.'); END IF;
END $$;

-- One chain per login: a global head would let anybody with an open transaction stop everybody.
CREATE OR REPLACE FUNCTION wsd.log(p_event text, p_outcome text, p_object text, p_payload jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  h wsd.audit_head;
  a wsd.audit;
BEGIN
  SELECT * INTO h FROM wsd.audit_head WHERE chain = session_user::text FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no audit chain for %', session_user USING ERRCODE = '42501';
  END IF;
  IF h.seq >= 10000 AND (h.seq >= 20000 OR h.seq % 500 = 0) THEN PERFORM wsd.not_a_flood(h); END IF;
  a.chain := session_user::text;
  a.seq := h.seq + 1;
  a.ts := clock_timestamp();
  a.actor := session_user::text;
  SELECT s.person_id, s.level INTO a.person, a.level FROM wsd.staff s WHERE s.login = session_user::text;
  a.app := left(current_setting('application_name', true), 64);
  a.client := inet_client_addr();
  a.backend_pid := pg_backend_pid();
  a.event := p_event;
  a.outcome := p_outcome;
  a.object := left(coalesce(p_object, ''), 400);
  a.payload := p_payload::text;
  a.prev_hash := h.hash;
  a.hash := sha256(h.hash || wsd.lp(a.chain, a.seq::text, wsd.iso(a.ts), a.actor, a.person, a.level::text, a.app,
                                    host(a.client), a.backend_pid::text, a.event, a.outcome, a.object, a.payload));
  INSERT INTO wsd.audit SELECT a.*;
  UPDATE wsd.audit_head SET seq = a.seq, hash = a.hash WHERE chain = a.chain;
  RETURN a.hash;
END $$;

-- What somebody typed, as one word of a line of the server's log: it can neither begin a line nor imitate a field.
CREATE OR REPLACE FUNCTION wsd.loggable(p text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT regexp_replace(left(coalesce(p, ''), 200), '[^!-<>-~]+', '_', 'g') $$;

-- The server log keeps what a ROLLBACK takes out of the table.
CREATE OR REPLACE FUNCTION wsd.deny(p_event text, p_object text, p_why text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE LOG 'WS_DENY user=% event=% object=% why=%', session_user, p_event, wsd.loggable(p_object), p_why;
  PERFORM wsd.log(p_event, 'denied', p_object, jsonb_build_object('why', p_why));
  RETURN jsonb_build_object('denied', p_why);
END $$;

CREATE OR REPLACE FUNCTION wsd.me() RETURNS wsd.staff
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff;
BEGIN
  PERFORM wsd.must_read_committed();
  SELECT * INTO s FROM wsd.staff WHERE login = session_user::text AND enabled;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'not enrolled or disabled' USING ERRCODE = '42501';
  END IF;
  RETURN s;
END $$;

-- Like sudo's tty and session leader: a pid alone is recycled, a pid with its start time is not.
CREATE OR REPLACE FUNCTION wsd.my_start() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a
$$;

CREATE OR REPLACE FUNCTION wsd.name_of(p_login text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT name FROM wsd.staff WHERE login = p_login), p_login, '')
$$;

-- What a team's leads must see the same day.
CREATE OR REPLACE FUNCTION wsd.raise_alert(p_team text, p_kind text, p_about text, p_case bigint, p_text text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.alert(team, kind, about, case_id, text) VALUES (coalesce(p_team, ''), p_kind, coalesce(p_about, ''), p_case, left(p_text, 2000))
$$;

CREATE FUNCTION ws.whoami() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  PERFORM wsd.log('sign_in', 'ok', s.login, '{}');
  RETURN jsonb_build_object('login', s.login, 'person_id', s.person_id, 'name', s.name, 'level', s.level, 'role', s.role,
                            'team', s.team, 'languages', to_jsonb(s.languages),
                            'policy', (SELECT value FROM wsd.store_meta WHERE key = 'policy'),
                            'schema', (SELECT value FROM wsd.store_meta WHERE key = 'schema'));
END $$;

CREATE FUNCTION ws.audit_page(p_before timestamptz, p_limit int) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); n int := least(greatest(p_limit, 1), 1000);
BEGIN
  PERFORM wsd.log('audit.read', 'ok', '', jsonb_build_object('before', p_before, 'limit', n));
  RETURN (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.at DESC), '[]') FROM (
    SELECT a.chain, a.seq, a.ts AS at, a.actor, a.level, a.event, a.outcome, a.object, a.payload, encode(a.hash, 'hex') AS hash
      FROM wsd.audit a
     WHERE (p_before IS NULL OR a.ts < p_before) AND (s.role IN ('lead', 'auditor') OR a.chain = s.login)
     ORDER BY a.ts DESC LIMIT n) r);
END $$;

-- The own chain, to be verified on the own machine; in whatever transaction it is read.
CREATE FUNCTION ws.my_chain() RETURNS SETOF wsd.audit
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.* FROM wsd.audit a WHERE a.chain = session_user::text AND EXISTS (SELECT 1 FROM wsd.staff s WHERE s.login = session_user::text AND s.enabled)
$$;
GRANT EXECUTE ON FUNCTION ws.my_chain() TO ws_user;
