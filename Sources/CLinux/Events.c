#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int clinux_events_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clinux_events_add(int set, int fd, int for_writing, uint64_t key) {
    struct epoll_event event = {.events = for_writing ? EPOLLOUT : EPOLLIN, .data.u64 = key};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

void clinux_events_remove(int set, int fd) {
    struct epoll_event event = {0};
    epoll_ctl(set, EPOLL_CTL_DEL, fd, &event);
}

int clinux_events_wait(int set, uint64_t *keys, int room, int milliseconds) {
    struct epoll_event ready[64];
    int count = epoll_wait(set, ready, room < 64 ? room : 64, milliseconds);
    for (int index = 0; index < count; index++) keys[index] = ready[index].data.u64;
    return count < 0 ? 0 : count;
}

int clinux_count_names(int fd) {
    // The kernel's linux_dirent64; glibc shows it only as dirent64, of another size.
    struct entry {
        uint64_t inode;
        int64_t next;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    _Alignas(struct entry) char buffer[8192];
    if (lseek(fd, 0, SEEK_SET) != 0) return -1;
    long size = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    // A removed folder has not even itself; what fills the buffer may have more.
    if (size <= 0 || size > (long)sizeof buffer - 300) return -1;
    int count = 0;
    for (long place = 0; place < size;) {
        struct entry *entry = (struct entry *)(buffer + place);
        if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0) count++;
        place += entry->length;
    }
    return count;
}

static int unix_socket(const char *path, struct sockaddr_un *address) {
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(address->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int closing(int fd) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int clinux_listen(const char *path) {
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (fd < 0) return -1;
    // The mode of a socket's file is that of the socket at the time it is bound, less the umask.
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0600) != 0 || listen(fd, 32) != 0)
        return closing(fd);
    return fd;
}

int clinux_connect(const char *path) {
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (fd < 0) return -1;
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : closing(fd);
}

int clinux_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int clinux_peer(int fd, uint32_t *uid, int *pid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    *uid = peer.uid;
    *pid = peer.pid;
    return 0;
}

int64_t clinux_filesystem_kind(const char *path) {
    struct statfs found;
    return statfs(path, &found) == 0 ? (int64_t)(uint32_t)found.f_type : -1;
}

int clinux_spawn_in_session(void *attributes) {
    short flags;
    int code = posix_spawnattr_getflags(attributes, &flags);
    return code != 0 ? code : posix_spawnattr_setflags(attributes, flags | POSIX_SPAWN_SETSID);
}
