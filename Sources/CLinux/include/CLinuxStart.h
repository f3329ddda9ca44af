// Starting a program without copying this process, and without asking the kernel for what one call can give.
#ifndef CLINUX_START_H
#define CLINUX_START_H

/// What `clinux_start` starts. -1 for a stream: `/dev/null`; others are above 2.
struct clinux_program {
    const char *path;
    char *const *arguments;
    char *const *environment;
    const char *folder;
    int input;
    int output;
    int errors;
};

/// Starts the program in a process group of its own, with default signal handling, no signal blocked, and no descriptor but
/// its three streams. 0, with its id and a descriptor that becomes readable when it ends, closed on exec; an errno where it
/// can't be started; -1 where this kernel or machine has not what that takes (Linux 5.9): nothing was started then.
int clinux_start(const struct clinux_program *program, int *pid, int *pid_descriptor);
#endif
