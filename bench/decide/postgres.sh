#!/usr/bin/env bash
# A PostgreSQL server of its own, for one comparison: empty, reached by a socket in its directory and by nothing else (no network port, no password).
#
#   postgres.sh start DIR     makes and starts it; DIR must not exist yet. Prints the id of its first process
#   postgres.sh stop DIR      stops it and removes DIR
#   postgres.sh version       prints the version, or says what is missing and ends with 1
#
# Programs are those of PG_BIN, or else the newest of /usr/lib/postgresql/*/bin, or else those on the PATH. PostgreSQL refuses to be run by root; then the
# user is PG_USER (postgres). Connect with: host=DIR dbname=postgres user=tidemill
set -euo pipefail

bin="${PG_BIN:-}"
[ -n "$bin" ] || bin="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -V | tail -1 || true)"
[ -n "$bin" ] || bin="$(dirname "$(command -v initdb || echo none/initdb)")"
[ -x "$bin/initdb" ] || { echo "no PostgreSQL: apt-get install postgresql, or set PG_BIN to the directory of initdb" >&2; exit 1; }

as=()
if [ "$(id -u)" -eq 0 ]; then
    user="${PG_USER:-postgres}"
    id "$user" >/dev/null 2>&1 || { echo "no user $user to run PostgreSQL as: set PG_USER" >&2; exit 1; }
    as=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups)
fi

case "${1:-} ${2:-}" in
"version "*)
    "$bin/postgres" --version
    ;;
"start "?*)
    mkdir -m 700 "$2"
    [ ${#as[@]} -eq 0 ] || chown "$user:" "$2"
    dir="$(cd "$2" && pwd)"
    cd "$dir" # somewhere that the other user may be
    "${as[@]}" "$bin/initdb" -D "$dir/data" -U tidemill --auth=trust --locale=C.UTF-8 --encoding=UTF8 >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    # What someone who knows the server would set on a small machine of its own. Durability (fsync, synchronous_commit) is as it comes.
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
shared_buffers = ${PG_SHARED_BUFFERS:-1GB}
work_mem = ${PG_WORK_MEM:-256MB}
maintenance_work_mem = 512MB
effective_cache_size = 4GB
max_wal_size = 4GB
checkpoint_completion_target = 0.9
CONF
    "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 start >/dev/null || { cat "$dir/server.log" >&2; exit 1; }
    head -1 "$dir/data/postmaster.pid"
    ;;
"stop "?*)
    [ -d "$2/data" ] || { echo "$2 holds no PostgreSQL server of ours" >&2; exit 1; }
    dir="$(cd "$2" && pwd)"
    cd "$dir"
    "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w -t 60 stop >/dev/null || true
    cd /
    rm -rf "$dir"
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
