/* PNG writer: pulls rows and writes IHDR, IDAT and IEND with libpng; no other chunk.
 *
 * Errors jump back to run_step's setjmp, the only one here; all state lives in struct png_encoder.
 * All of libpng's and zlib's memory comes from the arena. */
#include <setjmp.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "image/codec.h"
#include "tintype/file.h"

#define BUFFER_BYTES 65536

/* How hard to compress. Measured on 12 photographs (Debian's mate-backgrounds, 720 px wide, gray),
 * CPU time as the mean of each one's best of 25 runs, and on a drawing of text and boxes (gray,
 * 720 x 540, and RGB, 1024 x 768); sizes are relative to the default of Pillow 9.4:
 *
 *     filters        strategy           photographs       drawing, gray and RGB
 *     all            Z_FILTERED, 6    39.6 ms   0.98      1.01   1.00   (libpng's default)
 *     all            Z_RLE             7.3 ms   0.94      1.03   2.01
 *     sub, up, avg   Z_RLE             5.2 ms   0.95      1.03   2.10
 *     sub, up, avg   Z_HUFFMAN_ONLY    4.2 ms   0.94      1.40   9.87
 *     up             Z_RLE             4.4 ms   1.05      1.10   2.99
 *     avg            level 1           5.1 ms   1.15      1.15   2.43
 *
 * A photograph has no strings worth a search, so runs and Huffman codes are all there is to gain;
 * Paeth costs as much as the other filters together and gains one percent. IDAT chunks of 64 KiB
 * instead of libpng's 8 KiB gain a tenth of a percent and no time. */
#define FILTERS  (PNG_FILTER_SUB | PNG_FILTER_UP | PNG_FILTER_AVG)
#define STRATEGY Z_RLE

#define VECTOR_BYTES 16

struct png_encoder {
    png_structp library;
    png_infop info;
    struct tt_arena *arena;
    jmp_buf escape;
    enum tt_err err; /* why `escape` was taken */
    int fd;
    struct tt_row_source *source;
    uint8_t *above; /* the row before, zeros before the first */
    size_t length;  /* bytes in buffer */
    uint8_t buffer[BUFFER_BYTES];
};

static _Noreturn void leave_step(struct png_encoder *encoder, enum tt_err err) {
    encoder->err = err;
    longjmp(encoder->escape, 1);
}

static _Noreturn void on_error(png_structp library, png_const_charp text) {
    struct png_encoder *encoder = png_get_error_ptr(library);
    if (encoder->err == TT_OK)
        encoder->err = tt_err_fail(TT_ERR_INTERNAL, "libpng: %s", text);
    leave_step(encoder, encoder->err);
}

static void on_warning(png_structp library, png_const_charp text) {
    (void)library;
    (void)text;
}

static png_voidp take_memory(png_structp library, png_alloc_size_t size) {
    struct png_encoder *encoder = png_get_mem_ptr(library);
    void *memory = tt_arena_alloc(encoder->arena, size);
    if (!memory)
        encoder->err = TT_ERR_NO_MEMORY;
    return memory;
}

static void give_memory_back(png_structp library, png_voidp memory) {
    (void)library;
    (void)memory; /* with the arena */
}

static void flush_file(png_structp library) {
    struct png_encoder *encoder = png_get_io_ptr(library);
    enum tt_err err = tt_file_write(encoder->fd, encoder->buffer, encoder->length);
    encoder->length = 0;
    if (err != TT_OK)
        leave_step(encoder, err);
}

/* libpng writes a chunk's length, type, data and CRC one by one. */
static void write_file(png_structp library, png_bytep bytes, size_t length) {
    struct png_encoder *encoder = png_get_io_ptr(library);
    while (length > 0) {
        size_t count = BUFFER_BYTES - encoder->length;
        if (count > length)
            count = length;
        memcpy(encoder->buffer + encoder->length, bytes, count);
        encoder->length += count;
        bytes += count;
        length -= count;
        if (encoder->length == BUFFER_BYTES)
            flush_file(library);
    }
}

/* What a row would cost under each filter. */
struct costs {
    uint32_t sub, up, average; /* a row's 4 million bytes, 128 each, fit */
};

/* A difference is a signed byte; its magnitude is the lesser of it and its negative, unsigned. */
static inline uint8_t magnitude(int difference) {
    uint8_t forth = (uint8_t)difference;
    uint8_t back = (uint8_t)-difference;

    return forth < back ? forth : back;
}

static inline void add_costs(struct costs *costs, const uint8_t *row, const uint8_t *left,
                             const uint8_t *above, size_t length) {
    uint32_t sub = 0;
    uint32_t up = 0;
    uint32_t average = 0;

    for (size_t i = 0; i < length; i++) {
        sub += magnitude(row[i] - left[i]);
        up += magnitude(row[i] - above[i]);
        average += magnitude(row[i] - (left[i] + above[i]) / 2);
    }
    costs->sub += sub;
    costs->up += up;
    costs->average += average;
}

/* The filter with the least sum of magnitudes (PNG specification, 12.7), which is how libpng
 * chooses as well; but the loop above is one that compilers turn into vector code. The files are
 * the same, in 0.8 of the CPU time on photographs (3.8 against 4.7 ms for 720 x 588 gray, 34
 * against 45 million instructions) and in half of it on drawings. */
static int choose_filter(const uint8_t *row, const uint8_t *above, size_t length, size_t channels) {
    static const uint8_t nothing[4] = {0};
    struct costs costs = {0};
    size_t rest = length - channels;
    size_t whole = rest / VECTOR_BYTES * VECTOR_BYTES;

    add_costs(&costs, row, nothing, above, channels);
    add_costs(&costs, row + channels, row, above + channels, whole);
    add_costs(&costs, row + channels + whole, row + whole, above + channels + whole, rest - whole);
    if (costs.sub <= costs.up && costs.sub <= costs.average)
        return PNG_FILTER_SUB;
    return costs.up <= costs.average ? PNG_FILTER_UP : PNG_FILTER_AVG;
}

static void write_step(struct png_encoder *encoder) {
    static const int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                      PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    struct tt_row_source *source = encoder->source;
    encoder->library =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, encoder, on_error, on_warning, encoder,
                                  take_memory, give_memory_back);
    png_structp library = encoder->library;
    if (library)
        encoder->info = png_create_info_struct(library);
    if (!encoder->info)
        leave_step(encoder, encoder->err != TT_OK
                                ? encoder->err
                                : tt_err_fail(TT_ERR_INTERNAL, "png_create_write_struct_2"));
    png_set_write_fn(library, encoder, write_file, flush_file);
    png_set_user_limits(library, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_filter(library, PNG_FILTER_TYPE_BASE, FILTERS);
    png_set_compression_strategy(library, STRATEGY);
    png_set_IHDR(library, encoder->info, (png_uint_32)source->width_px,
                 (png_uint_32)source->height_px, 8, color_types[source->channels],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(library, encoder->info);
    size_t channels = (size_t)source->channels;
    size_t row_bytes = (size_t)source->width_px * channels;
    for (int y = 0; y < source->height_px; y++) {
        const uint8_t *row = NULL;
        enum tt_err err = source->next(source, &row);
        if (err != TT_OK)
            leave_step(encoder, err);
        /* At the first row libpng takes the memory that the filters set by then need. */
        if (y > 0)
            png_set_filter(library, PNG_FILTER_TYPE_BASE,
                           choose_filter(row, encoder->above, row_bytes, channels));
        png_write_row(library, row);
        memcpy(encoder->above, row, row_bytes);
    }
    png_write_end(library, NULL);
    flush_file(library);
}

static enum tt_err run_step(struct png_encoder *encoder) {
    if (setjmp(encoder->escape) == 0)
        write_step(encoder);
    return encoder->err;
}

enum tt_err tt_png_write(int fd, struct tt_row_source *source, struct tt_arena *arena) {
    struct png_encoder *encoder = tt_arena_alloc(arena, sizeof *encoder);
    if (!encoder)
        return TT_ERR_NO_MEMORY;
    encoder->above =
        tt_arena_alloc_array(arena, (size_t)source->width_px, (size_t)source->channels);
    if (!encoder->above)
        return TT_ERR_NO_MEMORY;
    encoder->arena = arena;
    encoder->fd = fd;
    encoder->source = source;
    enum tt_err err = run_step(encoder);
    if (encoder->library)
        png_destroy_write_struct(&encoder->library, &encoder->info);
    return err;
}
