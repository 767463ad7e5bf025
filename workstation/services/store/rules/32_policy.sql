-- The policy: its hash, the guard that keeps it as it was signed, and the one way to change it.

-- Over every field of every policy table, each with its length before it, in one order; the twin is in policy/document.py.
CREATE OR REPLACE FUNCTION wsd.policy_hash() RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT sha256(
    coalesce((SELECT wsd.lp('ws-policy-v1', h.version::text, h.text) FROM wsd.policy_head h), wsd.lp('ws-policy-v1', '0', ''))
    || coalesce((SELECT string_agg(wsd.lp('act', p.act, p.tier::text, p.approvals::text, p.approvals_more::text, extract(epoch FROM p.cooldown)::bigint::text,
         p.min_level::text, p.approver_level::text, p.title, p.effect, p.reversible::text, p.param, extract(epoch FROM p.approve_within)::bigint::text,
         extract(epoch FROM p.execute_within)::bigint::text, p.vetoable::text, extract(epoch FROM p.hold)::bigint::text), '' ORDER BY p.act COLLATE "C") FROM wsd.policy p), '')
    || coalesce((SELECT string_agg(wsd.lp('reason', r.act, r.code), '' ORDER BY r.act COLLATE "C", r.code COLLATE "C") FROM wsd.policy_reason r), '')
    || coalesce((SELECT string_agg(wsd.lp('need', n.act, n.need::text, n.class), '' ORDER BY n.act COLLATE "C", n.need, n.class COLLATE "C") FROM wsd.policy_need n), '')
    || coalesce((SELECT string_agg(wsd.lp('blocker', b.act, b.code, extract(epoch FROM b.span)::bigint::text, b.unknown_needs), '' ORDER BY b.act COLLATE "C", b.code COLLATE "C") FROM wsd.policy_blocker b), '')
    || coalesce((SELECT string_agg(wsd.lp('limit', l.name, l.value::text), '' ORDER BY l.name COLLATE "C") FROM wsd.policy_limit l), ''))
$$;

CREATE OR REPLACE FUNCTION wsd.limit_of(p_name text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT value FROM wsd.policy_limit WHERE name = p_name $$;

-- Against the hand that slips: a superuser can step around it, and then the policy's hash is one that nobody signed.
CREATE OR REPLACE FUNCTION wsd.policy_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_setting('wsd.policy_change', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    RAISE EXCEPTION 'the policy changes by a file that two people signed: workstation admin policy install' USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['policy', 'policy_reason', 'policy_need', 'policy_blocker', 'policy_limit', 'policy_head'] LOOP
    EXECUTE format('CREATE TRIGGER signed_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON wsd.%I FOR EACH STATEMENT EXECUTE FUNCTION wsd.policy_guard()', t);
  END LOOP;
  CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.policy_edition FOR EACH ROW EXECUTE FUNCTION wsd.append_only();
  CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.policy_edition FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();
END $$;

CREATE OR REPLACE FUNCTION wsd.seconds(t text) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT make_interval(secs => t::double precision) $$;

-- Replaces the whole policy by the rows of a file. An act that was asked for once cannot leave the policy; it can be closed.
CREATE OR REPLACE FUNCTION wsd.put_policy(p jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('wsd.policy_change', pg_current_xact_id()::text, true);
  DELETE FROM wsd.policy_reason;
  DELETE FROM wsd.policy_need;
  DELETE FROM wsd.policy_blocker;
  DELETE FROM wsd.policy_limit;
  DELETE FROM wsd.policy_head;
  INSERT INTO wsd.policy(act, tier, approvals, approvals_more, cooldown, min_level, approver_level, title, effect, reversible, param, approve_within, execute_within, vetoable, hold)
  SELECT r ->> 1, (r ->> 2)::smallint, (r ->> 3)::smallint, (r ->> 4)::smallint, wsd.seconds(r ->> 5), (r ->> 6)::smallint, (r ->> 7)::smallint, r ->> 8, r ->> 9,
         (r ->> 10)::boolean, r ->> 11, wsd.seconds(r ->> 12), wsd.seconds(r ->> 13), (r ->> 14)::boolean, wsd.seconds(r ->> 15)
    FROM jsonb_array_elements(p) r WHERE r ->> 0 = 'act'
  ON CONFLICT (act) DO UPDATE SET tier = excluded.tier, approvals = excluded.approvals, approvals_more = excluded.approvals_more, cooldown = excluded.cooldown,
    min_level = excluded.min_level, approver_level = excluded.approver_level, title = excluded.title, effect = excluded.effect, reversible = excluded.reversible,
    param = excluded.param, approve_within = excluded.approve_within, execute_within = excluded.execute_within, vetoable = excluded.vetoable, hold = excluded.hold;
  INSERT INTO wsd.policy_reason(act, code) SELECT r ->> 1, r ->> 2 FROM jsonb_array_elements(p) r WHERE r ->> 0 = 'reason';
  INSERT INTO wsd.policy_need(act, need, class) SELECT r ->> 1, (r ->> 2)::smallint, r ->> 3 FROM jsonb_array_elements(p) r WHERE r ->> 0 = 'need';
  INSERT INTO wsd.policy_blocker(act, code, span, unknown_needs) SELECT r ->> 1, r ->> 2, wsd.seconds(r ->> 3), r ->> 4 FROM jsonb_array_elements(p) r WHERE r ->> 0 = 'blocker';
  INSERT INTO wsd.policy_limit(name, value) SELECT r ->> 1, (r ->> 2)::bigint FROM jsonb_array_elements(p) r WHERE r ->> 0 = 'limit';
  INSERT INTO wsd.policy_head(version, text) SELECT (r ->> 1)::int, r ->> 2 FROM jsonb_array_elements(p) r WHERE r ->> 0 = 'ws-policy-v1';
  INSERT INTO wsd.store_meta(key, value) SELECT 'policy', h.text FROM wsd.policy_head h ON CONFLICT (key) DO UPDATE SET value = excluded.value;
  PERFORM set_config('wsd.policy_change', '', true);
END $$;

-- Whoever installs has a chain like everybody else, so that what he did is on record.
CREATE OR REPLACE FUNCTION wsd.installers_chain() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.audit_head(chain, seq, hash) VALUES (session_user::text, 0, sha256(wsd.lp('genesis', session_user::text))) ON CONFLICT DO NOTHING
$$;

-- What a release brings is in force until two people sign another; a newer release replaces an older one, never a signed policy.
CREATE FUNCTION ws.install_release(p jsonb, p_hash bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE last wsd.policy_edition;
BEGIN
  LOCK TABLE wsd.policy_edition IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO last FROM wsd.policy_edition ORDER BY version DESC LIMIT 1;
  IF last.key1 IS NOT NULL OR last.hash = p_hash THEN RETURN false; END IF;
  PERFORM wsd.put_policy(p);
  IF wsd.policy_hash() IS DISTINCT FROM p_hash THEN RAISE EXCEPTION 'the policy in the tables is not the one of the file'; END IF;
  PERFORM wsd.installers_chain();
  INSERT INTO wsd.policy_edition(version, text, hash, prev_hash, installed_by)
  SELECT h.version, h.text, p_hash, coalesce(last.hash, decode(repeat('00', 32), 'hex')), session_user::text FROM wsd.policy_head h;
  PERFORM wsd.log('policy.release', 'ok', encode(p_hash, 'hex'), jsonb_build_object('version', (SELECT version FROM wsd.policy_head), 'old', encode(last.hash, 'hex')));
  RETURN true;
END $$;

-- The signatures were verified by the caller, who is the installer; they are kept, so that anybody can verify them again.
CREATE FUNCTION ws.change_policy(p jsonb, p_prev bytea, p_hash bytea, p_signed jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  k1 wsd.policy_key;
  k2 wsd.policy_key;
  old int;
BEGIN
  LOCK TABLE wsd.policy_edition IN SHARE ROW EXCLUSIVE MODE;
  SELECT version INTO old FROM wsd.policy_head;
  IF wsd.policy_hash() IS DISTINCT FROM p_prev THEN RAISE EXCEPTION 'the signatures replace another policy than the one in force' USING ERRCODE = '22023'; END IF;
  SELECT k.* INTO k1 FROM wsd.policy_key k JOIN wsd.staff s ON s.login = k.login AND s.enabled AND (s.role = 'lead' OR s.role = 'analyst' AND s.level >= 3)
   WHERE k.public_key = decode(p_signed -> 0 ->> 'key', 'hex') AND k.revoked IS NULL;
  SELECT k.* INTO k2 FROM wsd.policy_key k JOIN wsd.staff s ON s.login = k.login AND s.enabled AND (s.role = 'lead' OR s.role = 'analyst' AND s.level >= 3)
   WHERE k.public_key = decode(p_signed -> 1 ->> 'key', 'hex') AND k.revoked IS NULL;
  IF k1.person_id IS NULL OR k2.person_id IS NULL THEN RAISE EXCEPTION 'a signature is not of a lead or senior who is enabled and whose key is enrolled' USING ERRCODE = '42501'; END IF;
  IF k1.person_id = k2.person_id THEN RAISE EXCEPTION 'two different people must sign' USING ERRCODE = '42501'; END IF;
  PERFORM wsd.put_policy(p);
  IF wsd.policy_hash() IS DISTINCT FROM p_hash THEN RAISE EXCEPTION 'the policy in the tables is not the one that was signed' USING ERRCODE = '22023'; END IF;
  IF (SELECT version FROM wsd.policy_head) <> old + 1 THEN RAISE EXCEPTION 'the version after % is %', old, old + 1 USING ERRCODE = '22023'; END IF;
  PERFORM wsd.installers_chain();
  INSERT INTO wsd.policy_edition(version, text, hash, prev_hash, person1, key1, signature1, person2, key2, signature2, installed_by)
  SELECT h.version, h.text, p_hash, p_prev, k1.person_id, k1.public_key, decode(p_signed -> 0 ->> 'signature', 'hex'), k2.person_id, k2.public_key,
         decode(p_signed -> 1 ->> 'signature', 'hex'), session_user::text FROM wsd.policy_head h;
  PERFORM wsd.log('policy.change', 'ok', encode(p_hash, 'hex'), jsonb_build_object('version', old + 1, 'old', encode(p_prev, 'hex'), 'new', encode(p_hash, 'hex'), 'signed', p_signed,
                                                                                'people', jsonb_build_array(k1.person_id, k2.person_id)));
END $$;

CREATE FUNCTION ws.enrol_policy_key(p_login text, p_key bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff;
BEGIN
  SELECT * INTO s FROM wsd.staff WHERE login = p_login AND enabled AND (role = 'lead' OR role = 'analyst' AND level >= 3);
  IF s.login IS NULL THEN RAISE EXCEPTION 'only a lead or a senior signs policies' USING ERRCODE = '42501'; END IF;
  UPDATE wsd.policy_key SET revoked = clock_timestamp() WHERE person_id = s.person_id AND revoked IS NULL;
  INSERT INTO wsd.policy_key(public_key, person_id, login, enrolled_by) VALUES (p_key, s.person_id, s.login, session_user::text);
  PERFORM wsd.installers_chain();
  PERFORM wsd.log('policy.key', 'ok', s.login, jsonb_build_object('person', s.person_id, 'key', encode(p_key, 'hex')));
END $$;

-- Which policy is in force, since when, and whose word it is; `tampered` where the tables are not what was put in force.
CREATE FUNCTION ws.policy() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT jsonb_build_object('version', h.version, 'text', h.text, 'hash', encode(wsd.policy_hash(), 'hex'), 'since', e.installed,
      'signed_by', (SELECT coalesce(jsonb_agg(DISTINCT wsd.name_of(k.login)), '[]') FROM wsd.policy_key k WHERE k.public_key IN (e.key1, e.key2)),
      'tampered', e.hash IS DISTINCT FROM wsd.policy_hash())
    FROM wsd.policy_head h LEFT JOIN wsd.policy_edition e ON e.version = h.version);
END $$;
GRANT EXECUTE ON FUNCTION ws.policy() TO ws_user, ws_auditor;
GRANT SELECT ON wsd.policy_reason, wsd.policy_need, wsd.policy_blocker, wsd.policy_limit, wsd.policy_head TO ws_user, ws_auditor;
GRANT SELECT ON wsd.policy_edition, wsd.policy_key TO ws_auditor;
