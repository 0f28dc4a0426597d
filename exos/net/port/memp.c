/*
 * memp.c: lwIP's typed pools, in place of lwIP's own core/memp.c.
 *
 * Holds:    one slab cache per type: memory is taken when used and given back when not; MEMP_NUM_* are upper bounds.
 * Locks:    net_lock, like everything in the core.
 * Also:     keeps TIME_WAIT pcbs from piling up: past TCP_PCB_SOFT_LIMIT the first attempt to get a pcb fails while any waits, upon
 *           which the core recycles the oldest of them and asks again.
 */
#include "net/slab.h"

#include "lwip/memp.h"
/* The sizes of the types that memp_std.h names. */
#include "lwip/altcp.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ip4_frag.h"
#include "lwip/netbuf.h"
#include "lwip/pbuf.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/priv/tcpip_priv.h"
#include "lwip/raw.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"

#include "netif/ppp/ppp_opts.h"

#define TCP_PCB_SOFT_LIMIT 256

static struct slab_cache pools[MEMP_MAX] = {
#define LWIP_MEMPOOL(name, num, size, desc) [MEMP_##name] = SLAB_CACHE_INIT(size, num),
#include "lwip/priv/memp_std.h"
};

void
memp_init(void)
{
    for (unsigned i = 0; i < MEMP_MAX; i++)
        slab_cache_init(&pools[i]);
}

static bool
recycle_first(memp_t type)
{
    return type == MEMP_TCP_PCB && pools[type].used >= TCP_PCB_SOFT_LIMIT && tcp_tw_pcbs != NULL;
}

void *
memp_malloc(memp_t type)
{
    return recycle_first(type) ? NULL : slab_alloc(&pools[type]);
}

void
memp_free(memp_t type, void *mem)
{
    (void)type;
    if (mem != NULL)
        slab_free(mem);
}
