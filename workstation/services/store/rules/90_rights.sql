-- What may be read directly, and who may call what. Everything not granted here is refused.
-- Whoever works cases reads no table that holds any, not even the rows that are his: a row filter hides rows, but EXPLAIN counts
-- what it removed, an index answers faster where there is something, and statistics know the values of other teams.
ALTER TABLE wsd.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_chains ON wsd.audit FOR SELECT TO ws_auditor, ws_notary USING (true);
ALTER TABLE wsd.case_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY auditor_cases ON wsd.case_file FOR SELECT TO ws_auditor USING (true);
ALTER TABLE wsd.request ENABLE ROW LEVEL SECURITY;
CREATE POLICY auditor_requests ON wsd.request FOR SELECT TO ws_auditor USING (true);

GRANT SELECT ON wsd.policy TO ws_user, ws_auditor;
GRANT SELECT ON wsd.case_file, wsd.request, wsd.approval, wsd.execution TO ws_auditor;
GRANT SELECT ON wsd.audit TO ws_auditor, ws_notary;
GRANT SELECT ON wsd.audit_head TO ws_auditor, ws_notary;

GRANT EXECUTE ON FUNCTION ws.whoami(), ws.audit_page(timestamptz, int) TO ws_user, ws_auditor;
GRANT EXECUTE ON FUNCTION
  ws.open_account(text, text), ws.reveal(bigint, text, text),
  ws.queue(), ws.case_rows(bigint[]), ws.claim_next(), ws.claim_case(bigint, text), ws.heartbeat(bigint), ws.release(bigint),
  ws.snooze(bigint, timestamptz, text), ws.close_case(bigint, text), ws.add_case(text, text, text),
  ws.pin(bigint, text, text, text, bytea), ws.label(bigint, text, text, text), ws.note(bigint, text), ws.tick(bigint, text, bigint),
  ws.open_case(bigint), ws.case_again(bigint), ws.import_events(bigint, text, text[], bigint[], bytea[]), ws.imported_since(text),
  ws.import_done(bigint, text, bytea, int, int, int), ws.imported(text, bigint, bigint, bigint, text, int),
  ws.pulse(), ws.packet(bigint), ws.save_packet(bigint, text, text, text, jsonb, text, int), ws.forward(bigint, jsonb), ws.ask_guidance(bigint, text), ws.escalations(),
  ws.options(bigint), ws.intent(bigint, text, jsonb), ws.request_act(bigint, text, jsonb, text, text, text), ws.requests(bigint), ws.veto(uuid, text),
  ws.thread(bigint), ws.send_mail(bigint, text, text, text, text, text), ws.recall_mail(bigint)
TO ws_user;
GRANT EXECUTE ON FUNCTION ws.open_escalation(bigint), ws.return_packet(bigint, text), ws.take_over(bigint), ws.approve(uuid, bytea) TO ws_l2, ws_lead;
REVOKE EXECUTE ON FUNCTION ws.approve(uuid, bytea), ws.take_over(bigint), ws.return_packet(bigint, text) FROM ws_lead;
GRANT EXECUTE ON FUNCTION
  ws.reap(interval, interval), ws.purge(interval), ws.sweep(),
  ws.releasable(), ws.claim(uuid, text), ws.unsettled(), ws.settle(uuid, text, text, text, text, text), ws.untold(), ws.tell_client(uuid, jsonb)
TO ws_executor;
GRANT EXECUTE ON FUNCTION ws.outbox_claim(), ws.outbox_stuck(), ws.outbox_settle(bigint, text, text), ws.inbox_cursor(), ws.inbox_file(text, jsonb, bytea) TO ws_courier;

-- No function of ours waits longer than this for a lock that somebody else's open transaction holds.
DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'ws'::regnamespace AND p.provolatile = 'v'
              AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) c WHERE c LIKE 'lock_timeout=%') LOOP
    EXECUTE format('ALTER FUNCTION %s SET lock_timeout = %L', f, '500ms');
  END LOOP;
END $$;
