/* Base64: the check of every character, the data: prefix, and the calls of libb64.
 *
 * libb64 skips what is not in the alphabet, so every character is checked before it gets there, and
 * it is handed alphabet characters alone: white space and padding stop here. What its version 1.2
 * does with the output, read from its code: base64_decode_block first stores the partial byte kept
 * in its state into out[0], stores the partial byte behind the last whole one, and at the end reads
 * out[written] into its state, written or not. It so touches written + 1 bytes, and text and output
 * must not overlap. It returns the number of whole bytes, at most one for each character.
 */
#include "web/base64.h"

#include <string.h>
#include <strings.h>

#include "tintype/text.h"

/* libb64 counts in int. */
#define BLOCK_MAX_BYTES ((size_t)1 << 30)

static const char data_scheme[] = "data:";
#define DATA_SCHEME_LENGTH (sizeof data_scheme - 1)

static const char base64_mark[] = ";base64";
#define BASE64_MARK_LENGTH (sizeof base64_mark - 1)

/* 0 for the 64 characters of the alphabet, 1 for all else, so that or-ing rows checks many. */
#define NO2  1, 1
#define NO4  NO2, NO2
#define NO16 NO4, NO4, NO4, NO4
#define NO64 NO16, NO16, NO16, NO16
static const uint8_t outside_alphabet[256] = {
    /* clang-format off */
    NO16, NO16,
    NO4, NO4, NO2, 1, 0, 1, 1, 1, 0,                     /* + and / */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NO4, NO2,              /* 0 to 9 */
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* A to O */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NO4, 1,             /* P to Z */
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* a to o */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NO4, 1,             /* p to z */
    NO64, NO64,
    /* clang-format on */
};

static bool is_space(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static enum tt_err refuse_character(const struct tt_base64 *base64, char character) {
    unsigned long long position = base64->position + 1;
    if (character == '-' || character == '_')
        return tt_err_refuse(
            TT_ERR_BASE64,
            "Character %llu of the base64 text is '%c', of the URL-safe alphabet. "
            "Send standard base64: A to Z, a to z, 0 to 9, + and /, padded with =.",
            position, character);
    if (character > ' ' && character < 0x7F)
        return tt_err_refuse(TT_ERR_BASE64,
                             "Character %llu of the base64 text is '%c', which is not base64. "
                             "Send A to Z, a to z, 0 to 9, + and /, padded with =.",
                             position, character);
    return tt_err_refuse(TT_ERR_BASE64,
                         "Character %llu of the base64 text is the byte 0x%02X, which is not "
                         "base64. A picture's own bytes are sent as image/* or "
                         "application/octet-stream.",
                         position, (unsigned)(uint8_t)character);
}

/* One '='. Only the third and fourth character of the last group may be one. */
static enum tt_err take_padding(struct tt_base64 *base64) {
    if (base64->characters % 4 < 2)
        return tt_err_refuse(TT_ERR_BASE64,
                             "Character %llu of the base64 text is a padding '=' where none may "
                             "be: at most two may come, and only to fill up the last group of "
                             "four.",
                             (unsigned long long)base64->position + 1);
    base64->padding++;
    base64->characters++;
    base64->position++;
    return TT_OK;
}

/* Checks and decodes text that holds no prefix. *written is added to. */
static enum tt_err decode(struct tt_base64 *base64, const char *text, size_t length, uint8_t *bytes,
                          size_t *written) {
    while (length > 0) {
        size_t run = tt_text_run(text, length < BLOCK_MAX_BYTES ? length : BLOCK_MAX_BYTES,
                                 outside_alphabet);
        if (run > 0 && base64->padding > 0)
            return tt_err_refuse(TT_ERR_BASE64,
                                 "Character %llu of the base64 text follows the padding '=', which "
                                 "ends the text.",
                                 (unsigned long long)base64->position + 1);
        if (run > 0) {
            *written += (size_t)base64_decode_block(text, (int)run, (char *)bytes + *written,
                                                    &base64->state);
            base64->characters += run;
            base64->position += run;
        } else if (is_space(*text)) {
            run = 1;
            base64->position++;
        } else if (*text == '=') {
            run = 1;
            enum tt_err err = take_padding(base64);
            if (err != TT_OK)
                return err;
        } else {
            return refuse_character(base64, *text);
        }
        text += run;
        length -= run;
    }
    return TT_OK;
}

/* The comma that ends a data: prefix is here. */
static enum tt_err end_prefix(struct tt_base64 *base64) {
    const char *end = base64->prefix + base64->prefix_length;
    base64->prefix_done = true;
    if (base64->prefix_length < DATA_SCHEME_LENGTH + BASE64_MARK_LENGTH ||
        strncasecmp(end - BASE64_MARK_LENGTH, base64_mark, BASE64_MARK_LENGTH) != 0)
        return tt_err_refuse(TT_ERR_BASE64, "The data: URL does not say \";base64\" before its "
                                            "comma. Only base64 data: URLs are accepted.");
    return TT_OK;
}

/* Takes one character of what may be a prefix: white space before it, the letters of "data:" held
 * back until they are all there, then all up to the comma. *taken is false for a character that
 * shows that there is no prefix; it is not consumed. */
static enum tt_err take_prefix(struct tt_base64 *base64, char character, bool *taken) {
    *taken = true;
    size_t length = base64->prefix_length;
    if (length == 0 && is_space(character)) {
        base64->position++;
        return TT_OK;
    }
    if (length < DATA_SCHEME_LENGTH && strncasecmp(&character, data_scheme + length, 1) != 0) {
        *taken = false;
        base64->prefix_done = true;
        base64->position -= length;
        return TT_OK;
    }
    base64->position++;
    if (length >= DATA_SCHEME_LENGTH && character == ',')
        return end_prefix(base64);
    if (length == TT_BASE64_PREFIX_MAX_BYTES)
        return tt_err_refuse(TT_ERR_BASE64,
                             "The data: URL has no comma within its first %d characters.",
                             TT_BASE64_PREFIX_MAX_BYTES + 1);
    base64->prefix[base64->prefix_length++] = character;
    return TT_OK;
}

void tt_base64_init(struct tt_base64 *base64) {
    memset(base64, 0, sizeof *base64);
    base64_init_decodestate(&base64->state);
}

enum tt_err tt_base64_push(struct tt_base64 *base64, const char *text, size_t length,
                           uint8_t *bytes, size_t *written) {
    *written = 0;
    while (length > 0 && !base64->prefix_done) {
        bool taken;
        enum tt_err err = take_prefix(base64, *text, &taken);
        if (err == TT_OK && !taken)
            err = decode(base64, base64->prefix, base64->prefix_length, bytes, written);
        if (err != TT_OK)
            return err;
        text += taken;
        length -= taken;
    }
    return decode(base64, text, length, bytes, written);
}

enum tt_err tt_base64_end(const struct tt_base64 *base64) {
    if (!base64->prefix_done && base64->prefix_length > 0)
        return tt_err_refuse(TT_ERR_BASE64,
                             "The text ends within the \"data:\" URL prefix at its start.");
    if (base64->characters % 4 != 0)
        return tt_err_refuse(TT_ERR_BASE64,
                             "The base64 text has %llu characters, not whole groups of four: it "
                             "was cut short, or its padding '=' is missing.",
                             (unsigned long long)base64->characters);
    return TT_OK;
}
