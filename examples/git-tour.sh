#!/bin/sh
# Makes a repository, changes five things in it one after the other, and shows what `diff`, `eval --changed` and
# `promote` say to each. Nothing is called and no key is needed: it runs on the built-in model.
#
#   sh examples/git-tour.sh            uses `llmops` from PATH, or else builds it
#   LLMOPS=./llmops sh examples/git-tour.sh
set -eu

llmops=${LLMOPS:-llmops}
if ! command -v "$llmops" >/dev/null; then
    source=$(cd "$(dirname "$0")/.." && pwd)
    target=${CARGO_TARGET_DIR:-$source/target}
    echo "llmops is not on your PATH: building it" >&2
    cargo build --quiet --locked --manifest-path "$source/Cargo.toml" --target-dir "$target"
    llmops=$target/debug/llmops
fi
# A path from here means something else in another folder.
case $llmops in
/*) ;;
*/*) llmops=$PWD/$llmops ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
cd "$folder"
# With a key the scaffold would name a model that costs money.
unset ANTHROPIC_API_KEY OPENAI_API_KEY

git -c init.defaultBranch=main init -q .
git config user.name "Tour"
git config user.email "tour@example.invalid"
"$llmops" -q init >/dev/null
git add -A
git commit -qm "scaffold"
base=$(git rev-parse HEAD)

# Shows what each verb says, with the code it ended with.
say() {
    echo "\$ llmops $*"
    code=0
    "$llmops" --color never "$@" 2>&1 || code=$?
    echo "  (exit $code)"
    echo
}

# One change against the base: a title, then a command that changes a file.
change() {
    title=$1
    shift
    git checkout -q --detach "$base"
    "$@"
    echo "=== $title"
    say diff
    git add -A
    git commit -qm "$title"
    if "$llmops" eval --help | grep -q -- --changed; then
        say eval "--changed=$base"
    else
        say eval
    fi
    say promote handbook --to production
    git checkout -q -- . 2>/dev/null || true
    git clean -qfd -- deployments 2>/dev/null || true
}

edit() {
    sed "$1" "$2" >"$2.new"
    mv "$2.new" "$2"
}

parameter() {
    edit 's/^parameters:.*/parameters:/; s/^  {}$/  max_tokens: 300/; s/^  max_tokens: .*/  max_tokens: 300/' prompts/handbook.yaml
}

model() {
    edit 's|^model_target:.*|model_target: "claude-haiku-4-5-20251001"|' prompts/handbook.yaml
}

change "1. a comment" edit '1s/^/# Reviewed.\n/' prompts/handbook.yaml
change "2. one word in an include" edit 's/plain sentences/short sentences/' prompts/shared/tone.j2
change "3. a parameter" parameter
change "4. another model" model
change "5. a case of the suite" edit '1d' evals/cases/handbook.jsonl
