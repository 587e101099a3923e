/* Rules between configuration keys. */
#ifndef TINTYPE_BASE_CONFIG_RULES_H
#define TINTYPE_BASE_CONFIG_RULES_H

#include <stdio.h>

#include "tintype/config.h"

/* Checks what must hold between keys, once all are set. Every rule that is broken is written as one
 * line, "section.key: text". Returns how many were. */
int tt_config_check_rules(const struct tt_config *config, FILE *problems);

#endif
