// XXH3-128 by the widest vectors of the processor it runs on. The same values as libxxhash gives, which knows but those that
// it was built for.
#ifndef CXXH3_H
#define CXXH3_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t low;
    uint64_t high;
} cxxh3_value;

/// Of `count` bytes from `start` on, which may be null where there are none.
cxxh3_value cxxh3_of(const void *start, size_t count);

/// Of bytes that come in pieces. `cxxh3_create` gives null where there is no memory, and otherwise a state that has seen nothing.
typedef struct cxxh3_state cxxh3_state;
cxxh3_state *cxxh3_create(void);
void cxxh3_free(cxxh3_state *state);
void cxxh3_reset(cxxh3_state *state);
void cxxh3_update(cxxh3_state *state, const void *start, size_t count);
cxxh3_value cxxh3_digest(const cxxh3_state *state);
#endif
