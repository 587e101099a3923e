/* libFuzzer on HEIC and AVIF through the whole pipeline.
 *
 * libheif takes some things of a file for granted, as that a part of a picture is there, and
 * asserts them. In the service that ends the decoder, and the answer is 422; here it ends the
 * input. What the input has taken is lost then, so nobody looks for leaks; libheif 1.15 has some as
 * well. */
#include <assert.h>
#include <sched.h>
#include <setjmp.h>
#include <stdbool.h>

#define FUZZ_ASAN_OPTIONS ":detect_leaks=0"
#include "picture.h"

static jmp_buf way_out;

/* It takes the place of glibc's own, in all libraries as well. */
void __assert_fail(const char *assertion, // NOLINT(bugprone-reserved-identifier)
                   const char *file, unsigned int line, const char *function) {
    (void)assertion;
    (void)file;
    (void)line;
    (void)function;
    longjmp(way_out, 1); // NOLINT(cert-err52-cpp)
}

/* An overlay may have a canvas for which libheif, a library of C++, is refused memory. It survives
 * that, but gcc's AddressSanitizer does not. */
static bool suits_the_build(const uint8_t *data, size_t size) {
#if defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
    return !memmem(data, size, "iovl", 4);
#else
    return data && size > 0;
#endif
}

/* Returns a descriptor that the next one to be opened will have. */
static unsigned int next_descriptor(void) {
    int fd = dup(STDIN_FILENO);
    CHECK(fd >= 0 && close(fd) == 0);
    return (unsigned int)fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* While libheif decodes, heif_read.c has another stderr, and one processor alone. */
    FILE *const usual = stderr;
    cpu_set_t processors;
    const unsigned int first = next_descriptor();
    if (!suits_the_build(data, size))
        return 0;
    CHECK(sched_getaffinity(0, sizeof processors, &processors) == 0);
    if (setjmp(way_out) == 0)
        return fuzz_picture(data, size, TT_FORMAT_HEIC, TT_FORMAT_AVIF);
    stderr = usual;
    CHECK(sched_setaffinity(0, sizeof processors, &processors) == 0);
    close_range(first, ~0U, 0);
    return 0;
}
