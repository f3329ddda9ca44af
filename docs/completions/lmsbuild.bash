# Made by scripts/generate-manual; do not edit.
_lmsbuild() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" command="" words="" index
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "${COMP_WORDS[index]}" in
        -C | -f) ((index++)) ;;
        -*) [ -z "$command" ] || break ;;
        *)
            case " contracts release env notify " in
            *" $command "*) [ -z "$command" ] || { command="$command ${COMP_WORDS[index]}"; break; } ;;
            esac
            [ -z "$command" ] || break
            command="${COMP_WORDS[index]}"
            ;;
        esac
    done
    COMPREPLY=()
    case "$previous" in
    -C) compopt -o dirnames; return ;;
    -f) compopt -o default; return ;;
    esac
    if [ -z "$command" ]; then
        words="run report serve affected hash tag inputs check fmt explain graph deps rdeps path replay contracts push release reproduce lock can-deploy watch env deploy status rollback history stats notify help -C -f --help --version"
    else
        case "$command $previous" in
        "run --sandbox") words="auto on off" ;;
        "run --driver") words="auto buildah docker podman" ;;
        "run --progress") words="auto tty plain none" ;;
        "report --format") words="text json html markdown trace" ;;
        "affected --kind") words="service library" ;;
        "hash --format") words="text json" ;;
        "tag --format") words="text json" ;;
        "inputs --format") words="text json" ;;
        "explain --format") words="text json" ;;
        "graph --format") words="text dot mermaid json svg html" ;;
        "deps --format") words="text json" ;;
        "rdeps --format") words="text json" ;;
        "path --format") words="text json" ;;
        "replay --kind") words="service library" ;;
        "replay --format") words="text json svg" ;;
        "contracts list --format") words="text json svg html" ;;
        "push --driver") words="auto buildah docker podman" ;;
        "push --format") words="text json" ;;
        "release write --driver") words="auto buildah docker podman" ;;
        "release list --format") words="text json" ;;
        "release show --format") words="text json" ;;
        "release verify --driver") words="auto buildah docker podman" ;;
        "release verify --format") words="text json" ;;
        "release diff --format") words="text json" ;;
        "release push --driver") words="auto buildah docker podman" ;;
        "reproduce --driver") words="auto buildah podman" ;;
        "reproduce --format") words="text json" ;;
        "can-deploy --format") words="text json" ;;
        "env check --format") words="text json" ;;
        "env diff --format") words="text json" ;;
        "deploy --driver") words="auto buildah docker podman" ;;
        "status --format") words="text json" ;;
        "history --format") words="text json" ;;
        "stats --format") words="text json" ;;
        "notify list --format") words="text json" ;;
        *)
            case "$command" in
            "run") words="-C -f -j --jobs -k -n -B -v --verbose -q --quiet --replay-logs --affected --if-unknown --base --report-dir --deepen --sandbox --driver --progress --no-wait --locked --from-registry --insecure-registry --watch --trace --summary --help" ;;
            "report") words="-C -f --format -o --output -v --verbose --list --help" ;;
            "serve") words="-C -f --port --export --help" ;;
            "affected") words="-C -f --base --since --if-unknown --deepen --head --targets --stage --kind --contracts --why --format --shard --times --max-jobs --include --help" ;;
            "hash") words="-C -f --format --inputs --help" ;;
            "tag") words="-C -f --format --help" ;;
            "inputs") words="-C -f --format -0 --help" ;;
            "check") words="-C -f --locked --help" ;;
            "fmt") words="-C -f --check --help" ;;
            "explain") words="-C -f --base --since --if-unknown --deepen --head --all --format --help" ;;
            "graph") words="-C -f --base --since --if-unknown --deepen --format --from --to --stage --components --targets --cached --all-edges -o --output --help" ;;
            "deps") words="-C -f --direct --gates --stage --format --help" ;;
            "rdeps") words="-C -f --direct --gates --stage --format --help" ;;
            "path") words="-C -f --gates --format --help" ;;
            "replay") words="-C -f --last --stage --kind --time --format -o --output --help" ;;
            "contracts list") words="-C -f --format -o --output --release --env --why --importing --exporting --junit --breaking --help" ;;
            "contracts publish") words="-C -f --broker --as --results --help" ;;
            "contracts fetch") words="-C -f --broker --provider -o --output --help" ;;
            "push") words="-C -f --insecure-registry -j --jobs --driver --format --help" ;;
            "release write") words="-C -f --insecure-registry -o --output --push --driver --help" ;;
            "release list") words="-C -f --format --help" ;;
            "release show") words="-C -f --format --help" ;;
            "release verify") words="-C -f --driver --name --keys --require-signed --format --help" ;;
            "release diff") words="-C -f --format --help" ;;
            "release sign") words="-C -f --key --help" ;;
            "release attest") words="-C -f --insecure-registry -o --output --push --key --help" ;;
            "release push") words="-C -f --insecure-registry --driver --help" ;;
            "release pull") words="-C -f --insecure-registry -o --output --help" ;;
            "reproduce") words="-C -f --driver --format --help" ;;
            "lock") words="-C -f --insecure-registry --update --check --help" ;;
            "can-deploy") words="-C -f --to --running --service --undeclared --verify --format --help" ;;
            "watch") words="-C -f --background --stop --status --idle --help" ;;
            "env check") words="-C -f --format --help" ;;
            "env diff") words="-C -f --format --help" ;;
            "env docs") words="-C -f -o --output --help" ;;
            "env render") words="-C -f --help" ;;
            "deploy") words="-C -f --to -m --message -n --dry-run --retry --no-way-back --allow-irreversible --all-at-once --no-wait --promote --abort --timeout --keys --require-signed --driver --help" ;;
            "status") words="-C -f --env --fix --no-wait --format --help" ;;
            "rollback") words="-C -f --env --to -m --message --allow-irreversible --no-wait --help" ;;
            "history") words="-C -f --env --last --rebuild --format --help" ;;
            "stats") words="-C -f --last --top --format --help" ;;
            "notify list") words="-C -f --format --help" ;;
            "notify test") words="-C -f -n --dry-run --help" ;;
            "contracts") words="list publish fetch" ;;
            "release") words="write list show verify diff sign attest push pull" ;;
            "env") words="check diff docs render" ;;
            "notify") words="list test" ;;
            esac
            ;;
        esac
        [ "${current#-}" != "$current" ] || [[ "$words" != -* ]] || words=""
    fi
    [ -n "$words" ] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    [ -n "$words" ] || compopt -o default
}
complete -F _lmsbuild lmsbuild
