#include "CXXH3.h"
#include "functions.h"

static const cxxh3_functions *chosen(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &cxxh3_avx2;
#endif
    return &cxxh3_plain;
}

cxxh3_value cxxh3_of(const void *start, size_t count) { return chosen()->of(start, count); }

cxxh3_state *cxxh3_create(void) { return (cxxh3_state *)chosen()->create(); }

void cxxh3_free(cxxh3_state *state) { chosen()->free(state); }

void cxxh3_reset(cxxh3_state *state) { chosen()->reset(state); }

void cxxh3_update(cxxh3_state *state, const void *start, size_t count) { chosen()->update(state, start, count); }

cxxh3_value cxxh3_digest(const cxxh3_state *state) { return chosen()->digest(state); }
