#!/bin/sh
# Runs what a change affects, in any CI. On GitHub's and GitLab's runners the base is found; elsewhere BASE names it:
#   BASE=origin/main docs/ci/affected.sh
set -eu
labels=$(lmsbuild affected --deepen --targets ${BASE:+--base "$BASE"})
if [ -z "$labels" ]; then
    echo "nothing is affected"
    exit 0
fi
set -f
lmsbuild run -k $labels
