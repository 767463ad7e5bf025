-- What leads look at: the team and what is thin in it, who could approve, and what they must see the same day.

CREATE FUNCTION ws.team() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF NOT wsd.manages(s) AND s.role <> 'auditor' THEN RETURN jsonb_build_object('denied', 'level'); END IF;
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('login', o.login, 'name', o.name, 'level', o.level, 'role', o.role, 'enabled', o.enabled,
      'factors', (SELECT coalesce(jsonb_agg(trim(f.kind || ' ' || f.label) ORDER BY f.kind, f.added), '[]') FROM wsd.factor f WHERE f.login = o.login AND f.enabled),
      'grants', (SELECT coalesce(jsonb_agg(jsonb_build_object('act', g.act, 'until', g.until, 'given_by', wsd.name_of(g.given_by), 'last_use', g.last_use) ORDER BY g.act), '[]')
                   FROM wsd.grant_of g WHERE g.login = o.login AND g.ended IS NULL AND g.until > clock_timestamp()),
      'step_up_locked', coalesce((SELECT t.locked_until > clock_timestamp() FROM wsd.throttle t WHERE t.login = o.login), false),
      'review_due', wsd.review_overdue(o.person_id)) ORDER BY o.enabled DESC, o.name), '[]')
    FROM wsd.staff o WHERE o.team = s.team OR s.role = 'auditor');
END $$;

-- Names of who could approve this act for this person in this case, now. The same conditions as ws.approve.
CREATE OR REPLACE FUNCTION wsd.approvers(s wsd.staff, c wsd.case_file, p wsd.policy) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT o.name ORDER BY o.name), '{}') FROM wsd.staff o
   WHERE o.enabled AND o.role = 'analyst' AND o.level >= greatest(p.approver_level, 2) AND o.team = c.team AND o.person_id <> s.person_id
     AND NOT EXISTS (SELECT 1 FROM wsd.case_touch t WHERE t.case_id = c.id AND t.person_id = o.person_id)
     AND NOT EXISTS (SELECT 1 FROM wsd.approval a WHERE a.approver_person = s.person_id AND a.requester_person = o.person_id AND a.decided > clock_timestamp() - interval '24 h')
     AND EXISTS (SELECT 1 FROM wsd.factor f WHERE f.login = o.login AND f.enabled AND wsd.method_tier(o, f.kind) >= least(p.tier::int, 3))
$$;

CREATE FUNCTION ws.approvers(p_case bigint, p_act text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file; p wsd.policy;
BEGIN
  SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
  SELECT * INTO p FROM wsd.policy WHERE act = p_act;
  IF c.id IS NULL OR NOT wsd.sees(s, c) OR p.act IS NULL OR p.approvals = 0 OR p.tier = 4 THEN RETURN '[]'; END IF;
  RETURN to_jsonb(wsd.approvers(s, c, p));
END $$;

-- What is thin: a code and whom it is about. The words are in services/acts/refusals.py.
CREATE OR REPLACE FUNCTION wsd.thin(p_team text) RETURNS TABLE (code text, names text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH o AS (SELECT * FROM wsd.staff WHERE team = p_team AND enabled),
       senior AS (SELECT person_id, min(name) AS name FROM o WHERE role = 'analyst' AND level >= 3 GROUP BY person_id),
       lead AS (SELECT person_id, min(name) AS name FROM o WHERE role = 'lead' GROUP BY person_id),
       works AS (SELECT o.*, EXISTS (SELECT 1 FROM wsd.factor f WHERE f.login = o.login AND f.enabled AND wsd.method_tier(o, f.kind) > 0) AS able FROM o WHERE role <> 'auditor')
  SELECT * FROM (
    SELECT 'no_senior', '{}'::text[] WHERE NOT EXISTS (SELECT 1 FROM senior)
    UNION ALL SELECT 'last_senior', (SELECT array_agg(name) FROM senior) WHERE (SELECT count(*) FROM senior) = 1
    UNION ALL SELECT 'two_seniors', (SELECT array_agg(name ORDER BY name) FROM senior) WHERE (SELECT count(*) FROM senior) = 2
    UNION ALL SELECT 'no_lead', '{}' WHERE NOT EXISTS (SELECT 1 FROM lead)
    UNION ALL SELECT 'last_lead', (SELECT array_agg(name) FROM lead) WHERE (SELECT count(*) FROM lead) = 1
    UNION ALL SELECT 'lead_without_address', array_agg(name ORDER BY name) FROM o WHERE role = 'lead' AND email = '' HAVING count(*) > 0
    UNION ALL SELECT 'no_factor', array_agg(name ORDER BY name) FROM works WHERE level >= 2 AND NOT able HAVING count(*) > 0
    UNION ALL SELECT 'no_strong_factor', array_agg(name ORDER BY name) FROM works w WHERE level >= 3 AND able
              AND NOT EXISTS (SELECT 1 FROM wsd.factor f JOIN o ON o.login = f.login WHERE f.login = w.login AND f.enabled AND wsd.method_tier(o, f.kind) >= 3) HAVING count(*) > 0
    UNION ALL SELECT 'one_factor', array_agg(name ORDER BY name) FROM works w WHERE level >= 2 AND (SELECT count(*) FROM wsd.factor f WHERE f.login = w.login AND f.enabled) = 1 HAVING count(*) > 0
    UNION ALL SELECT 'review_due', array_agg(name ORDER BY name) FROM o WHERE wsd.review_overdue(o.person_id) HAVING count(*) > 0
    UNION ALL SELECT 'step_up_locked', array_agg(o.name ORDER BY o.name) FROM o JOIN wsd.throttle t ON t.login = o.login AND t.locked_until > clock_timestamp() HAVING count(*) > 0
    UNION ALL SELECT 'grants_end', array_agg(DISTINCT o.name) FROM o JOIN wsd.grant_of g ON g.login = o.login AND g.ended IS NULL AND g.until BETWEEN clock_timestamp() AND clock_timestamp() + interval '7 days' HAVING count(*) > 0
    UNION ALL SELECT 'not_founded', '{}' WHERE (SELECT count(DISTINCT k.person_id) FROM wsd.recovery_key k JOIN wsd.staff h ON h.person_id = k.person_id AND h.enabled WHERE k.used IS NULL) < 2
  ) t(code, names)
$$;

CREATE FUNCTION ws.team_health() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('code', t.code, 'names', to_jsonb(t.names))), '[]') FROM wsd.thin(s.team) t);
END $$;

CREATE FUNCTION ws.alerts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE s wsd.staff := wsd.me();
BEGIN
  IF s.role NOT IN ('lead', 'auditor') THEN RETURN '[]'; END IF;
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'at', a.at, 'kind', a.kind, 'about', a.about, 'about_name', wsd.name_of(a.about),
      'case_id', a.case_id, 'text', a.text) ORDER BY a.id DESC), '[]')
    FROM (SELECT * FROM wsd.alert WHERE seen IS NULL AND (team = s.team OR s.role = 'auditor') ORDER BY id DESC LIMIT 200) a);
END $$;

CREATE FUNCTION ws.see_alert(p_id bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); a wsd.alert;
BEGIN
  SELECT * INTO a FROM wsd.alert WHERE id = p_id FOR UPDATE;
  IF a.id IS NULL OR a.team <> s.team OR s.role <> 'lead' THEN RETURN wsd.deny('alert.seen', coalesce(p_id::text, ''), 'unknown'); END IF;
  -- nobody puts away what is about himself
  IF EXISTS (SELECT 1 FROM wsd.staff o WHERE o.login = a.about AND o.person_id = s.person_id) THEN RETURN wsd.deny('alert.seen', p_id::text, 'self'); END IF;
  UPDATE wsd.alert SET seen = clock_timestamp(), seen_by = s.login WHERE id = p_id AND seen IS NULL;
  PERFORM wsd.log('alert.seen', 'ok', p_id::text, jsonb_build_object('kind', a.kind, 'about', a.about));
  RETURN jsonb_build_object('ok', true);
END $$;

GRANT EXECUTE ON FUNCTION ws.approvers(bigint, text), ws.team_health() TO ws_user, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.team() TO ws_senior, ws_lead, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.alerts() TO ws_lead, ws_auditor;
GRANT EXECUTE ON FUNCTION ws.see_alert(bigint) TO ws_lead;
