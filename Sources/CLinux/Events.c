#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
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
