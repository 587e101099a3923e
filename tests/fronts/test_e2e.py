"""The tests of tests/e2e that go through a web server run behind each of the four."""

# pytest finds test functions and the fixtures of their modules by their names here.
from test_errors import test_bad_queries, test_methods, test_origin  # noqa: F401
from test_page import (index, test_error_page, test_error_page_does_not_echo_markup,  # noqa: F401
                       test_files_of_the_page, test_headers, test_missing_pages,
                       test_no_listing_and_no_way_out_of_www, test_programs_get_json,
                       test_result_page, test_the_form_works_without_javascript)
from test_retrieve import (image, link, test_delete, test_delete_from_a_foreign_page,  # noqa: F401
                           test_disposition, test_get, test_head, test_health, test_if_range,
                           test_large_files, test_not_modified, test_range, test_range_ignored,
                           test_range_outside)
from test_upload import (test_body_forms, test_curl_transfers, test_disposition_header,  # noqa: F401
                         test_filenames, test_image_object, test_lambda_path, test_long_filenames,
                         test_part_filename, test_query_plus_and_escapes)
