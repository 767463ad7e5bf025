-- Step-up. The database issues a challenge and marks the elevation; the BROKER verifies the proof (no HMAC and no
-- FIDO2 in SQL). Proof and answer travel through the challenge's own row: the broker listens on nothing.

CREATE OR REPLACE FUNCTION wsd.elevated(max_abs interval DEFAULT '15 min', max_idle interval DEFAULT '5 min') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.elevation SET last_use = clock_timestamp()
   WHERE login = session_user::text AND backend_pid = pg_backend_pid() AND backend_start = wsd.my_start()
     AND clock_timestamp() - started < max_abs AND clock_timestamp() - last_use < max_idle;
  RETURN FOUND;
END $$;

-- One step-up pays for ONE tier-3 request or ONE approval within 60 s; one bound to a hash pays for that hash only.
CREATE OR REPLACE FUNCTION wsd.fresh(p_bind bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT wsd.elevated() THEN RETURN false; END IF;
  UPDATE wsd.elevation SET fresh = false WHERE challenge_id = (
    SELECT challenge_id FROM wsd.elevation
     WHERE login = session_user::text AND backend_pid = pg_backend_pid() AND backend_start = wsd.my_start()
       AND fresh AND clock_timestamp() - started < interval '60 s' AND (bind IS NULL OR bind = p_bind)
     ORDER BY bind NULLS LAST, started LIMIT 1 FOR UPDATE);
  RETURN FOUND;
END $$;

CREATE FUNCTION ws.challenge(p_bind bytea DEFAULT NULL, OUT id uuid, OUT challenge bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  s wsd.staff := wsd.me();
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
  challenge := sha256(wsd.lp('ws-stepup-v1', id::text, s.login, pg_backend_pid()::text, wsd.iso(b), encode(p_bind, 'hex'), encode(n, 'hex')));
  INSERT INTO wsd.challenge(id, login, backend_pid, backend_start, bind, nonce, challenge, issued, expires)
  VALUES (id, s.login, pg_backend_pid(), b, p_bind, n, challenge, t, t + interval '60 s');
END $$;

-- The credential ids that my authenticator may answer for. Public by nature; nobody else's.
CREATE FUNCTION ws.my_factors() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'cred', encode(cred_id, 'hex')) ORDER BY kind), '[]')
            FROM wsd.factor WHERE login = s.login AND enabled);
END $$;

CREATE FUNCTION ws.prove(p_id uuid, p_proof jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
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
    SELECT jsonb_build_object('on', true, 'method', method,
             'seconds_left', extract(epoch FROM started + interval '15 min' - clock_timestamp()),
             'idle_seconds_left', extract(epoch FROM last_use + interval '5 min' - clock_timestamp()),
             'fresh', fresh AND clock_timestamp() - started < interval '60 s')
      FROM wsd.elevation
     WHERE login = session_user::text AND backend_pid = pg_backend_pid() AND backend_start = wsd.my_start()
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
CREATE FUNCTION ws.proofs() RETURNS TABLE (id uuid, login text, challenge bytea, bind bytea, proof jsonb, kind text, cred_id bytea, data bytea, last_counter bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.id, c.login, c.challenge, c.bind, c.proof, f.kind, f.cred_id, f.data, f.last_counter
    FROM wsd.challenge c LEFT JOIN wsd.factor f ON f.login = c.login AND f.enabled
   WHERE c.used IS NULL AND c.proof IS NOT NULL AND clock_timestamp() < c.expires
   ORDER BY c.issued
$$;

CREATE OR REPLACE FUNCTION wsd.step_up_denied(p_id uuid, p_login text, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.challenge SET result = p_why WHERE id = p_id;
  PERFORM wsd.deny('step_up', p_login, p_why);
  RETURN p_why;
END $$;

CREATE FUNCTION ws.attest(p_id uuid, p_ok boolean, p_kind text, p_cred bytea, p_counter bigint, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  c wsd.challenge;
  th wsd.throttle;
  now timestamptz;
BEGIN
  PERFORM wsd.must_read_committed();
  SELECT * INTO c FROM wsd.challenge WHERE id = p_id FOR UPDATE;
  now := clock_timestamp();
  IF NOT FOUND THEN PERFORM wsd.deny('step_up', p_id::text, 'unknown_challenge'); RETURN 'unknown_challenge'; END IF;
  IF c.used IS NOT NULL THEN PERFORM wsd.deny('step_up', c.login, 'challenge_used'); RETURN 'challenge_used'; END IF;
  -- The proof is spent, whatever comes of it; a code does not stay in the table.
  UPDATE wsd.challenge SET used = now, proof = NULL WHERE id = p_id;
  IF now >= c.expires THEN RETURN wsd.step_up_denied(p_id, c.login, 'expired'); END IF;
  SELECT * INTO th FROM wsd.throttle WHERE login = c.login FOR UPDATE;
  IF th.locked_until > now THEN RETURN wsd.step_up_denied(p_id, c.login, 'locked'); END IF;
  IF NOT p_ok THEN
    UPDATE wsd.throttle
       SET fails = CASE WHEN fails + 1 >= 5 THEN 0 ELSE fails + 1 END,
           locked_until = CASE WHEN fails + 1 >= 5 THEN now + interval '15 min' ELSE locked_until END
     WHERE login = c.login;
    RETURN wsd.step_up_denied(p_id, c.login, p_why);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM wsd.staff WHERE login = c.login AND enabled) THEN
    RETURN wsd.step_up_denied(p_id, c.login, 'disabled');
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(c.backend_pid) a JOIN pg_roles r ON r.oid = a.usesysid
                  WHERE a.backend_start = c.backend_start AND r.rolname = c.login) THEN
    RETURN wsd.step_up_denied(p_id, c.login, 'backend_gone');
  END IF;
  -- TOTP steps go strictly upwards (no replay); a FIDO2 counter too, or is always 0 (synced passkeys).
  UPDATE wsd.factor SET last_counter = p_counter
   WHERE login = c.login AND kind = p_kind AND cred_id = p_cred AND enabled
     AND (p_counter > last_counter OR (kind = 'fido2' AND p_counter = 0 AND last_counter = 0));
  IF NOT FOUND THEN RETURN wsd.step_up_denied(p_id, c.login, 'replayed_counter'); END IF;
  UPDATE wsd.throttle SET fails = 0 WHERE login = c.login;
  INSERT INTO wsd.elevation(challenge_id, login, backend_pid, backend_start, bind, started, last_use, method, fresh)
  VALUES (c.id, c.login, c.backend_pid, c.backend_start, c.bind, now, now, p_kind, true);
  UPDATE wsd.challenge SET result = 'ok' WHERE id = p_id;
  PERFORM wsd.log('step_up', 'ok', c.login, jsonb_build_object('method', p_kind, 'challenge', encode(c.challenge, 'hex'),
                                                              'bind', encode(c.bind, 'hex'), 'pid', c.backend_pid));
  RETURN 'ok';
END $$;

-- Called every few seconds: a login may set its own time-outs to 0, and an open transaction holds locks.
CREATE FUNCTION ws.reap(p_idle interval DEFAULT '10 s', p_txn interval DEFAULT '60 s') RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(pg_terminate_backend(a.pid))::int
    FROM pg_stat_activity a JOIN wsd.staff s ON s.login = a.usename::text
   WHERE a.datname = current_database()
     AND (a.state LIKE 'idle in transaction%' AND clock_timestamp() - a.state_change > p_idle
          OR clock_timestamp() - a.xact_start > p_txn)
$$;

CREATE FUNCTION ws.purge(p_keep interval DEFAULT '1 day') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n bigint;
BEGIN
  DELETE FROM wsd.elevation WHERE started < clock_timestamp() - p_keep;
  DELETE FROM wsd.challenge c WHERE issued < clock_timestamp() - p_keep AND NOT EXISTS (SELECT 1 FROM wsd.elevation WHERE challenge_id = c.id);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;
