/* The benchmark's floor does only what no decoder of an upload can leave out. It decodes base64
 * (with libb64, in one call, without checks) and the luma of the JPEG in it at an eighth of its
 * size (with libjpeg-turbo, which does all of the Huffman decoding, next to no transform, and no
 * colour), again and again for so long. Nothing is resized, encoded, written, hashed or answered.
 *
 * floor_driver FILE SECONDS   FILE: a JPEG in base64, without line breaks
 * Output: CPU time in ms of one round, user and system. */
#include <stdio.h> /* jpeglib.h needs it first. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <b64/cdecode.h>
#include <jpeglib.h>

#define TEXT_MAX_BYTES ((size_t)64 * 1024 * 1024)

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "floor_driver: %s\n", what);
    exit(EXIT_FAILURE);
}

static double seconds_of(clockid_t clock) {
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        fail("clock");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void decode_luma(const unsigned char *jpeg, size_t length) {
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    unsigned char *row;

    decoder.err = jpeg_std_error(&errors); /* It says what is wrong, and exits. */
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, jpeg, length);
    (void)jpeg_read_header(&decoder, TRUE);
    decoder.out_color_space = JCS_GRAYSCALE;
    decoder.scale_num = 1;
    decoder.scale_denom = 8;
    (void)jpeg_start_decompress(&decoder);
    row = malloc(decoder.output_width);
    if (row == NULL)
        fail("memory");
    while (decoder.output_scanline < decoder.output_height)
        (void)jpeg_read_scanlines(&decoder, &row, 1);
    (void)jpeg_finish_decompress(&decoder);
    jpeg_destroy_decompress(&decoder);
    free(row);
}

int main(int argc, char **argv) {
    char *text = malloc(TEXT_MAX_BYTES);
    char *bytes = malloc(TEXT_MAX_BYTES);
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    double cpu_s, end_s;
    size_t length;
    int rounds = 0;

    if (text == NULL || bytes == NULL || file == NULL)
        fail("usage: floor_driver FILE SECONDS");
    length = fread(text, 1, TEXT_MAX_BYTES, file);
    if (length == 0 || length == TEXT_MAX_BYTES || fclose(file) != 0)
        fail("the file is empty, too long or not to be read");
    cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    end_s = seconds_of(CLOCK_MONOTONIC) + strtod(argv[2], NULL);
    do {
        base64_decodestate state;

        base64_init_decodestate(&state);
        decode_luma((unsigned char *)bytes,
                    (size_t)base64_decode_block(text, (int)length, bytes, &state));
        rounds++;
    } while (seconds_of(CLOCK_MONOTONIC) < end_s);
    (void)printf("%.3f\n", (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_s) * 1000 / rounds);
    free(text);
    free(bytes);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
