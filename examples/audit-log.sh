#!/usr/bin/env bash
# The audit log: what happened is verified; then somebody who has the database changes a row, and verifying says which.
#
#   RESONANCE=target/debug/resonance examples/audit-log.sh
#
# Needs curl, jq and sqlite3. Runs an instance of its own in a temporary folder and removes it again.
set -euo pipefail

resonance="$(realpath "${RESONANCE:-target/debug/resonance}")"
folder="$(mktemp -d)"
port="${PORT:-18094}"
url="http://127.0.0.1:$port"
export RESONANCE_DATA_DIR="$folder/data" RESONANCE_LISTEN="127.0.0.1:$port" RESONANCE_LOG_FORMAT=json
"$resonance" >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
token=''
ask() { # ask QUERY VARIABLES: the answer's data
  local body; body="$(jq -n --arg query "$1" --argjson variables "${2:-null}" '{ query: $query, variables: $variables }')"
  local headers=(-H 'content-type: application/json'); [ -z "$token" ] || headers+=(-H "authorization: Bearer $token")
  curl -fsS "$url/graphql" "${headers[@]}" -d "$body" | jq -e 'if .errors then error(.errors | tostring) else .data end'
}
for _ in $(seq 300); do curl -fs "$url/readyz" >/dev/null && break; sleep 0.1; done

say 'Ada signs up and founds an organization.'
id="$(ask 'mutation { signUp(input: { name: "Ada", email: "ada@example.org", password: "tumbling violet meridian" }) {
  signUp { id } userErrors { message } } }' | jq -r .signUp.signUp.id)"
for _ in $(seq 100); do
  code="$(cat "$RESONANCE_DATA_DIR"/mail/* 2>/dev/null | grep -oE '\b[0-9]{6}\b' | head -1 || true)"
  [ -z "$code" ] || break; sleep 0.1
done
token="$(ask 'mutation($id: ID!, $code: String!) { verifySignUp(input: { signUpId: $id, code: $code }) {
  token userErrors { message } } }' "{ \"id\": \"$id\", \"code\": \"$code\" }" | jq -r .verifySignUp.token)"
organization="$(ask 'mutation { createOrganization(input: { name: "Acme" }) { organization { id } } }' |
  jq -r .createOrganization.organization.id)"
ask 'mutation { updateOrganization(input: { name: "Acme Speech" }) { userErrors { message } } }' >/dev/null
sleep 2 # The relay seals within moments.

say 'What the log says:'
ask 'query($id: ID!) { organization(id: $id) { auditLog(first: 10) { nodes { position kind changes actor { user { name } } } } } }' \
  "{ \"id\": \"$organization\" }" | jq -c '.organization.auditLog.nodes[]'

say 'Its admins verify it, and keep length and hash:'
verify='mutation { verifyAuditLog(input: {}) { verification { intact length hash } userErrors { message } } }'
kept="$(ask "$verify" | jq -c .verifyAuditLog.verification)"
echo "$kept"
jq -e '.intact' <<<"$kept" >/dev/null

say 'As a file, each line with its place and link:'
curl -fsS -H "authorization: Bearer $token" "$url/organizations/$organization/audit-log.jsonl" >"$folder/log.jsonl"
head -c 200 "$folder/log.jsonl"; echo ' …'
[ "$(jq -r 'select(.position == ('"$(jq -r .length <<<"$kept")"' | tonumber)) | .chainHash' "$folder/log.jsonl")" = "$(jq -r .hash <<<"$kept")" ]

say 'The operator verifies all logs on the command line:'
"$resonance" audit verify --all 2>/dev/null

say 'Somebody changes a row of a copy of the database, and verifying that copy names it:'
cp -r "$RESONANCE_DATA_DIR" "$folder/copy"
sqlite3 "$(ls "$folder"/copy/*.db | head -1)" \
  "UPDATE events SET payload = replace(payload, 'Acme Speech', 'Acme Steel') WHERE kind = 'organization.updated'"
if RESONANCE_DATA_DIR="$folder/copy" "$resonance" audit verify --all 2>/dev/null; then
  echo 'the change was not found out' >&2
  exit 1
fi

say 'The log itself is as it was, and still holds the link that was kept:'
"$resonance" audit verify --organization acme --known "$(jq -r '.length + ":" + .hash' <<<"$kept")" 2>/dev/null
