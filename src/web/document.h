/* Document: the image object and the list of them, as JSON. */
#ifndef TINTYPE_WEB_DOCUMENT_H
#define TINTYPE_WEB_DOCUMENT_H

#include "tintype/buf.h"
#include "tintype/config.h"
#include "tintype/journal.h"

/* Room for one image object, every text at its longest and escaped. */
#define TT_DOCUMENT_IMAGE_MAX_BYTES 65536

/* Appends the image object; message is the member that only an upload's answer has, NULL for none.
 * TT_ERR_NO_MEMORY. */
enum tt_err tt_document_append_image(struct tt_buf *text, const struct tt_config *config,
                                     const struct tt_journal_row *row, const char *message);

/* Appends {"images": [...], "next": cursor or null}. next may be NULL. TT_ERR_NO_MEMORY. */
enum tt_err tt_document_append_list(struct tt_buf *text, const struct tt_config *config,
                                    const struct tt_journal_row *rows, int count, const char *next);

#endif
