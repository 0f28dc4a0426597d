/*
 * main.c: options, the listening socket, and the limits.
 */
#include "httpd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      511
#define FDS_PER_CONN 2 /* its socket and the file it sends */
#define FDS_RESERVED 16

struct options options = {.port = 80, .root = "/srv/www"};

static const char help[] =
    "usage: httpd [-p PORT] [-r ROOT] [-v]\n"
    "Serves the files below ROOT by HTTP/1.1.\n"
    "  -p PORT  listen on this port (80)\n"
    "  -r ROOT  the directory to serve (/srv/www); symbolic links are followed\n"
    "  -v       a line on standard error for each request\n";

static _Noreturn void
die(const char *what, const char *why, const char *advice)
{
    fprintf(stderr, "httpd: %s: %s%s\n", what, why, advice);
    exit(1);
}

static uint16_t
parse_port(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || n < 1 || n > 65535)
        die(text, "not a port", " (1 to 65535)");
    return (uint16_t)n;
}

static void
parse_options(int argc, char **argv)
{
    int opt;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        exit(0);
    }
    while ((opt = getopt(argc, argv, "p:r:v")) != -1) {
        if (opt == 'p')
            options.port = parse_port(optarg);
        else if (opt == 'r')
            options.root = optarg;
        else if (opt == 'v')
            options.verbose = true;
        else
            exit(2);
    }
    if (optind < argc)
        die(argv[optind], "not an option", " (try --help)");
}

static int
listen_on(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    char name[32];

    snprintf(name, sizeof(name), "port %u", port);
    if (fd < 0)
        die("no network", strerror(errno), "");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* connections inherit it */
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
        die(name, strerror(errno),
            errno == EADDRINUSE ? ": another server has it; choose a free one with -p" : "");
    return fd;
}

/* As many connections as there are descriptors for. */
static size_t
conn_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0)
        return CONN_MAX;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= FDS_PER_CONN * CONN_MAX + FDS_RESERVED)
        return CONN_MAX;
    return l.rlim_cur > FDS_RESERVED + FDS_PER_CONN ? (l.rlim_cur - FDS_RESERVED) / FDS_PER_CONN
                                                    : 1;
}

int
main(int argc, char **argv)
{
    int listener;

    parse_options(argc, argv);
    if (chdir(options.root) < 0)
        die(options.root, strerror(errno), ": choose another directory with -r");
    signal(SIGPIPE, SIG_IGN);
    conn_pool_init(conn_limit());
    listener = listen_on(options.port);
    if (options.verbose)
        fprintf(stderr, "httpd: serving %s on port %u\n", options.root, options.port);
    loop_run(listener);
}
