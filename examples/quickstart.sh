#!/usr/bin/env bash
# Walks the main path of a running Resonance with curl and nothing more: sign up, organization, invitation, speech, a custom
# voice, roles, a second organization. Ends with two audio files in ./quickstart-audio.
#
#   examples/quickstart.sh [http://127.0.0.1:8080]
#
# The server must show its mails at /mails, as it does by default on a laptop.
set -euo pipefail
base=${1:-http://127.0.0.1:8080}
run=$(date +%s)
mkdir -p quickstart-audio

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
# spoken TOKEN INPUT FILE: has a text spoken and fetches the audio.
spoken() {
  local id answer
  id=$(graphql "$1" "mutation { createGeneration(input: { $2 }) { generation { id } userErrors { code field message } } }" | value id)
  for _ in $(seq 100); do
    answer=$(graphql "$1" "{ node(id: \"$id\") { ... on Generation { state audioUrl durationMs } } }")
    case $answer in *'"SUCCEEDED"'*) break ;; *'"FAILED"'*) echo "failed: $answer" >&2; exit 1 ;; esac
    sleep 0.1
  done
  curl -sSf -o "$3" "$(printf '%s' "$answer" | value audioUrl)"
  echo "  $3: $(wc -c <"$3") bytes, $(printf '%s' "$answer" | grep -o '"durationMs":[0-9]*' | cut -d: -f2) ms"
}

ada=ada.$run@example.org; ben=ben.$run@example.org
echo "1. Ada signs up; the code comes by mail."
sign_up=$(graphql '' "mutation { signUp(input: { name: \"Ada\", email: \"$ada\", password: \"a long quickstart phrase\" }) { signUp { id } userErrors { code field message } } }" | value id)
code=$(mailed "$ada" '\b[0-9]{6}\b')
ada_token=$(graphql '' "mutation { verifySignUp(input: { signUpId: \"$sign_up\", code: \"$code\" }) { token userErrors { code field message } } }" | value token)

echo "2. She creates an organization and invites Ben."
org=$(graphql "$ada_token" "mutation { createOrganization(input: { name: \"Quickstart $run\" }) { organization { id } userErrors { code field message } } }" | value id)
graphql "$ada_token" "mutation { inviteMembers(input: { organizationId: \"$org\", emails: [\"$ben\"], role: \"org:member\" }) { results { email } userErrors { code field message } } }" >/dev/null
invitation=$(mailed "$ben" 'inv_[A-Za-z0-9_-]+')

echo "3. Ben signs up through the link and joins."
ben_token=$(graphql '' "mutation { signUp(input: { name: \"Ben\", email: \"$ben\", password: \"another quickstart phrase\", invitationToken: \"$invitation\" }) { token userErrors { code field message } } }" | value token)
graphql "$ben_token" "mutation { acceptInvitation(input: { token: \"$invitation\" }) { organization { id } userErrors { code field message } } }" >/dev/null

echo "4. He has a sentence spoken by a system voice and finds it in the shared history."
voice=$(graphql "$ben_token" '{ systemVoices(first: 1, filter: { language: "en" }) { nodes { id } } }' | value id)
spoken "$ben_token" "organizationId: \"$org\", voiceId: \"$voice\", text: \"Hello! This is Resonance, speaking on your own machine.\", format: WAV" quickstart-audio/system-voice.wav
graphql "$ada_token" "{ organization(id: \"$org\") { generations(first: 5) { totalCount nodes { text author { name } } } } }" >/dev/null

echo "5. Ada makes a custom voice from a recording, and has it speak."
spoken "$ada_token" "organizationId: \"$org\", voiceId: \"$voice\", text: \"$(for i in 1 2 3 4 5 6; do printf 'This is sentence number %s of a recording that lasts longer than ten seconds. ' "$i"; done)\", format: WAV" quickstart-audio/.recording.wav
operations="{\"query\":\"mutation(\$input: CreateVoiceInput!) { createVoice(input: \$input) { voice { id fidelity } userErrors { code field message } } }\",\"variables\":{\"input\":{\"organizationId\":\"$org\",\"name\":\"Ada\",\"language\":\"en-US\",\"sample\":null,\"consent\":{\"attested\":true,\"statement\":\"It is my own voice.\"}}}}"
answer=$(curl -sS "$base/graphql" -H "authorization: Bearer $ada_token" -H 'graphql-preflight: 1' \
  -F "operations=$operations" -F 'map={"0":["variables.input.sample"]}' -F '0=@quickstart-audio/.recording.wav;type=audio/wav')
custom=$(printf '%s' "$answer" | value id)
[ -n "$custom" ] || { echo "refused: $answer" >&2; exit 1; }
spoken "$ada_token" "organizationId: \"$org\", voiceId: \"$custom\", text: \"And this is a voice of our own.\", format: MP3" quickstart-audio/custom-voice.mp3
rm quickstart-audio/.recording.wav

echo "6. Ada makes Ben an admin, and then removes him."
member=$(graphql "$ada_token" "{ organization(id: \"$org\") { members(first: 1, search: \"$ben\") { nodes { id } } } }" | value id)
graphql "$ada_token" "mutation { changeMemberRole(input: { memberId: \"$member\", role: \"org:admin\" }) { member { id } userErrors { code field message } } }" >/dev/null
graphql "$ada_token" "mutation { removeMember(input: { memberId: \"$member\" }) { userErrors { code field message } } }" >/dev/null

echo "7. In a second organization she finds nothing of the first."
second=$(graphql "$ada_token" "mutation { createOrganization(input: { name: \"Second $run\" }) { organization { id } userErrors { code field message } } }" | value id)
counts=$(graphql "$ada_token" "{ organization(id: \"$second\") { generations(first: 1) { totalCount } voices(first: 1, filter: { scope: CUSTOM }) { totalCount } } }" | grep -o '"totalCount":[0-9]*' | tr '\n' ' ')
[ "$counts" = '"totalCount":0 "totalCount":0 ' ] || { echo "the second organization is not empty: $counts" >&2; exit 1; }
case $(curl -sS "$base/graphql" -H 'content-type: application/json' -H "authorization: Bearer $ben_token" -d "{\"query\":\"{ organization(id: \\\"$org\\\") { name } }\"}") in
  *'"organization":null'*) ;;
  *) echo "Ben still sees the organization" >&2; exit 1 ;;
esac
echo "Done. Listen to quickstart-audio/system-voice.wav and quickstart-audio/custom-voice.mp3."
