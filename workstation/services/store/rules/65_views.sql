-- Purpose-bound viewing: who may read which account, for what, how many, and who did. A person gets a ticket here; the reader, which
-- alone holds the read credentials, asks here whether it still holds, at every request and every second of a long answer.

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['view_use', 'reveal_grant'] LOOP
    EXECUTE format('CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.%I FOR EACH ROW EXECUTE FUNCTION wsd.append_only()', t);
    EXECUTE format('CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.%I FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only()', t);
  END LOOP;
END $$;

-- Once a reader has served this store, people read client data through it alone; only the installer takes that back.
CREATE OR REPLACE FUNCTION wsd.walled() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM wsd.store_meta WHERE key = 'viewing' AND value = 'reader')
$$;

-- A ticket is for a few minutes, and renewed by its use while the case is held; an hour is the most, so that the budget counts it again.
CREATE OR REPLACE FUNCTION wsd.view_span(p_kind text) RETURNS interval LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT CASE p_kind WHEN 'reason' THEN interval '10 min' WHEN 'search' THEN interval '1 min' ELSE interval '5 min' END
$$;

-- One alert of a kind, a person and an account within the hour. The server's log keeps what a ROLLBACK takes out of the table.
CREATE OR REPLACE FUNCTION wsd.view_alert(s wsd.staff, p_kind text, p_account text, p_case bigint, p_text text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE said text := s.name || ' ' || p_text;
BEGIN
  RAISE LOG 'WS_ALERT user=% kind=% account=%', s.login, p_kind, p_account;
  IF NOT EXISTS (SELECT 1 FROM wsd.alert a WHERE a.kind = p_kind AND a.about = s.login AND a.text = said AND a.at > clock_timestamp() - interval '1 h') THEN
    PERFORM wsd.raise_alert(s.team, p_kind, s.login, p_case, said);
  END IF;
END $$;

-- What of a case gives the right to look: it is held, or it waits for somebody of this level. NULL: nothing.
CREATE OR REPLACE FUNCTION wsd.view_kind(s wsd.staff, c wsd.case_file) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN wsd.sees(s, c) IS NOT TRUE OR s.role = 'auditor' OR c.status = 'closed' THEN NULL
    WHEN wsd.holds(s, c) THEN 'case'
    WHEN s.level >= 2 AND (coalesce(c.escalated_to <= s.level, false)
         OR EXISTS (SELECT 1 FROM wsd.request r WHERE r.case_id = c.id AND r.state IN ('pending', 'executing', 'unknown'))
         OR EXISTS (SELECT 1 FROM wsd.guidance g WHERE g.case_id = c.id AND g.answered IS NULL)
         OR EXISTS (SELECT 1 FROM wsd.emergency e WHERE e.case_id = c.id AND e.reviewed IS NULL)) THEN 'escalation' END
$$;

-- Since when which accounts count against a person's hour; a search counts as one more, and so does, once an account, asking which others
-- share its values: that names accounts, too.
CREATE OR REPLACE FUNCTION wsd.views_counted(p_person text) RETURNS TABLE (account text, last timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE t.kind WHEN 'search' THEN 'search:' || t.id ELSE t.account_id END, max(t.issued)
    FROM wsd.view_ticket t WHERE t.person_id = p_person AND t.issued > clock_timestamp() - interval '1 h' GROUP BY 1
  UNION ALL
  SELECT 'sharing:' || t.account_id, max(u.at) FROM wsd.view_use u JOIN wsd.view_ticket t ON t.id = u.ticket_id
   WHERE t.person_id = p_person AND t.issued > clock_timestamp() - interval '2 h' AND u.what = 'sharing' AND u.at > clock_timestamp() - interval '1 h' GROUP BY 1
$$;

CREATE OR REPLACE FUNCTION wsd.view_budget(s wsd.staff, p_account text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE most int := coalesce(wsd.limit_of('views_per_hour'), 30); n int; free timestamptz;
BEGIN
  INSERT INTO wsd.view_meter(person_id) VALUES (s.person_id) ON CONFLICT (person_id) DO UPDATE SET at = clock_timestamp();
  IF EXISTS (SELECT 1 FROM wsd.views_counted(s.person_id) v WHERE v.account = p_account) THEN RETURN NULL; END IF;
  SELECT count(*), min(v.last) + interval '1 h' INTO n, free FROM wsd.views_counted(s.person_id) v;
  IF n < most THEN RETURN NULL; END IF;
  PERFORM wsd.view_alert(s, 'view.budget', p_account, NULL, 'wanted to look at more than ' || most || ' accounts within an hour.');
  RETURN wsd.deny('view.ticket', p_account, 'view_budget') || jsonb_build_object('reasons', jsonb_build_array(jsonb_build_object('code', 'view_budget', 'until', free, 'detail', most::text)));
END $$;

-- Accounts that are reported at once: a colleague's, and those that a lead watches.
CREATE OR REPLACE FUNCTION wsd.view_watch(s wsd.staff, p_account text, p_case bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE o wsd.staff; w wsd.watched_account;
BEGIN
  FOR o IN SELECT * FROM wsd.staff x WHERE p_account = ANY (x.accounts) LOOP
    PERFORM wsd.view_alert(s, 'view.colleague', p_account, p_case, 'opened account ' || p_account || ', which is a colleague''s: ' || o.name || '.');
  END LOOP;
  SELECT * INTO w FROM wsd.watched_account WHERE account_id = p_account;
  IF w.account_id IS NOT NULL THEN
    PERFORM wsd.view_alert(s, 'view.watched', p_account, p_case, 'opened account ' || p_account || ', which is watched: ' || w.why);
  END IF;
  IF p_case IS NOT NULL AND EXISTS (SELECT 1 FROM wsd.audit a JOIN wsd.case_file c ON c.ref = a.object WHERE c.id = p_case AND a.event = 'case.add' AND a.chain = s.login) THEN
    PERFORM wsd.view_alert(s, 'view.own_case', p_account, p_case, 'looks at account ' || p_account || ' for a case that he opened by hand.');
  END IF;
END $$;

-- The token is given out once; what is kept is its SHA-256. 244 bits of the server's strong randomness.
CREATE OR REPLACE FUNCTION wsd.issue_view(s wsd.staff, p_kind text, p_account text, p_case bigint, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE token text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''); t wsd.view_ticket; no jsonb;
BEGIN
  IF EXISTS (SELECT 1 FROM wsd.staff o WHERE o.person_id = s.person_id AND p_account = ANY (o.accounts)) THEN
    PERFORM wsd.view_alert(s, 'view.own_account', p_account, p_case, 'wanted to open his own account ' || p_account || '.');
    RETURN wsd.deny('view.ticket', p_account, 'own_account');
  END IF;
  no := wsd.view_budget(s, p_account);
  IF no IS NOT NULL THEN RETURN no; END IF;
  INSERT INTO wsd.view_ticket(token_sha256, login, person_id, backend_pid, backend_start, kind, account_id, case_id, reason, expires)
  VALUES (sha256(convert_to(token, 'UTF8')), s.login, s.person_id, pg_backend_pid(), wsd.my_start(), p_kind, p_account, p_case, left(coalesce(p_reason, ''), 2000),
          clock_timestamp() + wsd.view_span(p_kind)) RETURNING * INTO t;
  PERFORM wsd.view_watch(s, p_account, p_case);
  PERFORM wsd.log('view.ticket', 'ok', p_account, jsonb_build_object('ticket', t.id, 'kind', t.kind, 'case', t.case_id, 'reason', t.reason));
  RETURN jsonb_build_object('token', token, 'ticket', t.id, 'kind', t.kind, 'account', t.account_id, 'until', t.expires,
    'left', coalesce(wsd.limit_of('views_per_hour'), 30) - (SELECT count(*) FROM wsd.views_counted(s.person_id)));
END $$;

-- For a case that I hold, or one that waits for my level.
CREATE FUNCTION ws.view_ticket(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; kind text;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF c.id IS NULL OR wsd.sees(s, c) IS NOT TRUE THEN RETURN wsd.deny('view.ticket', coalesce(p_case::text, ''), 'unknown'); END IF;
  IF c.account_id = '' THEN RETURN wsd.deny('view.ticket', c.ref, 'no_account'); END IF;
  kind := wsd.view_kind(s, c);
  IF kind IS NULL THEN RETURN wsd.deny('view.ticket', c.ref, 'view_no_purpose'); END IF;
  RETURN wsd.issue_view(s, kind, c.account_id, c.id, '');
END $$;

-- For a reason that is typed, and that the team's leads see the same day.
CREATE FUNCTION ws.view_ticket_reason(p_account text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); given jsonb;
BEGIN
  IF s.role = 'auditor' THEN RETURN wsd.deny('view.ticket', coalesce(p_account, ''), 'level'); END IF;
  IF coalesce(p_account, '') !~ '^[!-~]{1,200}$' THEN RETURN wsd.deny('view.ticket', left(coalesce(p_account, ''), 200), 'unknown'); END IF;
  IF length(trim(coalesce(p_reason, ''))) < 20 THEN RETURN wsd.deny('view.ticket', p_account, 'reason_too_short'); END IF;
  given := wsd.issue_view(s, 'reason', p_account, NULL, p_reason);
  IF given ? 'token' THEN
    PERFORM wsd.view_alert(s, 'view.reason', p_account, NULL, 'opened account ' || p_account || ' without a case: ' || left(p_reason, 1500));
  END IF;
  RETURN given;
END $$;

-- One question to the reader, "whose is this address"; what was asked is kept as its SHA-256. Counts as a view.
CREATE FUNCTION ws.search_ticket(p_text_sha256 bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role = 'auditor' THEN RETURN wsd.deny('view.search', '', 'level'); END IF;
  IF length(p_text_sha256) IS DISTINCT FROM 32 THEN RETURN wsd.deny('view.search', '', 'unknown'); END IF;
  RETURN wsd.issue_view(s, 'search', '', NULL, encode(p_text_sha256, 'hex'));
END $$;

-- The record of an account that was looked at without a case.
CREATE FUNCTION ws.open_account(p_account text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF length(coalesce(p_reason, '')) < 20 THEN
    RETURN wsd.deny('account.open', p_account, 'reason_too_short');
  END IF;
  PERFORM wsd.log('account.open', 'ok', p_account, jsonb_build_object('reason', left(p_reason, 2000)));
  RETURN jsonb_build_object('ok', true);
END $$;

-- One field for a minute. What is revealed comes from the reader, which asks ws.view_check which fields this backend may see.
CREATE FUNCTION ws.reveal(p_case bigint, p_field text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; g wsd.reveal_grant;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  IF coalesce(p_field, '') NOT IN ('email', 'phone', 'name') THEN RETURN wsd.deny('reveal', coalesce(p_case::text, ''), 'unknown'); END IF;
  IF length(trim(coalesce(p_reason, ''))) < 20 THEN RETURN wsd.deny('reveal', coalesce(p_case::text, ''), 'reason_too_short'); END IF;
  IF c.id IS NULL OR wsd.sees(s, c) IS NOT TRUE OR wsd.holds(s, c) IS NOT TRUE THEN
    RETURN wsd.deny('reveal', coalesce(p_case::text, ''), 'not_holder');
  END IF;
  INSERT INTO wsd.reveal_grant(login, backend_pid, backend_start, account_id, case_id, field, reason, until)
  VALUES (s.login, pg_backend_pid(), wsd.my_start(), c.account_id, c.id, p_field, left(p_reason, 2000), clock_timestamp() + interval '1 min') RETURNING * INTO g;
  PERFORM wsd.log('reveal', 'ok', c.account_id, jsonb_build_object('case', c.ref, 'field', p_field, 'reason', g.reason));
  RETURN jsonb_build_object('ok', true, 'until', g.until);
END $$;

-- The reader's side ----------------------------------------------------------------------------------------------------
-- Why a ticket no longer holds, as things stand now; NULL while it does.
CREATE OR REPLACE FUNCTION wsd.view_dead(t wsd.view_ticket) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff; c wsd.case_file; now timestamptz := clock_timestamp();
BEGIN
  SELECT * INTO s FROM wsd.staff WHERE login = t.login;
  IF s.enabled IS NOT TRUE THEN RETURN 'disabled'; END IF;
  IF t.ended IS NOT NULL THEN RETURN 'ticket_used'; END IF;
  IF t.expires <= now OR t.issued <= now - interval '1 h' THEN RETURN 'ticket_expired'; END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(t.backend_pid) a WHERE a.backend_start = t.backend_start AND pg_get_userbyid(a.usesysid) = t.login) THEN
    RETURN 'ticket_backend_gone';
  END IF;
  IF t.case_id IS NOT NULL THEN
    SELECT * INTO c FROM wsd.case_file WHERE id = t.case_id;
    IF c.account_id IS DISTINCT FROM t.account_id THEN RETURN 'view_no_purpose'; END IF;
    IF c.status = 'closed' THEN RETURN 'closed'; END IF;
    IF wsd.view_kind(s, c) IS NULL THEN RETURN CASE t.kind WHEN 'case' THEN 'not_holder' ELSE 'view_no_purpose' END; END IF;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION wsd.view_used(t wsd.view_ticket, p_what text, p_detail text, p_outcome text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n bigint;
BEGIN
  INSERT INTO wsd.view_use(ticket_id, what, detail) VALUES (t.id, left(p_what, 40), left(coalesce(p_detail, ''), 300)) ON CONFLICT DO NOTHING RETURNING id INTO n;
  IF n IS NOT NULL THEN
    PERFORM wsd.log('view', p_outcome, t.account_id, jsonb_build_object('ticket', t.id, 'login', t.login, 'what', left(p_what, 40), 'detail', left(coalesce(p_detail, ''), 300)));
  END IF;
END $$;

CREATE OR REPLACE FUNCTION wsd.view_live(p_token bytea, p_account text, p_peer text) RETURNS TABLE (ticket bigint, why text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE found wsd.view_ticket; said text; s wsd.staff;
BEGIN
  SELECT * INTO found FROM wsd.view_ticket x WHERE x.token_sha256 = p_token;
  IF found.id IS NULL THEN
    RAISE LOG 'WS_DENY user=% event=view object=% why=ticket_unknown', session_user, left(coalesce(p_account, ''), 200);
    RETURN QUERY SELECT NULL::bigint, 'ticket_unknown'::text;
    RETURN;
  END IF;
  said := CASE WHEN found.account_id IS DISTINCT FROM p_account THEN 'ticket_other_account'
               WHEN found.peer <> '' AND found.peer IS DISTINCT FROM p_peer THEN 'ticket_other_peer' ELSE wsd.view_dead(found) END;
  IF said IS NOT NULL THEN
    RAISE LOG 'WS_DENY user=% event=view object=% why=% of=%', session_user, left(coalesce(p_account, ''), 200), said, found.login;
    PERFORM wsd.view_used(found, 'denied', said, 'denied');
    IF said = 'ticket_other_peer' THEN
      SELECT * INTO s FROM wsd.staff x WHERE x.login = found.login;
      PERFORM wsd.view_alert(s, 'view.ticket_stolen', found.account_id, found.case_id, 'had a view ticket that somebody else presented.');
    END IF;
  END IF;
  RETURN QUERY SELECT found.id, said;
END $$;

-- Does this ticket hold now for this account, shown by this peer? p_what is put on record ('' asks again during a long answer).
CREATE FUNCTION ws.view_check(p_token bytea, p_account text, p_what text, p_detail text, p_peer text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE t wsd.view_ticket; given bigint; why text;
BEGIN
  SELECT l.ticket, l.why INTO given, why FROM wsd.view_live(p_token, p_account, p_peer) l;
  IF why IS NOT NULL THEN RETURN jsonb_build_object('denied', why); END IF;
  SELECT * INTO t FROM wsd.view_ticket x WHERE x.id = given;
  IF (t.kind = 'search') IS DISTINCT FROM (p_what = 'search') OR (t.kind = 'search' AND p_detail IS DISTINCT FROM t.reason) THEN
    RETURN jsonb_build_object('denied', 'ticket_other_account');
  END IF;
  UPDATE wsd.view_ticket x SET peer = CASE WHEN x.peer = '' THEN left(coalesce(p_peer, ''), 200) ELSE x.peer END,
         ended = CASE WHEN x.kind = 'search' THEN clock_timestamp() END,
         expires = CASE WHEN x.case_id IS NULL THEN x.expires ELSE least(clock_timestamp() + wsd.view_span(x.kind), x.issued + interval '1 h') END
   WHERE x.id = t.id AND x.ended IS NULL RETURNING x.* INTO t;
  IF t.id IS NULL THEN RETURN jsonb_build_object('denied', 'ticket_used'); END IF;
  IF coalesce(p_what, '') <> '' THEN PERFORM wsd.view_used(t, p_what, CASE p_what WHEN 'search' THEN '' ELSE p_detail END, 'ok'); END IF;
  RETURN jsonb_build_object('ticket', t.id, 'login', t.login, 'person', t.person_id, 'kind', t.kind, 'account', t.account_id, 'case', t.case_id, 'until', t.expires,
    'trouble_since', (SELECT c.trouble_since FROM wsd.case_file c WHERE c.id = t.case_id),
    'revealed', (SELECT coalesce(jsonb_agg(DISTINCT g.field), '[]') FROM wsd.reveal_grant g WHERE g.login = t.login AND g.backend_pid = t.backend_pid
        AND g.backend_start = t.backend_start AND g.account_id = t.account_id AND g.until > clock_timestamp()));
END $$;

-- The account system says that this is a VIP: only whoever reads the account knows.
CREATE FUNCTION ws.view_vip(p_ticket bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t wsd.view_ticket; s wsd.staff;
BEGIN
  SELECT * INTO t FROM wsd.view_ticket WHERE id = p_ticket;
  SELECT * INTO s FROM wsd.staff WHERE login = t.login;
  IF s.login IS NOT NULL THEN PERFORM wsd.view_alert(s, 'view.vip', t.account_id, t.case_id, 'opened account ' || t.account_id || ', a VIP''s.'); END IF;
END $$;

-- The address to which replies of this case go, for ten minutes. Whoever writes the reply never sees it.
CREATE FUNCTION ws.view_recipient(p_token bytea, p_account text, p_peer text, p_address text, p_salutation text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t wsd.view_ticket; given bigint; why text;
BEGIN
  SELECT l.ticket, l.why INTO given, why FROM wsd.view_live(p_token, p_account, p_peer) l;
  IF why IS NOT NULL THEN RETURN jsonb_build_object('denied', why); END IF;
  SELECT * INTO t FROM wsd.view_ticket x WHERE x.id = given;
  IF t.case_id IS NULL THEN RETURN jsonb_build_object('denied', 'not_holder'); END IF;
  DELETE FROM wsd.recipient WHERE case_id = t.case_id;
  IF coalesce(p_address, '') <> '' THEN
    INSERT INTO wsd.recipient(case_id, account_id, address, salutation, ticket_id) VALUES (t.case_id, t.account_id, p_address, left(coalesce(p_salutation, ''), 80), t.id);
  END IF;
  RETURN '{"ok": true}';
END $$;

-- Evidence as the source sent it: the record goes from the reader into the case, past the workstation, under the holder's name.
CREATE FUNCTION ws.view_pin(p_token bytea, p_account text, p_peer text, p_source text, p_event text, p_summary text, p_raw bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t wsd.view_ticket; given bigint; why text; s wsd.staff; c wsd.case_file; e wsd.evidence;
BEGIN
  SELECT l.ticket, l.why INTO given, why FROM wsd.view_live(p_token, p_account, p_peer) l;
  IF why IS NOT NULL THEN RETURN jsonb_build_object('denied', why); END IF;
  SELECT * INTO t FROM wsd.view_ticket x WHERE x.id = given;
  SELECT * INTO s FROM wsd.staff WHERE login = t.login;
  c := wsd.held(s, t.case_id);
  IF c.id IS NULL THEN RETURN wsd.deny('evidence.pin', coalesce(t.case_id::text, ''), 'not_holder'); END IF;
  SELECT * INTO e FROM wsd.evidence WHERE case_id = c.id AND source = p_source AND event_id = p_event;
  IF e.id IS NULL THEN
    INSERT INTO wsd.evidence(case_id, source, event_id, summary, sha256, raw, added_by)
    VALUES (c.id, p_source, p_event, left(p_summary, 500), sha256(p_raw), p_raw, s.login) RETURNING * INTO e;
    PERFORM wsd.view_used(t, 'pin', p_source || ' ' || p_event, 'ok');
    PERFORM wsd.log('evidence.pin', 'ok', c.ref, jsonb_build_object('login', s.login, 'source', p_source, 'event', p_event, 'sha256', encode(e.sha256, 'hex')));
  END IF;
  RETURN wsd.pin_row(e);
END $$;

-- Imported records, for the reader to mask.
CREATE FUNCTION ws.view_imported(p_account text, p_since bigint, p_until bigint, p_before_us bigint, p_before_id text, p_limit int)
RETURNS TABLE (source text, event_id text, time_us bigint, raw bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.source, e.event_id, e.time_us, e.raw FROM wsd.imported_event e
   WHERE e.account_id = p_account AND e.time_us >= p_since AND e.time_us < p_until
     AND (p_before_us IS NULL OR (e.time_us, e.source || e.event_id) < (p_before_us, p_before_id))
   ORDER BY e.time_us DESC, e.source || e.event_id DESC LIMIT least(p_limit, 2000)
$$;

CREATE FUNCTION ws.reader_serves() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT wsd.walled() THEN
    INSERT INTO wsd.store_meta(key, value) VALUES ('viewing', 'reader') ON CONFLICT (key) DO UPDATE SET value = excluded.value;
    PERFORM wsd.log('viewing', 'ok', '', '{"by": "reader"}');
  END IF;
END $$;

-- For the installer alone: back to workstations that read by themselves.
CREATE FUNCTION ws.read_directly() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM wsd.as_installer();
  DELETE FROM wsd.store_meta WHERE key = 'viewing';
  PERFORM wsd.log('viewing', 'ok', '', '{"by": "workstations"}');
END $$;

-- Leads and auditors ---------------------------------------------------------------------------------------------------
-- Who looked at this client, when and why. A lead sees what the own team did and what was done in the team's cases.
CREATE FUNCTION ws.views_of(p_account text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role NOT IN ('lead', 'auditor') THEN RETURN wsd.deny('views.read', coalesce(p_account, ''), 'leads_and_auditors_only'); END IF;
  PERFORM wsd.log('views.read', 'ok', coalesce(p_account, ''), '{}');
  RETURN (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.first_at DESC), '[]') FROM (
    SELECT min(t.id) AS id, t.account_id AS account, t.login, o.name, o.level, o.role, t.kind, t.case_id, coalesce(c.ref, '') AS case_ref, t.reason,
           min(t.issued) AS first_at, max(greatest(t.issued, coalesce((SELECT max(u.at) FROM wsd.view_use u WHERE u.ticket_id = t.id), t.issued))) AS last_at,
           (SELECT coalesce(jsonb_agg(DISTINCT u.what || CASE WHEN u.detail = '' THEN '' ELSE ' ' || u.detail END), '[]')
              FROM wsd.view_use u WHERE u.ticket_id = ANY (array_agg(t.id)) AND u.what NOT IN ('denied', 'reveal')) AS looked,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('field', g.field, 'reason', g.reason, 'at', g.at) ORDER BY g.at), '[]') FROM wsd.reveal_grant g
             WHERE g.login = t.login AND g.account_id = t.account_id AND g.case_id = t.case_id AND g.at BETWEEN min(t.issued) AND max(t.issued) + interval '1 h') AS reveals
      FROM wsd.view_ticket t JOIN wsd.staff o ON o.login = t.login LEFT JOIN wsd.case_file c ON c.id = t.case_id
     WHERE t.account_id = p_account AND t.kind <> 'search' AND (s.role = 'auditor' OR o.team = s.team OR c.team = s.team)
     GROUP BY t.account_id, t.login, o.name, o.level, o.role, t.kind, t.case_id, c.ref, t.reason, date_trunc('hour', t.issued)
     ORDER BY min(t.issued) DESC LIMIT 1000) r);
END $$;

-- To watch is one lead's word and at once; to stop watching is the installer's.
CREATE FUNCTION ws.watch_account(p_account text, p_why text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role <> 'lead' THEN RETURN wsd.deny('view.watch', coalesce(p_account, ''), 'level'); END IF;
  IF coalesce(p_account, '') !~ '^[!-~]{1,200}$' THEN RETURN wsd.deny('view.watch', '', 'unknown'); END IF;
  IF length(coalesce(p_why, '')) < 10 THEN RETURN wsd.deny('view.watch', p_account, 'note_too_short'); END IF;
  INSERT INTO wsd.watched_account(account_id, why, by) VALUES (p_account, left(p_why, 300), s.login) ON CONFLICT DO NOTHING;
  PERFORM wsd.log('view.watch', 'ok', p_account, jsonb_build_object('why', left(p_why, 300)));
  RETURN '{"ok": true}';
END $$;

-- A client account that belongs to a colleague of the team; it can be told, not untold.
CREATE FUNCTION ws.colleagues_account(p_login text, p_account text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role <> 'lead' THEN RETURN wsd.deny('view.colleague', coalesce(p_login, ''), 'level'); END IF;
  IF coalesce(p_account, '') !~ '^[!-~]{1,200}$' THEN RETURN wsd.deny('view.colleague', coalesce(p_login, ''), 'unknown'); END IF;
  UPDATE wsd.staff o SET accounts = array_append(array_remove(o.accounts, p_account), p_account) WHERE o.login = p_login AND o.team = s.team;
  IF NOT FOUND THEN RETURN wsd.deny('view.colleague', coalesce(p_login, ''), 'unknown'); END IF;
  PERFORM wsd.log('view.colleague', 'ok', p_login, jsonb_build_object('account', p_account));
  RETURN '{"ok": true}';
END $$;

GRANT EXECUTE ON FUNCTION ws.view_ticket(bigint), ws.view_ticket_reason(text, text), ws.search_ticket(bytea) TO ws_user;
GRANT EXECUTE ON FUNCTION ws.views_of(text) TO ws_user, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.watch_account(text, text), ws.colleagues_account(text, text) TO ws_lead;
GRANT EXECUTE ON FUNCTION ws.view_check(bytea, text, text, text, text), ws.view_vip(bigint), ws.view_recipient(bytea, text, text, text, text),
  ws.view_pin(bytea, text, text, text, text, text, bytea), ws.view_imported(text, bigint, bigint, bigint, text, int), ws.reader_serves() TO ws_reader;
