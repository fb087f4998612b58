#!/usr/bin/env bash
# The load benchmark: builds the server as it is released, starts a PostgreSQL server of its own on a free port of
# 127.0.0.1, fills it, and measures the server over HTTP and beside it the same SQL through pgbench. Prints tables in
# Markdown; progress goes to standard error. Needs Rust and Debian's package `postgresql` (server, psql and pgbench).
#
# Arguments go to the measuring program; see bench/load.sh --help. About ten minutes with the default ones, after the
# build.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { printf 'bench/load.sh: %s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || die 'install Rust first: https://rustup.rs'
target="${CARGO_TARGET_DIR:-$PWD/target}"

cargo build --release --quiet -p resonance
cargo build --release --quiet -p resonance-bench

for argument in "$@"; do
  case "$argument" in -h | --help) exec "$target/release/resonance-bench" --help ;; esac
done

# Debian keeps the server's programs out of the path.
programs=''
for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
  [ ! -x "$folder/initdb" ] || programs="$folder"
done
[ -n "$programs" ] || programs="$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")"
[ -x "$programs/initdb" ] || die 'no PostgreSQL: install the package postgresql'
PATH="$programs:$PATH"
command -v pgbench >/dev/null || die 'no pgbench: install the package postgresql or postgresql-contrib'

folder=''
server=''
finish() {
  local status=$?
  trap - EXIT
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  [ -z "$folder" ] || rm -rf "$folder"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

user=''
as=()
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root.
  for user in postgres nobody; do id "$user" >/dev/null 2>&1 && break; done
  as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups env HOME=/)
fi
folder="$(mktemp -d "${TMPDIR:-/tmp}/resonance-bench.XXXXXX")"
password="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
printf '%s\n' "$password" >"$folder/password"
[ -z "$user" ] || chown -R "$user" "$folder"
(cd / && "${as[@]}" "$programs/initdb" --pgdata="$folder/data" --username=postgres --pwfile="$folder/password" \
  --auth=password --encoding=UTF8 --locale=C) >/dev/null 2>&1 || die 'initdb failed'

for _ in 1 2 3 4 5; do
  port=$((20000 + RANDOM % 20000))
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue; fi
  # As a server of this size is set up, and as durable as by default. JIT only ever costs on statements this short.
  (cd / && exec "${as[@]}" "$programs/postgres" -D "$folder/data" -p "$port" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
    -c shared_buffers=1GB -c max_wal_size=4GB -c jit=off -c "log_line_prefix=%p|") \
    </dev/null >"$folder/postgres.log" 2>&1 &
  server=$!
  for _ in $(seq 150); do
    if "$programs/pg_isready" -q -h 127.0.0.1 -p "$port"; then
      "$target/release/resonance-bench" --resonance "$target/release/resonance" \
        --postgres "postgres://postgres:$password@127.0.0.1:$port/postgres" \
        --postgres-log "$folder/postgres.log" --postgres-pid "$server" "$@"
      exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  kill -INT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=''
done
cat "$folder/postgres.log" >&2
die 'PostgreSQL does not start'
