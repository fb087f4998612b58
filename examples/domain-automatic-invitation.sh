#!/usr/bin/env bash
# Walks a running Resonance with curl and nothing more: an organization proves its mail domain by a code, and whoever has
# an address there joins at once.
#
#   examples/domain-automatic-invitation.sh [http://127.0.0.1:8080]
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

domain=acme$run.test
echo "1. Ada signs up and creates an organization."
ada_token=$(signed_up Ada "ada.$run@example.org")
org=$(graphql "$ada_token" "mutation { createOrganization(input: { name: \"Acme $run\" }) { organization { id } userErrors { code field message } } }" | value id)

echo "2. She adds the domain $domain, whose people are to join at once, as members."
domain_id=$(graphql "$ada_token" "mutation { addDomain(input: { organizationId: \"$org\", name: \"$domain\", enrolmentMode: AUTOMATIC_INVITATION, role: \"org:member\" }) { domain { id verifiedAt } userErrors { code field message } } }" | value id)

echo "3. She proves it: a code goes to postmaster@$domain. (A DNS record would do, too:)"
record=$(graphql "$ada_token" "{ node(id: \"$domain_id\") { ... on OrganizationDomain { dnsRecordName dnsRecordText } } }")
echo "   $(printf '%s' "$record" | value dnsRecordName) TXT \"$(printf '%s' "$record" | value dnsRecordText)\""
graphql "$ada_token" "mutation { sendDomainCode(input: { domainId: \"$domain_id\", email: \"postmaster@$domain\" }) { domain { id } userErrors { code field message } } }" >/dev/null
code=$(mailed "postmaster@$domain" '\b[0-9]{6}\b')
graphql "$ada_token" "mutation { verifyDomainByCode(input: { domainId: \"$domain_id\", code: \"$code\" }) { domain { verifiedAt proof } userErrors { code field message } } }" | grep -q '"proof":"CODE"'

echo "4. Ben signs up with ben@$domain, sees Acme among the organizations that he may join, and joins."
ben_token=$(signed_up Ben "ben@$domain")
offered=$(graphql "$ben_token" '{ viewer { joinableOrganizations(first: 5) { totalCount nodes { organizationId organizationName email } } } }')
[ "$(printf '%s' "$offered" | value organizationId)" = "$org" ] || { echo "not offered: $offered" >&2; exit 1; }
graphql "$ben_token" "mutation { joinOrganization(input: { organizationId: \"$org\" }) { organization { id viewerRole { key } } userErrors { code field message } } }" | grep -q '"key":"org:member"'

echo "5. Eve, who is at another domain, is offered nothing and cannot join."
eve_token=$(signed_up Eve "eve@mail.$domain")
graphql "$eve_token" '{ viewer { joinableOrganizations(first: 5) { totalCount } } }' | grep -q '"totalCount":0'
refused=$(graphql "$eve_token" "mutation { joinOrganization(input: { organizationId: \"$org\" }) { organization { id } userErrors { code field message } } }" 2>&1) || true
case $refused in *'"NOT_FOUND"'*) ;; *) echo "Eve got in: $refused" >&2; exit 1 ;; esac

members=$(graphql "$ada_token" "{ organization(id: \"$org\") { memberCount } }" | grep -o '"memberCount":[0-9]*')
[ "$members" = '"memberCount":2' ] || { echo "unexpected: $members" >&2; exit 1; }
echo "Done. Acme has two members."
