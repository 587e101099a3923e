/* src/web/body_multipart.c: forms as browsers and curl send them, delimiters in every position, and
 * each refusal. */
#include "body_recorder.h"

#define TYPE       "multipart/form-data; boundary=b0"
#define FILE_HEAD  "Content-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n"
#define FILE_START "--b0\r\n" FILE_HEAD "Content-Type: image/jpeg\r\n\r\n"
#define FIELD(name, value)                                                                         \
    "--b0\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(bytes) FILE_START bytes "\r\n"
#define CLOSE            "--b0--\r\n"

#define ASSERT_FORM(text, picture, options, filename)                                              \
    assert_body(TYPE, text, sizeof text - 1, picture, sizeof picture - 1, options, filename)
#define REFUSED(text, err, words) assert_refused(TYPE, text, sizeof text - 1, err, words)

static void a_form_gives_picture_options_and_filename(void **state) {
    (void)state;
    ASSERT_FORM(FIELD("width", "720") FILE_PART("\xFF\xD8pixels\0\r\n") FIELD("fit", "cover") CLOSE,
                "\xFF\xD8pixels\0\r\n", "width=720\nfit=cover\n", "a.jpg");
}

static void preamble_epilogue_and_padding_are_accepted(void **state) {
    (void)state;
    ASSERT_FORM("preamble\r\n--b\r\n--b0x\r\n\r\n--b0 \t \r\n" FILE_HEAD "\r\npixels\r\n--b0-- \r\n"
                "epilogue\r\n--b0\r\n" FILE_HEAD,
                "pixels", "", "a.jpg");
    ASSERT_FORM("\r\n" FILE_PART("pixels") "--b0--", "pixels", "", "a.jpg");
}

static void boundaries_inside_the_picture_are_content(void **state) {
    (void)state;
#define ALMOST                                                                                     \
    "--b0\r\n x--b0--\r\n--b\r\n--b1\r\n\r\n--b0x\r\n\r\n--b0 x\r\n--b0-x\r\n--b0\rx\r\n--b0\t\r"  \
    "\r\n\r\r\n\r\n--\n--b0\r\n-"
    ASSERT_FORM("--b0\r\n" FILE_HEAD "\r\nx" ALMOST "\r\n" CLOSE, "x" ALMOST, "", "a.jpg");
#undef ALMOST
    /* The line has more blanks than a delimiter's may have. */
    char blanks[100] = "";
    memset(blanks, ' ', sizeof blanks - 1);
    char text[1024], picture[256];
    int length = snprintf(text, sizeof text, FILE_START "x\r\n--b0%s\r\ny\r\n" CLOSE, blanks);
    int picture_length = snprintf(picture, sizeof picture, "x\r\n--b0%s\r\ny", blanks);
    assert_body(TYPE, text, (size_t)length, picture, (size_t)picture_length, "", "a.jpg");
}

static void a_picture_may_begin_and_end_with_line_breaks(void **state) {
    (void)state;
    ASSERT_FORM(FILE_PART("\r\n\r\nx\r\n\r\n\r") CLOSE, "\r\n\r\nx\r\n\r\n\r", "", "a.jpg");
    ASSERT_FORM(FILE_PART("\n") CLOSE, "\n", "", "a.jpg");
    ASSERT_FORM(FILE_PART("--b0x") CLOSE, "--b0x", "", "a.jpg");
}

static void large_pictures_cross_pieces(void **state) {
    (void)state;
    enum { LENGTH = 100000 };
    static uint8_t text[LENGTH + 1000], picture[LENGTH];
    uint32_t random = 1;
    for (size_t i = 0; i < LENGTH; i++) {
        random = random * 1664525 + 1013904223;
        picture[i] = "\r\n--b0\xFF\r"[random >> 24 & 7];
    }
    size_t head = strlen(FILE_START);
    memcpy(text, FILE_START, head);
    memcpy(text + head, picture, LENGTH);
    memcpy(text + head + LENGTH, "\r\n" CLOSE, strlen("\r\n" CLOSE));
    assert_body(TYPE, text, head + LENGTH + strlen("\r\n" CLOSE), picture, LENGTH, "", "a.jpg");
}

static void boundaries_are_quoted_or_tokens(void **state) {
    (void)state;
    char text[1024];
    static const char boundary[] =
        "'()+_,-./:=? 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU";
    assert_int_equal(strlen(boundary), 70);
    int length =
        snprintf(text, sizeof text, "--%s\r\n" FILE_HEAD "\r\nx\r\n--%s--\r\n", boundary, boundary);
    char type[256];
    snprintf(type, sizeof type, "multipart/form-data; charset=utf-8; Boundary=\"%s\"", boundary);
    assert_body(type, text, (size_t)length, "x", 1, "", "a.jpg");

    length =
        snprintf(text, sizeof text, "------=_Part_1/x\r\n" FILE_HEAD "\r\nx\r\n------=_Part_1/x--");
    assert_body("Multipart/Form-Data;boundary=----=_Part_1/x", text, (size_t)length, "x", 1, "",
                "a.jpg");
}

static void bad_boundaries_are_refused(void **state) {
    (void)state;
    char type[256];
    snprintf(type, sizeof type, "multipart/form-data; boundary=%071d", 0);
    assert_refused(type, "x", 1, TT_ERR_MULTIPART, "boundary");
    assert_refused("multipart/form-data", "x", 1, TT_ERR_MULTIPART, "boundary");
    assert_refused("multipart/form-data; boundary=", "x", 1, TT_ERR_MULTIPART, "boundary");
    assert_refused("multipart/form-data; boundary=\"\"", "x", 1, TT_ERR_MULTIPART, "boundary");
    assert_refused("multipart/form-data; boundary=\"a \"", "x", 1, TT_ERR_MULTIPART, "boundary");
    assert_refused("multipart/form-data; boundary=\xC3\xA9", "x", 1, TT_ERR_MULTIPART, "boundary");
}

static void what_makes_a_part_the_file(void **state) {
    (void)state;
#define PART(disposition, more)                                                                    \
    "--b0\r\nContent-Disposition: form-data; name=f" disposition "\r\n" more "\r\nx\r\n" CLOSE
    ASSERT_FORM(PART("; filename=a.png", ""), "x", "", "a.png");
    ASSERT_FORM(PART("; filename*=UTF-8''%e2%82%ac", ""), "x", "", "\xE2\x82\xAC");
    ASSERT_FORM(PART("; filename=\"\"", ""), "x", "", "");
    ASSERT_FORM(PART("", "Content-Type: image/png\r\n"), "x", "", "");
    ASSERT_FORM(PART("", "CONTENT-TYPE:Application/Octet-Stream;a=b\r\n"), "x", "", "");
    ASSERT_FORM(PART("; filename=a", "Content-Type: text/plain\r\n"), "x", "", "a");
    REFUSED(PART("", "Content-Type: text/plain\r\n"), TT_ERR_MULTIPART, "no file part");
#undef PART
}

static void filenames_of_browsers_and_curl(void **state) {
    (void)state;
#define NAMED(filename)                                                                            \
    "--b0\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" filename                     \
    "\"\r\n\r\nx\r\n" CLOSE
    ASSERT_FORM(NAMED("a%22b%0D%0Ac%20.png"), "x", "", "a\"b\r\nc%20.png");
    ASSERT_FORM(NAMED("a\\\"b\\\\c.png"), "x", "", "a\"b\\c.png");
    ASSERT_FORM(NAMED("C:\\dir\\a.png"), "x", "", "C:\\dir\\a.png");
    ASSERT_FORM(NAMED("\xC3\xA9; name=z.png"), "x", "", "\xC3\xA9; name=z.png");
#undef NAMED
}

static void headers_may_be_folded_and_in_any_order(void **state) {
    (void)state;
    ASSERT_FORM(
        "--b0\r\nX-Other: a\r\nContent-Type: image/png\r\ncontent-disposition: form-data;\r\n"
        "\tname=f;\r\n filename=a.png\r\nContent-Length: 1\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\nx\r\n" CLOSE,
        "x", "", "a.png");
}

static void options_left_empty_are_not_given(void **state) {
    (void)state;
    ASSERT_FORM(FIELD("width", "") FIELD("height", "5") FILE_PART("x") CLOSE, "x", "height=5\n",
                "a.jpg");
    /* The blank line is the next delimiter's own line break: an empty part of RFC 2046. */
    ASSERT_FORM("--b0\r\nContent-Disposition: form-data; name=\"width\"\r\n\r\n" FILE_PART("x")
                    CLOSE,
                "x", "", "a.jpg");
}

static void values_may_be_utf8_of_several_lines(void **state) {
    (void)state;
    ASSERT_FORM(FIELD("filename", "\xC3\xA9\r\n--b\r\nz") FILE_PART("x") CLOSE, "x",
                "filename=\xC3\xA9\r\n--b\r\nz\n", "a.jpg");
}

static void a_form_without_a_chosen_file_is_empty(void **state) {
    (void)state;
#define UNCHOSEN                                                                                   \
    "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n"                     \
    "Content-Type: application/octet-stream\r\n\r\n\r\n"
    REFUSED(UNCHOSEN CLOSE, TT_ERR_BODY_EMPTY, "Choose a picture first");
    ASSERT_FORM(UNCHOSEN FILE_PART("x") UNCHOSEN CLOSE, "x", "", "a.jpg");
#undef UNCHOSEN
    /* An empty file was chosen; whoever reads it finds that there is no picture. */
    ASSERT_FORM(FILE_PART("") CLOSE, "", "", "a.jpg");
}

static void two_files_are_refused(void **state) {
    (void)state;
    REFUSED(FILE_PART("x") FILE_PART("y") CLOSE, TT_ERR_MULTIPART, "one picture per request");
    REFUSED(FILE_PART("x") FILE_PART("") CLOSE, TT_ERR_MULTIPART, "one picture per request");
    REFUSED(FILE_PART("x") "--b0\r\nContent-Disposition: form-data; name=g\r\n"
                           "Content-Type: image/png\r\n\r\ny\r\n" CLOSE,
            TT_ERR_MULTIPART, "one picture per request");
}

static void forms_without_end_or_file_are_refused(void **state) {
    (void)state;
    REFUSED(FILE_PART("x"), TT_ERR_MULTIPART, "closing boundary");
    REFUSED(FILE_PART("x") "--b0", TT_ERR_MULTIPART, "closing boundary");
    REFUSED(FILE_PART("x") "--b0-", TT_ERR_MULTIPART, "closing boundary");
    REFUSED(FILE_START "x", TT_ERR_MULTIPART, "closing boundary");
    REFUSED("--b0\r\n" FILE_HEAD, TT_ERR_MULTIPART, "closing boundary");
    REFUSED("hello", TT_ERR_MULTIPART, "closing boundary");
    REFUSED("", TT_ERR_MULTIPART, "closing boundary");
    REFUSED(CLOSE, TT_ERR_MULTIPART, "no file part");
    REFUSED(FIELD("width", "5") CLOSE, TT_ERR_MULTIPART, "no file part");
}

static void bad_part_headers_are_refused(void **state) {
    (void)state;
#define HEADERS(text) "--b0\r\n" text "\r\nx\r\n" CLOSE
    REFUSED(HEADERS(""), TT_ERR_MULTIPART, "has no name");
    REFUSED(HEADERS("Content-Type: image/png\r\n"), TT_ERR_MULTIPART, "has no name");
    REFUSED(HEADERS("Content-Disposition: form-data\r\n"), TT_ERR_MULTIPART, "has no name");
    REFUSED(HEADERS("Content-Disposition: form-data; name=\"\"; filename=a\r\n"), TT_ERR_MULTIPART,
            "has no name");
    REFUSED(HEADERS("Content-Disposition: attachment; name=f; filename=a\r\n"), TT_ERR_MULTIPART,
            "has no name");
    REFUSED(HEADERS("Content-Disposition: form-data; name=\xFF; filename=a\r\n"), TT_ERR_MULTIPART,
            "not UTF-8");
    REFUSED(HEADERS("no header\r\n"), TT_ERR_MULTIPART, "cannot be read");
    REFUSED(HEADERS(": x\r\n"), TT_ERR_MULTIPART, "cannot be read");
    REFUSED(HEADERS("A: x\ny\r\n"), TT_ERR_MULTIPART, "cannot be read");
    REFUSED(HEADERS("A: x\ry\r\n"), TT_ERR_MULTIPART, "cannot be read");
    REFUSED(HEADERS("A: x\0y\r\n"), TT_ERR_MULTIPART, "cannot be read");
    REFUSED(HEADERS(FILE_HEAD "Content-Transfer-Encoding: base64\r\n"), TT_ERR_MULTIPART,
            "Content-Transfer-Encoding");
#undef HEADERS
}

static void headers_values_and_parts_are_bounded(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE + 1000);
    assert_non_null(text);

    int head = sprintf(text, "--b0\r\n" FILE_HEAD "X-Large: ");
    memset(text + head, 'a', SIZE);
    int tail = sprintf(text + head + SIZE, "\r\n\r\nx\r\n" CLOSE);
    assert_refused(TYPE, text, (size_t)(head + SIZE + tail), TT_ERR_MULTIPART, "over 8192 bytes");

    head = sprintf(text, "--b0\r\nContent-Disposition: form-data; name=width\r\n\r\n");
    memset(text + head, '1', 4097);
    tail = sprintf(text + head + 4097, "\r\n" FILE_PART("x") CLOSE);
    assert_refused(TYPE, text, (size_t)(head + 4097 + tail), TT_ERR_MULTIPART, "over 4096 bytes");

    size_t length = 0;
    for (int i = 0; i < 32; i++)
        length += (size_t)sprintf(text + length, FIELD("width", ""));
    length += (size_t)sprintf(text + length, FILE_PART("x") CLOSE);
    assert_refused(TYPE, text, length, TT_ERR_MULTIPART, "over 32 parts");
    size_t skipped = strlen(FIELD("width", ""));
    assert_body(TYPE, text + skipped, length - skipped, "x", 1, "", "a.jpg");
    free(text);
}

static void values_that_are_no_text_are_refused(void **state) {
    (void)state;
    REFUSED(FIELD("width", "\xFF") FILE_PART("x") CLOSE, TT_ERR_MULTIPART, "not UTF-8");
    REFUSED(FIELD("width", "5\0") FILE_PART("x") CLOSE, TT_ERR_MULTIPART, "not UTF-8");
}

static void a_failure_of_the_target_ends_the_parse(void **state) {
    (void)state;
    static const char text[] = FIELD("width", "5") FILE_PART("x") CLOSE;
    struct recorder picture = {.picture_err = TT_ERR_SPOOL_FULL};
    struct recorder option = {.option_err = TT_ERR_OPTION};
    struct recorder filename = {.filename_err = TT_ERR_MALFORMED};
    assert_int_equal(recorder_run(&picture, TYPE, text, sizeof text - 1, 7), TT_ERR_SPOOL_FULL);
    assert_int_equal(recorder_run(&option, TYPE, text, sizeof text - 1, 7), TT_ERR_OPTION);
    assert_string_equal(option.filename, "");
    assert_int_equal(recorder_run(&filename, TYPE, text, sizeof text - 1, 7), TT_ERR_MALFORMED);
    assert_int_equal(filename.length, 0);
    recorder_clear(&picture);
    recorder_clear(&option);
    recorder_clear(&filename);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_gives_picture_options_and_filename),
        cmocka_unit_test(preamble_epilogue_and_padding_are_accepted),
        cmocka_unit_test(boundaries_inside_the_picture_are_content),
        cmocka_unit_test(a_picture_may_begin_and_end_with_line_breaks),
        cmocka_unit_test(large_pictures_cross_pieces),
        cmocka_unit_test(boundaries_are_quoted_or_tokens),
        cmocka_unit_test(bad_boundaries_are_refused),
        cmocka_unit_test(what_makes_a_part_the_file),
        cmocka_unit_test(filenames_of_browsers_and_curl),
        cmocka_unit_test(headers_may_be_folded_and_in_any_order),
        cmocka_unit_test(options_left_empty_are_not_given),
        cmocka_unit_test(values_may_be_utf8_of_several_lines),
        cmocka_unit_test(a_form_without_a_chosen_file_is_empty),
        cmocka_unit_test(two_files_are_refused),
        cmocka_unit_test(forms_without_end_or_file_are_refused),
        cmocka_unit_test(bad_part_headers_are_refused),
        cmocka_unit_test(headers_values_and_parts_are_bounded),
        cmocka_unit_test(values_that_are_no_text_are_refused),
        cmocka_unit_test(a_failure_of_the_target_ends_the_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
