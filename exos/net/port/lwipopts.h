/*
 * lwipopts.h: how ExOS wants lwIP 2.1.3: raw API only, IPv4, one lock around the core (net_lock), memory from net/slab.c that grows
 * with use. Sizes here are bounds, not reservations.
 */
#ifndef EXOS_LWIPOPTS_H
#define EXOS_LWIPOPTS_H

/* The core is entered with net_lock held only, so it needs no protection and no threads of its own. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_COMPAT_SOCKETS 0
#define LWIP_TIMERS 1
#define LWIP_STATS 0
#define LWIP_HOOK_FILENAME "exos_hooks.h"

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ETHERNET 1
#define LWIP_ARP 1
#define LWIP_ICMP 1
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_UDPLITE 1
#define LWIP_TCP 1
#define LWIP_DHCP 1
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define DHCP_DOES_ARP_CHECK 0           /* costs a second before the first packet */
/* Only to remember the servers that DHCP names: programs resolve by themselves, so the tables are as small as they come. */
#define LWIP_DNS 1
#define DNS_TABLE_SIZE 1
#define DNS_MAX_NAME_LENGTH 8
#define DNS_MAX_SERVERS 3

#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_API 0
#define LWIP_HAVE_LOOPIF 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_LOOPBACK_MAX_PBUFS 1024
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define ETH_PAD_SIZE 0
#define ARP_TABLE_SIZE 64
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 16
#define IP_REASSEMBLY 1
#define IP_REASS_MAX_PBUFS 64
#define IP_FRAG 1
#define IP_FORWARD 0
#define IP_DEFAULT_TTL 64
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0

/* Socket options that the core implements. */
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 1
#define IP_SOF_BROADCAST 1
#define IP_SOF_BROADCAST_RECV 0
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1     /* tells the socket when its pcb ends, by whatever road */

#define TCP_MSS 1460
#define TCP_WND (256 * 1024)
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 3
#define TCP_SND_BUF (256 * 1024)
#define TCP_SND_QUEUELEN 2048           /* segments and references, u16 */
#define TCP_SNDLOWAT (TCP_SND_BUF / 8)
#define TCP_SNDQUEUELOWAT 256
#define TCP_OVERSIZE 0                  /* data is referenced where the socket staged it, never copied */
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_PBUFS 512
#define TCP_LISTEN_BACKLOG 1
#define TCP_DEFAULT_LISTEN_BACKLOG 255
#define LWIP_TCP_TIMESTAMPS 0
#define LWIP_TCP_SACK_OUT 1
#define TCP_MSL 15000ul                 /* ms; TIME_WAIT lasts twice that, or until its pcb is wanted */
#define TCP_TMR_INTERVAL 100            /* ms: delayed acknowledgements after this, retransmission in steps of twice this */

/* Memory: mem_malloc and every pool come from net/slab.c and port/memp.c. */
#define MEM_ALIGNMENT 16
#define MEM_LIBC_MALLOC 1
#define mem_clib_malloc net_mem_alloc
#define mem_clib_calloc net_mem_calloc
#define mem_clib_free net_mem_free
#define MEMP_MEM_MALLOC 0
#define MEMP_NUM_TCP_PCB 8192
#define MEMP_NUM_TCP_PCB_LISTEN 256
#define MEMP_NUM_TCP_SEG 32768
#define MEMP_NUM_UDP_PCB 1024
#define MEMP_NUM_RAW_PCB 32
#define MEMP_NUM_PBUF 32768
#define MEMP_NUM_ARP_QUEUE 128
#define MEMP_NUM_REASSDATA 16
#define MEMP_NUM_FRAG_PBUF 256
#define PBUF_POOL_SIZE 1024
#define PBUF_POOL_BUFSIZE 1536
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1    /* they compare static pools, which are not there */
#define LWIP_DISABLE_MEMP_SANITY_CHECKS 1

/* Checksums: each netif says what its device does; what is left is summed by net/chksum.c. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY 0
#define LWIP_CHKSUM net_chksum

#endif
