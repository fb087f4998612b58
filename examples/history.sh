#!/usr/bin/env bash
# The history as a library, with curl and nothing more: texts are spoken, found again by their words, spoken once more,
# downloaded as one archive with subtitles beside it, and deleted.
#
#   examples/history.sh [http://127.0.0.1:8080]
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

ada=ada.history.$run@example.org
folder=$(mktemp -d)
echo "1. $ada founds an organization."
sign_up=$(graphql '' "mutation { signUp(input: { name: \"Ada\", email: \"$ada\", password: \"a phrase of $run\" }) { signUp { id } userErrors { code message } } }" | value id)
code=$(mailed "$ada" '[0-9]{6}')
session=$(graphql '' "mutation { verifySignUp(input: { signUpId: \"$sign_up\", code: \"$code\" }) { token userErrors { code message } } }" | value token)
organization=$(graphql "$session" "mutation { createOrganization(input: { name: \"Library $run\" }) { organization { id } userErrors { code message } } }" | value id)
voice=$(graphql "$session" '{ systemVoices(first: 1, filter: { language: "en" }) { nodes { id } } }' | value id)

# spoken MUTATION: has something spoken, and waits for it; its id.
spoken() {
  local id state
  id=$(graphql "$session" "mutation { $1 { generation { id } userErrors { code field message } } }" | value id)
  for _ in $(seq 100); do
    state=$(graphql "$session" "{ node(id: \"$id\") { ... on Generation { state } } }" | value state)
    [ "$state" = SUCCEEDED ] && { printf '%s' "$id"; return; }
    sleep 0.1
  done
  echo "$id is $state" >&2; exit 1
}

echo '2. Two texts are spoken, one of them louder than the voice speaks.'
heron=$(spoken "createGeneration(input: { voiceId: \"$voice\", text: \"The heron waits. It has time.\" })")
crane=$(spoken "createGeneration(input: { voiceId: \"$voice\", text: \"A crane dances, and a heron looks on.\", format: WAV, loudness: -16 })")

echo '3. Both are found by a word, whatever its case; one by two.'
search() {
  graphql "$session" "{ organization(id: \"$organization\") { generations(filter: { search: \"$1\" }, orderBy: OLDEST) { totalCount nodes { text } } } }"
  echo
}
search HERON
search 'heron dan'

echo '4. The first is spoken once more, by the same voice and with the same settings.'
again=$(spoken "repeatGeneration(input: { generationId: \"$heron\" })")

echo '5. All of them are downloaded as one archive, and one of them as subtitles.'
archive=$(graphql "$session" "mutation { createGenerationArchive(input: { ids: [\"$heron\", \"$crane\", \"$again\"] }) { url userErrors { code message } } }" | value url)
curl -sSf "$archive" -o "$folder/history.zip"
subtitles=$(graphql "$session" "{ node(id: \"$heron\") { ... on Generation { subtitlesUrl } } }" | value subtitlesUrl)
curl -sSf "$subtitles"

echo '6. The selection is deleted, and the history is empty.'
graphql "$session" "mutation { deleteGenerations(input: { ids: [\"$heron\", \"$crane\", \"$again\"] }) { deletedGenerationIds userErrors { code message } } }" >/dev/null
search heron
echo "Done. $folder/history.zip holds what was spoken."
