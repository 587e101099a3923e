/* Values of configuration keys: from text to fields, and back. */
#ifndef TINTYPE_BASE_CONFIG_VALUE_H
#define TINTYPE_BASE_CONFIG_VALUE_H

#include <stdio.h>

#include "base/config_keys.h"

#define TT_CONFIG_EXPLANATION_SIZE 256

/* Sets a key's field to text. False, with a sentence in explanation and the field as it was, when
 * the key does not take it. */
bool tt_config_value_parse(const struct tt_config_key *key, const char *text, void *field,
                           char explanation[TT_CONFIG_EXPLANATION_SIZE]);

/* The field as a text that tt_config_value_parse takes. */
void tt_config_value_print(FILE *out, const struct tt_config_key *key, const void *field);

/* Set and read, as a number, the field of a key of any type but TT_CONFIG_TEXT. */
void tt_config_value_store(const struct tt_config_key *key, int64_t value, void *field);
int64_t tt_config_value_load(const struct tt_config_key *key, const void *field);

#endif
