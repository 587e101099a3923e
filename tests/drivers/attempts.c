/* Attempts: what a taken-over process would try. This library is loaded into a real daemon
 * (LD_PRELOAD) and takes the place of a function that one of its processes calls while it works:
 * there it tries everything once, and writes down how each attempt ended. Nothing of it is in the
 * programs.
 *
 * ATTEMPTS_AT is the name of that function, ATTEMPTS_REPORT the file that is made, with a line of
 * name, tab and errno (0: it was let) for each attempt. A process that can open no file writes into
 * memory that is mapped to it, which no call stands in the way of; zeros follow the lines. The
 * working directory is to be none of the process's business, and to have a file "victim" and an
 * empty folder "empty". */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE_BYTES   4096
#define MAPPED_BYTES 65536

static const char *report_path;
static int report_fd = -1;
static pid_t first_pid; /* of the process that was started as the program */
static pid_t starter_pid;

/* It is mapped before the first fork, and shared by all processes. */
static struct {
    char *text;
    size_t length;
} mapped;

static void map_report(void) {
    int fd = open(report_path, O_RDWR | O_CREAT | O_EXCL, 0600);
    void *text = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, MAPPED_BYTES) == 0)
        text = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (text != MAP_FAILED)
        mapped.text = text;
    close(fd);
}

static void note(const char *name, long result) {
    int number = result < 0 ? errno : 0;
    if (!mapped.text)
        dprintf(report_fd, "%s\t%d\n", name, number);
    else if (mapped.length + 64 < MAPPED_BYTES)
        mapped.length +=
            (size_t)snprintf(mapped.text + mapped.length, 64, "%s\t%d\n", name, number);
}

/* Notes an attempt whose result is a descriptor, which is closed again. */
static void note_fd(const char *name, int fd) {
    note(name, fd);
    if (fd >= 0)
        close(fd);
}

static bool is_wanted_at(const char *function) {
    const char *at = getenv("ATTEMPTS_AT");
    return at && report_path && strcmp(at, function) == 0;
}

__attribute__((constructor)) static void prepare(void) {
    first_pid = getpid();
    starter_pid = getppid();
    report_path = getenv("ATTEMPTS_REPORT");
    if (is_wanted_at("recvmsg") || is_wanted_at("png_read_info"))
        map_report();
}

/* ---- files ---- */

static void touch_names(void) {
    note_fd("read a file of the system", open("/etc/passwd", O_RDONLY));
    note_fd("read a file", open("victim", O_RDONLY));
    note_fd("write a file", open("victim", O_WRONLY));
    note_fd("make a file", open("made", O_WRONLY | O_CREAT, 0600));
    note_fd("make a file without a name", open(".", O_TMPFILE | O_WRONLY, 0600));
    note_fd("list a folder", open(".", O_RDONLY | O_DIRECTORY));
    note_fd("write to /proc", open("/proc/self/oom_score_adj", O_WRONLY));
    note("truncate a file", truncate("victim", 0));
    note("make a folder", mkdir("folder", 0700));
    note("remove a folder", rmdir("empty"));
    note("make a symbolic link", symlink("/etc/passwd", "symbolic"));
    note("make a pipe", mkfifo("pipe", 0600));
    note("change a mode", chmod("victim", 0666));
    note("change an owner", chown("victim", getuid(), getgid()));
    note("change times", utimensat(AT_FDCWD, "victim", NULL, 0));
    note("set an attribute", syscall(SYS_setxattr, "victim", "user.a", "b", 1, 0));
    note("link a file", link("victim", "linked"));
    note("rename a file", rename("victim", "victim.renamed"));
    note("remove a file", unlink("linked") == 0 ? 0 : unlink("victim"));
    note("link out of the storage", link(report_path, "leaked"));
    note("change the root", chroot("."));
    note("change the folder", chdir("."));
}

static void bind_socket(void) {
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    note("make a socket", bind(fd, (const struct sockaddr *)&address, sizeof address));
    close(fd);
}

/* ---- processes ---- */

static void note_fork(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    note("fork", pid);
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void note_trace(pid_t other) {
    long seized = ptrace(PTRACE_SEIZE, other, NULL, NULL);
    note("trace a process", seized);
    if (seized == 0 && ptrace(PTRACE_INTERRUPT, other, NULL, NULL) == 0 &&
        waitpid(other, NULL, __WALL) == other)
        ptrace(PTRACE_DETACH, other, NULL, NULL);
}

static void open_process(const char *name, pid_t other, const char *file) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)other, file);
    note_fd(name, open(path, O_RDONLY));
}

static void touch_process(pid_t other) {
    static char here[16];
    const struct iovec memory = {here, sizeof here};
    struct sched_param plain = {0};
    note_fork();
    note_trace(other);
    open_process("open a process's memory", other, "mem");
    open_process("open a process's environment", other, "environ");
    note("read a process's memory", process_vm_readv(other, &memory, 1, &memory, 1, 0));
    note("write a process's memory", process_vm_writev(other, &memory, 1, &memory, 1, 0));
    note("signal a process", kill(other, 0));
    note("signal all processes of the group", kill(0, 0));
    note("signal a thread", syscall(SYS_tgkill, other, other, 0));
    note_fd("hold a process", (int)syscall(SYS_pidfd_open, other, 0));
    note("have the kernel signal a process", fcntl(STDERR_FILENO, F_SETOWN, other));
    note("compare processes", syscall(SYS_kcmp, other, getpid(), 0, 0, 0));
    note("limit a process", syscall(SYS_prlimit64, other, RLIMIT_CORE, NULL, &(struct rlimit){0}));
    note("slow a process down", setpriority(PRIO_PROCESS, (id_t)other, 19));
    note("schedule a process", sched_setscheduler(other, SCHED_OTHER, &plain));
}

static void change_identity(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    note("change the user", setresuid(getuid(), getuid(), getuid()));
    note("change groups", syscall(SYS_setgroups, 0, NULL));
    note("change capabilities", syscall(SYS_capset, &header, none));
    note("be dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    note("outlive the parent", prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
    note("change the personality", syscall(SYS_personality, 0xffffffff));
    note("make a user name space", unshare(CLONE_NEWUSER));
    note("clone3", syscall(SYS_clone3, NULL, 0));
    note("enter a name space", setns(STDERR_FILENO, 0));
}

/* ---- sockets ---- */

static void open_sockets(void) {
    static const struct {
        const char *name;
        int family, type;
    } sockets[] = {
        {"a socket of IPv4", AF_INET, SOCK_STREAM},
        {"a datagram of IPv4", AF_INET, SOCK_DGRAM},
        {"a socket of IPv6", AF_INET6, SOCK_STREAM},
        {"a datagram of IPv6", AF_INET6, SOCK_DGRAM},
        {"a socket of netlink", AF_NETLINK, SOCK_RAW},
        {"a socket of packets", AF_PACKET, SOCK_RAW},
        {"a socket of vsock", AF_VSOCK, SOCK_STREAM},
        {"a socket of alg", AF_ALG, SOCK_SEQPACKET},
        {"a socket of Bluetooth", AF_BLUETOOTH, SOCK_SEQPACKET},
    };
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        note_fd(sockets[i].name, socket(sockets[i].family, sockets[i].type, 0));
}

/* ---- the kernel ---- */

static void ask_kernel(void) {
    char some[64] = "";
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    note("make memory code", mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC));
    page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    note("map code", page == MAP_FAILED ? -1 : 0);
    note("mount", syscall(SYS_mount, "none", "empty", "tmpfs", 0, NULL));
    note("unmount", syscall(SYS_umount2, "empty", 0));
    note("pivot_root", syscall(SYS_pivot_root, ".", "."));
    note_fd("open a tree", (int)syscall(SYS_open_tree, AT_FDCWD, ".", 0));
    note_fd("open by handle", (int)syscall(SYS_open_by_handle_at, AT_FDCWD, some, 0));
    note("bpf", syscall(SYS_bpf, 0, some, sizeof some));
    note("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
    note("add a key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
    note_fd("io_uring", (int)syscall(SYS_io_uring_setup, 1, some));
    note_fd("userfaultfd", (int)syscall(SYS_userfaultfd, 1));
    note_fd("memfd_create", memfd_create("code", 0));
    note_fd("perf_event_open", (int)syscall(SYS_perf_event_open, some, 0, -1, -1, 0));
    note_fd("fanotify", (int)syscall(SYS_fanotify_init, 0, 0));
    note_fd("inotify", (int)syscall(SYS_inotify_init1, 0));
    note("shared memory", syscall(SYS_shmget, 0, 1, 0600));
    note("message queue", syscall(SYS_msgget, 0, 0600));
    note("semaphore", syscall(SYS_semget, 0, 1, 0600));
    note_fd("POSIX message queue", (int)syscall(SYS_mq_open, "a", O_RDONLY | O_CREAT, 0600, NULL));
    note("type on a terminal", ioctl(STDERR_FILENO, TIOCSTI, "a"));
    note("load a module", syscall(SYS_finit_module, -1, "", 0));
    note("load a kernel", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    note("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
    note("swap", syscall(SYS_swapon, "victim", 0));
    note("set the host's name", sethostname("a", 1));
    note("set the clock", clock_settime(CLOCK_REALTIME, &(struct timespec){0}));
    note("read the kernel's log", syscall(SYS_syslog, 3, some, sizeof some));
    note("account", syscall(SYS_acct, "victim"));
    note("quotas", syscall(SYS_quotactl, 0, NULL, 0, NULL));
    note("a further filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
    note("strict seccomp by prctl", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0));
    note("a further Landlock",
         syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION));
    note("a file in memory as a program", syscall(SYS_execveat, -1, "", NULL, NULL, 0));
}

static void make_attempts(void) {
    static char name[] = "true";
    char *const arguments[] = {name, NULL};
    touch_names();
    bind_socket();
    touch_process(getpid() == first_pid ? starter_pid : first_pid);
    change_identity();
    open_sockets();
    ask_kernel();
    note("execute a program", execv("/bin/true", arguments));
    close(report_fd);
}

/* ---- where they are made ---- */

/* The first process that comes here makes the report, and so no other one does. */
static void come_by(const char *function) {
    if (!is_wanted_at(function))
        return;
    int saved_errno = errno;
    if (mapped.text && mapped.text[0] == '\0')
        make_attempts();
    if (!mapped.text &&
        (report_fd = open(report_path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600)) >= 0)
        make_attempts();
    errno = saved_errno;
}

/* A decoder's filter raises a signal for most calls. One that was taken over would hear it, and go
 * on. */
static void go_on(int signal_number, siginfo_t *info, void *context) {
    ucontext_t *registers = context;
    (void)signal_number;
    (void)info;
#if defined(__x86_64__)
    registers->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    registers->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#endif
}

/* A decoder reads a PNG. */
void png_read_info(void *library, void *picture) {
    void (*next)(void *, void *) = dlsym(RTLD_NEXT, "png_read_info");
    struct sigaction hear = {.sa_sigaction = go_on, .sa_flags = SA_SIGINFO};
    struct sigaction before;
    if (is_wanted_at("png_read_info") && sigaction(SIGSYS, &hear, &before) == 0) {
        come_by("png_read_info");
        sigaction(SIGSYS, &before, NULL);
    }
    next(library, picture);
}

/* A decoder reads a JPEG. One call does here, which ends it. */
int jpeg_read_header(void *library, int is_picture_needed) {
    int (*next)(void *, int) = dlsym(RTLD_NEXT, "jpeg_read_header");
    if (is_wanted_at("jpeg_read_header"))
        close(socket(AF_INET, SOCK_STREAM, 0));
    return next(library, is_picture_needed);
}

/* A spawner takes orders. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    ssize_t (*next)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    come_by("recvmsg");
    return next(fd, message, flags);
}

/* A worker asks libfcgi for a request's variables. */
char *FCGX_GetParam(const char *name, char **variables) {
    char *(*next)(const char *, char **) = dlsym(RTLD_NEXT, "FCGX_GetParam");
    come_by("FCGX_GetParam");
    return next(name, variables);
}

/* The agent waits in libcurl. */
int curl_multi_poll(void *multi, void *waited, unsigned count, int timeout_ms, int *ready) {
    int (*next)(void *, void *, unsigned, int, int *) = dlsym(RTLD_NEXT, "curl_multi_poll");
    come_by("curl_multi_poll");
    return next(multi, waited, count, timeout_ms, ready);
}

/* The master takes its signals from a descriptor. */
int signalfd(int fd, const sigset_t *signals, int flags) {
    int (*next)(int, const sigset_t *, int) = dlsym(RTLD_NEXT, "signalfd");
    come_by("signalfd");
    return next(fd, signals, flags);
}

/* The command reads the journal. */
int sqlite3_step(void *statement) {
    int (*next)(void *) = dlsym(RTLD_NEXT, "sqlite3_step");
    come_by("sqlite3_step");
    return next(statement);
}
