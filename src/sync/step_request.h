/* Step request: what is sent for one step of an image or of its removal. */
#ifndef TINTYPE_SYNC_STEP_REQUEST_H
#define TINTYPE_SYNC_STEP_REQUEST_H

#include "sync/context.h"
#include "sync/step.h"
#include "tintype/arena.h"
#include "tintype/http.h"

struct tt_step_needs {
    struct tt_context *context;
    const struct tt_journal_row *row; /* a removal's has only what names its files */
    struct tt_arena *arena;           /* where the request's text lives */
    int *fd; /* -1; the file of a PUT is opened there, and the caller closes it in any case */
};

/* Makes the signed request of a step that is not END. TT_ERR_NOT_FOUND (nothing noted): the row was
 * deleted, and its file with it. TT_ERR_CLOUD_OBJECT: the file is not as the row has it, so it can
 * never be carried. TT_ERR_STORAGE, TT_ERR_JOURNAL, TT_ERR_NO_MEMORY, TT_ERR_INTERNAL. */
enum tt_err tt_step_build_request(struct tt_http_request *request,
                                  const struct tt_step_needs *needs, struct tt_step step,
                                  const struct tt_aws_signer *signer);

#endif
