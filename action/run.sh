#!/bin/sh
# The steps of action.yml: run the gate, write the summary, keep one comment up to date.
#
# Nothing here decides: the exit code is that of `llmops eval`, whatever the comment does. Without keys the run is
# offline on recordings, and what is not recorded ends with 3, never green.
#
# Needs a POSIX shell and the binary. The comment needs `curl` with `jq` or `python3`, or else `gh`; without them there
# is none, which is said.
#
# Reads GITHUB_EVENT_NAME, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_SERVER_URL, GITHUB_STEP_SUMMARY, GITHUB_OUTPUT,
# GITHUB_TOKEN and LLMOPS_*, which action.yml sets. The binary finds the base in the event itself.
set -u

bin=${LLMOPS_BIN:-llmops}
root=${LLMOPS_ROOT:-.}
reports=${LLMOPS_REPORTS:-llmops-reports}
event=${GITHUB_EVENT_NAME:-}
repository=${GITHUB_REPOSITORY:-}
name=${LLMOPS_NAME:-gate}
marker='<!-- llmops-report -->'

# Code of a fork must never run with this repository's secrets, and no workflow of ours hands them to it.
if [ "$event" = pull_request_target ]; then
    echo "::error title=llmops::pull_request_target runs with secrets on code that nobody reviewed; use pull_request" >&2
    exit 2
fi

# The name stands in a file's path, an artifact and a comment.
case "$name" in
*[!A-Za-z0-9_-]*)
    echo "::error title=llmops::the input name may hold letters, digits, - and _ only" >&2
    exit 2
    ;;
gate) ;;
*) marker="<!-- llmops-report $name -->" ;;
esac

# What the change is compared with. A branch that is pushed for the first time is compared with the default branch. The
# default branch itself has then nothing to be compared with, nor has it when it was rewritten, for what was there before
# can be gone; a tag is a release: everything is evaluated. So it is on other events.
changed=
case "$event" in
pull_request | merge_group) changed=--changed ;;
push)
    changed=--changed
    case "${GITHUB_REF:-}" in
    refs/tags/*) changed= ;;
    "refs/heads/${LLMOPS_DEFAULT_BRANCH:-}")
        [ "${LLMOPS_FORCED:-}" = true ] && changed=
        case "${LLMOPS_BEFORE:-}" in
        *[!0]*) ;;
        *) changed= ;;
        esac
        ;;
    esac
    ;;
esac
[ -n "${LLMOPS_BASE:-}" ] && changed="--changed=$LLMOPS_BASE"

# A head that is in another repository is a fork; one that is in none any more was.
fork=false
if [ "$event" = pull_request ] && [ "${LLMOPS_HEAD_REPOSITORY:-}" != "$repository" ]; then
    fork=true
fi

mkdir -p "$reports" || exit 3

# gate FLAG...: runs the binary. Annotations are shown once it is known which run counts.
gate() {
    rm -f "$reports/report.md" "$reports/report.html" "$reports/junit.xml" "$reports/report.json" "$reports/annotations"
    set -- -C "$root" eval "$@"
    [ -n "$changed" ] && set -- "$@" "$changed"
    set -- "$@" --report "markdown=$reports/report.md" --report "html=$reports/report.html" \
        --report "junit=$reports/junit.xml" --report "json=$reports/report.json" --report "github=$reports/annotations"
    # Words of the workflow's author, divided by spaces on purpose; none of them is a pattern for files.
    set -f
    # shellcheck disable=SC2086
    "$bin" "$@" ${LLMOPS_ARGS:-}
    code=$?
    set +f
    # An evaluation leaves a report. Without one there was none, and nothing is green without evidence.
    if [ "$code" = 0 ] && [ ! -s "$reports/report.json" ]; then
        echo "::error title=llmops::nothing was evaluated: the program ended with 0 and wrote no report (is binary llmops, and does args hold no --help or --plan?)"
        code=3
    fi
}

stored() {
    ls -ln "$root/.llmops/exchanges" 2>/dev/null | cksum
}

before=$(stored)
case "${LLMOPS_OFFLINE:-auto}:$fork" in
true:*)
    gate --offline
    ;;
auto:true)
    echo "::notice title=llmops::a fork gets no secrets: the gate runs offline, on recordings"
    gate --offline
    ;;
auto:*)
    gate
    # Others get no secrets either, Dependabot for one. Nothing was called then: recordings may still hold all of it.
    if [ "$code" = 3 ] && grep -q 'is not set, and provider' "$reports/report.json" 2>/dev/null; then
        echo "::notice title=llmops::a key is not set: the gate runs offline, on recordings"
        gate --offline
    fi
    ;;
*) gate ;;
esac

case $code in
0) verdict=passed ;;
1) verdict=failed ;;
2) verdict=wrong-input ;;
*) verdict=no-verdict ;;
esac
# A run that ended before it could write says so too.
if [ ! -s "$reports/report.md" ]; then
    printf '%s\n**llmops: %s** (exit code %s). The log of this job says why.\n' "$marker" "$verdict" "$code" >"$reports/report.md"
fi
# Each use of the action in a job keeps a comment of its own.
if [ "$name" != gate ]; then
    { printf '%s\n' "$marker" && tail -n +2 "$reports/report.md"; } >"$reports/named" && mv "$reports/named" "$reports/report.md"
fi
# The blank line ends whatever an earlier step left open in the log.
[ -s "$reports/annotations" ] && printf '\n' && cat "$reports/annotations"
[ -n "${GITHUB_STEP_SUMMARY:-}" ] && cat "$reports/report.md" >>"$GITHUB_STEP_SUMMARY"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    new=false
    [ "$(stored)" != "$before" ] && new=true
    printf 'exit-code=%s\nverdict=%s\nhtml=%s\njunit=%s\njson=%s\nstored=%s\n' "$code" "$verdict" \
        "$reports/report.html" "$reports/junit.xml" "$reports/report.json" "$new" >>"$GITHUB_OUTPUT"
fi

# request METHOD PATH [FILE]: asks the API; the token is on no command line.
request() {
    data=
    retry=2
    [ $# -eq 3 ] && data="data-binary = \"@$3\""
    # A second try of what may have been done would make a second comment.
    [ "$1" = POST ] && retry=0
    printf '%s\n' "header = \"Authorization: Bearer $GITHUB_TOKEN\"" "header = \"Accept: application/vnd.github+json\"" \
        "header = \"Content-Type: application/json\"" "$data" |
        curl --config - --silent --show-error --fail --max-time 60 --retry "$retry" --request "$1" \
            "${GITHUB_API_URL:-https://api.github.com}/repos/$repository/issues/$2"
}

# body: the report as the JSON of a comment, which holds at most 65,536 characters.
body() {
    if command -v jq >/dev/null 2>&1; then
        head -c 65000 "$reports/report.md" | jq -Rs '{body: .}'
    else
        head -c 65000 "$reports/report.md" | python3 -c 'import json, sys
print(json.dumps({"body": sys.stdin.buffer.read().decode("utf-8", "replace")}))'
    fi
}

# look FILE: how many comments a page holds, and the id of ours if it is there: it begins with the marker, and is by the
# author that the token writes as. Whoever else writes the marker has a comment of their own.
look() {
    if command -v jq >/dev/null 2>&1; then
        jq -r --arg marker "$marker" --arg author "$author" '"\(length) \([.[] | select((.body // "")
            | startswith($marker)) | select(.user.login == $author) | .id][0] // "")"' "$1"
    else
        python3 - "$1" "$marker" "$author" <<'PY'
import json, sys
page = json.load(open(sys.argv[1], encoding="utf-8"))
ours = [one["id"] for one in page if (one.get("body") or "").startswith(sys.argv[2])
        and (one.get("user") or {}).get("login") == sys.argv[3]]
print(len(page), ours[0] if ours else "")
PY
    fi
}

# The comment: found and rewritten, or made once.
comment() {
    page=1
    while [ "$page" -le 100 ]; do
        request GET "$number/comments?per_page=100&page=$page" >"$scratch/page.json" || return 1
        found=$(look "$scratch/page.json") || return 1
        id=${found#* }
        if [ -n "$id" ]; then
            body >"$scratch/body.json" && request PATCH "comments/$id" "$scratch/body.json" >/dev/null
            return
        fi
        # The last page is not full.
        [ "${found%% *}" -lt 100 ] && break
        page=$((page + 1))
    done
    body >"$scratch/body.json" && request POST "$number/comments" "$scratch/body.json" >/dev/null
}

# The same by `gh`, where there is no `curl`.
comment_by_gh() {
    GH_TOKEN=$GITHUB_TOKEN
    GH_HOST=${GITHUB_SERVER_URL:-https://github.com}
    GH_HOST=${GH_HOST#*://}
    GH_ENTERPRISE_TOKEN=$GITHUB_TOKEN
    export GH_TOKEN GH_HOST GH_ENTERPRISE_TOKEN
    api="repos/$repository/issues"
    ids=$(gh api --paginate "$api/$number/comments?per_page=100" \
        --jq ".[] | select((.body // \"\") | startswith(\"$marker\")) | select(.user.login == \"$author\") | .id") || return 1
    id=$(printf '%s\n' "$ids" | head -n 1)
    if [ -n "$id" ]; then
        gh api --method PATCH "$api/comments/$id" --field "body=@$reports/report.md" >/dev/null
    else
        gh api --method POST "$api/$number/comments" --field "body=@$reports/report.md" >/dev/null
    fi
}

has() {
    command -v "$1" >/dev/null 2>&1
}

number=${LLMOPS_NUMBER:-}
author=${LLMOPS_COMMENT_AUTHOR:-github-actions[bot]}
if [ "${LLMOPS_COMMENT:-true}" = true ] && [ "$event" = pull_request ] && [ -n "$number" ] && [ -n "${GITHUB_TOKEN:-}" ]; then
    # A token that may not write is no failure of the gate.
    if [ "$fork" = true ]; then
        echo "::notice title=llmops::a fork's token may not comment: the report is the summary of this job"
    elif has curl && { has jq || has python3; }; then
        scratch=$(mktemp -d) && comment || echo "::warning title=llmops::the comment could not be written; the gate's result stands"
        [ -n "$scratch" ] && rm -rf "$scratch"
    elif has gh; then
        comment_by_gh || echo "::warning title=llmops::the comment could not be written; the gate's result stands"
    else
        echo "::warning title=llmops::no comment: it needs curl with jq or python3, or gh"
    fi
fi
exit "$code"
