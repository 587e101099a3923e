# tintype: build, run, test. `make help` lists the targets.
#
# A user may set V=1 (show commands), CC, BUILD, PREFIX, DESTDIR, SANITIZE (address,undefined), and for
# `make run` PORT, STATE_DIR and CONFIG. There are no generated makefiles. make calls itself only for what
# must come after `make deps` or needs a second build. Objects and their dependency files live below
# $(BUILD), and a change of flags rebuilds all.

BUILD     ?= build
PREFIX    ?= /usr/local
SANITIZE  ?=
PYTHON    ?= /usr/bin/python3
Q         := $(if $(V),,@)
VERSION   := 0.1.0

PACKAGES := libpng libdeflate libjpeg libwebp lcms2 freetype2 sqlite3 inih jansson libcrypto libcurl fcgi libseccomp

OPTIMIZE := -O2 -ftree-vectorize
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 -Wcast-qual
# The processor refuses jumps to places where no jump may land. Each architecture has its own flag for this.
MACHINE  := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
JUMPS    := $(if $(filter x86_64,$(MACHINE)),-fcf-protection)$(if $(filter aarch64,$(MACHINE)),-mbranch-protection=standard)
HARDEN   := -fstack-protector-strong -fstack-clash-protection $(JUMPS) -fPIE
CPPFLAGS += -D_GNU_SOURCE -DTT_VERSION='"$(VERSION)"' -Iinclude -Isrc
ifeq ($(SANITIZE),)
CPPFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
OPTIMIZE := -O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
CPPFLAGS += -DTT_SANITIZED=1
endif
CFLAGS   ?= -g
TT_CFLAGS  = -std=c11 $(OPTIMIZE) $(WARNINGS) $(HARDEN) $(CFLAGS) $(shell pkg-config --cflags $(PACKAGES))
# src/image/heif_library.c explains why one symbol is exported.
TT_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed -Wl,--export-dynamic-symbol=de265_start_worker_threads $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
# libb64 is linked as an archive, because in the shared library each character costs a call through the
# PLT: decoding 3 MB of base64 takes 9 ms there instead of 6.
LDLIBS     = $(shell pkg-config --libs $(PACKAGES)) -l:libb64.a -lgif -lm

ROOMS    := base proc auth image store aws web sync
LIB_SRC  := $(wildcard $(ROOMS:%=src/%/*.c))
SQL      := $(sort $(wildcard sql/[0-9]*.sql))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/schema.o
MAIN_OBJ := $(BUILD)/src/main/start.o $(BUILD)/src/main/start_paths.o $(BUILD)/src/main/user.o
PROGRAMS := $(BUILD)/tintyped $(BUILD)/tintype-sync $(BUILD)/tintype
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT     := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
ATTEMPTS := $(BUILD)/drivers/attempts.so
DRIVERS  := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/drivers/*_driver.c)) $(ATTEMPTS)

.PHONY: all help deps run test check unit replay lint check-arm64 bench bench-pair fuzz install clean FORCE
.DELETE_ON_ERROR:
all: $(PROGRAMS)

help:
	@echo 'make            build $(PROGRAMS)'
	@echo 'make deps       install what build, run and tests need (Debian packages, npm for tests)'
	@echo 'make run        serve on http://127.0.0.1:$${PORT:-8080}, state below $${STATE_DIR:-./var}'
	@echo 'make test       every test, once plain and once under ASan and UBSan'
	@echo 'make check-arm64    builds for arm64 as well, and runs tests of base and image under qemu-user'
	@echo 'make lint       formatting, clang-tidy, cppcheck, shellcheck'
	@echo 'make bench      side by side with Pillow under gunicorn and sharp under Node.js; tintype-sync with rclone'
	@echo 'make bench-pair OLD=COMMIT [NEW=COMMIT]    CPU time of an upload, of two builds in pairs of rounds'
	@echo 'make fuzz       libFuzzer on all that reads what strangers send, FUZZ_SECONDS each'
	@echo 'make install    below $$DESTDIR$$PREFIX'

# Every object depends on this file, which changes with the compiler and the flags.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(TT_CFLAGS) $(TT_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(TT_CFLAGS) $(TT_LDFLAGS)' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  CC $@'
	$(Q)$(CC) $(CPPFLAGS) $(TT_CFLAGS) -MMD -MP -c -o $@ $<

# This compiles the schema into C strings, in the order of its numbers.
$(BUILD)/gen/schema.c: $(SQL) $(BUILD)/flags
	@mkdir -p $(@D)
	@{ echo '#include "store/schema.h"'; echo 'const char *const tt_schema_steps[] = {'; \
	for step in $(SQL); do sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' "$$step"; echo ','; done; \
	echo '};'; echo 'const int tt_schema_step_count = sizeof tt_schema_steps / sizeof *tt_schema_steps;'; } > $@

$(BUILD)/gen/schema.o: $(BUILD)/gen/schema.c
	@echo '  CC $@'
	$(Q)$(CC) $(CPPFLAGS) $(TT_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libtintype.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/tintyped: $(BUILD)/src/main/tintyped.o $(MAIN_OBJ) $(BUILD)/libtintype.a
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tintype-sync: $(BUILD)/src/main/tintype_sync.o $(MAIN_OBJ) $(BUILD)/libtintype.a
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tintype: $(BUILD)/src/main/tintype.o $(BUILD)/src/main/confinement.o $(MAIN_OBJ) $(BUILD)/libtintype.a
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libtintype.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka
.PRECIOUS: $(BUILD)/%.o

# Tests in Python call the library through these programs.
$(BUILD)/drivers/%: $(BUILD)/tests/drivers/%.o $(BUILD)/libtintype.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -o $@ $^ $(LDLIBS)

# Tests load this library into a daemon; see its own comment.
$(ATTEMPTS): tests/drivers/attempts.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  LD $@'
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O2 $(WARNINGS) -Wno-missing-prototypes -fPIC -shared -o $@ $<

unit: $(UNIT)
	@for test in $(UNIT); do echo "== $$test"; $$test || exit 1; done

clean:
	rm -rf $(BUILD)

# ---- packages of Debian 12, by what needs them ----

BUILD_PACKAGES := make gcc libc6-dev pkg-config libfcgi-dev libpng-dev libdeflate-dev libjpeg62-turbo-dev libsqlite3-dev \
                  libb64-dev libinih-dev libjansson-dev libssl-dev libcurl4-openssl-dev \
                  libwebp-dev libgif-dev libheif-dev liblcms2-dev libfreetype-dev libseccomp-dev
RUN_PACKAGES   := lighttpd lighttpd-mod-deflate fonts-dejavu-core
TEST_PACKAGES  := libcmocka-dev spawn-fcgi apache2-bin libapache2-mod-fcgid nginx curl python3 python3-pytest \
                  python3-requests python3-pil python3-numpy python3-botocore python3-boto3 python3-yaml \
                  python3-jsonschema python3-selenium chromium chromium-driver openssl libheif-examples \
                  ceph-mon ceph-osd radosgw ceph-common $(if $(shell command -v npm),,npm)
LINT_PACKAGES  := clang clang-format clang-tidy cppcheck shellcheck python3-pytest
FUZZ_PACKAGES  := clang libclang-rt-14-dev
PAIR_PACKAGES  := git mate-backgrounds libheif-examples python3-requests python3-pil python3-numpy python3-yaml python3-jsonschema
ARM64_PACKAGES := make pkg-config gcc-aarch64-linux-gnu qemu-user-static
ARM64_LIBRARIES := $(filter %-dev,$(BUILD_PACKAGES)) libcmocka-dev
BENCH_PACKAGES := $(PAIR_PACKAGES) gunicorn rclone

deps:
	@deploy/packages.sh $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES)
	@$(MAKE) -s tests/node_modules/.package-lock.json

# npm installs DynamoDB's stand-in and axe in the versions that the lock file pins, and writes the target itself.
tests/node_modules/.package-lock.json: tests/package-lock.json
	cd tests && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# npm installs sharp in the version that the lock file pins. Its libraries come as packages of npm as well.
tests/bench/node_modules/.package-lock.json: tests/bench/package-lock.json
	cd tests/bench && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# ---- run, test, lint, bench, fuzz, install ----

JOBS         ?= $(shell nproc)
FUZZ_SECONDS ?= 60
FUZZERS      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS      := $(FUZZERS:%=$(BUILD)/replay/%)
C_FILES      := $(wildcard src/*/*.c tests/unit/*.c tests/drivers/*.c tests/fuzz/*.c)
H_FILES      := $(wildcard include/tintype/*.h src/*/*.h tests/unit/*.h tests/drivers/*.h tests/fuzz/*.h)

run: deps
	@$(MAKE) -s -j$(JOBS) all
	@BUILD='$(BUILD)' PORT='$(PORT)' STATE_DIR='$(STATE_DIR)' CONFIG='$(CONFIG)' exec deploy/run.sh

# Both builds are made and tested side by side, because most tests wait more than they compute. Each has its
# own ports and folders. What one recipe says is printed when it has ended.
test: deps
	$(MAKE) --no-print-directory -j$(JOBS) -Otarget check check-sanitized

check-sanitized:
	$(MAKE) check BUILD=$(BUILD)/sanitize SANITIZE=address,undefined
.PHONY: check-sanitized

# This runs every test on one build.
check: all unit replay $(DRIVERS)
	TINTYPE_BUILD='$(BUILD)' MUTATED_PICTURES='$(MUTATED_PICTURES)' \
		$(PYTHON) -m pytest -q tests/includes_test.py tests/docs_test.py tests/sigv4_test.py tests/aws_calls_test.py tests/e2e \
		tests/fronts tests/sync tests/browser tests/template_test.py

# This cross-compiles the whole tree for arm64, and runs those tests that ask no more of the kernel than
# qemu-user has: base's and image's, with the NEON passes of the resampler. Two are left out, because qemu-user
# takes minutes for their floating point. Only $(ARM64_PACKAGES) are installed (with sudo for a plain user); the
# libraries are unpacked below $(BUILD).
ARM64_ROOT  := $(abspath $(BUILD))/arm64-root
ARM64_TESTS := $(filter $(BUILD)/unit/base_% $(BUILD)/unit/image_%,$(UNIT))
ARM64_TESTS := $(filter-out %/image_colour_test %/image_jpeg_icc_test,$(ARM64_TESTS))
check-arm64:
	@deploy/packages.sh $(ARM64_PACKAGES)
	@tests/rigs/sysroot.sh arm64 $(ARM64_ROOT) $(ARM64_LIBRARIES)
	PKG_CONFIG_LIBDIR=$(ARM64_ROOT)/usr/lib/aarch64-linux-gnu/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(ARM64_ROOT) \
	$(MAKE) -j$(JOBS) all $(patsubst $(BUILD)/%,$(BUILD)/arm64/%,$(UNIT) $(DRIVERS)) BUILD=$(BUILD)/arm64 \
		CC='aarch64-linux-gnu-gcc --sysroot=$(ARM64_ROOT)' AR=aarch64-linux-gnu-ar
	@printf '%s\n' $(ARM64_TESTS:$(BUILD)/%=$(BUILD)/arm64/%) | xargs -P$(JOBS) -I{} sh -c \
		'TINTYPE_EMULATED=yes qemu-aarch64-static -L $(ARM64_ROOT) {} >{}.log 2>&1 || { cat {}.log; exit 1; }; echo "{}: $$(tail -n1 {}.log)"'

lint:
	@deploy/packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES) $(LINT_PACKAGES)
	clang-format --dry-run -Werror $(C_FILES) $(H_FILES)
	shellcheck deploy/*.sh tests/rigs/*.sh tests/fuzz/*.sh .ci/run
	$(PYTHON) -m pytest -q tests/includes_test.py
	cppcheck --quiet -j$(JOBS) --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem -D_GNU_SOURCE '-DTT_VERSION=""' -Iinclude -Isrc src
	printf '%s\n' $(C_FILES) | xargs -P$(JOBS) -I{} clang-tidy --quiet {} -- \
		$(CPPFLAGS) -std=c11 $(shell pkg-config --cflags $(PACKAGES))

bench: deps
	@deploy/packages.sh $(BENCH_PACKAGES)
	@$(MAKE) -s -j$(JOBS) all $(DRIVERS) tests/bench/node_modules/.package-lock.json
	TINTYPE_BUILD='$(BUILD)' $(PYTHON) tests/bench/bench.py
	TINTYPE_BUILD='$(BUILD)' $(PYTHON) tests/bench/sync_bench.py

# This compares two commits, or without NEW a commit and the working tree.
bench-pair:
	@deploy/packages.sh $(BUILD_PACKAGES) $(RUN_PACKAGES) $(PAIR_PACKAGES)
	@$(MAKE) -s -j$(JOBS) $(BUILD)/tintyped $(BUILD)/drivers/load_driver
	@TINTYPE_BUILD='$(BUILD)' $(PYTHON) tests/bench/pair_bench.py '$(OLD)' '$(NEW)'

# Each fuzzer starts from small seeds and keeps what it finds below $(BUILD)/fuzz.
fuzz: deps
	@deploy/packages.sh $(FUZZ_PACKAGES)
	@$(MAKE) -s -j$(JOBS) fuzzers BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined,fuzzer-no-link
	@PYTHON='$(PYTHON)' tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_SECONDS) $(JOBS) $(FUZZERS)

fuzzers: $(FUZZERS:%=$(BUILD)/%)

$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/libtintype.a
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS) -lcmocka
.PHONY: fuzzers

# Every build repeats the fuzzers' seeds, and what they have found once.
replay: $(REPLAYS)
	@$(PYTHON) tests/fuzz/make_seeds.py $(BUILD)/replay/seeds
	@for name in $(FUZZERS); do $(BUILD)/replay/$$name $(BUILD)/replay/seeds/$$name \
		$$(ls -d tests/fixtures/found/$$name 2>/dev/null) >$(BUILD)/replay/$$name.log 2>&1 || \
		{ tail -n60 $(BUILD)/replay/$$name.log; exit 1; }; tail -n1 $(BUILD)/replay/$$name.log; done

$(BUILD)/replay/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/libtintype.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	$(Q)$(CC) $(TT_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/tintype/www $(DESTDIR)$(PREFIX)/share/doc/tintype
	install $(BUILD)/tintyped $(BUILD)/tintype-sync $(DESTDIR)$(PREFIX)/sbin
	install $(BUILD)/tintype $(DESTDIR)$(PREFIX)/bin
	install -m 644 www/* $(DESTDIR)$(PREFIX)/share/tintype/www
	install -m 644 deploy/lighttpd.conf deploy/apache-proxy-fcgi.conf deploy/apache-fcgid.conf deploy/nginx.conf deploy/aws/template.yaml $(DESTDIR)$(PREFIX)/share/tintype
	install -m 644 LICENSE $(wildcard README.md) $(DESTDIR)$(PREFIX)/share/doc/tintype

FORCE:
-include $(LIB_OBJ:.o=.d) $(wildcard $(BUILD)/src/main/*.d $(BUILD)/tests/unit/*.d $(BUILD)/tests/drivers/*.d \
         $(BUILD)/tests/fuzz/*.d)
