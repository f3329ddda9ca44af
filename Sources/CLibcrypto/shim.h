// The low-level SHA-256 calls are "deprecated" in OpenSSL 3 in favour of EVP, which fetches an implementation
// by name and reads openssl.cnf at start-up; these do neither.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
