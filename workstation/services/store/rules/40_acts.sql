-- Acts: options, request, approval, veto; and the broker's side: release, claim, settle, sweep.

-- Nobody approves for somebody who approved for them within 24 h. A function's SELECT cannot see a concurrent
-- approval, this constraint can. Ranges have GiST operators in core: the pair by =, the opposite direction by adjacency.
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'wsd' AND t.typname = 'textrange') THEN
    CREATE TYPE wsd.textrange AS RANGE (subtype = text, collation = "C");
  END IF;
END $$;
CREATE OR REPLACE FUNCTION wsd.one(t text) RETURNS wsd.textrange
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog AS $$ SELECT wsd.textrange(t, t, '[]') $$;
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'reciprocal_24h' AND conrelid = 'wsd.approval'::regclass) THEN
    ALTER TABLE wsd.approval ADD CONSTRAINT reciprocal_24h EXCLUDE USING gist (
      wsd.one(least(approver_person COLLATE "C", requester_person COLLATE "C")) WITH =,
      wsd.one(greatest(approver_person COLLATE "C", requester_person COLLATE "C")) WITH =,
      int4range((approver_person COLLATE "C" < requester_person COLLATE "C")::int, (approver_person COLLATE "C" < requester_person COLLATE "C")::int + 1) WITH -|-,
      tstzrange(decided, (decided AT TIME ZONE 'UTC' + interval '24 h') AT TIME ZONE 'UTC') WITH &&);
  END IF;
END $$;

-- Only state, why and version may ever change, and only forwards.
CREATE OR REPLACE FUNCTION wsd.request_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'request is append-only' USING ERRCODE = '42501'; END IF;
  IF (to_jsonb(NEW) - 'state' - 'version' - 'why') <> (to_jsonb(OLD) - 'state' - 'version' - 'why')
     OR (OLD.state, NEW.state) NOT IN (('pending', 'executing'), ('pending', 'refused'), ('pending', 'vetoed'), ('pending', 'expired'),
          ('executing', 'executed'), ('executing', 'failed'), ('executing', 'unknown'), ('unknown', 'executed'), ('unknown', 'failed')) THEN
    RAISE EXCEPTION 'request % is immutable', OLD.id USING ERRCODE = '42501';
  END IF;
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON wsd.request FOR EACH ROW EXECUTE FUNCTION wsd.request_guard();
CREATE TRIGGER guard_all BEFORE TRUNCATE ON wsd.request FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();

CREATE OR REPLACE FUNCTION wsd.request_hash(r wsd.request) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT sha256(wsd.lp('ws-request-v1', r.id::text, r.case_id::text, r.act, r.account_id, r.params, r.reason_code, r.reason_text, r.requester,
                       r.account_etag, encode(r.evidence_hash, 'hex'), wsd.iso(r.approve_by), wsd.iso(r.not_before)))
$$;

-- What a tier-3 step-up is bound to before the request exists.
CREATE FUNCTION ws.intent(p_case bigint, p_act text, p_params jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT sha256(wsd.lp('ws-intent-v1', p_case::text, p_act, p_params::text)) $$;

CREATE OR REPLACE FUNCTION wsd.approvals_now(r wsd.request, p wsd.policy) RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT count(*)::int FROM wsd.approval a JOIN wsd.staff st ON st.login = a.approver AND st.enabled AND st.level >= p.approver_level
   WHERE a.request_id = r.id AND clock_timestamp() <= a.execute_by
$$;

CREATE OR REPLACE FUNCTION wsd.stage(r wsd.request, p wsd.policy, e wsd.execution) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT CASE r.state
    WHEN 'pending' THEN CASE
      WHEN wsd.approvals_now(r, p) < p.approvals THEN 'waits for ' || p.approvals - wsd.approvals_now(r, p) || ' approval(s)'
      WHEN clock_timestamp() < r.not_before THEN 'cools down'
      ELSE 'released, the broker takes it next' END
    WHEN 'executing' THEN 'the broker is at it'
    WHEN 'executed' THEN 'executed and read back'
    WHEN 'failed' THEN 'failed, nothing was done'
    WHEN 'unknown' THEN 'it is not known whether it was done: look at the account before anything else'
    WHEN 'refused' THEN 'refused at release'
    WHEN 'vetoed' THEN 'stopped'
    ELSE 'expired' END
$$;

CREATE OR REPLACE FUNCTION wsd.request_row(r wsd.request) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', r.id, 'case_id', r.case_id, 'case_ref', 'CS-' || r.case_id, 'act', r.act, 'tier', r.tier, 'account', r.account_id,
    'params', r.params::jsonb, 'params_text', r.params, 'reason_code', r.reason_code, 'reason_text', r.reason_text,
    'requester', r.requester, 'requester_name', wsd.name_of(r.requester), 'created_at', r.created, 'not_before', r.not_before, 'approve_by', r.approve_by,
    'approvals_needed', p.approvals, 'approvers', (SELECT coalesce(jsonb_agg(wsd.name_of(a.approver) ORDER BY a.decided), '[]') FROM wsd.approval a WHERE a.request_id = r.id),
    'account_etag', r.account_etag, 'evidence_hash', encode(r.evidence_hash, 'hex'), 'request_hash', encode(r.request_hash, 'hex'),
    'state', r.state, 'why', r.why, 'stage', wsd.stage(r, p, e), 'readback', coalesce(e.readback, ''))
    FROM wsd.policy p LEFT JOIN wsd.execution e ON e.request_id = r.id WHERE p.act = r.act
$$;

CREATE OR REPLACE FUNCTION wsd.requests_of(p_case bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(wsd.request_row(r) ORDER BY r.created DESC), '[]') FROM wsd.request r WHERE r.case_id = p_case
$$;

-- Why this person may not ask for this act in this case; NULL when he may. The one place that says so.
CREATE OR REPLACE FUNCTION wsd.why_not(s wsd.staff, c wsd.case_file, p wsd.policy) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN p.act IS NULL OR c.id IS NULL THEN 'unknown'
    -- such as the lock that a client set for himself: nobody, break-glass included
    WHEN p.tier = 4 THEN 'forbidden_for_everyone'
    WHEN s.role <> 'analyst' OR s.level < p.min_level THEN 'level'
    WHEN NOT wsd.sees(s, c) THEN 'unknown'
    WHEN NOT wsd.holds(s, c) THEN 'not_holder'
    WHEN p.tier >= 2 AND EXISTS (SELECT 1 FROM wsd.request r WHERE r.account_id = c.account_id AND r.tier >= 2 AND r.state IN ('pending', 'executing', 'unknown')) THEN 'request_open'
    WHEN p.tier = 0 AND (SELECT count(*) FROM wsd.request r WHERE r.requester = s.login AND r.tier = 0 AND r.created > clock_timestamp() - interval '1 h') >= 30 THEN 'rate_limit'
  END
$$;

CREATE FUNCTION ws.options(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN jsonb_build_object('denied', 'unknown'); END IF;
  RETURN (SELECT jsonb_agg(jsonb_build_object('act', p.act, 'title', p.title, 'effect', p.effect, 'tier', p.tier, 'loosening', p.tier >= 2, 'reversible', p.reversible,
      'approvals', p.approvals, 'cooldown_s', extract(epoch FROM p.cooldown), 'allowed', wsd.why_not(s, c, p) IS NULL, 'why_not', coalesce(wsd.why_not(s, c, p), ''),
      'needs_elevation', p.tier >= 2, 'param_name', p.param) ORDER BY p.tier, p.act) FROM wsd.policy p);
END $$;

CREATE FUNCTION ws.request_act(p_case bigint, p_act text, p_params jsonb, p_reason text, p_text text, p_etag text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  s wsd.staff := wsd.me();
  p wsd.policy;
  c wsd.case_file;
  r wsd.request;
  no text;
BEGIN
  SELECT * INTO p FROM wsd.policy WHERE act = p_act;
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case FOR UPDATE;
  no := wsd.why_not(s, c, p);
  IF no IS NOT NULL THEN RETURN wsd.deny('request', coalesce(c.ref, p_case::text) || ' ' || p_act, no); END IF;
  IF p.param <> '' AND coalesce(p_params ->> p.param, '') = '' THEN RETURN wsd.deny('request', c.ref || ' ' || p_act, 'param_missing'); END IF;
  IF length(coalesce(p_text, '')) NOT BETWEEN 20 AND 2000 THEN RETURN wsd.deny('request', c.ref || ' ' || p_act, 'reason_too_short'); END IF;
  IF p.tier >= 2 AND NOT wsd.elevated() THEN RETURN wsd.deny('request', c.ref || ' ' || p_act, 'not_elevated'); END IF;
  IF p.tier >= 3 AND NOT wsd.fresh(ws.intent(p_case, p_act, p_params)) THEN RETURN wsd.deny('request', c.ref || ' ' || p_act, 'not_fresh'); END IF;
  r.id := gen_random_uuid();
  r.case_id := c.id;
  r.act := p.act;
  r.tier := p.tier;
  r.account_id := c.account_id;
  r.params := p_params::text;
  r.reason_code := p_reason;
  r.reason_text := p_text;
  r.requester := s.login;
  r.requester_person := s.person_id;
  r.account_etag := p_etag;
  r.evidence_hash := wsd.evidence_hash(c.id);
  r.created := clock_timestamp();
  r.approve_by := r.created + interval '1 hour';
  r.not_before := r.created + p.cooldown;
  r.state := 'pending';
  r.why := '';
  r.version := 1;
  r.request_hash := wsd.request_hash(r);
  BEGIN
    INSERT INTO wsd.request SELECT r.*;
  EXCEPTION WHEN unique_violation THEN RETURN wsd.deny('request', c.ref || ' ' || p_act, 'request_open');
            WHEN check_violation THEN RETURN wsd.deny('request', c.ref || ' ' || p_act, 'reason_unknown');
  END;
  INSERT INTO wsd.case_touch VALUES (c.id, s.person_id) ON CONFLICT DO NOTHING;
  PERFORM wsd.log('request', 'ok', r.id::text, jsonb_build_object('case', c.ref, 'act', r.act, 'account', r.account_id, 'params', p_params, 'reason', r.reason_code,
      'etag', r.account_etag, 'evidence', encode(r.evidence_hash, 'hex'), 'hash', encode(r.request_hash, 'hex')));
  RETURN wsd.request_row(r);
END $$;

CREATE FUNCTION ws.requests(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN jsonb_build_object('denied', 'unknown'); END IF;
  RETURN wsd.requests_of(c.id);
END $$;

CREATE FUNCTION ws.approve(p_id uuid, p_hash bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  s wsd.staff := wsd.me();
  r wsd.request;
  p wsd.policy;
BEGIN
  SELECT * INTO r FROM wsd.request WHERE id = p_id FOR UPDATE;
  IF NOT FOUND THEN RETURN wsd.deny('approve', p_id::text, 'unknown'); END IF;
  SELECT * INTO p FROM wsd.policy WHERE act = r.act;
  IF s.role <> 'analyst' OR s.level < greatest(p.approver_level, 2) THEN RETURN wsd.deny('approve', p_id::text, 'level'); END IF;
  IF s.person_id = r.requester_person THEN RETURN wsd.deny('approve', p_id::text, 'self'); END IF;
  IF EXISTS (SELECT 1 FROM wsd.case_touch WHERE case_id = r.case_id AND person_id = s.person_id) THEN RETURN wsd.deny('approve', p_id::text, 'worked_on_case'); END IF;
  IF r.request_hash IS DISTINCT FROM p_hash THEN RETURN wsd.deny('approve', p_id::text, 'hash_mismatch'); END IF;
  IF r.evidence_hash <> wsd.evidence_hash(r.case_id) THEN RETURN wsd.deny('approve', p_id::text, 'evidence_changed'); END IF;
  IF r.state <> 'pending' OR clock_timestamp() > r.approve_by THEN RETURN wsd.deny('approve', p_id::text, 'closed_or_expired'); END IF;
  BEGIN  -- one block: a refusal by a constraint gives the step-up back
    IF NOT wsd.fresh(r.request_hash) THEN RETURN wsd.deny('approve', p_id::text, 'not_fresh'); END IF;
    INSERT INTO wsd.approval(request_id, requester_person, request_hash, approve_by, approver, approver_person, decided, execute_by)
    VALUES (r.id, r.requester_person, r.request_hash, r.approve_by, s.login, s.person_id, clock_timestamp(),
            greatest(clock_timestamp(), r.not_before) + interval '15 min');
  EXCEPTION WHEN exclusion_violation THEN RETURN wsd.deny('approve', p_id::text, 'reciprocal_24h');
            WHEN unique_violation THEN RETURN wsd.deny('approve', p_id::text, 'already_approved');
  END;
  PERFORM wsd.log('approve', 'ok', r.id::text, jsonb_build_object('hash', encode(r.request_hash, 'hex')));
  RETURN wsd.request_row(r);
END $$;

CREATE FUNCTION ws.veto(p_id uuid, p_why text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  UPDATE wsd.request SET state = 'vetoed', why = left(p_why, 500) WHERE id = p_id AND state = 'pending';
  IF NOT FOUND THEN RETURN wsd.deny('veto', p_id::text, 'not_pending'); END IF;
  PERFORM wsd.log('veto', 'ok', p_id::text, jsonb_build_object('why', left(p_why, 500)));
  RETURN '{"ok": true}';
END $$;

-- The broker's side: only ws_executor may call. No workstation holds the account-control credential --------------------
CREATE FUNCTION ws.releasable() RETURNS TABLE (id uuid, account_id text, act text, params jsonb, reason_code text, reason_text text, case_id bigint, language text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.id, r.account_id, r.act, r.params::jsonb, r.reason_code, r.reason_text, r.case_id, c.language
    FROM wsd.request r JOIN wsd.policy p ON p.act = r.act JOIN wsd.case_file c ON c.id = r.case_id
   WHERE r.state = 'pending' AND clock_timestamp() >= r.not_before AND wsd.approvals_now(r, p) >= p.approvals
     AND (p.approvals > 0 OR clock_timestamp() <= r.approve_by)
   ORDER BY r.tier, r.created
$$;

CREATE OR REPLACE FUNCTION wsd.refuse(p_id uuid, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.request SET state = 'refused', why = p_why WHERE id = p_id;
  PERFORM wsd.deny('execute', p_id::text, p_why);
  RETURN p_why;
END $$;

CREATE FUNCTION ws.claim(p_id uuid, p_etag text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  r wsd.request;
  p wsd.policy;
BEGIN
  PERFORM wsd.must_read_committed();
  SELECT * INTO r FROM wsd.request WHERE id = p_id FOR UPDATE;
  SELECT * INTO p FROM wsd.policy WHERE act = r.act;
  IF r.id IS NULL OR r.state <> 'pending' THEN PERFORM wsd.deny('execute', p_id::text, 'not_pending'); RETURN 'not_pending'; END IF;
  IF clock_timestamp() < r.not_before THEN PERFORM wsd.deny('execute', p_id::text, 'cooling_down'); RETURN 'cooling_down'; END IF;
  IF p.tier = 4 OR wsd.approvals_now(r, p) < p.approvals THEN PERFORM wsd.deny('execute', p_id::text, 'approvals'); RETURN 'approvals'; END IF;
  IF p.approvals = 0 AND clock_timestamp() > r.approve_by THEN PERFORM wsd.deny('execute', p_id::text, 'closed_or_expired'); RETURN 'closed_or_expired'; END IF;
  IF NOT EXISTS (SELECT 1 FROM wsd.staff WHERE login = r.requester AND enabled AND level >= p.min_level) THEN RETURN wsd.refuse(p_id, 'requester_revoked'); END IF;
  IF r.request_hash <> wsd.request_hash(r) THEN RETURN wsd.refuse(p_id, 'hash_mismatch'); END IF;
  -- A protective act must not wait for a quiet account: tightening is safe in any state.
  IF p.tier >= 2 AND r.evidence_hash <> wsd.evidence_hash(r.case_id) THEN RETURN wsd.refuse(p_id, 'evidence_changed'); END IF;
  IF p.tier >= 2 AND r.account_etag <> p_etag THEN RETURN wsd.refuse(p_id, 'account_changed'); END IF;
  INSERT INTO wsd.execution(request_id, claimed_by, claimed, etag_before) VALUES (p_id, session_user::text, clock_timestamp(), p_etag);
  UPDATE wsd.request SET state = 'executing' WHERE id = p_id;
  PERFORM wsd.log('execute.claim', 'ok', p_id::text, jsonb_build_object('hash', encode(r.request_hash, 'hex'), 'etag', p_etag));
  RETURN 'ok';
END $$;

-- What was let out and has no proof yet: after a crash these are reconciled, never sent again blindly.
CREATE FUNCTION ws.unsettled() RETURNS TABLE (id uuid, account_id text, act text, params jsonb, reason_code text, reason_text text, case_id bigint, language text, etag_before text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.id, r.account_id, r.act, r.params::jsonb, r.reason_code, r.reason_text, r.case_id, c.language, e.etag_before, r.state
    FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id JOIN wsd.case_file c ON c.id = r.case_id
   WHERE r.state IN ('executing', 'unknown') ORDER BY e.claimed
$$;

CREATE FUNCTION ws.settle(p_id uuid, p_outcome text, p_reference text, p_etag text, p_readback text, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE r wsd.request;
BEGIN
  PERFORM wsd.must_read_committed();
  SELECT * INTO r FROM wsd.request WHERE id = p_id FOR UPDATE;
  IF r.id IS NULL OR r.state NOT IN ('executing', 'unknown') OR p_outcome NOT IN ('executed', 'failed', 'unknown') THEN
    PERFORM wsd.deny('execute.settle', p_id::text, 'not_executing');
    RETURN 'not_executing';
  END IF;
  IF r.state = p_outcome THEN RETURN 'ok'; END IF;
  UPDATE wsd.execution SET outcome = p_outcome, reference = p_reference, etag_after = p_etag, readback = p_readback, settled = clock_timestamp() WHERE request_id = p_id;
  UPDATE wsd.request SET state = p_outcome, why = p_why WHERE id = p_id;
  PERFORM wsd.log('execute.settle', p_outcome, p_id::text, jsonb_build_object('act', r.act, 'account', r.account_id, 'reference', p_reference, 'etag', p_etag,
      'readback', p_readback, 'why', p_why));
  RETURN 'ok';
END $$;

-- Executed, and the client was not told yet.
CREATE FUNCTION ws.untold() RETURNS TABLE (id uuid, account_id text, act text, case_id bigint, case_ref text, language text, trouble_since timestamptz, settled timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.id, r.account_id, r.act, r.case_id, c.ref, c.language, c.trouble_since, e.settled
    FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id JOIN wsd.case_file c ON c.id = r.case_id
   WHERE e.outcome = 'executed' AND e.told IS NULL ORDER BY e.settled
$$;

-- One transaction for all channels: told once, to the addresses that the broker read from the account.
CREATE FUNCTION ws.tell_client(p_id uuid, p_mails jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r wsd.request; n int;
BEGIN
  SELECT q.* INTO r FROM wsd.request q JOIN wsd.execution e ON e.request_id = q.id WHERE q.id = p_id AND e.outcome = 'executed' AND e.told IS NULL FOR UPDATE OF e;
  IF r.id IS NULL THEN RETURN 0; END IF;
  INSERT INTO wsd.mail(case_id, direction, state, message_id, recipient, subject, body, language, author)
  SELECT r.case_id, 'out', 'queued', m ->> 'message_id', m ->> 'recipient', m ->> 'subject', m ->> 'body', m ->> 'language', session_user::text
    FROM jsonb_array_elements(p_mails) m ON CONFLICT (message_id) WHERE direction = 'out' DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  UPDATE wsd.execution SET told = clock_timestamp() WHERE request_id = p_id;
  PERFORM wsd.log('client.told', 'ok', p_id::text, jsonb_build_object('mails', n));
  RETURN n;
END $$;

-- Requests that nobody approved in time, or whose approvals ran out.
CREATE FUNCTION ws.sweep() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r wsd.request; p wsd.policy; n int := 0;
BEGIN
  FOR r IN SELECT * FROM wsd.request WHERE state = 'pending' AND clock_timestamp() > approve_by FOR UPDATE SKIP LOCKED LOOP
    SELECT * INTO p FROM wsd.policy WHERE act = r.act;
    IF p.approvals = 0 OR wsd.approvals_now(r, p) < p.approvals THEN
      UPDATE wsd.request SET state = 'expired', why = 'nobody approved in time, or the time to execute ran out' WHERE id = r.id;
      PERFORM wsd.log('request.expire', 'ok', r.id::text, '{}');
      n := n + 1;
    END IF;
  END LOOP;
  RETURN n;
END $$;
