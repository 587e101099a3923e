"""The seeds of the fuzzers that read no pictures: each corpus is a function that yields (name, bytes)."""

import struct

FORM = (
    b"--b0\r\nContent-Disposition: form-data; name=\"width\"\r\n\r\n720\r\n"
    b"--b0\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a%22\\\"b.png\"\r\n"
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--b\r\n--b0x\r\n--b0--\r\n"
)
UNCHOSEN = (
    b"--b0\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n\r\n--b0--\r\n"
)
JSON = (
    b'{"filename":"a\\u00e9.jpg","width":720,"grayscale":false,'
    b'"image":"data:image\\/png;base64,Zm9v\\nYmE\\u003d"}'
)

# The numbers are the kinds of fuzz_body.c.
BODIES = {
    "raw": (0, b"\x89PNG\r\n\x1a\n"),
    "base64": (1, b"Zm9v\r\nYmFyYg==\n"),
    "base64_prefix": (1, b" data:image/jpeg;name=a;base64,Zm9vYmE="),
    "form": (2, FORM),
    "form_unchosen": (2, b"preamble\r\n" + UNCHOSEN + b"epilogue"),
    "json": (3, JSON),
    "typed_form": (4, b"Multipart/Form-Data; boundary=\"b0\"\n" + FORM),
    "typed_json": (4, b"application/json;charset=utf-8\n" + JSON),
}


def bodies():
    for name, (kind, text) in BODIES.items():
        for piece in range(4):
            yield f"{name}_{piece}", bytes([kind | piece << 3]) + text


TIFF = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)

# The numbers are the readers of fuzz_text.c.
TEXTS = [
    (0, b"width=720&height=%35%30&fit=cover&grayscale=on&format=jpg&quality=80&filename=a+%C3%A9.png"),
    (0, b"preset=small&watermark=off&watermark_position=top-left"),
    (1, b"attachment; filename=\"a\\\"b; c.png\"; filename*=UTF-8''%e2%82%ac.png"),
    (1, b"inline; filename*=iso-8859-1'en'%A3%20rates"),
    (1, b"form-data; name=\"f\"; filename=\"C:\\a%22%0D%0A.png\""),
    (2, b"multipart/form-data; charset=utf-8; boundary=\"a b\\\"c\"; x"),
    (3, b"https://a.example:8443\na.example:8443\nhttps://b.example https://c.example"),
    (3, b"http://[::1]:80\n[::1]\n"),
    (4, b"bytes=0-499\n\"abc\"\nW/\"abc\", \"def\"\nSun, 06 Nov 1994 08:49:37 GMT"),
    (4, b"bytes=-5\nSun, 06 Nov 1994 08:49:37 GMT\n*\n"),
    (5, b"2026-11-24T06:50:27.123456+05:30"),
    (5, b"Tue, 24 Nov 2026 06:50:27 GMT"),
    (5, b"018bcfe5-6800-7000-8000-000000000000"),
    (6, "C:\\fakepath\\a\u202e\u00e9 .png".encode()),
    (7, b"https://s3.eu-central-1.example:9000/base/"),
    (7, b"http://[fd00:ec2::254]/"),
    (8, TIFF),
    (8, TIFF.replace(b"II*\0", b"MM\0*")),
]


def texts():
    for number, (reader, text) in enumerate(TEXTS):
        yield str(number), bytes([reader]) + text


IDS = [f"018bcfe5-680{i}-7000-8000-000000000000" for i in range(3)]  # The rows of fuzz_request.c.
REQUESTS = [
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/images?limit=1&order=asc&cursor={0}&status=off&filename=a\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/images?since=2026-11-24T06:50:27Z&until=2027-01-01T00:00:00Z\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/images/{0}\nHTTP_ACCEPT=text/html,*/*;q=0.8\n\n",
    "REQUEST_METHOD=HEAD\nREQUEST_URI=/api/images/{0}/processed\nHTTP_IF_NONE_MATCH=*\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/images/{0}/original\nHTTP_RANGE=bytes=2-5\n"
    "HTTP_ORIGIN=https://a.example\nHTTP_HOST=b.example\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/images/{1}/renditions/thumb\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/images/{2}/processed\n\n",
    "REQUEST_METHOD=DELETE\nREQUEST_URI=http://host/api/images/{1}\n\n",
    "REQUEST_METHOD=OPTIONS\nREQUEST_URI=/api/options\nHTTP_ORIGIN=null\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/options\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/healthz\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/readyz\n\n",
    "REQUEST_METHOD=GET\nREQUEST_URI=/api/metrics\n\n",
    "REQUEST_METHOD=POST\nREQUEST_URI=/api/images?preset=small\nCONTENT_TYPE=multipart/form-data; boundary=b0\n\n"
    "--b0\r\nContent-Disposition: form-data; name=\"f\"; filename*=UTF-8''%C3%A9\r\n\r\nGIF89a________"
    "__________________________\r\n--b0\r\nContent-Disposition: form-data; name=\"preset\"\r\n\r\nsmall\r\n"
    "--b0--\r\n",
    "REQUEST_METHOD=POST\nREQUEST_URI=/api/images?width=8&filename=a%20b\nCONTENT_LENGTH=26\n"
    "CONTENT_TYPE=image/gif\n\nGIF89a________________________________",
    "REQUEST_METHOD=POST\nREQUEST_URI=/default/imageProcessor\nCONTENT_TYPE=text/plain\n"
    "HTTP_CONTENT_DISPOSITION=attachment; filename=a.gif\n\n"
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    "REQUEST_METHOD=POST\nREQUEST_URI=/api/images\nHTTP_TRANSFER_ENCODING=chunked\nCONTENT_LENGTH=0\n"
    "CONTENT_TYPE=application/json\nHTTP_ACCEPT=text/html\n\n"
    "{{\"image\":\"R0lGODlhAQABAIAAAAAAAP\\u002f//yH5BAEAAAAALAAAAAABAAEAAAIBRAA7\",\"format\":\"webp\"}}",
]


def requests():
    for number, text in enumerate(REQUESTS):
        yield str(number), text.format(*IDS).encode()


# Services and statuses are by the numbers of fuzz_answer.c.
ANSWERS = [
    (0, 4, b"Date: Tue, 24 Nov 2026 06:50:27 GMT\nx-amz-request-id: 4442587FB7D0A2F9\n"
           b"x-amz-bucket-region: eu-west-1\n\n<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code>"
           b"<Message>The bucket &amp;&#38;&#x26; is not there</Message><Region>eu-west-1</Region></Error>"),
    (0, 5, b"\n<Error><Code>SignatureDoesNotMatch</Code><Message>AKIAIOSFODNN7EXAMPLE "
           b"Credential=</Message></Error>"),
    (0, 0, b"ETag: \"a\"\n\n<!DOCTYPE html><html>"),
    (1, 4, b"HTTP/1.1 400 Bad Request\nx-amzn-RequestId: A\nRetry-After: 17\n\n"
           b"{\"__type\":\"com.amazonaws#ValidationException:\",\"message\":\"table name\"}"),
    (1, 0, b"Content-Type: application/x-amz-json-1.0\n\n{}"),
    (2, 0, b"Content-Type: application/x-amz-json-1.1\n\n{\"rejectedLogEventsInfo\":"
           b"{\"tooOldLogEventEndIndex\":2,\"expiredLogEventEndIndex\":1,\"tooNewLogEventStartIndex\":5}}"),
    (2, 8, b"Retry-After: Tue, 24 Nov 2026 06:50:27 GMT\n\n{\"Message\":\"slow down\"}"),
]


def answers():
    for number, (service, status, text) in enumerate(ANSWERS):
        yield str(number), bytes([service, status]) + text


JSON_KEYS = (b'{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"S","Token":"T",'
             b'"Expiration":"2027-11-24T06:50:00Z"}')
XML_KEYS = (b"<AssumeRoleWithWebIdentityResponse><Credentials><SessionToken>T&amp;&#x2F;</SessionToken>"
            b"<SecretAccessKey>S</SecretAccessKey><Expiration>2027-11-24T06:50:00Z</Expiration>"
            b"<AccessKeyId> A </AccessKeyId></Credentials></AssumeRoleWithWebIdentityResponse>")
PROFILE = (b"[default]\naws_access_key_id = A\naws_secret_access_key = S\naws_session_token=T\n"
           b"[named]\naws_access_key_id=B\naws_secret_access_key=S\n")
PROFILES = (b"[profile named]\nregion = eu-central-1\nrole_arn = arn\nweb_identity_token_file = /a\n"
            b"s3 =\n  addressing_style = path\n[default]\nsso_session = a ; comment\n")


def keys():
    yield "profile", b"\0" + PROFILE + b"\0" + PROFILES
    yield "named", b"\4" + PROFILE + b"\0" + PROFILES
    yield "sts", b"\1" + b"2" + XML_KEYS
    yield "refused", b"\1" + b"4<ErrorResponse><Code>ExpiredToken</Code></ErrorResponse>"
    yield "container", b"\2" + b"2" + JSON_KEYS
    yield "instance", b"\3" + b"\0".join((b"2token==", b"2role_1\n", b"2" + JSON_KEYS))


def asked():
    row = "018bcfe5-6801-7000-8000-000000000000"
    content = b"the bytes of a picture\0"
    yield "presign", b"\0" + f"presign original {row}".encode()
    yield "rendition", b"\0" + f"presign rendition {row} large".encode()
    yield "fetch", b"\0" + f"fetch processed {row}".encode() + b"\0" + b"2" + content
    yield "fetch_short", b"\0" + f"fetch processed {row}".encode() + b"\0" + b"2the bytes"
    yield "fetch_failed", (b"\0" + f"fetch processed {row}".encode() + b"\0"
                           b"4<Error><Code>NoSuchKey</Code><Message>m</Message></Error>")
    yield "url", b"\1ok https://s3.example/a?b=c"
    yield "done", b"\1ok"
    yield "error", b"\1error busy too many files are being fetched back"


CONFIGS = [
    b"; a comment\n[server]\nlisten = /run/tintyped.sock\nbase_path = /api\nworkers = 4\n"
    b"cors_origins = https://a.example https://b.example\nmax_body_bytes=1048576\n",
    b"[image]\nwidth = 720\nheight=0\nfit = cover\ngrayscale = no\nformat = webp\nquality = 80\n"
    b"renditions = thumb large\nwatermark_text = \xc2\xa9 us # you\n[preset.thumb]\nwidth=64\n"
    b"[preset.large]\nformat = jpeg\nheight = 2000\n",
    b"[s3]\nbucket = pictures\nregion = eu-central-1\nendpoint = https://s3.example:9000/base\n"
    b"path_style = on\nsse = aws:kms\nsse_kms_key_id = a\n[dynamodb]\ntable = Images\n"
    b"[cloudwatch]\nlog_group = /g\n[delivery]\nremote = fetch\n[sync]\nin_flight = 3\nnode = n\n",
    b"\xef\xbb\xbf[storage]\ndir = /var/lib/tintype\nquota_bytes = 10485760\nkeep_original = false\n"
    b"keep_local_seconds = -1\n[log]\nlevel = debug\n[auth]\nmode = none\n",
]


def configs():
    for number, text in enumerate(CONFIGS):
        yield str(number), text


def signed():
    yield "s3", (b"/bucket/processed/a b.png\nX-Amz-Expires=300\nresponse-content-type=image/png\nlifecycle=\n"
                 b"Host:s3.example\nX-Amz-Date:20261124T065027Z\nx-a: b  c \nx-a:d")


def marks():
    for text in ("ink", "\u00a9 \u00c5ngstr\u00f6m", "a\u0300\u200bb\ufeff", "\u4e2d\u6587", "AVATo."):
        yield text.encode().hex(), b"\x05" + text.encode()


CORPORA = {
    "fuzz_body": bodies,
    "fuzz_text": texts,
    "fuzz_request": requests,
    "fuzz_answer": answers,
    "fuzz_keys": keys,
    "fuzz_ask": asked,
    "fuzz_config": configs,
    "fuzz_sigv4": signed,
}
