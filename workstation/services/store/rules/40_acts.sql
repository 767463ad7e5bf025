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

-- All that is approved, the policy that it is asked under included.
CREATE OR REPLACE FUNCTION wsd.request_hash(r wsd.request) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT sha256(wsd.lp('ws-request-v2', r.id::text, r.case_id::text, r.act, r.account_id, r.params, r.reason_code, r.reason_text, r.requester,
                       r.account_etag, encode(r.evidence_hash, 'hex'), wsd.iso(r.approve_by), wsd.iso(r.not_before), encode(r.policy, 'hex'),
                       r.approvals::text, coalesce(wsd.iso(r.vetoable_until), ''), r.break_glass::text))
$$;

-- What a tier-3 step-up is bound to before the request exists.
CREATE FUNCTION ws.intent(p_case bigint, p_act text, p_params jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT sha256(wsd.lp('ws-intent-v1', p_case::text, p_act, p_params::text)) $$;

CREATE OR REPLACE FUNCTION wsd.approvals_now(r wsd.request, p wsd.policy) RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT count(*)::int FROM wsd.approval a JOIN wsd.staff st ON st.login = a.approver AND st.enabled AND st.level >= p.approver_level
   WHERE a.request_id = r.id AND clock_timestamp() <= a.execute_by
$$;

-- Whether the client was told in time: at least one mail with the link has left the house, soon after the request was made.
CREATE OR REPLACE FUNCTION wsd.told_state(r wsd.request, p wsd.policy) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN NOT p.vetoable OR r.break_glass THEN 'ok'
    WHEN n.told IS NULL THEN 'not_told'
    WHEN n.told > r.created + CASE WHEN p.cooldown > '0' THEN least(make_interval(secs => wsd.limit_of('tell_within_s')), p.cooldown / 2) ELSE make_interval(secs => wsd.limit_of('tell_within_s')) END THEN 'told_late'
    WHEN NOT EXISTS (SELECT 1 FROM wsd.veto_mail v JOIN wsd.mail m ON m.id = v.mail_id WHERE v.request_id = r.id AND m.state = 'sent') THEN 'not_told'
    ELSE 'ok' END
    FROM (SELECT 1) one LEFT JOIN wsd.veto_notice n ON n.request_id = r.id
$$;

-- When the last thing happened that a request waited for.
CREATE OR REPLACE FUNCTION wsd.released_at(r wsd.request) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT greatest(r.created, r.not_before, (SELECT max(a.decided) FROM wsd.approval a WHERE a.request_id = r.id),
                  (SELECT n.told FROM wsd.veto_notice n WHERE n.request_id = r.id))
$$;

CREATE OR REPLACE FUNCTION wsd.stage(r wsd.request, p wsd.policy, e wsd.execution) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT CASE r.state
    WHEN 'pending' THEN CASE
      WHEN wsd.approvals_now(r, p) < r.approvals THEN 'waits for ' || r.approvals - wsd.approvals_now(r, p) || ' approval(s)'
      WHEN clock_timestamp() < r.not_before THEN 'cools down'
      WHEN wsd.told_state(r, p) <> 'ok' THEN 'waits: the client was not told yet'
      WHEN wsd.released_at(r) < clock_timestamp() - interval '2 min'
        THEN 'released since ' || to_char(wsd.released_at(r) AT TIME ZONE 'UTC', 'HH24:MI') || ' UTC and not taken: see whether the broker runs (workstation doctor)'
      ELSE 'released, the broker takes it next' END
    WHEN 'executing' THEN CASE WHEN e.claimed < clock_timestamp() - interval '2 min'
      THEN 'let out at ' || to_char(e.claimed AT TIME ZONE 'UTC', 'HH24:MI') || ' UTC and not settled: look at the account, then at the broker (workstation doctor)'
      ELSE 'the broker is at it' END
    WHEN 'executed' THEN 'executed and read back'
    WHEN 'failed' THEN 'failed, nothing was done'
    WHEN 'unknown' THEN 'it is not known whether it was done: look at the account before anything else'
    WHEN 'refused' THEN 'refused at release'
    WHEN 'vetoed' THEN 'stopped'
    ELSE 'expired' END
$$;

-- What became of the rest of withdrawals after the act, in words.
CREATE OR REPLACE FUNCTION wsd.hold_words(e wsd.execution) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT CASE e.hold_state
    WHEN 'set' THEN 'withdrawals rest until ' || to_char(e.hold_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' || CASE WHEN e.hold_why <> '' THEN ' (' || e.hold_why || ')' ELSE '' END
    WHEN 'due' THEN 'the withdrawal hold is not set yet' || CASE WHEN e.hold_why <> '' THEN ', and is tried again: ' || e.hold_why ELSE '' END
    WHEN 'refused' THEN 'THE WITHDRAWAL HOLD COULD NOT BE SET: ' || e.hold_why
    ELSE '' END
$$;

CREATE OR REPLACE FUNCTION wsd.request_row(r wsd.request) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', r.id, 'case_id', r.case_id, 'case_ref', 'CS-' || r.case_id, 'act', r.act, 'tier', r.tier, 'account', r.account_id,
    'params', r.params::jsonb, 'params_text', r.params, 'reason_code', r.reason_code, 'reason_text', r.reason_text,
    'requester', r.requester, 'requester_name', wsd.name_of(r.requester), 'created_at', r.created, 'not_before', r.not_before, 'approve_by', r.approve_by,
    'approvals_needed', r.approvals, 'approvers', (SELECT coalesce(jsonb_agg(wsd.name_of(a.approver) ORDER BY a.decided), '[]') FROM wsd.approval a WHERE a.request_id = r.id),
    'account_etag', r.account_etag, 'evidence_hash', encode(r.evidence_hash, 'hex'), 'request_hash', encode(r.request_hash, 'hex'),
    'state', r.state, 'why', r.why, 'stage', wsd.stage(r, p, e), 'readback', coalesce(e.readback, ''))
    || jsonb_build_object('policy', encode(r.policy, 'hex'), 'vetoable_until', r.vetoable_until, 'told_at', n.told, 'break_glass', r.break_glass,
    'hold', coalesce(wsd.hold_words(e), ''))
    FROM wsd.policy p LEFT JOIN wsd.execution e ON e.request_id = r.id LEFT JOIN wsd.veto_notice n ON n.request_id = r.id WHERE p.act = r.act
$$;

CREATE OR REPLACE FUNCTION wsd.requests_of(p_case bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(wsd.request_row(r) ORDER BY r.created DESC), '[]') FROM wsd.request r WHERE r.case_id = p_case
$$;

-- Whether broken glass lets this person ask for this act alone: 45_break_glass.sql says when.
CREATE OR REPLACE FUNCTION wsd.break_glass(s wsd.staff, c wsd.case_file, p wsd.policy) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT false $$;

-- Why this person may not ask for this act in this case: ALL reasons, each with when it ends by itself (NULL: not by itself)
-- and what it is about. No row: he may. The one place that says so: screens, ws.request_act, docs/permissions.md and tests.
CREATE OR REPLACE FUNCTION wsd.why_not(s wsd.staff, c wsd.case_file, p wsd.policy) RETURNS TABLE (code text, until timestamptz, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  glass boolean := coalesce(wsd.break_glass(s, c, p), false);
  f wsd.account_fact;
  now timestamptz := clock_timestamp();
BEGIN
  detail := '';
  IF p.act IS NULL THEN code := 'unknown'; RETURN NEXT; RETURN; END IF;
  -- such as the lock that a client set for himself: nobody, break-glass included
  IF p.tier = 4 THEN code := 'forbidden_for_everyone'; RETURN NEXT; RETURN; END IF;
  IF c.id IS NOT NULL AND NOT wsd.sees(s, c) THEN code := 'unknown'; RETURN NEXT; RETURN; END IF;
  IF s.role <> 'analyst' THEN code := 'level'; detail := 'an analyst'; RETURN NEXT;
  ELSIF s.level < p.min_level AND NOT glass THEN code := 'level'; detail := CASE p.min_level WHEN 3 THEN 'a senior' ELSE 'Level ' || p.min_level END; RETURN NEXT;
  ELSIF NOT wsd.granted(s, p.act) AND NOT glass THEN code := 'not_granted'; RETURN NEXT; END IF;
  detail := '';
  IF c.id IS NULL THEN code := 'no_case'; RETURN NEXT; RETURN; END IF;
  IF NOT wsd.holds(s, c) THEN
    code := 'not_holder'; until := CASE WHEN c.holder <> s.login AND c.lease_until > now THEN c.lease_until END; RETURN NEXT; until := NULL;
  END IF;
  IF c.account_id = '' THEN code := 'no_account'; RETURN NEXT; RETURN; END IF;
  IF p.tier >= 2 THEN
    SELECT 'request_open', CASE WHEN r.state = 'pending' THEN greatest(r.approve_by, r.vetoable_until) END, r.act INTO code, until, detail
      FROM wsd.request r WHERE r.account_id = c.account_id AND r.tier >= 2 AND r.state IN ('pending', 'executing', 'unknown') LIMIT 1;
    IF FOUND THEN RETURN NEXT; END IF;
  ELSIF p.tier = 0 THEN
    SELECT 'rate_limit', x.created + interval '1 h', '' INTO code, until, detail
      FROM wsd.request x WHERE x.requester IN (SELECT o.login FROM wsd.staff o WHERE o.person_id = s.person_id) AND x.tier = 0 AND x.created > now - interval '1 h' ORDER BY x.created DESC OFFSET wsd.limit_of('protective_per_hour') - 1 LIMIT 1;
    IF FOUND THEN RETURN NEXT; END IF;
  END IF;
  -- what the account's facts say is for those who may open it
  IF p.tier >= 3 AND wsd.may_open(s, c) THEN
    f := wsd.facts_of(c.account_id);
    until := NULL; detail := '';
    IF f.id IS NULL OR f.read_at < now - wsd.facts_age() THEN code := 'facts_unread'; RETURN NEXT; END IF;
    IF f.id IS NOT NULL THEN RETURN QUERY SELECT * FROM wsd.blocked(c, p, f); END IF;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION wsd.reasons_row(s wsd.staff, c wsd.case_file, p wsd.policy) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('code', w.code, 'until', w.until, 'detail', w.detail) ORDER BY w.n), '[]')
    FROM wsd.why_not(s, c, p) WITH ORDINALITY w(code, until, detail, n)
$$;

CREATE OR REPLACE FUNCTION wsd.options_row(s wsd.staff, c wsd.case_file) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_agg(jsonb_build_object('act', p.act, 'title', p.title, 'effect', p.effect, 'tier', p.tier, 'loosening', p.tier >= 2, 'reversible', p.reversible,
      'approvals', p.approvals, 'cooldown_s', extract(epoch FROM p.cooldown), 'allowed', w.reasons = '[]', 'reasons', w.reasons, 'needs_elevation', p.tier >= 2,
      'param_name', p.param, 'vetoable', p.vetoable, 'hold_s', extract(epoch FROM p.hold), 'proof_needs', wsd.needs_row(c, p.act),
      'reason_codes', (SELECT coalesce(jsonb_agg(r.code ORDER BY r.code), '[]') FROM wsd.policy_reason r WHERE r.act = p.act)) ORDER BY p.tier, p.act)
    FROM wsd.policy p, LATERAL (SELECT wsd.reasons_row(s, c, p) AS reasons) w
$$;

CREATE FUNCTION ws.options(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) THEN RETURN jsonb_build_object('denied', 'unknown'); END IF;
  RETURN wsd.options_row(s, c);
END $$;

-- The same for an account, by the open case of it that I hold or, failing that, may see; without one, nothing can be asked for.
CREATE FUNCTION ws.options_for(p_account text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  SELECT * INTO c FROM wsd.case_file f WHERE f.account_id = p_account AND f.status <> 'closed' AND wsd.sees(s, f) ORDER BY wsd.holds(s, f) DESC, f.id LIMIT 1;
  RETURN wsd.options_row(s, c);
END $$;

-- How many others must agree: more where much is at stake, and what is not known counts as much.
CREATE OR REPLACE FUNCTION wsd.approvals_for(p wsd.policy, f wsd.account_fact, p_params jsonb) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN coalesce((f.facts ->> 'balance_usd')::numeric <= wsd.limit_of('high_balance_usd'), false)
               AND coalesce(f.facts -> 'named' -> 'factors' ->> (p_params ->> 'factor'), '') <> 'passkey'
         THEN p.approvals ELSE p.approvals_more END
$$;

CREATE FUNCTION ws.request_act(p_case bigint, p_act text, p_params jsonb, p_reason text, p_text text, p_etag text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  s wsd.staff := wsd.me();
  p wsd.policy;
  c wsd.case_file;
  r wsd.request;
  f wsd.account_fact;
  no jsonb;
  what text;
BEGIN
  -- one after the other for each login: two at once would both be the last that the hour allows
  PERFORM 1 FROM wsd.audit_head WHERE chain = s.login FOR UPDATE;
  SELECT * INTO p FROM wsd.policy WHERE act = p_act;
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case FOR NO KEY UPDATE;
  what := coalesce(c.ref, p_case::text, '') || ' ' || left(coalesce(p_act, ''), 60);
  IF c.id IS NULL THEN RETURN wsd.deny('request', what, 'unknown'); END IF;
  no := wsd.reasons_row(s, c, p);
  IF no <> '[]' THEN RETURN wsd.deny('request', what, no -> 0 ->> 'code') || jsonb_build_object('reasons', no); END IF;
  IF coalesce(jsonb_typeof(p_params), '') <> 'object' OR p.param <> '' AND (coalesce(jsonb_typeof(p_params -> p.param), '') <> 'string' OR length(p_params ->> p.param) NOT BETWEEN 1 AND 200) THEN RETURN wsd.deny('request', what, 'param_missing'); END IF;
  IF p_params - p.param <> '{}' THEN RETURN wsd.deny('request', what, 'param_unknown'); END IF;
  IF NOT EXISTS (SELECT 1 FROM wsd.policy_reason x WHERE x.act = p.act AND x.code = p_reason) THEN RETURN wsd.deny('request', what, 'reason_unknown'); END IF;
  IF length(coalesce(p_text, '')) NOT BETWEEN 20 AND 2000 THEN RETURN wsd.deny('request', what, 'reason_too_short'); END IF;
  f := wsd.facts_of(c.account_id);
  IF p.tier >= 3 AND f.etag IS DISTINCT FROM p_etag THEN RETURN wsd.deny('request', what, 'account_changed'); END IF;
  IF p.tier >= 3 AND p.param = 'factor' AND NOT coalesce(f.facts -> 'named' -> 'factors' ? (p_params ->> 'factor'), false) THEN RETURN wsd.deny('request', what, 'param_unknown'); END IF;
  IF p.tier >= 2 AND NOT wsd.elevated() THEN RETURN wsd.deny('request', what, 'not_elevated'); END IF;
  IF p.tier >= 3 AND NOT wsd.fresh(ws.intent(p_case, p_act, p_params)) THEN RETURN wsd.deny('request', what, 'not_fresh'); END IF;
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
  r.account_etag := coalesce(p_etag, '');
  r.evidence_hash := wsd.evidence_hash(c.id);
  r.created := clock_timestamp();
  r.approve_by := r.created + p.approve_within;
  r.not_before := r.created + p.cooldown;
  r.break_glass := p.tier >= 2 AND coalesce(wsd.break_glass(s, c, p), false);
  r.approvals := CASE WHEN r.break_glass THEN 0 WHEN p.tier >= 2 THEN wsd.approvals_for(p, f, p_params) ELSE p.approvals END;
  r.vetoable_until := CASE WHEN p.vetoable THEN date_trunc('second', greatest(r.not_before, r.approve_by) + p.execute_within) END;
  r.facts_id := CASE WHEN p.tier >= 2 AND f.etag = p_etag THEN f.id END;
  r.policy := wsd.policy_hash();
  r.state := 'pending';
  r.why := '';
  r.version := 1;
  r.request_hash := wsd.request_hash(r);
  BEGIN
    INSERT INTO wsd.request SELECT r.*;
  EXCEPTION WHEN unique_violation THEN RETURN wsd.deny('request', what, 'request_open');
  END;
  INSERT INTO wsd.case_touch VALUES (c.id, s.person_id) ON CONFLICT DO NOTHING;
  PERFORM wsd.log('request', 'ok', r.id::text, jsonb_build_object('case', c.ref, 'act', r.act, 'account', r.account_id, 'params', p_params, 'reason', r.reason_code,
      'etag', r.account_etag, 'evidence', encode(r.evidence_hash, 'hex'), 'policy', encode(r.policy, 'hex'), 'approvals', r.approvals, 'facts', r.facts_id,
      'break_glass', r.break_glass, 'hash', encode(r.request_hash, 'hex')));
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
  c wsd.case_file;
  no text;
BEGIN
  -- The case first, then the request, as everywhere. Whoever works on the case at this very moment in another session holds it:
  -- without its row his touch could not be seen yet, and he would approve what he works on.
  PERFORM 1 FROM wsd.case_file f WHERE f.id = (SELECT q.case_id FROM wsd.request q WHERE q.id = p_id) FOR NO KEY UPDATE;
  SELECT * INTO r FROM wsd.request WHERE id = p_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN wsd.deny('approve', p_id::text, 'unknown'); END IF;
  SELECT * INTO p FROM wsd.policy WHERE act = r.act;
  IF s.role <> 'analyst' OR s.level < greatest(p.approver_level, 2) THEN RETURN wsd.deny('approve', p_id::text, 'level'); END IF;
  SELECT * INTO c FROM wsd.case_file WHERE id = r.case_id;
  IF NOT wsd.sees(s, c) THEN RETURN wsd.deny('approve', p_id::text, 'unknown'); END IF;
  IF s.person_id = r.requester_person THEN RETURN wsd.deny('approve', p_id::text, 'self'); END IF;
  IF EXISTS (SELECT 1 FROM wsd.case_touch WHERE case_id = r.case_id AND person_id = s.person_id) THEN RETURN wsd.deny('approve', p_id::text, 'worked_on_case'); END IF;
  IF r.request_hash IS DISTINCT FROM p_hash THEN RETURN wsd.deny('approve', p_id::text, 'hash_mismatch'); END IF;
  IF r.evidence_hash <> wsd.evidence_hash(r.case_id) THEN RETURN wsd.deny('approve', p_id::text, 'evidence_changed'); END IF;
  IF r.policy IS DISTINCT FROM wsd.policy_hash() THEN RETURN wsd.deny('approve', p_id::text, 'policy_changed'); END IF;
  IF r.state <> 'pending' OR clock_timestamp() > r.approve_by THEN RETURN wsd.deny('approve', p_id::text, 'closed_or_expired'); END IF;
  IF p.tier >= 3 THEN
    SELECT b.code INTO no FROM wsd.blocked(c, p, wsd.facts_of(r.account_id)) b LIMIT 1;
    IF FOUND THEN RETURN wsd.deny('approve', p_id::text, no); END IF;
  END IF;
  BEGIN  -- one block: a refusal by a constraint gives the step-up back
    IF NOT wsd.fresh(r.request_hash) THEN RETURN wsd.deny('approve', p_id::text, 'not_fresh'); END IF;
    INSERT INTO wsd.approval(request_id, requester_person, request_hash, approve_by, approver, approver_person, decided, execute_by)
    VALUES (r.id, r.requester_person, r.request_hash, r.approve_by, s.login, s.person_id, clock_timestamp(),
            greatest(clock_timestamp(), r.not_before) + p.execute_within);
  EXCEPTION WHEN exclusion_violation THEN RETURN wsd.deny('approve', p_id::text, 'reciprocal_24h');
            WHEN unique_violation THEN RETURN wsd.deny('approve', p_id::text, 'already_approved');
  END;
  PERFORM wsd.log('approve', 'ok', r.id::text, jsonb_build_object('hash', encode(r.request_hash, 'hex'), 'policy', encode(r.policy, 'hex')));
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
-- What a person holds in an open transaction is not in the list: the broker stops at nothing on its way to the others.
CREATE FUNCTION ws.releasable() RETURNS TABLE (id uuid, account_id text, act text, params jsonb, reason_code text, reason_text text, case_id bigint, language text, tier int, vetoable boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.id, r.account_id, r.act, r.params::jsonb, r.reason_code, r.reason_text, r.case_id, c.language, r.tier::int, p.vetoable
    FROM wsd.request r JOIN wsd.policy p ON p.act = r.act JOIN wsd.case_file c ON c.id = r.case_id
   WHERE r.state = 'pending' AND clock_timestamp() >= r.not_before AND wsd.approvals_now(r, p) >= r.approvals
     AND (r.approvals > 0 OR clock_timestamp() <= r.approve_by) AND wsd.told_state(r, p) <> 'not_told'
   ORDER BY r.tier, r.created FOR NO KEY UPDATE OF r SKIP LOCKED
$$;

CREATE OR REPLACE FUNCTION wsd.refuse(p_id uuid, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.request SET state = 'refused', why = p_why WHERE id = p_id;
  PERFORM wsd.deny('execute', p_id::text, p_why);
  RETURN p_why;
END $$;

-- What may change before it is let out; NULL when it may go. A refusal of this list is final.
CREATE OR REPLACE FUNCTION wsd.release_refused(r wsd.request, p wsd.policy, c wsd.case_file, s wsd.staff, p_etag text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  f wsd.account_fact := wsd.facts_of(r.account_id);
  why text;
BEGIN
  IF s.login IS NULL OR NOT s.enabled OR s.role <> 'analyst' THEN RETURN 'requester_revoked'; END IF;
  IF r.break_glass THEN
    IF NOT coalesce(wsd.break_glass(s, c, p), false) THEN RETURN 'glass_over'; END IF;
  ELSIF s.level < p.min_level OR NOT wsd.granted(s, p.act) THEN RETURN 'requester_revoked'; END IF;
  IF r.request_hash <> wsd.request_hash(r) THEN RETURN 'hash_mismatch'; END IF;
  IF r.policy IS DISTINCT FROM wsd.policy_hash() THEN RETURN 'policy_changed'; END IF;
  IF wsd.told_state(r, p) = 'told_late' THEN RETURN 'told_late'; END IF;
  -- A protective act must not wait for a quiet account: tightening is safe in any state.
  IF p.tier < 2 THEN RETURN NULL; END IF;
  IF r.evidence_hash <> wsd.evidence_hash(r.case_id) THEN RETURN 'evidence_changed'; END IF;
  IF r.account_etag IS DISTINCT FROM p_etag THEN
    SELECT wsd.moved(q.facts, f.facts) INTO why FROM wsd.account_fact q WHERE q.id = r.facts_id AND f.etag = p_etag;
    RETURN 'account_changed' || CASE WHEN coalesce(why, '') <> '' THEN ': ' || why ELSE '' END;
  END IF;
  IF p.tier < 3 THEN RETURN NULL; END IF;
  SELECT b.code || CASE WHEN b.detail <> '' THEN ': ' || b.detail ELSE '' END INTO why FROM wsd.blocked(c, p, f) b LIMIT 1;
  RETURN why;
END $$;

CREATE FUNCTION ws.claim(p_id uuid, p_etag text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
  r wsd.request;
  p wsd.policy;
  c wsd.case_file;
  s wsd.staff;
  f wsd.account_fact;
  not_yet text;
  never text;
BEGIN
  PERFORM wsd.must_read_committed();
  SELECT * INTO r FROM wsd.request WHERE id = p_id FOR UPDATE;
  SELECT * INTO p FROM wsd.policy WHERE act = r.act;
  SELECT * INTO c FROM wsd.case_file WHERE id = r.case_id;
  SELECT * INTO s FROM wsd.staff WHERE login = r.requester;
  f := wsd.facts_of(r.account_id);
  not_yet := CASE
    WHEN r.id IS NULL OR r.state <> 'pending' THEN 'not_pending'
    WHEN clock_timestamp() < r.not_before THEN 'cooling_down'
    WHEN p.tier = 4 OR r.approvals IS NULL OR wsd.approvals_now(r, p) < r.approvals OR (p.tier >= 2 AND r.approvals < p.approvals AND NOT r.break_glass) THEN 'approvals'
    WHEN r.approvals = 0 AND clock_timestamp() > r.approve_by THEN 'closed_or_expired'
    WHEN wsd.told_state(r, p) = 'not_told' THEN 'client_not_told'
    WHEN p.tier >= 3 AND (f.id IS NULL OR f.read_at < clock_timestamp() - wsd.facts_age() OR f.etag IS DISTINCT FROM p_etag) THEN 'facts_unread' END;
  IF not_yet IS NOT NULL THEN PERFORM wsd.deny('execute', coalesce(p_id::text, ''), not_yet); RETURN not_yet; END IF;
  never := wsd.release_refused(r, p, c, s, p_etag);
  IF never IS NOT NULL THEN
    PERFORM wsd.refuse(p_id, never);
    RETURN split_part(never, ':', 1);
  END IF;
  INSERT INTO wsd.execution(request_id, claimed_by, claimed, etag_before) VALUES (p_id, session_user::text, clock_timestamp(), coalesce(p_etag, ''));
  UPDATE wsd.request SET state = 'executing' WHERE id = p_id;
  PERFORM wsd.log('execute.claim', 'ok', p_id::text, jsonb_build_object('hash', encode(r.request_hash, 'hex'), 'etag', p_etag, 'policy', encode(r.policy, 'hex'), 'facts', f.id));
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
  -- withdrawals rest after a reset: an act of its own, with a key of its own, that the broker does next
  UPDATE wsd.execution e SET hold_state = 'due', hold_key = gen_random_uuid(), hold_until = date_trunc('second', clock_timestamp() + p.hold), hold_next = clock_timestamp()
    FROM wsd.policy p WHERE e.request_id = p_id AND p_outcome = 'executed' AND p.act = r.act AND p.hold > '0';
  PERFORM wsd.log('execute.settle', p_outcome, p_id::text, jsonb_build_object('act', r.act, 'account', r.account_id, 'reference', p_reference, 'etag', p_etag,
      'readback', p_readback, 'why', p_why));
  RETURN 'ok';
END $$;

CREATE FUNCTION ws.holds_due() RETURNS TABLE (id uuid, account_id text, hold_key uuid, hold_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.id, r.account_id, e.hold_key, e.hold_until FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id
   WHERE e.hold_state = 'due' AND e.hold_next <= clock_timestamp() ORDER BY e.settled
$$;

-- `set` only when a reading shows it; `due` is tried again in a minute; `refused` when the account system cannot do such a thing.
CREATE FUNCTION ws.hold_settle(p_id uuid, p_state text, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n uuid; r wsd.request;
BEGIN
  IF coalesce(p_state, '') NOT IN ('due', 'set', 'refused') THEN RETURN 'unknown'; END IF;
  UPDATE wsd.execution SET hold_state = p_state, hold_why = left(coalesce(p_why, ''), 500), hold_next = clock_timestamp() + interval '1 min'
   WHERE request_id = p_id AND hold_state = 'due' RETURNING hold_key INTO n;
  IF n IS NULL THEN PERFORM wsd.deny('hold.settle', coalesce(p_id::text, ''), 'not_due'); RETURN 'not_due'; END IF;
  PERFORM wsd.log('hold.' || p_state, 'ok', p_id::text, jsonb_build_object('key', n, 'why', left(coalesce(p_why, ''), 500)));
  IF p_state = 'refused' THEN
    SELECT * INTO r FROM wsd.request WHERE id = p_id;
    PERFORM wsd.raise_alert((SELECT team FROM wsd.staff WHERE login = r.requester), 'hold_refused', r.requester, r.case_id, 'Withdrawals do not rest after ' || r.act || ': ' || left(coalesce(p_why, ''), 500));
  END IF;
  RETURN 'ok';
END $$;

-- What the house tells a client: each mail has an id that nobody can know beforehand. Under one that can be worked out (a hash of
-- recipient and text) whoever asked could queue a mail of his own first, and the client would never be told.
CREATE OR REPLACE FUNCTION wsd.queue_house(p_case bigint, p_mails jsonb) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.mail(case_id, direction, state, message_id, recipient, subject, body, language, author)
  SELECT p_case, 'out', 'queued', '<ws.house.' || replace(gen_random_uuid()::text, '-', '') || '@' || coalesce(substring(m ->> 'message_id' FROM '@([A-Za-z0-9.-]{1,200})>$'), 'workstation.invalid') || '>',
         m ->> 'recipient', m ->> 'subject', m ->> 'body', m ->> 'language', session_user::text
    FROM jsonb_array_elements(coalesce(p_mails, '[]')) m
  RETURNING id
$$;

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
  SELECT count(*) INTO n FROM wsd.queue_house(r.case_id, p_mails);
  UPDATE wsd.execution SET told = clock_timestamp() WHERE request_id = p_id;
  PERFORM wsd.log('client.told', 'ok', p_id::text, jsonb_build_object('mails', n));
  RETURN n;
END $$;

-- What stands still for five minutes is told to the leads, once: an act that nobody knows the end of, one that was let out and
-- not settled, one whose client was not told, a rest of withdrawals that does not come about.
CREATE OR REPLACE FUNCTION wsd.tell_of_stuck() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE x record; n int := 0;
BEGIN
  FOR x IN SELECT r.id, r.act, r.case_id, r.requester, r.state, s.team, CASE
        WHEN r.state = 'executing' THEN 'was let out and not settled: look at the account, then at the broker.'
        WHEN r.state = 'unknown' THEN 'may have been done or not: look at the account before anything else.'
        WHEN e.told IS NULL THEN 'was done, and the client was not told yet: look at the broker and the courier.'
        ELSE 'was done, and withdrawals do not rest yet: set the hold by hand, or look at the broker.' END AS what
      FROM wsd.execution e JOIN wsd.request r ON r.id = e.request_id JOIN wsd.staff s ON s.login = r.requester
     WHERE coalesce(e.settled, e.claimed) < clock_timestamp() - interval '5 min' AND e.claimed > clock_timestamp() - interval '30 days'
       AND (r.state IN ('executing', 'unknown') OR r.state = 'executed' AND (e.told IS NULL OR e.hold_state = 'due')) LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM wsd.alert a WHERE a.kind = 'act_stuck' AND a.case_id = x.case_id AND a.text = x.act || ' ' || left(x.id::text, 8) || ' ' || x.what);
    PERFORM wsd.raise_alert(x.team, 'act_stuck', x.requester, x.case_id, x.act || ' ' || left(x.id::text, 8) || ' ' || x.what);
    RAISE LOG 'WS_ALERT user=% kind=act_stuck account=%', x.requester, x.id;
    n := n + 1;
  END LOOP;
  RETURN n;
END $$;

-- Requests that nobody approved in time, or whose approvals ran out.
CREATE FUNCTION ws.sweep() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r wsd.request; p wsd.policy; n int := 0;
BEGIN
  FOR r IN SELECT * FROM wsd.request WHERE state = 'pending' AND clock_timestamp() > approve_by FOR UPDATE SKIP LOCKED LOOP
    SELECT * INTO p FROM wsd.policy WHERE act = r.act;
    IF r.approvals = 0 OR wsd.approvals_now(r, p) < r.approvals OR clock_timestamp() > r.vetoable_until THEN
      UPDATE wsd.request SET state = 'expired', why = 'nobody approved in time, or the time to execute ran out' WHERE id = r.id;
      PERFORM wsd.log('request.expire', 'ok', r.id::text, '{}');
      n := n + 1;
    END IF;
  END LOOP;
  PERFORM wsd.tell_of_stuck();
  PERFORM wsd.no_longer_waiting();
  RETURN n;
END $$;

GRANT EXECUTE ON FUNCTION ws.options_for(text) TO ws_user;
GRANT EXECUTE ON FUNCTION ws.holds_due(), ws.hold_settle(uuid, text, text) TO ws_executor;
