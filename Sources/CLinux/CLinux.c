#define _GNU_SOURCE
#include <malloc.h>
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_spawn_in_folder(void *actions, const char *folder) {
    return posix_spawn_file_actions_addchdir_np(actions, folder);
}

int clinux_spawn_closing_from(void *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int clinux_set_nonblocking(int fd) {
    int on = 1;
    return ioctl(fd, FIONBIO, &on);
}

int clinux_set_cloexec(int fd, int on) { return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0); }

int clinux_openat(int dirfd, const char *path, int flags, unsigned mode) { return openat(dirfd, path, flags, mode); }

int64_t clinux_mtime_ns(const void *st) {
    const struct timespec *time = &((const struct stat *)st)->st_mtim;
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int64_t clinux_ctime_ns(const void *st) {
    const struct timespec *time = &((const struct stat *)st)->st_ctim;
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int clinux_clone_file(int destination, int source) { return ioctl(destination, FICLONE, source); }

int clinux_exited(int status) { return WIFEXITED(status); }
int clinux_exit_code(int status) { return WEXITSTATUS(status); }
int clinux_signaled(int status) { return WIFSIGNALED(status); }
int clinux_term_signal(int status) { return WTERMSIG(status); }

int clinux_terminal_width(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int signal_pipe_end = -1;

static void write_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t written = write(signal_pipe_end, &byte, 1);
    (void)written;
    errno = saved;
}

int clinux_signal_pipe(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    signal_pipe_end = ends[1];
    int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (int index = 0; index < 3; index++) {
        struct sigaction action;
        if (sigaction(numbers[index], NULL, &action) == 0 && action.sa_handler == SIG_IGN && numbers[index] == SIGHUP)
            continue; // nohup
        action = (struct sigaction){.sa_handler = write_signal, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(numbers[index], &action, NULL);
    }
    return ends[0];
}

int clinux_open_folder(int dirfd, const char *path) {
    return openat(dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Part by part, for a path that is too long for one call and for kernels before 5.6.
static int open_by_parts(int dirfd, const char *path) {
    const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int folder = -1;
    for (;;) {
        size_t length = strcspn(path, "/");
        char part[1024];
        int failure = length < sizeof part ? 0 : ENAMETOOLONG, next = -1;
        if (failure == 0) {
            memcpy(part, path, length);
            part[length] = 0;
            int isLast = path[length] == 0;
            next = openat(folder < 0 ? dirfd : folder, part, flags | (isLast ? O_RDONLY : O_PATH));
            if (next < 0) failure = errno;
        }
        if (folder >= 0) close(folder);
        if (next < 0) {
            errno = failure;
            return -1;
        }
        if (path[length] == 0) return next;
        folder = next;
        path += length + 1;
    }
}

int clinux_open_listing(int dirfd, const char *path) {
    // `struct open_how` with RESOLVE_NO_SYMLINKS, which old headers do not have.
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 4};
    long folder = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    if (folder >= 0) return (int)folder;
    if (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG || errno == EINVAL) return open_by_parts(dirfd, path);
    return -1;
}

intptr_t clinux_list(int fd, void *buffer, size_t size) { return syscall(SYS_getdents64, fd, buffer, size); }

void clinux_trim(void) { malloc_trim(0); }
