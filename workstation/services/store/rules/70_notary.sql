-- The notary: what it may see, what it tells the store, and how an auditor is told. It signs with a key that is not here, and
-- its truth is what it keeps elsewhere: nothing in this file can take back what was signed.

DO $$
BEGIN
  CREATE TRIGGER ao_row BEFORE UPDATE OR DELETE ON wsd.checkpoint FOR EACH ROW EXECUTE FUNCTION wsd.append_only();
  CREATE TRIGGER ao_all BEFORE TRUNCATE ON wsd.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION wsd.append_only();
END $$;

-- How far the chains are without the notary's own, which moves with every checkpoint, and which elevations of the last half
-- hour are over: the end of one is worth a checkpoint, also of one that nobody saw begin. Stepping down moves `started` back, so
-- the challenge says when.
CREATE FUNCTION ws.notary_look() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object(
    'records', (SELECT coalesce(sum(h.seq), 0) FROM wsd.audit_head h WHERE h.chain <> 'ws_notary'),
    'over', (SELECT coalesce(jsonb_agg(e.challenge_id), '[]') FROM wsd.elevation e JOIN wsd.challenge c ON c.id = e.challenge_id JOIN wsd.staff s ON s.login = e.login
              WHERE c.issued > clock_timestamp() - interval '30 min'
                AND NOT (s.enabled AND e.started > s.cut AND clock_timestamp() - e.started < interval '15 min' AND clock_timestamp() - e.last_use < interval '5 min')))
$$;

-- Every ten seconds: alive, what the witness says, what is wrong ('' where nothing is).
CREATE FUNCTION ws.notary_seen(p_witness text, p_trouble text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.notary_state(one, seen, witness, trouble) VALUES (true, clock_timestamp(), left(coalesce(p_witness, ''), 200), left(coalesce(p_trouble, ''), 1000))
  ON CONFLICT (one) DO UPDATE SET seen = excluded.seen, witness = excluded.witness, trouble = excluded.trouble
$$;

-- The address is the installer's to set, not the notary's: a stolen notary must not write to whom it likes in our name.
CREATE FUNCTION ws.set_auditor_mail(p_address text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF coalesce(p_address, '') !~ '^[^\s@<>,;]+@[^\s@<>,;]+$' THEN RAISE EXCEPTION 'this is no address' USING ERRCODE = '22023'; END IF;
  PERFORM wsd.installers_chain();
  INSERT INTO wsd.store_meta(key, value) VALUES ('auditor_mail', p_address) ON CONFLICT (key) DO UPDATE SET value = excluded.value;
  PERFORM wsd.log('notary.address', 'ok', '', jsonb_build_object('sha256', encode(sha256(convert_to(lower(p_address), 'UTF8')), 'hex')));
END $$;

CREATE OR REPLACE FUNCTION wsd.mail_auditor(p_key text, p_subject text, p_body text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n int;
BEGIN
  INSERT INTO wsd.mail(case_id, direction, state, message_id, recipient, subject, body, language, author)
  SELECT NULL, 'out', 'queued', '<ws.notary.' || left(encode(sha256(convert_to(p_key, 'UTF8')), 'hex'), 32) || '@workstation.invalid>', m.value, p_subject, p_body, 'en', session_user::text
    FROM wsd.store_meta m WHERE m.key = 'auditor_mail'
  ON CONFLICT (message_id) WHERE direction = 'out' DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n > 0;
END $$;

-- A checkpoint that was signed and kept. One an hour goes to the auditor by mail. `known`: told before; `other_root`: the store
-- knows another root of this size, and the notary must not go on.
CREATE FUNCTION ws.checkpointed(p_origin text, p_size bigint, p_root bytea, p_made timestamptz, p_records bigint, p_witnesses int, p_file text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c wsd.checkpoint; due boolean; mailed boolean := false;
BEGIN
  SELECT * INTO c FROM wsd.checkpoint WHERE origin = p_origin AND size = p_size;
  IF c.size IS NOT NULL THEN RETURN CASE WHEN c.root = p_root THEN 'known' ELSE 'other_root' END; END IF;
  IF coalesce(p_origin, '') !~ '^[!-*,-~]{1,200}$' OR length(p_file) NOT BETWEEN 100 AND 4194304 THEN RAISE EXCEPTION 'this is no checkpoint' USING ERRCODE = '22023'; END IF;
  due := NOT EXISTS (SELECT 1 FROM wsd.checkpoint k WHERE k.mailed AND k.kept > clock_timestamp() - interval '1 h');
  IF due THEN mailed := wsd.mail_auditor(p_origin || ' ' || p_size || ' ' || encode(p_root, 'hex'), 'Checkpoint ' || p_size || ' of ' || p_origin, p_file); END IF;
  INSERT INTO wsd.checkpoint(origin, size, root, made, records, witnesses, note, mailed)
  VALUES (p_origin, p_size, p_root, p_made, p_records, p_witnesses, substr(p_file, strpos(p_file, E'\n\n') + 2), mailed);
  PERFORM wsd.log('checkpoint', 'ok', p_size::text, jsonb_build_object('origin', p_origin, 'root', encode(p_root, 'hex'), 'records', p_records, 'witnesses', p_witnesses, 'mailed', mailed));
  RETURN 'ok';
END $$;

-- The largest size that the store was told of: a notary whose own disk knows less must not begin again.
CREATE FUNCTION ws.checkpointed_size(p_origin text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT coalesce(max(size), 0) FROM wsd.checkpoint WHERE origin = p_origin $$;

-- History is not what was signed, or the notary cannot sign: every team's leads and the auditor are told, the same thing once an hour.
CREATE FUNCTION ws.notary_alarm(p_what text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t text; what text := 'The notary does not sign: ' || left(coalesce(p_what, ''), 1500);
BEGIN
  IF EXISTS (SELECT 1 FROM wsd.alert a WHERE a.kind = 'notary' AND a.text = what AND a.at > clock_timestamp() - interval '1 h') THEN RETURN false; END IF;
  FOR t IN SELECT DISTINCT s.team FROM wsd.staff s WHERE s.role = 'lead' AND s.enabled LOOP
    PERFORM wsd.raise_alert(t, 'notary', 'ws_notary', NULL, what);
  END LOOP;
  PERFORM wsd.mail_auditor(what || ' ' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24'), 'ALARM: the notary does not sign', what || E'\n');
  PERFORM wsd.log('notary.alarm', 'denied', '', jsonb_build_object('why', left(coalesce(p_what, ''), 1500)));
  RAISE LOG 'WS_DENY user=% event=notary.alarm object= why=%', session_user, left(coalesce(p_what, ''), 1500);
  RETURN true;
END $$;

-- For everybody: how old the last checkpoint is and whether somebody watches. Ages in seconds by the store's clock.
CREATE FUNCTION ws.notary() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.checkpoint; n wsd.notary_state;
BEGIN
  SELECT * INTO c FROM wsd.checkpoint ORDER BY kept DESC LIMIT 1;
  SELECT * INTO n FROM wsd.notary_state;
  RETURN jsonb_build_object('origin', coalesce(c.origin, ''), 'size', coalesce(c.size, 0), 'made', c.made, 'records', coalesce(c.records, 0), 'witnesses', coalesce(c.witnesses, 0),
    'age_s', extract(epoch FROM clock_timestamp() - c.kept), 'seen_s', extract(epoch FROM clock_timestamp() - n.seen), 'witness', coalesce(n.witness, ''), 'trouble', coalesce(n.trouble, ''),
    'behind', (SELECT coalesce(sum(h.seq), 0) FROM wsd.audit_head h) - coalesce(c.records, 0));
END $$;

-- Before the first record leaves: who takes the audit out of the house is in it.
CREATE FUNCTION ws.audit_export() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role <> 'auditor' THEN RETURN wsd.deny('audit.export', '', 'auditors_only'); END IF;
  PERFORM wsd.log('audit.export', 'ok', '', '{}');
  RETURN '{"ok": true}';
END $$;

GRANT SELECT ON wsd.checkpoint TO ws_auditor, ws_notary;
GRANT EXECUTE ON FUNCTION ws.notary_look(), ws.notary_seen(text, text), ws.checkpointed(text, bigint, bytea, timestamptz, bigint, int, text),
  ws.checkpointed_size(text), ws.notary_alarm(text) TO ws_notary;
GRANT EXECUTE ON FUNCTION ws.notary() TO ws_user, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.audit_export() TO ws_user, ws_auditor;
