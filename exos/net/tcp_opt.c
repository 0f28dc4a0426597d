/* tcp_opt.c: socket options of TCP (Linux include/uapi/linux/tcp.h). */
#include "net/tcp_sock.h"

#include "lwip/priv/tcp_priv.h"

enum {
    TCP_NODELAY_ = 1, TCP_MAXSEG_ = 2, TCP_CORK_ = 3, TCP_KEEPIDLE_ = 4, TCP_KEEPINTVL_ = 5, TCP_KEEPCNT_ = 6, TCP_SYNCNT_ = 7,
    TCP_LINGER2_ = 8, TCP_DEFER_ACCEPT_ = 9, TCP_WINDOW_CLAMP_ = 10, TCP_QUICKACK_ = 12, TCP_USER_TIMEOUT_ = 18, TCP_FASTOPEN_ = 23,
    TCP_NOTSENT_LOWAT_ = 25,
};

#define KEEP_SECONDS_MAX 32767
#define KEEP_PROBES_MAX  127

/* The head of Linux's struct tcp_info, up to tcpi_total_retrans. */
struct lx_tcp_info {
    uint8_t state, ca_state, retransmits, probes, backoff, options, wscale, flags;
    uint32_t rto, ato, snd_mss, rcv_mss;
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
    uint32_t rcv_rtt, rcv_space, total_retrans;
};
_Static_assert(sizeof(struct lx_tcp_info) == 104, "Linux include/uapi/linux/tcp.h");

void
tcp_sock_option_apply(struct tcp_sock *s)
{
    if (s->pcb == NULL)
        return;
    inet_apply_flags((struct ip_pcb *)s->pcb, &s->base);
    if (s->state == TCP_LISTENING)
        return;
    if (s->nodelay)
        tcp_nagle_disable(s->pcb);
    else
        tcp_nagle_enable(s->pcb);
}

void
tcp_sock_option_changed(struct sock *base)
{
    net_lock_acquire();
    tcp_sock_option_apply(tcp_of(base));
    net_lock_release();
}

/* The lock is held. The keep-alive times of a connection, in seconds; a listener's pcb has no place for them. */
static int
set_keep(struct tcp_sock *s, int name, int value)
{
    if (value < 1 || value > (name == TCP_KEEPCNT_ ? KEEP_PROBES_MAX : KEEP_SECONDS_MAX))
        return -EINVAL;
    if (s->pcb == NULL || s->state == TCP_LISTENING)
        return 0;
    if (name == TCP_KEEPIDLE_)
        s->pcb->keep_idle = (u32_t)value * 1000;
    else if (name == TCP_KEEPINTVL_)
        s->pcb->keep_intvl = (u32_t)value * 1000;
    else
        s->pcb->keep_cnt = (u32_t)value;
    return 0;
}

/* Told as they were set. All but TCP_USER_TIMEOUT, which is first, change nothing. */
static const struct {
    uint8_t name;
    int32_t least, most, usual;
} kept[TCP_KEPT] = {
    { TCP_USER_TIMEOUT_, 0, INT32_MAX, 0 }, { TCP_SYNCNT_, 1, 127, 6 }, { TCP_LINGER2_, INT32_MIN, 120, 60 },
    { TCP_DEFER_ACCEPT_, INT32_MIN, INT32_MAX, 0 }, { TCP_QUICKACK_, INT32_MIN, INT32_MAX, 1 }, { TCP_WINDOW_CLAMP_, 0, INT32_MAX, 0 },
    { TCP_NOTSENT_LOWAT_, INT32_MIN, INT32_MAX, 0 },
};
#define USER_TIMEOUT 0          /* its place in `kept` */
#define DEFER_PERIOD_MAX 120    /* seconds */

static int
kept_index(int name)
{
    for (int i = 0; i < (int)TCP_KEPT; i++)
        if (kept[i].name == name)
            return i;
    return -1;
}

/* In whole retransmissions of a SYN, which come after 1, 2, 4 ... seconds. */
static int
defer_period(int seconds)
{
    int period = 0, step = 1;

    for (; period < seconds; step = MIN(2 * step, DEFER_PERIOD_MAX))
        period += step;
    return period;
}

static int
set_kept(struct tcp_sock *s, int i, int value)
{
    if (value < kept[i].least || value > kept[i].most)
        return -EINVAL;
    if (kept[i].name == TCP_QUICKACK_)
        value &= 1;
    else if (kept[i].name == TCP_LINGER2_)
        value = MAX(value, -1);
    else if (kept[i].name == TCP_DEFER_ACCEPT_)
        value = defer_period(MIN(value, INT16_MAX));
    s->kept[i] = (int32_t)((uint32_t)value - (uint32_t)kept[i].usual);
    return 0;
}

/* ---- TCP_USER_TIMEOUT: how long sent data may wait for its acknowledgement ---- */

#define LOOK_EVERY 2            /* slow timer ticks between two looks */

static err_t
look_at_progress(void *arg, struct tcp_pcb *pcb)
{
    const struct tcp_sock *s = arg;
    uint64_t limit_ns;

    if (s == NULL || s->kept[USER_TIMEOUT] == 0 || s->tx_queued == 0)
        return ERR_OK;
    limit_ns = (uint64_t)s->kept[USER_TIMEOUT] * NSEC_PER_MSEC;
    if (clock_monotonic_ns() - s->progress_ns < limit_ns)
        return ERR_OK;
    tcp_abort(pcb);             /* the socket hears ETIMEDOUT */
    return ERR_ABRT;
}

void
tcp_sock_progress(struct tcp_sock *s)
{
    if (s->kept[USER_TIMEOUT] == 0)
        return;
    s->progress_ns = clock_monotonic_ns();
    if (s->pcb != NULL)
        tcp_poll(s->pcb, look_at_progress, LOOK_EVERY);
}

/* What was held back goes, however little it is. */
static void
push(struct tcp_sock *s)
{
    if (s->pcb == NULL || s->state != TCP_CONNECTED)
        return;
    tcp_nagle_disable(s->pcb);
    (void)tcp_output(s->pcb);
    tcp_sock_option_apply(s);
}

static int
set_tcp(struct tcp_sock *s, int name, int value)
{
    switch (name) {
    case TCP_NODELAY_:
        s->nodelay = value != 0;
        tcp_sock_option_apply(s);
        if (s->nodelay && s->pcb != NULL && s->state == TCP_CONNECTED)
            (void)tcp_output(s->pcb);
        return 0;
    case TCP_KEEPIDLE_:
    case TCP_KEEPINTVL_:
    case TCP_KEEPCNT_:
        return set_keep(s, name, value);
    case TCP_MAXSEG_:
        if (value < 88 || value > 32767)
            return -EINVAL;
        if (s->pcb != NULL && s->state != TCP_LISTENING)
            s->pcb->mss = (u16_t)MIN(value, (int)s->pcb->mss);
        return 0;
    case TCP_CORK_:
        s->cork = value != 0;
        if (!s->cork)
            push(s);
        return 0;
    case TCP_FASTOPEN_:
        return 0;                   /* a hint that changes no result */
    default:
        return kept_index(name) >= 0 ? set_kept(s, kept_index(name), value) : -ENOPROTOOPT;
    }
}

int
tcp_sock_set_option(struct sock *base, int level, int name, int value)
{
    struct tcp_sock *s = tcp_of(base);
    int err = -ENOPROTOOPT;

    net_lock_acquire();
    if (level == SOL_TCP_)
        err = set_tcp(s, name, value);
    else if (level == SOL_IPV6_)
        err = s->pcb != NULL ? inet6_set_option(base, (struct ip_pcb *)s->pcb, name, value) : 0;
    else if (level == SOL_IP_)
        err = s->pcb != NULL ? inet_set_option(base, (struct ip_pcb *)s->pcb, name, value) : 0;
    net_lock_release();
    return err;
}

static int
get_tcp(const struct tcp_sock *s, int name, int *value)
{
    bool whole = s->pcb != NULL && s->state != TCP_LISTENING;

    switch (name) {
    case TCP_NODELAY_:
        *value = s->nodelay;
        return 0;
    case TCP_MAXSEG_:
        *value = whole ? s->pcb->mss : TCP_MSS;
        return 0;
    case TCP_KEEPIDLE_:
        *value = (int)(whole ? s->pcb->keep_idle / 1000 : TCP_KEEPIDLE_DEFAULT / 1000);
        return 0;
    case TCP_KEEPINTVL_:
        *value = (int)(whole ? s->pcb->keep_intvl / 1000 : TCP_KEEPINTVL_DEFAULT / 1000);
        return 0;
    case TCP_KEEPCNT_:
        *value = (int)(whole ? s->pcb->keep_cnt : TCP_KEEPCNT_DEFAULT);
        return 0;
    case TCP_CORK_:
        *value = s->cork;
        return 0;
    case TCP_FASTOPEN_:
        *value = 0;
        return 0;
    default:
        if (kept_index(name) < 0)
            return -ENOPROTOOPT;
        *value = (int)((uint32_t)s->kept[kept_index(name)] + (uint32_t)kept[kept_index(name)].usual);
        return 0;
    }
}

int
tcp_sock_get_option(struct sock *base, int level, int name, int *value)
{
    struct tcp_sock *s = tcp_of(base);
    int err = -ENOPROTOOPT;

    net_lock_acquire();
    if (level == SOL_TCP_)
        err = get_tcp(s, name, value);
    else if (level == SOL_IPV6_)
        err = s->pcb != NULL ? inet6_get_option(base, (struct ip_pcb *)s->pcb, name, value) : -ENOPROTOOPT;
    else if (level == SOL_IP_ && s->pcb != NULL)
        err = inet_get_option(base, (struct ip_pcb *)s->pcb, name, value);
    net_lock_release();
    return err;
}

/* Linux numbers TCP states otherwise than lwIP does (include/net/tcp_states.h). */
static uint8_t
linux_state(const struct tcp_sock *s)
{
    static const uint8_t table[] = { [CLOSED] = 7, [LISTEN] = 10, [SYN_SENT] = 2, [SYN_RCVD] = 3, [ESTABLISHED] = 1, [FIN_WAIT_1] = 4,
                                     [FIN_WAIT_2] = 5, [CLOSE_WAIT] = 8, [CLOSING] = 11, [LAST_ACK] = 9, [TIME_WAIT] = 6 };

    return s->pcb == NULL ? 7 : table[s->pcb->state];
}

size_t
tcp_sock_info(struct sock *base, void *out)
{
    struct tcp_sock *s = tcp_of(base);
    struct lx_tcp_info info = { .pmtu = 1500, .advmss = TCP_MSS, .rcv_mss = 536, .rcv_space = TCP_WND, .reordering = 3 };

    net_lock_acquire();
    info.state = linux_state(s);
    if (s->pcb != NULL && s->state != TCP_LISTENING) {
        const struct tcp_pcb *pcb = s->pcb;

        info.retransmits = pcb->nrtx;
        info.wscale = (uint8_t)(pcb->snd_scale | pcb->rcv_scale << 4);
        info.rto = (uint32_t)MAX(pcb->rto, 0) * TCP_SLOW_INTERVAL * 1000;
        info.snd_mss = info.rcv_mss = pcb->mss;
        info.unacked = (pcb->snd_nxt - pcb->lastack + pcb->mss - 1) / pcb->mss;
        info.rtt = (uint32_t)MAX(pcb->sa >> 3, 0) * TCP_SLOW_INTERVAL * 1000;
        info.rttvar = (uint32_t)MAX(pcb->sv >> 2, 0) * TCP_SLOW_INTERVAL * 1000;
        info.snd_ssthresh = pcb->ssthresh / pcb->mss;
        info.snd_cwnd = pcb->cwnd / pcb->mss;
    }
    net_lock_release();
    memcpy(out, &info, sizeof(info));
    return sizeof(info);
}
