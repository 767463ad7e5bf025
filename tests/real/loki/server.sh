# Loki for `tests/real/run`, sourced by it: built from its Go module once (about eight minutes on two cores, 2.3 GB of
# memory), the binary kept in the cache by its version. Nothing listens but on 127.0.0.1.

LOKI_VERSION=3.7.8
LOKI_PID=

loki_fetch() { # the binary into the cache
  local home=$CACHE/loki-$LOKI_VERSION build=$RUN/loki-build module
  LOKI=$home/loki
  [ ! -x "$LOKI" ] || return 0
  mkdir -p "$home" "$build"
  echo "loki: building $LOKI_VERSION, which takes some minutes"
  (
    cd "$build" || exit 1
    export GOFLAGS=-buildvcs=false
    module=$(go mod download -json "github.com/grafana/loki/v3@v$LOKI_VERSION" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    [ -n "$module" ] || exit 1
    # `go install` refuses a module with replace lines: its go.mod is taken as our own, less the one that is local.
    sed -e 's#^module .*#module lokibuild#' -e '/^replace github.com\/grafana\/loki\/pkg\/push /d' "$module/go.mod" >go.mod
    echo "require github.com/grafana/loki/v3 v$LOKI_VERSION" >>go.mod
    cp "$module/go.sum" . && chmod +w go.sum
    CGO_ENABLED=0 go build -mod=mod -p 2 -ldflags '-s -w' -o "$LOKI.new" github.com/grafana/loki/v3/cmd/loki
  ) >"$RUN/loki-build.log" 2>&1 || { tail -5 "$RUN/loki-build.log" >&2; return 1; }
  mv "$LOKI.new" "$LOKI"
}

go_is_there() { # Loki 3.7 wants a Go of its own age, which an older one from 1.21 on fetches by itself
  have go || [ ! -x /usr/local/go/bin/go ] || PATH=$PATH:/usr/local/go/bin
  have go || apt_install golang-go || return 1
  [ "$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')" -ge 21 ] 2>/dev/null
}

loki_start() { # HTTP-PORT GRPC-PORT
  mkdir -p "$RUN/loki"
  LOKI_DIR=$RUN/loki LOKI_PORT=$1 LOKI_GRPC=$2 setsid "$LOKI" -config.file="$HERE/loki/loki.yaml" \
    -config.expand-env=true >"$RUN/loki.log" 2>&1 </dev/null &
  LOKI_PID=$!
  "$PYTHON" - "$1" "$LOKI_PID" <<'PY' || { tail -20 "$RUN/loki.log" >&2; return 1; }
import os, sys, time, urllib.error, urllib.request
port, pid = sys.argv[1], int(sys.argv[2])
end = time.monotonic() + 120
while time.monotonic() < end:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
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

loki_stop() {
  [ -n "$LOKI_PID" ] || return 0
  end_group "$LOKI_PID"
  wait "$LOKI_PID" 2>/dev/null || true
  LOKI_PID=
}
