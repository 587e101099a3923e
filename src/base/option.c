/* Options: the rows of the table of keys that say how a result is made, as uploads and presets use
 * them. The rows themselves are in config_keys.c; filename and preset, which only an upload has,
 * are in src/web/options.c. */
#include "tintype/option.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/config_value.h"
#include "base/option_row.h"

#define OPTIONS_OFFSET offsetof(struct tt_config, image.options)

/* A browser sends "on" for a ticked box without a value. */
static const struct tt_text_choice switches[] = {{"false", 0}, {"0", 0},  {"off", 0}, {"true", 1},
                                                 {"1", 1},     {"on", 1}, {NULL, 0}};

static bool is_option(const struct tt_config_key *row) {
    return row->offset >= OPTIONS_OFFSET &&
           row->offset < OPTIONS_OFFSET + sizeof(struct tt_picture_options);
}

/* The rows of all options stand side by side in the table, which a unit test checks. */
static size_t first_row(void) {
    size_t first = 0;
    while (!is_option(&tt_config_keys[first]))
        first++;
    return first;
}

const struct tt_config_key *tt_option_row(int option) {
    return &tt_config_keys[first_row() + (size_t)option];
}

void *tt_option_field(int option, struct tt_picture_options *options) {
    return (char *)options + (tt_option_row(option)->offset - OPTIONS_OFFSET);
}

static const void *field_of(const struct tt_config_key *row,
                            const struct tt_picture_options *options) {
    return (const char *)options + (row->offset - OPTIONS_OFFSET);
}

int tt_option_count(void) {
    size_t first = first_row();
    size_t end = first;
    while (end < tt_config_key_count && is_option(&tt_config_keys[end]))
        end++;
    return (int)(end - first);
}

int tt_option_find(const char *name) {
    for (int i = 0; i < tt_option_count(); i++)
        if (strcmp(tt_option_name(i), name) == 0)
            return i;
    return -1;
}

const char *tt_option_name(int option) {
    return tt_option_row(option)->name;
}

bool tt_option_is_asked(int option) {
    return tt_option_row(option)->is_asked;
}

static int64_t lowest_asked(const struct tt_config_key *row) {
    return row->type == TT_CONFIG_SIDE ? 1 : row->lowest;
}

static bool parse_word(const struct tt_config_key *row, const char *text, void *field) {
    const struct tt_text_choice *choice = row->type == TT_CONFIG_SWITCH ? switches : row->choices;
    if (strcasecmp(text, "jpg") == 0)
        text = "jpeg";
    while (choice->name && strcasecmp(text, choice->name) != 0)
        choice++;
    if (choice->name)
        tt_config_value_store(row, choice->value, field);
    return choice->name != NULL;
}

bool tt_option_parse(int option, const char *text, struct tt_picture_options *options) {
    const struct tt_config_key *row = tt_option_row(option);
    void *field = tt_option_field(option, options);
    int64_t number;
    switch (row->type) {
    case TT_CONFIG_SWITCH:
    case TT_CONFIG_CHOICE: return parse_word(row, text, field);
    case TT_CONFIG_SIDE:
    case TT_CONFIG_NUMBER:
        if (!tt_text_parse_int(text, lowest_asked(row), row->highest, &number))
            return false;
        tt_config_value_store(row, number, field);
        return true;
    case TT_CONFIG_BYTES:
    case TT_CONFIG_TEXT: break;
    }
    return false;
}

void tt_option_describe(int option, char takes[TT_OPTION_TAKES_SIZE]) {
    const struct tt_config_key *row = tt_option_row(option);
    switch (row->type) {
    case TT_CONFIG_SWITCH:
        snprintf(takes, TT_OPTION_TAKES_SIZE, "true or false (also 1, 0, on, off)");
        return;
    case TT_CONFIG_CHOICE: tt_text_choice_list(row->choices, takes, TT_OPTION_TAKES_SIZE); return;
    case TT_CONFIG_SIDE:
    case TT_CONFIG_NUMBER:
        snprintf(takes, TT_OPTION_TAKES_SIZE, "a whole number from %lld to %lld%s",
                 (long long)lowest_asked(row), (long long)row->highest,
                 row->type == TT_CONFIG_SIDE ? ", in pixels" : "");
        return;
    case TT_CONFIG_BYTES:
    case TT_CONFIG_TEXT: break;
    }
    snprintf(takes, TT_OPTION_TAKES_SIZE, "text");
}

void tt_option_overlay(struct tt_picture_options *options, const struct tt_picture_options *said,
                       const int said_by[TT_OPTION_MAX]) {
    bool has_side = false;
    for (int i = 0; i < tt_option_count(); i++)
        has_side = has_side || (said_by[i] != 0 && tt_option_row(i)->type == TT_CONFIG_SIDE);
    for (int i = 0; i < tt_option_count(); i++) {
        const struct tt_config_key *row = tt_option_row(i);
        void *field = tt_option_field(i, options);
        if (said_by[i] != 0)
            memcpy(field, field_of(row, said), row->size);
        else if (has_side && row->type == TT_CONFIG_SIDE)
            tt_config_value_store(row, 0, field);
    }
}

struct tt_option_value tt_option_value(int option, const struct tt_picture_options *options) {
    const struct tt_config_key *row = tt_option_row(option);
    const void *field = field_of(row, options);
    struct tt_option_value value = {.kind = TT_OPTION_NUMBER};
    if (row->type == TT_CONFIG_TEXT) {
        value.kind = TT_OPTION_WORD;
        value.word = field;
        return value;
    }
    value.number = tt_config_value_load(row, field);
    if (row->type == TT_CONFIG_SWITCH)
        value.kind = TT_OPTION_SWITCH;
    if (row->type == TT_CONFIG_SIDE && value.number == 0)
        value.kind = TT_OPTION_FREE;
    if (row->type == TT_CONFIG_CHOICE) {
        value.kind = TT_OPTION_WORD;
        value.word = tt_text_choice_name(row->choices, (int)value.number);
    }
    return value;
}
