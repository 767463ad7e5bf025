-- People come and go: enrolment, factors, grants, levels, disabling, and the alarms that leads must see. What loosens needs
-- a second person; what tightens is one person's and at once. All of it under one's own login.

CREATE OR REPLACE FUNCTION wsd.standing(p_level int, p_role text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT CASE p_role WHEN 'lead' THEN 'lead' WHEN 'auditor' THEN 'auditor' ELSE CASE p_level WHEN 1 THEN 'l1' WHEN 2 THEN 'l2' ELSE 'senior' END END
$$;
-- Level, role and rank of a standing; the auditor stands beside the ladder, so coming or going there is never "down".
CREATE OR REPLACE FUNCTION wsd.of_standing(p_standing text, OUT level smallint, OUT role text, OUT rank int)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT v.level::smallint, v.role, v.rank FROM (VALUES ('l1', 1, 'analyst', 1), ('l2', 2, 'analyst', 2), ('senior', 3, 'analyst', 3), ('lead', 3, 'lead', 4), ('auditor', 1, 'auditor', 9))
    v(standing, level, role, rank) WHERE v.standing = p_standing
$$;

CREATE OR REPLACE FUNCTION wsd.add_person(p_login text, p_person text, p_name text, p_level smallint, p_role text, p_team text, p_languages text[], p_email text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO wsd.staff(login, person_id, name, level, role, team, languages, email) VALUES (p_login, p_person, p_name, p_level, p_role, p_team, p_languages, p_email);
  INSERT INTO wsd.throttle(login) VALUES (p_login);
  INSERT INTO wsd.audit_head(chain, seq, hash) VALUES (p_login, 0, sha256(wsd.lp('genesis', p_login))) ON CONFLICT DO NOTHING;
END $$;

-- The installer's way, for set-up by programs. Only a superuser can call it, it is in the audit under his name, and where a
-- team works already its leads are told.
CREATE OR REPLACE FUNCTION wsd.as_installer() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.audit_head(chain, seq, hash) VALUES (session_user::text, 0, sha256(wsd.lp('genesis', session_user::text))) ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION ws.enrol(p_login text, p_person text, p_name text, p_level smallint, p_role text, p_team text, p_languages text[], p_email text DEFAULT '') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM wsd.as_installer();
  PERFORM wsd.raise_alert(p_team, 'installer.enrol', p_login, NULL, 'The installer enrolled ' || p_name || ' as ' || wsd.standing(p_level, p_role) || ', past the way of two people.')
    WHERE EXISTS (SELECT 1 FROM wsd.audit WHERE event = 'founding');
  PERFORM wsd.add_person(p_login, p_person, p_name, p_level, p_role, p_team, p_languages, p_email);
  PERFORM wsd.log('installer.enrol', 'ok', p_login, jsonb_build_object('person', p_person, 'standing', wsd.standing(p_level, p_role), 'team', p_team));
END $$;

CREATE FUNCTION ws.enrol_factor(p_login text, p_kind text, p_cred bytea, p_data bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM wsd.as_installer();
  PERFORM wsd.raise_alert((SELECT team FROM wsd.staff WHERE login = p_login), 'installer.factor', p_login, NULL, 'The installer enrolled a factor (' || p_kind || '), past the way of two people.')
    WHERE EXISTS (SELECT 1 FROM wsd.audit WHERE event = 'founding');
  INSERT INTO wsd.factor(login, kind, cred_id, data) VALUES (p_login, p_kind, p_cred, p_data);
  PERFORM wsd.log('installer.factor', 'ok', p_login, jsonb_build_object('kind', p_kind, 'cred', encode(p_cred, 'hex')));
END $$;

-- Changes that need two ------------------------------------------------------------------------------------------------

-- Nobody confirms for somebody who confirmed for him within 24 h, not at the same moment either (see reciprocal_24h).
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'change_reciprocal_24h' AND conrelid = 'wsd.change'::regclass) THEN
    ALTER TABLE wsd.change ADD CONSTRAINT change_reciprocal_24h EXCLUDE USING gist (
      wsd.one(least(confirmer_person COLLATE "C", proposer_person COLLATE "C")) WITH =,
      wsd.one(greatest(confirmer_person COLLATE "C", proposer_person COLLATE "C")) WITH =,
      int4range((confirmer_person COLLATE "C" < proposer_person COLLATE "C")::int, (confirmer_person COLLATE "C" < proposer_person COLLATE "C")::int + 1) WITH -|-,
      tstzrange(confirmed, (confirmed AT TIME ZONE 'UTC' + interval '24 h') AT TIME ZONE 'UTC') WITH &&) WHERE (confirmer_person IS NOT NULL);
  END IF;
END $$;

-- A change moves forwards only, and what was proposed stays as it was proposed; only secrets go when it is over, and an
-- offered factor comes in when the broker has seen that it works.
CREATE OR REPLACE FUNCTION wsd.change_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - ARRAY['state', 'confirmer', 'confirmer_person', 'confirmed', 'payload', 'hash']) <> (to_jsonb(OLD) - ARRAY['state', 'confirmer', 'confirmer_person', 'confirmed', 'payload', 'hash'])
     OR (OLD.state, NEW.state) NOT IN (('unproved', 'open'), ('unproved', 'withdrawn'), ('open', 'done'), ('open', 'withdrawn'))
     OR (NEW.state <> 'open' AND (NEW.hash <> OLD.hash OR NEW.payload::jsonb <> (OLD.payload::jsonb - 'verifier'))) THEN
    RAISE EXCEPTION 'change % is on record', OLD.id USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON wsd.change FOR EACH ROW EXECUTE FUNCTION wsd.change_guard();
CREATE TRIGGER guard_all BEFORE TRUNCATE ON wsd.change FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();

CREATE OR REPLACE FUNCTION wsd.change_hash(ch wsd.change) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT sha256(wsd.lp('ws-change-v1', ch.id::text, ch.kind, ch.subject, ch.payload, ch.proposer, wsd.iso(ch.expires)))
$$;

-- For a day: both people need not sit there at the same hour.
CREATE OR REPLACE FUNCTION wsd.propose(s wsd.staff, p_kind text, p_subject text, p_payload jsonb, p_state text DEFAULT 'open') RETURNS wsd.change
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ch wsd.change;
BEGIN
  ch.id := gen_random_uuid();
  ch.kind := p_kind;
  ch.subject := p_subject;
  ch.payload := p_payload::text;
  ch.proposer := s.login;
  ch.proposer_person := s.person_id;
  ch.proposed := clock_timestamp();
  ch.expires := ch.proposed + CASE p_state WHEN 'unproved' THEN interval '5 min' ELSE interval '24 h' END;
  ch.state := p_state;
  ch.hash := wsd.change_hash(ch);
  INSERT INTO wsd.change SELECT ch.*;
  PERFORM wsd.log('change.propose', 'ok', p_subject, jsonb_build_object('change', ch.id, 'kind', p_kind, 'hash', encode(ch.hash, 'hex'), 'details', p_payload - 'verifier' - 'data'));
  RETURN ch;
END $$;

CREATE OR REPLACE FUNCTION wsd.manages(s wsd.staff) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT coalesce(s.role = 'lead' OR (s.role = 'analyst' AND s.level >= 3), false) $$;

-- Why this person cannot be the second one; NULL when he can.
CREATE OR REPLACE FUNCTION wsd.why_not_confirm(s wsd.staff, ch wsd.change) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN ch.id IS NULL THEN 'unknown'
    WHEN NOT wsd.manages(s) THEN 'level'
    WHEN s.role <> 'lead' AND s.team IS DISTINCT FROM p.team THEN 'unknown'
    WHEN ch.state <> 'open' OR clock_timestamp() > ch.expires THEN 'closed_or_expired'
    WHEN s.person_id = ch.proposer_person OR s.person_id = (SELECT o.person_id FROM wsd.staff o WHERE o.login = ch.subject)
      OR s.person_id = ch.payload::jsonb ->> 'person' THEN 'self'
    WHEN NOT p.enabled OR NOT (ch.kind IN ('factor', 'seal') OR wsd.manages(p)) THEN 'requester_revoked'
    -- a senior's word alone, with another senior's, stops a person; it gives nothing
    WHEN ch.kind IN ('grant', 'level', 'enrol', 'enable', 'methods', 'method_policy') AND p.role <> 'lead' THEN 'requester_revoked'
  END FROM (SELECT 1) one LEFT JOIN wsd.staff p ON p.login = ch.proposer
$$;

CREATE OR REPLACE FUNCTION wsd.change_row(ch wsd.change, s wsd.staff) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', ch.id, 'kind', ch.kind, 'subject', ch.subject, 'subject_name', coalesce(ch.payload::jsonb ->> 'name', wsd.name_of(ch.subject)),
    'details', ch.payload::jsonb - 'verifier' - 'data', 'proposer', ch.proposer, 'proposer_name', wsd.name_of(ch.proposer), 'proposed_at', ch.proposed,
    'expires_at', ch.expires, 'state', ch.state, 'hash', encode(ch.hash, 'hex'), 'mine', ch.proposer_person = s.person_id, 'why_not', coalesce(wsd.why_not_confirm(s, ch), ''))
$$;

CREATE FUNCTION ws.changes() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(wsd.change_row(ch, s) ORDER BY ch.proposed), '[]') FROM wsd.change ch JOIN wsd.staff p ON p.login = ch.proposer
           WHERE ch.state = 'open' AND clock_timestamp() <= ch.expires AND (ch.proposer = s.login OR (wsd.manages(s) AND (s.role = 'lead' OR p.team = s.team))));
END $$;

CREATE FUNCTION ws.withdraw_change(p_id uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); ch wsd.change;
BEGIN
  SELECT * INTO ch FROM wsd.change WHERE id = p_id FOR UPDATE;
  IF ch.id IS NULL OR (ch.proposer_person <> s.person_id AND NOT wsd.manages(s)) THEN RETURN wsd.deny('change.withdraw', coalesce(p_id::text, ''), 'unknown'); END IF;
  IF ch.state NOT IN ('unproved', 'open') THEN RETURN wsd.deny('change.withdraw', p_id::text, 'closed_or_expired'); END IF;
  UPDATE wsd.change SET state = 'withdrawn', payload = (payload::jsonb - 'verifier')::text WHERE id = p_id;
  PERFORM wsd.log('change.withdraw', 'ok', ch.subject, jsonb_build_object('change', p_id, 'kind', ch.kind));
  RETURN jsonb_build_object('ok', true);
END $$;

-- From now on nothing that was proved before counts for this login. No lock is waited for that he may hold himself.
CREATE OR REPLACE FUNCTION wsd.cut(p_login text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE wsd.staff SET cut = clock_timestamp() WHERE login = p_login
$$;

CREATE OR REPLACE FUNCTION wsd.apply_standing(p_login text, p_standing text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.staff SET level = (wsd.of_standing(p_standing)).level, role = (wsd.of_standing(p_standing)).role, cut = clock_timestamp() WHERE login = p_login;
  PERFORM wsg.set_group(p_login, 'ws_' || p_standing);
  IF p_standing <> 'l2' THEN
    UPDATE wsd.grant_of SET ended = clock_timestamp(), ended_by = session_user::text WHERE login = p_login AND ended IS NULL;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION wsd.apply_factor(ch wsd.change) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE d jsonb := ch.payload::jsonb;
BEGIN
  UPDATE wsd.factor SET enabled = false, ended = clock_timestamp() WHERE login = ch.subject AND enabled AND cred_id = decode(coalesce(d ->> 'replaces', ''), 'hex');
  INSERT INTO wsd.factor(login, kind, cred_id, data, label) VALUES (ch.subject, d ->> 'kind', decode(d ->> 'cred', 'hex'), decode(d ->> 'data', 'hex'), d ->> 'label')
  ON CONFLICT (login, kind, cred_id) DO NOTHING;
  -- an ended factor does not come back: its data is another one's copy for all we know
  IF NOT FOUND THEN RETURN 'factor_known'; END IF;
  PERFORM wsd.cut(ch.subject);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION wsd.apply_change(ch wsd.change) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE d jsonb := ch.payload::jsonb;
BEGIN
  CASE ch.kind
    WHEN 'factor' THEN RETURN wsd.apply_factor(ch);
    WHEN 'grant' THEN
      IF NOT EXISTS (SELECT 1 FROM wsd.staff WHERE login = ch.subject AND enabled AND level = 2 AND role = 'analyst') THEN RETURN 'grant_not_needed'; END IF;
      UPDATE wsd.grant_of SET ended = clock_timestamp(), ended_by = session_user::text WHERE login = ch.subject AND act = d ->> 'act' AND ended IS NULL;
      INSERT INTO wsd.grant_of(login, act, given_by, confirmed_by, until) VALUES (ch.subject, d ->> 'act', ch.proposer, session_user::text, (d ->> 'until')::timestamptz);
    WHEN 'level' THEN PERFORM wsd.apply_standing(ch.subject, d ->> 'standing');
    WHEN 'enrol' THEN
      IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ch.subject) THEN RETURN 'login_taken'; END IF;
      PERFORM wsg.make_login(ch.subject, d ->> 'verifier');
      PERFORM wsg.set_group(ch.subject, 'ws_' || (d ->> 'standing'));
      PERFORM wsd.add_person(ch.subject, d ->> 'person', d ->> 'name', (wsd.of_standing(d ->> 'standing')).level, (wsd.of_standing(d ->> 'standing')).role, d ->> 'team',
                             ARRAY(SELECT jsonb_array_elements_text(d -> 'languages')), d ->> 'email');
    WHEN 'enable' THEN
      UPDATE wsd.staff SET enabled = true, cut = clock_timestamp() WHERE login = ch.subject;
      PERFORM wsg.let_in(ch.subject, true);
    WHEN 'disable' THEN PERFORM wsd.apply_disable(ch.subject, d ->> 'reason');
    WHEN 'methods' THEN
      UPDATE wsd.staff SET methods = CASE WHEN d -> 'methods' = 'null' THEN NULL ELSE ARRAY(SELECT jsonb_array_elements_text(d -> 'methods')) END, cut = clock_timestamp() WHERE login = ch.subject;
    WHEN 'seal' THEN
      UPDATE wsd.recovery_key SET used = clock_timestamp() WHERE person_id = ch.proposer_person AND used IS NULL;
      INSERT INTO wsd.recovery_key(person_id, digest) VALUES (ch.proposer_person, decode(d ->> 'digest', 'hex'));
    WHEN 'method_policy' THEN
      UPDATE wsd.method_policy SET max_tier = (d ->> 'max_tier')::smallint, unless_owns = d ->> 'unless_owns' WHERE kind = ch.subject AND level = (d ->> 'level')::int;
  END CASE;
  RETURN NULL;
END $$;

-- SECURITY DEFINER all the way down, but session_user stays the person: what he ends, the audit shows as his.
-- Out, in this order: no new connection, the old ones end (and with them the locks that they hold), then what is written.
CREATE OR REPLACE FUNCTION wsd.apply_disable(p_login text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE leases int; requests int; cut_off int;
BEGIN
  PERFORM wsg.let_in(p_login, false);
  SELECT count(pg_terminate_backend(a.pid, 2000)) INTO cut_off FROM pg_stat_activity a WHERE a.usename = p_login AND a.pid <> pg_backend_pid();
  UPDATE wsd.staff SET enabled = false, cut = clock_timestamp() WHERE login = p_login;
  UPDATE wsd.case_file SET holder = NULL, lease_until = NULL, version = version + 1
   WHERE id IN (SELECT id FROM wsd.case_file WHERE holder = p_login FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS leases = ROW_COUNT;
  UPDATE wsd.request SET state = 'vetoed', why = 'the requester was disabled'
   WHERE id IN (SELECT id FROM wsd.request WHERE requester = p_login AND state = 'pending' AND tier >= 2 FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS requests = ROW_COUNT;
  UPDATE wsd.change SET state = 'withdrawn', payload = (payload::jsonb - 'verifier')::text
   WHERE id IN (SELECT id FROM wsd.change WHERE proposer = p_login AND state IN ('unproved', 'open') FOR UPDATE SKIP LOCKED);
  UPDATE wsd.grant_of SET ended = clock_timestamp(), ended_by = session_user::text WHERE login = p_login AND ended IS NULL;
  UPDATE wsd.emergency SET ends = clock_timestamp() WHERE login = p_login AND ends > clock_timestamp() AND reviewed IS NULL;
  PERFORM wsd.raise_alert((SELECT team FROM wsd.staff WHERE login = p_login), 'person.disabled', p_login, NULL, wsd.name_of(p_login) || ' was disabled: ' || p_reason);
  PERFORM wsd.log('person.disable', 'ok', p_login, jsonb_build_object('reason', p_reason, 'connections', cut_off, 'leases', leases, 'requests', requests));
END $$;

CREATE FUNCTION ws.confirm_change(p_id uuid, p_hash bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); ch wsd.change; no text;
BEGIN
  SELECT * INTO ch FROM wsd.change WHERE id = p_id FOR UPDATE;
  no := wsd.why_not_confirm(s, ch);
  IF no IS NULL AND ch.hash IS DISTINCT FROM p_hash THEN no := 'hash_mismatch'; END IF;
  IF no IS NOT NULL THEN RETURN wsd.deny('change.confirm', coalesce(p_id::text, ''), no); END IF;
  BEGIN  -- one block: a refusal gives the step-up back
    IF NOT wsd.fresh(ch.hash) THEN RETURN wsd.deny('change.confirm', p_id::text, 'not_fresh'); END IF;
    UPDATE wsd.change SET state = 'done', confirmer = s.login, confirmer_person = s.person_id, confirmed = clock_timestamp(), payload = (payload::jsonb - 'verifier')::text
     WHERE id = p_id;
    no := wsd.apply_change(ch);
    IF no IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = 'WS001', MESSAGE = no; END IF;
  EXCEPTION WHEN exclusion_violation THEN RETURN wsd.deny('change.confirm', p_id::text, 'reciprocal_24h');
            WHEN SQLSTATE 'WS001' THEN RETURN wsd.deny('change.confirm', p_id::text, SQLERRM);
            WHEN unique_violation THEN RETURN wsd.deny('change.confirm', p_id::text, 'login_taken');
  END;
  PERFORM wsd.log('change.confirm', 'ok', ch.subject, jsonb_build_object('change', p_id, 'kind', ch.kind, 'hash', encode(ch.hash, 'hex'), 'proposer', ch.proposer));
  RETURN jsonb_build_object('ok', true);
END $$;

-- Factors --------------------------------------------------------------------------------------------------------------
-- The person offers it, elevated where he has a factor already; the broker sees that it works; a second person lets it count.
CREATE FUNCTION ws.offer_factor(p_kind text, p_label text, p_replaces bytea DEFAULT NULL, OUT change uuid, OUT id uuid, OUT challenge bytea, OUT denied text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); ch wsd.change;
BEGIN
  denied := CASE
    WHEN coalesce(p_kind, '') NOT IN ('fido2', 'idp', 'totp') OR coalesce(length(p_label), 0) NOT BETWEEN 1 AND 60 THEN 'factor_malformed'
    WHEN NOT EXISTS (SELECT 1 FROM wsd.method_policy m WHERE m.kind = p_kind AND m.level = s.level AND m.max_tier > 0) THEN 'method_policy'
    WHEN p_replaces IS NOT NULL AND NOT EXISTS (SELECT 1 FROM wsd.factor f WHERE f.login = s.login AND f.cred_id = p_replaces AND f.enabled) THEN 'unknown'
    WHEN (SELECT count(*) FROM wsd.change c WHERE c.proposer = s.login AND c.kind = 'factor' AND c.proposed > clock_timestamp() - interval '1 h') >= 10 THEN 'rate_limit_changes'
  END;
  IF denied IS NOT NULL THEN PERFORM wsd.deny('factor.offer', s.login, denied); RETURN; END IF;
  ch := wsd.propose(s, 'factor', s.login, jsonb_build_object('kind', p_kind, 'label', p_label, 'replaces', encode(p_replaces, 'hex')), 'unproved');
  change := ch.id;
  SELECT c.id, c.challenge INTO id, challenge FROM wsd.new_challenge(s, NULL, ch.id, interval '180 s') c;
END $$;

CREATE FUNCTION ws.attest_offer(p_id uuid, p_ok boolean, p_cred bytea, p_data bytea, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE c wsd.challenge; ch wsd.change; no text;
BEGIN
  PERFORM wsd.must_read_committed();
  no := wsd.spend(p_id, true);
  IF no IS NOT NULL THEN RETURN no; END IF;
  SELECT * INTO c FROM wsd.challenge WHERE id = p_id;
  IF p_ok IS NOT TRUE AND p_why IN ('provider_away', 'no_provider') THEN RETURN wsd.step_up_denied(p_id, c.login, p_why); END IF;
  IF p_ok IS NOT TRUE OR coalesce(length(p_cred), 0) = 0 OR coalesce(length(p_data), 0) = 0 THEN RETURN wsd.step_up_failed(c, coalesce(p_why, 'bad_proof')); END IF;
  SELECT * INTO ch FROM wsd.change WHERE wsd.change.id = c.offer FOR UPDATE;
  IF ch.state <> 'unproved' OR clock_timestamp() > ch.expires THEN RETURN wsd.step_up_denied(p_id, c.login, 'closed_or_expired'); END IF;
  IF EXISTS (SELECT 1 FROM wsd.factor f WHERE f.kind = ch.payload::jsonb ->> 'kind' AND f.cred_id = p_cred
               AND (f.login = c.login OR (SELECT o.person_id FROM wsd.staff o WHERE o.login = f.login) <> ch.proposer_person)) THEN
    RETURN wsd.step_up_denied(p_id, c.login, 'factor_known');
  END IF;
  ch.payload := (ch.payload::jsonb || jsonb_build_object('cred', encode(p_cred, 'hex'), 'data', encode(p_data, 'hex')))::text;
  ch.state := 'open';
  UPDATE wsd.change SET payload = ch.payload, state = 'open', hash = wsd.change_hash(ch) WHERE wsd.change.id = ch.id;
  UPDATE wsd.challenge SET result = 'ok' WHERE wsd.challenge.id = p_id;
  PERFORM wsd.log('factor.proved', 'ok', c.login, jsonb_build_object('change', ch.id, 'kind', ch.payload::jsonb ->> 'kind', 'cred', encode(p_cred, 'hex'),
      'hash', encode(wsd.change_hash(ch), 'hex')));
  RETURN 'ok';
END $$;

-- Lost or stolen: at once, by the person or by a lead. Taking away needs nobody else.
CREATE FUNCTION ws.end_factor(p_login text, p_cred bytea, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  IF o.login IS NULL OR (o.person_id <> s.person_id AND s.role <> 'lead') THEN RETURN wsd.deny('factor.end', coalesce(p_login, ''), 'level'); END IF;
  IF coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN RETURN wsd.deny('factor.end', p_login, 'reason_too_short'); END IF;
  UPDATE wsd.factor SET enabled = false, ended = clock_timestamp() WHERE login = p_login AND cred_id = p_cred AND enabled;
  IF NOT FOUND THEN RETURN wsd.deny('factor.end', p_login, 'unknown'); END IF;
  PERFORM wsd.cut(p_login);
  PERFORM wsd.log('factor.end', 'ok', p_login, jsonb_build_object('cred', encode(p_cred, 'hex'), 'reason', p_reason));
  RETURN jsonb_build_object('ok', true);
END $$;

-- Whoever unlocks has spoken to the person. A lead; where the locked one is the only lead, a senior of the team.
CREATE FUNCTION ws.unlock_step_up(p_login text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  IF NOT wsd.manages(s) OR (s.role <> 'lead' AND (o.team IS DISTINCT FROM s.team OR EXISTS (
       SELECT 1 FROM wsd.staff l WHERE l.role = 'lead' AND l.enabled AND l.person_id IS DISTINCT FROM o.person_id))) THEN
    RETURN wsd.deny('step_up.unlock', coalesce(p_login, ''), 'level');
  END IF;
  IF o.login IS NULL THEN RETURN wsd.deny('step_up.unlock', coalesce(p_login, ''), 'unknown'); END IF;
  IF o.person_id = s.person_id THEN RETURN wsd.deny('step_up.unlock', p_login, 'self'); END IF;
  IF coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN RETURN wsd.deny('step_up.unlock', p_login, 'reason_too_short'); END IF;
  IF NOT wsd.elevated() THEN RETURN wsd.deny('step_up.unlock', p_login, 'not_elevated'); END IF;
  UPDATE wsd.throttle SET fails = 0, locked_until = NULL WHERE login = p_login AND locked_until > clock_timestamp();
  IF NOT FOUND THEN RETURN wsd.deny('step_up.unlock', p_login, 'not_locked'); END IF;
  PERFORM wsd.log('step_up.unlock', 'ok', p_login, jsonb_build_object('reason', p_reason));
  RETURN jsonb_build_object('ok', true);
END $$;

-- The daemons have chains of their own.
INSERT INTO wsd.audit_head(chain, seq, hash)
SELECT d, 0, sha256(wsd.lp('genesis', d)) FROM unnest(ARRAY['ws_executor', 'ws_courier', 'ws_notary', 'ws_reader']) d ON CONFLICT DO NOTHING;

GRANT EXECUTE ON FUNCTION ws.changes(), ws.withdraw_change(uuid), ws.offer_factor(text, text, bytea), ws.end_factor(text, bytea, text) TO ws_user, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.confirm_change(uuid, bytea), ws.unlock_step_up(text, text) TO ws_senior, ws_lead;
GRANT EXECUTE ON FUNCTION ws.attest_offer(uuid, boolean, bytea, bytea, text) TO ws_executor;
