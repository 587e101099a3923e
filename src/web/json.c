/* JSON that the service says: from jansson's values to text. */
#include "web/json.h"

#include <stdlib.h>

enum tt_err tt_json_append(struct tt_buf *text, json_t *value) {
    char *dumped = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!dumped)
        return tt_err_fail(TT_ERR_NO_MEMORY, "JSON document");
    tt_buf_append_text(text, dumped);
    free(dumped);
    return TT_OK;
}
