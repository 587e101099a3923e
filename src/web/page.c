/* The HTML pages that the service itself answers with. The upload page is static, in www/. */
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

static void append_head(struct tt_buf *text, const char *title) {
    tt_buf_append_text(
        text, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    append_escaped(text, title);
    tt_buf_append_text(
        text, " – tintype</title>\n<style>\n"
              ":root { color-scheme: light dark; }\n"
              "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto;\n"
              "  padding: 1.5rem 1rem; color: #1c1917; background: #fafaf9; }\n"
              "h1 { font-size: 1.4rem; overflow-wrap: anywhere; }\n"
              "img { display: block; max-width: 100%; height: auto; border-radius: .4rem;\n"
              "  box-shadow: 0 1px 8px #0004; }\n"
              "dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }\n"
              "dt { color: #57534e; } dd { margin: 0; overflow-wrap: anywhere; }\n"
              "a { color: #1d4ed8; }\n"
              "@media (prefers-color-scheme: dark) {\n"
              "  body { color: #e7e5e4; background: #1c1917; } dt { color: #a8a29e; }\n"
              "  a { color: #93c5fd; }\n}\n</style>\n</head>\n<body>\n<main>\n<h1>");
    append_escaped(text, title);
    tt_buf_append_text(text, "</h1>\n");
}

static void append_tail(struct tt_buf *text) {
    tt_buf_append_text(text, "<p><a href=\"/\">Upload another picture</a></p>\n"
                             "</main>\n</body>\n</html>\n");
}

static void append_file_row(struct tt_buf *text, const char *label,
                            const struct tt_journal_file *file) {
    tt_buf_append_format(text, "<dt>%s</dt><dd>%s, %d × %d pixels, %lld bytes</dd>\n", label,
                         tt_picture_format_row(file->format)->name, (int)file->width_px,
                         (int)file->height_px, (long long)file->size_bytes);
}

void tt_page_append_image(struct tt_buf *text, const struct tt_request *request,
                          const struct tt_journal_row *row) {
    const char *base = request->worker->config->server.base_path;
    char taken[TT_CLOCK_RFC3339_SIZE];
    int64_t time_ms = 0;
    tt_uuid_parse(row->id, &time_ms);
    tt_clock_format_rfc3339(time_ms, taken);
    append_head(text, row->filename);
    tt_buf_append_format(
        text,
        "<p><a href=\"%s/images/%s/processed\"><img src=\"%s/images/%s/processed\" "
        "width=\"%d\" height=\"%d\" alt=\"The processed picture\"></a></p>\n<dl>\n",
        base, row->id, base, row->id, (int)row->processed.width_px, (int)row->processed.height_px);
    append_file_row(text, "Result", &row->processed);
    append_file_row(text, "Original", &row->original);
    tt_buf_append_format(text, "<dt>Taken in</dt><dd><time>%s</time></dd>\n", taken);
    tt_buf_append_format(text, "<dt>Cloud</dt><dd>%s</dd>\n", tt_sync_state_name(row->sync_state));
    tt_buf_append_format(text, "</dl>\n<p><a href=\"%s/images/%s/processed\">Result</a>", base,
                         row->id);
    if (row->original_kept)
        tt_buf_append_format(text, " · <a href=\"%s/images/%s/original\">Original</a>", base,
                             row->id);
    tt_buf_append_text(text, "</p>\n");
    append_tail(text);
}

void tt_page_append_problem(struct tt_buf *text, const struct tt_request *request, enum tt_err err,
                            const char *detail) {
    append_head(text, tt_err_row(err)->title);
    tt_buf_append_text(text, "<p>");
    append_escaped(text, detail);
    tt_buf_append_format(text, "</p>\n<p><small>Request %s</small></p>\n", request->request_id);
    append_tail(text);
}
