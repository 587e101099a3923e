/* What the fuzzers share: a check that ends the process, and bytes as files and as texts. Each
 * fuzzer includes this once. */
#ifndef TINTYPE_TESTS_FUZZ_H
#define TINTYPE_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tintype/err.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What libFuzzer calls with each input. A fuzzer reads it, and says 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file in memory, to be closed. */
static inline int fuzz_file(const uint8_t *bytes, size_t length) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, bytes, length) == (ssize_t)length);
    return fd;
}

/* The bytes with a NUL behind them, to be freed. The block has their exact size, so that a
 * sanitizer sees a read past the end. */
static inline char *fuzz_text(const uint8_t *bytes, size_t length) {
    char *text = malloc(length + 1);
    CHECK(text);
    memcpy(text, bytes, length);
    text[length] = '\0';
    return text;
}

#endif
