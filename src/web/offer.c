/* The offer's answer; what it says is in document.c. */
#include "web/offer.h"

#include "web/document.h"
#include "web/reply.h"

enum tt_err tt_offer_handle(struct tt_request *request) {
    struct tt_buf text;
    tt_buf_init(&text, TT_DOCUMENT_OFFER_MAX_BYTES);
    enum tt_err err = tt_document_append_offer(&text, request->worker->config);
    if (err == TT_OK) {
        /* A reload of the configuration may change it at any time. */
        tt_reply_header(request, "Cache-Control", "no-cache");
        err = tt_reply_text(request, 200, "application/json", &text);
    }
    tt_buf_fini(&text);
    return err;
}
