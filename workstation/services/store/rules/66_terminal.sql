-- The terminal: what left it by the clipboard, and one terminal at a time in elevated mode.

-- Put on record before it is copied: in which case, what kind of thing, how many characters. Never the text.
CREATE FUNCTION ws.copied(p_case bigint, p_what text, p_length int) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s wsd.staff := wsd.me(); c wsd.case_file;
BEGIN
  IF p_case IS NOT NULL THEN
    SELECT * INTO c FROM wsd.case_file WHERE id = p_case;
    IF c.id IS NULL OR wsd.sees(s, c) IS NOT TRUE THEN RETURN wsd.deny('copied', 'CS-' || p_case, 'unknown'); END IF;
  END IF;
  IF coalesce(p_what, '') !~ '^[a-zA-Z0-9_. -]{1,60}$' OR coalesce(p_length, 0) NOT BETWEEN 1 AND 100000 THEN
    RETURN wsd.deny('copied', coalesce(c.ref, '-'), 'copy_malformed');
  END IF;
  PERFORM wsd.log('copied', 'ok', coalesce(c.ref, '-'), jsonb_build_object('what', p_what, 'characters', p_length));
  RETURN '{"ok": true}';
END $$;

-- Whoever steps up on one terminal is no longer at the other: its elevated mode ends. Of the same person, whatever login.
CREATE OR REPLACE FUNCTION wsd.one_terminal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE wsd.elevation e SET fresh = false, started = e.started - interval '1 day'
    FROM wsd.staff mine, wsd.staff other
   WHERE mine.login = NEW.login AND other.person_id = mine.person_id AND e.login = other.login
     AND (e.backend_pid, e.backend_start) IS DISTINCT FROM (NEW.backend_pid, NEW.backend_start)
     AND e.started > clock_timestamp() - interval '15 min';
  RETURN NULL;
END $$;
CREATE TRIGGER one_terminal AFTER INSERT ON wsd.elevation FOR EACH ROW EXECUTE FUNCTION wsd.one_terminal();

GRANT EXECUTE ON FUNCTION ws.copied(bigint, text, int) TO ws_user, ws_auditor;
