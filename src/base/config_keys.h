/* The table of configuration keys: private to src/base. */
#ifndef TINTYPE_BASE_CONFIG_KEYS_H
#define TINTYPE_BASE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/config.h"

enum tt_config_type {
    TT_CONFIG_TEXT,   /* char[size]; lowest is its least length */
    TT_CONFIG_NUMBER, /* int or int64_t, by size: lowest..highest */
    TT_CONFIG_SIDE,   /* the same, of a picture in pixels; 0 leaves it free */
    TT_CONFIG_BYTES,  /* the same as a number; k, M and G multiply by powers of 1024 */
    TT_CONFIG_SWITCH, /* bool */
    TT_CONFIG_CHOICE, /* an enum or int64_t, by size: one of choices */
};

struct tt_config_key {
    const char *section;
    const char *name;
    const char *help;  /* one line, without '|'; behind a ':' at its end the choices follow */
    const char *value; /* the default; NULL: per_core × cores */
    size_t offset;     /* of the field in struct tt_config */
    size_t size;       /* of the field */
    enum tt_config_type type;
    int per_core;
    int64_t lowest;
    int64_t highest;
    const struct tt_text_choice *choices; /* of TT_CONFIG_CHOICE, else NULL */
    bool is_asked; /* of a key within image.options: an upload may ask for it, by the same name */
    /* Whether a text has the form that the key takes; it may change the text to the one form that
     * is used within. NULL takes every text. */
    bool (*check)(char *text);
    const char *takes; /* what check wants, to follow "takes"; NULL without check */
};

#define TT_CONFIG_KEYS_MAX        80 /* the table has no more rows */
#define TT_CONFIG_VARIABLE_SIZE   128
#define TT_CONFIG_VARIABLE_PREFIX "TINTYPE_"
#define TT_CONFIG_DEFAULT_SIZE    128

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

#endif
