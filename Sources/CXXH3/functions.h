// The functions of one set of vectors; CXXH3_NAME makes their names.
#ifndef CXXH3_FUNCTIONS_H
#define CXXH3_FUNCTIONS_H
#include "CXXH3.h"

typedef struct {
    cxxh3_value (*of)(const void *, size_t);
    void *(*create)(void);
    void (*free)(void *);
    void (*reset)(void *);
    void (*update)(void *, const void *, size_t);
    cxxh3_value (*digest)(const void *);
} cxxh3_functions;

extern const cxxh3_functions cxxh3_plain;
#if defined(__x86_64__)
extern const cxxh3_functions cxxh3_avx2;
#endif
#endif

#ifdef CXXH3_TABLE
static cxxh3_value cxxh3_value_of(XXH128_hash_t hash) {
    cxxh3_value value = {hash.low64, hash.high64};
    return value;
}

static cxxh3_value of(const void *start, size_t count) { return cxxh3_value_of(XXH3_128bits(start, count)); }

static void reset(void *state) { (void)XXH3_128bits_reset((XXH3_state_t *)state); }

static void *create(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state != NULL) reset(state);
    return state;
}

static void release(void *state) { (void)XXH3_freeState((XXH3_state_t *)state); }

static void update(void *state, const void *start, size_t count) {
    (void)XXH3_128bits_update((XXH3_state_t *)state, start, count);
}

static cxxh3_value digest(const void *state) {
    return cxxh3_value_of(XXH3_128bits_digest((const XXH3_state_t *)state));
}

const cxxh3_functions CXXH3_TABLE = {of, create, release, reset, update, digest};
#endif
