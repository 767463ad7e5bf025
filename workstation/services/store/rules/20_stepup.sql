-- Step-up. The database issues a challenge and marks the elevation; the BROKER verifies the proof (no HMAC and no
-- FIDO2 in SQL). Proof and answer travel through the challenge's own row: the broker listens on nothing.

CREATE OR REPLACE FUNCTION wsd.owns(s wsd.staff, p_kind text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM wsd.factor f JOIN wsd.staff o ON o.login = f.login WHERE o.person_id = s.person_id AND f.kind = p_kind AND f.enabled)
$$;

-- Up to which tier a method counts for a person; 0 is not at all. Policy by level, and what is written for the person.
CREATE OR REPLACE FUNCTION wsd.method_tier(s wsd.staff, p_kind text) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((
    SELECT CASE
        WHEN s.methods IS NOT NULL AND NOT coalesce(p_kind = ANY (s.methods), false) THEN 0
        -- nobody falls back from an own key to a code, unless that is written for him
        WHEN s.methods IS NULL AND wsd.owns(s, m.unless_owns) THEN 0
        ELSE m.max_tier::int END
      FROM wsd.method_policy m WHERE m.kind = p_kind AND m.level = s.level), 0)
$$;

-- What a step-up must count for: the tier of the request it is bound to. Anything else that is bound is an intent of
-- tier 3, or a change to people, which is as grave.
CREATE OR REPLACE FUNCTION wsd.bind_tier(p_bind bytea) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN p_bind IS NULL THEN 2
    ELSE coalesce((SELECT max(r.tier)::int FROM wsd.request r WHERE r.state = 'pending' AND r.request_hash = p_bind), 3) END
$$;

-- A reviewer who was due and never came ends the elevation of whoever broke the glass.
CREATE OR REPLACE FUNCTION wsd.review_overdue(p_person text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM wsd.emergency e
                  WHERE e.person_id = p_person AND e.reviewed IS NULL AND NOT e.drill AND clock_timestamp() > e.started + interval '24 h')
$$;

-- Elevations begun before staff.cut are void. A cut waits for no lock that the person may hold on his own elevation.
CREATE OR REPLACE FUNCTION wsd.elevated(max_abs interval DEFAULT '15 min', max_idle interval DEFAULT '5 min') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF wsd.review_overdue(s.person_id) THEN RETURN false; END IF;
  UPDATE wsd.elevation SET last_use = clock_timestamp()
   WHERE login = s.login AND backend_pid = pg_backend_pid() AND backend_start = wsd.my_start() AND started > s.cut
     AND clock_timestamp() - started < max_abs AND clock_timestamp() - last_use < max_idle;
  RETURN FOUND;
END $$;

-- One step-up pays for ONE tier-3 request or ONE approval within 60 s; one bound to a hash pays for that hash only, and
-- tier 3 takes no other. The method must count for the tier.
CREATE OR REPLACE FUNCTION wsd.fresh(p_bind bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); t int := wsd.bind_tier(p_bind);
BEGIN
  IF NOT wsd.elevated() THEN RETURN false; END IF;
  UPDATE wsd.elevation SET fresh = false WHERE challenge_id = (
    SELECT challenge_id FROM wsd.elevation
     WHERE login = s.login AND backend_pid = pg_backend_pid() AND backend_start = wsd.my_start() AND started > s.cut
       AND fresh AND clock_timestamp() - started < interval '60 s' AND max_tier >= t AND (bind = p_bind OR (bind IS NULL AND t < 3))
     ORDER BY bind NULLS LAST, started LIMIT 1 FOR UPDATE);
  RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION wsd.new_challenge(s wsd.staff, p_bind bytea, p_offer uuid, p_lasts interval, OUT id uuid, OUT challenge bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  b timestamptz := wsd.my_start();
  t timestamptz := clock_timestamp();
  n bytea;
BEGIN
  IF b IS NULL THEN
    RAISE EXCEPTION 'backend_start cannot be read: ws_owner lacks pg_read_all_stats';
  END IF;
  IF (SELECT count(*) FROM wsd.challenge c WHERE c.login = s.login AND c.used IS NULL AND c.expires > t) >= 20 THEN
    RAISE EXCEPTION 'too many open challenges' USING ERRCODE = '53400';
  END IF;
  id := gen_random_uuid();
  -- 366 random bits without an extension
  n := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
  challenge := sha256(wsd.lp('ws-stepup-v1', id::text, s.login, pg_backend_pid()::text, wsd.iso(b), encode(p_bind, 'hex'), p_offer::text, encode(n, 'hex')));
  INSERT INTO wsd.challenge(id, login, backend_pid, backend_start, bind, nonce, challenge, issued, expires, offer)
  VALUES (id, s.login, pg_backend_pid(), b, p_bind, n, challenge, t, t + p_lasts, p_offer);
END $$;

-- The page of an identity provider asks for a password and a second factor: that takes longer than a touch.
CREATE OR REPLACE FUNCTION wsd.challenge_lasts(p_kind text) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT CASE p_kind WHEN 'idp' THEN interval '180 s' ELSE interval '60 s' END $$;

CREATE FUNCTION ws.challenge(p_bind bytea DEFAULT NULL, p_kind text DEFAULT '', OUT id uuid, OUT challenge bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  SELECT c.id, c.challenge INTO id, challenge FROM wsd.new_challenge(s, p_bind, NULL, wsd.challenge_lasts(p_kind)) c;
END $$;

-- The credential ids that my authenticator may answer for. Public by nature; nobody else's.
CREATE FUNCTION ws.my_factors() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'cred', encode(cred_id, 'hex'), 'label', label, 'added', added) ORDER BY kind, added), '[]')
            FROM wsd.factor WHERE login = s.login AND enabled);
END $$;

-- Every method, the best first, with the short name of the rule that keeps it from being offered for p_bind.
CREATE FUNCTION ws.step_up_methods(p_bind bytea DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); t int := wsd.bind_tier(p_bind);
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', m.kind, 'why', CASE
        WHEN wsd.review_overdue(s.person_id) THEN 'review_due'
        WHEN m.max_tier = 0 THEN 'method_policy'
        WHEN s.methods IS NOT NULL AND NOT coalesce(m.kind = ANY (s.methods), false) THEN 'method_person'
        WHEN wsd.method_tier(s, m.kind) = 0 THEN 'method_own_key'
        WHEN wsd.method_tier(s, m.kind) < t THEN 'method_too_weak'
        WHEN NOT EXISTS (SELECT 1 FROM wsd.factor f WHERE f.login = s.login AND f.kind = m.kind AND f.enabled) THEN 'method_no_factor'
        ELSE '' END) ORDER BY m.rank), '[]')
      FROM wsd.method_policy m WHERE m.level = s.level);
END $$;

CREATE FUNCTION ws.prove(p_id uuid, p_proof jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  -- flat but for a key's answer: the broker reads it, and nothing that is sent may be more than it can read
  IF coalesce(jsonb_typeof(p_proof), '') <> 'object' OR octet_length(p_proof::text) > 8192 THEN RETURN wsd.deny('step_up', s.login, 'bad_message'); END IF;
  -- One proof for a challenge: a second try needs a second challenge, and the throttle counts it.
  UPDATE wsd.challenge SET proof = p_proof
   WHERE id = p_id AND login = s.login AND proof IS NULL AND used IS NULL AND clock_timestamp() < expires;
  IF NOT FOUND THEN RETURN wsd.deny('step_up', s.login, 'unknown_challenge'); END IF;
  RETURN jsonb_build_object('ok', true);
END $$;

CREATE FUNCTION ws.proof_result(p_id uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN used IS NOT NULL THEN result WHEN clock_timestamp() >= expires THEN 'expired' ELSE 'pending' END
    FROM wsd.challenge WHERE id = p_id AND login = session_user::text
$$;

CREATE FUNCTION ws.elevation() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((
    SELECT jsonb_build_object('on', true, 'method', e.method,
             'seconds_left', extract(epoch FROM started + interval '15 min' - clock_timestamp()),
             'idle_seconds_left', extract(epoch FROM last_use + interval '5 min' - clock_timestamp()),
             'fresh', fresh AND clock_timestamp() - started < interval '60 s')
      FROM wsd.elevation e JOIN wsd.staff s ON s.login = e.login AND s.enabled AND e.started > s.cut AND NOT wsd.review_overdue(s.person_id)
     WHERE e.login = session_user::text AND backend_pid = pg_backend_pid() AND backend_start = wsd.my_start()
       AND clock_timestamp() - started < interval '15 min' AND clock_timestamp() - last_use < interval '5 min'
     ORDER BY started DESC LIMIT 1), '{"on": false}')
$$;

-- Before a connection is handed on: DISCARD ALL keeps an elevation. Not '-infinity': the age could not be computed before 17.
CREATE FUNCTION ws.step_down() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE wsd.elevation SET fresh = false, started = started - interval '1 day'
   WHERE login = session_user::text AND backend_pid = pg_backend_pid()
$$;

-- The broker's side ---------------------------------------------------------------------------------------------------
-- `offer` is the kind of a factor that is offered as new: its proof is its own enrolment and elevates nobody.
CREATE FUNCTION ws.proofs() RETURNS TABLE (id uuid, login text, challenge bytea, bind bytea, proof jsonb, kind text, cred_id bytea, data bytea, last_counter bigint, offer text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.id, c.login, c.challenge, c.bind, c.proof, f.kind, f.cred_id, f.data, f.last_counter, (ch.payload::jsonb) ->> 'kind'
    FROM wsd.challenge c LEFT JOIN wsd.factor f ON f.login = c.login AND f.enabled LEFT JOIN wsd.change ch ON ch.id = c.offer
   WHERE c.used IS NULL AND c.proof IS NOT NULL AND clock_timestamp() < c.expires
   ORDER BY c.issued
$$;

-- With which a workstation seals what only the broker may read. Written when it changes, and that is an event.
CREATE FUNCTION ws.publish_seal_key(p_key bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE was text := (SELECT value FROM wsd.store_meta WHERE key = 'seal_key');
BEGIN
  IF was IS DISTINCT FROM encode(p_key, 'hex') THEN
    INSERT INTO wsd.store_meta(key, value) VALUES ('seal_key', encode(p_key, 'hex')) ON CONFLICT (key) DO UPDATE SET value = excluded.value;
    PERFORM wsd.log('seal_key', 'ok', encode(p_key, 'hex'), jsonb_build_object('was', was));
  END IF;
END $$;

CREATE FUNCTION ws.seal_key() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT value FROM wsd.store_meta WHERE key = 'seal_key');
END $$;

CREATE OR REPLACE FUNCTION wsd.step_up_denied(p_id uuid, p_login text, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.challenge SET result = p_why WHERE id = p_id;
  PERFORM wsd.deny('step_up', p_login, p_why);
  RETURN p_why;
END $$;

-- A wrong proof. The fifth locks until a lead unlocks (PCI DSS 8.3.4: until the identity is confirmed), and leads are told.
CREATE OR REPLACE FUNCTION wsd.step_up_failed(c wsd.challenge, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n int;
BEGIN
  UPDATE wsd.throttle SET fails = fails + 1, locked_until = CASE WHEN fails + 1 >= 5 THEN 'infinity' ELSE locked_until END
   WHERE login = c.login RETURNING fails INTO n;
  IF n >= 5 THEN
    PERFORM wsd.raise_alert((SELECT team FROM wsd.staff WHERE login = c.login), 'step_up_locked', c.login, NULL, 'Five failed step-ups: locked until a lead unlocks.');
  END IF;
  RETURN wsd.step_up_denied(c.id, c.login, p_why);
END $$;

-- What both verdicts check first: the challenge once, in time, not locked, by somebody enabled, for a backend that still
-- lives. NULL when it may go on. The proof is spent, whatever comes of it; a code does not stay in the table.
CREATE OR REPLACE FUNCTION wsd.spend(p_id uuid, p_offer boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c wsd.challenge; now timestamptz;
BEGIN
  SELECT * INTO c FROM wsd.challenge WHERE id = p_id FOR UPDATE;
  now := clock_timestamp();
  IF c.id IS NULL OR (c.offer IS NOT NULL) IS DISTINCT FROM p_offer THEN PERFORM wsd.deny('step_up', p_id::text, 'unknown_challenge'); RETURN 'unknown_challenge'; END IF;
  IF c.used IS NOT NULL THEN PERFORM wsd.deny('step_up', c.login, 'challenge_used'); RETURN 'challenge_used'; END IF;
  UPDATE wsd.challenge SET used = now, proof = NULL WHERE id = p_id;
  IF now >= c.expires THEN RETURN wsd.step_up_denied(p_id, c.login, 'expired'); END IF;
  IF (SELECT locked_until > now FROM wsd.throttle WHERE login = c.login FOR UPDATE) THEN RETURN wsd.step_up_denied(p_id, c.login, 'locked'); END IF;
  IF NOT EXISTS (SELECT 1 FROM wsd.staff WHERE login = c.login AND enabled) THEN RETURN wsd.step_up_denied(p_id, c.login, 'disabled'); END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION wsd.backend_lives(c wsd.challenge) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM pg_stat_get_activity(c.backend_pid) a JOIN pg_roles r ON r.oid = a.usesysid
                  WHERE a.backend_start = c.backend_start AND r.rolname = c.login)
$$;

CREATE FUNCTION ws.attest(p_id uuid, p_ok boolean, p_kind text, p_cred bytea, p_counter bigint, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
  c wsd.challenge;
  s wsd.staff;
  t int;
  no text;
  now timestamptz;
BEGIN
  PERFORM wsd.must_read_committed();
  no := wsd.spend(p_id, false);
  IF no IS NOT NULL THEN RETURN no; END IF;
  SELECT * INTO c FROM wsd.challenge WHERE id = p_id;
  -- nothing was proved wrong: it could not be judged
  IF p_ok IS NOT TRUE AND p_why IN ('provider_away', 'no_provider') THEN RETURN wsd.step_up_denied(p_id, c.login, p_why); END IF;
  IF p_ok IS NOT TRUE THEN RETURN wsd.step_up_failed(c, coalesce(p_why, 'bad_proof')); END IF;
  IF NOT wsd.backend_lives(c) THEN RETURN wsd.step_up_denied(p_id, c.login, 'backend_gone'); END IF;
  SELECT * INTO s FROM wsd.staff WHERE login = c.login;
  t := wsd.method_tier(s, p_kind);
  IF t = 0 THEN RETURN wsd.step_up_denied(p_id, c.login, 'method_not_allowed'); END IF;
  IF t < wsd.bind_tier(c.bind) THEN RETURN wsd.step_up_denied(p_id, c.login, 'method_too_weak'); END IF;
  IF wsd.review_overdue(s.person_id) THEN RETURN wsd.step_up_denied(p_id, c.login, 'review_due'); END IF;
  -- TOTP steps go strictly upwards (no replay); a FIDO2 counter too, or is always 0 (synced passkeys); the time of a
  -- sign-in at the identity provider never goes back (its token answers one challenge, so it is not replayed either).
  BEGIN
    UPDATE wsd.factor SET last_counter = p_counter
     WHERE login = c.login AND kind = p_kind AND cred_id = p_cred AND enabled
       AND (p_counter > last_counter OR (kind = 'fido2' AND p_counter = 0 AND last_counter = 0) OR (kind = 'idp' AND p_counter = last_counter));
    IF NOT FOUND THEN RETURN wsd.step_up_denied(p_id, c.login, 'replayed_counter'); END IF;
    UPDATE wsd.throttle SET fails = 0 WHERE login = c.login;
    now := clock_timestamp();
    INSERT INTO wsd.elevation(challenge_id, login, backend_pid, backend_start, bind, started, last_use, method, fresh, max_tier)
    VALUES (c.id, c.login, c.backend_pid, c.backend_start, c.bind, now, now, p_kind, true, t);
  -- his own open transaction holds his factor or his other elevation: his proof is spent, and nobody else's waits for it
  EXCEPTION WHEN lock_not_available THEN RETURN wsd.step_up_denied(p_id, c.login, 'busy');
  END;
  UPDATE wsd.challenge SET result = 'ok' WHERE id = p_id;
  PERFORM wsd.log('step_up', 'ok', c.login, jsonb_build_object('method', p_kind, 'challenge', encode(c.challenge, 'hex'),
                                                              'bind', encode(c.bind, 'hex'), 'pid', c.backend_pid, 'max_tier', t));
  RETURN 'ok';
END $$;

-- Called every few seconds: a login may set its own time-outs to 0, and an open transaction holds locks. And whoever was
-- disabled in the very moment of signing in has his connection and his leases taken here.
CREATE FUNCTION ws.reap(p_idle interval DEFAULT '10 s', p_txn interval DEFAULT '60 s') RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE who wsd.staff; x record; n int := 0;
BEGIN
  FOR x IN
    SELECT o.login, a.pid FROM pg_stat_activity a JOIN wsd.staff o ON o.login = a.usename::text
     WHERE a.datname = current_database()
       AND (a.state LIKE 'idle in transaction%' AND clock_timestamp() - a.state_change > p_idle
            OR clock_timestamp() - a.xact_start > p_txn OR NOT o.enabled) LOOP
    PERFORM pg_terminate_backend(x.pid);
    n := n + 1;
    SELECT * INTO who FROM wsd.staff WHERE login = x.login;
    -- no workstation keeps a transaction open: it was typed by hand, and leads should know of it the same day
    IF who.enabled THEN PERFORM wsd.view_alert(who, 'session_ended', '', NULL, 'kept a transaction open, which holds others up: the broker ended it.'); END IF;
  END LOOP;
  UPDATE wsd.case_file SET holder = NULL, lease_until = NULL, version = version + 1
   WHERE id IN (SELECT c.id FROM wsd.case_file c JOIN wsd.staff s ON s.login = c.holder AND NOT s.enabled WHERE c.lease_until > clock_timestamp() FOR UPDATE OF c SKIP LOCKED);
  RETURN n;
END $$;

CREATE FUNCTION ws.purge(p_keep interval DEFAULT '1 day') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n bigint;
BEGIN
  -- by the challenge: stepping down moves `started` back, and the notary must still see that an elevation ended
  DELETE FROM wsd.elevation e USING wsd.challenge c WHERE c.id = e.challenge_id AND c.issued < clock_timestamp() - p_keep;
  DELETE FROM wsd.challenge c WHERE issued < clock_timestamp() - p_keep AND NOT EXISTS (SELECT 1 FROM wsd.elevation WHERE challenge_id = c.id);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

-- What a release brings, once: a team changes it by two people (ws.set_method_policy). A key counts for everything, the identity
-- provider's second level too; a code for tier 2 at most, and not at all for whoever owns a key.
INSERT INTO wsd.method_policy(kind, level, max_tier, rank, unless_owns)
SELECT m.kind, l, m.max_tier, m.rank, m.unless_owns
  FROM (VALUES ('fido2', 3, 1, ''), ('idp', 3, 2, ''), ('totp', 2, 3, 'fido2')) m(kind, max_tier, rank, unless_owns), generate_series(1, 3) l
ON CONFLICT DO NOTHING;

GRANT EXECUTE ON FUNCTION ws.challenge(bytea, text), ws.my_factors(), ws.step_up_methods(bytea), ws.prove(uuid, jsonb), ws.proof_result(uuid),
  ws.elevation(), ws.step_down(), ws.seal_key() TO ws_user, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.publish_seal_key(bytea), ws.proofs(), ws.attest(uuid, boolean, text, bytea, bigint, text) TO ws_executor;
