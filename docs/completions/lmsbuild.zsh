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
        'explain:What a diagnostic'\''s code means.'
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
            ''--affected'[Only what is affected since this revision.]:affected:_files' \
            ''--sandbox'[auto, on or off.]:sandbox:(auto on off)' \
            ''--driver'[The container engine\: auto, buildah, docker or podman.]:driver:(auto buildah docker podman)' \
            ''--progress'[auto, tty, plain or none.]:progress:(auto tty plain none)' \
            ''--no-wait'[Exit 9 at once where another run holds the workspace.]' \
            '*: :_files'
        ;;
    affected)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--base'[The revision to compare with; of a branch, its merge base with the head.]:base:_files' \
            ''--head'[The revision to look at; without it the working tree, uncommitted and untracked files included.]:head:_files' \
            ''--targets'[Print labels of targets instead of components.]' \
            ''--stage'[Only targets of this stage.]:stage:_files' \
            ''--kind'[Only components of this kind\: service or library.]:kind:(service library)' \
            ''--contracts'[Print the consumer/provider pairs to verify.]' \
            ''--why'[Print what differs behind each line.]' \
            ''--format'[text or json.]:format:(text json)' \
            '*: :_files'
        ;;
    hash)
        _arguments \
            ''-C'[Work as if started in this folder.]:dir:_files' \
            ''-f'[The root Buildfile, for every tree that is looked at.]:buildfile:_files' \
            ''--format'[text or json.]:format:(text json)' \
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
            '*: :_files'
        ;;
    esac
    ;;
    esac
}
_lmsbuild "$@"
