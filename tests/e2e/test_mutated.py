"""Pictures that were changed at random, and those that broke something once, sent to the whole service: each
is answered with a result or a refusal, and leaves nothing behind.

MUTATED_PICTURES says how many are made; each is known by its number alone.
"""

import os
import pathlib
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

import pictures
from support import IS_SANITIZED, check_problem, children, read_links, wait_for

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
COUNT = int(os.environ.get("MUTATED_PICTURES") or 500)
CLIENTS = 2  # There are as many seats, so that nobody is turned away.
HUNGRY = "overlay-canvas-30000.avif"  # libheif takes gigabytes for it, as far as the decoder's limit lets it.
WORDS = [b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff", b"\0\0", b"\xff\xd9",
         b"\0\0\0\1"]


def whole_pictures():
    """Yields small pictures of every format and of most kinds of each."""
    photo = pictures.photo(48, 36)
    alpha = photo.copy()
    alpha.putalpha(pictures.Image.linear_gradient("L").resize(photo.size))
    yield from (pictures.encode(photo, "JPEG"), pictures.encode(photo, "JPEG", progressive=True),
                pictures.jpeg_cmyk(photo), pictures.jpeg_ycck(photo),
                pictures.jpeg_rewrite(pictures.encode(photo, "JPEG"), insert=pictures.exif_segment(6)))
    samples = pictures.np.arange(36 * 48 * 4).reshape(36, 48, 4) * 257
    for colour, depth in ((0, 1), (0, 16), (2, 8), (3, 8), (4, 8), (6, 16)):
        palette = pictures.chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
        for interlaced in (False, True):
            yield pictures.png(samples[..., :pictures.CHANNELS[colour]] % 2 ** depth, depth, colour, interlaced,
                               palette)
    yield from (pictures.encode(photo, "WEBP"), pictures.encode(photo, "WEBP", lossless=True),
                pictures.encode(alpha, "WEBP"), pictures.encode(alpha, "WEBP", lossless=True))
    for interlace in (0, 1):
        yield pictures.encode(photo.quantize(64), "GIF", interlace=interlace)
    for path in sorted(FIXTURES.rglob("*.[ah]*")):
        if not (IS_SANITIZED and path.name == HUNGRY):
            yield path.read_bytes()


def sum_png(data):
    """Gives each chunk of a PNG the checksum that it should have: otherwise nothing behind a change is read."""
    out, position = data[:8], 8
    while position + 12 <= len(data):
        length = struct.unpack(">I", data[position:position + 4])[0]
        body = data[position + 4:position + 8 + length]
        if position + 12 + length > len(data):
            break
        out += data[position:position + 4] + body + struct.pack(">I", zlib.crc32(body))
        position += 12 + length
    return out + data[position:]


def mutate(random_, data, other):
    """Changes the data once to four times: bits, words, pieces left out, repeated or taken from the other."""
    data = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(data)) if data else 0
        length = random_.choice((1, 2, 4, 16, 64, 256))
        kind = random_.randrange(7)
        if kind == 0 and data:
            data[at] ^= 1 << random_.randrange(8)
        elif kind == 1 and data:
            data[at] = random_.randrange(256)
        elif kind == 2:
            word = random_.choice(WORDS)
            data[at:at + len(word)] = word
        elif kind == 3:
            del data[at:at + length]
        elif kind == 4:
            data[at:at] = data[at:at + length]
        elif kind == 5:
            start = random_.randrange(len(other))
            data[at:at + length] = other[start:start + length]
        elif random_.randrange(4) == 0:
            del data[at:]
    return bytes(data) or b"\0"


def mutated(number, wholes):
    random_ = random.Random(number)
    data = mutate(random_, random_.choice(wholes), random_.choice(wholes))
    if data.startswith(pictures.PNG_SIGNATURE) and random_.randrange(4) > 0:
        data = sum_png(data)
    return data


def descriptors(server):
    """Returns how many descriptors each worker and its spawner have."""
    return {pid: len(read_links(pid))
            for worker in server.workers() for pid in (worker, *children(worker))}


@pytest.fixture
def settled(make_server):
    """Gives a service that has served each worker's first requests, and checks that its processes and their
    descriptors are the same in the end, and that spool and journal agree."""
    server = make_server()
    plain = pictures.jpeg(32, 24)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda _: server.upload(plain), range(24)))
    before = descriptors(server)
    yield server
    wait_for("the last decoder's end", lambda: not server.decoders())
    wait_for("the last descriptors to be closed",
             lambda: all(count <= before.get(pid, 0) for pid, count in descriptors(server).items()))
    assert set(descriptors(server)) == set(before), "a worker or its spawner was replaced"
    server.check_spool()


def test_mutated_pictures(settled):
    wholes = list(whole_pictures())
    had = len(settled.images())

    def send(number):
        answer = settled.post(mutated(number, wholes), query=f"grayscale={number % 2 == 0}&width=20")
        return number, answer.status_code, answer.text

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(send, range(COUNT)))
    statuses = [status for _, status, _ in answers]
    wrong = [one for one in answers if one[1] not in (200, 415, 422)]
    assert not wrong, wrong[:3]
    assert len(settled.images()) == had + statuses.count(200)
    # Were all of one kind, the changes would try nothing.
    assert statuses.count(200) > COUNT // 20 and statuses.count(422) > COUNT // 20


@pytest.mark.parametrize("path", sorted((FIXTURES / "refused").iterdir()), ids=lambda path: path.name)
def test_refused_pictures(unharmed, path):
    if IS_SANITIZED and path.name == HUNGRY:
        pytest.skip("a sanitized decoder has no limit of memory")
    check_problem(unharmed.post(path.read_bytes()), 422)


def test_odd_pictures(settled):
    for path in sorted((FIXTURES / "odd").iterdir()):
        assert settled.post(path.read_bytes()).status_code in (200, 415, 422), path
