#!/usr/bin/env bash
# A program's way in, with curl and nothing more: an admin makes a key that may speak 40 characters a month, a program has a
# text spoken with it and fetches the audio, reaches the end of its budget, and is out once the key is revoked.
#
#   examples/api-key.sh [http://127.0.0.1:8080]
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
    *"\"code\":\"$2\""*) echo "  refused, as it should be: $2" ;;
    *) echo "not refused with $2: $answer" >&2; exit 1 ;;
  esac
}
# value NAME: the first string with this name in the JSON on standard input.
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | sed 's/^[^:]*:"//; s/"$//'; }
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

ada=ada.key.$run@example.org
echo "1. $ada founds an organization."
sign_up=$(graphql '' "mutation { signUp(input: { name: \"Ada\", email: \"$ada\", password: \"a phrase of $run\" }) { signUp { id } userErrors { code message } } }" | value id)
code=$(mailed "$ada" '[0-9]{6}')
session=$(graphql '' "mutation { verifySignUp(input: { signUpId: \"$sign_up\", code: \"$code\" }) { token userErrors { code message } } }" | value token)
organization=$(graphql "$session" "mutation { createOrganization(input: { name: \"Robots $run\" }) { organization { id } userErrors { code message } } }" | value id)
voice=$(graphql "$session" '{ systemVoices(first: 1, filter: { language: "en" }) { nodes { id } } }' | value id)

echo '2. She makes a key for a program. The secret is shown once.'
made=$(graphql "$session" "mutation { createApiKey(input: { name: \"Announcements\", characterBudget: 40,
  permissions: [\"org:voices:read\", \"org:generations:read\", \"org:generations:create\"] }) { token apiKey { id hint } userErrors { code field message } } }")
key=$(printf '%s' "$made" | value id); secret=$(printf '%s' "$made" | value token)
echo "  $key, ending in $(printf '%s' "$made" | value hint)"

echo '3. The program has a text spoken with it, and fetches the audio.'
generation=$(graphql "$secret" "mutation { createGeneration(input: { voiceId: \"$voice\", text: \"Platform nine is now boarding.\" }) { generation { id } userErrors { code message } } }" | value id)
for _ in $(seq 100); do
  state=$(graphql "$secret" "{ node(id: \"$generation\") { ... on Generation { state } } }" | value state)
  [ "$state" = SUCCEEDED ] && break
  sleep 0.1
done
curl -sSf "$base/audio/$generation" -H "authorization: Bearer $secret" -o /dev/null -w '  %{size_download} bytes of %{content_type}\n'

echo '4. The budget of 40 characters is not overshot; what was spoken before is free.'
refused "$secret" QUOTA_EXCEEDED "mutation { createGeneration(input: { voiceId: \"$voice\", text: \"Platform ten is closed.\" }) { generation { id } userErrors { code } } }"
graphql "$secret" "mutation { createGeneration(input: { voiceId: \"$voice\", text: \"Platform nine is now boarding.\" }) { reused userErrors { code } } }" | grep -q '"reused":true'

echo '5. What takes a person is closed to it.'
refused "$secret" UNAUTHENTICATED "mutation { createOrganization(input: { name: \"Skynet\" }) { userErrors { code } } }"

echo '6. Ada revokes it: the next request finds nothing.'
graphql "$session" "mutation { revokeApiKey(input: { id: \"$key\" }) { apiKey { state } userErrors { code } } }" >/dev/null
refused "$secret" UNAUTHENTICATED "{ node(id: \"$generation\") { id } }"
graphql "$session" "{ organization(id: \"$organization\") { apiKeys(first: 5) { nodes { name state charactersThisMonth lastUsedAt } } } }"; echo
