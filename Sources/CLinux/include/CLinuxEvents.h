// Waiting for many descriptors at once, and what a folder holds, without looking at what is not asked for.
#ifndef CLINUX_EVENTS_H
#define CLINUX_EVENTS_H
#include <stdint.h>

/// A set of descriptors to wait for, closed on exec; -1 and errno on failure.
int clinux_events_open(void);

/// Waits for `fd` to become readable (or writable, or closed by the other side) from now on; `key` is what
/// `clinux_events_wait` tells then. 0, or -1 and errno.
int clinux_events_add(int set, int fd, int for_writing, uint64_t key);

/// Waits for `fd` no more; to be called before it is closed.
void clinux_events_remove(int set, int fd);

/// Waits up to `milliseconds` (-1: for ever) and puts the keys of what is ready, at most `room`, into `keys`. Their number;
/// 0 also where a signal came.
int clinux_events_wait(int set, uint64_t *keys, int room, int milliseconds);

/// How many names besides `.` and `..` the open folder `fd` holds; -1 where that cannot be told, where the folder was
/// removed, and where they are more than a few hundred.
int clinux_count_names(int fd);

/// A Unix socket at `path` that listens, of mode 0600, and one that is connected to it; neither ever waits, both close on exec.
/// -1 and errno: of listening EADDRINUSE where something lies there, of connecting ENOENT or ECONNREFUSED where nobody
/// listens, EAGAIN where too many wait.
int clinux_listen(const char *path);
int clinux_connect(const char *path);

/// The next one that connected to `listener`, which never waits, either; -1 and errno.
int clinux_accept(int listener);

/// Who is at the other end of a socket; 0, or -1 and errno.
int clinux_peer(int fd, uint32_t *uid, int *pid);

/// `statfs(path).f_type`; -1 and errno.
int64_t clinux_filesystem_kind(const char *path);

/// Attributes of posix_spawn: makes a session of its own. 0 or an errno.
int clinux_spawn_in_session(void *attributes);
#endif
