-- The client's veto: he is told at once of what would loosen his account, and a signed link stops it. The broker alone signs
-- and verifies the links; the exchange only shows the page and keeps the answers.

-- Requests of which the client was not told yet.
CREATE FUNCTION ws.unannounced() RETURNS TABLE (id uuid, account_id text, act text, case_ref text, language text, trouble_since timestamptz, created timestamptz, not_before timestamptz, until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.id, r.account_id, r.act, c.ref, c.language, c.trouble_since, r.created, r.not_before, r.vetoable_until
    FROM wsd.request r JOIN wsd.case_file c ON c.id = r.case_id
   WHERE r.state = 'pending' AND r.vetoable_until IS NOT NULL AND NOT EXISTS (SELECT 1 FROM wsd.veto_notice n WHERE n.request_id = r.id) ORDER BY r.created
$$;

-- One transaction for all channels. Who cannot be told cannot stop it: such a request ends here. One that a person's open
-- transaction holds is told in a moment: the broker waits for nobody, or one login could stop it for all.
CREATE FUNCTION ws.announce(p_id uuid, p_mails jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r wsd.request; n int;
BEGIN
  SELECT * INTO r FROM wsd.request WHERE id = p_id AND state = 'pending' AND vetoable_until IS NOT NULL FOR UPDATE SKIP LOCKED;
  IF r.id IS NULL OR EXISTS (SELECT 1 FROM wsd.veto_notice WHERE request_id = p_id) THEN RETURN 0; END IF;
  n := coalesce(jsonb_array_length(p_mails), 0);
  IF n = 0 THEN PERFORM wsd.refuse(r.id, 'no_channel'); RETURN 0; END IF;
  INSERT INTO wsd.veto_notice(request_id, channels) VALUES (r.id, n);
  INSERT INTO wsd.veto_mail(request_id, mail_id) SELECT r.id, q FROM wsd.queue_house(r.case_id, p_mails) q;
  PERFORM wsd.log('veto.notice', 'ok', r.id::text, jsonb_build_object('mails', n, 'until', r.vetoable_until));
  RETURN n;
END $$;

CREATE FUNCTION ws.veto_cursor() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT cursor FROM wsd.veto_cursor WHERE name = 'vetoes' $$;

CREATE FUNCTION ws.veto_read(p_cursor text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.veto_cursor(name, cursor) VALUES ('vetoes', p_cursor) ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor
$$;

-- Whether somebody waits for the clients' answers.
CREATE FUNCTION ws.vetoable() RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*)::int FROM wsd.request r JOIN wsd.veto_notice n ON n.request_id = r.id WHERE r.state = 'pending'
$$;

-- A link that was used. p_why is the broker's verdict on its signature: '' when it is right. A forged or broken one is on record.
CREATE FUNCTION ws.client_veto(p_token bytea, p_id uuid, p_expiry timestamptz, p_why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
  r wsd.request;
  no text;
BEGIN
  PERFORM wsd.must_read_committed();
  SELECT * INTO r FROM wsd.request WHERE id = p_id FOR UPDATE;
  no := CASE
    WHEN p_why IS DISTINCT FROM '' THEN coalesce(p_why, 'link_forged')
    WHEN length(p_token) IS DISTINCT FROM 32 OR r.id IS NULL THEN 'link_unknown'
    WHEN EXISTS (SELECT 1 FROM wsd.veto_answer a WHERE a.token = p_token) THEN 'link_replayed'
    WHEN r.vetoable_until IS DISTINCT FROM p_expiry THEN 'link_of_another_request'
    WHEN clock_timestamp() > p_expiry THEN 'link_expired' END;
  IF no IS NOT NULL THEN PERFORM wsd.deny('client.veto', coalesce(p_id::text, ''), no); RETURN no; END IF;
  INSERT INTO wsd.veto_answer(token, request_id, result) VALUES (p_token, r.id, CASE WHEN r.state = 'pending' THEN 'vetoed' ELSE 'too_late' END);
  IF r.state <> 'pending' THEN
    PERFORM wsd.deny('client.veto', r.id::text, 'too_late');
    PERFORM wsd.raise_alert((SELECT team FROM wsd.staff WHERE login = r.requester), 'client_veto_late', r.requester, r.case_id, 'The client says no to ' || r.act || ', which is ' || r.state || ' already.');
    RETURN 'too_late';
  END IF;
  UPDATE wsd.request SET state = 'vetoed', why = 'the client stopped it by the link in his mail' WHERE id = r.id;
  -- a hint to screens, never a reason to wait for whoever holds the case
  UPDATE wsd.case_file SET version = version + 1 WHERE id = (SELECT id FROM wsd.case_file WHERE id = r.case_id FOR UPDATE SKIP LOCKED);
  PERFORM wsd.log('client.veto', 'ok', r.id::text, jsonb_build_object('act', r.act, 'account', r.account_id, 'link', encode(p_token, 'hex')));
  PERFORM wsd.raise_alert((SELECT team FROM wsd.staff WHERE login = r.requester), 'client_veto', r.requester, r.case_id, 'The client stopped ' || r.act || ': somebody asked for it in his name.');
  RETURN 'ok';
END $$;

DO $$
BEGIN
  CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.veto_answer FOR EACH ROW EXECUTE FUNCTION wsd.append_only();
  CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.veto_answer FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();
END $$;
GRANT EXECUTE ON FUNCTION ws.unannounced(), ws.announce(uuid, jsonb), ws.veto_cursor(), ws.veto_read(text), ws.vetoable(), ws.client_veto(bytea, uuid, timestamptz, text) TO ws_executor;
