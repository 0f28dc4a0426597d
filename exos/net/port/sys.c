/* sys.c: the clock, randomness, assertions and a check of segments that lwIP's core calls for. */
#include "base/base.h"

#include "lwip/def.h"
#include "lwip/ip_addr.h"
#include "lwip/prot/tcp.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"

#include "exos_hooks.h"

#define WINDOW_MAX (1u << 30)           /* RFC 7323, 2.3 */

u32_t
sys_now(void)
{
    return (u32_t)(clock_monotonic_ns() / NSEC_PER_MSEC);
}

uint32_t
net_port_rand(void)
{
    return (uint32_t)random_u64();
}

noreturn void
net_port_assert(const char *file, int line, const char *message)
{
    library_panic(file, line, "lwip: %s", message);
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ (h >> 29);
}

u32_t
net_tcp_isn(const ip_addr_t *local_ip, u16_t local_port, const ip_addr_t *remote_ip, u16_t remote_port)
{
    static uint64_t secret[2];
    uint64_t h;

    if (secret[0] == 0)
        random_fill(secret, sizeof(secret));
    h = mix(secret[0], ((uint64_t)ip4_addr_get_u32(ip_2_ip4(local_ip)) << 32) | ip4_addr_get_u32(ip_2_ip4(remote_ip)));
    h = mix(h, ((uint64_t)local_port << 16) | remote_port);
    h = mix(h, secret[1]);
    return (u32_t)(h >> 32) + (u32_t)(clock_monotonic_ns() >> 12);     /* about 4 us a step */
}

/*
 * A segment may begin a window before or behind what is expected, no more. Beyond, and that far that before and behind are the same, the core's
 * comparisons of sequence numbers contradict each other.
 */
err_t
net_tcp_segment(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
    if (pcb->state <= SYN_SENT)
        return ERR_OK;                  /* nothing is expected yet; one that listens has no such field */
    return header->seqno - pcb->rcv_nxt + WINDOW_MAX > 2 * WINDOW_MAX ? ERR_VAL : ERR_OK;
}
