#!/usr/bin/env bash
# Walks through what operators do, with curl and nothing more: settings, search, limits, suspension, the log, metrics.
#
#   resonance operator add ada@example.org
#   examples/operators.sh TOKEN [http://127.0.0.1:8080]
#
# TOKEN is the operator's session token, as signIn answers it. What the walk makes, it deletes again.
set -euo pipefail
token=${1:?the token of an operator}
base=${2:-http://127.0.0.1:8080}
run=$(date +%s)
reason='reason: "walking through the example"'

# operator QUERY: the answer, on one line; ends the script when it carries errors.
operator() {
  local answer
  answer=$(printf '{"query":"%s"}' "$(printf '%s' "$1" | tr '\n' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')" |
    curl -sS "$base/operator/graphql" -H 'content-type: application/json' -H "authorization: Bearer $token" -d @-)
  case $answer in
    *'"errors"'*|*'"userErrors":[{'*) echo "refused: $answer" >&2; exit 1 ;;
  esac
  printf '%s\n' "$answer"
}
# value NAME: the first string with this name in the JSON on standard input.
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | sed 's/^[^:]*:"//; s/"$//'; }

echo '== For others there is nothing here'
curl -sS -o /dev/null -w '%{http_code}\n' "$base/operator/graphql" -H 'content-type: application/json' -d '{"query":"{ totals { users } }"}'

echo '== What there is, and what holds'
operator '{ totals { users organizations generations characters }
  settings { memberLimit organizationsDeletable organizationCreation organizationsPerUser } operators { email } }'

echo '== An account, whose owner sets a password by mail, and an organization for it'
user=$(operator "mutation { createUser(input: { name: \"Example $run\", email: \"example$run@example.org\", $reason }) {
  user { id } userErrors { code field message } } }" | value id)
organization=$(operator "mutation { createOrganization(input: { name: \"Example $run\", adminId: \"$user\", memberLimit: 3,
  deletable: false, privateMetadata: { contract: \"$run\" }, $reason }) { organization { id } userErrors { code field message } } }" | value id)

echo '== Found again by the beginning of the name'
operator "{ organizations(filter: { search: \"example $run\" }) { totalCount nodes { id slug memberLimit memberCount privateMetadata
  members { nodes { name role } } } } users(filter: { search: \"example$run@\" }) { nodes { id emails { address verifiedAt }
  memberships { nodes { organizationSlug role } } } } }"

echo '== A higher limit for the one, another default for all that come, and back to what is configured'
operator "mutation { updateOrganization(input: { organizationId: \"$organization\", memberLimit: 50, $reason }) {
  organization { memberLimit } userErrors { code field message } } }"
operator "mutation { updateInstanceSettings(input: { memberLimit: 10, $reason }) { settings { memberLimit } userErrors { code } } }"
operator "mutation { updateInstanceSettings(input: { memberLimit: null, $reason }) { settings { memberLimit } userErrors { code } } }"

echo '== The only admin cannot be suspended; with a second one, it works'
(operator "mutation { suspendUser(input: { userId: \"$user\", $reason }) { user { id } userErrors { code message } } }" 2>&1) || true
second=$(operator "mutation { createUser(input: { name: \"Second $run\", email: \"second$run@example.org\", $reason }) {
  user { id } userErrors { code field message } } }" | value id)
operator "mutation { addMember(input: { organizationId: \"$organization\", userId: \"$second\", role: \"org:admin\", $reason }) {
  member { role } userErrors { code field message } } }"
operator "mutation { suspendUser(input: { userId: \"$user\", $reason }) { user { suspendedAt } userErrors { code message } } }"
operator "mutation { restoreUser(input: { userId: \"$user\", $reason }) { user { suspendedAt } userErrors { code message } } }"

echo '== Clean up: what is protected only goes by force'
operator "mutation { deleteOrganization(input: { organizationId: \"$organization\", force: true, $reason }) {
  organizationId userErrors { code field message } } }"
for id in "$user" "$second"; do
  operator "mutation { deleteUser(input: { userId: \"$id\", $reason }) { userId userErrors { code message } } }"
done

echo '== All of it is on record'
operator '{ auditLog(first: 5) { nodes { kind actorKind subjectId payload createdAt } } months(first: null) { month activeOrganizations } }'
