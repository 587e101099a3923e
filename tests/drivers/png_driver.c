/* Encodes the pictures it reads, for tests/bench/png_bench.py.
 *
 * Input, one picture after the other: "<width> <height> <channels>\n" and the samples. Output for
 * each: "<CPU time in ns> <bytes>\n" and the file. */
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "image/codec.h"

#define SIDE_MAX_PX   16384
#define ARENA_BYTES   ((size_t)64 << 20)
#define NS_PER_SECOND INT64_C(1000000000)

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "png_driver: %s: %s\n", what, tt_err_cause());
    exit(EXIT_FAILURE);
}

static int64_t cpu_ns(void) {
    struct timespec now;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
        fail("clock_gettime");
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void answer(int fd, int64_t ns) {
    off_t length = lseek(fd, 0, SEEK_END);
    uint8_t *bytes = mmap(NULL, (size_t)length, PROT_READ, MAP_SHARED, fd, 0);

    if (length <= 0 || bytes == MAP_FAILED)
        fail("mmap");
    (void)printf("%lld %lld\n", (long long)ns, (long long)length);
    if (fwrite(bytes, 1, (size_t)length, stdout) != (size_t)length || fflush(stdout) != 0)
        fail("standard output");
    (void)munmap(bytes, (size_t)length);
}

static void encode(int width_px, int height_px, int channels) {
    const struct tt_encoder_wish wish = {TT_FORMAT_PNG, width_px, height_px, channels, 0};
    size_t row_bytes = (size_t)width_px * (size_t)channels;
    size_t length = row_bytes * (size_t)height_px;
    uint8_t *samples = malloc(length);
    int fd = memfd_create("result", MFD_CLOEXEC);

    if (!samples || fd < 0 || fread(samples, 1, length, stdin) != length)
        fail("the samples");
    int64_t start_ns = cpu_ns();
    struct tt_arena arena;
    struct tt_encoder *encoder;
    tt_arena_init(&arena, ARENA_BYTES);
    if (tt_encoder_open(&encoder, fd, &wish, &arena) != TT_OK)
        fail("tt_encoder_open");
    struct tt_row_sink *sink = tt_encoder_sink(encoder);
    for (int y = 0; y < height_px; y++)
        if (sink->put(sink, samples + (size_t)y * row_bytes) != TT_OK)
            fail("put");
    tt_encoder_close(encoder);
    tt_arena_fini(&arena);
    answer(fd, cpu_ns() - start_ns);
    (void)close(fd);
    free(samples);
}

/* Reads a line of three numbers. Returns false at the input's end. */
static bool next_size(int size[3]) {
    char line[64];
    char *next = line;

    if (!fgets(line, sizeof line, stdin))
        return false;
    for (int i = 0; i < 3; i++) {
        long number = strtol(next, &next, 10);

        if (number < 1 || number > (i < 2 ? SIDE_MAX_PX : 4))
            fail("the size");
        size[i] = (int)number;
    }
    return true;
}

int main(void) {
    int size[3];

    /* The service's decoders keep their heap between pictures, and so does this program. */
    (void)mallopt(M_MMAP_THRESHOLD, (int)ARENA_BYTES / 2);
    (void)mallopt(M_TRIM_THRESHOLD, (int)ARENA_BYTES);

    while (next_size(size))
        encode(size[0], size[1], size[2]);
    return EXIT_SUCCESS;
}
