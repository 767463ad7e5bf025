# Keycloak for `tests/real/run`, sourced by it: install once into the cache, then a private copy per run.
#
# Nothing listens but on 127.0.0.1, on a port that was free; two runs may go on side by side.

KEYCLOAK_VERSION=26.7.3
KEYCLOAK_SHA256=27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f
KEYCLOAK_HEAP="-Xms128m -Xmx384m"
# kc.sh chooses G1 by itself and two collectors abort the JVM: the "-" comes first.
KEYCLOAK_JVM="-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1"

keycloak_fetch() { # the distribution by Maven, checked, unpacked and built; about a minute once
  local m2=$CACHE/m2 base=keycloak-quarkus-dist home=$CACHE/keycloak-$KEYCLOAK_VERSION zip
  zip=$m2/org/keycloak/$base/$KEYCLOAK_VERSION/$base-$KEYCLOAK_VERSION.zip
  if [ ! -f "$zip" ]; then
    mvn -B -q -ntp -Dmaven.repo.local="$m2" dependency:get \
      -Dartifact="org.keycloak:$base:$KEYCLOAK_VERSION:zip" -Dtransitive=false || return 1
  fi
  if ! echo "$KEYCLOAK_SHA256  $zip" | sha256sum -c --status; then
    echo "the Keycloak archive is not the one that is pinned; it was removed" >&2
    rm -f "$zip"
    return 1
  fi
  if [ ! -f "$home/built" ]; then
    rm -rf "$home" "$home.new"
    mkdir -p "$home.new"
    "$PYTHON" -m zipfile -e "$zip" "$home.new" || return 1
    mv "$home.new/keycloak-$KEYCLOAK_VERSION" "$home" && rmdir "$home.new"
    chmod +x "$home"/bin/*.sh # zipfile keeps no modes
    JAVA_OPTS_APPEND="-XX:TieredStopAtLevel=1" "$home/bin/kc.sh" build --db=dev-file >"$CACHE/build.log" 2>&1 || {
      tail -20 "$CACHE/build.log" >&2
      return 1
    }
    touch "$home/built"
  fi
}

keycloak_launch() { # HOME PORT LOG [ARGUMENT]: in a process group of its own; sets KEYCLOAK_PID
  KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD=$KEYCLOAK_ADMIN_PASSWORD \
    JAVA_OPTS_KC_HEAP=$KEYCLOAK_HEAP JAVA_OPTS_APPEND=$KEYCLOAK_JVM \
    setsid "$1/bin/kc.sh" start --optimized --cache=local --http-enabled=true --http-host=127.0.0.1 \
    --http-port="$2" --hostname-strict=false ${4:-} >"$3" 2>&1 </dev/null &
  KEYCLOAK_PID=$!
}

keycloak_wait() { # PORT LOG: until the realm answers, two minutes at most
  "$PYTHON" - "$1" "$KEYCLOAK_PID" <<'PY' || { tail -20 "$2" >&2; return 1; }
import os, sys, time, urllib.error, urllib.request
port, pid = sys.argv[1], int(sys.argv[2])
url = f"http://127.0.0.1:{port}/realms/exchange/.well-known/openid-configuration"
end = time.monotonic() + 120
while time.monotonic() < end:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            sys.exit(0 if answer.status == 200 else 1)
    except (urllib.error.URLError, OSError):
        os.kill(pid, 0)  # raises when the server has died
        time.sleep(0.2)
sys.exit("Keycloak did not answer within two minutes")
PY
}

keycloak_stop() { # kc.sh hands TERM to its java child
  [ -n "${KEYCLOAK_PID:-}" ] || return 0
  end_group "$KEYCLOAK_PID"
  wait "$KEYCLOAK_PID" 2>/dev/null || true
  KEYCLOAK_PID=
}

keycloak_start() { # RUN PORT: a private copy with the realm in it; from a template when this realm was seen before
  local run=$1 port=$2 home=$CACHE/keycloak-$KEYCLOAK_VERSION stamp template import=
  stamp=$(sha256sum "$HERE/keycloak/realm.json" | cut -c1-16)
  template=$CACHE/template-$KEYCLOAK_VERSION-$stamp
  # Hard links: the distribution has 180 MB and only data/ is written to.
  cp -al "$home" "$run/keycloak" 2>/dev/null || cp -a "$home" "$run/keycloak"
  rm -rf "$run/keycloak/data"
  if [ -d "$template" ]; then
    cp -a "$template" "$run/keycloak/data"
  else
    mkdir -p "$run/keycloak/data/import"
    cp "$HERE/keycloak/realm.json" "$run/keycloak/data/import/exchange-realm.json"
    keycloak_launch "$run/keycloak" "$port" "$run/keycloak.log" --import-realm
    keycloak_wait "$port" "$run/keycloak.log" || return 1
    keycloak_stop
    rm -rf "$run/keycloak/data/import" "$run/keycloak/data/tmp"
    # The first boot alone makes the administrator, so the template keeps the password that it was made with.
    (umask 077 && printf %s "$KEYCLOAK_ADMIN_PASSWORD" >"$run/keycloak/data/administrator")
    cp -a "$run/keycloak/data" "$run/template" && mv -T "$run/template" "$template" 2>/dev/null || true
  fi
  KEYCLOAK_ADMIN_PASSWORD=$(cat "$run/keycloak/data/administrator")
  keycloak_launch "$run/keycloak" "$port" "$run/keycloak.log"
  keycloak_wait "$port" "$run/keycloak.log"
}
