/*
 * httpd.h: what the files of the web server share.
 *
 * One thread, one epoll set, a fixed pool of connections. A connection reads until it has a whole
 * request, answers it, and goes on with what else is in its buffer: requests may come in a row
 * without waiting for answers.
 */
#ifndef HTTPD_H
#define HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#define CONN_MAX          1024  /* connections at once; further ones wait in the kernel's queue */
#define REQUEST_BYTES_MAX 8192  /* request line and header fields together */
#define HEAD_BYTES_MAX    1024  /* of our answer's header */
#define PATH_BYTES_MAX    2048  /* a decoded path below the root */
#define BODY_SKIP_MAX     65536 /* of a request's body that nobody wants */
#define LISTING_BYTES_MAX 262144
#define HEADER_TIMEOUT_MS 10000 /* from a request's first byte to its last */
#define IDLE_TIMEOUT_MS   15000 /* between requests */
#define SEND_TIMEOUT_MS   60000 /* without a byte taken by the other side */
#define LINGER_TIMEOUT_MS 2000  /* for the other side to notice that we are done */
#define EVENTS_MAX        64
#define ACCEPT_BATCH      64 /* connections taken before others get their turn */
#define SEND_CHUNK        (1u << 20)
#define COPY_BYTES        65536 /* where there is no sendfile */

#define CACHE_ENTRIES   64
#define CACHE_FILE_MAX  16384 /* files up to this size are kept in memory */
#define CACHE_SETTLED_S 2     /* a file changed more recently than this is not kept */

#define HTTP_DATE_BYTES 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */

/* A piece of the request; not NUL-terminated. */
struct slice {
    const char *p;
    size_t len;
};

enum method { METHOD_GET, METHOD_HEAD, METHOD_OTHER };

struct request {
    enum method method;
    bool keep_alive;
    bool has_range;
    bool has_length;
    struct slice method_name;
    struct slice target; /* as sent, with its query */
    struct slice range;  /* value of Range */
    struct slice if_modified_since;
    struct slice if_range;
    uint64_t body_len;
    size_t head_len; /* request line, fields and the empty line */
};

/* What an answer consists of. Positions move as it is sent. */
struct answer {
    char head[HEAD_BYTES_MAX];
    size_t head_at, head_len;
    const char *body; /* memory: a cached file, an error page, a listing */
    size_t body_at, body_len;
    char *owned;           /* to be freed */
    struct cached *cached; /* to be let go */
    int file;              /* -1: none */
    off_t file_at, file_end;
};

enum conn_state { CONN_FREE, CONN_IDLE, CONN_HEADER, CONN_SENDING, CONN_LINGER };
#define CONN_STATES 5

struct conn {
    struct conn *next,
        *prev; /* in the list of its state, longest there first; free ones only by next */
    int fd;
    enum conn_state state;
    uint64_t deadline_ms;
    bool close_after;
    bool peer_closed;      /* it sends nothing more; what it has asked is still answered */
    bool waits_for_output; /* what epoll was told */
    uint64_t skip;         /* bytes of a body still to be dropped */
    size_t in_len;         /* bytes in in[] */
    size_t scanned;        /* of them, known to hold no end of header */
    struct answer out;
    char in[REQUEST_BYTES_MAX];
};

struct options {
    uint16_t port;
    const char *root;
    bool verbose;
};

extern struct options options;

/* request.c: 0 done, 1 more bytes are needed, else the status of the error. */
int
request_parse(struct request *r, const char *buf, size_t len, size_t *scanned);
#define REQUEST_MORE 1

/* path.c: 0 or the status of the error. */
int
path_decode(char *out, size_t size, struct slice target, bool *is_dir);
size_t
path_encode(char *out, size_t size, const char *path);

/* range.c */
enum range_result { RANGE_NONE, RANGE_OK, RANGE_BAD };
enum range_result
range_parse(struct slice value, uint64_t size, uint64_t *first, uint64_t *last);

/* date.c */
void
date_format(char out[HTTP_DATE_BYTES], time_t t);
bool
date_parse(struct slice value, time_t *t);
const char *
date_now(void);

/* mime.c */
const char *
mime_type(const char *path);

/* cache.c */
struct cached {
    struct stat st;
    unsigned users;   /* the table, and every answer on its way */
    const char *data; /* st.st_size bytes, behind the path */
    char path[];
};
struct cached *
cache_get(const char *path, const struct stat *st);
struct cached *
cache_load(const char *path, int fd, const struct stat *st);
void
cache_put(struct cached *c);

/* answer.c, file.c, listing.c */
void
answer_init(struct answer *a);
void
answer_clear(struct answer *a);
void
answer_head(struct conn *c, int status, const char *type, uint64_t length, const char *fields);
void
answer_error(struct conn *c, const struct request *r, int status, const char *fields);
const char *
status_text(int status);
void
answer_request(struct conn *c, const struct request *r);
char *
listing_make(const char *dir, const char *url, size_t *len);

/* send.c: true when all is sent; false: try again later, or, with *broken, the connection is gone.
 */
bool
answer_send(struct conn *c, bool *broken);

/* conn.c */
void
conn_pool_init(size_t count);
bool
conn_pool_empty(void);
bool
conn_drop_idlest(void);
void
conn_open(int fd);
void
conn_event(struct conn *c, uint32_t events);
void
conn_expire(void);
int
conn_timeout(void);

/* loop.c */
extern uint64_t now_ms;
extern int epoll_fd;
void
loop_run(int listener);
void
log_request(const struct conn *c, const struct request *r, int status);

#endif
