// Linux calls that Swift's Glibc module does not carry, or that are variadic or macros in C.
#ifndef CLINUX_H
#define CLINUX_H
// No header of the system's that defines a struct is included: Swift would take this module for the home of `stat` in one
// build and Glibc in another, and the members would be missing from files that import only one of them.
#include "CLinuxEvents.h"
#include "CLinuxStart.h"
#include <stddef.h>
#include <stdint.h>

/// A file descriptor that becomes readable when `pid` ends; -1 and errno on failure (Linux 5.3).
int clinux_pidfd_open(int pid);

/// Two ends of a pipe, reading and writing, both closed on exec; 0 on success.
int clinux_pipe(int ends[2]);

/// File actions of glibc 2.34: start in `folder`; close every descriptor from `first` on. 0 or an errno.
int clinux_spawn_in_folder(void *actions, const char *folder);
int clinux_spawn_closing_from(void *actions, int first);

/// `fcntl(fd, F_SETFL/F_SETFD …)`, which is variadic in C.
int clinux_set_nonblocking(int fd);
int clinux_set_cloexec(int fd, int on);

/// `openat` with a mode, which is variadic in C.
int clinux_openat(int dirfd, const char *path, int flags, unsigned mode);

/// Opens a folder, not a link to one, only to ask for what is in it (`O_PATH`); -1 and errno on failure.
int clinux_open_folder(int dirfd, const char *path);

/// Opens the folder at `path` below `dirfd` to list it, where no part of the path is a link: ELOOP where one is. -1 and errno
/// on failure.
int clinux_open_listing(int dirfd, const char *path);

/// Entries of an open folder, as `linux_dirent64` one after the other; how many bytes, 0 at the end, -1 and errno on failure.
intptr_t clinux_list(int fd, void *buffer, size_t size);

/// Gives memory that was freed back to the system, wherever it lies in the heap.
void clinux_trim(void);

/// Where the parts of a `linux_dirent64` are: 16 bits of length, 8 bits of type, the name.
enum { CLINUX_ENTRY_LENGTH = 16, CLINUX_ENTRY_TYPE = 18, CLINUX_ENTRY_NAME = 19 };

/// `st_mtim` and `st_ctim` of the `struct stat` at `st` as nanoseconds since the epoch.
int64_t clinux_mtime_ns(const void *st);
int64_t clinux_ctime_ns(const void *st);

/// Asks `ioctl(FICLONE)` for a copy-on-write copy; 0 on success.
int clinux_clone_file(int destination, int source);

/// Whether a wait status says "exited" / "ended by a signal", and with which code / number.
int clinux_exited(int status);
int clinux_exit_code(int status);
int clinux_signaled(int status);
int clinux_term_signal(int status);

/// Takes INT, TERM and HUP over: each writes its number, one byte, to a pipe whose reading end is returned; -1 and errno on
/// failure. A HUP that was ignored at the start (nohup) stays so. For one call in a process.
int clinux_signal_pipe(void);

/// Columns of the terminal at `fd`, or 0.
int clinux_terminal_width(int fd);
#endif
