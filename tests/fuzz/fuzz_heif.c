/* libFuzzer on HEIC and AVIF through the whole pipeline. */
#include <stdbool.h>

#include "picture.h"

/* An overlay may have a canvas for which libheif, a library of C++, is refused memory. It survives
 * that, but gcc's AddressSanitizer does not. */
static bool suits_the_build(const uint8_t *data, size_t size) {
#if defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
    return !memmem(data, size, "iovl", 4);
#else
    return data && size > 0;
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!suits_the_build(data, size))
        return 0;
    return fuzz_picture(data, size, TT_FORMAT_HEIC, TT_FORMAT_AVIF);
}
