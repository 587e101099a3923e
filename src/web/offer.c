/* The offer: what the configuration lets an upload ask for, as JSON. */
#include "web/offer.h"

#include "tintype/option.h"
#include "web/json.h"
#include "web/reply.h"

/* Appends to names, which may be NULL, and returns it; NULL, with the life of names ended, when the
 * system has no memory. */
static json_t *append_name(json_t *names, const char *name) {
    if (json_array_append_new(names, json_string(name)) == 0)
        return names;
    json_decref(names);
    return NULL;
}

/* Like the two below, NULL when the system has no memory. */
static json_t *new_choices(const struct tt_text_choice *choices) {
    json_t *names = json_array();
    for (; choices->name; choices++)
        names = append_name(names, choices->name);
    return names;
}

/* The presets of these indices; where indices is NULL, the first ones. */
static json_t *new_presets(const struct tt_config *config, const int *indices, int count) {
    json_t *names = json_array();
    for (int i = 0; i < count; i++)
        names = append_name(names, config->presets[indices ? indices[i] : i].name);
    return names;
}

static json_t *new_value(struct tt_option_value value) {
    switch (value.kind) {
    case TT_OPTION_FREE: return json_null();
    case TT_OPTION_NUMBER: return json_integer(value.number);
    case TT_OPTION_SWITCH: return json_boolean(value.number != 0);
    case TT_OPTION_WORD: break;
    }
    return json_string(value.word);
}

static json_t *new_defaults(const struct tt_picture_options *options) {
    json_t *defaults = json_object();
    for (int i = 0; i < tt_option_count(); i++) {
        json_t *value = tt_option_is_asked(i) ? new_value(tt_option_value(i, options)) : NULL;
        if (!tt_option_is_asked(i) || json_object_set_new(defaults, tt_option_name(i), value) == 0)
            continue;
        json_decref(defaults);
        return NULL;
    }
    return defaults;
}

static json_t *new_watermark(const struct tt_config *config) {
    bool has_one = config->image.watermark_image[0] != '\0' || tt_config_has_watermark_text(config);
    return json_pack("{s:b, s:b}", "configured", (int)has_one, "text",
                     config->image.watermark_font[0] != '\0');
}

enum tt_err tt_offer_append(struct tt_buf *text, const struct tt_config *config) {
    return tt_json_append(
        text,
        json_pack(
            "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "maxBodyBytes",
            (json_int_t)config->server.max_body_bytes, "formats", new_choices(tt_picture_formats),
            "fits", new_choices(tt_picture_fits), "positions", new_choices(tt_picture_positions),
            "presets", new_presets(config, NULL, config->preset_count), "renditions",
            new_presets(config, config->image.rendition_presets, config->image.rendition_count),
            "defaults", new_defaults(&config->image.options), "watermark", new_watermark(config)));
}

enum tt_err tt_offer_handle(struct tt_request *request) {
    struct tt_buf text;
    tt_buf_init(&text, TT_OFFER_MAX_BYTES);
    enum tt_err err = tt_offer_append(&text, request->worker->config);
    if (err == TT_OK) {
        /* A reload of the configuration may change it at any time. */
        tt_reply_header(request, "Cache-Control", "no-cache");
        err = tt_reply_text(request, 200, "application/json", &text);
    }
    tt_buf_fini(&text);
    return err;
}
