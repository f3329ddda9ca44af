// What the machine itself can do: the limits that lmsbuild is measured against, and the stopwatch of all measurements.
// Knows lists of files as raw.py writes them; knows neither components, caches nor what the files mean.
//
//   rawpass stat LIST THREADS          looks at the status of every file, folder by folder
//   rawpass hash LIST THREADS          reads every file and takes its XXH3-128
//   rawpass touch LIST SECONDS         sets every file's time: the next look at it finds a new status, the same content
//   rawpass spawn COUNT JOBS           runs 'sh -c "exit 0"' COUNT times, JOBS at once
//   rawpass linked LIST FOLDER ARGV…   hard-links every file into FOLDER, runs ARGV, removes FOLDER
//   rawpass measure FD ARGV…           runs ARGV and writes 'nanoseconds peak-KiB wait-status processor-nanoseconds' to FD
//
// 'measure' is here and not in Python because a child's peak of memory is never less than that of the process that
// started it, and this one is small.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

extern char **environ;

enum { BUFFER = 256 * 1024, CHUNK = 64 };

static void fail(const char *what) {
    fprintf(stderr, "rawpass: %s: %s\n", what, strerror(errno));
    exit(1);
}

// "LMSLIST1", the numbers of folders and files, the offset of each folder and of the end, then for each folder its path
// and the names in it, all ended by NUL, so that a pointer goes straight into a system call.
typedef struct {
    const char *bytes;
    uint64_t folders, files;
    const uint64_t *offsets;
} List;

static List list;

static void open_list(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) fail(path);
    const char *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) fail(path);
    close(file);
    if (status.st_size < 24 || memcmp(bytes, "LMSLIST1", 8) != 0) {
        errno = EINVAL;
        fail(path);
    }
    const uint64_t *numbers = (const uint64_t *)(const void *)(bytes + 8);
    list = (List){bytes, numbers[0], numbers[1], numbers + 2};
}

typedef struct {
    uint64_t files, bytes, check;
    char *buffer;
    pthread_t thread;
} Worker;

static void (*visit)(Worker *, int folder, const char *name);
static atomic_uint_fast64_t next_folder;

static void *work(void *argument) {
    Worker *worker = argument;
    for (;;) {
        uint64_t from = atomic_fetch_add(&next_folder, CHUNK);
        if (from >= list.folders) return NULL;
        uint64_t to = from + CHUNK < list.folders ? from + CHUNK : list.folders;
        for (uint64_t number = from; number < to; number++) {
            const char *path = list.bytes + list.offsets[number], *end = list.bytes + list.offsets[number + 1];
            int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
            if (folder < 0) fail(path);
            for (const char *name = path + strlen(path) + 1; name < end; name += strlen(name) + 1) {
                visit(worker, folder, name);
                worker->files++;
            }
            close(folder);
        }
    }
}

static void pass(const char *path, int threads, void (*what)(Worker *, int, const char *)) {
    open_list(path);
    visit = what;
    if (threads < 1 || threads > 64) threads = 1;
    Worker workers[64] = {0};
    for (int index = 0; index < threads; index++) {
        if ((workers[index].buffer = malloc(BUFFER)) == NULL) fail("memory");
        if (pthread_create(&workers[index].thread, NULL, work, &workers[index]) != 0) fail("thread");
    }
    Worker sum = {0};
    for (int index = 0; index < threads; index++) {
        pthread_join(workers[index].thread, NULL);
        sum.files += workers[index].files;
        sum.bytes += workers[index].bytes;
        sum.check ^= workers[index].check;
    }
    if (sum.files != list.files) {
        errno = EINVAL;
        fail("the list does not have as many files as it says");
    }
    printf("%llu files %llu bytes %016llx\n", (unsigned long long)sum.files, (unsigned long long)sum.bytes,
           (unsigned long long)sum.check);
}

static void look(Worker *worker, int folder, const char *name) {
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) fail(name);
    worker->bytes += (uint64_t)status.st_size;
    worker->check ^= (uint64_t)status.st_mtim.tv_nsec ^ (uint64_t)status.st_ino << 20;
}

static void hash(Worker *worker, int folder, const char *name) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) fail(name);
    ssize_t count = read(file, worker->buffer, BUFFER);
    XXH128_hash_t value;
    if (count >= 0 && count < BUFFER) {
        worker->bytes += (uint64_t)count;
        value = XXH3_128bits(worker->buffer, (size_t)count);
    } else {
        XXH3_state_t *state = XXH3_createState();
        if (state == NULL) fail("memory");
        XXH3_128bits_reset(state);
        for (; count > 0; count = read(file, worker->buffer, BUFFER)) {
            worker->bytes += (uint64_t)count;
            XXH3_128bits_update(state, worker->buffer, (size_t)count);
        }
        value = XXH3_128bits_digest(state);
        XXH3_freeState(state);
    }
    if (count < 0) fail(name);
    worker->check ^= value.low64;
    close(file);
}

static struct timespec wanted_time;

static void touch(Worker *worker, int folder, const char *name) {
    struct timespec times[2] = {wanted_time, wanted_time};
    if (utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) != 0) fail(name);
    (void)worker;
}

static pid_t start(char *const *arguments) {
    pid_t child;
    int number = posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ);
    if (number != 0) {
        errno = number;
        fail(arguments[0]);
    }
    return child;
}

static int finished(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) fail("waitpid");
    return status;
}

static void spawn_many(int count, int jobs) {
    char *const arguments[] = {"/bin/sh", "-c", "exit 0", NULL};
    int started = 0;
    for (int ended = 0; ended < count; ended++) {
        for (; started < count && started - ended < jobs; started++) start(arguments);
        if (finished(-1) != 0) fail("sh");
    }
}

// Makes every folder above the last part of `path`.
static void make_parents(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST) fail(path);
        *slash = '/';
    }
}

static int run_linked(const char *path, const char *target, char *const *arguments) {
    open_list(path);
    char place[8192];
    for (uint64_t number = 0; number < list.folders; number++) {
        const char *source = list.bytes + list.offsets[number], *end = list.bytes + list.offsets[number + 1];
        snprintf(place, sizeof place, "%s/%s/", target, source);
        make_parents(place);
        int from = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC), to = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (from < 0 || to < 0) fail(place);
        for (const char *name = source + strlen(source) + 1; name < end; name += strlen(name) + 1)
            if (linkat(from, name, to, name, 0) != 0) fail(name);
        close(from);
        close(to);
    }
    int status = finished(start(arguments));
    // The list is sorted, so a folder comes before those in it.
    for (uint64_t left = list.folders; left > 0; left--) {
        const char *source = list.bytes + list.offsets[left - 1], *end = list.bytes + list.offsets[left];
        snprintf(place, sizeof place, "%s/%s", target, source);
        int folder = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) fail(place);
        for (const char *name = source + strlen(source) + 1; name < end; name += strlen(name) + 1)
            if (unlinkat(folder, name, 0) != 0) fail(name);
        close(folder);
        // As far up as it is empty by now.
        for (size_t floor = strlen(target); strlen(place) >= floor; *strrchr(place, '/') = 0)
            if (rmdir(place) != 0) break;
    }
    return status == 0 ? 0 : 1;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int measure(int report, char *const *arguments) {
    if (fcntl(report, F_SETFD, FD_CLOEXEC) != 0) fail("descriptor for the report");
    struct rusage usage;
    int status;
    uint64_t from = now();
    pid_t child = start(arguments);
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR) fail("wait4");
    uint64_t taken = now() - from;
    uint64_t busy = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000u
        + ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000u;
    dprintf(report, "%llu %ld %d %llu\n", (unsigned long long)taken, usage.ru_maxrss, status, (unsigned long long)busy);
    return 0;
}

int main(int count, char **words) {
    const char *mode = count > 3 ? words[1] : "";
    if (strcmp(mode, "stat") == 0) pass(words[2], atoi(words[3]), look);
    else if (strcmp(mode, "hash") == 0) pass(words[2], atoi(words[3]), hash);
    else if (strcmp(mode, "touch") == 0) {
        wanted_time.tv_sec = atol(words[3]);
        pass(words[2], 2, touch);
    } else if (strcmp(mode, "spawn") == 0) spawn_many(atoi(words[2]), atoi(words[3]));
    else if (strcmp(mode, "linked") == 0 && count > 4) return run_linked(words[2], words[3], words + 4);
    else if (strcmp(mode, "measure") == 0) return measure(atoi(words[2]), words + 3);
    else {
        fputs("usage: rawpass stat|hash|touch LIST NUMBER, spawn COUNT JOBS, linked LIST FOLDER ARGV…, measure FD ARGV…\n",
              stderr);
        return 2;
    }
    return 0;
}
