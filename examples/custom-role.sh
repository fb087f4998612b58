#!/usr/bin/env bash
# A role of one's own, with curl and nothing more: an admin makes a role for whoever keeps the books, gives it to a member,
# changes what it permits, finds out what stands in the way of deleting it, and deletes it.
#
#   examples/custom-role.sh [http://127.0.0.1:8080]
#
# The server must show its mails at /mails, as it does by default on a laptop.
set -euo pipefail
base=${1:-http://127.0.0.1:8080}
run=$(date +%s)

# ask TOKEN QUERY: the answer, on one line.
ask() {
  printf '{"query":"%s"}' "$(printf '%s' "$2" | tr '\n' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')" |
    curl -sS "$base/graphql" -H 'content-type: application/json' ${1:+-H "authorization: Bearer $1"} -d @-
}
# graphql TOKEN QUERY: the same; ends the script when the answer carries errors.
graphql() {
  local answer
  answer=$(ask "$1" "$2")
  case $answer in
    *'"errors"'*|*'"userErrors":[{'*) echo "refused: $answer" >&2; exit 1 ;;
  esac
  printf '%s' "$answer"
}
# refused TOKEN CODE QUERY: ends the script unless the answer refuses with this code.
refused() {
  local answer
  answer=$(ask "$1" "$3")
  case $answer in
    *"\"code\":\"$2\""*) echo "  refused, as it should be: $2 $(printf '%s' "$answer" | value message)" ;;
    *) echo "not refused with $2: $answer" >&2; exit 1 ;;
  esac
}
# value NAME: the first string with this name in the JSON on standard input.
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | sed 's/^[^:]*:"//; s/"$//; s/\\u0026/\&/g'; }
# mailed ADDRESS PATTERN: what the newest mail to the address says that looks like this; waits for it.
mailed() {
  local link found
  for _ in $(seq 50); do
    for link in $(curl -sS "$base/mails" | grep -o "<td>$1<td><a href=\"/mails/[^\"]*\"" | sed 's/.*href="//; s/"$//'); do
      found=$(curl -sS "$base$link" | sed 's/<[^>]*>//g' | grep -oE "$2" | head -n 1 || true)
      [ -n "$found" ] && { printf '%s' "$found"; return; }
    done
    sleep 0.2
  done
  echo "no mail for $1" >&2; exit 1
}

ada=ada.role.$run@example.org; ben=ben.role.$run@example.org
echo "1. Ada signs up and creates an organization."
sign_up=$(graphql '' "mutation { signUp(input: { name: \"Ada\", email: \"$ada\", password: \"a long example phrase\" }) { signUp { id } userErrors { code field message } } }" | value id)
code=$(mailed "$ada" '\b[0-9]{6}\b')
ada_token=$(graphql '' "mutation { verifySignUp(input: { signUpId: \"$sign_up\", code: \"$code\" }) { token userErrors { code field message } } }" | value token)
org=$(graphql "$ada_token" "mutation { createOrganization(input: { name: \"Books $run\" }) { organization { id } userErrors { code field message } } }" | value id)

echo "2. She looks up which permissions there are, and makes a role of them."
graphql "$ada_token" "{ organization(id: \"$org\") { permissions { key name description custom } } }" | grep -o '"key":"org:sys_billing[^"]*"' | sed 's/^/  /'
role=$(graphql "$ada_token" "mutation { createRole(input: { organizationId: \"$org\", key: \"org:accountant\", name: \"Accountant\", description: \"Keeps the books.\", permissions: [\"org:sys_billing:read\", \"org:usage:read\", \"org:sys_roles:manage\"] }) { role { id key name scope permissions } userErrors { code field message } } }" | value id)
refused "$ada_token" TAKEN "mutation { createRole(input: { organizationId: \"$org\", key: \"org:accountant\", name: \"Again\", permissions: [] }) { role { id } userErrors { code field message } } }"

echo "3. She invites Ben with it; he signs up through the link and joins."
graphql "$ada_token" "mutation { inviteMembers(input: { organizationId: \"$org\", emails: [\"$ben\"], role: \"org:accountant\" }) { results { email } userErrors { code field message } } }" >/dev/null
invitation=$(mailed "$ben" 'inv_[A-Za-z0-9_-]+')
graphql '' "{ invitationByToken(token: \"$invitation\") { organizationName role { name description } } }" | grep -o '"role":{[^}]*}' | sed 's/^/  /'
ben_token=$(graphql '' "mutation { signUp(input: { name: \"Ben\", email: \"$ben\", password: \"another example phrase\", invitationToken: \"$invitation\" }) { token userErrors { code field message } } }" | value token)
graphql "$ben_token" "mutation { acceptInvitation(input: { token: \"$invitation\" }) { organization { id } userErrors { code field message } } }" >/dev/null

echo "4. Ben sees what was used, but not who else is there; and he is told why."
graphql "$ben_token" "{ organization(id: \"$org\") { viewerRole { name } viewerPermissions usage { from } } }" >/dev/null
refused "$ben_token" FORBIDDEN "{ organization(id: \"$org\") { memberCount } }"
graphql "$ben_token" "{ organization(id: \"$org\") { explainPermission(permission: \"org:sys_memberships:read\") { reason } } }" | value reason | sed 's/^/  /'

echo "5. He may make roles, but none that may more than he."
refused "$ben_token" ROLE_EXCEEDS_OWN "mutation { createRole(input: { organizationId: \"$org\", key: \"org:boss\", name: \"Boss\", permissions: [\"org:sys_profile:delete\"] }) { role { id } userErrors { code field message } } }"
refused "$ben_token" ROLE_EXCEEDS_OWN "mutation { updateRole(input: { roleId: \"$role\", permissions: [\"org:sys_roles:manage\", \"org:sys_memberships:read\"] }) { role { id } userErrors { code field message } } }"

echo "6. Ada lets accountants see the members: from his next request on Ben does."
graphql "$ada_token" "mutation { updateRole(input: { roleId: \"$role\", permissions: [\"org:sys_billing:read\", \"org:usage:read\", \"org:sys_memberships:read\"] }) { role { permissions } userErrors { code field message } } }" >/dev/null
graphql "$ben_token" "{ organization(id: \"$org\") { memberCount } }" | sed 's/^/  /'; echo

echo "7. His JWT states the role, for other services."
jwt=$(graphql "$ben_token" "mutation { createJwt(input: { organizationId: \"$org\" }) { jwt userErrors { code field message } } }" | value jwt)
payload=$(printf '%s' "$jwt" | cut -d. -f2 | tr '_-' '/+')
{ printf '%s==' "$payload" | base64 -d 2>/dev/null || true; } | grep -o '"o":{[^}]*}' | sed 's/^/  /'

echo "8. The role is not deleted while Ben holds it, and then it is."
refused "$ada_token" ROLE_IN_USE "mutation { deleteRole(input: { roleId: \"$role\" }) { deletedRoleId userErrors { code field message } } }"
member=$(graphql "$ada_token" "{ organization(id: \"$org\") { members(first: 1, role: \"org:accountant\") { nodes { id } } } }" | value id)
graphql "$ada_token" "mutation { changeMemberRole(input: { memberId: \"$member\", role: \"org:member\" }) { member { role { name } } userErrors { code field message } } }" >/dev/null
graphql "$ada_token" "mutation { deleteRole(input: { roleId: \"$role\" }) { deletedRoleId userErrors { code field message } } }" >/dev/null
roles=$(graphql "$ada_token" "{ organization(id: \"$org\") { roles { key } } }" | grep -o '"key":"[^"]*"' | tr '\n' ' ')
[ "$roles" = '"key":"org:admin" "key":"org:member" ' ] || { echo "other roles than the built-in ones are left: $roles" >&2; exit 1; }
echo "Done."
