#!/usr/bin/env bash
# Indexes a repository (a path or URL; by default this one), asks it three questions and re-checks the answers.
# Everything is kept in .demo/ of this checkout: your own indexes and the repository itself stay as they are.
set -euo pipefail
here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repo=${1:-.}
case $repo in
  *://*) name=$repo ;;
  *)
    [ -d "$repo" ] || { echo "error: REPO=$repo is neither a folder nor a URL" >&2; exit 2; }
    repo=$(cd -P "$repo" && pwd)
    name=$(basename "$repo")
    ;;
esac

if [ "$repo" = "$here" ]; then
  questions=(
    "How does loccit re-check a citation against the bytes of a repository?"
    "What keeps a hostile repository from running code while it is read?"
    "When does an answer abstain?"
  )
else
  questions=(
    "Where does the program start?"
    "How are errors handled?"
    "How are the tests run?"
  )
fi

export LOCCIT_HOME=$here/.demo/home
answers=$here/.demo/answers
loccit=$here/.venv/bin/loccit
mkdir -p "$LOCCIT_HOME" "$answers"
printf '*\n' >"$here/.demo/.gitignore"

step() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then step() { printf '\n$ %s\n' "$*"; }; fi

step loccit index "$name"
"$loccit" index "$repo"

# Exit code 1 says that the sources are silent, which is an answer: the demo goes on.
or_silent() { "$@" || [ $? = 1 ]; }

number=0
for question in "${questions[@]}"; do
  number=$((number + 1))
  answer=$answers/answer-$number.json
  step "loccit ask \"$question\""
  or_silent "$loccit" ask "$question" --repo "$repo"
  or_silent "$loccit" ask "$question" --repo "$repo" --json >"$answer"
  [ -s "$answer" ]
  step "loccit verify answer-$number.json --repo $name"
  or_silent "$loccit" verify "$answer" --repo "$repo"
done

cat <<TXT

The index is in .demo/home, the answers are in .demo/answers; \`make clean\` removes both. What to try next:

  export PATH=$here/.venv/bin:\$PATH
  cd a/repository/of/yours
  loccit ask "your question"             indexes it first, and says what that costs
  loccit ask "your question" --json      the whole answer, for programs and for loccit verify
  loccit search SomeName                 places, best first
  loccit --help
TXT
