# ClickHouse for `tests/real/run`, sourced by it: the engine of today behind modern.py, and the server of the system's
# packages, of 2018, for what only a server does. Nothing listens but on 127.0.0.1.

CHDB_VERSION=26.9.0
CLICKHOUSE_PIDS=()

chdb_fetch() { # the engine as a package of its own, 530 MB, known by its version and Python's
  CHDB_HOME=$CACHE/chdb-core-$CHDB_VERSION-py$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if [ ! -f "$CHDB_HOME/complete" ]; then
    rm -rf "$CHDB_HOME"
    # Its own requirements are for data frames.
    "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps --target "$CHDB_HOME" \
      "chdb-core==$CHDB_VERSION" >"$RUN/chdb-fetch.log" 2>&1 || { tail -5 "$RUN/chdb-fetch.log" >&2; return 1; }
    touch "$CHDB_HOME/complete"
  fi
}

clickhouse_answers() { # PORT PID LOG: within half a minute
  "$PYTHON" - "$1" "$2" <<'PY' || { tail -20 "$3" >&2; return 1; }
import os, sys, time, urllib.error, urllib.request
port, pid = sys.argv[1], int(sys.argv[2])
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as answer:
            sys.exit(0 if answer.read() == b"Ok.\n" else 1)
    except (urllib.error.URLError, OSError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            sys.exit("it has died")
        time.sleep(0.1)
sys.exit("it did not answer within half a minute")
PY
}

clickhouse_start() { # PORT: the engine of today
  PYTHONPATH=$CHDB_HOME setsid "$PYTHON" "$HERE/clickhouse/modern.py" "$1" >"$RUN/clickhouse.log" 2>&1 </dev/null &
  CLICKHOUSE_PIDS+=("$!")
  clickhouse_answers "$1" "$!" "$RUN/clickhouse.log"
}

clickhouse18_start() { # HTTP-PORT TCP-PORT DEAD-PORT: the server of 2018; nobody listens on the last
  local home=$RUN/clickhouse18 file
  mkdir -p "$home/data" "$home/log"
  for file in config users; do
    sed -e "s#@DIR@#$home#g" -e "s#@HTTP@#$1#g" -e "s#@TCP@#$2#g" -e "s#@DEAD@#$3#g" \
      "$HERE/clickhouse/$file.xml" >"$home/$file.xml"
  done
  setsid clickhouse-server --config-file="$home/config.xml" >"$RUN/clickhouse18.log" 2>&1 </dev/null &
  CLICKHOUSE_PIDS+=("$!")
  clickhouse_answers "$1" "$!" "$RUN/clickhouse18.log"
}

clickhouse_stop() {
  local pid
  for pid in ${CLICKHOUSE_PIDS[@]+"${CLICKHOUSE_PIDS[@]}"}; do
    end_group "$pid"
    wait "$pid" 2>/dev/null || true
  done
  CLICKHOUSE_PIDS=()
}
