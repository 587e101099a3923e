/* Query strings are cut into pairs, decoded and checked here. What the names mean is for others. */
#include "web/query.h"

#include <string.h>

#include "tintype/text.h"

/* Makes a decoded copy of raw[0..length), from the arena. */
static enum tt_err decode(const char *raw, size_t length, struct tt_arena *arena, char **text) {
    *text = tt_arena_copy_text(arena, raw, length);
    if (!*text)
        return TT_ERR_NO_MEMORY;
    if (!tt_text_percent_decode(*text, &length, true))
        return tt_err_refuse(TT_ERR_MALFORMED, "The query has a %% that two hexadecimal digits "
                                               "other than 00 do not follow.");
    if (!tt_text_is_utf8(*text, length))
        return tt_err_refuse(TT_ERR_MALFORMED, "The query is not UTF-8 text.");
    return TT_OK;
}

enum tt_err tt_query_parse(const char *query, struct tt_arena *arena,
                           enum tt_err (*take)(void *context, const char *name, const char *value),
                           void *context) {
    enum tt_err err = TT_OK;
    for (const char *pair = query; *pair != '\0' && *pair != '#' && err == TT_OK;) {
        size_t length = strcspn(pair, "&#");
        size_t name_length = strcspn(pair, "=&#");
        size_t value_length = name_length < length ? length - name_length - 1 : 0;
        char *name = NULL;
        char *value = NULL;
        if (length > 0)
            err = decode(pair, name_length, arena, &name);
        if (length > 0 && err == TT_OK)
            err = decode(pair + length - value_length, value_length, arena, &value);
        if (length > 0 && err == TT_OK)
            err = take(context, name, value);
        pair += length;
        pair += *pair == '&';
    }
    return err;
}
