/* The forms of texts that configuration keys take. Each function tells whether a text has the form,
 * and may change it to the one that is used within. An empty text, which most keys take for "none",
 * passes where nothing else is said. */
#ifndef TINTYPE_BASE_CONFIG_FORM_H
#define TINTYPE_BASE_CONFIG_FORM_H

#include <stdbool.h>

bool tt_config_check_socket(char *text); /* not "" */
bool tt_config_check_base_path(char *text);
bool tt_config_check_origins(char *text);
bool tt_config_check_networks(char *text);
bool tt_config_check_bucket(char *text);
bool tt_config_check_prefix(char *text); /* not "" */
bool tt_config_check_region(char *text);
bool tt_config_check_url(char *text);
bool tt_config_check_kms_key(char *text);
bool tt_config_check_table(char *text);
bool tt_config_check_names(char *text);
bool tt_config_check_log_group(char *text);
bool tt_config_check_log_stream(char *text);

#endif
