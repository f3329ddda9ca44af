#compdef lmsbuild
# Made by scripts/generate-manual; do not edit.
_lmsbuild() {
    local -a commands
    local context state line
    commands=(
        'run:Brings targets up to date\: runs what no cache has, in parallel.'
        'report:Shows a run again\: on the console, as a page, as Markdown, as a trace, as JSON.'
        'serve:The dashboard\: runs as they happen, history, graph, contracts, environments.'
        'affected:What has changed since a revision\: components, targets, or pairs to verify.'
        'hash:Input hashes of targets.'
        'tag:Image references, tagged by input hash.'
        'inputs:What a target'\''s hash covers\: files, then values, tools and targets.'
        'check:The mistakes of the Buildfiles.'
        'fmt:Brings Buildfiles into their canonical form.'
        'explain:Why a target would run, or why its hash differs; or what a diagnostic'\''s code means.'
        'graph:The graph as text, as a picture, or for programs.'
        'deps:What targets need\: all that makes their hash differ when it does.'
        'rdeps:What needs targets\: all whose hash differs when theirs does.'
        'path:A shortest way by which one target needs another.'
        'replay:What each commit of the history would have run, beside everything and beside a rule of thumb.'
        'contracts:The pairs of consumers and providers, and whether each is verified for the contents at hand.'
        'push:Images to the registry, by hash tag, skipping those that are there.'
        'release:A release lock\: services with tags and image digests, contracts, the hash of every input, the commit.'
        'reproduce:Builds a release'\''s images again from its commit, in a fresh folder with empty caches, and compares.'
        'lock:Pins base images from elsewhere to digests, in Buildfile.lock.'
        'can-deploy:May it go there\: every pair with what would run there is verified.'
        'watch:Keeps what changes in the workspace, so that runs need not look at all of it.'
        'env:The environments'\'' variables\: what is wrong, what differs, what they are.'
        'deploy:Brings a release to an environment, waits for health, goes back by itself if it does not come.'
        'status:What runs in an environment against what was released there.'
        'rollback:Back to an earlier release of an environment.'
        'history:The runs of this workspace; with --env what ran when in an environment, who brought it there, and why.'
        'stats:What the last runs tell\: slow and slower targets, what made them run, cache hits, flaky tests.'
        'notify:Who is told when something fails, works again or is deployed.'
    )
    _arguments -C '-C[Work as if started in this folder.]:dir:_directories' \
        '-f[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
        '(-h --help)'{-h,--help}'[Show help.]' '--version[Show the version.]' \
        '1: :->command' '*:: :->rest'
    case $state in
    command) _describe command commands ;;
    rest)
    case $words[1] in
    run)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            '(-j --jobs)'{-j,--jobs}'[How many actions at once; by default the number of processors.]:jobs:_files' \
            ''-k'[Keep going after a failure with what does not need it.]' \
            ''-n'[Print what would run, and run nothing.]' \
            ''-B'[Run everything, whatever is cached.]' \
            '(-v --verbose)'{-v,--verbose}'[Show the output of what succeeds, too.]' \
            '(-q --quiet)'{-q,--quiet}'[Show failures alone.]' \
            ''--replay-logs'[Show the stored output of what is cached.]' \
            ''--affected'[Only what is affected since this revision; in CI it is found without.]:base:_files' \
            ''--if-unknown'[Where that cannot be known\: take all as affected, or fail.]:all|fail:_files' \
            ''--base'[What gates against the base compare with; in CI it is found without.]:revision:_files' \
            ''--report-dir'[Write summary.md, code-quality.json and files/ with all reports here.]:dir:_files' \
            ''--deepen'[Fetch what a shallow clone lacks of the base.]' \
            ''--sandbox'[auto, on or off.]:sandbox:(auto on off)' \
            ''--driver'[The container engine\: auto, buildah, docker or podman.]:driver:(auto buildah docker podman)' \
            ''--progress'[auto, tty, plain or none.]:progress:(auto tty plain none)' \
            ''--no-wait'[Exit 9 at once where another run holds the workspace.]' \
            ''--locked'[Refuse base images that Buildfile.lock does not pin.]' \
            ''--from-registry'[What the registry has under an image'\''s tag counts as built; the engine need not have it.]' \
            ''--insecure-registry'[Ask this registry by plain HTTP, as this machine'\''s own are; also LMSBUILD_INSECURE_REGISTRIES, separated by commas.]:host[:port]:_files' \
            ''--watch'[Run again after each change of the workspace, until interrupted.]' \
            ''--trace'[Write a trace here that Perfetto and Chrome open.]:file:_files' \
            ''--summary'[Write a summary in Markdown here.]:file:_files' \
            '*: :_files'
        ;;
    report)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text, json, html, markdown or trace.]:format:(text json html markdown trace)' \
            '(-o --output)'{-o,--output}'[Write to this file.]:file:_files' \
            '(-v --verbose)'{-v,--verbose}'[Show what was cached and the output of what succeeded, too.]' \
            ''--list'[List the runs that are kept, newest first.]' \
            '*: :_files'
        ;;
    serve)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--port'[The port on 127.0.0.1; 0 takes one that is free.]:port:_files' \
            ''--export'[Write all pages into this folder, and end; for artifacts of a CI job.]:folder:_files' \
            '*: :_files'
        ;;
    affected)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--base'[The revision to compare with; of a branch, its merge base with the head. In CI it is found without.]:base:_files' \
            ''--since'[Compare with a recorded state ('\''lmsbuild hash --format json'\''), or with what the cache has a result for.]:release:FILE|cache:_files' \
            ''--if-unknown'[Where the base cannot be known\: take all as affected, or fail.]:all|fail:_files' \
            ''--deepen'[Fetch what a shallow clone lacks of the base.]' \
            ''--head'[The revision to look at; without it the working tree, uncommitted and untracked files included.]:head:_files' \
            ''--targets'[Print labels of targets instead of components.]' \
            ''--stage'[Only targets of this stage.]:stage:_files' \
            ''--kind'[Only components of this kind\: service or library.]:kind:(service library)' \
            ''--contracts'[Print the consumer/provider pairs to verify.]' \
            ''--why'[Print what differs behind each line.]' \
            ''--format'[text, json, github (a matrix) or gitlab (a child pipeline).]:format:_files' \
            ''--shard'[Only this share of what is affected, balanced by recorded times.]:I/N:_files' \
            ''--times'[Recorded times to balance by, a file as '\''.lmsbuild/times'\''; in CI none without.]:times:_files' \
            ''--max-jobs'[At most this many jobs in a matrix or child pipeline.]:max-jobs:_files' \
            ''--include'[A file of the repository, with the hidden job '\''.lmsbuild'\'', for the child pipeline to include.]:include:_files' \
            '*: :_files'
        ;;
    hash)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text or json.]:format:(text json)' \
            ''--inputs'[With JSON\: what each hash covers, too, so that a later comparison can tell why.]' \
            '*: :_files'
        ;;
    tag)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    inputs)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text or json.]:format:(text json)' \
            ''-0'[End each file with a zero byte and print nothing else.]' \
            '*: :_files'
        ;;
    check)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--locked'[Base images that Buildfile.lock does not pin are mistakes.]' \
            '*: :_files'
        ;;
    fmt)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--check'[Write nothing; print a diff of what would change, and exit 3 if anything would.]' \
            '*: :_files'
        ;;
    explain)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--base'[The revision to compare with; of a branch, its merge base with the head. In CI it is found without.]:base:_files' \
            ''--since'[Compare with a recorded state ('\''lmsbuild hash --format json'\''), or with what the cache has a result for.]:release:FILE|cache:_files' \
            ''--if-unknown'[Where the base cannot be known\: take all as affected, or fail.]:all|fail:_files' \
            ''--deepen'[Fetch what a shallow clone lacks of the base.]' \
            ''--head'[The revision to look at; without it the working tree.]:head:_files' \
            ''--all'[Tell every cause, and whole texts.]' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    graph)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--base'[The revision to compare with; of a branch, its merge base with the head. In CI it is found without.]:base:_files' \
            ''--since'[Compare with a recorded state ('\''lmsbuild hash --format json'\''), or with what the cache has a result for.]:release:FILE|cache:_files' \
            ''--if-unknown'[Where the base cannot be known\: take all as affected, or fail.]:all|fail:_files' \
            ''--deepen'[Fetch what a shallow clone lacks of the base.]' \
            ''--format'[text, dot, mermaid, json, svg or html.]:format:(text dot mermaid json svg html)' \
            ''--from'[Only what these targets need, and they.]:from:_files' \
            ''--to'[Only what needs these targets, and they.]:to:_files' \
            ''--stage'[Only targets of this stage.]:stage:_files' \
            ''--components'[A node for each component.]' \
            ''--targets'[A node for each target, however many.]' \
            ''--cached'[Mark what has a cached result.]' \
            ''--all-edges'[Draw edges that a longer way implies, too.]' \
            '(-o --output)'{-o,--output}'[Write to this file.]:output:_files' \
            '*: :_files'
        ;;
    deps)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--direct'[Only the next ones, not theirs.]' \
            ''--gates'[Over gates, too, which are order only.]' \
            ''--stage'[Only targets of this stage.]:stage:_files' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    rdeps)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--direct'[Only the next ones, not theirs.]' \
            ''--gates'[Over gates, too, which are order only.]' \
            ''--stage'[Only targets of this stage.]:stage:_files' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    path)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--gates'[Over gates, too, which are order only.]' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    replay)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--last'[The newest N commits of the first-parent line.]:last:_files' \
            ''--stage'[Only targets of this stage.]:stage:_files' \
            ''--kind'[Only components of this kind\: service or library.]:kind:(service library)' \
            ''--time'[What a stage or a label takes, such as image=90s; without it recorded times count.]:STAGE=DURATION:_files' \
            ''--format'[text, json or svg.]:format:(text json svg)' \
            '(-o --output)'{-o,--output}'[Write to this file.]:output:_files' \
            '*: :_files'
        ;;
    contracts)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text, json, svg or html.]:format:(text json svg html)' \
            '(-o --output)'{-o,--output}'[The folder to write to.]:folder:_files' \
            ''--release'[What this release'\''s contents are verified for, and not those at hand.]:file:_files' \
            ''--env'[What runs in this environment is verified for, and not the contents at hand.]:name:_files' \
            ''--why'[One pair, term by term.]:consumer/provider:_files' \
            ''--importing'[Take over the verdicts that another workspace exported.]:file:_files' \
            ''--exporting'[Write all verdicts to a file for other workspaces.]:file:_files' \
            ''--junit'[Write the pairs as JUnit XML, too.]:file:_files' \
            ''--breaking'[Compare two files, OLD NEW, of one kind, and show what breaks; status 3 where something does.]' \
            ''--broker'[The broker. Credentials come from PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD.]:url:_files' \
            ''--as'[The version under which they stand there, such as a commit.]:version:_files' \
            ''--results'[Put down what is known of verifying them, too.]' \
            ''--provider'[The provider, as the broker calls it.]:provider:_files' \
            '1: :(list publish fetch)' \
            '*: :_files'
        ;;
    push)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--insecure-registry'[Ask this registry by plain HTTP, as this machine'\''s own are; also LMSBUILD_INSECURE_REGISTRIES, separated by commas.]:host[:port]:_files' \
            '(-j --jobs)'{-j,--jobs}'[How many images at once; by default 4.]:jobs:_files' \
            ''--driver'[The container engine\: auto, buildah, docker or podman.]:driver:(auto buildah docker podman)' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    release)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--insecure-registry'[Ask this registry by plain HTTP, as this machine'\''s own are; also LMSBUILD_INSECURE_REGISTRIES, separated by commas.]:host[:port]:_files' \
            '(-o --output)'{-o,--output}'[Write it to this file, too; signatures beside it.]:output:_files' \
            ''--push'[Attach them to the images in the registry, which has to have those.]' \
            ''--driver'[The container engine that has the images\: auto, buildah, docker or podman.]:driver:(auto buildah docker podman)' \
            ''--format'[text or json.]:format:(text json)' \
            ''--name'[The name that the release must have\: its first digits, at least 12.]:hash:_files' \
            ''--keys'[Judge its signatures by the keys that this file trusts.]:file:_files' \
            ''--require-signed'[Nobody of --keys having signed it is a disagreement.]' \
            ''--key'[Sign them with this private key, a PEM file without a passphrase.]:file:_files' \
            '1: :(write list show verify diff sign attest push pull)' \
            '*: :_files'
        ;;
    reproduce)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--driver'[The container engine\: auto, buildah or podman; auto is the release'\''s own.]:driver:(auto buildah podman)' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    lock)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--insecure-registry'[Ask this registry by plain HTTP, as this machine'\''s own are; also LMSBUILD_INSECURE_REGISTRIES, separated by commas.]:host[:port]:_files' \
            ''--update'[Ask again what pinned names stand for now.]' \
            ''--check'[Write nothing and ask nobody; exit 3 where a base is not pinned, or a pin has no use.]' \
            '*: :_files'
        ;;
    can-deploy)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--to'[The environment that it would go to.]:environment:_files' \
            ''--running'[The release that runs there, named as '\''release show'\'' takes it; without, what was deployed there from here.]:release:_files' \
            ''--service'[Only this service of the release goes; may be repeated.]:service:_files' \
            ''--undeclared'[What no contract speaks of\: may go, or is refused.]:allow|refuse:_files' \
            ''--verify'[Run the verifications that decide it, as far as they are of the contents at hand.]' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    watch)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--background'[Watch on in the background; returns when everything is watched.]' \
            ''--stop'[End the one in the background.]' \
            ''--status'[Say whether one watches.]' \
            ''--idle'[End after this long without a question and a change (90s, 10m, 3h).]:duration:_files' \
            '*: :_files'
        ;;
    env)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text or json.]:format:(text json)' \
            '(-o --output)'{-o,--output}'[Write to this file instead of standard output.]:output:_files' \
            '1: :(check diff docs render)' \
            '*: :_files'
        ;;
    deploy)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--to'[The environment.]:environment:_files' \
            '(-m --message)'{-m,--message}'[Why, for the history.]:message:_files' \
            '(-n --dry-run)'{-n,--dry-run}'[Say what would change, and change nothing.]' \
            ''--retry'[Try images again that did not come up before.]' \
            ''--no-way-back'[Deploy although what runs now could not be gone back to.]' \
            ''--allow-irreversible'[Deploy although data changes for which there is no way back.]' \
            ''--all-at-once'[Replace what runs where it stands, whatever the environment'\''s strategy says.]' \
            ''--no-wait'[Exit with 9 where another is at work there.]' \
            ''--promote'[Let a deployment go on that waits for somebody'\''s word.]' \
            ''--abort'[Take a deployment back that is on its way to the new set.]' \
            ''--timeout'[How long it may take, in place of what health checks say.]:duration:_files' \
            ''--keys'[The file of keys that count, for '\''policy signed'\''.]:file:_files' \
            ''--require-signed'[Refuse what nobody of --keys has signed, whatever the policy.]' \
            ''--driver'[The container engine that has the images\: auto, buildah, docker or podman.]:driver:(auto buildah docker podman)' \
            '*: :_files'
        ;;
    status)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--env'[The environment.]:environment:_files' \
            ''--fix'[Deploy again what should run there, where something else does.]' \
            ''--no-wait'[Exit with 9 where another is at work there.]' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    rollback)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--env'[The environment.]:environment:_files' \
            ''--to'[The release, by the digits its name begins with; without, the one before.]:release:_files' \
            '(-m --message)'{-m,--message}'[Why, for the history.]:message:_files' \
            ''--allow-irreversible'[Go back although that release cannot read the data that there is now.]' \
            ''--no-wait'[Exit with 9 where another is at work there.]' \
            '*: :_files'
        ;;
    history)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--env'[The environment.]:environment:_files' \
            ''--last'[Only the last so many; of runs 20 without.]:last:_files' \
            ''--rebuild'[Make the history of runs anew from the logs that are kept.]' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    stats)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--last'[Look at the last so many runs.]:last:_files' \
            ''--top'[Lines of each list.]:top:_files' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    notify)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text or json.]:format:(text json)' \
            '(-n --dry-run)'{-n,--dry-run}'[Print what would be sent, and send nothing.]' \
            '1: :(list test)' \
            '*: :_files'
        ;;
    esac
    ;;
    esac
}
_lmsbuild "$@"
