-- Cases: who sees what, the queue's order and its reasons, claim and lease, evidence.
-- Helpers without a search_path of their own are called by pinned functions only, and so stay inlinable.

-- A lease lasts 15 minutes and is renewed while the analyst is active; see docs/decisions/0004-lease.md.
CREATE OR REPLACE FUNCTION wsd.lease() RETURNS interval LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT interval '15 min' $$;

CREATE OR REPLACE FUNCTION wsd.sees(s wsd.staff, c wsd.case_file) RETURNS boolean
LANGUAGE sql STABLE AS $$
  -- never NULL: NOT NULL is not true, and a refusal that asks for it would let everybody through
  SELECT coalesce(c.team = s.team AND (s.level >= 2 OR s.role = 'lead' OR c.escalated_to IS NULL OR c.escalated_to <= s.level
                                       OR c.holder IS NOT DISTINCT FROM s.login), false)
$$;

CREATE OR REPLACE FUNCTION wsd.holds(s wsd.staff, c wsd.case_file) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT coalesce(c.status <> 'closed' AND c.holder = s.login AND c.lease_until > clock_timestamp(), false)
$$;

-- What is inside a case is for its holder; seniors and leads may open any of their team's.
CREATE OR REPLACE FUNCTION wsd.may_open(s wsd.staff, c wsd.case_file) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT wsd.sees(s, c) AND (s.level >= 3 OR s.role = 'lead' OR wsd.holds(s, c))
$$;

-- The order and its reasons are made of the same parts, so that a row can never give a reason that did not count.
-- Plain expressions of no more than STABLE parts, which the planner inlines (clock_timestamp() would forbid it): the queue
-- scores every open case at each claim. No rule that protects an account looks at these.
CREATE OR REPLACE FUNCTION wsd.p_due(c wsd.case_file) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN c.due_at < statement_timestamp() THEN 100
              WHEN c.due_at < statement_timestamp() + interval '30 min' THEN 70
              WHEN c.due_at < statement_timestamp() + interval '2 h' THEN 35 ELSE 0 END::float8
$$;
CREATE OR REPLACE FUNCTION wsd.p_risk(c wsd.case_file) RETURNS float8 LANGUAGE sql STABLE AS $$ SELECT coalesce(c.risk, 0) * 0.6::float8 $$;
CREATE OR REPLACE FUNCTION wsd.p_funds(c wsd.case_file) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT least(40, 8 * log(greatest(coalesce(c.funds_usd, 0), 0) + 1))
$$;
CREATE OR REPLACE FUNCTION wsd.p_language(c wsd.case_file, p_languages text[]) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN c.language = ANY (p_languages) THEN 15 ELSE 0 END::float8
$$;
CREATE OR REPLACE FUNCTION wsd.p_waiting(c wsd.case_file) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT least(20, extract(epoch FROM statement_timestamp() - c.opened_at)::float8 / 3600)
$$;
CREATE OR REPLACE FUNCTION wsd.p_snooze(c wsd.case_file) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN c.snooze_reason <> '' AND c.snooze_until <= statement_timestamp() THEN 30 ELSE 0 END::float8
$$;

CREATE OR REPLACE FUNCTION wsd.score(c wsd.case_file, p_languages text[]) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT wsd.p_due(c) + wsd.p_risk(c) + wsd.p_funds(c) + wsd.p_language(c, p_languages) + wsd.p_waiting(c) + wsd.p_snooze(c)
$$;

CREATE OR REPLACE FUNCTION wsd.reasons(c wsd.case_file, p_languages text[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(why ORDER BY points DESC), '[]') FROM (VALUES
    (wsd.p_due(c), CASE WHEN c.due_at < statement_timestamp() THEN 'deadline passed' ELSE 'reply due soon' END),
    (wsd.p_risk(c), 'risk ' || c.risk),
    (wsd.p_funds(c), 'funds at stake ' || to_char(c.funds_usd, 'FM999,999,999,990') || ' USD'),
    (wsd.p_language(c, p_languages), 'you speak ' || c.language),
    (wsd.p_waiting(c), 'waiting ' || floor(extract(epoch FROM statement_timestamp() - c.opened_at) / 3600) || ' h'),
    (wsd.p_snooze(c), 'back from snooze: ' || c.snooze_reason)
  ) v(points, why) WHERE points >= 1
$$;

CREATE OR REPLACE FUNCTION wsd.case_row(c wsd.case_file, s wsd.staff) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object(
    'id', c.id, 'ref', c.ref, 'kind', c.kind, 'account', c.account_id, 'status', c.status, 'language', c.language, 'risk', c.risk,
    'funds_usd', c.funds_usd, 'opened_at', c.opened_at, 'due_at', c.due_at, 'subject', c.subject,
    'why', wsd.reasons(c, s.languages),
    -- the client's words are for those who may open the case, and for whoever could claim it
    'excerpt', CASE WHEN wsd.may_open(s, c) OR c.holder IS NULL OR c.lease_until < clock_timestamp() THEN c.excerpt ELSE '' END,
    'holder', CASE WHEN c.lease_until > clock_timestamp() THEN c.holder END,
    'holder_name', CASE WHEN c.lease_until > clock_timestamp() THEN wsd.name_of(c.holder) ELSE '' END,
    'lease_until', c.lease_until, 'escalated_to', c.escalated_to, 'waiting_since', c.waiting_since, 'version', c.version)
$$;

CREATE OR REPLACE FUNCTION wsd.claimable(s wsd.staff, c wsd.case_file) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT wsd.sees(s, c) AND s.role = 'analyst' AND c.status = 'open' AND coalesce(c.escalated_to, 1) <= s.level
     AND (c.snooze_until IS NULL OR c.snooze_until <= statement_timestamp())
$$;

CREATE FUNCTION ws.queue() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); now timestamptz := clock_timestamp();
BEGIN
  RETURN (SELECT jsonb_build_object(
      'ids', coalesce(jsonb_agg(q.id ORDER BY q.mine DESC, q.score DESC, q.id), '[]'),
      'mine', count(*) FILTER (WHERE q.mine), 'unassigned', count(*) FILTER (WHERE NOT q.held AND q.status = 'open'),
      'waiting', count(*) FILTER (WHERE q.status = 'waiting'), 'breaching', count(*) FILTER (WHERE q.due_at < now + interval '30 min'),
      'read_at', now)
    FROM (SELECT c.id, c.status, c.due_at, wsd.score(c, s.languages) AS score,
                 coalesce(c.lease_until > now, false) AS held, coalesce(c.holder = s.login AND c.lease_until > now, false) AS mine
            FROM wsd.case_file c
           WHERE c.status <> 'closed' AND wsd.sees(s, c) AND (c.snooze_until IS NULL OR c.snooze_until <= now OR c.holder = s.login)) q);
END $$;

CREATE FUNCTION ws.case_rows(p_ids bigint[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(wsd.case_row(c, s) ORDER BY i.n), '[]')
            FROM unnest(p_ids[1:500]) WITH ORDINALITY i(id, n) JOIN wsd.case_file c ON c.id = i.id WHERE wsd.sees(s, c));
END $$;

CREATE FUNCTION ws.claim_next() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  UPDATE wsd.case_file t SET holder = s.login, lease_until = clock_timestamp() + wsd.lease(), version = t.version + 1
   WHERE t.id = (SELECT f.id FROM wsd.case_file f
                  WHERE f.status = 'open' AND f.team = s.team AND (f.holder IS NULL OR f.lease_until < clock_timestamp()) AND wsd.claimable(s, f)
                  ORDER BY wsd.score(f, s.languages) DESC, f.id LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING t.* INTO c;
  IF c.id IS NULL THEN RETURN jsonb_build_object('none', true); END IF;
  PERFORM wsd.log('case.claim', 'ok', c.ref, jsonb_build_object('account', c.account_id, 'next', true));
  RETURN wsd.case_row(c, s);
END $$;

CREATE FUNCTION ws.claim_case(p_case bigint, p_steal text DEFAULT '') RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; was text;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case FOR NO KEY UPDATE;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN wsd.deny('case.claim', p_case::text, 'unknown'); END IF;
  IF s.role <> 'analyst' THEN RETURN wsd.deny('case.claim', c.ref, 'level'); END IF;
  IF c.status = 'closed' THEN RETURN wsd.deny('case.claim', c.ref, 'closed'); END IF;
  IF coalesce(c.escalated_to, 1) > s.level THEN RETURN wsd.deny('case.claim', c.ref, 'escalated'); END IF;
  IF c.holder <> s.login AND c.lease_until > clock_timestamp() THEN
    IF length(coalesce(p_steal, '')) < 20 THEN RETURN wsd.deny('case.claim', c.ref, 'held_by_other'); END IF;
    was := c.holder;
  END IF;
  UPDATE wsd.case_file SET holder = s.login, lease_until = clock_timestamp() + wsd.lease(), status = 'open',
         snooze_until = NULL, version = version + 1 WHERE id = c.id RETURNING * INTO c;
  PERFORM wsd.log('case.claim', 'ok', c.ref, jsonb_build_object('account', c.account_id, 'from', was, 'reason', left(p_steal, 2000)));
  RETURN wsd.case_row(c, s);
END $$;

CREATE FUNCTION ws.heartbeat(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); t timestamptz;
BEGIN
  -- A lease that ran out is renewed as long as nobody else has taken the case.
  UPDATE wsd.case_file SET lease_until = clock_timestamp() + wsd.lease()
   WHERE id = p_case AND holder = s.login AND status <> 'closed' RETURNING lease_until INTO t;
  IF t IS NULL THEN RETURN jsonb_build_object('denied', 'lease_lost'); END IF;
  RETURN jsonb_build_object('lease_until', t);
END $$;

-- The one door to every write on a case: visible, mine, leased. Locks the row, so the lease cannot end in between. NO KEY, here
-- and wherever people lock: what broker and courier write beside the row (a foreign key) never waits for an open transaction.
CREATE OR REPLACE FUNCTION wsd.held(s wsd.staff, p_case bigint) RETURNS wsd.case_file
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case FOR NO KEY UPDATE;
  IF c.id IS NULL OR NOT wsd.sees(s, c) OR NOT wsd.holds(s, c) THEN RETURN NULL; END IF;
  INSERT INTO wsd.case_touch VALUES (c.id, s.person_id) ON CONFLICT DO NOTHING;
  RETURN c;
END $$;

CREATE FUNCTION ws.release(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('case.release', p_case::text, 'not_holder'); END IF;
  UPDATE wsd.case_file SET holder = NULL, lease_until = NULL, version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('case.release', 'ok', c.ref);
  RETURN '{"ok": true}';
END $$;

CREATE FUNCTION ws.snooze(p_case bigint, p_until timestamptz, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('case.snooze', p_case::text, 'not_holder'); END IF;
  IF p_until IS NULL OR p_until <= clock_timestamp() OR p_until > clock_timestamp() + interval '30 days' THEN RETURN wsd.deny('case.snooze', c.ref, 'time_out_of_range'); END IF;
  IF length(coalesce(p_reason, '')) < 3 THEN RETURN wsd.deny('case.snooze', c.ref, 'reason_too_short'); END IF;
  UPDATE wsd.case_file SET holder = NULL, lease_until = NULL, snooze_until = p_until, snooze_reason = left(p_reason, 200), version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('case.snooze', 'ok', c.ref, jsonb_build_object('until', p_until, 'reason', left(p_reason, 200)));
  RETURN '{"ok": true}';
END $$;

CREATE FUNCTION ws.close_case(p_case bigint, p_outcome text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('case.close', p_case::text, 'not_holder'); END IF;
  IF length(coalesce(p_outcome, '')) < 10 THEN RETURN wsd.deny('case.close', c.ref, 'outcome_too_short'); END IF;
  IF EXISTS (SELECT 1 FROM wsd.request WHERE case_id = c.id AND state IN ('pending', 'executing', 'unknown')) THEN RETURN wsd.deny('case.close', c.ref, 'request_open'); END IF;
  UPDATE wsd.case_file SET status = 'closed', outcome = left(p_outcome, 2000), holder = NULL, lease_until = NULL, version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('case.close', 'ok', c.ref, jsonb_build_object('outcome', left(p_outcome, 2000)));
  RETURN '{"ok": true}';
END $$;

-- Evidence, labels, notes, steps --------------------------------------------------------------------------------------
CREATE OR REPLACE FUNCTION wsd.pin_row(e wsd.evidence) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', e.id, 'event_id', e.event_id, 'source', e.source, 'sha256', encode(e.sha256, 'hex'),
                            'summary', e.summary, 'added_by', e.added_by, 'added_at', e.added)
$$;

CREATE FUNCTION ws.pin(p_case bigint, p_source text, p_event text, p_summary text, p_raw bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); e wsd.evidence;
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('evidence.pin', p_case::text, 'not_holder'); END IF;
  IF wsd.walled() THEN RETURN wsd.deny('evidence.pin', c.ref, 'reader_only'); END IF;
  IF coalesce(length(p_source), 0) NOT BETWEEN 1 AND 200 OR coalesce(length(p_event), 0) NOT BETWEEN 1 AND 400 OR p_raw IS NULL THEN RETURN wsd.deny('evidence.pin', c.ref, 'unknown'); END IF;
  SELECT * INTO e FROM wsd.evidence WHERE case_id = c.id AND source = p_source AND event_id = p_event;
  IF e.id IS NULL THEN
    INSERT INTO wsd.evidence(case_id, source, event_id, summary, sha256, raw, added_by)
    VALUES (c.id, p_source, p_event, left(p_summary, 500), sha256(p_raw), p_raw, s.login) RETURNING * INTO e;
    PERFORM wsd.log('evidence.pin', 'ok', c.ref, jsonb_build_object('source', p_source, 'event', p_event, 'sha256', encode(e.sha256, 'hex')));
  END IF;
  RETURN wsd.pin_row(e);
END $$;

CREATE FUNCTION ws.label(p_case bigint, p_kind text, p_value text, p_verdict text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('label', p_case::text, 'not_holder'); END IF;
  INSERT INTO wsd.label(case_id, kind, value, verdict, by) VALUES (c.id, p_kind, left(p_value, 500), p_verdict, s.login)
  ON CONFLICT (case_id, kind, value) DO UPDATE SET verdict = excluded.verdict, by = excluded.by, at = clock_timestamp();
  PERFORM wsd.log('label', 'ok', c.ref, jsonb_build_object('kind', p_kind, 'value', left(p_value, 500), 'verdict', p_verdict));
  RETURN jsonb_build_object('kind', p_kind, 'value', left(p_value, 500), 'verdict', p_verdict, 'by', s.login);
END $$;

CREATE FUNCTION ws.note(p_case bigint, p_text text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); n wsd.note;
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('note', p_case::text, 'not_holder'); END IF;
  INSERT INTO wsd.note(case_id, by, text) VALUES (c.id, s.login, p_text) RETURNING * INTO n;
  PERFORM wsd.log('note', 'ok', c.ref, jsonb_build_object('note', n.id, 'sha256', encode(sha256(convert_to(p_text, 'UTF8')), 'hex')));
  RETURN to_jsonb(n) - 'case_id';
END $$;

CREATE OR REPLACE FUNCTION wsd.procedure_row(c wsd.case_file) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('kind', p.kind, 'version', p.version, 'title', p.title, 'steps', (
           SELECT jsonb_agg(st.step || CASE WHEN d.case_id IS NULL THEN '{}' ELSE
                    jsonb_build_object('done_by', d.by, 'done_at', d.at, 'pin', d.evidence_id) END ORDER BY st.n)
             FROM jsonb_array_elements(p.steps) WITH ORDINALITY st(step, n)
             LEFT JOIN wsd.step_done d ON d.case_id = c.id AND d.step = st.step ->> 'key'))
    FROM wsd.procedure p WHERE p.kind = c.kind AND p.version = c.procedure_version
$$;

CREATE FUNCTION ws.tick(p_case bigint, p_step text, p_pin bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); step jsonb;
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('step.tick', p_case::text, 'not_holder'); END IF;
  SELECT e INTO step FROM wsd.procedure p, jsonb_array_elements(p.steps) e
   WHERE p.kind = c.kind AND p.version = c.procedure_version AND e ->> 'key' = p_step;
  IF step IS NULL THEN RETURN wsd.deny('step.tick', c.ref, 'unknown'); END IF;
  IF (step ->> 'needs_pin')::boolean AND NOT EXISTS (SELECT 1 FROM wsd.evidence WHERE id = p_pin AND case_id = c.id) THEN
    RETURN wsd.deny('step.tick', c.ref, 'pin_needed');
  END IF;
  INSERT INTO wsd.step_done(case_id, step, by, evidence_id) VALUES (c.id, p_step, s.login, p_pin) ON CONFLICT DO NOTHING;
  PERFORM wsd.log('step.tick', 'ok', c.ref, jsonb_build_object('step', p_step, 'pin', p_pin));
  RETURN wsd.procedure_row(c);
END $$;

-- Reading a case ------------------------------------------------------------------------------------------------------
CREATE OR REPLACE FUNCTION wsd.case_detail(c wsd.case_file, s wsd.staff) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('case', wsd.case_row(c, s), 'trouble_since', c.trouble_since,
    'pins', (SELECT coalesce(jsonb_agg(wsd.pin_row(e) ORDER BY e.id), '[]') FROM wsd.evidence e WHERE e.case_id = c.id),
    'labels', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', l.kind, 'value', l.value, 'verdict', l.verdict, 'by', l.by)), '[]') FROM wsd.label l WHERE l.case_id = c.id),
    'notes', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'by', n.by, 'at', n.at, 'text', n.text) ORDER BY n.id), '[]') FROM wsd.note n WHERE n.case_id = c.id),
    'procedure', wsd.procedure_row(c))
$$;

CREATE FUNCTION ws.open_case(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN wsd.deny('case.open', p_case::text, 'unknown'); END IF;
  IF NOT wsd.may_open(s, c) THEN RETURN wsd.deny('case.open', c.ref, 'not_holder'); END IF;
  PERFORM wsd.log('case.open', 'ok', c.ref, jsonb_build_object('account', c.account_id));
  RETURN wsd.case_detail(c, s);
END $$;

-- Reading again what is open on the screen leaves no further record, but only within the hour of a recorded opening.
CREATE OR REPLACE FUNCTION wsd.opened(s wsd.staff, p_case bigint) RETURNS wsd.case_file
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.may_open(s, c)
     OR NOT EXISTS (SELECT 1 FROM wsd.audit a WHERE a.chain = s.login AND a.object = c.ref AND a.event IN ('case.open', 'escalation.open')
                       AND a.outcome = 'ok' AND a.ts > clock_timestamp() - interval '1 h') THEN
    RETURN NULL;
  END IF;
  RETURN c;
END $$;

CREATE FUNCTION ws.case_again(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.opened(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN jsonb_build_object('denied', 'not_opened'); END IF;
  RETURN wsd.case_detail(c, s);
END $$;

-- Imported events -----------------------------------------------------------------------------------------------------
CREATE FUNCTION ws.import_events(p_case bigint, p_source text, p_events text[], p_times bigint[], p_raws bytea[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); n int;
BEGIN
  IF c.id IS NULL THEN RAISE EXCEPTION 'not the holder of the case' USING ERRCODE = '42501'; END IF;
  INSERT INTO wsd.imported_event(account_id, source, event_id, time_us, raw, imported_by)
  SELECT c.account_id, p_source, e, t, r, s.login FROM unnest(p_events, p_times, p_raws) x(e, t, r) ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

CREATE FUNCTION ws.import_done(p_case bigint, p_file text, p_sha256 bytea, p_new int, p_known int, p_broken int) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('import', p_case::text, 'not_holder'); END IF;
  PERFORM wsd.log('import', 'ok', c.ref, jsonb_build_object('account', c.account_id, 'file', left(p_file, 300), 'sha256', encode(p_sha256, 'hex'),
                                                          'new', p_new, 'known', p_known, 'broken', p_broken));
  RETURN '{"ok": true}';
END $$;

-- Imported events are read only after the account was opened, and that is on record.
CREATE OR REPLACE FUNCTION wsd.account_opened(s wsd.staff, p_account text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM wsd.audit a WHERE a.chain = s.login AND a.outcome = 'ok' AND a.ts > clock_timestamp() - interval '1 h'
    AND (a.event = 'account.open' AND a.object = p_account
         OR a.event IN ('case.open', 'escalation.open', 'case.claim', 'case.add') AND (a.payload::jsonb ->> 'account') = p_account))
$$;

CREATE FUNCTION ws.imported_since(p_account text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF NOT wsd.account_opened(s, p_account) THEN RETURN NULL; END IF;
  RETURN (SELECT min(time_us) FROM wsd.imported_event WHERE account_id = p_account);
END $$;

CREATE FUNCTION ws.imported(p_account text, p_since bigint, p_until bigint, p_before_us bigint, p_before_id text, p_limit int)
RETURNS TABLE (source text, event_id text, time_us bigint, raw bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF NOT wsd.account_opened(s, p_account) THEN
    RAISE EXCEPTION 'the account was not opened' USING ERRCODE = '42501';
  END IF;
  IF wsd.walled() THEN RAISE EXCEPTION 'imported records come from the reader' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT e.source, e.event_id, e.time_us, e.raw FROM wsd.imported_event e
    WHERE e.account_id = p_account AND e.time_us >= p_since AND e.time_us < p_until
      AND (p_before_us IS NULL OR (e.time_us, e.source || e.event_id) < (p_before_us, p_before_id))
    ORDER BY e.time_us DESC, e.source || e.event_id DESC LIMIT least(p_limit, 2000);
END $$;

-- A case that an analyst opens by hand, such as for an import.
CREATE FUNCTION ws.add_case(p_account text, p_kind text, p_subject text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  IF s.role <> 'analyst' THEN RETURN wsd.deny('case.add', p_account, 'level'); END IF;
  IF coalesce(p_account, '') !~ '^[!-~]{1,200}$' THEN RETURN wsd.deny('case.add', p_account, 'unknown'); END IF;
  SELECT * INTO c FROM wsd.case_file WHERE account_id = p_account AND kind = p_kind AND status <> 'closed';
  IF c.id IS NOT NULL THEN RETURN ws.claim_case(c.id, ''); END IF;
  INSERT INTO wsd.case_file(kind, account_id, team, subject, holder, lease_until, procedure_version)
  VALUES (p_kind, p_account, s.team, left(p_subject, 300), s.login, clock_timestamp() + wsd.lease(),
          coalesce((SELECT max(version) FROM wsd.procedure WHERE kind = p_kind), 1)) RETURNING * INTO c;
  PERFORM wsd.log('case.add', 'ok', c.ref, jsonb_build_object('account', p_account, 'kind', p_kind));
  RETURN wsd.case_row(c, s);
END $$;
