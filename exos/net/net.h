/*
 * net.h: the network of the session, for bring-up, the housekeeper and the other modules.
 *
 * One lock, net_lock (LOCK_RANK_NET), is around lwIP's core, the NIC and all Internet sockets. net_lock_release() first delivers what
 * was sent to ourselves and tells the NIC about what was queued.
 */
#ifndef EXOS_NET_NET_H
#define EXOS_NET_NET_H

#include "base/base.h"
#include "base/lock.h"
#include "base/wait.h"

struct netif;
struct nic;
struct nic_stats;

#define NET_DHCP_PATIENCE_NS (6 * NSEC_PER_SEC)     /* without an answer the static address below is taken; DHCP goes on */
#define NET_HOSTNAME "exos"
#define SOCK_BUFFER_USUAL 212992        /* bytes of a socket's buffers: as Linux's rmem_default and wmem_default */
#define SOCK_BUFFER_ASKED_MAX 524288    /* at most so many can be asked for */

/*
 * Starts the stack: the loopback interface, and eth0 on nic (NULL: none). The address comes from the command line:
 *   ip=ADDRESS[/BITS][:GATEWAY[:DNS]]   static
 *   ip=none                             no address on eth0
 *   otherwise, or ip=dhcp               DHCP, and 10.0.2.15/24 through 10.0.2.2 if nobody answers in time
 */
void net_init(const char *cmdline, struct nic *nic);

/*
 * Bounded due work: frames that arrived, transmits that finished, timers. Cheap when there is none. Returns when to call again at the
 * latest (monotonic ns). Takes net_lock; called by the housekeeper, at slice ends and before sleeps, with no lock held.
 */
uint64_t net_housekeep(void);

/* True when frames wait to be taken: somebody should call net_housekeep(). No lock. */
bool net_pending(void);

void net_lock_acquire(void);
void net_lock_release(void);
/* wait_sleep() on net_lock, after what we sent ourselves was delivered. May return 0 at once; the caller tests its condition again. */
int net_sleep(struct waitq *wq, uint64_t deadline_ns) MUST_USE;

/* The Ethernet interface and its NIC, or NULL. */
struct netif *net_ethernet(void);
struct nic *net_nic(void);
const struct nic_stats *net_loopback_stats(void);
/* An interface that programs do not see. */
bool net_hides(const struct netif *n);
/* As programs know it. */
const char *net_name(const struct netif *n);
#define NET_INTERFACES_MAX 3u                       /* the highest index: lo, eth0, and the hidden one */
/* Gives a page back that a queued frame may still refer to. net_lock is held. */
void net_page_free(void *page);

/* Registers /proc/net/dev, tcp, udp, route, arp and pnp (the name servers, in the form of resolv.conf). */
void net_proc_init(void);
/* The interfaces in /sys (sys_net.c). */
void net_sysfs_init(void);

#endif
