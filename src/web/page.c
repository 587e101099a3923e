/* Page: the HTML pages that the service itself answers with. The upload page is static, in www/. */
#include "web/page.h"

#include "tintype/clock.h"

static void append_escaped(struct tt_buf *text, const char *plain) {
    for (const char *c = plain; *c != '\0'; c++) {
        switch (*c) {
        case '&': tt_buf_append_text(text, "&amp;"); break;
        case '<': tt_buf_append_text(text, "&lt;"); break;
        case '>': tt_buf_append_text(text, "&gt;"); break;
        case '"': tt_buf_append_text(text, "&quot;"); break;
        case '\'': tt_buf_append_text(text, "&#39;"); break;
        default: tt_buf_append(text, c, 1);
        }
    }
}

/* The colours are those of www/style.css. */
static void append_head(struct tt_buf *text, const char *title) {
    tt_buf_append_text(
        text, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    append_escaped(text, title);
    tt_buf_append_text(
        text, " – tintype</title>\n<style>\n"
              ":root { color-scheme: light dark; }\n"
              "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto;\n"
              "  padding: 1.5rem 1rem; color: #2b2622; background: #f6f3ee; }\n"
              "h1 { font-size: 1.4rem; overflow-wrap: anywhere; }\n"
              "img { display: block; max-width: 100%; height: auto; border-radius: .4rem;\n"
              "  box-shadow: 0 1px 8px #0004; }\n"
              "dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }\n"
              "dt { color: #6a625a; } dd { margin: 0; overflow-wrap: anywhere; }\n"
              "a { color: #6b4a2b; }\n"
              "@media (prefers-color-scheme: dark) {\n"
              "  body { color: #ece7e0; background: #1b1917; } dt { color: #aba299; }\n"
              "  a { color: #d9b48a; }\n}\n</style>\n</head>\n<body>\n<main>\n<h1>");
    append_escaped(text, title);
    tt_buf_append_text(text, "</h1>\n");
}

static void append_tail(struct tt_buf *text) {
    tt_buf_append_text(text, "<p><a href=\"/\">Upload a picture</a></p>\n"
                             "</main>\n</body>\n</html>\n");
}

/* Sizes and states are told as in www/messages.js. */
static void append_size(struct tt_buf *text, int64_t bytes) {
    int64_t kilobytes = (bytes + 500) / 1000;
    if (bytes < 1000000)
        tt_buf_append_format(text, "%lld kB", (long long)(kilobytes > 0 ? kilobytes : 1));
    else
        tt_buf_append_format(text, "%.1f MB", (double)bytes / 1e6);
}

static void append_file_row(struct tt_buf *text, const char *label,
                            const struct tt_journal_file *file) {
    tt_buf_append_format(text, "<dt>%s</dt><dd>%s, %d × %d pixels, ", label,
                         tt_picture_format_row(file->format)->name, (int)file->width_px,
                         (int)file->height_px);
    append_size(text, file->size_bytes);
    tt_buf_append_text(text, "</dd>\n");
}

static void append_state_row(struct tt_buf *text, const struct tt_journal_row *row) {
    static const char *const words[TT_SYNC_STATE_COUNT] = {
        [TT_SYNC_OFF] = "On this server",        [TT_SYNC_PENDING] = "Waiting for the cloud",
        [TT_SYNC_STORED] = "Safe in S3",         [TT_SYNC_SYNCED] = "Safe in S3, listed",
        [TT_SYNC_DEAD] = "Refused by the cloud",
    };
    tt_buf_append_format(text, "<dt>Cloud</dt><dd>%s", words[row->sync_state]);
    if (row->sync_state == TT_SYNC_DEAD && row->last_error[0] != '\0') {
        tt_buf_append_text(text, ": ");
        append_escaped(text, row->last_error);
    }
    tt_buf_append_text(text, "</dd>\n");
}

/* A preset's name needs no escape. */
static void append_renditions(struct tt_buf *text, const char *base,
                              const struct tt_journal_row *row) {
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++) {
        const struct tt_journal_file *rendition = &row->files[i];
        tt_buf_append_format(text, "\n · <a href=\"%s/images/%s/renditions/%s\">%s, %d × %d</a>",
                             base, row->id, rendition->name, rendition->name,
                             (int)rendition->width_px, (int)rendition->height_px);
    }
}

void tt_page_append_image(struct tt_buf *text, const struct tt_request *request,
                          const struct tt_journal_row *row) {
    const char *base = request->worker->config->server.base_path;
    const struct tt_journal_file *processed = &row->files[TT_JOURNAL_PROCESSED];
    const struct tt_journal_file *original = &row->files[tt_journal_row_original(row)];
    char received[TT_CLOCK_RFC3339_SIZE];
    int64_t time_ms = 0;
    tt_uuid_parse(row->id, &time_ms);
    tt_clock_format_rfc3339(time_ms, received);
    append_head(text, row->filename);
    tt_buf_append_format(
        text,
        "<p><a href=\"%s/images/%s/processed\"><img src=\"%s/images/%s/processed\" "
        "width=\"%d\" height=\"%d\" alt=\"The processed picture\"></a></p>\n<dl>\n",
        base, row->id, base, row->id, (int)processed->width_px, (int)processed->height_px);
    append_file_row(text, "Result", processed);
    append_file_row(text, "Original", original);
    tt_buf_append_format(text, "<dt>Received</dt><dd><time>%s</time></dd>\n", received);
    append_state_row(text, row);
    tt_buf_append_format(text, "</dl>\n<p><a href=\"%s/images/%s/processed\">Result</a>", base,
                         row->id);
    if (original->kept)
        tt_buf_append_format(text, " · <a href=\"%s/images/%s/original\">Original</a>", base,
                             row->id);
    append_renditions(text, base, row);
    tt_buf_append_text(text, "</p>\n");
    append_tail(text);
}

void tt_page_append_problem(struct tt_buf *text, const struct tt_request *request) {
    append_head(text, tt_err_row(request->err)->title);
    tt_buf_append_text(text, "<p>");
    append_escaped(text, request->note.detail);
    tt_buf_append_format(text, "</p>\n<p><small>Request %s</small></p>\n", request->request_id);
    append_tail(text);
}
