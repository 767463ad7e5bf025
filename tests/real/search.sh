# OpenSearch and Elasticsearch for `tests/real/run`, sourced by it: jars by Maven, one node each in a directory of the run.
#
# A folder a store (opensearch, elasticsearch) holds pom.xml and Node.java. Nothing listens but on 127.0.0.1.

SEARCH_HEAP=${SEARCH_HEAP:-384m}
SEARCH_PIDS=()

search_fetch() { # STORE: its jars into the cache, known by what the pom says
  local store=$1 stamp
  stamp=$(sha256sum "$HERE/$store/pom.xml" | cut -c1-16)
  SEARCH_JARS=$CACHE/$store-$stamp
  if [ ! -f "$SEARCH_JARS/complete" ]; then
    rm -rf "$SEARCH_JARS"
    mvn -B -q -ntp -Dmaven.repo.local="$CACHE/m2" -f "$HERE/$store/pom.xml" \
      org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DoutputDirectory="$SEARCH_JARS" >"$RUN/$store-fetch.log" 2>&1 || { tail -5 "$RUN/$store-fetch.log" >&2; return 1; }
    touch "$SEARCH_JARS/complete"
  fi
}

search_start() { # STORE PORT [SETTING=VALUE…]: in a process group of its own
  local store=$1 port=$2 home=$RUN/$1 pid
  shift 2
  mkdir -p "$home"
  setsid java "-Xms$SEARCH_HEAP" "-Xmx$SEARCH_HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    "-Dlog4j2.configurationFile=$HERE/$store/log4j2.xml" -cp "$SEARCH_JARS/*" "$HERE/$store/Node.java" \
    "$home" "$port" "$@" >"$home.log" 2>&1 </dev/null &
  pid=$!
  SEARCH_PIDS+=("$pid")
  "$PYTHON" - "$port" "$pid" <<'PY' || { tail -20 "$home.log" >&2; return 1; }
import os, sys, time, urllib.error, urllib.request
port, pid = sys.argv[1], int(sys.argv[2])
end = time.monotonic() + 120
while time.monotonic() < end:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_cluster/health", timeout=5) as answer:
            sys.exit(0 if answer.status == 200 else 1)
    except (urllib.error.URLError, OSError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            sys.exit("it has died")
        time.sleep(0.2)
sys.exit("it did not answer within two minutes")
PY
}

search_stop() {
  local pid
  for pid in ${SEARCH_PIDS[@]+"${SEARCH_PIDS[@]}"}; do
    end_group "$pid"
    wait "$pid" 2>/dev/null || true
  done
  SEARCH_PIDS=()
}
