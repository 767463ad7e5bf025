-- Enrolment. Called by `workstation admin` under the installer's superuser; nobody who works cases may.
CREATE FUNCTION ws.enrol(p_login text, p_person text, p_name text, p_level smallint, p_role text, p_team text, p_languages text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO wsd.staff(login, person_id, name, level, role, team, languages) VALUES (p_login, p_person, p_name, p_level, p_role, p_team, p_languages);
  INSERT INTO wsd.throttle(login) VALUES (p_login);
  INSERT INTO wsd.audit_head(chain, seq, hash) VALUES (p_login, 0, sha256(wsd.lp('genesis', p_login))) ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION ws.enrol_factor(p_login text, p_kind text, p_cred bytea, p_data bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO wsd.factor(login, kind, cred_id, data) VALUES (p_login, p_kind, p_cred, p_data)
$$;

-- The daemons have chains of their own.
INSERT INTO wsd.audit_head(chain, seq, hash)
SELECT d, 0, sha256(wsd.lp('genesis', d)) FROM unnest(ARRAY['ws_executor', 'ws_courier', 'ws_notary']) d ON CONFLICT DO NOTHING;
