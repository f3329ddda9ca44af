// AVX2, chosen at run time: the rest of the program is built for any processor of the architecture.
#if defined(__x86_64__)
// What xxhash.h includes must not become AVX2 itself.
#include <immintrin.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "CXXH3.h"
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define XXH_INLINE_ALL
#define XXH_VECTOR 2 // XXH_AVX2
#include <xxhash.h>
#define CXXH3_TABLE cxxh3_avx2
#include "functions.h"
#pragma clang attribute pop
#endif
