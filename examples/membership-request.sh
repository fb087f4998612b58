#!/usr/bin/env bash
# Walks a running Resonance with curl and nothing more: an organization is suggested to whoever has
# an address at its mail domain; they ask to join, and an admin decides.
#
#   examples/membership-request.sh [http://127.0.0.1:8080]
#
# The server must show its mails at /mails, as it does by default on a laptop.
set -euo pipefail
base=${1:-http://127.0.0.1:8080}
run=$(date +%s)

# graphql TOKEN QUERY: the answer, on one line; ends the script when it carries errors.
graphql() {
  local answer
  answer=$(printf '{"query":"%s"}' "$(printf '%s' "$2" | tr '\n' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')" |
    curl -sS "$base/graphql" -H 'content-type: application/json' ${1:+-H "authorization: Bearer $1"} -d @-)
  case $answer in
    *'"errors"'*|*'"userErrors":[{'*) echo "refused: $answer" >&2; exit 1 ;;
  esac
  printf '%s' "$answer"
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
# signed_up NAME ADDRESS: a session token.
signed_up() {
  local id code
  id=$(graphql '' "mutation { signUp(input: { name: \"$1\", email: \"$2\", password: \"a long example phrase\" }) { signUp { id } userErrors { code field message } } }" | value id)
  code=$(mailed "$2" '\b[0-9]{6}\b')
  graphql '' "mutation { verifySignUp(input: { signUpId: \"$id\", code: \"$code\" }) { token userErrors { code field message } } }" | value token
}

domain=acme$run.test; ada=ada.$run@example.org
echo "1. Ada creates an organization, which is suggested to everybody at $domain, and proves the domain by a code."
ada_token=$(signed_up Ada "$ada")
org=$(graphql "$ada_token" "mutation { createOrganization(input: { name: \"Acme $run\" }) { organization { id } userErrors { code field message } } }" | value id)
domain_id=$(graphql "$ada_token" "mutation { addDomain(input: { organizationId: \"$org\", name: \"$domain\", enrolmentMode: AUTOMATIC_SUGGESTION }) { domain { id } userErrors { code field message } } }" | value id)
graphql "$ada_token" "mutation { sendDomainCode(input: { domainId: \"$domain_id\", email: \"postmaster@$domain\" }) { domain { id } userErrors { code field message } } }" >/dev/null
code=$(mailed "postmaster@$domain" '\b[0-9]{6}\b')
graphql "$ada_token" "mutation { verifyDomainByCode(input: { domainId: \"$domain_id\", code: \"$code\" }) { domain { verifiedAt } userErrors { code field message } } }" >/dev/null

echo "2. Ben, Cem and Dan have addresses there. Ben and Cem ask to join; Dan dismisses the suggestion."
for name in ben cem dan; do
  token=$(signed_up "${name^}" "$name@$domain")
  graphql "$token" '{ viewer { suggestions(first: 5) { nodes { organizationId organizationName } } } }' | grep -q "$org"
  declare "${name}_token=$token"
done
for token in "$ben_token" "$cem_token"; do
  graphql "$token" "mutation { acceptSuggestion(input: { organizationId: \"$org\" }) { membershipRequest { id state } userErrors { code field message } } }" | grep -q '"state":"PENDING"'
done
graphql "$dan_token" "mutation { dismissSuggestion(input: { organizationId: \"$org\" }) { dismissed { organizationName } userErrors { code field message } } }" >/dev/null
graphql "$dan_token" '{ viewer { suggestions(first: 5) { totalCount } } }' | grep -q '"totalCount":0'

echo "3. Ada is mailed, and finds both requests. She accepts Ben's and rejects Cem's."
mailed "$ada" 'asks to join Acme' >/dev/null
requests=$(graphql "$ada_token" "{ organization(id: \"$org\") { membershipRequests(first: 5, states: [PENDING]) { totalCount nodes { id name email } } } }")
# Newest first: Cem's, then Ben's.
cems=$(printf '%s' "$requests" | grep -o 'req_[a-z0-9]*' | sed -n 1p)
bens=$(printf '%s' "$requests" | grep -o 'req_[a-z0-9]*' | sed -n 2p)
graphql "$ada_token" "mutation { acceptMembershipRequest(input: { membershipRequestId: \"$bens\" }) { membershipRequest { name state } userErrors { code field message } } }" | grep -q '"ACCEPTED"'
graphql "$ada_token" "mutation { rejectMembershipRequest(input: { membershipRequestId: \"$cems\" }) { membershipRequest { name state } userErrors { code field message } } }" | grep -q '"REJECTED"'

echo "4. Both are mailed. Ben is a member now, Cem is not."
mailed "ben@$domain" 'was accepted' >/dev/null
mailed "cem@$domain" 'was not accepted' >/dev/null
graphql "$ben_token" "{ organization(id: \"$org\") { viewerRole { key } } }" | grep -q '"org:member"'
graphql "$cem_token" "{ organization(id: \"$org\") { id } }" | grep -q '"organization":null'
graphql "$cem_token" '{ viewer { membershipRequests(first: 5) { nodes { state } } suggestions(first: 5) { totalCount } } }' | grep -q '"REJECTED".*"totalCount":0'
echo "Done. Acme has two members."
