/* libFuzzer on a GIF through the whole pipeline. */
#include "picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_picture(data, size, TT_FORMAT_GIF, TT_FORMAT_GIF);
}
