-- The packet of an escalation: what is missing, forward, open, return, take over.

CREATE OR REPLACE FUNCTION wsd.packet_missing(c wsd.case_file) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT coalesce(array_agg(m), '{}') FROM (
    SELECT 'The finding is missing: say in at least 20 characters what happened.' AS m WHERE NOT EXISTS (SELECT 1 FROM wsd.packet p WHERE p.case_id = c.id AND length(p.finding) >= 20)
    UNION ALL SELECT 'The verdict is missing: commit to one.' WHERE NOT EXISTS (SELECT 1 FROM wsd.packet p WHERE p.case_id = c.id AND p.verdict <> '')
    UNION ALL SELECT 'The recommended act is missing.' WHERE NOT EXISTS (SELECT 1 FROM wsd.packet p WHERE p.case_id = c.id AND p.act <> '')
    UNION ALL SELECT 'The recommended act needs to name the ' || po.param || '.' FROM wsd.packet p JOIN wsd.policy po ON po.act = p.act
       WHERE p.case_id = c.id AND po.param <> '' AND coalesce(p.params ->> po.param, '') = ''
    UNION ALL SELECT 'What the client wants is missing.' WHERE NOT EXISTS (SELECT 1 FROM wsd.packet p WHERE p.case_id = c.id AND p.wants <> '')
    UNION ALL SELECT 'Evidence is missing: ' || array_to_string(n.any_of, ' or ') || '. Pin what shows it and record what it proves.'
      FROM wsd.packet p, LATERAL (SELECT need, array_agg(class ORDER BY class DESC) AS any_of FROM wsd.policy_need x WHERE x.act = p.act GROUP BY need) n
     WHERE p.case_id = c.id AND NOT EXISTS (SELECT 1 FROM wsd.proof q WHERE q.case_id = c.id AND q.class = ANY (n.any_of))
    UNION ALL SELECT 'No event is pinned: pin what the finding rests on.' WHERE NOT EXISTS (SELECT 1 FROM wsd.evidence e WHERE e.case_id = c.id)
    UNION ALL (SELECT 'Step not done: ' || (st.step ->> 'text') FROM wsd.procedure p, jsonb_array_elements(p.steps) WITH ORDINALITY st(step, n)
       WHERE p.kind = c.kind AND p.version = c.procedure_version AND coalesce((st.step ->> 'required')::boolean, true)
         AND NOT EXISTS (SELECT 1 FROM wsd.step_done d WHERE d.case_id = c.id AND d.step = st.step ->> 'key') ORDER BY st.n)
  ) x(m)
$$;

CREATE OR REPLACE FUNCTION wsd.packet_row(c wsd.case_file) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('case_id', c.id, 'finding', coalesce(p.finding, ''), 'verdict', coalesce(p.verdict, ''), 'act', coalesce(p.act, ''),
    'params', coalesce(p.params, '{}'), 'wants', coalesce(p.wants, ''), 'facts', coalesce(p.facts, '[]'), 'by', coalesce(p.by, ''),
    'forwarded_at', p.forwarded_at, 'returned_note', coalesce(p.returned_note, ''), 'state', coalesce(p.state, 'draft'), 'version', coalesce(p.version, 0),
    'missing', to_jsonb(wsd.packet_missing(c)),
    'proofs', (SELECT coalesce(jsonb_agg(wsd.proof_row(q) ORDER BY q.id), '[]') FROM wsd.proof q WHERE q.case_id = c.id), 'proof_needs', wsd.needs_row(c, p.act),
    'pins', (SELECT coalesce(jsonb_agg(wsd.pin_row(e) ORDER BY e.id), '[]') FROM wsd.evidence e WHERE e.case_id = c.id),
    'steps', coalesce(wsd.procedure_row(c) -> 'steps', '[]'))
    FROM (SELECT 1) one LEFT JOIN wsd.packet p ON p.case_id = c.id
$$;

CREATE FUNCTION ws.packet(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.opened(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN jsonb_build_object('denied', 'not_opened'); END IF;
  RETURN wsd.packet_row(c);
END $$;

CREATE FUNCTION ws.save_packet(p_case bigint, p_finding text, p_verdict text, p_act text, p_params jsonb, p_wants text, p_version int) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); p wsd.packet;
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('packet.save', p_case::text, 'not_holder'); END IF;
  IF p_verdict NOT IN ('', 'rightful_owner', 'takeover', 'cannot_tell', 'not_a_problem') THEN RETURN wsd.deny('packet.save', c.ref, 'unknown'); END IF;
  IF p_act <> '' AND NOT EXISTS (SELECT 1 FROM wsd.policy WHERE act = p_act) THEN RETURN wsd.deny('packet.save', c.ref, 'unknown'); END IF;
  -- what a senior's screen reads is as small and flat as what a request may carry
  IF coalesce(jsonb_typeof(p_params), '') <> 'object' OR octet_length(p_params::text) > 2000 OR EXISTS (SELECT 1 FROM jsonb_each(p_params) x WHERE jsonb_typeof(x.value) <> 'string') THEN
    RETURN wsd.deny('packet.save', c.ref, 'param_unknown');
  END IF;
  SELECT * INTO p FROM wsd.packet WHERE case_id = c.id FOR UPDATE;
  IF p.case_id IS NOT NULL AND p.version <> p_version THEN RETURN wsd.deny('packet.save', c.ref, 'version_changed'); END IF;
  INSERT INTO wsd.packet(case_id, finding, verdict, act, params, wants, by, version)
  VALUES (c.id, left(p_finding, 20000), p_verdict, p_act, p_params, left(p_wants, 4000), s.login, 1)
  ON CONFLICT (case_id) DO UPDATE SET finding = excluded.finding, verdict = excluded.verdict, act = excluded.act, params = excluded.params,
    wants = excluded.wants, by = CASE WHEN packet.state = 'taken' THEN packet.by ELSE excluded.by END, version = packet.version + 1;
  PERFORM wsd.log('packet.save', 'ok', c.ref, jsonb_build_object('verdict', p_verdict, 'act', p_act, 'params', p_params,
                                                               'sha256', encode(sha256(convert_to(p_finding, 'UTF8')), 'hex')));
  RETURN wsd.packet_row(c);
END $$;

CREATE FUNCTION ws.forward(p_case bigint, p_facts jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); missing text[];
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('packet.forward', p_case::text, 'not_holder'); END IF;
  IF coalesce(jsonb_typeof(p_facts), '') <> 'array' OR octet_length(p_facts::text) > 65536 OR EXISTS (
       SELECT 1 FROM jsonb_array_elements(p_facts) f WHERE jsonb_typeof(f.value) <> 'object'
          OR EXISTS (SELECT 1 FROM jsonb_each(CASE jsonb_typeof(f.value) WHEN 'object' THEN f.value ELSE '{}' END) x WHERE jsonb_typeof(x.value) NOT IN ('string', 'boolean', 'null'))) THEN
    RETURN wsd.deny('packet.forward', c.ref, 'param_unknown');
  END IF;
  missing := wsd.packet_missing(c);
  IF missing <> '{}' THEN
    RETURN wsd.deny('packet.forward', c.ref, 'packet_incomplete') || jsonb_build_object('missing', to_jsonb(missing));
  END IF;
  UPDATE wsd.packet SET state = 'forwarded', forwarded_at = clock_timestamp(), facts = p_facts, returned_note = '', by = s.login, version = version + 1 WHERE case_id = c.id;
  UPDATE wsd.case_file SET holder = NULL, lease_until = NULL, escalated_to = 3, version = version + 1 WHERE id = c.id RETURNING * INTO c;
  PERFORM wsd.log('packet.forward', 'ok', c.ref, jsonb_build_object('facts', encode(sha256(convert_to(p_facts::text, 'UTF8')), 'hex'),
                                                                  'evidence', encode(wsd.evidence_hash(c.id), 'hex')));
  RETURN wsd.packet_row(c);
END $$;

-- A question goes up, the case stays. Question and answer are notes of the case.
CREATE FUNCTION ws.ask_guidance(p_case bigint, p_question text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('guidance.ask', p_case::text, 'not_holder'); END IF;
  IF length(coalesce(p_question, '')) NOT BETWEEN 10 AND 4000 THEN RETURN wsd.deny('guidance.ask', c.ref, 'reason_too_short'); END IF;
  IF EXISTS (SELECT 1 FROM wsd.guidance g WHERE g.case_id = c.id AND g.answered IS NULL) THEN RETURN wsd.deny('guidance.ask', c.ref, 'guidance_open'); END IF;
  INSERT INTO wsd.guidance(case_id, by, question) VALUES (c.id, s.login, p_question);
  INSERT INTO wsd.note(case_id, by, text) VALUES (c.id, s.login, 'Guidance asked: ' || p_question);
  UPDATE wsd.case_file SET version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('guidance.ask', 'ok', c.ref, jsonb_build_object('sha256', encode(sha256(convert_to(p_question, 'UTF8')), 'hex')));
  RETURN '{"ok": true}';
END $$;

CREATE OR REPLACE FUNCTION wsd.answer_guidance(s wsd.staff, c wsd.case_file, p_answer text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.guidance SET answered = clock_timestamp(), answered_by = s.login WHERE case_id = c.id AND answered IS NULL AND by <> s.login;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO wsd.note(case_id, by, text) VALUES (c.id, s.login, 'Guidance: ' || left(p_answer, 4000));
  INSERT INTO wsd.case_touch VALUES (c.id, s.person_id) ON CONFLICT DO NOTHING;
  UPDATE wsd.case_file SET version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('guidance.answer', 'ok', c.ref, jsonb_build_object('sha256', encode(sha256(convert_to(p_answer, 'UTF8')), 'hex')));
  RETURN true;
END $$;

CREATE FUNCTION ws.escalations() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('case', wsd.case_row(c, s), 'packet_state', CASE WHEN g.id IS NOT NULL THEN 'guidance' ELSE coalesce(p.state, 'none') END,
      'act', coalesce(p.act, ''), 'verdict', coalesce(g.question, p.verdict, ''), 'by', coalesce(g.by, p.by, ''), 'forwarded_at', coalesce(g.asked, p.forwarded_at, c.opened_at),
      'requests', wsd.requests_of(c.id)) ORDER BY wsd.score(c, s.languages) DESC, c.id), '[]')
    FROM wsd.case_file c LEFT JOIN wsd.packet p ON p.case_id = c.id LEFT JOIN wsd.guidance g ON g.case_id = c.id AND g.answered IS NULL
   WHERE c.status <> 'closed' AND c.team = s.team AND (s.level >= 2 OR s.role = 'lead')
     AND (s.level >= 3 AND g.id IS NOT NULL OR c.escalated_to IS NOT NULL AND c.escalated_to <= s.level
          OR EXISTS (SELECT 1 FROM wsd.request r WHERE r.case_id = c.id AND r.tier >= 2 AND r.state IN ('pending', 'executing', 'unknown'))));
END $$;

CREATE FUNCTION ws.open_escalation(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN wsd.deny('escalation.open', p_case::text, 'unknown'); END IF;
  IF s.level < 2 THEN RETURN wsd.deny('escalation.open', c.ref, 'level'); END IF;
  PERFORM wsd.log('escalation.open', 'ok', c.ref, jsonb_build_object('account', c.account_id));
  RETURN jsonb_build_object('detail', wsd.case_detail(c, s), 'packet', wsd.packet_row(c), 'requests', wsd.requests_of(c.id));
END $$;

CREATE FUNCTION ws.return_packet(p_case bigint, p_note text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; back text;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case FOR NO KEY UPDATE;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN wsd.deny('packet.return', p_case::text, 'unknown'); END IF;
  IF length(coalesce(p_note, '')) < 10 THEN RETURN wsd.deny('packet.return', c.ref, 'reason_too_short'); END IF;
  -- A question is answered the same way, and the case stays where it is.
  IF s.level >= 3 AND s.role = 'analyst' AND wsd.answer_guidance(s, c, p_note) THEN RETURN '{"ok": true}'; END IF;
  IF s.level < coalesce(c.escalated_to, 9) OR s.role <> 'analyst' THEN RETURN wsd.deny('packet.return', c.ref, 'level'); END IF;
  IF c.holder <> s.login AND c.lease_until > clock_timestamp() THEN RETURN wsd.deny('packet.return', c.ref, 'held_by_other'); END IF;
  IF EXISTS (SELECT 1 FROM wsd.request WHERE case_id = c.id AND state IN ('pending', 'executing', 'unknown')) THEN RETURN wsd.deny('packet.return', c.ref, 'request_open'); END IF;
  UPDATE wsd.packet SET state = 'returned', returned_note = left(p_note, 4000), version = version + 1 WHERE case_id = c.id RETURNING by INTO back;
  IF back IS NULL THEN RETURN wsd.deny('packet.return', c.ref, 'unknown'); END IF;
  INSERT INTO wsd.case_touch VALUES (c.id, s.person_id) ON CONFLICT DO NOTHING;
  -- back to its analyst, with a working day to take it up before anybody may claim it
  UPDATE wsd.case_file SET escalated_to = NULL, holder = back, lease_until = clock_timestamp() + interval '8 h', version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('packet.return', 'ok', c.ref, jsonb_build_object('to', back, 'note', left(p_note, 4000)));
  RETURN '{"ok": true}';
END $$;

CREATE FUNCTION ws.take_over(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case FOR NO KEY UPDATE;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN wsd.deny('case.take_over', p_case::text, 'unknown'); END IF;
  IF s.level < greatest(coalesce(c.escalated_to, 9), 2) OR s.role <> 'analyst' THEN RETURN wsd.deny('case.take_over', c.ref, 'level'); END IF;
  IF c.holder <> s.login AND c.lease_until > clock_timestamp() THEN RETURN wsd.deny('case.take_over', c.ref, 'held_by_other'); END IF;
  UPDATE wsd.case_file SET holder = s.login, lease_until = clock_timestamp() + wsd.lease(), version = version + 1 WHERE id = c.id RETURNING * INTO c;
  UPDATE wsd.packet SET state = 'taken' WHERE case_id = c.id AND state = 'forwarded';
  INSERT INTO wsd.case_touch VALUES (c.id, s.person_id) ON CONFLICT DO NOTHING;
  PERFORM wsd.log('case.take_over', 'ok', c.ref, jsonb_build_object('account', c.account_id));
  RETURN wsd.case_row(c, s);
END $$;

-- Whether anything moved that this person's screens show: numbers that only say "read again".
CREATE FUNCTION ws.pulse() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN jsonb_build_object(
    'cases', (SELECT coalesce(sum(c.version), 0) || '/' || count(*) FROM wsd.case_file c WHERE c.team = s.team AND c.status <> 'closed'),
    'acts', (SELECT coalesce(sum(r.version), 0) || '/' || coalesce(max(a.decided)::text, '') FROM wsd.request r LEFT JOIN wsd.approval a ON a.request_id = r.id
              WHERE r.created > clock_timestamp() - interval '2 days'),
    'mail', (SELECT coalesce(max(m.id), 0) || '/' || count(*) FILTER (WHERE m.state IN ('queued', 'sending')) FROM wsd.mail m
              JOIN wsd.case_file c ON c.id = m.case_id WHERE c.holder = s.login));
END $$;
