// The vectors that every processor of the architecture has.
#define XXH_INLINE_ALL
#include <xxhash.h>
#define CXXH3_TABLE cxxh3_plain
#include "functions.h"
