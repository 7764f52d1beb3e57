#!/bin/sh
# The steps of action.yml: run the gate, write the summary, keep one comment up to date.
#
# Nothing here decides: the exit code is that of `llmops eval`, whatever the comment does. Without keys (a fork) the run
# is offline on recordings, and what is not recorded ends with 3, never green.
#
# Reads GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_STEP_SUMMARY, GITHUB_OUTPUT,
# GITHUB_TOKEN, and LLMOPS_{BIN,ROOT,ARGS,BASE,OFFLINE,COMMENT,REPORTS}.
set -u

bin=${LLMOPS_BIN:-llmops}
root=${LLMOPS_ROOT:-.}
reports=${LLMOPS_REPORTS:-llmops-reports}
event=${GITHUB_EVENT_NAME:-}
payload=${GITHUB_EVENT_PATH:-/dev/null}
marker='<!-- llmops-report -->'

# field A.B.C: a value of the event's payload; nothing where it is absent.
field() {
    if command -v jq >/dev/null 2>&1; then
        jq -r ".$1 // empty" "$payload" 2>/dev/null
    else
        python3 - "$payload" "$1" 2>/dev/null <<'PY'
import json, sys
value = json.load(open(sys.argv[1]))
for part in sys.argv[2].split("."):
    value = (value or {}).get(part)
if value is not None:
    print(str(value).lower() if isinstance(value, bool) else value)
PY
    fi
}

# What the change is compared with.
base_of_event() {
    case "$event" in
    pull_request | pull_request_target) field pull_request.base.sha ;;
    merge_group) field merge_group.base_sha ;;
    push) field before ;;
    esac
}

base=${LLMOPS_BASE:-$(base_of_event)}
case "$base" in
# A first push has no commit before it: then everything is evaluated.
*[!0]*) changed="--changed=$base" ;;
*) changed= ;;
esac

# Code of a fork must never run with this repository's secrets, and no workflow of ours hands them to it.
if [ "$event" = pull_request_target ]; then
    echo "::error title=llmops::pull_request_target runs with secrets on code that nobody reviewed; use pull_request" >&2
    exit 2
fi

offline=${LLMOPS_OFFLINE:-auto}
if [ "$offline" = auto ]; then
    offline=false
    fork=$(field pull_request.head.repo.fork)
    if [ "$fork" = true ] && [ -z "${ANTHROPIC_API_KEY:-}${OPENAI_API_KEY:-}" ]; then
        offline=true
        echo "::notice title=llmops::a fork gets no secrets: the gate runs offline, on recordings"
    fi
fi

mkdir -p "$reports" || exit 3
set -- -C "$root" eval
[ -n "$changed" ] && set -- "$@" "$changed"
[ "$offline" = true ] && set -- "$@" --offline
set -- "$@" --report "markdown=$reports/report.md" --report "html=$reports/report.html" \
    --report "junit=$reports/junit.xml" --report "json=$reports/report.json" --report "github=-"
# Words of the workflow's author, divided by spaces on purpose.
# shellcheck disable=SC2086
"$bin" "$@" ${LLMOPS_ARGS:-}
code=$?

case $code in
0) verdict=passed ;;
1) verdict=failed ;;
2) verdict=wrong-input ;;
*) verdict=no-verdict ;;
esac
if [ ! -s "$reports/report.md" ]; then
    printf '%s\n**llmops: %s** (exit code %s). The log of this job says why.\n' "$marker" "$verdict" "$code" >"$reports/report.md"
fi
[ -n "${GITHUB_STEP_SUMMARY:-}" ] && cat "$reports/report.md" >>"$GITHUB_STEP_SUMMARY"
[ -n "${GITHUB_OUTPUT:-}" ] && printf 'exit-code=%s\nverdict=%s\n' "$code" "$verdict" >>"$GITHUB_OUTPUT"

# The comment: found by its marker and rewritten, or made once. A token that may not write is no failure of the gate.
comment() {
    number=$(field pull_request.number)
    if [ -z "$number" ] || [ -z "${GITHUB_TOKEN:-}" ]; then
        return 0
    fi
    api="repos/${GITHUB_REPOSITORY:-}/issues"
    export GH_TOKEN="$GITHUB_TOKEN"
    id=$(gh api --paginate "$api/$number/comments" --jq ".[] | select(.body | startswith(\"$marker\")) | .id" 2>/dev/null | head -n 1)
    if [ -n "$id" ]; then
        gh api --method PATCH "$api/comments/$id" --field "body=@$reports/report.md" >/dev/null
    else
        gh api --method POST "$api/$number/comments" --field "body=@$reports/report.md" >/dev/null
    fi
}
if [ "${LLMOPS_COMMENT:-true}" = true ] && [ "$event" = pull_request ]; then
    comment || echo "::warning title=llmops::the comment could not be written; the gate's result stands"
fi
exit "$code"
