-- What proves a client, what the broker attests of the account, and what stops a reset for a time.

-- Facts: only the broker writes them, with the credential that it alone holds, at the database's time -------------------
CREATE OR REPLACE FUNCTION wsd.facts_of(p_account text) RETURNS wsd.account_fact
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT f FROM wsd.account_fact f WHERE f.account_id = p_account ORDER BY f.id DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION wsd.facts_age() RETURNS interval
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT make_interval(secs => wsd.limit_of('facts_max_age_s')) $$;

-- Have the broker read the account of a case; `ready` when it has, at that version, within the last minute.
CREATE FUNCTION ws.ask_facts(p_case bigint, p_etag text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; f wsd.account_fact;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR NOT wsd.sees(s, c) OR c.account_id = '' THEN RETURN wsd.deny('facts.ask', p_case::text, 'unknown'); END IF;
  IF NOT wsd.may_open(s, c) THEN RETURN wsd.deny('facts.ask', c.ref, 'not_holder'); END IF;
  f := wsd.facts_of(c.account_id);
  IF f.id IS NOT NULL AND f.etag = p_etag AND f.read_at > clock_timestamp() - interval '1 min' THEN RETURN jsonb_build_object('ready', true); END IF;
  -- the broker reads for everybody: nobody has more than three accounts read at once, nor one more than every second
  IF coalesce(f.read_at < clock_timestamp() - interval '1 s', true) AND (SELECT count(*) FROM wsd.fact_wanted w WHERE w.asked_by = s.person_id) < 3 THEN
    INSERT INTO wsd.fact_wanted(account_id, asked_by) VALUES (c.account_id, s.person_id) ON CONFLICT DO NOTHING;
  END IF;
  RETURN jsonb_build_object('ready', false);
END $$;

CREATE FUNCTION ws.facts_wanted() RETURNS TABLE (account_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT w.account_id FROM wsd.fact_wanted w ORDER BY w.asked LIMIT 10 $$;

-- An account that cannot be read (p_facts NULL) is asked for once more by whoever waits, and has no facts till then.
CREATE FUNCTION ws.attest_facts(p_account text, p_etag text, p_facts jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n bigint;
BEGIN
  DELETE FROM wsd.fact_wanted WHERE account_id = p_account;
  IF p_facts IS NULL THEN RETURN NULL; END IF;
  IF octet_length(p_facts::text) > 262144 OR coalesce(p_etag, '') = '' THEN RAISE EXCEPTION 'these are no facts'; END IF;
  INSERT INTO wsd.account_fact(account_id, etag, facts, read_by) VALUES (p_account, p_etag, p_facts, session_user::text) RETURNING id INTO n;
  -- what no request rests on is forgotten after a day
  DELETE FROM wsd.account_fact f WHERE f.account_id = p_account AND f.read_at < clock_timestamp() - interval '1 day' AND f.id <> n
     AND NOT EXISTS (SELECT 1 FROM wsd.request r WHERE r.facts_id = f.id);
  RETURN n;
END $$;

-- What moved between two readings, in words; '' where nothing that has a name did.
CREATE OR REPLACE FUNCTION wsd.moved(p_then jsonb, p_now jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  WITH named(field, word) AS (VALUES ('factors', 'second factor'), ('locks', 'lock'), ('holds', 'withdrawal hold'), ('standing', 'left standing'), ('contacts', 'contact'), ('sessions', 'session')),
  pairs AS (
    SELECT n.word, 'removed' AS what, e.value AS kind FROM named n, jsonb_each_text(coalesce(p_then -> 'named' -> n.field, '{}')) e
     WHERE NOT coalesce(p_now -> 'named' -> n.field, '{}') ? e.key
    UNION ALL
    SELECT n.word, 'added', e.value FROM named n, jsonb_each_text(coalesce(p_now -> 'named' -> n.field, '{}')) e
     WHERE NOT coalesce(p_then -> 'named' -> n.field, '{}') ? e.key
    UNION ALL
    SELECT 'status', 'was ' || coalesce(p_then ->> 'status', 'not known') || ' and is', p_now ->> 'status' WHERE p_then ->> 'status' IS DISTINCT FROM p_now ->> 'status'
    UNION ALL
    SELECT 'password', 'changed', '' WHERE p_then ->> 'password_changed_at' IS DISTINCT FROM p_now ->> 'password_changed_at')
  SELECT coalesce(string_agg(CASE WHEN word = 'status' THEN word || ' ' || what || ' ' || kind ELSE trim(word || ' ' || kind) || ' ' || what || ' since' END, '; '), '')
    FROM (SELECT DISTINCT word, what, kind FROM pairs ORDER BY 1, 2, 3 LIMIT 12) x
$$;

-- Proofs ---------------------------------------------------------------------------------------------------------------
CREATE OR REPLACE FUNCTION wsd.proof_row(p wsd.proof) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', p.id, 'proof_class', p.class, 'pin', p.evidence_id, 'note', p.note, 'by', p.by, 'at', p.at)
$$;

-- Whoever records has worked on the case (wsd.held) and does not approve in it.
CREATE FUNCTION ws.record_proof(p_case bigint, p_class text, p_pin bigint, p_note text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); p wsd.proof;
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('proof', p_case::text, 'not_holder'); END IF;
  IF coalesce(p_class, '') NOT IN ('proofing', 'possession', 'callback') THEN RETURN wsd.deny('proof', c.ref, 'unknown'); END IF;
  IF NOT EXISTS (SELECT 1 FROM wsd.evidence WHERE id = p_pin AND case_id = c.id) THEN RETURN wsd.deny('proof', c.ref, 'pin_needed'); END IF;
  IF length(coalesce(p_note, '')) NOT BETWEEN 10 AND 2000 THEN RETURN wsd.deny('proof', c.ref, 'note_too_short'); END IF;
  BEGIN
    INSERT INTO wsd.proof(case_id, class, evidence_id, note, by, by_person) VALUES (c.id, p_class, p_pin, p_note, s.login, s.person_id) RETURNING * INTO p;
  EXCEPTION WHEN unique_violation THEN RETURN wsd.deny('proof', c.ref, 'proof_pin_used');
  END;
  UPDATE wsd.case_file SET version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('proof', 'ok', c.ref, jsonb_build_object('proof', p.id, 'class', p.class, 'pin', p_pin, 'note_sha256', encode(sha256(convert_to(p_note, 'UTF8')), 'hex')));
  RETURN wsd.proof_row(p);
END $$;

DO $$
BEGIN
  CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.proof FOR EACH ROW EXECUTE FUNCTION wsd.append_only();
  CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.proof FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();
END $$;

-- Pins, and what they stand for: both are under every request's hash.
CREATE OR REPLACE FUNCTION wsd.evidence_hash(p_case bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT sha256(wsd.lp(VARIADIC coalesce((SELECT array_agg(e.source || ':' || e.event_id || ':' || encode(e.sha256, 'hex') ORDER BY e.id) FROM wsd.evidence e WHERE e.case_id = p_case), '{}'))
    || coalesce((SELECT string_agg(wsd.lp('proof', p.class, p.evidence_id::text, p.note, p.by, wsd.iso(p.at)), '' ORDER BY p.id) FROM wsd.proof p WHERE p.case_id = p_case), ''))
$$;

-- Since when the client's number stands, as the broker read it; NULL where there is none or nobody knows.
CREATE OR REPLACE FUNCTION wsd.number_since(f wsd.account_fact) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT min((k ->> 'verified_at')::timestamptz) FROM jsonb_array_elements(coalesce(f.facts -> 'contacts', '[]')) k
   WHERE k ->> 'kind' = 'phone' AND k ->> 'replaced_at' IS NULL
$$;

-- Classes that count now. A call-back to a number that is younger than the policy's days proves nothing.
CREATE OR REPLACE FUNCTION wsd.classes(p_case bigint, f wsd.account_fact) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT p.class), '{}') FROM wsd.proof p WHERE p.case_id = p_case
     AND (p.class <> 'callback' OR coalesce(wsd.number_since(f) <= clock_timestamp() - make_interval(days => wsd.limit_of('callback_number_days')::int), false))
$$;

CREATE OR REPLACE FUNCTION wsd.needs_row(c wsd.case_file, p_act text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('any_of', n.any_of, 'met', n.any_of && wsd.classes(c.id, wsd.facts_of(c.account_id))) ORDER BY n.need), '[]')
    FROM (SELECT need, array_agg(class ORDER BY class DESC) AS any_of FROM wsd.policy_need WHERE act = p_act GROUP BY need) n
$$;

-- Blockers --------------------------------------------------------------------------------------------------------------
-- The mailboxes that wrote in this case and that the account has or had, by hash; `vouched`: our server says so (DMARC). What
-- our server says is forged does not count.
CREATE OR REPLACE FUNCTION wsd.wrote(c wsd.case_file, f wsd.account_fact) RETURNS TABLE (sha256 text, verified_at timestamptz, replaced_at timestamptz, vouched boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k ->> 'sha256', max((k ->> 'verified_at')::timestamptz), max((k ->> 'replaced_at')::timestamptz), bool_or(m.authenticity ~ '^DMARC pass( |$)')
    FROM wsd.mail m JOIN jsonb_array_elements(coalesce(f.facts -> 'contacts', '[]')) k ON k ->> 'kind' = 'email' AND k ->> 'sha256' = encode(sha256(convert_to(lower(m.sender), 'UTF8')), 'hex')
   WHERE m.case_id = c.id AND m.direction = 'in' AND m.authenticity !~ '^DMARC fail( |$)' GROUP BY 1
$$;

-- A mailbox that speaks for itself: every known mail of the case came from one mailbox, and that mailbox is new, or is the
-- only verified way to reach the client, so that whoever has it asks and confirms at once.
CREATE OR REPLACE FUNCTION wsd.mailbox_blocks(c wsd.case_file, f wsd.account_fact, p_span interval) RETURNS TABLE (code text, until timestamptz, detail text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH box AS (SELECT * FROM wsd.wrote(c, f) w),
       others AS (SELECT 1 FROM jsonb_array_elements(coalesce(f.facts -> 'contacts', '[]')) k
                   WHERE k ->> 'verified_at' IS NOT NULL AND k ->> 'replaced_at' IS NULL AND k ->> 'sha256' NOT IN (SELECT w.sha256 FROM box w))
  SELECT 'mailbox', b.verified_at + p_span, 'new' FROM box b
   WHERE (SELECT count(*) FROM box) = 1 AND coalesce(b.verified_at > clock_timestamp() - p_span, false)
  UNION ALL
  SELECT 'mailbox', NULL, 'only' FROM box b WHERE (SELECT count(*) FROM box) = 1 AND b.replaced_at IS NULL AND NOT EXISTS (SELECT 1 FROM others)
  LIMIT 1
$$;

-- What the account's facts say against an act: the rule, when it ends by itself (NULL: not by itself), and what it is about.
CREATE OR REPLACE FUNCTION wsd.blocked(c wsd.case_file, p wsd.policy, f wsd.account_fact) RETURNS TABLE (code text, until timestamptz, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  b wsd.policy_blocker;
  now timestamptz := clock_timestamp();
  have text[] := wsd.classes(c.id, f);
  since timestamptz;
  known boolean;
BEGIN
  FOR b IN SELECT * FROM wsd.policy_blocker x WHERE x.act = p.act ORDER BY x.code LOOP
    known := true;
    code := NULL; until := NULL; detail := '';
    IF b.code = 'sim_swap' THEN
      known := coalesce(f.facts ->> 'sim', 'unknown') <> 'unknown';
      since := (f.facts ->> 'sim_changed_at')::timestamptz;
      IF f.facts ->> 'sim' = 'swapped' AND coalesce(since + b.span > now, true) THEN code := b.code; until := since + b.span; END IF;
    ELSIF b.code = 'contact_change' THEN
      SELECT max(t), bool_and(k ->> 'replaced_at' IS NOT NULL OR k ->> 'verified_at' IS NOT NULL) INTO since, known
        FROM jsonb_array_elements(coalesce(f.facts -> 'contacts', '[]')) k, LATERAL (VALUES ((k ->> 'verified_at')::timestamptz), ((k ->> 'replaced_at')::timestamptz)) v(t);
      known := coalesce(known, false);
      IF since + b.span > now THEN code := b.code; until := since + b.span; END IF;
    ELSIF b.code = 'password_change' THEN
      since := (f.facts ->> 'password_changed_at')::timestamptz;
      known := since IS NOT NULL;
      IF since + b.span > now THEN code := b.code; until := since + b.span; END IF;
    ELSIF b.code = 'mailbox' THEN
      SELECT x.code, x.until, x.detail INTO code, until, detail FROM wsd.mailbox_blocks(c, f, b.span) x;
    ELSIF b.code = 'never_wrote' THEN
      SELECT coalesce(bool_or(w.vouched), false) INTO known FROM wsd.wrote(c, f) w;
      IF NOT EXISTS (SELECT 1 FROM wsd.wrote(c, f)) THEN code := b.code; END IF;
    ELSIF b.code = 'no_channel' THEN
      IF NOT EXISTS (SELECT 1 FROM jsonb_array_elements(coalesce(f.facts -> 'contacts', '[]')) k WHERE k ->> 'kind' = 'email' AND k ->> 'verified_at' IS NOT NULL) THEN code := b.code; END IF;
    END IF;
    IF code IS NULL AND NOT known AND NOT coalesce(b.unknown_needs = ANY (have), false) THEN
      code := b.code || '_unknown'; detail := b.unknown_needs;
    END IF;
    IF code IS NOT NULL THEN detail := coalesce(detail, ''); RETURN NEXT; END IF;
  END LOOP;
  RETURN QUERY SELECT 'evidence_missing', CASE WHEN 'callback' = ANY (n.any_of) AND EXISTS (SELECT 1 FROM wsd.proof q WHERE q.case_id = c.id AND q.class = 'callback')
        THEN wsd.number_since(f) + make_interval(days => wsd.limit_of('callback_number_days')::int) END, array_to_string(n.any_of, ' or ')
    FROM (SELECT need, array_agg(class ORDER BY class DESC) AS any_of FROM wsd.policy_need WHERE act = p.act GROUP BY need) n
   WHERE NOT n.any_of && have ORDER BY n.need;
END $$;
GRANT EXECUTE ON FUNCTION ws.ask_facts(bigint, text), ws.record_proof(bigint, text, bigint, text) TO ws_user;
GRANT EXECUTE ON FUNCTION ws.facts_wanted(), ws.attest_facts(text, text, jsonb) TO ws_executor;
