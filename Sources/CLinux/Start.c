// One clone3 with CLONE_VFORK: the child borrows this process's memory until it executes the program, gets the default
// handling of all signals that are handled here, and comes with a descriptor of its end. posix_spawn asks for each of the 64
// signals, for a stack, and leaves the descriptor to another call.
#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// Headers that define the flags clash with those of glibc before 2.36.
enum { VM = 0x100, PIDFD = 0x1000, VFORK = 0x4000 };
static const uint64_t clear_handlers = 0x100000000ULL;

struct clone_request {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

struct start {
    const struct clinux_program *program;
    uint64_t ignored;
    // What went wrong, told by the child in the memory that it borrows; -1: the kernel lacks a call.
    int failure;
};

// Signals that this process ignored when it was started, or ignores by now: an execve would hand that on. Found once, since
// SIGPIPE is the only one that this program itself ever ignores.
static uint64_t ignored_signals(void) {
    static _Atomic uint64_t known;
    uint64_t ignored = atomic_load_explicit(&known, memory_order_relaxed);
    if (ignored != 0) return ignored;
    ignored = UINT64_C(1) << (SIGPIPE - 1);
    for (int number = 1; number <= 64; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            ignored |= UINT64_C(1) << (number - 1);
    }
    atomic_store_explicit(&known, ignored, memory_order_relaxed);
    return ignored;
}

// Must neither return nor touch anything that the thread that waits for it will look at, but `failure`.
static void child(struct start *start) {
    const struct clinux_program *program = start->program;
    for (uint64_t rest = start->ignored; rest != 0; rest &= rest - 1) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(__builtin_ctzll(rest) + 1, &action, NULL);
    }
    int given[3] = {program->input, program->output, program->errors};
    int failed = setpgid(0, 0);
    for (int stream = 0; stream < 3 && failed == 0; stream++) {
        if (given[stream] >= 0) {
            failed = dup2(given[stream], stream) < 0;
        } else {
            close(stream);
            int null = open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY);
            failed = null != stream && (null < 0 || dup2(null, stream) < 0);
        }
    }
    if (failed == 0 && syscall(SYS_close_range, 3U, ~0U, 0U) != 0) {
        start->failure = -1;
        _exit(127);
    }
    if (failed == 0) failed = chdir(program->folder);
    if (failed == 0) {
        uint64_t none = 0;
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
        execve(program->path, program->arguments, program->environment);
    }
    start->failure = errno;
    _exit(127);
}

// Calls `child` in the new process, on its own stack; gives what the kernel says to this one.
static long clone_child(struct clone_request *request, struct start *start) {
#if defined(__x86_64__)
    register struct start *argument __asm__("r12") = start;
    register void (*body)(struct start *) __asm__("r13") = child;
    long result;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r12, %%rdi\n\t"
        "call *%%r13\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone3), "D"(request), "S"(sizeof *request), "r"(argument), "r"(body)
        : "rcx", "r11", "memory", "cc");
    return result;
#elif defined(__aarch64__)
    register long result __asm__("x0") = (long)request;
    register long size __asm__("x1") = sizeof *request;
    register long number __asm__("x8") = SYS_clone3;
    register struct start *argument __asm__("x19") = start;
    register void (*body)(struct start *) __asm__("x20") = child;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, #0\n\t"
        "mov x0, x19\n\t"
        "blr x20\n\t"
        "brk #0\n"
        "1:"
        : "+r"(result)
        : "r"(size), "r"(number), "r"(argument), "r"(body)
        : "memory", "cc");
    return result;
#else
    (void)request, (void)start, (void)child;
    return -ENOSYS;
#endif
}

int clinux_start(const struct clinux_program *program, int *pid, int *pid_descriptor) {
    // In this thread's own memory, which stands still until the child is through with it.
    _Alignas(64) char stack[32 * 1024];
    struct start start = {.program = program, .ignored = ignored_signals(), .failure = 0};
    int descriptor = -1;
    struct clone_request request = {
        .flags = VM | VFORK | PIDFD | clear_handlers,
        .pidfd = (uint64_t)(uintptr_t)&descriptor,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = sizeof stack,
    };
    // Nobody may be told of a signal in the memory of this process but with the stack of another.
    uint64_t all = ~UINT64_C(0), before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long result = clone_child(&request, &start);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    // Kernels that lack it or one of its flags, and filters that hide it.
    if (result == -ENOSYS || result == -EINVAL || result == -EPERM) return -1;
    if (result < 0) return (int)-result;
    if (start.failure != 0) {
        while (waitpid((pid_t)result, NULL, 0) < 0 && errno == EINTR) {}
        close(descriptor);
        return start.failure;
    }
    *pid = (int)result;
    *pid_descriptor = descriptor;
    return 0;
}
