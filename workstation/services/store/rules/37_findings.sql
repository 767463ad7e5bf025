-- What an investigation finds: claims against the log, marks judged, notes on events, and queries kept under a name.

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['mark_judgement', 'event_note'] LOOP
    EXECUTE format('CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.%I FOR EACH ROW EXECUTE FUNCTION wsd.append_only()', t);
    EXECUTE format('CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.%I FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only()', t);
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION wsd.claim_row(c wsd.claim) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', c.id, 'said', c.said, 'mail', c.mail_id, 'verdict', c.verdict, 'why', c.why, 'added_by', c.added_by,
    'added_at', c.added, 'judged_by', coalesce(c.judged_by, ''), 'judged_at', c.judged,
    'pins', (SELECT coalesce(jsonb_agg(p.evidence_id ORDER BY p.evidence_id), '[]') FROM wsd.claim_pin p WHERE p.claim_id = c.id))
$$;

CREATE FUNCTION ws.claim_add(p_case bigint, p_said text, p_mail bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); made wsd.claim; words text := btrim(coalesce(p_said, ''));
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('claim.add', p_case::text, 'not_holder'); END IF;
  IF length(words) NOT BETWEEN 3 AND 500 THEN RETURN wsd.deny('claim.add', c.ref, 'claim_length'); END IF;
  IF p_mail IS NOT NULL AND NOT EXISTS (SELECT 1 FROM wsd.mail WHERE id = p_mail AND case_id = c.id) THEN
    RETURN wsd.deny('claim.add', c.ref, 'unknown');
  END IF;
  IF (SELECT count(*) FROM wsd.claim WHERE case_id = c.id) >= 200 THEN RETURN wsd.deny('claim.add', c.ref, 'too_many'); END IF;
  INSERT INTO wsd.claim(case_id, said, mail_id, added_by) VALUES (c.id, words, p_mail, s.login) RETURNING * INTO made;
  PERFORM wsd.log('claim.add', 'ok', c.ref, jsonb_build_object('claim', made.id, 'sha256', encode(sha256(convert_to(words, 'UTF8')), 'hex')));
  RETURN wsd.claim_row(made);
END $$;

-- Supported and contradicted rest on evidence of the case; that nobody can know needs a reason.
CREATE FUNCTION ws.claim_judge(p_claim bigint, p_verdict text, p_pins bigint[], p_why text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; made wsd.claim; reason text := left(btrim(coalesce(p_why, '')), 1000); pins bigint[] := coalesce(p_pins, '{}');
BEGIN
  SELECT * INTO made FROM wsd.claim WHERE id = p_claim;
  IF made.id IS NOT NULL THEN c := wsd.held(s, made.case_id); END IF;
  IF c.id IS NULL THEN RETURN wsd.deny('claim.judge', p_claim::text, 'not_holder'); END IF;
  IF coalesce(p_verdict, '') NOT IN ('open', 'supported', 'contradicted', 'cannot_know', 'withdrawn') THEN
    RETURN wsd.deny('claim.judge', c.ref, 'unknown');
  END IF;
  IF cardinality(pins) > 50 OR EXISTS (SELECT 1 FROM unnest(pins) p WHERE NOT EXISTS (SELECT 1 FROM wsd.evidence e WHERE e.id = p AND e.case_id = c.id)) THEN
    RETURN wsd.deny('claim.judge', c.ref, 'unknown');
  END IF;
  IF p_verdict IN ('supported', 'contradicted') AND cardinality(pins) = 0 THEN RETURN wsd.deny('claim.judge', c.ref, 'pin_needed'); END IF;
  IF p_verdict IN ('cannot_know', 'withdrawn') AND length(reason) < 10 THEN RETURN wsd.deny('claim.judge', c.ref, 'reason_too_short'); END IF;
  UPDATE wsd.claim SET verdict = p_verdict, why = reason, judged_by = CASE WHEN p_verdict = 'open' THEN NULL ELSE s.login END,
         judged = CASE WHEN p_verdict = 'open' THEN NULL ELSE clock_timestamp() END WHERE id = made.id RETURNING * INTO made;
  DELETE FROM wsd.claim_pin WHERE claim_id = made.id;
  INSERT INTO wsd.claim_pin SELECT DISTINCT made.id, p FROM unnest(pins) p;
  PERFORM wsd.log('claim.judge', 'ok', c.ref, jsonb_build_object('claim', made.id, 'verdict', p_verdict, 'pins', to_jsonb(pins)));
  RETURN wsd.claim_row(made);
END $$;

CREATE FUNCTION ws.judge_mark(p_case bigint, p_rule text, p_rulebook bytea, p_verdict text, p_why text, p_events jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); j wsd.mark_judgement; reason text := left(btrim(coalesce(p_why, '')), 1000);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('mark.judge', p_case::text, 'not_holder'); END IF;
  IF coalesce(p_rule, '') !~ '^[a-z0-9][a-z0-9._-]{1,80}$' OR coalesce(p_verdict, '') NOT IN ('right', 'wrong') THEN
    RETURN wsd.deny('mark.judge', c.ref, 'unknown');
  END IF;
  IF p_verdict = 'wrong' AND length(reason) < 10 THEN RETURN wsd.deny('mark.judge', c.ref, 'reason_too_short'); END IF;
  IF jsonb_typeof(coalesce(p_events, '[]')) <> 'array' OR jsonb_array_length(coalesce(p_events, '[]')) > 50 OR octet_length(p_events::text) > 20000
     -- a colleague's screen reads them: ids, and nothing that is deeper than its parser goes
     OR EXISTS (SELECT 1 FROM jsonb_array_elements(coalesce(p_events, '[]')) e WHERE jsonb_typeof(e.value) <> 'string') OR length(p_rulebook) > 64 THEN
    RETURN wsd.deny('mark.judge', c.ref, 'too_many');
  END IF;
  INSERT INTO wsd.mark_judgement(case_id, rule, rulebook, verdict, why, events, by)
  VALUES (c.id, p_rule, coalesce(p_rulebook, ''), p_verdict, reason, coalesce(p_events, '[]'), s.login) RETURNING * INTO j;
  PERFORM wsd.log('mark.judge', 'ok', c.ref, jsonb_build_object('rule', p_rule, 'verdict', p_verdict, 'rulebook', encode(j.rulebook, 'hex')));
  RETURN jsonb_build_object('rule', j.rule, 'verdict', j.verdict, 'why', j.why, 'by', s.login, 'at', j.at);
END $$;

-- How often each rule was right, over the last half year: one judgement a case, the newest. No client is named.
CREATE FUNCTION ws.mark_record() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); found jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_build_object('rule', r.rule, 'right', r.good, 'wrong', r.bad) ORDER BY r.rule), '[]') INTO found FROM (
    SELECT n.rule, count(*) FILTER (WHERE n.verdict = 'right') AS good, count(*) FILTER (WHERE n.verdict = 'wrong') AS bad FROM (
      SELECT DISTINCT ON (j.case_id, j.rule) j.rule, j.verdict FROM wsd.mark_judgement j
       WHERE j.at > clock_timestamp() - interval '180 days' ORDER BY j.case_id, j.rule, j.id DESC) n GROUP BY n.rule) r;
  RETURN found;
END $$;

CREATE FUNCTION ws.note_event(p_case bigint, p_source text, p_event text, p_text text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); n wsd.event_note; words text := btrim(coalesce(p_text, ''));
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('event.note', p_case::text, 'not_holder'); END IF;
  IF length(words) NOT BETWEEN 1 AND 2000 OR coalesce(p_event, '') = '' THEN RETURN wsd.deny('event.note', c.ref, 'claim_length'); END IF;
  IF (SELECT count(*) FROM wsd.event_note WHERE case_id = c.id) >= 1000 THEN RETURN wsd.deny('event.note', c.ref, 'too_many'); END IF;
  INSERT INTO wsd.event_note(case_id, source, event_id, text, by)
  VALUES (c.id, left(coalesce(p_source, ''), 200), left(p_event, 500), words, s.login) RETURNING * INTO n;
  PERFORM wsd.log('event.note', 'ok', c.ref, jsonb_build_object('note', n.id, 'sha256', encode(sha256(convert_to(words, 'UTF8')), 'hex')));
  RETURN to_jsonb(n) - 'case_id';
END $$;

CREATE FUNCTION ws.findings(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.opened(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN jsonb_build_object('denied', 'not_opened'); END IF;
  RETURN jsonb_build_object(
    'claims', (SELECT coalesce(jsonb_agg(wsd.claim_row(x) ORDER BY x.id), '[]') FROM wsd.claim x WHERE x.case_id = c.id),
    'notes', (SELECT coalesce(jsonb_agg(to_jsonb(n) - 'case_id' ORDER BY n.id), '[]') FROM wsd.event_note n WHERE n.case_id = c.id),
    'judgements', (SELECT coalesce(jsonb_agg(jsonb_build_object('rule', j.rule, 'verdict', j.verdict, 'why', j.why, 'by', j.by, 'at', j.at)), '[]')
                     FROM (SELECT DISTINCT ON (rule) * FROM wsd.mark_judgement WHERE case_id = c.id ORDER BY rule, id DESC) j));
END $$;

-- Queries -------------------------------------------------------------------------------------------------------------
CREATE OR REPLACE FUNCTION wsd.query_row(q wsd.saved_query) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', q.id, 'name', q.name, 'query', q.query, 'kind', q.kind, 'by', q.owner)
$$;

-- For oneself, or, by seniors and leads, for everybody who works a kind of case. The same name replaces what it named.
CREATE FUNCTION ws.save_query(p_name text, p_query text, p_kind text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); q wsd.saved_query; named text := btrim(coalesce(p_name, '')); sort text := coalesce(p_kind, '');
BEGIN
  IF length(named) NOT BETWEEN 1 AND 60 OR length(coalesce(p_query, '')) NOT BETWEEN 1 AND 4000 THEN RETURN wsd.deny('query.save', left(named, 60), 'claim_length'); END IF;
  IF sort <> '' AND NOT EXISTS (SELECT 1 FROM wsd.procedure WHERE kind = sort) THEN RETURN wsd.deny('query.save', named, 'unknown'); END IF;
  IF sort <> '' AND s.level < 3 AND s.role <> 'lead' THEN RETURN wsd.deny('query.save', named, 'level'); END IF;
  IF (SELECT count(*) FROM wsd.saved_query WHERE owner = s.login) >= 200 THEN RETURN wsd.deny('query.save', named, 'too_many'); END IF;
  DELETE FROM wsd.saved_query WHERE name = named AND kind = sort AND (kind <> '' OR owner = s.login);
  INSERT INTO wsd.saved_query(owner, kind, name, query) VALUES (s.login, sort, named, p_query) RETURNING * INTO q;
  IF sort <> '' THEN PERFORM wsd.log('query.save', 'ok', named, jsonb_build_object('kind', sort, 'query', p_query)); END IF;
  RETURN wsd.query_row(q);
END $$;

CREATE FUNCTION ws.saved_queries(p_kind text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(wsd.query_row(q) ORDER BY q.kind = '', q.name), '[]') FROM wsd.saved_query q
           WHERE (q.kind = '' AND q.owner = s.login) OR (q.kind <> '' AND q.kind = coalesce(p_kind, '')));
END $$;

CREATE FUNCTION ws.drop_query(p_id bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); q wsd.saved_query;
BEGIN
  SELECT * INTO q FROM wsd.saved_query WHERE id = p_id;
  IF q.id IS NULL OR (q.kind = '' AND q.owner <> s.login) THEN RETURN wsd.deny('query.drop', p_id::text, 'unknown'); END IF;
  IF q.kind <> '' AND s.level < 3 AND s.role <> 'lead' THEN RETURN wsd.deny('query.drop', q.name, 'level'); END IF;
  DELETE FROM wsd.saved_query WHERE id = q.id;
  IF q.kind <> '' THEN PERFORM wsd.log('query.drop', 'ok', q.name, jsonb_build_object('kind', q.kind, 'query', q.query)); END IF;
  RETURN wsd.query_row(q);
END $$;

GRANT EXECUTE ON FUNCTION
  ws.claim_add(bigint, text, bigint), ws.claim_judge(bigint, text, bigint[], text), ws.judge_mark(bigint, text, bytea, text, text, jsonb),
  ws.mark_record(), ws.note_event(bigint, text, text, text), ws.findings(bigint),
  ws.save_query(text, text, text), ws.saved_queries(text), ws.drop_query(bigint)
TO ws_user;
