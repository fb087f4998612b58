#!/usr/bin/env bash
# Billing, with curl and nothing more: an organization subscribes at the provider's checkout, speaks, watches its usage, sets a
# budget that stops it, and cancels in the provider's portal. The provider is the look-alike of Polar that comes with the
# sources; no money moves.
#
#   examples/billing.sh
#
# It builds what it needs, starts the look-alike and a server on free ports with a data folder of their own, and ends both.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build -q -p resonance -p resonance-polar-sandbox
folder=$(mktemp -d)
product=b6d5c9f0-5c9f-4a5e-9d0a-000000000001
secret="polar_whs_$RANDOM$RANDOM"
target=${CARGO_TARGET_DIR:-target}/debug
"$target/polar-sandbox" --listen 127.0.0.1:0 --product "$product:Studio:900" >"$folder/sandbox" &
children=$!
trap 'kill $children 2>/dev/null; rm -rf "$folder"' EXIT
for _ in $(seq 100); do grep -q 'listening on' "$folder/sandbox" && break; sleep 0.1; done
sandbox=$(grep -o 'http://[0-9.:]*' "$folder/sandbox")
RESONANCE_POLAR_TOKEN=polar_sandbox RESONANCE_POLAR_URL=$sandbox RESONANCE_POLAR_PRODUCT=$product \
  RESONANCE_POLAR_WEBHOOK_SECRET=$secret RESONANCE_LISTEN=127.0.0.1:0 RESONANCE_DATA_DIR=$folder/data \
  RESONANCE_LOG_FORMAT=json "$target/resonance" 2>"$folder/log" &
children="$children $!"
for _ in $(seq 300); do grep -q '"message":"listening"' "$folder/log" && break; sleep 0.1; done
base=http://$(grep '"message":"listening"' "$folder/log" | grep -o '"address":"[^"]*"' | cut -d'"' -f4)
# The address is known only now; an operator writes it into Polar's dashboard.
curl -sSf -X PUT "$sandbox/sandbox/webhook" -H 'content-type: application/json' \
  -d "{\"url\":\"$base/webhooks/billing\",\"secret\":\"$secret\"}" >/dev/null

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
# value NAME: the first string with this name in the JSON on standard input.
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | sed 's/^[^:]*:"//; s/"$//'; }
# refused TOKEN QUERY: the code of the error that comes.
refused() { ask "$1" "$2" | value code; }
# billing FIELDS: what the organization's billing says.
billing() { graphql "$session" "{ organization(id: \"$organization\") { billing { $1 } } }"; }
# until WHAT COMMAND…: waits until the command succeeds.
until_so() {
  local what=$1; shift
  for _ in $(seq 100); do "$@" && return; sleep 0.1; done
  echo "it did not come to this: $what" >&2; exit 1
}

echo "1. Ada founds an organization. Nobody speaks there yet:"
sign_up=$(graphql '' 'mutation { signUp(input: { name: "Ada", email: "ada@example.org", password: "a phrase of her own" }) { signUp { id } userErrors { code message } } }' | value id)
until_so "the mail is there" sh -c "curl -sS $base/mails | grep -q ada@example.org"
mail=$(curl -sS "$base/mails" | grep -o '/mails/[^"]*' | head -n 1)
code=$(curl -sS "$base$mail" | sed 's/<[^>]*>//g' | grep -oE '\b[0-9]{6}\b' | head -n 1)
session=$(graphql '' "mutation { verifySignUp(input: { signUpId: \"$sign_up\", code: \"$code\" }) { token userErrors { code message } } }" | value token)
organization=$(graphql "$session" 'mutation { createOrganization(input: { name: "Acme" }) { organization { id } userErrors { code message } } }' | value id)
voice=$(graphql "$session" '{ systemVoices(first: 1, filter: { language: "en" }) { nodes { id } } }' | value id)
speak() { echo "mutation { createGeneration(input: { organizationId: \"$organization\", voiceId: \"$voice\", text: \"$1\" }) { generation { id } userErrors { code } } }"; }
echo "   $(refused "$session" "$(speak 'Hello.')")"

echo "2. She pays at the provider's checkout."
checkout=$(graphql "$session" "mutation { createCheckout(input: { organizationId: \"$organization\" }) { url userErrors { code message } } }" | value url)
curl -sS "$checkout" -d 'customer_email=ada@example.org' -o /dev/null
paid() { billing entitled | grep -q true; }
until_so "the webhook tells of the payment" paid
echo "   $(billing 'subscription { status currentPeriodEnd } estimatedCost { total currency }' | grep -o '"subscription.*' | tr -d '{}')"

echo "3. Now the organization speaks, and sees what it used."
id=$(graphql "$session" "$(speak 'Good morning, everybody.')" | value id)
spoken() { graphql "$session" "{ node(id: \"$id\") { ... on Generation { state } } }" | grep -q SUCCEEDED; }
until_so "it is spoken" spoken
curl -sSf -H "authorization: Bearer $session" "$base/organizations/$organization/usage.csv?by=member" | sed 's/^/   /'

echo "4. The provider is told of it, once."
told() { curl -sSf "$sandbox/sandbox/usage" | grep -q '"characters":24'; }
until_so "the provider is told" told
echo "   $(curl -sSf "$sandbox/sandbox/usage")"

echo "5. A budget of 30 characters; the next text would go beyond:"
graphql "$session" "mutation { setBudget(input: { organizationId: \"$organization\", characters: 30 }) { billing { entitled } userErrors { code message } } }" >/dev/null
echo "   $(ask "$session" "$(speak 'More than is left of it.')" | grep -o '"message":"[^"]*"')"
alerted() { curl -sS "$base/mails" | grep -q 'Used up: the budget of Acme'; }
until_so "the mail tells of the budget" alerted
echo "   and a mail tells her: $(curl -sS "$base/mails" | grep -o '[^<>]*budget of Acme[^<>]*' | head -n 1)"

echo "6. The provider is down for a while: she goes on speaking, and what she used arrives later."
graphql "$session" "mutation { setBudget(input: { organizationId: \"$organization\" }) { billing { entitled } userErrors { code message } } }" >/dev/null
curl -sSf -X PUT "$sandbox/sandbox/faults" -H 'content-type: application/json' -d '{"down":true}' >/dev/null
id=$(graphql "$session" "$(speak 'Still here.')" | value id)
until_so "it is spoken" spoken
sleep 2
curl -sSf -X PUT "$sandbox/sandbox/faults" -H 'content-type: application/json' -d '{}' >/dev/null
told() { curl -sSf "$sandbox/sandbox/usage" | grep -q '"characters":35'; }
until_so "the provider is told" told
echo "   $(curl -sSf "$sandbox/sandbox/usage")"

echo "7. She cancels in the provider's portal; it ends with the period."
portal=$(graphql "$session" "mutation { createBillingPortalLink(input: { organizationId: \"$organization\" }) { url userErrors { code message } } }" | value url)
action=$(curl -sS "$portal" | grep -o '/portal/[^"]*/cancel' | head -n 1)
curl -sS -X POST "$sandbox$action" -o /dev/null
ending() { billing 'subscription { cancelAtPeriodEnd }' | grep -q true; }
until_so "the webhook tells of it" ending
echo "   $(billing 'entitled subscription { status cancelAtPeriodEnd }' | grep -o '"entitled.*' | tr -d '{}')"

echo "8. Everything adds up:"
RESONANCE_POLAR_TOKEN=polar_sandbox RESONANCE_DATA_DIR=$folder/data "$target/resonance" usage verify 2>/dev/null | sed 's/^/   /'
