-- Grants: somebody of Level 2 asks only for the loosening acts that were granted to him, each until a day. Protecting needs none.

CREATE OR REPLACE FUNCTION wsd.granted_until(s wsd.staff, p_act text) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT max(g.until) FROM wsd.grant_of g WHERE g.login = s.login AND g.act = p_act AND g.ended IS NULL AND g.until > clock_timestamp()
$$;

-- Never NULL. For an act that the policy does not know it is false.
CREATE OR REPLACE FUNCTION wsd.granted(s wsd.staff, p_act text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT s.level <> 2 OR p.tier < 2 OR wsd.granted_until(s, p.act) IS NOT NULL FROM wsd.policy p WHERE p.act = p_act), false)
$$;

CREATE OR REPLACE FUNCTION wsd.grant_used() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.grant_of SET last_use = clock_timestamp() WHERE login = NEW.requester AND act = NEW.act AND ended IS NULL AND until > clock_timestamp();
  RETURN NULL;
END $$;
CREATE TRIGGER grant_used AFTER INSERT ON wsd.request FOR EACH ROW EXECUTE FUNCTION wsd.grant_used();
