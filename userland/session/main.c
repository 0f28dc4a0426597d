/*
 * main.c: session: starts another library OS in a session of its own, waits for its end, and takes everything back.
 */
#include <errno.h>
#include <exos/session.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <aegis/info.h>

#define FRAMES 8192                     /* 32 MiB */
#define POSITIONS 16                    /* a quarter of the CPU */
#define POLL_NS 10000000
#define STATUS_CANNOT 125

static const char help[] =
    "usage: session [options] IMAGE [LINE...]\n"
    "       session --list\n"
    "       session --end ACCOUNT\n"
    "Starts the library OS in IMAGE (an ELF file, for example /boot/tiny.img) beside this one, in a session\n"
    "of its own: another principal, an account carved out of ours, slices. Each LINE is what it reads as typed.\n"
    "Ends when it does, with its status; then everything that it had is ours again.\n"
    "  --frames N      memory that it may have, in 4 KiB frames, half of it guaranteed (default 8192)\n"
    "  --positions N   slices of the 64 that it gets (default 16)\n"
    "  --console       it reads the console itself; ours is deaf meanwhile\n"
    "  --background    start it and leave it: --end ends it\n"
    "  --list          the sessions that run\n"
    "  --end ACCOUNT   end this one, whatever it does\n"
    "Status: the session's, 125 when it could not be started, 2 for a bad option.\n";

static struct options {
    unsigned long frames, positions;
    int console, background;
} options = { FRAMES, POSITIONS, 0, 0 };

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int
fail(const char *what)
{
    fprintf(stderr, "session: %s: %s\n", what, strerror(errno));
    return STATUS_CANNOT;
}

/* The lines as one text. NULL: there are none. */
static char *
lines_of(int count, char **line)
{
    static char text[EXOS_SESSION_TEXT_MAX + 1];

    for (int i = 0; i < count; i++)
        if (strlen(text) + strlen(line[i]) + 2 < sizeof(text))
            strcat(strcat(text, line[i]), "\n");
        else
            memset(text, '+', sizeof(text) - 1);        /* too long, which start says */
    return count > 0 ? text : NULL;
}

static int
map_file(const char *path, struct exos_session_args *args)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return -1;
    args->image_bytes = (size_t)st.st_size;
    args->image = mmap(NULL, args->image_bytes ? args->image_bytes : 1, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return args->image == MAP_FAILED ? -1 : 0;
}

static void
describe(aeg_id_t account)
{
    const volatile struct aeg_account_info *a = aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(account));

    printf("%u:%u  %llu of %llu frames\n", AEG_ID_INDEX(account), AEG_ID_GENERATION(account), (unsigned long long)a->used[AEG_KIND_FRAME],
           (unsigned long long)a->limits.limit[AEG_KIND_FRAME]);
}

/* Until it ends or somebody ends us. Its status. */
static int
wait_for(const struct exos_session *s)
{
    struct timespec pause = { .tv_nsec = POLL_NS };
    unsigned long status = STATUS_CANNOT;

    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    while (!interrupted && exos_session_look(s, &status) == EXOS_SESSION_RUNS)
        nanosleep(&pause, NULL);
    if (exos_session_end(s->account) != 0 && errno != ESRCH)
        return fail("cannot end it");
    return interrupted ? 128 + SIGINT : status > 255 ? 255 : (int)status;
}

static int
run(const char *path, int line_count, char **line)
{
    struct exos_session_args args = { .positions = (unsigned)options.positions, .text = lines_of(line_count, line) };
    struct exos_session s;

    args.console_rights = AEG_RIGHT_WRITE | (options.console ? AEG_RIGHT_READ : 0);
    args.limits.limit[AEG_KIND_FRAME] = options.frames;
    args.limits.guarantee[AEG_KIND_FRAME] = options.frames / 2;
    args.limits.limit[AEG_KIND_SPACE] = args.limits.guarantee[AEG_KIND_SPACE] = 1;
    args.limits.limit[AEG_KIND_ENV] = args.limits.guarantee[AEG_KIND_ENV] = 1;
    if (map_file(path, &args) != 0)
        return fail(path);
    if (args.text == NULL && !options.console)
        args.text = "";
    if (exos_session_start(&s, &args) != 0)
        return fail(path);
    if (options.background) {
        describe(s.account);
        return 0;
    }
    return wait_for(&s);
}

/* ---- those that run ---- */

static int
list(void)
{
    for (uint32_t i = 0; i < AEG_INFO->accounts.count; i++) {
        const volatile struct aeg_account_info *a = aeg_info_entry(&AEG_INFO->accounts, i);

        if (a->id != 0 && a->parent == exos_session_account())
            describe(a->id);
    }
    return 0;
}

static int
end(const char *text)
{
    unsigned index, generation;

    if (sscanf(text, "%u:%u", &index, &generation) != 2) {
        errno = EINVAL;
        return fail(text);
    }
    return exos_session_end(AEG_ID(index, generation)) == 0 ? 0 : fail(text);
}

static int
number(const char *text, unsigned long max, unsigned long *n)
{
    char *rest;

    *n = text ? strtoul(text, &rest, 10) : 0;
    return *n != 0 && *n <= max && *rest == '\0';
}

static int
usage(const char *word)
{
    fprintf(stderr, "session: %s\n%s", word ? word : "an image is missing", help);
    return 2;
}

int
main(int argc, char **argv)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return fputs(help, stdout) < 0;
        if (strcmp(argv[i], "--list") == 0)
            return list();
        if (strcmp(argv[i], "--end") == 0 && i + 1 < argc)
            return end(argv[i + 1]);
        if (strcmp(argv[i], "--console") == 0)
            options.console = 1;
        else if (strcmp(argv[i], "--background") == 0)
            options.background = 1;
        else if (strcmp(argv[i], "--frames") == 0 && number(argv[i + 1], UINT32_MAX, &options.frames))
            i++;
        else if (strcmp(argv[i], "--positions") == 0 && number(argv[i + 1], AEG_SLICE_POSITIONS - 1, &options.positions))
            i++;
        else
            return usage(argv[i]);
    }
    return i < argc ? run(argv[i], argc - i - 1, argv + i + 1) : usage(NULL);
}
