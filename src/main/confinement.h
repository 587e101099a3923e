/* Confinement: the table of what each process may reach, for an operator. */
#ifndef TINTYPE_MAIN_CONFINEMENT_H
#define TINTYPE_MAIN_CONFINEMENT_H

#include <stdbool.h>
#include <stdio.h>

#include "tintype/config.h"
#include "tintype/reach.h"

/* Prints each process with its groups of system calls and its files, what this kernel holds of
 * that, which calls are in a group, and which paths the configuration makes of the files: as text,
 * or as one JSON object. reach has the paths of all processes. */
void tt_confinement_print(FILE *out, const struct tt_reach *reach, const struct tt_config *config,
                          bool as_json);

#endif
