/* libFuzzer on a WebP through the whole pipeline. */
#include "picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_picture(data, size, TT_FORMAT_WEBP, TT_FORMAT_WEBP);
}
