#compdef lmsbuild
# Made by scripts/generate-manual; do not edit.
_lmsbuild() {
    local -a commands
    local context state line
    commands=(
        'run:Brings targets up to date\: runs what no cache has, in parallel.'
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
        'release:A release lock\: services with tags and image digests, contracts, the hash of every input, the commit.'
        'can-deploy:May it go there\: every pair with what would run there is verified.'
        'watch:Keeps what changes in the workspace, so that runs need not look at all of it.'
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
            ''--deepen'[Fetch what a shallow clone lacks of it.]' \
            ''--sandbox'[auto, on or off.]:sandbox:(auto on off)' \
            ''--driver'[The container engine\: auto, buildah, docker or podman.]:driver:(auto buildah docker podman)' \
            ''--progress'[auto, tty, plain or none.]:progress:(auto tty plain none)' \
            ''--no-wait'[Exit 9 at once where another run holds the workspace.]' \
            ''--watch'[Run again after each change of the workspace, until interrupted.]' \
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
    release)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            '(-o --output)'{-o,--output}'[Write to this file instead of standard output.]:output:_files' \
            '*: :_files'
        ;;
    can-deploy)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--to'[The environment that it would go to.]:environment:_files' \
            ''--running'[The release that runs there, a file; without, that nothing runs there.]:file:_files' \
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
    esac
    ;;
    esac
}
_lmsbuild "$@"
