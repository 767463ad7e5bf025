-- Mail: what an analyst may queue and take back, and the courier's side.

CREATE OR REPLACE FUNCTION wsd.mail_row(m wsd.mail) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
  SELECT jsonb_build_object('id', m.id, 'direction', m.direction, 'state', m.state, 'at', m.at, 'sender', m.sender, 'recipient', m.recipient, 'subject', m.subject,
    -- the link is the client's: whoever works the case does not say no in his name
    'body', CASE WHEN m.direction = 'out' THEN regexp_replace(m.body, '([?&]t=)[A-Za-z0-9_-]{80,}', '\1…') ELSE m.body END, 'language', m.language, 'authenticity', m.authenticity, 'attachments', m.attachments, 'recall_until', m.recall_until)
$$;

-- With a reader in the house no address leaves the store: senders are masked here, and compared here with the address on record.
CREATE OR REPLACE FUNCTION wsd.masked_address(p text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT CASE WHEN coalesce(p, '') = '' THEN '' WHEN strpos(p, '@') = 0 THEN '••••' ELSE left(p, 1) || '••••@' || split_part(p, '@', -1) END
$$;

CREATE OR REPLACE FUNCTION wsd.thread_row(m wsd.mail) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT wsd.mail_row(m) || jsonb_build_object('sender', wsd.masked_address(m.sender), 'recipient', wsd.masked_address(m.recipient),
    'from_record', EXISTS (SELECT 1 FROM wsd.recipient r WHERE r.case_id = m.case_id AND lower(r.address) = lower(m.sender)))
$$;

CREATE FUNCTION ws.thread(p_case bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.opened(s, p_case);
BEGIN
  IF c.id IS NULL THEN RETURN jsonb_build_object('denied', 'not_opened'); END IF;
  RETURN (SELECT coalesce(jsonb_agg(CASE WHEN wsd.walled() THEN wsd.thread_row(m) ELSE wsd.mail_row(m) END ORDER BY m.at, m.id), '[]') FROM wsd.mail m WHERE m.case_id = c.id);
END $$;

-- The recipient is frozen here; 15 seconds remain to take the mail back. With a reader in the house it is the address that the
-- reader put down for this case (ws.view_recipient), whatever the workstation says, and the reader's word fills in the name.
CREATE FUNCTION ws.send_mail(p_case bigint, p_message_id text, p_recipient text, p_subject text, p_body text, p_language text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file := wsd.held(s, p_case); m wsd.mail; last wsd.mail; r wsd.recipient;
BEGIN
  IF c.id IS NULL THEN RETURN wsd.deny('mail.queue', p_case::text, 'not_holder'); END IF;
  IF wsd.walled() THEN
    SELECT * INTO r FROM wsd.recipient x WHERE x.case_id = c.id AND x.account_id = c.account_id AND x.frozen > clock_timestamp() - interval '10 min';
    IF r.case_id IS NULL THEN RETURN wsd.deny('mail.queue', c.ref, 'recipient_unknown'); END IF;
    p_recipient := r.address;
    p_body := replace(p_body, '{name}', r.salutation);
  END IF;
  IF length(p_subject) NOT BETWEEN 1 AND 300 OR length(p_body) NOT BETWEEN 1 AND 50000 OR p_subject ~ '[\x00-\x1f]' OR coalesce(p_recipient, '') !~ '^[^\s@<>,;]+@[^\s@<>,;]+$' THEN
    RETURN wsd.deny('mail.queue', c.ref, 'mail_malformed');
  END IF;
  -- only ids of the kind that an analyst's workstation makes: no mail of the house can be kept from going out by taking its id
  IF coalesce(p_message_id, '') !~ '^<ws\.[0-9a-f]{32}@[A-Za-z0-9.-]{1,200}>$' OR coalesce(p_language, '') !~ '^[A-Za-z-]{0,35}$' THEN
    RETURN wsd.deny('mail.queue', c.ref, 'mail_malformed');
  END IF;
  SELECT * INTO last FROM wsd.mail WHERE case_id = c.id AND direction = 'in' ORDER BY id DESC LIMIT 1;
  INSERT INTO wsd.mail(case_id, direction, state, message_id, in_reply_to, refs, recipient, subject, body, language, author, recall_until)
  VALUES (c.id, 'out', 'queued', p_message_id, coalesce(last.message_id, ''), trim(coalesce(last.refs, '') || ' ' || coalesce(last.message_id, '')),
          p_recipient, p_subject, p_body, p_language, s.login, clock_timestamp() + interval '15 s')
  ON CONFLICT (message_id) WHERE direction = 'out' DO NOTHING RETURNING * INTO m;
  IF m.id IS NULL THEN RETURN wsd.deny('mail.queue', c.ref, 'sent_already'); END IF;
  UPDATE wsd.case_file SET waiting_since = clock_timestamp(), version = version + 1 WHERE id = c.id;
  PERFORM wsd.log('mail.queue', 'ok', c.ref, jsonb_build_object('mail', m.id, 'message_id', m.message_id, 'language', m.language,
      'recipient_sha256', encode(sha256(convert_to(lower(m.recipient), 'UTF8')), 'hex'), 'body_sha256', encode(sha256(convert_to(m.body, 'UTF8')), 'hex')));
  RETURN CASE WHEN wsd.walled() THEN wsd.thread_row(m) ELSE wsd.mail_row(m) END;
END $$;

CREATE FUNCTION ws.recall_mail(p_mail bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE s wsd.staff := wsd.me(); n bigint;
BEGIN
  UPDATE wsd.mail SET state = 'recalled' WHERE id = p_mail AND author = s.login AND state = 'queued' RETURNING id INTO n;
  IF n IS NULL THEN RETURN '{"recalled": false}'; END IF;
  PERFORM wsd.log('mail.recall', 'ok', p_mail::text);
  RETURN '{"recalled": true}';
END $$;

-- The courier's side --------------------------------------------------------------------------------------------------
CREATE FUNCTION ws.outbox_claim() RETURNS TABLE (id bigint, case_ref text, message_id text, recipient text, subject text, body text, language text, in_reply_to text, refs text, created timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH next AS (
    SELECT m.id FROM wsd.mail m WHERE m.direction = 'out' AND m.state = 'queued' AND coalesce(m.recall_until, '-infinity') <= clock_timestamp()
       AND coalesce(m.not_before, '-infinity') <= clock_timestamp()
     ORDER BY m.id LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE wsd.mail m SET state = 'sending' FROM next WHERE m.id = next.id
  RETURNING m.id, coalesce((SELECT c.ref FROM wsd.case_file c WHERE c.id = m.case_id), ''), m.message_id, m.recipient, m.subject, m.body, m.language, m.in_reply_to, m.refs, m.at
$$;

CREATE FUNCTION ws.outbox_stuck() RETURNS TABLE (id bigint, case_ref text, message_id text, recipient text, subject text, body text, language text, in_reply_to text, refs text, created timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT m.id, coalesce(c.ref, ''), m.message_id, m.recipient, m.subject, m.body, m.language, m.in_reply_to, m.refs, m.at
    FROM wsd.mail m LEFT JOIN wsd.case_file c ON c.id = m.case_id WHERE m.direction = 'out' AND m.state = 'sending' ORDER BY m.id
$$;

CREATE FUNCTION ws.outbox_settle(p_id bigint, p_state text, p_why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE m wsd.mail;
BEGIN
  IF p_state NOT IN ('sent', 'unknown', 'failed', 'queued') THEN RAISE EXCEPTION 'unknown state %', p_state; END IF;
  UPDATE wsd.mail SET state = p_state, why = left(coalesce(p_why, ''), 500),
         not_before = CASE WHEN p_state = 'queued' THEN clock_timestamp() + interval '30 s' END
   WHERE id = p_id AND direction = 'out' AND state = 'sending' RETURNING * INTO m;
  IF m.id IS NULL THEN RAISE EXCEPTION 'mail % is not being sent', p_id; END IF;
  PERFORM wsd.log('mail.' || p_state, 'ok', p_id::text, jsonb_build_object('message_id', m.message_id, 'why', m.why));
END $$;

CREATE FUNCTION ws.inbox_cursor() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT cursor FROM wsd.inbox_cursor WHERE name = 'inbox' $$;

-- Cases to which the client wrote while somebody held them open: they wait for him no longer.
CREATE OR REPLACE FUNCTION wsd.no_longer_waiting() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE wsd.case_file SET waiting_since = NULL, version = version + 1, status = CASE WHEN status = 'waiting' THEN 'open' ELSE status END
   WHERE id IN (SELECT f.id FROM wsd.case_file f WHERE f.waiting_since IS NOT NULL AND f.status <> 'closed'
                   AND EXISTS (SELECT 1 FROM wsd.mail m WHERE m.case_id = f.id AND m.direction = 'in' AND m.at > f.waiting_since) FOR NO KEY UPDATE SKIP LOCKED)
$$;

-- One transaction: the mail and the cursor. A mail joins a case by its references, by the case that it opened, or by the
-- token in its subject; else it opens a case without an account, which an analyst assigns.
CREATE FUNCTION ws.inbox_file(p_cursor text, p_mail jsonb, p_raw bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  c wsd.case_file;
  refs text[] := ARRAY(SELECT jsonb_array_elements_text(coalesce(p_mail -> 'references', '[]')));
  mid text := coalesce(nullif(p_mail ->> 'message_id', ''), 'sha256:' || encode(sha256(p_raw), 'hex'));
  n bigint;
BEGIN
  refs := refs || coalesce(p_mail ->> 'in_reply_to', '');
  IF NOT EXISTS (SELECT 1 FROM wsd.mail m WHERE m.direction = 'in' AND m.message_id = mid AND sha256(m.raw) = sha256(p_raw)) THEN
    SELECT f.* INTO c FROM wsd.case_file f WHERE f.first_message_id = mid;
    IF c.id IS NULL THEN
      SELECT f.* INTO c FROM wsd.mail m JOIN wsd.case_file f ON f.id = m.case_id WHERE m.message_id = ANY (refs) ORDER BY m.id DESC LIMIT 1;
    END IF;
    IF c.id IS NULL THEN
      -- signed by our key: a guessed number names no case
      SELECT f.* INTO c FROM wsd.case_file f WHERE f.ref = nullif(p_mail ->> 'case_token', '');
    END IF;
    IF c.id IS NULL OR c.status = 'closed' THEN
      INSERT INTO wsd.case_file(kind, account_id, team, language, subject, excerpt, first_message_id)
      VALUES ('other', '', coalesce((SELECT value FROM wsd.store_meta WHERE key = 'intake_team'), 'A'), coalesce(p_mail ->> 'language', ''),
              left(p_mail ->> 'subject', 300), left(p_mail ->> 'text', 300), mid) RETURNING * INTO c;
    END IF;
    INSERT INTO wsd.mail(case_id, direction, state, message_id, in_reply_to, refs, sender, recipient, subject, body, language, authenticity, attachments, raw)
    VALUES (c.id, 'in', 'received', mid, coalesce(p_mail ->> 'in_reply_to', ''), array_to_string(refs, ' '), coalesce(p_mail ->> 'sender', ''), '',
            left(coalesce(p_mail ->> 'subject', ''), 1000), left(coalesce(p_mail ->> 'text', ''), 200000), coalesce(p_mail ->> 'language', ''),
            coalesce(p_mail ->> 'authenticity_summary', ''), coalesce(p_mail -> 'attachment_summaries', '[]'), p_raw) RETURNING id INTO n;
    -- a case that somebody holds open in a transaction is put right by the next sweep: one login would else stop all mail
    UPDATE wsd.case_file SET waiting_since = NULL, version = version + 1, status = CASE WHEN status = 'waiting' THEN 'open' ELSE status END,
           excerpt = CASE WHEN excerpt = '' THEN left(coalesce(p_mail ->> 'text', ''), 300) ELSE excerpt END
     WHERE id = (SELECT f.id FROM wsd.case_file f WHERE f.id = c.id FOR NO KEY UPDATE SKIP LOCKED);
    PERFORM wsd.log('mail.received', 'ok', c.ref, jsonb_build_object('mail', n, 'message_id', mid, 'sha256', encode(sha256(p_raw), 'hex')));
  END IF;
  INSERT INTO wsd.inbox_cursor(name, cursor) VALUES ('inbox', p_cursor) ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor;
  RETURN n;
END $$;
