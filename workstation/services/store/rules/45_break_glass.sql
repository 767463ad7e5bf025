-- Break-glass: one person, thirty minutes, an incident, everybody told, somebody else's judgement within a day. It opens
-- very little: what protects, and taking back a lock that we set ourselves and on top of which nothing happened since.

-- One at a time for a person, whatever the terminal, also in the same instant.
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'one_at_a_time' AND conrelid = 'wsd.emergency'::regclass) THEN
    ALTER TABLE wsd.emergency ADD CONSTRAINT one_at_a_time EXCLUDE USING gist (wsd.one(person_id COLLATE "C") WITH =, tstzrange(started, ends) WITH &&);
  END IF;
END $$;

-- The broken glass of this login for this case, while it lasts. A drill opens nothing; a judgement ends it.
CREATE OR REPLACE FUNCTION wsd.glass(s wsd.staff, p_case bigint) RETURNS wsd.emergency
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e FROM wsd.emergency e
   WHERE e.person_id = s.person_id AND e.login = s.login AND e.case_id = p_case AND NOT e.drill AND e.reviewed IS NULL AND clock_timestamp() < e.ends
   ORDER BY e.id DESC LIMIT 1
$$;

-- Whether the account stands as our own lock left it. The last lock or unlock that we did is a lock, it changed something, it
-- is younger than a day; the broker last read the account at the version after the last thing that we did there, and the one
-- lock that it saw is the staff's. Whatever else happened on the account needs a second person.
CREATE OR REPLACE FUNCTION wsd.our_lock(p_account text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH done AS (SELECT r.act, e.* FROM wsd.request r JOIN wsd.execution e ON e.request_id = r.id WHERE r.account_id = p_account),
       lock AS (SELECT * FROM done WHERE act IN ('lock', 'unlock') ORDER BY claimed DESC LIMIT 1),
       last AS (SELECT * FROM done ORDER BY claimed DESC LIMIT 1)
  SELECT coalesce((
    SELECT lock.act = 'lock' AND lock.outcome = 'executed' AND lock.etag_before <> lock.etag_after AND lock.settled > clock_timestamp() - interval '24 h'
           AND last.outcome = 'executed' AND last.etag_after = (wsd.facts_of(p_account)).etag
           AND (SELECT count(*) = 1 AND bool_and(k.value = 'staff') FROM jsonb_each_text((wsd.facts_of(p_account)).facts -> 'named' -> 'locks') k)
           -- a colleague elsewhere may have locked it before us
           AND NOT EXISTS (SELECT 1 FROM wsd.account_fact b, jsonb_each_text(b.facts -> 'named' -> 'locks') k WHERE b.account_id = p_account AND b.etag = lock.etag_before AND k.value = 'staff')
      FROM lock, last), false)
$$;

-- Whether broken glass lets this person ask for this act alone. Never NULL.
CREATE OR REPLACE FUNCTION wsd.break_glass(s wsd.staff, c wsd.case_file, p wsd.policy) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((wsd.glass(s, c.id)).id IS NOT NULL AND (p.tier = 0 OR (p.act = 'unlock' AND p.tier = 2 AND wsd.our_lock(c.account_id))), false)
$$;

CREATE OR REPLACE FUNCTION wsd.glass_state(s wsd.staff) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT coalesce((
    SELECT jsonb_build_object('on', true, 'id', e.id, 'case_id', e.case_id, 'case_ref', coalesce((SELECT ref FROM wsd.case_file WHERE id = e.case_id), ''),
             'incident', e.incident, 'reason', e.reason, 'drill', e.drill, 'seconds_left', extract(epoch FROM e.ends - clock_timestamp()),
             'review_due_at', e.started + interval '24 h')
      FROM wsd.emergency e WHERE e.login = s.login AND e.reviewed IS NULL AND clock_timestamp() < e.ends ORDER BY e.id DESC LIMIT 1), '{"on": false}')
    || jsonb_build_object('blocked', wsd.review_overdue(s.person_id))
$$;

-- Mail of the house, to staff: it belongs to no case, so no client's thread shows it.
CREATE OR REPLACE FUNCTION wsd.page_leads(p_team text, p_about text, p_key text, p_subject text, p_body text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n int;
BEGIN
  INSERT INTO wsd.mail(case_id, direction, state, message_id, recipient, subject, body, language, author)
  SELECT NULL, 'out', 'queued', '<ws.' || p_key || '.' || left(encode(sha256(convert_to(o.login, 'UTF8')), 'hex'), 16) || '@workstation.invalid>', o.email, p_subject, p_body, 'en', session_user::text
    FROM wsd.staff o WHERE o.role = 'lead' AND o.enabled AND o.email <> '' AND (o.team = p_team OR NOT EXISTS (
         SELECT 1 FROM wsd.staff t WHERE t.role = 'lead' AND t.enabled AND t.team = p_team AND t.login <> p_about)) AND o.login <> p_about
  ON CONFLICT (message_id) WHERE direction = 'out' DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

-- Common to the real one and the drill; the caller has checked the case.
CREATE OR REPLACE FUNCTION wsd.break_it(s wsd.staff, c wsd.case_file, p_incident text, p_reason text, p_drill boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  e wsd.emergency;
  mark text := CASE WHEN p_drill THEN 'DRILL: ' ELSE '' END;
  event text := CASE WHEN p_drill THEN 'break_glass.drill' ELSE 'break_glass' END;
  paged int;
BEGIN
  IF s.role <> 'analyst' OR s.level < 2 THEN RETURN wsd.deny(event, coalesce(c.ref, ''), 'level'); END IF;
  IF coalesce(p_incident, '') !~ '^[A-Z]{2,8}-[0-9]{1,10}$' THEN RETURN wsd.deny(event, coalesce(c.ref, ''), 'incident_malformed'); END IF;
  IF coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN RETURN wsd.deny(event, coalesce(c.ref, ''), 'reason_too_short'); END IF;
  IF NOT wsd.elevated() THEN RETURN wsd.deny(event, coalesce(c.ref, ''), CASE WHEN wsd.review_overdue(s.person_id) THEN 'review_due' ELSE 'not_elevated' END); END IF;
  BEGIN
    INSERT INTO wsd.emergency(login, person_id, case_id, account_id, incident, reason, drill, started, ends)
    SELECT s.login, s.person_id, c.id, coalesce(c.account_id, ''), p_incident, p_reason, p_drill, t, t + interval '30 min' FROM clock_timestamp() t RETURNING * INTO e;
  EXCEPTION WHEN exclusion_violation THEN RETURN wsd.deny(event, coalesce(c.ref, ''), 'glass_broken_already');
  END;
  PERFORM wsd.raise_alert(s.team, event, s.login, c.id, mark || s.name || ' broke the glass for ' || p_incident || coalesce(', case ' || c.ref, '') || ': ' || p_reason);
  paged := wsd.page_leads(s.team, s.login, 'glass.' || e.id, mark || 'Break-glass: ' || p_incident || coalesce(', ' || c.ref, ''),
    mark || s.name || ' (' || s.login || ') broke the glass at ' || to_char(e.started AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC for incident ' || p_incident
    || coalesce(', case ' || c.ref, '') || '.' || E'\n\nIt lasts 30 minutes at most. A lead must review it within 24 hours; '
    || 'if nobody does, this person cannot step up any more until it is done.' || E'\n\nThe reason is in the workstation.');
  PERFORM wsd.log(event, 'ok', coalesce(c.ref, p_incident), jsonb_build_object('emergency', e.id, 'incident', p_incident, 'account', e.account_id, 'reason', p_reason, 'drill', p_drill, 'paged', paged));
  RETURN wsd.glass_state(s) || jsonb_build_object('paged', paged);
END $$;

CREATE FUNCTION ws.break_glass(p_case bigint, p_incident text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN wsd.deny('break_glass', coalesce(p_case::text, ''), 'unknown'); END IF;
  IF NOT wsd.holds(s, c) THEN RETURN wsd.deny('break_glass', c.ref, 'not_holder'); END IF;
  RETURN wsd.break_it(s, c, p_incident, p_reason, false);
END $$;

-- The same from end to end, but of no case and for no act, and every word of it says DRILL.
CREATE FUNCTION ws.break_glass_drill(p_incident text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); nothing wsd.case_file;
BEGIN
  RETURN wsd.break_it(s, nothing, p_incident, p_reason, true);
END $$;

CREATE FUNCTION ws.break_glass_state() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN wsd.glass_state(s);
END $$;

CREATE FUNCTION ws.end_break_glass() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); n bigint;
BEGIN
  UPDATE wsd.emergency SET ends = clock_timestamp() WHERE login = s.login AND clock_timestamp() < ends AND reviewed IS NULL RETURNING id INTO n;
  IF n IS NULL THEN RETURN wsd.deny('break_glass.end', s.login, 'glass_whole'); END IF;
  PERFORM wsd.log('break_glass.end', 'ok', s.login, jsonb_build_object('emergency', n));
  RETURN wsd.glass_state(s);
END $$;

CREATE FUNCTION ws.reviews_due() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role NOT IN ('lead', 'auditor') THEN RETURN '[]'; END IF;
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'login', e.login, 'name', wsd.name_of(e.login), 'case_id', e.case_id,
        'case_ref', coalesce((SELECT ref FROM wsd.case_file WHERE id = e.case_id), ''), 'incident', e.incident, 'reason', e.reason, 'drill', e.drill,
        'started_at', e.started, 'due_at', e.started + interval '24 h', 'late', clock_timestamp() > e.started + interval '24 h',
        'acts', (SELECT coalesce(jsonb_agg(p.title || ': ' || r.state ORDER BY r.created), '[]') FROM wsd.request r JOIN wsd.policy p ON p.act = r.act
                  WHERE r.requester = e.login AND r.case_id = e.case_id AND r.created >= e.started AND r.created < e.ends)) ORDER BY e.started), '[]')
      FROM wsd.emergency e WHERE e.reviewed IS NULL);
END $$;

CREATE FUNCTION ws.review_break_glass(p_id bigint, p_justified boolean, p_text text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); e wsd.emergency; v text := CASE WHEN p_justified THEN 'justified' ELSE 'not_justified' END;
BEGIN
  SELECT * INTO e FROM wsd.emergency WHERE id = p_id FOR UPDATE;
  IF s.role <> 'lead' THEN RETURN wsd.deny('break_glass.review', coalesce(p_id::text, ''), 'level'); END IF;
  IF e.id IS NULL THEN RETURN wsd.deny('break_glass.review', coalesce(p_id::text, ''), 'unknown'); END IF;
  IF e.person_id = s.person_id THEN RETURN wsd.deny('break_glass.review', p_id::text, 'self'); END IF;
  IF e.reviewed IS NOT NULL THEN RETURN wsd.deny('break_glass.review', p_id::text, 'closed_or_expired'); END IF;
  IF p_justified IS NULL OR coalesce(length(p_text), 0) NOT BETWEEN 20 AND 2000 THEN RETURN wsd.deny('break_glass.review', p_id::text, 'reason_too_short'); END IF;
  IF NOT wsd.elevated() THEN RETURN wsd.deny('break_glass.review', p_id::text, 'not_elevated'); END IF;
  UPDATE wsd.emergency SET reviewer = s.login, reviewer_person = s.person_id, reviewed = clock_timestamp(), verdict = v, review_text = p_text, ends = least(ends, clock_timestamp())
   WHERE id = p_id;
  PERFORM wsd.log('break_glass.review', v, p_id::text, jsonb_build_object('who', e.login, 'incident', e.incident, 'drill', e.drill, 'text', p_text));
  IF NOT p_justified THEN
    PERFORM wsd.raise_alert(s.team, 'break_glass.not_justified', e.login, e.case_id, s.name || ' found the break-glass of ' || wsd.name_of(e.login) || ' for ' || e.incident || ' not justified.');
  END IF;
  RETURN jsonb_build_object('ok', true);
END $$;

-- What happened under broken glass stays as it was written; only its end, its notice and its judgement come later, once.
CREATE OR REPLACE FUNCTION wsd.emergency_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.reviewed IS NOT NULL AND (to_jsonb(NEW) - 'told') <> (to_jsonb(OLD) - 'told') OR NEW.ends > OLD.ends
     OR (to_jsonb(NEW) - ARRAY['ends', 'told', 'reviewer', 'reviewer_person', 'reviewed', 'verdict', 'review_text'])
        <> (to_jsonb(OLD) - ARRAY['ends', 'told', 'reviewer', 'reviewer_person', 'reviewed', 'verdict', 'review_text']) THEN
    RAISE EXCEPTION 'emergency % is on record', OLD.id USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON wsd.emergency FOR EACH ROW EXECUTE FUNCTION wsd.emergency_guard();
CREATE TRIGGER guard_all BEFORE TRUNCATE ON wsd.emergency FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();

-- The broker's side: whose client was not told yet that one person alone may act on the account.
CREATE FUNCTION ws.glass_untold() RETURNS TABLE (id bigint, account_id text, case_ref text, language text, trouble_since timestamptz, started timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.id, e.account_id, c.ref, c.language, c.trouble_since, e.started
    FROM wsd.emergency e JOIN wsd.case_file c ON c.id = e.case_id WHERE e.told IS NULL AND NOT e.drill AND e.account_id <> '' ORDER BY e.id
$$;

CREATE FUNCTION ws.tell_glass(p_id bigint, p_mails jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE e wsd.emergency; n int;
BEGIN
  SELECT * INTO e FROM wsd.emergency WHERE id = p_id AND told IS NULL AND NOT drill FOR UPDATE;
  IF e.id IS NULL THEN RETURN 0; END IF;
  SELECT count(*) INTO n FROM wsd.queue_house(e.case_id, p_mails);
  UPDATE wsd.emergency SET told = clock_timestamp() WHERE id = p_id;
  PERFORM wsd.log('client.told', 'ok', 'break_glass ' || p_id, jsonb_build_object('mails', n));
  RETURN n;
END $$;

GRANT EXECUTE ON FUNCTION ws.break_glass(bigint, text, text), ws.break_glass_drill(text, text), ws.break_glass_state(), ws.end_break_glass(), ws.reviews_due() TO ws_user;
GRANT EXECUTE ON FUNCTION ws.reviews_due() TO ws_auditor;
GRANT EXECUTE ON FUNCTION ws.review_break_glass(bigint, boolean, text) TO ws_lead;
GRANT EXECUTE ON FUNCTION ws.glass_untold(), ws.tell_glass(bigint, jsonb) TO ws_executor;
