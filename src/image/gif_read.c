/* GIF reader: a row source over giflib. Here: the first frame laid on the canvas, its palette as
 * samples, its transparency as alpha.
 *
 * Only the first frame is ever decoded, and nothing behind it is read: of a file cut there every
 * pixel of the picture is present. Canvas that the frame leaves free is transparent, as browsers
 * show it, and one that the frame reaches over grows. giflib takes its few tables (below 64 KiB
 * whatever the file says) from the heap; it is closed in close. */
#include <stdbool.h>
#include <string.h>

#include <gif_lib.h>

#include "image/decoder.h"
#include "image/gif_codes.h"
#include "image/input.h"
#include "image/luma.h"

#define SEND_AGAIN "Send it again, or save it again from a program that can still open it."

#define COLORS_MAX 256 /* GIF89a, 19.c: at most 8 bits an index */

struct gif_decoder {
    struct tt_decoder base; /* first: see decoder.h */
    GifFileType *library;
    struct tt_input input;
    enum tt_err read_err; /* of the file, which giflib only takes for its end */
    bool is_cut;          /* the end came where giflib wanted more */
    GifImageDesc frame;   /* on the canvas, which is base.header's size */
    int transparent;      /* index, or NO_TRANSPARENT_COLOR */
    bool is_gray;
    uint8_t samples[COLORS_MAX][4]; /* of an index, in the source's channels */
    uint8_t *indices;               /* a row of the frame, or all of them when interlaced */
    uint8_t *row;                   /* of the canvas */
    int rows_given;                 /* of the canvas */
    int rows_read;                  /* of the frame, when not interlaced */
};

/* ---- errors ---- */

static enum tt_err note_failure(const struct gif_decoder *decoder, int code) {
    if (decoder->read_err != TT_OK)
        return decoder->read_err;
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
        return tt_err_fail(TT_ERR_NO_MEMORY, "giflib");
    if (decoder->is_cut || code == D_GIF_ERR_EOF_TOO_SOON)
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The GIF ends before the picture does: the "
                                                    "file was cut short. " SEND_AGAIN);
    const char *text = GifErrorString(code);
    return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The GIF is damaged (%s). " SEND_AGAIN,
                         text ? text : "its pixels");
}

static enum tt_err note_library_failure(const struct gif_decoder *decoder) {
    return note_failure(decoder, decoder->library->Error);
}

/* ---- the header ---- */

static int read_file(GifFileType *library, GifByteType *bytes, int length) {
    struct gif_decoder *decoder = library->UserData;
    size_t got = 0;
    enum tt_err err = tt_input_read(&decoder->input, bytes, (size_t)length, &got);
    if (err != TT_OK)
        decoder->read_err = err;
    decoder->is_cut = decoder->is_cut || got < (size_t)length;
    return (int)got;
}

static enum tt_err read_extension(struct gif_decoder *decoder) {
    int function = 0;
    GifByteType *block = NULL; /* its length first */
    GraphicsControlBlock control;
    int done = DGifGetExtension(decoder->library, &function, &block);
    while (done == GIF_OK && block) {
        if (function == GRAPHICS_EXT_FUNC_CODE &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            decoder->transparent = control.TransparentColor;
        done = DGifGetExtensionNext(decoder->library, &block);
    }
    return done == GIF_OK ? TT_OK : note_library_failure(decoder);
}

/* Reads up to the first frame's descriptor, and that too. */
static enum tt_err find_frame(struct gif_decoder *decoder) {
    for (;;) {
        GifRecordType record = UNDEFINED_RECORD_TYPE;
        if (DGifGetRecordType(decoder->library, &record) != GIF_OK)
            return note_library_failure(decoder);
        if (record == TERMINATE_RECORD_TYPE)
            return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The GIF has no picture. " SEND_AGAIN);
        if (record == IMAGE_DESC_RECORD_TYPE)
            break;
        if (record != EXTENSION_RECORD_TYPE)
            return note_failure(decoder, D_GIF_ERR_WRONG_RECORD);
        enum tt_err err = read_extension(decoder);
        if (err != TT_OK)
            return err;
    }
    if (DGifGetImageDesc(decoder->library) != GIF_OK)
        return note_library_failure(decoder);
    decoder->frame = decoder->library->Image;
    return TT_OK;
}

static enum tt_err read_palette(struct gif_decoder *decoder) {
    const ColorMapObject *map =
        decoder->frame.ColorMap ? decoder->frame.ColorMap : decoder->library->SColorMap;
    if (!map)
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN, "The GIF has no palette. " SEND_AGAIN);
    decoder->is_gray = true;
    for (int i = 0; i < COLORS_MAX; i++) {
        /* An index beyond the palette is an error; it shows black, as in a PNG. */
        GifColorType color = i < map->ColorCount ? map->Colors[i] : (GifColorType){0};
        uint8_t *sample = decoder->samples[i];
        sample[0] = color.Red;
        sample[1] = color.Green;
        sample[2] = color.Blue;
        sample[3] = i == decoder->transparent ? 0 : 255;
        if (color.Red != color.Green || color.Green != color.Blue)
            decoder->is_gray = false;
    }
    return TT_OK;
}

static int greater(int a, int b) {
    return a > b ? a : b;
}

static bool frame_fills_canvas(const struct gif_decoder *decoder) {
    return decoder->frame.Width == decoder->base.header.width_px &&
           decoder->frame.Height == decoder->base.header.height_px;
}

/* giflib has read the first byte of the codes already. */
static enum tt_err check_codes(const struct gif_decoder *decoder) {
    const struct tt_input *input = &decoder->input;
    off_t offset = input->offset - (off_t)(input->length - input->position) - 1;
    return tt_gif_codes_check(&decoder->base, offset,
                              (int64_t)decoder->frame.Width * decoder->frame.Height);
}

/* Sides have 16 bits in the file, so no sum of them overflows. */
static enum tt_err read_header(struct gif_decoder *decoder) {
    struct tt_picture_header *header = &decoder->base.header;
    const GifImageDesc *frame = &decoder->frame;
    enum tt_err err = find_frame(decoder);
    if (err != TT_OK)
        return err;
    header->width_px = greater(decoder->library->SWidth, frame->Left + frame->Width);
    header->height_px = greater(decoder->library->SHeight, frame->Top + frame->Height);
    if (frame->Width == 0 || frame->Height == 0)
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                             "The GIF's header gives no width or no height. " SEND_AGAIN);
    err = tt_decoder_check_pixels(&decoder->base, header->width_px, header->height_px);
    if (err == TT_OK)
        err = read_palette(decoder);
    if (err == TT_OK)
        err = check_codes(decoder);
    if (err != TT_OK)
        return err;
    bool alpha = decoder->transparent != NO_TRANSPARENT_COLOR || !frame_fills_canvas(decoder);
    header->channels = (decoder->is_gray ? 1 : 3) + (alpha ? 1 : 0);
    return TT_OK;
}

/* ---- rows ---- */

/* Palette entries become pixels of the source. */
static void convert_palette(struct gif_decoder *decoder, int channels) {
    for (int i = 0; i < COLORS_MAX; i++) {
        uint8_t *sample = decoder->samples[i];
        if (channels > 2)
            continue;
        sample[0] = tt_luma(sample[0], sample[1], sample[2]); /* of r = g = b it is just that */
        sample[1] = sample[3];
    }
}

static enum tt_err read_row(struct gif_decoder *decoder, uint8_t *indices) {
    if (DGifGetLine(decoder->library, indices, decoder->frame.Width) != GIF_OK)
        return note_library_failure(decoder);
    return TT_OK;
}

/* Interlaced rows come in four passes (GIF89a, appendix E): every 8th row from 0, every 8th from 4,
 * every 4th from 2, every 2nd from 1. */
static enum tt_err read_interlaced(struct gif_decoder *decoder) {
    static const struct { int from, step; } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
    size_t row_bytes = (size_t)decoder->frame.Width;
    for (size_t pass = 0; pass < sizeof passes / sizeof *passes; pass++)
        for (int y = passes[pass].from; y < decoder->frame.Height; y += passes[pass].step) {
            enum tt_err err = read_row(decoder, decoder->indices + (size_t)y * row_bytes);
            if (err != TT_OK)
                return err;
        }
    return TT_OK;
}

static void lay_on_canvas(struct gif_decoder *decoder, const uint8_t *indices) {
    size_t channels = (size_t)decoder->base.source.channels;
    uint8_t *to = decoder->row + (size_t)decoder->frame.Left * channels;
    for (int x = 0; x < decoder->frame.Width; x++, to += channels)
        memcpy(to, decoder->samples[indices[x]], channels);
}

/* ---- the decoder's functions ---- */

static enum tt_err next_row(struct tt_row_source *self, const uint8_t **row) {
    struct gif_decoder *decoder = (struct gif_decoder *)self;
    const GifImageDesc *frame = &decoder->frame;
    int y = decoder->rows_given++ - frame->Top;
    *row = decoder->row;
    if (y >= 0 && y < frame->Height) {
        const uint8_t *indices = decoder->indices;
        if (frame->Interlace) {
            indices += (size_t)y * (size_t)frame->Width;
        } else {
            enum tt_err err = read_row(decoder, decoder->indices);
            if (err != TT_OK)
                return err;
            decoder->rows_read++;
        }
        lay_on_canvas(decoder, indices);
    } else if (y == frame->Height) {
        /* From here on the canvas shows below the frame. Above it, row is still all zeros. */
        memset(decoder->row, 0, (size_t)self->width_px * (size_t)self->channels);
    }
    return TT_OK;
}

static enum tt_err start_gif(struct tt_decoder *self, bool grayscale) {
    struct gif_decoder *decoder = (struct gif_decoder *)self;
    const GifImageDesc *frame = &decoder->frame;
    bool to_gray = grayscale && self->header.channels >= 3;
    self->source.width_px = self->header.width_px;
    self->source.height_px = self->header.height_px;
    self->source.channels = self->header.channels - (to_gray ? 2 : 0);
    self->source.next = next_row;
    convert_palette(decoder, self->source.channels);
    decoder->row = tt_arena_alloc_array(self->arena, (size_t)self->source.width_px,
                                        (size_t)self->source.channels);
    decoder->indices = tt_arena_alloc_array(
        self->arena, frame->Interlace ? (size_t)frame->Height : 1, (size_t)frame->Width);
    if (!decoder->row || !decoder->indices)
        return TT_ERR_NO_MEMORY;
    return frame->Interlace ? read_interlaced(decoder) : TT_OK;
}

/* At the frame's last row giflib reads on to the end of its blocks. */
static enum tt_err finish_gif(struct tt_decoder *self) {
    struct gif_decoder *decoder = (struct gif_decoder *)self;
    enum tt_err err = TT_OK;
    if (decoder->frame.Interlace)
        return TT_OK;
    for (; decoder->rows_read < decoder->frame.Height && err == TT_OK; decoder->rows_read++)
        err = read_row(decoder, decoder->indices);
    return err;
}

static void close_gif(struct tt_decoder *self) {
    struct gif_decoder *decoder = (struct gif_decoder *)self;
    if (decoder->library)
        DGifCloseFile(decoder->library, NULL); /* it frees everything, whatever it returns */
    decoder->library = NULL;
}

static enum tt_err open_gif(struct tt_decoder *self) {
    struct gif_decoder *decoder = (struct gif_decoder *)self;
    int code = 0;
    self->start = start_gif;
    self->finish = finish_gif;
    self->close = close_gif;
    decoder->transparent = NO_TRANSPARENT_COLOR;
    enum tt_err err = tt_input_init(&decoder->input, self->fd, self->arena);
    if (err != TT_OK)
        return err;
    decoder->library = DGifOpen(decoder, read_file, &code);
    return decoder->library ? read_header(decoder) : note_failure(decoder, code);
}

const struct tt_decoder_kind tt_gif_decoder_kind = {sizeof(struct gif_decoder), open_gif};
