-- Ceremonies: a superuser runs the program, and at least two other people sit there (docs/people.md).

-- The first two of a team, each with a factor that signed the same statement; and the sealed keys for the worst day.
CREATE FUNCTION ws.found(p_statement text, p_people jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE m jsonb;
BEGIN
  IF EXISTS (SELECT 1 FROM wsd.staff) THEN RAISE EXCEPTION 'people are enrolled already: founding is the first thing or nothing' USING ERRCODE = '42501'; END IF;
  IF (SELECT count(DISTINCT x ->> 'person') FROM jsonb_array_elements(p_people) x) < 2 OR NOT EXISTS (SELECT 1 FROM jsonb_array_elements(p_people) x WHERE x ->> 'standing' = 'lead') THEN
    RAISE EXCEPTION 'a founding needs two people, one of them a lead' USING ERRCODE = '42501';
  END IF;
  PERFORM wsd.as_installer();
  FOR m IN SELECT * FROM jsonb_array_elements(p_people) LOOP
    PERFORM wsd.add_person(m ->> 'login', m ->> 'person', m ->> 'name', (wsd.of_standing(m ->> 'standing')).level, (wsd.of_standing(m ->> 'standing')).role, m ->> 'team',
                           ARRAY(SELECT jsonb_array_elements_text(m -> 'languages')), coalesce(m ->> 'email', ''));
    INSERT INTO wsd.factor(login, kind, cred_id, data, label) VALUES (m ->> 'login', m ->> 'kind', decode(m ->> 'cred', 'hex'), decode(m ->> 'data', 'hex'), 'founding');
    INSERT INTO wsd.recovery_key(person_id, digest) VALUES (m ->> 'person', decode(m ->> 'recovery', 'hex'));
  END LOOP;
  PERFORM wsd.log('founding', 'ok', '', jsonb_build_object('statement', p_statement, 'people', (SELECT jsonb_agg(x - 'recovery') FROM jsonb_array_elements(p_people) x)));
END $$;

-- All factors lost: two sealed keys of two people bring one login a new factor. Used keys are spent; new ones take their place.
CREATE FUNCTION ws.recover(p_login text, p_keys text[], p_kind text, p_cred bytea, p_data bytea, p_new bytea[], p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE holders text[]; spent bigint[]; o wsd.staff; i int;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  SELECT array_agg(k.person_id ORDER BY k.id), array_agg(k.id ORDER BY k.id) INTO holders, spent FROM wsd.recovery_key k
   WHERE k.used IS NULL AND EXISTS (SELECT 1 FROM wsd.staff h WHERE h.person_id = k.person_id AND h.enabled)
     AND k.digest = ANY (SELECT sha256(convert_to(x, 'UTF8')) FROM unnest(p_keys) x);
  PERFORM wsd.as_installer();
  IF o.login IS NULL THEN RETURN wsd.deny('recovery', coalesce(p_login, ''), 'unknown'); END IF;
  IF (SELECT count(DISTINCT h) FROM unnest(coalesce(holders, '{}')) h) < 2 THEN RETURN wsd.deny('recovery', p_login, 'recovery_needs_two'); END IF;
  IF coalesce(length(p_reason), 0) < 20 THEN RETURN wsd.deny('recovery', p_login, 'reason_too_short'); END IF;
  IF cardinality(p_new) IS DISTINCT FROM cardinality(spent) THEN RETURN wsd.deny('recovery', p_login, 'recovery_needs_new_keys'); END IF;
  UPDATE wsd.factor SET enabled = false, ended = clock_timestamp() WHERE login = p_login AND enabled;
  INSERT INTO wsd.factor(login, kind, cred_id, data, label) VALUES (p_login, p_kind, p_cred, p_data, 'recovery');
  UPDATE wsd.throttle SET fails = 0, locked_until = NULL WHERE login = p_login;
  PERFORM wsd.cut(p_login);
  UPDATE wsd.recovery_key SET used = clock_timestamp() WHERE id = ANY (spent);
  FOR i IN 1 .. cardinality(spent) LOOP
    INSERT INTO wsd.recovery_key(person_id, digest) VALUES (holders[i], p_new[i]);
  END LOOP;
  PERFORM wsd.raise_alert(o.team, 'recovery', p_login, NULL, 'Recovery: ' || o.name || ' has a new factor by the sealed keys of ' || array_to_string(holders, ', ') || ': ' || p_reason);
  PERFORM wsd.log('recovery', 'ok', p_login, jsonb_build_object('holders', to_jsonb(holders), 'kind', p_kind, 'cred', encode(p_cred, 'hex'), 'reason', p_reason));
  RETURN jsonb_build_object('ok', true, 'holders', to_jsonb(holders));
END $$;

-- A sealed key for the worst day: made where its owner sits, its digest comes here, a second person agrees. One for a person.
CREATE FUNCTION ws.offer_seal(p_digest bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); no text;
BEGIN
  no := CASE
    WHEN NOT wsd.manages(s) AND s.role <> 'auditor' THEN 'level'
    WHEN coalesce(length(p_digest), 0) <> 32 OR EXISTS (SELECT 1 FROM wsd.recovery_key k WHERE k.digest = p_digest) THEN 'factor_malformed'
    WHEN NOT wsd.elevated() THEN 'not_elevated' END;
  IF no IS NOT NULL THEN RETURN wsd.deny('seal.offer', s.login, no); END IF;
  RETURN wsd.change_row(wsd.propose(s, 'seal', s.login, jsonb_build_object('digest', encode(p_digest, 'hex'))), s);
END $$;

GRANT EXECUTE ON FUNCTION ws.offer_seal(bytea) TO ws_user, ws_auditor;
