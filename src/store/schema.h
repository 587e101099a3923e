/* Schema: the files of sql/, in the order of their numbers, compiled in by the Makefile. Step n
 * brings a database from user_version n to n + 1. */
#ifndef TINTYPE_STORE_SCHEMA_H
#define TINTYPE_STORE_SCHEMA_H

extern const char *const tt_schema_steps[];
extern const int tt_schema_step_count;

#endif
