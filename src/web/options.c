/* Options: the table of what may be asked. The picture's own limits on them
 * are in the image room; headers with a filename in disposition.c. */
#include "web/options.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX_BYTES 60 /* of a client's text, in a sentence */

enum row {
    ROW_FILENAME,
    ROW_WIDTH,
    ROW_HEIGHT,
    ROW_FIT,
    ROW_GRAYSCALE,
    ROW_FORMAT,
    ROW_QUALITY,
    ROW_WATERMARK,
    ROW_WATERMARK_POSITION,
    ROW_PRESET
};

static bool set_filename(struct tt_options *options, const char *value) {
    tt_text_clean_filename(value, strlen(value), options->filename);
    return true;
}

/* The side that nobody asked for follows the other one, and not the configuration. */
static bool set_side(const char *value, int *side_px, enum tt_option_origin other_origin,
                     int *other_side_px) {
    int64_t number;
    if (!tt_text_parse_int(value, 1, TT_PICTURE_SIDE_MAX_PX, &number))
        return false;
    *side_px = (int)number;
    if (other_origin == TT_OPTION_UNSET)
        *other_side_px = 0;
    return true;
}

static bool set_width(struct tt_options *options, const char *value) {
    return set_side(value, &options->picture.width_px, options->origin[ROW_HEIGHT],
                    &options->picture.height_px);
}

static bool set_height(struct tt_options *options, const char *value) {
    return set_side(value, &options->picture.height_px, options->origin[ROW_WIDTH],
                    &options->picture.width_px);
}

/* The one of that name, in upper or lower case; the list's end where there is none. */
static const struct tt_text_choice *find_choice(const struct tt_text_choice *choices,
                                                const char *value) {
    while (choices->name != NULL && strcasecmp(value, choices->name) != 0)
        choices++;
    return choices;
}

static bool set_fit(struct tt_options *options, const char *value) {
    const struct tt_text_choice *found = find_choice(tt_picture_fits, value);
    if (found->name != NULL)
        options->picture.fit = (enum tt_picture_fit)found->value;
    return found->name != NULL;
}

/* "on" is what a browser sends for a ticked box without a value. */
static bool parse_switch(const char *value, bool *is_on) {
    static const struct tt_text_choice switches[] = {
        {"false", 0}, {"0", 0}, {"off", 0}, {"true", 1}, {"1", 1}, {"on", 1}, {NULL, 0}};
    const struct tt_text_choice *found = find_choice(switches, value);
    if (found->name != NULL)
        *is_on = found->value != 0;
    return found->name != NULL;
}

static bool set_grayscale(struct tt_options *options, const char *value) {
    return parse_switch(value, &options->picture.grayscale);
}

static bool set_format(struct tt_options *options, const char *value) {
    if (strcasecmp(value, "jpg") == 0)
        value = "jpeg";
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++) {
        const char *name = tt_picture_format_row((enum tt_picture_format)i)->option;
        if (name[0] == '\0' || strcasecmp(value, name) != 0)
            continue;
        options->picture.format = (enum tt_picture_format)i;
        return true;
    }
    return false;
}

static bool set_quality(struct tt_options *options, const char *value) {
    int64_t number;
    if (!tt_text_parse_int(value, 1, 100, &number))
        return false;
    options->picture.quality = (int)number;
    return true;
}

/* Control characters are not drawn, and have no place in a line of text. */
static bool is_line(const char *value) {
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7F)
            return false;
    return true;
}

/* A switch, or a text in place of the configured one. Nothing at all switches it off. */
static bool set_watermark(struct tt_options *options, const char *value) {
    struct tt_picture_watermark *watermark = &options->picture.watermark;
    if (value[0] == '\0') {
        watermark->enabled = false;
        return true;
    }
    /* Nobody who says no means to have it drawn. */
    if (strcasecmp(value, "no") == 0 || strcasecmp(value, "yes") == 0)
        value = strcasecmp(value, "no") == 0 ? "off" : "on";
    if (parse_switch(value, &watermark->enabled)) { /* of the configured one, also after a text */
        options->has_watermark_text = false;
        memcpy(watermark->text, options->base->watermark.text, sizeof watermark->text);
        return true;
    }
    if (options->config->image.watermark_font[0] == '\0' ||
        strlen(value) >= sizeof watermark->text || !is_line(value))
        return false;
    watermark->enabled = true;
    options->has_watermark_text = true;
    memcpy(watermark->text, value, strlen(value) + 1);
    return true;
}

static bool set_watermark_position(struct tt_options *options, const char *value) {
    const struct tt_text_choice *found = find_choice(tt_picture_positions, value);
    if (found->name != NULL)
        options->picture.watermark.position = (enum tt_picture_position)found->value;
    return found->name != NULL;
}

/* What was asked for already stays, sides as the pair they are. Nothing at all is no preset: what a
 * form sends of a list in which none was chosen. */
static bool set_preset(struct tt_options *options, const char *value) {
    const struct tt_config_preset *preset = tt_config_find_preset(options->config, value);
    const struct tt_picture_options asked = options->picture;
    struct tt_picture_options *picture = &options->picture;
    const enum tt_option_origin *origin = options->origin;
    if (preset == NULL && value[0] != '\0')
        return false;
    options->base = preset != NULL ? &preset->options : &options->config->image.options;
    *picture = *options->base;
    if (origin[ROW_WIDTH] != TT_OPTION_UNSET || origin[ROW_HEIGHT] != TT_OPTION_UNSET) {
        picture->width_px = asked.width_px;
        picture->height_px = asked.height_px;
    }
    if (origin[ROW_FIT] != TT_OPTION_UNSET)
        picture->fit = asked.fit;
    if (origin[ROW_GRAYSCALE] != TT_OPTION_UNSET)
        picture->grayscale = asked.grayscale;
    if (origin[ROW_FORMAT] != TT_OPTION_UNSET)
        picture->format = asked.format;
    if (origin[ROW_QUALITY] != TT_OPTION_UNSET)
        picture->quality = asked.quality;
    if (origin[ROW_WATERMARK] != TT_OPTION_UNSET)
        picture->watermark.enabled = asked.watermark.enabled;
    if (options->has_watermark_text)
        memcpy(picture->watermark.text, asked.watermark.text, sizeof asked.watermark.text);
    if (origin[ROW_WATERMARK_POSITION] != TT_OPTION_UNSET)
        picture->watermark.position = asked.watermark.position;
    return true;
}

static const struct {
    const char *name;
    const char *takes; /* for a sentence: "<name> is <takes>" */
    bool (*set)(struct tt_options *options, const char *value);
} table[TT_OPTION_COUNT] = {
    [ROW_FILENAME] = {"filename", "text", set_filename},
    [ROW_WIDTH] = {"width", "a whole number from 1 to 16384, in pixels", set_width},
    [ROW_HEIGHT] = {"height", "a whole number from 1 to 16384, in pixels", set_height},
    [ROW_FIT] = {"fit", "inside, cover or fill", set_fit},
    [ROW_GRAYSCALE] = {"grayscale", "true or false (also 1, 0, on, off)", set_grayscale},
    [ROW_FORMAT] = {"format", "png, jpeg or webp", set_format},
    [ROW_QUALITY] = {"quality", "a whole number from 1 to 100", set_quality},
    [ROW_WATERMARK] = {"watermark",
                       "true, false, or where the service draws texts, one line of at "
                       "most 255 bytes",
                       set_watermark},
    [ROW_WATERMARK_POSITION] = {"watermark_position",
                                "top-left, top, top-right, left, center, "
                                "right, bottom-left, bottom or bottom-right",
                                set_watermark_position},
    [ROW_PRESET] = {"preset", "the name of a preset of this service", set_preset},
};

_Static_assert(TT_PICTURE_WATERMARK_SIZE == 256, "the table's sentences name the longest text");
_Static_assert(TT_PICTURE_SIDE_MAX_PX == 16384, "the table's sentences name the largest side");

/* How much of a client's text is shown: whole characters of UTF-8. */
static int shown_length(const char *text) {
    size_t length = strnlen(text, SHOWN_MAX_BYTES + 1);
    if (length <= SHOWN_MAX_BYTES)
        return (int)length;
    length = SHOWN_MAX_BYTES;
    while (length > 0 && ((uint8_t)text[length] & 0xC0) == 0x80)
        length--;
    return (int)length;
}

void tt_options_init(struct tt_options *options, const struct tt_config *config) {
    *options = (struct tt_options){
        .config = config, .base = &config->image.options, .picture = config->image.options};
}

enum tt_err tt_options_set(struct tt_options *options, enum tt_option_origin origin,
                           const char *name, const char *value) {
    int row = 0;
    while (row < TT_OPTION_COUNT && strcmp(table[row].name, name) != 0)
        row++;
    if (row == TT_OPTION_COUNT)
        return tt_err_refuse(TT_ERR_OPTION,
                             "There is no option \"%.*s\". The options are filename, width, "
                             "height, fit, grayscale, format, quality, watermark, "
                             "watermark_position and preset.",
                             shown_length(name), name);
    /* Also a value that is not to hold must be a good one. */
    struct tt_options changed = *options;
    if (!table[row].set(&changed, value))
        return tt_err_refuse(TT_ERR_OPTION, "The option %s is \"%.*s\"; it must be %s.",
                             table[row].name, shown_length(value), value, table[row].takes);
    changed.origin[row] = origin;
    if (origin >= options->origin[row])
        *options = changed;
    return TT_OK;
}
