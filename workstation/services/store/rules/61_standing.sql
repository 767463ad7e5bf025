-- Levels, grants, methods and logins: a lead proposes what gives and does at once what takes away.

-- What all of them ask first: a lead, elevated, about somebody else whom there is, with a reason. NULL when all is well.
CREATE OR REPLACE FUNCTION wsd.why_not_lead(s wsd.staff, o wsd.staff, p_reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN CASE
    WHEN s.role <> 'lead' THEN 'level'
    WHEN o.login IS NULL THEN 'unknown'
    WHEN o.person_id = s.person_id THEN 'self'
    WHEN coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN 'reason_too_short'
    WHEN NOT wsd.elevated() THEN 'not_elevated' END;
END $$;

CREATE FUNCTION ws.grant_act(p_login text, p_act text, p_until timestamptz, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff; p wsd.policy; no text;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  SELECT * INTO p FROM wsd.policy WHERE act = p_act;
  no := wsd.why_not_lead(s, o, p_reason);
  IF no IS NULL THEN no := CASE
    WHEN p.act IS NULL THEN 'unknown'
    WHEN p.tier = 4 THEN 'forbidden_for_everyone'
    WHEN p.tier < 2 OR o.level <> 2 OR o.role <> 'analyst' OR p.min_level > 2 THEN 'grant_not_needed'
    -- a right that nobody looks at again is one too many: at most until the next half-yearly review
    WHEN p_until IS NULL OR p_until <= clock_timestamp() OR p_until > clock_timestamp() + interval '186 days' THEN 'grant_too_long' END;
  END IF;
  IF no IS NOT NULL THEN RETURN wsd.deny('grant', coalesce(p_login || ' ' || p_act, ''), no); END IF;
  RETURN wsd.change_row(wsd.propose(s, 'grant', p_login, jsonb_build_object('act', p_act, 'until', p_until, 'reason', p_reason)), s);
END $$;

CREATE FUNCTION ws.revoke_act(p_login text, p_act text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff; no text;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  no := CASE WHEN s.role <> 'lead' THEN 'level' WHEN o.login IS NULL THEN 'unknown' WHEN coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN 'reason_too_short' END;
  IF no IS NOT NULL THEN RETURN wsd.deny('revoke', coalesce(p_login || ' ' || p_act, ''), no); END IF;
  UPDATE wsd.grant_of SET ended = clock_timestamp(), ended_by = s.login WHERE login = p_login AND act = p_act AND ended IS NULL;
  IF NOT FOUND THEN RETURN wsd.deny('revoke', p_login || ' ' || p_act, 'unknown'); END IF;
  PERFORM wsd.log('revoke', 'ok', p_login || ' ' || p_act, jsonb_build_object('reason', p_reason));
  RETURN jsonb_build_object('ok', true);
END $$;

CREATE FUNCTION ws.set_standing(p_login text, p_standing text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff; no text; old text;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  no := wsd.why_not_lead(s, o, p_reason);
  old := wsd.standing(o.level, o.role);
  IF no IS NULL AND ((wsd.of_standing(p_standing)).rank IS NULL OR old = p_standing) THEN no := 'unknown'; END IF;
  IF no IS NOT NULL THEN RETURN wsd.deny('person.standing', coalesce(p_login, ''), no); END IF;
  IF old = 'auditor' OR (wsd.of_standing(p_standing)).rank > (wsd.of_standing(old)).rank THEN
    RETURN wsd.change_row(wsd.propose(s, 'level', p_login, jsonb_build_object('standing', p_standing, 'was', old, 'reason', p_reason)), s);
  END IF;
  PERFORM wsd.apply_standing(p_login, p_standing);
  PERFORM wsd.log('person.standing', 'ok', p_login, jsonb_build_object('standing', p_standing, 'was', old, 'reason', p_reason));
  RETURN jsonb_build_object('ok', true);
END $$;

CREATE FUNCTION ws.set_methods(p_login text, p_methods text[], p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff; no text;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  no := wsd.why_not_lead(s, o, p_reason);
  IF no IS NULL AND p_methods IS NOT NULL AND (NOT p_methods <@ ARRAY['fido2', 'idp', 'totp'] OR cardinality(p_methods) > 3) THEN no := 'factor_malformed'; END IF;
  IF no IS NOT NULL THEN RETURN wsd.deny('person.methods', coalesce(p_login, ''), no); END IF;
  RETURN wsd.change_row(wsd.propose(s, 'methods', p_login, jsonb_build_object('methods', p_methods, 'was', o.methods, 'reason', p_reason)), s);
END $$;

-- Which methods count for whom, for everybody at once.
CREATE FUNCTION ws.set_method_policy(p_kind text, p_level int, p_max_tier int, p_unless_owns text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); m wsd.method_policy; no text;
BEGIN
  SELECT * INTO m FROM wsd.method_policy WHERE kind = p_kind AND level = p_level;
  no := CASE
    WHEN s.role <> 'lead' THEN 'level'
    WHEN m.kind IS NULL OR coalesce(p_max_tier, -1) NOT IN (0, 2, 3) OR coalesce(p_unless_owns, '-') NOT IN ('', 'fido2', 'idp', 'totp') OR p_unless_owns = p_kind THEN 'factor_malformed'
    WHEN coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN 'reason_too_short'
    WHEN NOT wsd.elevated() THEN 'not_elevated' END;
  IF no IS NOT NULL THEN RETURN wsd.deny('method_policy', coalesce(p_kind, ''), no); END IF;
  RETURN wsd.change_row(wsd.propose(s, 'method_policy', p_kind, jsonb_build_object('level', p_level, 'max_tier', p_max_tier, 'unless_owns', p_unless_owns,
      'was', to_jsonb(m) - 'kind' - 'level' - 'rank', 'reason', p_reason)), s);
END $$;

CREATE FUNCTION ws.invite(p_login text, p_person text, p_name text, p_standing text, p_team text, p_languages text[], p_email text, p_verifier text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); no text;
BEGIN
  no := CASE
    WHEN s.role <> 'lead' THEN 'level'
    WHEN coalesce(p_login, '') !~ '^[a-z][a-z0-9._-]{0,39}$' OR p_login ~ '^(ws|pg)_' OR (wsd.of_standing(p_standing)).rank IS NULL OR coalesce(p_person, '') !~ '^[A-Za-z0-9._-]{1,40}$'
      OR coalesce(length(p_name), 0) NOT BETWEEN 1 AND 80 OR coalesce(p_team, '') = '' OR p_languages IS NULL OR coalesce(p_verifier, '') !~ '^SCRAM-SHA-256\$'
      OR coalesce(p_email, '') !~ '^([^\s@<>,;]+@[^\s@<>,;]+)?$' THEN 'person_malformed'
    -- a second login for myself, or of a person with whom I would then be two
    WHEN p_person = s.person_id THEN 'self'
    WHEN EXISTS (SELECT 1 FROM pg_roles WHERE rolname = p_login) THEN 'login_taken'
    WHEN NOT wsd.elevated() THEN 'not_elevated' END;
  IF no IS NOT NULL THEN RETURN wsd.deny('person.invite', coalesce(p_login, ''), no); END IF;
  RETURN wsd.change_row(wsd.propose(s, 'enrol', p_login, jsonb_build_object('person', p_person, 'name', p_name, 'standing', p_standing, 'team', p_team,
      'languages', to_jsonb(p_languages), 'email', coalesce(p_email, ''), 'verifier', p_verifier)), s);
END $$;

-- A lead alone and at once; without a lead, any two seniors.
CREATE FUNCTION ws.disable(p_login text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '3s' AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff; no text;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  no := CASE
    WHEN NOT wsd.manages(s) THEN 'level'
    WHEN o.login IS NULL OR (s.role <> 'lead' AND o.team <> s.team) THEN 'unknown'
    WHEN o.person_id = s.person_id THEN 'self'
    WHEN NOT o.enabled THEN 'disabled_already'
    WHEN coalesce(length(p_reason), 0) NOT BETWEEN 20 AND 2000 THEN 'reason_too_short' END;
  IF no IS NOT NULL THEN RETURN wsd.deny('person.disable', coalesce(p_login, ''), no); END IF;
  IF s.role <> 'lead' THEN
    RETURN wsd.change_row(wsd.propose(s, 'disable', p_login, jsonb_build_object('reason', p_reason)), s);
  END IF;
  PERFORM wsd.apply_disable(p_login, p_reason);
  RETURN jsonb_build_object('ok', true);
END $$;

CREATE FUNCTION ws.enable(p_login text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); o wsd.staff; no text;
BEGIN
  SELECT * INTO o FROM wsd.staff WHERE login = p_login;
  no := wsd.why_not_lead(s, o, p_reason);
  IF no IS NULL AND o.enabled THEN no := 'unknown'; END IF;
  IF no IS NOT NULL THEN RETURN wsd.deny('person.enable', coalesce(p_login, ''), no); END IF;
  RETURN wsd.change_row(wsd.propose(s, 'enable', p_login, jsonb_build_object('reason', p_reason)), s);
END $$;

GRANT EXECUTE ON FUNCTION ws.disable(text, text) TO ws_senior, ws_lead;
GRANT EXECUTE ON FUNCTION ws.grant_act(text, text, timestamptz, text), ws.revoke_act(text, text, text), ws.set_standing(text, text, text), ws.set_methods(text, text[], text),
  ws.set_method_policy(text, int, int, text, text), ws.invite(text, text, text, text, text, text[], text, text), ws.enable(text, text) TO ws_lead;
