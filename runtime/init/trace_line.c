#include "trace_line.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SHOWN_BYTES 48
#define SHOWN_STRINGS 5
#define PAGE 4096
#define MAX_ERRNO 4095
#define END_ROOM 80 /* of a line, for the result */

/* By number, from 1 on (asm-generic/errno-base.h, errno.h); a dash is none. */
static const char errors[] =
    "PERM NOENT SRCH INTR IO NXIO 2BIG NOEXEC BADF CHILD AGAIN NOMEM ACCES FAULT NOTBLK BUSY EXIST XDEV NODEV NOTDIR "
    "ISDIR INVAL NFILE MFILE NOTTY TXTBSY FBIG NOSPC SPIPE ROFS MLINK PIPE DOM RANGE DEADLK NAMETOOLONG NOLCK NOSYS "
    "NOTEMPTY LOOP - NOMSG IDRM CHRNG L2NSYNC L3HLT L3RST LNRNG UNATCH NOCSI L2HLT BADE BADR XFULL NOANO BADRQC BADSLT "
    "- BFONT NOSTR NODATA TIME NOSR NONET NOPKG REMOTE NOLINK ADV SRMNT COMM PROTO MULTIHOP DOTDOT BADMSG OVERFLOW "
    "NOTUNIQ BADFD REMCHG LIBACC LIBBAD LIBSCN LIBMAX LIBEXEC ILSEQ RESTART STRPIPE USERS NOTSOCK DESTADDRREQ MSGSIZE "
    "PROTOTYPE NOPROTOOPT PROTONOSUPPORT SOCKTNOSUPPORT OPNOTSUPP PFNOSUPPORT AFNOSUPPORT ADDRINUSE ADDRNOTAVAIL "
    "NETDOWN NETUNREACH NETRESET CONNABORTED CONNRESET NOBUFS ISCONN NOTCONN SHUTDOWN TOOMANYREFS TIMEDOUT CONNREFUSED "
    "HOSTDOWN HOSTUNREACH ALREADY INPROGRESS STALE UCLEAN NOTNAM NAVAIL ISNAM REMOTEIO DQUOT NOMEDIUM MEDIUMTYPE "
    "CANCELED NOKEY KEYEXPIRED KEYREVOKED KEYREJECTED OWNERDEAD NOTRECOVERABLE RFKILL HWPOISON";

/* What a call returns that a signal interrupts (linux/errno.h), from 512 on. */
static const char restarts[] = "RESTARTSYS RESTARTNOINTR RESTARTNOHAND NOIOCTLCMD RESTART_RESTARTBLOCK";
#define FIRST_RESTART 512

static const char signals[] = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT "
                              "STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/* A word of a list, or the number. */
static void name_of(const char *list, int64_t first, int64_t number, const char *prefix, char *name, size_t room)
{
    for (int64_t left = number - first; left >= 0 && *list; left--) {
        size_t length = strcspn(list, " ");
        if (left == 0 && *list != '-') {
            snprintf(name, room, "%s%.*s", prefix, (int)length, list);
            return;
        }
        list += length + (list[length] == ' ');
    }
    snprintf(name, room, "%lld", (long long)number);
}

static void add(struct trace_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct trace_call *call, const char *format, ...)
{
    size_t room = sizeof call->text - END_ROOM;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(call->text + call->size, room - call->size, format, arguments);
    va_end(arguments);
    call->size += length > 0 ? (size_t)length : 0;
    if (call->size >= room) {
        call->size = room - 1;
        call->cut = true;
    }
}

/* ---- memory of the process ---- */

/* Up to `size` bytes, as far as they are there: pages are read one by one. */
static size_t peek(pid_t process, uint64_t address, void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        size_t part = PAGE - (address + done) % PAGE;
        if (part > size - done)
            part = size - done;
        struct iovec ours = {(char *)buffer + done, part}, theirs = {(void *)(uintptr_t)(address + done), part};
        ssize_t count = process_vm_readv(process, &ours, 1, &theirs, 1, 0);
        if (count <= 0)
            break;
        done += (size_t)count;
    }
    return done;
}

static void add_quoted(struct trace_call *call, const unsigned char *bytes, size_t size)
{
    add(call, "\"");
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '\n')
            add(call, "\\n");
        else if (bytes[i] < ' ' || bytes[i] > '~')
            add(call, "\\x%02x", bytes[i]);
        else
            add(call, bytes[i] == '"' || bytes[i] == '\\' ? "\\%c" : "%c", bytes[i]);
    add(call, "\"");
}

static void add_bytes(struct trace_call *call, pid_t process, uint64_t address, uint64_t size)
{
    unsigned char bytes[SHOWN_BYTES];
    size_t wanted = size < sizeof bytes ? (size_t)size : sizeof bytes;
    size_t count = peek(process, address, bytes, wanted);
    if (count < wanted) {
        add(call, "0x%llx", (unsigned long long)address);
        return;
    }
    add_quoted(call, bytes, count);
    if (wanted < size)
        add(call, "...");
}

/* Paths are shown as a whole, as far as the line holds them. */
static void add_string(struct trace_call *call, pid_t process, uint64_t address)
{
    unsigned char bytes[TRACE_LINE];
    size_t count = address ? peek(process, address, bytes, sizeof bytes) : 0;
    const unsigned char *end = memchr(bytes, 0, count);
    if (!address)
        add(call, "NULL");
    else if (!count)
        add(call, "0x%llx", (unsigned long long)address);
    else {
        add_quoted(call, bytes, end ? (size_t)(end - bytes) : SHOWN_BYTES < count ? SHOWN_BYTES : count);
        if (!end)
            add(call, "...");
    }
}

static void add_strings(struct trace_call *call, pid_t process, uint64_t address)
{
    uint64_t item = 0;
    add(call, "[");
    for (unsigned i = 0; i <= SHOWN_STRINGS; i++) {
        if (peek(process, address + 8 * i, &item, sizeof item) != sizeof item || !item)
            break;
        add(call, i ? ", " : "");
        if (i == SHOWN_STRINGS)
            add(call, "...");
        else
            add_string(call, process, item);
    }
    add(call, "]");
}

/* ---- calls ---- */

static void add_argument(struct trace_call *call, pid_t process, size_t i)
{
    uint64_t value = call->arguments[i];
    switch (call->entry.arguments[i]) {
    case 'f':
        if ((int)value == AT_FDCWD) {
            add(call, "AT_FDCWD");
            break;
        }
        /* fall through */
    case 'd':
        add(call, "%d", (int)value);
        break;
    case 'l':
        add(call, "%lld", (long long)value);
        break;
    case 'o':
        add(call, "%#o", (unsigned)value);
        break;
    case 's':
        add_string(call, process, value);
        break;
    case 'v':
        add_strings(call, process, value);
        break;
    case 'w':
    case 'r':
        add_bytes(call, process, value, i < 5 ? call->arguments[i + 1] : 0);
        break;
    default:
        add(call, value ? "0x%llx" : "%llu", (unsigned long long)value);
    }
}

static void add_arguments(struct trace_call *call, pid_t process, bool all)
{
    for (; call->entry.arguments[call->next]; call->next++) {
        if (!all && call->entry.arguments[call->next] == 'r')
            return;
        add(call, call->next ? ", " : "");
        add_argument(call, process, call->next);
    }
}

void trace_line_begin(struct trace_call *call, pid_t process)
{
    syscall_find(call->number, &call->entry);
    call->size = call->next = 0;
    call->cut = false;
    add(call, "olos: [%d] %s(", process, call->entry.name);
    add_arguments(call, process, false);
}

static void put(const char *text, size_t size)
{
    write_full(STDOUT_FILENO, text, size); /* there is nobody to tell of a failure */
}

/* For the end there is room, however long the arguments are. */
static void finish(struct trace_call *call, const char *end)
{
    int length = snprintf(call->text + call->size, END_ROOM, "%s%s", call->cut ? "..." : "", end);
    put(call->text, call->size + (size_t)length);
}

void trace_line_end(struct trace_call *call, pid_t process, int64_t result)
{
    char end[64], name[32];
    bool failed = result < 0 && result >= -MAX_ERRNO;
    /* A buffer holds what the call has put there. */
    if (call->entry.arguments[call->next] == 'r' && call->next < 5) {
        uint64_t size = call->arguments[call->next + 1];
        call->arguments[call->next + 1] = failed ? 0 : (uint64_t)result;
        add(call, call->next ? ", " : "");
        add_argument(call, process, call->next++);
        call->arguments[call->next] = size;
    }
    add_arguments(call, process, true);
    if (failed) {
        bool again = result <= -FIRST_RESTART;
        name_of(again ? restarts : errors, again ? FIRST_RESTART : 1, -result, "E", name, sizeof name);
        snprintf(end, sizeof end, ") = -1 %s\n", name);
    } else
        snprintf(end, sizeof end, result > UINT32_MAX ? ") = 0x%llx\n" : ") = %lld\n", (long long)result);
    finish(call, end);
}

void trace_line_end_unknown(struct trace_call *call, pid_t process)
{
    add_arguments(call, process, true);
    finish(call, ") = ?\n");
}

void trace_line_signal(pid_t process, int number)
{
    char name[32], line[96];
    name_of(signals, 1, number, "SIG", name, sizeof name);
    put(line, (size_t)snprintf(line, sizeof line, "olos: [%d] --- %s ---\n", process, name));
}

void trace_line_exit(pid_t process, int status)
{
    char name[32], line[96];
    if (WIFSIGNALED(status)) {
        name_of(signals, 1, WTERMSIG(status), "SIG", name, sizeof name);
        put(line, (size_t)snprintf(line, sizeof line, "olos: [%d] +++ killed by %s +++\n", process, name));
    } else
        put(line, (size_t)snprintf(line, sizeof line, "olos: [%d] +++ exited with %d +++\n", process,
                                   WEXITSTATUS(status)));
}

void trace_line_flush(void)
{
    tcdrain(STDOUT_FILENO);
}
