/* The table of configuration keys: private to the config files of src/base. */
#ifndef TINTYPE_BASE_CONFIG_KEYS_H
#define TINTYPE_BASE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tintype/config.h"

enum tt_config_type {
    TT_CONFIG_TEXT,   /* char[size]: lowest is its least length */
    TT_CONFIG_NUMBER, /* int or int64_t, by size: lowest..highest */
    TT_CONFIG_BYTES,  /* the same; k, M and G multiply by powers of 1024 */
    TT_CONFIG_CHOICE, /* bool, an enum or int64_t, by size: one of choices */
};

struct tt_config_key {
    const char *section;
    const char *name;
    const char *help;  /* one line, without '|' */
    const char *value; /* the default; NULL: per_core × cores */
    size_t offset;     /* of the field in struct tt_config */
    size_t size;
    enum tt_config_type type;
    int per_core;
    int64_t lowest;
    int64_t highest;
    const struct tt_text_choice *choices;
    /* Whether a text has the form it takes; may change the text to the one form used within. */
    bool (*check)(char *text);
    const char *takes; /* what check wants, to follow "takes" */
};

#define TT_CONFIG_KEYS_MAX         80 /* the table has no more rows */
#define TT_CONFIG_VARIABLE_SIZE    128
#define TT_CONFIG_VARIABLE_PREFIX  "TINTYPE_"
#define TT_CONFIG_DEFAULT_SIZE     128
#define TT_CONFIG_EXPLANATION_SIZE 256

extern const struct tt_config_key tt_config_keys[];
extern const size_t tt_config_key_count;

/* A key that an older version had. Whoever still sets it is warned, and the service starts. */
struct tt_config_former_key {
    const char *section;
    const char *name;
    const char *instead; /* what holds now, to follow "is ignored: " */
};

extern const struct tt_config_former_key tt_config_former_keys[];
extern const size_t tt_config_former_key_count;

/* The environment variable of a key of any section and name: TINTYPE_<SECTION>_<NAME>, cut to
 * fit. */
void tt_config_variable_format(const char *section, const char *name,
                               char variable[TT_CONFIG_VARIABLE_SIZE]);

/* The default as a text that tt_config_value_parse takes. */
void tt_config_default_format(const struct tt_config_key *key, char text[TT_CONFIG_DEFAULT_SIZE]);

/* The key's field of *config. */
static inline void *tt_config_field(const struct tt_config_key *key, struct tt_config *config) {
    return (char *)config + key->offset;
}

/* Sets a key's field to text. False, with a sentence in explanation and the field as it was, when
 * the key does not take it. */
bool tt_config_value_parse(const struct tt_config_key *key, const char *text, void *field,
                           char explanation[TT_CONFIG_EXPLANATION_SIZE]);

/* The field as a text that tt_config_value_parse takes. */
void tt_config_value_print(FILE *out, const struct tt_config_key *key, const void *field);

/* ---- presets: [preset.NAME] takes the keys of [image] that are options of a rendering ---- */

/* The field of a preset that an [image] key stands for; NULL for any other key. */
void *tt_config_preset_field(const struct tt_config_key *key, struct tt_picture_options *options);

/* What the presets were given; what they were not they take from [image]. */
struct tt_config_preset_reading {
    int set_line[TT_CONFIG_PRESETS_MAX][TT_CONFIG_KEYS_MAX]; /* by preset and key; 0: not set */
};

/* The preset of that name, added where there is none; NULL, with a sentence in explanation, when it
 * is no name or there are TT_CONFIG_PRESETS_MAX already. */
struct tt_config_preset *tt_config_preset_take(struct tt_config *config, const char *name,
                                               char explanation[TT_CONFIG_EXPLANATION_SIZE]);

/* The preset and key of an environment variable; false when it is none of the presets there are. */
bool tt_config_preset_find_variable(struct tt_config *config, const char *variable,
                                    struct tt_config_preset **preset,
                                    const struct tt_config_key **key);

/* Once all is read: completes every preset, and finds those that image.renditions names. False,
 * with a sentence in explanation, where it names one that is not there, or one twice, or too many.
 */
bool tt_config_presets_finish(struct tt_config *config,
                              const struct tt_config_preset_reading *reading,
                              char explanation[TT_CONFIG_EXPLANATION_SIZE]);

/* The forms of texts that the table names. */
bool tt_config_check_socket(char *text);
bool tt_config_check_base_path(char *text);
bool tt_config_check_origins(char *text);
bool tt_config_check_bucket(char *text);
bool tt_config_check_prefix(char *text);
bool tt_config_check_region(char *text);
bool tt_config_check_url(char *text);
bool tt_config_check_kms_key(char *text);
bool tt_config_check_table(char *text);
bool tt_config_check_names(char *text);
bool tt_config_check_log_group(char *text);
bool tt_config_check_log_stream(char *text);

/* What must hold between keys, once all are set: every rule that is broken is written as one line
 * ("section.key: text"). Returns how many were. */
int tt_config_check_rules(const struct tt_config *config, FILE *problems);

#endif
