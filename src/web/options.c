/* Options: what one upload asks for, and what it gets. The options of a rendering are rows of one
 * table in src/base; here are those that only an upload has, and the watermark, which an upload may
 * give as a text as well. Headers with a filename are in disposition.c. */
#include "web/options.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX_BYTES 60 /* a sentence shows no more of a client's text */
#define NAMES_SIZE      320

static bool set_filename(struct tt_options *options, const char *value) {
    tt_text_clean_filename(value, strlen(value), options->filename);
    return true;
}

/* A form sends an empty value for a list in which nothing was chosen: that is no preset. */
static bool set_preset(struct tt_options *options, const char *value) {
    options->preset = tt_config_find_preset(options->config, value);
    return options->preset || value[0] == '\0';
}

/* The options that only an upload has. The sentence on a bad value ends with what each takes. */
static const struct {
    const char *name;
    const char *takes;
    bool (*set)(struct tt_options *options, const char *value);
} own_options[] = {
    {"filename", "text", set_filename},
    {"preset", "the name of a preset of this service", set_preset},
};

#define OWN_COUNT (int)(sizeof own_options / sizeof *own_options)

_Static_assert(sizeof own_options / sizeof *own_options <= TT_OPTION_OWN_MAX,
               "TT_OPTION_OWN_MAX bounds the table");

static bool is_line_without_control_characters(const char *value) {
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7F)
            return false;
    return true;
}

/* The option "watermark" is a switch, or a text that is drawn in place of the configured one. No
 * text at all switches it off; and nobody who says "no" means to have that drawn. */
static bool set_watermark(struct tt_options *options, int option, enum tt_option_origin origin,
                          const char *value) {
    struct tt_picture_watermark *asked = &options->asked.watermark;
    int *text_asked_by = &options->asked_by[tt_option_find("watermark_text")];
    if (value[0] == '\0' || strcasecmp(value, "no") == 0)
        value = "off";
    if (strcasecmp(value, "yes") == 0)
        value = "on";
    if (tt_option_parse(option, value, &options->asked)) {
        *text_asked_by = TT_OPTION_UNSET; /* the configured one is switched, also after a text */
        return true;
    }
    if (options->config->image.watermark_font[0] == '\0' || strlen(value) >= sizeof asked->text ||
        !is_line_without_control_characters(value))
        return false;
    asked->enabled = true;
    memcpy(asked->text, value, strlen(value) + 1);
    *text_asked_by = (int)origin;
    return true;
}

static bool is_watermark(int option) {
    return strcmp(tt_option_name(option), "watermark") == 0;
}

static void describe(int option, char takes[TT_OPTION_TAKES_SIZE]) {
    if (is_watermark(option))
        snprintf(takes, TT_OPTION_TAKES_SIZE,
                 "true, false, or where the service draws texts, one line of at most %d bytes",
                 TT_PICTURE_WATERMARK_SIZE - 1);
    else
        tt_option_describe(option, takes);
}

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

static enum tt_err refuse_value(const char *name, const char *value, const char *takes) {
    return tt_err_refuse(TT_ERR_OPTION, "The option %s is \"%.*s\"; it must be %s.", name,
                         shown_length(value), value, takes);
}

static enum tt_err refuse_name(const char *name) {
    struct tt_text_choice names[OWN_COUNT + TT_OPTION_MAX + 1] = {0};
    int count = 0;
    for (int i = 0; i < OWN_COUNT; i++)
        names[count++].name = own_options[i].name;
    for (int i = 0; i < tt_option_count(); i++)
        if (tt_option_is_asked(i))
            names[count++].name = tt_option_name(i);
    char list[NAMES_SIZE];
    tt_text_choice_list(names, list, sizeof list);
    return tt_err_refuse(TT_ERR_OPTION, "There is no option \"%.*s\". An option is %s.",
                         shown_length(name), name, list);
}

void tt_options_init(struct tt_options *options, const struct tt_config *config) {
    *options = (struct tt_options){.config = config, .picture = config->image.options};
}

/* Presets are applied by origin: the picture is made anew of all that was asked for, in whatever
 * order that came. */
static void settle(struct tt_options *options) {
    options->picture = options->preset ? options->preset->options : options->config->image.options;
    tt_option_overlay(&options->picture, &options->asked, options->asked_by);
}

static enum tt_err set_own(struct tt_options *options, enum tt_option_origin origin, int number,
                           const char *value) {
    if (!own_options[number].set(options, value))
        return refuse_value(own_options[number].name, value, own_options[number].takes);
    options->own_asked_by[number] = (int)origin;
    return TT_OK;
}

static enum tt_err set_rendering(struct tt_options *options, enum tt_option_origin origin,
                                 int option, const char *value) {
    bool is_taken = is_watermark(option) ? set_watermark(options, option, origin, value)
                                         : tt_option_parse(option, value, &options->asked);
    char takes[TT_OPTION_TAKES_SIZE];
    if (!is_taken) {
        describe(option, takes);
        return refuse_value(tt_option_name(option), value, takes);
    }
    options->asked_by[option] = (int)origin;
    return TT_OK;
}

enum tt_err tt_options_set(struct tt_options *options, enum tt_option_origin origin,
                           const char *name, const char *value) {
    int own = 0;
    while (own < OWN_COUNT && strcmp(own_options[own].name, name) != 0)
        own++;
    bool is_own = own < OWN_COUNT;
    int option = is_own ? -1 : tt_option_find(name);
    if (!is_own && (option < 0 || !tt_option_is_asked(option)))
        return refuse_name(name);
    /* Also a value that is not to hold must be a good one, and a bad one changes nothing. */
    struct tt_options changed = *options;
    int asked_by = is_own ? options->own_asked_by[own] : options->asked_by[option];
    enum tt_err err = is_own ? set_own(&changed, origin, own, value)
                             : set_rendering(&changed, origin, option, value);
    if (err != TT_OK || (int)origin < asked_by)
        return err;
    settle(&changed);
    *options = changed;
    return TT_OK;
}
